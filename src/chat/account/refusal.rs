//! Why an account refuses. Each protocol maps these in one table of its own.

use thiserror::Error;

/// The text is for people: clients show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccountRefusal {
    #[error("The request is malformed: {0}")]
    BadRequest(&'static str),
    #[error("A value is not acceptable: {0}")]
    NotAcceptable(&'static str),
    #[error("There is no such entry")]
    NoSuchItem,
    #[error("Nobody can be reached at this address")]
    Unreachable,
    #[error("You have blocked this address")]
    Blocked,
    #[error("You do not have the rights for this")]
    Forbidden,
    #[error("This is not allowed")]
    NotAllowed,
    #[error("This is not offered here")]
    NotOffered,
    #[error("There are too many entries")]
    TooMany,
    #[error("This entry exists already")]
    Exists,
    #[error("Only who receives this account's presence may see this")]
    PresenceRequired,
    #[error("Only members of certain groups may see this")]
    GroupRequired,
    #[error("Only who is on a list may see this")]
    ClosedNode,
    #[error("The owner has to agree first")]
    ApprovalRequired,
    #[error("The node is not configured as the publisher asked")]
    PreconditionNotMet,
    #[error("There is no such subscription")]
    NotSubscribed,
    #[error("The subscription is not yours")]
    InvalidJid,
    #[error("An item identifier is needed")]
    ItemRequired,
    #[error("A node name is needed")]
    NodeRequired,
    #[error("The payload is not one element")]
    InvalidPayload,
    /// The store cannot take it now: nothing was written, the sender may try again.
    #[error("The service cannot store this right now; please try again")]
    TemporarilyUnavailable,
    #[error("The service has no space left; please try again later")]
    NoSpace,
}
