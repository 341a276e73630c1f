//! Who is asking: what a token proves, and what a password does.

use std::net::IpAddr;

use super::{Admin, AdminError};
use crate::admin::caller::{Caller, Origin, Token, Who};
use crate::auth::TokenText;
use crate::store::administration::token::Holder;

impl Admin {
    /// Whoever shows that token, from there.
    pub async fn by_token(&self, text: &str, peer: IpAddr) -> Result<Caller, AdminError> {
        let shown = TokenText::parse(text).ok_or(AdminError::Unauthenticated)?;
        let found = self.store.token(shown.number).await?;
        let is_good = |expires_at| self.clock.now() < expires_at;
        let found = found.filter(|found| shown.is_of(&found.hash) && is_good(found.expires_at));
        let found = found.ok_or(AdminError::Unauthenticated)?;
        let who = match found.holder {
            Holder::Account { name, .. } => Who::Account(self.address(&name)?),
            Holder::Service(name) => Who::Service(name),
        };
        let token = Token { number: found.number, scopes: found.scopes };
        Ok(Caller { token: Some(token), ..Caller::new(who, Origin::Network(peer)) })
    }

    /// Whoever knows that password, from there. Guesses are limited as they are at any sign-in.
    pub async fn by_password(
        &self,
        name: &str,
        password: String,
        peer: IpAddr,
    ) -> Result<Caller, AdminError> {
        // What is no address of an account is one that nobody has.
        let address = self.address(name).map_err(|_| AdminError::Unauthenticated)?;
        self.accounts.verify(&address, password, peer).await?;
        Ok(Caller::new(Who::Account(address), Origin::Network(peer)))
    }
}
