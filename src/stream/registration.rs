//! An account for somebody who has none (XEP-0077), where the operator allows it.

use std::net::IpAddr;

use perch_address::{AddressError, BareJid};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Stanza, error_reply, iq_result};
use perch_xmpp::xml::Element;

use crate::auth::{Accounts, AddError, RegisterError, Registration};

/// Answers a request that came before authentication.
pub(super) async fn register(accounts: &Accounts, request: &Stanza, peer: IpAddr) -> Element {
    let answered = match request.type_.as_deref() {
        _ if accounts.registration() == Registration::Off => Err(StanzaCondition::NotAllowed),
        Some("get") => Ok(Some(form())),
        Some("set") => create(accounts, request, peer).await.map(|()| None),
        _ => Err(StanzaCondition::BadRequest),
    };
    match answered {
        Ok(payload) => iq_result(request, payload),
        Err(condition) => error_reply(request, condition.usual_type(), condition, None, None)
            .unwrap_or_else(|| iq_result(request, None)),
    }
}

fn form() -> Element {
    let instructions = "Choose a name and a password for your account here.";
    Element::new("query", namespace::REGISTER).with_children([
        Element::new("instructions", namespace::REGISTER).with_text(instructions),
        Element::new("username", namespace::REGISTER),
        Element::new("password", namespace::REGISTER),
    ])
}

async fn create(accounts: &Accounts, request: &Stanza, peer: IpAddr) -> Result<(), StanzaCondition> {
    let query = request.child("query", namespace::REGISTER).ok_or(StanzaCondition::BadRequest)?.element();
    let text = |name: &str| query.child_text(name, namespace::REGISTER).filter(|text| !text.is_empty());
    // Who is not signed in has nothing to remove (XEP-0077 §3.2).
    if query.child("remove", namespace::REGISTER).is_some() {
        return Err(StanzaCondition::UnexpectedRequest);
    }
    let (Some(name), Some(password)) = (text("username"), text("password")) else {
        return Err(StanzaCondition::NotAcceptable);
    };
    let address = address(&name, accounts.domain()).map_err(|_malformed| StanzaCondition::NotAcceptable)?;
    match accounts.register(&address, password, peer).await {
        Ok(_) => Ok(()),
        Err(RegisterError::Off) => Err(StanzaCondition::NotAllowed),
        Err(RegisterError::TooMany(_)) => Err(StanzaCondition::ResourceConstraint),
        Err(RegisterError::Add(AddError::NameTaken)) => Err(StanzaCondition::Conflict),
        Err(RegisterError::Add(AddError::NotOurs | AddError::Password(_))) => {
            Err(StanzaCondition::NotAcceptable)
        }
        Err(RegisterError::Add(AddError::Store(_))) => Err(StanzaCondition::InternalServerError),
    }
}

fn address(name: &str, domain: &BareJid) -> Result<BareJid, AddressError> {
    BareJid::from_parts(Some(name), domain.domain())
}
