//! The operations, each with its caller: what the caller may do is decided here, before anything is done.
//!
//! | module | what |
//! |---|---|
//! | [`sign_in`] | who is asking |
//! | [`user`], [`token`], [`role`] | who may sign in, with what, and as what |
//! | [`pool`] | the members of the pool |
//! | [`principals`] | who belongs where |
//! | [`category`], [`room`], [`rooms`] | for whom rooms are, and the rooms |
//! | [`messages`] | what was said |
//! | [`policy`], [`configuration`], [`addin`] | what holds for all rooms |
//! | [`audit`] | who did what |
//! | [`error`] | why something was not done |

pub mod addin;
pub mod audit;
pub mod category;
pub mod configuration;
pub mod error;
pub mod messages;
pub mod policy;
pub mod pool;
pub mod principals;
pub mod role;
pub mod room;
pub mod rooms;
pub mod sign_in;
pub mod token;
pub mod user;

use std::fmt::Display;
use std::sync::Arc;

use perch_address::{BareJid, FullJid};
use tracing::{info, warn};

use super::caller::{Caller, Who};
use super::rights::{Operation, Rank, Whose, permits};
use crate::auth::{Accounts, Meters};
use crate::chat::administration::level::Here;
use crate::chat::administration::role::Role;
use crate::chat::administration::{ActNumber, Versioned};
use crate::chat::command::Actor;
use crate::chat::id::SessionId;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::pool::Pool;
use crate::room::Rooms;
use crate::store::Store;
use crate::store::administration::Deed;
use crate::store::administration::act::{Act, Outcome};

pub use error::AdminError;

/// The administration of this pool; cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin {
    store: Store,
    accounts: Accounts,
    pool: Pool,
    directory: Directory,
    rooms: Rooms,
    clock: Clock,
    here: Here,
    /// How many refusals of whom the audit log gets.
    refusals: Arc<Meters<Box<str>>>,
}

/// What an operation is about, as far as rights go.
#[derive(Debug, Clone, Copy)]
enum Target<'a> {
    Account(&'a BareJid),
    /// A program with a token of its own.
    Service,
    Pool,
}

/// On which version of an object a change rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Whatever it is by now.
    Any,
    /// It is not there yet.
    New,
    /// It is there, whatever it is by now.
    Present,
    /// It is as one of these acts left it.
    Versions(Vec<ActNumber>),
}

/// Some of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Behind what the next page begins, if there is more.
    pub next: Option<String>,
}

impl Admin {
    /// `here`: which pool and site this is.
    pub fn new(
        store: Store,
        accounts: Accounts,
        pool: Pool,
        directory: Directory,
        rooms: Rooms,
        clock: Clock,
        here: Here,
    ) -> Self {
        let refusals = Arc::new(Meters::new(REFUSALS_PER_MINUTE));
        Self { store, accounts, pool, directory, rooms, clock, here, refusals }
    }

    /// How a room knows who asks. Whoever has no address of his own speaks for the domain.
    async fn actor(&self, caller: &Caller) -> Result<Actor, AdminError> {
        let who = match &caller.who {
            Who::Operator | Who::Service(_) => self.accounts.domain(),
            Who::Account(address) => address,
        };
        let jid: FullJid = who.with_resource(RESOURCE)?;
        let is_administrator = self.is_ranked(caller, Operation::RemoveRoom).await?;
        Ok(Actor { session: SessionId(0), jid, is_administrator, origin: None })
    }

    /// Whether the caller may do that in the pool: for whoever shows people what they may ask for.
    pub async fn is_permitted(&self, caller: &Caller, operation: Operation) -> Result<bool, AdminError> {
        match self.authorize(caller, operation, Target::Pool).await {
            Ok(()) => Ok(true),
            Err(AdminError::Forbidden | AdminError::OutOfScope(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the caller may see that.
    async fn may_see(
        &self,
        caller: &Caller,
        operation: Operation,
        target: Target<'_>,
    ) -> Result<(), AdminError> {
        self.authorize(caller, operation, target).await
    }

    /// Whether the caller may do that: the act as the audit log will have it. A refusal is in the log, too.
    async fn may_do(
        &self,
        caller: &Caller,
        operation: Operation,
        target: Target<'_>,
        object: impl Display,
    ) -> Result<Act, AdminError> {
        let act = Act {
            at: self.clock.now(),
            who: caller.who.to_string().into(),
            origin: caller.origin.to_string().into(),
            token: caller.token.as_ref().map(|token| token.number),
            operation: operation.as_str(),
            object: shortened(object.to_string()).into(),
            was: None,
            became: None,
            outcome: Outcome::Done,
            is_trial: caller.is_trial,
        };
        match self.authorize(caller, operation, target).await {
            Ok(()) => Ok(act),
            Err(refusal @ (AdminError::Forbidden | AdminError::OutOfScope(_))) => {
                self.log_refusal(act).await?;
                Err(refusal)
            }
            Err(error) => Err(error),
        }
    }

    /// The one place where rights to administer are decided.
    async fn authorize(
        &self,
        caller: &Caller,
        operation: Operation,
        target: Target<'_>,
    ) -> Result<(), AdminError> {
        let whose = self.whose(caller, target).await?;
        if !self.ranks(caller).await?.into_iter().any(|rank| permits(rank, operation, whose)) {
            return Err(AdminError::Forbidden);
        }
        match operation.scope() {
            scope if caller.has_scope(scope) => Ok(()),
            scope => Err(AdminError::OutOfScope(scope)),
        }
    }

    /// Whether the caller is one who may do that in the pool, with whatever token he asks. What he asks for has been looked at
    /// already: this is about how far it reaches.
    async fn is_ranked(&self, caller: &Caller, operation: Operation) -> Result<bool, AdminError> {
        Ok(self.ranks(caller).await?.into_iter().any(|rank| permits(rank, operation, Whose::Other)))
    }

    async fn ranks(&self, caller: &Caller) -> Result<Vec<Rank>, AdminError> {
        Ok(match &caller.who {
            Who::Operator | Who::Service(_) => vec![Rank::Operator],
            Who::Account(address) => {
                let roles = self.roles_of(address).await?.into_iter().map(Rank::Role);
                roles.chain([Rank::User]).collect()
            }
        })
    }

    async fn whose(&self, caller: &Caller, target: Target<'_>) -> Result<Whose, AdminError> {
        Ok(match (target, &caller.who) {
            (Target::Pool, _) => Whose::Other,
            (Target::Service, _) => Whose::Privileged,
            (Target::Account(address), Who::Account(asker)) if address == asker => Whose::Own,
            (Target::Account(address), _) if self.roles_of(address).await?.is_empty() => Whose::Other,
            (Target::Account(_), _) => Whose::Privileged,
        })
    }

    /// Those that were granted, and that of whom the configuration calls an administrator.
    async fn roles_of(&self, address: &BareJid) -> Result<Vec<Role>, AdminError> {
        let mut roles = match address.local() {
            Some(name) if address.domain() == self.accounts.domain().domain() => {
                self.store.roles_of(name).await?
            }
            _ => Vec::new(),
        };
        if self.accounts.is_admin(address) && !roles.contains(&Role::Administrator) {
            roles.push(Role::Administrator);
        }
        Ok(roles)
    }

    /// Whoever may do little may also be refused little: he does not fill the log.
    async fn log_refusal(&self, act: Act) -> Result<(), AdminError> {
        let Act { who, operation, object, .. } = &act;
        warn!(%who, operation, %object, "refused: there is no right to it");
        if act.is_trial || self.refusals.charge(who.clone(), act.at).is_err() {
            return Ok(());
        }
        self.store.administer(Deed::Elsewhere, Act { outcome: Outcome::Forbidden, ..act }).await?;
        Ok(())
    }

    /// Does it, with its line in the audit log.
    async fn administer(&self, deed: Deed, act: Act) -> Result<ActNumber, AdminError> {
        let (who, operation, object) = (act.who.clone(), act.operation, act.object.clone());
        let is_trial = act.is_trial;
        let number = self.store.administer(deed, act).await?;
        if !is_trial {
            info!(%who, operation, %object, number = number.0, "administered");
        }
        Ok(number)
    }

    /// The account that `text` means: a whole address of this server's, or a name.
    fn address(&self, text: &str) -> Result<BareJid, AdminError> {
        let domain = self.accounts.domain().domain();
        let address = match text.contains('@') {
            true => BareJid::new(text)?,
            false => BareJid::from_parts(Some(text), domain)?,
        };
        if address.local().is_some() && address.domain() == domain {
            Ok(address)
        } else {
            Err(AdminError::NotOurs)
        }
    }
}

impl Condition {
    /// The version on which a change rests of what has `current` now: None where it makes something new.
    fn expected<T>(&self, current: Option<&Versioned<T>>) -> Result<Option<ActNumber>, AdminError> {
        let current = current.map(|found| found.version);
        let holds = match self {
            Self::Any => true,
            Self::New => current.is_none(),
            Self::Present => current.is_some(),
            // 0 is the version of what nobody has set.
            Self::Versions(versions) => versions.contains(&current.unwrap_or(ActNumber(0))),
        };
        if holds { Ok(current) } else { Err(AdminError::Stale) }
    }
}

impl<T> Page<T> {
    /// From a list that was asked for with one more than `limit`: that one tells whether there is more.
    fn of(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Self { next: items.last().filter(|_| has_more).map(place), items }
    }
}

/// What is refused may be anything.
fn shortened(mut object: String) -> String {
    object.truncate(object.floor_char_boundary(OBJECT_BYTES_MAX));
    object
}

/// How long a page is, of whom somebody wants `limit`.
fn page_limit(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)
}

/// The longest page of a list.
pub const PAGE_MAX: u32 = 1000;

/// What an administrator is called beside his address.
const RESOURCE: &str = "administration";

/// Of what an act is about the audit log has the beginning.
const OBJECT_BYTES_MAX: usize = 1024;

/// Of one asker. More are in the server's log alone.
const REFUSALS_PER_MINUTE: u32 = 60;

#[cfg(test)]
mod tests;
