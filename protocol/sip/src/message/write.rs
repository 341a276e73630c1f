//! Writes messages. Whatever a value holds, it stays in its line: there is no way to a header that was not asked for.

use std::fmt::{self, Write};

use bytes::Bytes;

use super::{Field, Headers};
use crate::grammar::{Class, is_control};
use crate::header::Name;
use crate::method::Method;
use crate::status::Status;
use crate::uri::Uri;

/// A message that is being written, header by header: a request, or a response that keeps its [`Status`].
#[derive(Debug, Clone)]
#[must_use = "a message is written to be sent"]
pub struct Writer<S = ()> {
    out: Vec<u8>,
    status: S,
}

/// A response that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an answer is written to be sent"]
pub struct Answer {
    status: Status,
    bytes: Bytes,
}

impl Answer {
    /// What it says.
    pub fn status(&self) -> Status {
        self.status
    }

    /// All of it.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl Writer {
    /// A request to `uri`, without any header.
    pub fn request(method: &Method, uri: &Uri<'_>) -> Self {
        Self::request_text(method, uri.as_str())
    }

    /// The same, to an address that was read before.
    pub(crate) fn request_text(method: &Method, uri: &str) -> Self {
        let mut out = Vec::with_capacity(BYTES_USUAL);
        line(&mut out, format_args!("{method} {uri} SIP/2.0"));
        Self { out, status: () }
    }

    /// The request, with a body; Content-Type is a header like others.
    pub fn finish_with(self, body: &[u8]) -> Bytes {
        self.end(body).0
    }

    /// The request, without a body.
    pub fn finish(self) -> Bytes {
        self.finish_with(b"")
    }
}

impl Writer<Status> {
    /// A response, without any header.
    pub fn response(status: Status) -> Self {
        let mut out = Vec::with_capacity(BYTES_USUAL);
        line(&mut out, format_args!("SIP/2.0 {status}"));
        Self { out, status }
    }

    /// A response with what it has from its request (RFC 3261 §8.2.6.2): every Via, From, To, Call-ID and CSeq. `to_tag`
    /// is given to a To that has no tag; a 100 needs none.
    pub fn answer(request: &Headers, status: Status, to_tag: Option<&str>) -> Self {
        let writer =
            Self::response(status).copy(request, |field| matches!(field.name, Name::Via | Name::From));
        let lacks_tag = request.to().is_ok_and(|to| to.tag().is_none());
        let writer = match (request.values(Name::To).next(), to_tag) {
            (Some(to), Some(tag)) if lacks_tag => writer.header(Name::To, format_args!("{to};tag={tag}")),
            _ => writer.copy(request, |field| field.name == Name::To),
        };
        writer.copy(request, |field| matches!(field.name, Name::CallId | Name::CSeq))
    }

    /// The response, with a body; Content-Type is a header like others.
    pub fn finish_with(self, body: &[u8]) -> Answer {
        let (bytes, status) = self.end(body);
        Answer { status, bytes }
    }

    /// The response, without a body.
    pub fn finish(self) -> Answer {
        self.finish_with(b"")
    }
}

impl<S> Writer<S> {
    /// Adds a header. A control character in `value`, which could only have come from somewhere else, becomes a blank.
    ///
    /// # Panics
    /// For Content-Length, which is written at the end, and for an extension, which has a name of its own.
    pub fn header(mut self, name: Name, value: impl fmt::Display) -> Self {
        assert!(!matches!(name, Name::ContentLength | Name::Extension), "{name:?} is written otherwise");
        line(&mut self.out, format_args!("{name}: {value}"));
        self
    }

    /// Adds a header that this crate does not know.
    ///
    /// # Panics
    /// If `name` is no token, or the name of a header that it does know.
    pub fn extension(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        assert!(Class::TOKEN.spells(name) && Name::of(name) == Name::Extension, "{name:?} is no extension");
        line(&mut self.out, format_args!("{name}: {value}"));
        self
    }

    /// Adds those headers of another message that `chosen` says, as they were, in their order; never Content-Length.
    pub fn copy(mut self, headers: &Headers, chosen: impl Fn(&Field<'_>) -> bool) -> Self {
        for field in headers.iter().filter(|field| field.name != Name::ContentLength && chosen(field)) {
            for part in [field.spelled, ": ", field.value, "\r\n"] {
                self.out.extend_from_slice(part.as_bytes());
            }
        }
        self
    }

    fn end(mut self, body: &[u8]) -> (Bytes, S) {
        line(&mut self.out, format_args!("Content-Length: {}", body.len()));
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(body);
        (self.out.into(), self.status)
    }
}

/// Writes one line, and its end.
fn line(out: &mut Vec<u8>, content: fmt::Arguments<'_>) {
    Line(out).write_fmt(content).expect("memory takes everything");
    out.extend_from_slice(b"\r\n");
}

/// What cannot hold the end of itself.
struct Line<'a>(&'a mut Vec<u8>);

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.bytes().map(|byte| if is_control(byte) { b' ' } else { byte }));
        Ok(())
    }
}

/// What most responses, and requests without a body, come to.
const BYTES_USUAL: usize = 512;
