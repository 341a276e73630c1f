//! Why an operation was refused or failed.

use perch_address::AddressError;
use perch_address::nickname::PasswordError;
use thiserror::Error;

use crate::auth::{AddError, ChangeError, VerifyError};
use crate::chat::administration::addin::AddinError;
use crate::chat::administration::configuration::ConfigurationError;
use crate::chat::administration::policy::DescriptionTooLong;
use crate::chat::administration::scope::Scope;
use crate::chat::refusal::Refusal;
use crate::pool::PoolError;
use crate::store::administration::DeedError;
use crate::store::error::{SearchError, StoreError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AdminError {
    #[error("whoever asks has to prove who he is: by a token, or for a token by name and password")]
    Unauthenticated,
    #[error("too many attempts of late; wait a minute")]
    TooManyAttempts,
    #[error("whoever asks has no right to this")]
    Forbidden,
    #[error("the token is not good for this: it needs the scope {scope}", scope = .0.as_str())]
    OutOfScope(Scope),
    #[error("{0}")]
    Address(#[from] AddressError),
    #[error("the address is none of this server's accounts")]
    NotOurs,
    /// Accounts, add-ins, and categories and rooms together have each their own.
    #[error("the name is taken")]
    NameTaken,
    #[error("there is no account of this name")]
    NoSuchAccount,
    #[error("{0}")]
    Password(#[from] PasswordError),
    #[error("there is no member of this name in the pool")]
    NoSuchMember,
    #[error("it is the last active member: there is no other to take its clients")]
    LastActive,
    #[error("no member can be told to be gone; stop it")]
    NoWish,
    #[error("it cannot be tried without being done")]
    NoTrial,
    #[error("there is no such thing")]
    NotThere,
    #[error("it has been changed since: look at it again")]
    Stale,
    #[error("it is in use {0} times; it can be removed by force")]
    InUse(u64),
    #[error("the account has too many tokens; revoke one")]
    TooManyTokens,
    #[error("a token is good for at least one thing")]
    NoScopes,
    #[error("a token is good for a minute at least, and for a year at most")]
    BadExpiry,
    #[error(
        "a token belongs to an account or to a service, and the name of a service is one of small letters, digits and -"
    )]
    BadHolder,
    #[error("a level is global, site:NAME, pool:NAME or tag:NAME")]
    BadLevel,
    #[error("only policies of the kind tag:NAME are granted")]
    NotGranted,
    #[error("there is no such user, group, unit or domain")]
    NoSuchPrincipal,
    #[error("too many groups or units have, or had, this name")]
    AddressTaken,
    #[error("groups hold users and groups, units hold units too")]
    CannotHold,
    #[error("only groups and units are made and changed")]
    NotMade,
    #[error("it comes from the directory, and is changed there")]
    OfDirectory,
    #[error("the directory cannot be asked right now")]
    DirectoryAway,
    #[error("a name has 1 to 256 bytes, and nothing that cannot be read")]
    BadName,
    #[error("there is no such room here")]
    NoSuchRoom,
    #[error("there is no such category")]
    NoSuchCategory,
    #[error("there are several categories: say which")]
    WhichCategory,
    #[error("it is longer than it may be")]
    TooLong,
    #[error("the room refuses: {0}")]
    Room(RoomRefusal),
    #[error("a date looks like 2026-01-31 or 2026-01-31T12:00:00Z")]
    BadDate,
    #[error("there is no such place to go on from; begin anew")]
    NoSuchPlace,
    #[error("the index is being built; try again when that is done")]
    BeingIndexed,
    #[error("no room, user, date or word says which messages")]
    NothingAsked,
    #[error("{0}")]
    Policy(#[from] DescriptionTooLong),
    #[error("{0}")]
    Configuration(#[from] ConfigurationError),
    #[error("{0}")]
    Addin(#[from] AddinError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Why a room does not do what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RoomRefusal {
    #[error("a principal is not in the scope of its category")]
    OutOfScope,
    #[error("who asks may not make rooms in that category")]
    CreationRestricted,
    #[error("somebody has to manage it")]
    LastOwner,
    #[error("{0}")]
    BadSetting(&'static str),
    #[error("the nick is taken")]
    NickTaken,
}

impl From<Refusal> for AdminError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchRoom | Refusal::Destroyed { .. } | Refusal::Locked => Self::NoSuchRoom,
            Refusal::NoSpace => StoreError::NoSpace.into(),
            Refusal::Forbidden
            | Refusal::TargetOutranks
            | Refusal::DestructionRestricted
            | Refusal::OutOfScope
            | Refusal::NotEnabled => Self::Forbidden,
            Refusal::NameTaken => Self::NameTaken,
            Refusal::Stale => Self::Stale,
            Refusal::PrincipalOutOfScope { .. } => Self::Room(RoomRefusal::OutOfScope),
            Refusal::CreationRestricted => Self::Room(RoomRefusal::CreationRestricted),
            Refusal::LastOwner => Self::Room(RoomRefusal::LastOwner),
            Refusal::NickTaken => Self::Room(RoomRefusal::NickTaken),
            Refusal::BadSetting(fault) | Refusal::BadRequest(fault) => {
                Self::Room(RoomRefusal::BadSetting(fault))
            }
            _ => StoreError::Unavailable.into(),
        }
    }
}

impl From<SearchError> for AdminError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Store(error) => Self::Store(error),
            SearchError::BeingIndexed => Self::BeingIndexed,
            SearchError::ItemNotFound => Self::NoSuchPlace,
        }
    }
}

impl From<PoolError> for AdminError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::NoSuchMember => Self::NoSuchMember,
            PoolError::LastActive => Self::LastActive,
            PoolError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AddError> for AdminError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::NotOurs => Self::NotOurs,
            AddError::NameTaken => Self::NameTaken,
            AddError::Password(error) => Self::Password(error),
            AddError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for AdminError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoSuchAccount => Self::NoSuchAccount,
            ChangeError::OfDirectory => Self::OfDirectory,
            ChangeError::Password(error) => Self::Password(error),
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<VerifyError> for AdminError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Wrong => Self::Unauthenticated,
            VerifyError::TooMany(_) => Self::TooManyAttempts,
            VerifyError::Directory => Self::DirectoryAway,
            VerifyError::Store(error) => Self::Store(error),
        }
    }
}

impl From<DeedError> for AdminError {
    fn from(error: DeedError) -> Self {
        match error {
            DeedError::NotThere => Self::NotThere,
            DeedError::NameTaken => Self::NameTaken,
            DeedError::Stale => Self::Stale,
            DeedError::InUse(count) => Self::InUse(count),
            DeedError::TooMany => Self::TooManyTokens,
            DeedError::OffDuty => Self::Store(StoreError::Fenced),
            DeedError::Principal(error) => error.into(),
            DeedError::Store(error) => Self::Store(error),
        }
    }
}
