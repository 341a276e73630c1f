//! What a request asks for.

use std::fmt;

use compact_str::CompactString;

use crate::grammar::Class;

/// A method (RFC 3261 §7.1). Case counts: `invite` is an extension that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// Opens a session, or changes it (RFC 3261 §13, §14).
    Invite,
    /// Confirms the final response to an INVITE (§17.1.1.3).
    Ack,
    /// Ends a session (§15).
    Bye,
    /// Takes an INVITE back that is not answered (§9).
    Cancel,
    /// Asks what the other side can do (§11).
    Options,
    /// Tells where a user is (§10).
    Register,
    /// Carries what the application says within a session (RFC 6086).
    Info,
    /// Changes or refreshes a session (RFC 3311).
    Update,
    /// Confirms a provisional response (RFC 3262).
    Prack,
    /// An instant message (RFC 3428).
    Message,
    /// Asks to be told of events (RFC 6665).
    Subscribe,
    /// Tells of an event (RFC 6665).
    Notify,
    /// Sets the state that others are told of (RFC 3903).
    Publish,
    /// Asks the other side to send a request to a third (RFC 3515).
    Refer,
    /// Any other.
    Extension(Extension),
}

/// The name of a method that this crate does not know: a token, by construction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension(CompactString);

impl Method {
    /// Reads a method's name. `None`: it is no token.
    pub fn parse(name: &str) -> Option<Self> {
        let known = Self::KNOWN.iter().find(|method| method.as_str() == name).cloned();
        known.or_else(|| Class::TOKEN.spells(name).then(|| Self::Extension(Extension(name.into()))))
    }

    /// The method's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Info => "INFO",
            Self::Update => "UPDATE",
            Self::Prack => "PRACK",
            Self::Message => "MESSAGE",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Publish => "PUBLISH",
            Self::Refer => "REFER",
            Self::Extension(Extension(name)) => name,
        }
    }

    /// The most frequent first: they are looked for in this order.
    const KNOWN: [Self; 14] = [
        Self::Info,
        Self::Message,
        Self::Invite,
        Self::Ack,
        Self::Options,
        Self::Bye,
        Self::Notify,
        Self::Subscribe,
        Self::Update,
        Self::Register,
        Self::Cancel,
        Self::Publish,
        Self::Refer,
        Self::Prack,
    ];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
