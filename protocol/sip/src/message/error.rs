//! Why a message was refused: one reason each, for the log; the peer is told a status.

use thiserror::Error;

use super::{Answer, Headers, Writer};
use crate::header::Name;
use crate::method::Method;
use crate::status::Status;

/// What keeps bytes from being a message. On a stream each is fatal but the first four, which leave no doubt about where
/// the message ends if its Content-Length is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// The start line and the headers are not UTF-8.
    #[error("the head is not UTF-8")]
    Utf8,
    /// A control character other than a tab, and not as a quoted pair.
    #[error("a control character in the head")]
    Control,
    /// Neither a request line nor a status line; blanks where none may be; a status outside of 100 to 699.
    #[error("a malformed start line")]
    StartLine,
    /// A version other than SIP/2.0.
    #[error("a version other than SIP/2.0")]
    Version,
    /// A carriage return or a line feed without the other.
    #[error("a line end that is none")]
    LineEnd,
    /// A line that is neither a header nor its continuation.
    #[error("a line that is no header")]
    Field,
    /// More headers than [`FIELDS_MAX`](super::FIELDS_MAX).
    #[error("too many headers")]
    TooManyFields,
    /// More bytes before the body than allowed.
    #[error("too many bytes of headers")]
    HeadTooLong,
    /// The headers do not come to their end.
    #[error("the headers have no end")]
    Incomplete,
    /// Content-Length is no number, or is given twice.
    #[error("a malformed or repeated Content-Length")]
    ContentLength,
    /// No Content-Length, where only it tells the end of the body.
    #[error("no Content-Length on a stream")]
    NoContentLength,
    /// A body of more bytes than allowed.
    #[error("too many bytes of body")]
    BodyTooLong,
    /// The body is shorter than Content-Length says.
    #[error("a body shorter than its Content-Length")]
    BodyTooShort,
}

impl Fault {
    /// With what a request that has this fault is answered.
    pub fn status(self) -> Status {
        match self {
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::BodyTooLong => Status::ENTITY_TOO_LARGE,
            Self::HeadTooLong | Self::TooManyFields => Status::MESSAGE_TOO_LARGE,
            Self::Utf8
            | Self::Control
            | Self::StartLine
            | Self::LineEnd
            | Self::Field
            | Self::Incomplete
            | Self::ContentLength
            | Self::NoContentLength
            | Self::BodyTooShort => Status::BAD_REQUEST,
        }
    }
}

/// Bytes that are no message, and what could be read of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct Rejection {
    /// What is wrong.
    pub fault: Fault,
    /// The headers, where they could be read, of what is no response.
    headers: Option<Headers>,
}

impl Rejection {
    pub(super) fn new(fault: Fault, headers: Option<Headers>) -> Self {
        Self { fault, headers }
    }

    /// The answer; `to_tag` is this side's. What may not be in a head is a question mark in it. `None`: there is nobody
    /// to answer, since this was a response or an ACK, or lacks what an answer repeats.
    pub fn answer(&self, to_tag: &str) -> Option<Answer> {
        let headers = self.headers.as_ref()?;
        let is_whole = [Name::Via, Name::From, Name::To, Name::CallId].iter().all(|name| headers.has(*name));
        let method = headers.values(Name::CSeq).next()?.split([' ', '\t']).next_back();
        let is_ack = method == Some(Method::Ack.as_str());
        (is_whole && !is_ack).then(|| Writer::answer(headers, self.fault.status(), Some(to_tag)).finish())
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self::new(fault, None)
    }
}

/// A header is not what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{name}: {problem}")]
pub struct HeaderError {
    /// Which header.
    pub name: Name,
    /// What about it.
    pub problem: Problem,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Problem {
    /// It has to be there.
    #[error("missing")]
    Missing,
    /// It may be there once only.
    #[error("given twice")]
    Repeated,
    /// Its value does not follow its grammar, or is out of bounds.
    #[error("malformed")]
    Malformed,
}

/// A request that is a message and yet not to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Unfit {
    /// Its address is none, or carries headers (RFC 3261 §19.1.1).
    #[error("a malformed request address")]
    Uri,
    /// A header that every request has, or that tells where it goes.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// CSeq names another method; RFC 4475 §3.1.2.18 has it that a method that is not known is the greater fault.
    #[error("the methods of request and CSeq differ")]
    Method {
        /// Whether the request's method is one that this crate knows.
        is_known: bool,
    },
    /// `*` beside other contacts, in something else than a REGISTER, or without `Expires: 0` (§10.2.2).
    #[error("* among the contacts")]
    AllContacts,
}

impl Unfit {
    /// With what the request is answered.
    pub fn status(self) -> Status {
        match self {
            Self::Method { is_known: false } => Status::NOT_IMPLEMENTED,
            Self::Method { is_known: true } | Self::Uri | Self::Header(_) | Self::AllContacts => {
                Status::BAD_REQUEST
            }
        }
    }
}
