//! Principals, as the command line asks for them.

use hyper::Method;

use super::{ClientError, Conversation, NOTHING, escape, query};
use crate::admin::wire::Address;
use crate::admin::wire::principals::{
    AddressPage, Enrolled, Enrolments, NewPrincipal, PlacedPrincipal, Principal, PrincipalChange,
    PrincipalPage, PrincipalQuery,
};
use crate::cli::consent::Trial;

impl Conversation {
    pub(in crate::cli) async fn principals(
        &mut self,
        query: &PrincipalQuery,
    ) -> Result<PrincipalPage, ClientError> {
        let mut path = "/principals?".to_owned();
        let kind = query.kind.map(|kind| kind.as_str().to_owned());
        for (name, value) in [("kind", &kind), ("words", &query.words), ("after", &query.after)] {
            if let Some(value) = value {
                path.push_str(&format!("{name}={}&", escape(value)));
            }
        }
        self.ask(Method::GET, &path, NOTHING).await
    }

    pub(in crate::cli) async fn principal(&mut self, address: &str) -> Result<PlacedPrincipal, ClientError> {
        self.ask(Method::GET, &principal_path(address, ""), NOTHING).await
    }

    pub(in crate::cli) async fn members_of(
        &mut self,
        group: &str,
        after: Option<&str>,
    ) -> Result<PrincipalPage, ClientError> {
        let path = principal_path(group, &format!("/members{}", after_query(after)));
        self.ask(Method::GET, &path, NOTHING).await
    }

    pub(in crate::cli) async fn users_of(
        &mut self,
        principal: &str,
        after: Option<&str>,
    ) -> Result<AddressPage, ClientError> {
        let path = principal_path(principal, &format!("/users{}", after_query(after)));
        self.ask(Method::GET, &path, NOTHING).await
    }

    pub(in crate::cli) async fn make_principal(
        &mut self,
        new: &NewPrincipal,
        trial: Trial,
    ) -> Result<Principal, ClientError> {
        let path = format!("/principals{}", query([trial.parameter()]));
        self.ask(Method::POST, &path, Some(new)).await
    }

    pub(in crate::cli) async fn rename_principal(
        &mut self,
        address: &str,
        change: &PrincipalChange,
        trial: Trial,
    ) -> Result<Principal, ClientError> {
        let path = principal_path(address, &query([trial.parameter()]));
        self.ask(Method::PATCH, &path, Some(change)).await
    }

    pub(in crate::cli) async fn remove_principal(
        &mut self,
        address: &str,
        trial: Trial,
    ) -> Result<Address, ClientError> {
        let path = principal_path(address, &query([trial.parameter()]));
        self.ask(Method::DELETE, &path, NOTHING).await
    }

    pub(in crate::cli) async fn admit(
        &mut self,
        group: &str,
        member: &str,
        trial: Trial,
    ) -> Result<Address, ClientError> {
        let path = member_path(group, member, trial);
        self.ask(Method::PUT, &path, NOTHING).await
    }

    pub(in crate::cli) async fn dismiss(
        &mut self,
        group: &str,
        member: &str,
        trial: Trial,
    ) -> Result<Address, ClientError> {
        let path = member_path(group, member, trial);
        self.ask(Method::DELETE, &path, NOTHING).await
    }

    pub(in crate::cli) async fn enroll(
        &mut self,
        enrolments: &Enrolments,
        trial: Trial,
    ) -> Result<Enrolled, ClientError> {
        let path = format!("/enrolments{}", query([trial.parameter()]));
        self.ask(Method::POST, &path, Some(enrolments)).await
    }
}

fn principal_path(address: &str, rest: &str) -> String {
    format!("/principals/{}{rest}", escape(address))
}

fn member_path(group: &str, member: &str, trial: Trial) -> String {
    principal_path(group, &format!("/members/{}{}", escape(member), query([trial.parameter()])))
}

fn after_query(after: Option<&str>) -> String {
    after.map_or_else(String::new, |after| format!("?after={}", escape(after)))
}
