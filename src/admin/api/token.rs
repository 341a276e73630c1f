//! Tokens: who has which, and what each is good for.

use std::time::Duration;

use serde_json::json;

use super::{Admin, AdminError, Page, Target, page_limit};
use crate::admin::caller::{Caller, Who};
use crate::admin::rights::Operation;
use crate::auth::TokenText;
use crate::chat::administration::ActNumber;
use crate::chat::administration::scope::Scope;
use crate::chat::id::Timestamp;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;
use crate::store::administration::token::{Holder, NewHolder, NewToken, StoredToken};

/// Whose a token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HolderName {
    /// Whoever asks for it.
    Asker,
    /// By address, or by name alone.
    Account(String),
    Service(String),
}

/// A token as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEntry {
    pub number: ActNumber,
    pub holder: Who,
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A token that was just made: its text is known this once.
#[derive(Debug, Clone)]
pub struct MadeToken {
    pub entry: TokenEntry,
    pub text: TokenText,
}

impl Admin {
    /// Makes a token that is good for `scopes` and for that long.
    pub async fn add_token(
        &self,
        caller: &Caller,
        holder: HolderName,
        mut scopes: Vec<Scope>,
        lifetime: Duration,
    ) -> Result<MadeToken, AdminError> {
        let holder = self.holder(caller, holder)?;
        let target = target(&holder);
        let act = self.may_do(caller, Operation::AddToken, target, &holder).await?;
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(AdminError::NoScopes);
        }
        if !(LIFETIME_MIN..=LIFETIME_MAX).contains(&lifetime) {
            return Err(AdminError::BadExpiry);
        }
        // A number that was only tried will be that of another act.
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let new_holder = match &holder {
            Who::Account(address) => {
                let account = self.accounts.find(address).await?.ok_or(AdminError::NoSuchAccount)?;
                NewHolder::Account(account.id)
            }
            Who::Service(name) => NewHolder::Service(name.clone()),
            Who::Operator => return Err(AdminError::BadHolder),
        };
        let secret: [u8; 32] = rand::random();
        let expires_at = act.at.plus(lifetime);
        let new = NewToken {
            holder: new_holder,
            hash: TokenText::hash(&secret),
            scopes: scopes.clone(),
            created_at: act.at,
            expires_at,
        };
        let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let became = json!({ "scopes": names, "expires_at": expires_at.0 }).to_string();
        let created_at = act.at;
        let number = self.administer(Deed::AddToken(new), Act { became: Some(became.into()), ..act }).await?;
        let entry = TokenEntry { number, holder, scopes, created_at, expires_at };
        Ok(MadeToken { entry, text: TokenText::new(number, secret) })
    }

    /// The tokens of an account, or of everybody; in the order in which they were made.
    pub async fn tokens(
        &self,
        caller: &Caller,
        account: Option<&str>,
        after: Option<ActNumber>,
        limit: Option<u32>,
    ) -> Result<Page<TokenEntry>, AdminError> {
        let account = account.map(|account| self.address(account)).transpose()?;
        let target = account.as_ref().map_or(Target::Pool, Target::Account);
        self.may_see(caller, Operation::ListTokens, target).await?;
        let account = match account {
            Some(address) => Some(self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?.id),
            None => None,
        };
        let limit = page_limit(limit);
        let tokens = self.store.tokens(account, after.unwrap_or(ActNumber(0)), limit + 1).await?;
        let tokens: Result<_, _> = tokens.into_iter().map(|token| self.entry(token)).collect();
        Ok(Page::of(tokens?, limit, |token| token.number.0.to_string()))
    }

    /// From now on it proves nothing.
    pub async fn revoke_token(&self, caller: &Caller, number: ActNumber) -> Result<TokenEntry, AdminError> {
        let found = match self.store.token(number).await? {
            Some(found) => Some(self.entry(found)?),
            None => None,
        };
        // Who may revoke only his own is not told which others there are.
        let target = found.as_ref().map_or(Target::Service, |entry| target(&entry.holder));
        let act = self.may_do(caller, Operation::RevokeToken, target, number.0).await?;
        let entry = found.ok_or(AdminError::NotThere)?;
        let was = json!({ "holder": entry.holder.to_string() }).to_string();
        self.administer(Deed::RemoveToken(number), Act { was: Some(was.into()), ..act }).await?;
        Ok(entry)
    }

    fn holder(&self, caller: &Caller, name: HolderName) -> Result<Who, AdminError> {
        Ok(match name {
            HolderName::Asker => caller.who.clone(),
            HolderName::Account(address) => Who::Account(self.address(&address)?),
            HolderName::Service(name) if is_service(&name) => Who::Service(name.into()),
            HolderName::Service(_) => return Err(AdminError::BadHolder),
        })
    }

    fn entry(&self, token: StoredToken) -> Result<TokenEntry, AdminError> {
        let holder = match token.holder {
            Holder::Account { name, .. } => Who::Account(self.address(&name)?),
            Holder::Service(name) => Who::Service(name),
        };
        let StoredToken { number, scopes, created_at, expires_at, .. } = token;
        Ok(TokenEntry { number, holder, scopes, created_at, expires_at })
    }
}

fn target(holder: &Who) -> Target<'_> {
    match holder {
        Who::Account(address) => Target::Account(address),
        Who::Service(_) | Who::Operator => Target::Service,
    }
}

/// Whether it names a program in the audit log, and cannot be taken for anything else there.
fn is_service(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=SERVICE_NAME_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Letters of a service's name.
pub const SERVICE_NAME_MAX: usize = 64;

const LIFETIME_MIN: Duration = Duration::from_secs(60);

/// A year, with its leap day.
pub const LIFETIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
