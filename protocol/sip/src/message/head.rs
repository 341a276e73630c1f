//! The index over a message's head: its start line, and where each header is. Values are not looked into.
//!
//! The index is what everybody goes by who reads a header, keeps or removes it, or looks for the body's end: there is
//! no second reading that could come to another result.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memmem};
use nom::Parser;
use nom::combinator::{map_opt, rest};
use nom::sequence::{preceded, separated_pair, terminated};

use super::Fault;
use crate::grammar::{Class, Parsed, blanks, is_control, number, split, token, whole, word};
use crate::header::Name;
use crate::method::Method;
use crate::status::Status;

/// A range of a head's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(range: Range<usize>) -> Self {
        let place = |at| u32::try_from(at).expect("a head is bounded");
        Self { start: place(range.start), end: place(range.end) }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// From where this begins to where the next ends, except for one that is empty.
    fn joined(self, next: Self) -> Self {
        match (self.range().is_empty(), next.range().is_empty()) {
            (true, _) => next,
            (_, true) => self,
            (false, false) => Self { start: self.start, end: next.end },
        }
    }
}

/// One header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) spelled: Span,
    pub(super) value: Span,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Request { method: Method, uri: Span },
    Response { status: Status, reason: Span },
}

/// A head whose lines are headers. Its characters or its first line may be wrong all the same, and its Content-Length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// What the first line says, unless the message is to be refused.
    pub(super) start: Result<Start, Fault>,
    pub(super) entries: Vec<Entry>,
    /// Bytes of the body, if it is said.
    content_length: Result<Option<u64>, Fault>,
    /// Where a line goes on in the next one.
    folds: Vec<usize>,
    /// The head as it is kept, if it has characters that it may not have.
    mended: Option<String>,
    /// Whether it says to be a response's.
    pub(super) is_response: bool,
}

impl Head {
    /// Bytes of the body, if that is said, and no more of them than `bytes_max`.
    pub(super) fn body_length(&self, bytes_max: usize) -> Result<Option<usize>, Fault> {
        let bounded = |length| usize::try_from(length).ok().filter(|length| *length <= bytes_max);
        self.content_length?.map(|length| bounded(length).ok_or(Fault::BodyTooLong)).transpose()
    }

    /// Reads a head, from its first line to the empty one. It is an error if it is not known for sure what is a header.
    pub(super) fn read(head: &[u8]) -> Result<Self, Fault> {
        check_line_ends(head)?;
        match text(head) {
            Ok(text) => Self::index(text),
            Err(fault) => {
                let mended = mend(head);
                let head = Self::index(&mended)?;
                Ok(Self { start: Err(fault), mended: Some(mended), ..head })
            }
        }
    }

    fn index(text: &str) -> Result<Self, Fault> {
        let mut lines = lines(text);
        let first = lines.next().ok_or(Fault::Incomplete)?;
        let is_response = word("SIP/")(&text[first.clone()]).is_ok();
        let start = if is_response { status_line(text, first) } else { request_line(text, first) };
        let mut entries: Vec<Entry> = Vec::with_capacity(ENTRIES_USUAL);
        let mut folds = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if matches!(text.as_bytes()[line.start], b' ' | b'\t') {
                folds.push(line.start - 2);
                let value = &mut entries.last_mut().ok_or(Fault::Field)?.value;
                *value = value.joined(trim(text, line));
            } else if entries.len() == FIELDS_MAX {
                return Err(Fault::TooManyFields);
            } else {
                entries.push(entry(text, line)?);
            }
        }
        let content_length = content_length(text, &entries);
        Ok(Self { start, entries, content_length, folds, mended: None, is_response })
    }

    /// The message's bytes, the head mended, with every fold become blanks, which mean the same (RFC 3261 §7.3.1):
    /// whoever reads or copies a value need not know of folds. They are rare; only a message that has some is copied.
    pub(super) fn unfold(&self, message: Bytes) -> Bytes {
        if self.folds.is_empty() && self.mended.is_none() {
            return message;
        }
        let mut message = BytesMut::from(message);
        if let Some(mended) = &self.mended {
            message[..mended.len()].copy_from_slice(mended.as_bytes());
        }
        for &fold in &self.folds {
            message[fold..fold + 2].fill(b' ');
        }
        message.freeze()
    }
}

/// The length of the head at the beginning of `bytes`, if it is there whole. `from`: as far was searched before.
pub(super) fn length(bytes: &[u8], from: usize) -> Option<usize> {
    // Limits that were lowered meanwhile may end `bytes` before what was searched.
    let from = from.saturating_sub(END.len() - 1).min(bytes.len());
    memmem::find(&bytes[from..], END).map(|at| from + at + END.len())
}

/// The lines of a head that was checked, without their ends.
fn lines(head: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    memchr_iter(b'\n', head.as_bytes()).map(move |feed| std::mem::replace(&mut start, feed + 1)..feed - 1)
}

/// That a return is before each feed, and nowhere else.
fn check_line_ends(head: &[u8]) -> Result<(), Fault> {
    // Wherever one of the two is, the other is next to it: as many returns as feeds, and each feed behind a return.
    let mut returns = memchr_iter(b'\r', head).count();
    for feed in memchr_iter(b'\n', head) {
        if feed == 0 || head[feed - 1] != b'\r' {
            return Err(Fault::LineEnd);
        }
        returns -= 1;
    }
    if returns > 0 { Err(Fault::LineEnd) } else { Ok(()) }
}

/// The head, if it is text without control characters. RFC 3261 §25.1 has these in quoted pairs alone.
fn text(head: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(head).map_err(|_| Fault::Utf8)?;
    // The usual answer, without a branch for each byte.
    let has_any = head.iter().fold(false, |has_any, &byte| has_any | is_stray(byte));
    if has_any && (0..head.len()).any(|at| is_bare(head, at)) { Err(Fault::Control) } else { Ok(text) }
}

/// Puts a question mark, which is in no name and no number, for each byte that a head may not have: the answer to the
/// message can then repeat the rest of it. All stays in its place.
fn mend(head: &[u8]) -> String {
    let mut mended = String::with_capacity(head.len());
    for chunk in head.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            mended.push(if is_bare(chunk.valid().as_bytes(), at) { '?' } else { character });
        }
        mended.extend(chunk.invalid().iter().map(|_| '?'));
    }
    mended
}

/// A control character that no line ends with, and not as a quoted pair.
fn is_bare(head: &[u8], at: usize) -> bool {
    is_stray(head[at]) && (at == 0 || head[at - 1] != b'\\')
}

fn is_stray(byte: u8) -> bool {
    is_control(byte) && byte != b'\r' && byte != b'\n'
}

/// `Method SP Request-URI SP SIP-Version` (§7.1), with one blank each.
fn request_line(text: &str, line: Range<usize>) -> Result<Start, Fault> {
    let method = terminated(map_opt(token, Method::parse), word(" "));
    let (behind, method) = { method }.parse(&text[line.clone()]).map_err(|_| Fault::StartLine)?;
    let (uri, version) = split(behind, b' ').ok_or(Fault::StartLine)?;
    if uri.is_empty()
        || uri.contains('\t')
        || whole(digits_dot_digits, version).is_none()
        || version.ends_with([' ', '\t'])
    {
        return Err(Fault::StartLine);
    }
    if !version.eq_ignore_ascii_case(VERSION) {
        return Err(Fault::Version);
    }
    let start = line.end - behind.len();
    Ok(Start::Request { method, uri: Span::new(start..start + uri.len()) })
}

/// `SIP-Version SP Status-Code SP Reason-Phrase` (§7.2). The reason may be empty.
fn status_line(text: &str, line: Range<usize>) -> Result<Start, Fault> {
    let (version, behind) = split(&text[line.clone()], b' ').ok_or(Fault::StartLine)?;
    if whole(digits_dot_digits, version).is_none() {
        return Err(Fault::StartLine);
    }
    if !version.eq_ignore_ascii_case(VERSION) {
        return Err(Fault::Version);
    }
    let status = map_opt(number, |code| Status::new(u16::try_from(code).ok()?));
    let (_, (status, reason)) =
        separated_pair(status, word(" "), rest).parse(behind).map_err(|_: nom::Err<()>| Fault::StartLine)?;
    Ok(Start::Response { status, reason: Span::new(line.end - reason.len()..line.end) })
}

/// A version of whatever number.
fn digits_dot_digits(input: &str) -> Parsed<'_, ()> {
    preceded(word("SIP/"), separated_pair(number, word("."), number)).map(|_| ()).parse(input)
}

/// `header-name HCOLON header-value` (§7.3.1): blanks may stand before the colon.
fn entry(text: &str, line: Range<usize>) -> Result<Entry, Fault> {
    let name = terminated(token, (blanks, word(":")));
    let (value, name) = { name }.parse(&text[line.clone()]).map_err(|_| Fault::Field)?;
    Ok(Entry {
        name: Name::of(name),
        spelled: Span::new(line.start..line.start + name.len()),
        value: trim(text, line.end - value.len()..line.end),
    })
}

/// Leaves white space out, a fold's too.
fn trim(text: &str, value: Range<usize>) -> Span {
    let bytes = text[value.clone()].as_bytes();
    let front = bytes.iter().position(|byte| !WHITE.has(*byte)).unwrap_or(bytes.len());
    let back = bytes[front..].iter().rev().position(|byte| !WHITE.has(*byte)).unwrap_or(0);
    Span::new(value.start + front..value.end - back)
}

/// One number, or none. Two that agree are refused as well: whoever wrote them does not know what he sends.
fn content_length(text: &str, entries: &[Entry]) -> Result<Option<u64>, Fault> {
    let mut lengths = entries.iter().filter(|entry| entry.name == Name::ContentLength);
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(length), None) => {
            whole(number, &text[length.value.range()]).map(Some).ok_or(Fault::ContentLength)
        }
        (Some(_), Some(_)) => Err(Fault::ContentLength),
    }
}

static WHITE: Class = Class::of(b" \t\r\n");

const END: &[u8] = b"\r\n\r\n";
const VERSION: &str = "SIP/2.0";

/// As many as most messages have: their index is made at once.
const ENTRIES_USUAL: usize = 20;

/// How many headers a message may have.
pub const FIELDS_MAX: usize = 256;
