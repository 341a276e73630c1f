//! Whole messages (RFC 3261 §7): an index over the bytes first, headers when they are asked for.
//!
//! A message keeps the bytes it came in and borrows every text from them. Folds, which are rare, have become blanks
//! before anything is read.

mod check;
mod error;
mod frame;
mod head;
mod headers;
mod write;

use bytes::Bytes;

pub use check::Essentials;
pub use error::{Fault, HeaderError, Problem, Rejection, Unfit};
pub(crate) use frame::Frame;
pub use head::FIELDS_MAX;
use head::{Head, Span, Start};
pub use headers::{Field, Headers};
pub use write::{Answer, Writer};

use crate::limits::Limits;
use crate::method::Method;
use crate::status::Status;
use crate::uri::{Uri, UriError};

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks for something.
    Request(Request),
    /// Answers.
    Response(Response),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    uri: Span,
    /// All headers.
    pub headers: Headers,
    /// What Content-Type says it is.
    pub body: Bytes,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// How it went.
    pub status: Status,
    reason: Span,
    /// All headers.
    pub headers: Headers,
    /// What Content-Type says it is.
    pub body: Bytes,
}

impl Message {
    /// Reads a message that a datagram or a frame of WebSocket brought whole. Without Content-Length the rest is the
    /// body; what follows the body is dropped (RFC 3261 §18.3).
    pub fn parse(bytes: Bytes, limits: Limits) -> Result<Self, Rejection> {
        let line_ends = bytes.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count();
        let bytes = bytes.slice(2 * line_ends..);
        let reach = bytes.len().min(limits.head_bytes_max);
        let too_long = if reach < bytes.len() { Fault::HeadTooLong } else { Fault::Incomplete };
        let head_length = head::length(&bytes[..reach], 0).ok_or(too_long)?;
        let head = Head::read(&bytes[..head_length])?;
        let rest = bytes.len() - head_length;
        let body_length = head.body_length(limits.body_bytes_max).and_then(|length| match length {
            Some(length) if length > rest => Err(Fault::BodyTooShort),
            None if rest > limits.body_bytes_max => Err(Fault::BodyTooLong),
            _ => Ok(length.unwrap_or(rest)),
        });
        Self::assemble(bytes, head_length, head, body_length)
    }

    /// Cuts a message out of `bytes`, of which the head was read.
    fn assemble(
        bytes: Bytes,
        head_length: usize,
        head: Head,
        body_length: Result<usize, Fault>,
    ) -> Result<Self, Rejection> {
        let mut bytes = head.unfold(bytes);
        let headers = Headers::new(bytes.split_to(head_length), head.entries);
        match (head.start, body_length) {
            (Ok(start), Ok(length)) => {
                let body = bytes.split_to(length);
                Ok(match start {
                    Start::Request { method, uri } => Self::Request(Request { method, uri, headers, body }),
                    Start::Response { status, reason } => {
                        Self::Response(Response { status, reason, headers, body })
                    }
                })
            }
            (Err(fault), _) | (_, Err(fault)) => {
                Err(Rejection::new(fault, (!head.is_response).then_some(headers)))
            }
        }
    }

    /// All headers.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The body: empty, if there is none.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }
}

impl Request {
    /// Where the request goes.
    pub fn uri(&self) -> Result<Uri<'_>, UriError> {
        Uri::parse(self.headers.text(self.uri))
    }

    /// The same without a look at it.
    pub fn uri_text(&self) -> &str {
        self.headers.text(self.uri)
    }

    /// The request as it came, folds aside, or as it was written.
    pub fn to_bytes(&self) -> Bytes {
        self.headers.with_body(&self.body)
    }
}

impl Response {
    /// What is said for people, of whatever characters.
    pub fn reason(&self) -> &str {
        self.headers.text(self.reason)
    }
}
