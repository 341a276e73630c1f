//! Cuts the bytes of a stream into whole messages, however they arrive (RFC 3261 §18.3).
//!
//! A body is as long as Content-Length says, which has to be there, once, and a number: where it is not, or a line is no
//! header, nobody knows what comes next, and the stream is done for. A message that is wrong otherwise is refused by
//! itself: behind a proxy the stream is that of many users. The framer keeps at most one unfinished message, and no
//! memory at all while the stream is idle.

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::Limits;
use crate::message::{Fault, Frame, Message, Rejection};

/// One direction of one stream: bytes in, messages out.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// Whether a line end was read since the last message that may be half a ping.
    has_line_end: bool,
    /// How many bytes of a head were searched for its end. Zero: no message has begun.
    searched: usize,
    /// The message whose body is due.
    frame: Option<Frame>,
    failed: Option<Rejection>,
}

/// What a stream brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Message(Message),
    /// A message that is to be [answered](Rejection::answer) and forgotten. The stream goes on.
    Refused(Rejection),
    /// Two line ends between messages, which are to be answered by one (RFC 5626 §4.4.1).
    Ping,
}

impl Framer {
    /// A framer for a stream that has not begun. It holds no memory of its own.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), has_line_end: false, searched: 0, frame: None, failed: None }
    }

    /// Puts other limits in force. They bind a head that is under way too, but not a message whose head was read.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Where to append what was received, before [`next`](Self::next) is called until it has nothing more.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether a message has begun and not come to its end: if the peer closes now, it was cut short.
    pub fn is_within_message(&self) -> bool {
        self.searched > 0 || self.frame.is_some()
    }

    /// The next item, or none if it has not come to its end. After an error there is only that error, and nothing else
    /// to do than to [answer](Rejection::answer) and to close.
    #[expect(
        clippy::should_implement_trait,
        reason = "none means not yet, which an iterator would take for the end"
    )]
    pub fn next(&mut self) -> Result<Option<Item>, Rejection> {
        let item = self.advance();
        if let Err(rejection) = &item {
            self.failed = Some(rejection.clone());
            (self.searched, self.frame) = (0, None);
            self.buffer.clear();
        }
        if self.buffer.is_empty() {
            // Tens of thousands of streams are idle at any time: none of them keeps its buffer.
            self.buffer = BytesMut::new();
        }
        item
    }

    fn advance(&mut self) -> Result<Option<Item>, Rejection> {
        if let Some(rejection) = &self.failed {
            return Err(rejection.clone());
        }
        if !self.is_within_message() && self.skip_line_ends()? {
            return Ok(Some(Item::Ping));
        }
        if self.frame.is_none() && !matches!(self.buffer.as_ref(), [] | [b'\r']) {
            self.frame = Frame::begin(&self.buffer, self.searched, self.limits)?;
            self.searched = if self.frame.is_some() { 0 } else { self.buffer.len() };
            self.has_line_end = false;
        }
        let Some(frame) = self.frame.take_if(|frame| frame.length() <= self.buffer.len()) else {
            return Ok(None);
        };
        let bytes = self.take(frame.length());
        let has_end = frame.has_end();
        match frame.end(bytes) {
            Ok(message) => Ok(Some(Item::Message(message))),
            Err(rejection) if has_end => Ok(Some(Item::Refused(rejection))),
            Err(rejection) => Err(rejection),
        }
    }

    /// Passes over line ends between messages; whether two of them were a ping.
    fn skip_line_ends(&mut self) -> Result<bool, Fault> {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                [b'\r', _, ..] | [b'\n', ..] => return Err(Fault::LineEnd),
                _ => return Ok(false),
            }
            self.has_line_end = !self.has_line_end;
            if !self.has_line_end {
                return Ok(true);
            }
        }
    }

    /// The first bytes. A short message gets memory of its own: it may stay for as long as its transaction does, and
    /// must not hold the whole receive buffer.
    fn take(&mut self, length: usize) -> Bytes {
        if length > COPIED_BYTES_MAX {
            return self.buffer.split_to(length).freeze();
        }
        let bytes = Bytes::copy_from_slice(&self.buffer[..length]);
        self.buffer.advance(length);
        bytes
    }
}

const COPIED_BYTES_MAX: usize = 4096;
