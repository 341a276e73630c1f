//! What administrators do, and the log of it. A deed and its line in the audit log are committed together or not at all:
//! there is no other way to do one of these.
//!
//! Written once for all engines, in SQL that both understand, on a [`Connection`] of either's.
//!
//! | module | what |
//! |---|---|
//! | [`act`] | who did what, and the log of it |
//! | [`account`], [`token`], [`role`] | who may sign in, with what, and as what |
//! | [`category`] | for whom rooms are |
//! | [`policy`], [`configuration`], [`addin`] | what holds for all rooms |

pub mod account;
pub mod act;
pub mod addin;
pub mod category;
pub mod configuration;
pub mod policy;
pub mod role;
pub mod token;

use perch_address::BareJid;
use thiserror::Error;
use tracing::instrument;

use crate::chat::administration::ActNumber;
use crate::chat::administration::addin::Addin;
use crate::chat::administration::configuration::Configuration;
use crate::chat::administration::level::Level;
use crate::chat::administration::policy::Policy;
use crate::chat::administration::role::Role;
use crate::chat::category::{CategoryId, CategoryText};
use crate::chat::id::AccountId;
use crate::chat::principal::Change;
use crate::store::Store;
use crate::store::account::{DigestKeys, NewAccount, ScramRow};
use crate::store::connection::Connection;
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::principal;

use act::Act;
use token::NewToken;

/// A change that an administrator makes. `expected` is the version that it was decided against; None where the object is
/// not there yet.
#[derive(Debug, Clone)]
pub enum Deed {
    AddAccount(NewAccount),
    /// Whoever had another password has no tokens any more.
    SetCredentials {
        account: AccountId,
        credentials: Vec<ScramRow>,
        digest: Option<DigestKeys>,
    },
    /// A disabled account has no tokens any more.
    SetAccountDisabled {
        account: AccountId,
        address: BareJid,
        is_disabled: bool,
    },
    /// With its keys, tokens, roles and grants, its place in groups and units, and what its address may in rooms and
    /// categories. The name may be given again, the id never is. What somebody is kept from stays forbidden to the name, or
    /// he would only have to register anew.
    RemoveAccount {
        account: AccountId,
        address: BareJid,
    },
    AddToken(NewToken),
    RemoveToken(ActNumber),
    GrantRole {
        account: AccountId,
        role: Role,
    },
    RevokeRole {
        account: AccountId,
        role: Role,
    },
    PutPolicy {
        policy: Policy,
        expected: Option<ActNumber>,
    },
    /// `is_forced`: those to whom it was granted have none then.
    RemovePolicy {
        level: Level,
        expected: ActNumber,
        is_forced: bool,
    },
    /// None takes what was granted away.
    GrantPolicy {
        account: AccountId,
        level: Option<Level>,
    },
    PutConfiguration {
        configuration: Configuration,
        expected: Option<ActNumber>,
    },
    RemoveConfiguration {
        level: Level,
        expected: ActNumber,
    },
    AddCategory(CategoryText),
    ChangeCategory {
        id: CategoryId,
        becomes: CategoryText,
        expected: ActNumber,
    },
    RemoveCategory {
        id: CategoryId,
        expected: ActNumber,
    },
    AddAddin(Addin),
    ChangeAddin {
        number: ActNumber,
        addin: Addin,
        expected: ActNumber,
    },
    /// `is_forced`: rooms that have it have none then.
    RemoveAddin {
        number: ActNumber,
        expected: ActNumber,
        is_forced: bool,
    },
    /// All of it, or nothing.
    ChangePrincipals(Vec<Change>),
    /// What was done already, or refused: only the line is written.
    Elsewhere,
}

impl Deed {
    /// Whether rights, or what else holds for all rooms, are others after it.
    pub(super) fn moves_rights(&self) -> bool {
        matches!(
            self,
            Self::AddAccount(_)
                | Self::SetAccountDisabled { .. }
                | Self::RemoveAccount { .. }
                | Self::AddCategory(_)
                | Self::ChangeCategory { .. }
                | Self::RemoveCategory { .. }
                | Self::ChangePrincipals(_)
                | Self::PutPolicy { .. }
                | Self::RemovePolicy { .. }
                | Self::GrantPolicy { .. }
                | Self::PutConfiguration { .. }
                | Self::RemoveConfiguration { .. }
        )
    }
}

/// Why a deed was not done. Nothing of it was written, unless [`StoreError::Unknown`] leaves it open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeedError {
    #[error("what it is about is not there")]
    NotThere,
    #[error("the name is taken")]
    NameTaken,
    #[error("somebody else has changed it meanwhile")]
    Stale,
    #[error("it is in use: {0} times")]
    InUse(u64),
    #[error("there are too many of them already")]
    TooMany,
    #[error("another member does this by now")]
    OffDuty,
    #[error(transparent)]
    Principal(PrincipalError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeedError {
    /// Whether it may have been done all the same.
    pub(crate) fn leaves_open(&self) -> bool {
        matches!(self, Self::Store(error) if error.leaves_open())
    }
}

impl From<PrincipalError> for DeedError {
    fn from(error: PrincipalError) -> Self {
        match error {
            PrincipalError::OffDuty => Self::OffDuty,
            PrincipalError::Store(error) => Self::Store(error),
            error => Self::Principal(error),
        }
    }
}

/// Why nothing is written.
#[derive(Debug)]
pub(super) enum Undone {
    Refused(DeedError),
    /// It was only to be seen whether it can be done.
    Tried(ActNumber),
}

/// What becomes true with the commit.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) number: ActNumber,
    /// The version of the rights by then, where the deed can have moved them.
    pub(super) rights: Option<i64>,
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl Store {
    /// Does it and logs it. Gives the number of the act; where the act is only a trial, nothing is written, and the
    /// number will be another one's.
    #[instrument(skip_all)]
    pub async fn administer(&self, deed: Deed, act: Act) -> Result<ActNumber, DeedError> {
        self.perform(deed, act, None).await
    }

    /// The same, as part of a duty.
    #[instrument(skip_all)]
    pub async fn administer_on_duty(&self, deed: Deed, act: Act, duty: Duty) -> Result<ActNumber, DeedError> {
        self.perform(deed, act, Some(duty)).await
    }

    async fn perform(&self, deed: Deed, act: Act, duty: Option<Duty>) -> Result<ActNumber, DeedError> {
        let done: Result<ActNumber, Undone> =
            ask_lasting!(self, engine => engine.administer(deed, act, duty).await);
        match done {
            Ok(number) | Err(Undone::Tried(number)) => Ok(number),
            Err(Undone::Refused(refusal)) => Err(refusal),
        }
    }
}

/// Inside a transaction, which is to be undone unless the inner result is good.
pub(super) async fn perform<C: Connection>(
    connection: &mut C,
    deed: &Deed,
    act: &Act,
) -> Result<Result<Done, Undone>, StoreError> {
    let number = act::log(connection, act).await?;
    let done = match deed {
        Deed::AddAccount(new) => account::add(connection, new).await?,
        Deed::SetCredentials { account, credentials, digest } => {
            account::set_credentials(connection, *account, credentials, digest.as_ref()).await?
        }
        Deed::SetAccountDisabled { account, address, is_disabled } => {
            account::set_disabled(connection, *account, address, *is_disabled).await?
        }
        Deed::RemoveAccount { account, address } => {
            account::remove(connection, number, *account, address).await?
        }
        Deed::AddCategory(new) => category::add(connection, number, new).await?,
        Deed::ChangeCategory { id, becomes, expected } => {
            category::change(connection, number, *id, becomes, *expected).await?
        }
        Deed::RemoveCategory { id, expected } => category::remove(connection, *id, *expected).await?,
        Deed::AddToken(new) => token::add(connection, number, new).await?,
        Deed::RemoveToken(number) => token::remove(connection, *number).await?,
        Deed::GrantRole { account, role } => role::grant(connection, *account, *role).await?,
        Deed::RevokeRole { account, role } => role::revoke(connection, *account, *role).await?,
        Deed::PutPolicy { policy, expected } => policy::put(connection, number, policy, *expected).await?,
        Deed::RemovePolicy { level, expected, is_forced } => {
            policy::remove(connection, level, *expected, *is_forced).await?
        }
        Deed::GrantPolicy { account, level } => policy::grant(connection, *account, level.as_ref()).await?,
        Deed::PutConfiguration { configuration, expected } => {
            configuration::put(connection, number, configuration, *expected).await?
        }
        Deed::RemoveConfiguration { level, expected } => {
            configuration::remove(connection, level, *expected).await?
        }
        Deed::AddAddin(addin) => addin::add(connection, number, addin).await?,
        Deed::ChangeAddin { number: known, addin, expected } => {
            addin::change(connection, number, *known, addin, *expected).await?
        }
        Deed::RemoveAddin { number, expected, is_forced } => {
            addin::remove(connection, *number, *expected, *is_forced).await?
        }
        Deed::ChangePrincipals(changes) => change_principals(connection, changes).await?,
        Deed::Elsewhere => Ok(()),
    };
    match done {
        Ok(()) if act.is_trial => Ok(Err(Undone::Tried(number))),
        Ok(()) => Ok(Ok(Done { number, rights: rights_after(connection, deed).await? })),
        Err(refusal) => Ok(Err(Undone::Refused(refusal))),
    }
}

async fn change_principals<C: Connection>(
    connection: &mut C,
    changes: &[Change],
) -> Result<Result<(), DeedError>, StoreError> {
    Ok(match principal::change::steps(changes) {
        Ok(steps) => principal::change::apply(connection, &steps).await?.map(drop).map_err(DeedError::from),
        Err(refusal) => Err(refusal.into()),
    })
}

/// Read before the commit: once that is done, nothing may fail any more.
async fn rights_after<C: Connection>(connection: &mut C, deed: &Deed) -> Result<Option<i64>, StoreError> {
    if !deed.moves_rights() {
        return Ok(None);
    }
    principal::rights::version(connection).await.map(Some)
}
