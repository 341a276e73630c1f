//! Why a room refuses. Each protocol maps these in one table of its own.

use thiserror::Error;

use crate::chat::id::Seq;
use perch_address::BareJid;

/// The text is for people: clients show it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("There is no such room")]
    NoSuchRoom,
    #[error("The room was destroyed")]
    Destroyed { alternate: Option<BareJid>, reason: Box<str> },
    #[error("The room is not yet open: its owner is still configuring it")]
    Locked,
    #[error("You may not create rooms here")]
    CreationRestricted,
    #[error("Rooms of this category are destroyed by administrators only; it can be disabled instead")]
    DestructionRestricted,
    /// The category of the room is not for who asks.
    #[error("This room is not for you: its category does not include you")]
    OutOfScope,
    /// The policy in force keeps who asks from using rooms.
    #[error("Persistent chat is not enabled for your account")]
    NotEnabled,
    #[error("Persistent chat is not enabled for {principal}")]
    PrincipalNotEnabled { principal: BareJid },
    #[error("The category of this room does not include {principal}")]
    PrincipalOutOfScope { principal: BareJid },
    #[error("There is a room of this name")]
    NameTaken,
    #[error("The room was changed meanwhile")]
    Stale,
    #[error("This room was disabled")]
    Disabled,
    #[error("You are not in this room")]
    NotAnOccupant,
    #[error("Joining needs a nick")]
    NickMissing,
    #[error("This nick cannot be used")]
    NickMalformed,
    #[error("This nick is taken")]
    NickTaken,
    #[error("Nicks are fixed in this room")]
    NicksLocked,
    #[error("You may not take part in this room")]
    Banned,
    #[error("This room is for members only")]
    MembersOnly,
    #[error("This room needs the right password")]
    PasswordRequired,
    #[error("The room is full")]
    Full,
    #[error("You have joined too many rooms")]
    TooManyRooms,
    /// The actor lacks the role or affiliation for the act at all.
    #[error("You do not have the rights for this")]
    Forbidden,
    /// The actor may do the act, but not to this one, who outranks him.
    #[error("This person cannot be acted upon by you")]
    TargetOutranks,
    #[error("Somebody must stay owner")]
    LastOwner,
    /// Membership of this room is given, not taken.
    #[error("You may not register with this room")]
    RegistrationClosed,
    #[error("You are not registered with this room")]
    NotRegistered,
    #[error("You cannot ban yourself")]
    SelfBan,
    #[error("You have no voice in this room")]
    NoVoice,
    #[error("Private messages are not allowed here")]
    PrivateMessagesOff,
    #[error("Nobody here has this nick")]
    NoSuchOccupant,
    #[error("There is no such message")]
    NoSuchMessage,
    #[error("The request is malformed: {0}")]
    BadRequest(&'static str),
    #[error("A value of the form is not acceptable: {0}")]
    BadSetting(&'static str),
    #[error("This is not offered here")]
    NotOffered,
    /// The change was already made, under this seq: a repeated stanza, answered as the first one was.
    #[error("This was already done")]
    AlreadyDone { seq: Seq },
    /// The store cannot take it now: nothing was written, the sender may try again.
    #[error("The service cannot store this right now; please try again")]
    TemporarilyUnavailable,
    /// The store is full.
    #[error("The service has no space left; please try again later")]
    NoSpace,
}
