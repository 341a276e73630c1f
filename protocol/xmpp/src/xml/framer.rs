//! Cuts the bytes of a stream into whole first-level items, however they arrive, and hands each to the gate.
//!
//! The framer keeps at most one item's worth of unfinished bytes, and none while the stream is idle.

use bytes::{Buf, Bytes, BytesMut};

use super::cut::{Cut, Expected, Found};
use super::gate::{self, Item, StreamContext};
use super::text::is_whitespace;
use super::{GateError, Limits};

/// One direction of one stream: bytes in, items out.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    phase: Phase,
    cut: Cut,
    /// Bytes of white space since the last item.
    whitespace: usize,
}

/// How far the stream has come.
#[derive(Debug)]
enum Phase {
    /// Nothing was read: an XML declaration may come.
    Start,
    /// The stream's start tag is due.
    Prolog,
    Open(Box<StreamContext>),
    Closed,
    Failed(GateError),
}

impl Framer {
    /// A framer for a stream that has not begun. It holds no memory of its own.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), phase: Phase::Start, cut: Cut::START, whitespace: 0 }
    }

    /// Puts other limits in force, for the item at hand too.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Expects a new stream (RFC 6120 §4.3.3) and returns whether bytes behind the last item are left over, white
    /// space aside. They stay, to be read as the new stream's, except that after `<starttls/>` the caller must end the
    /// stream instead: they came in the clear and would be taken for protected.
    pub fn reset(&mut self) -> bool {
        self.phase = Phase::Start;
        self.cut = Cut::START;
        self.skip_whitespace();
        self.whitespace = 0;
        !self.buffer.is_empty()
    }

    /// Where to append what was received, before [`next`](Self::next) is called until it has nothing more.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next item, or none if it has not come to its end. After an error there is only that error.
    #[expect(
        clippy::should_implement_trait,
        reason = "none means not yet, which an iterator would take for the end"
    )]
    pub fn next(&mut self) -> Result<Option<Item>, GateError> {
        let item = self.advance();
        if let Err(error) = item {
            self.phase = Phase::Failed(error);
            self.buffer.clear();
        }
        if self.buffer.is_empty() {
            // Tens of thousands of streams are idle at any time: none of them keeps its buffer.
            self.buffer = BytesMut::new();
        }
        item
    }

    fn advance(&mut self) -> Result<Option<Item>, GateError> {
        loop {
            if !self.cut.has_begun() && !self.find_start()? {
                return Ok(None);
            }
            let Some(found) = self.find_end()? else { return Ok(None) };
            let bytes = self.take();
            match (found, &self.phase) {
                (Found::Declaration, _) => {
                    gate::declaration(&bytes)?;
                    self.phase = Phase::Prolog;
                }
                (Found::Element, Phase::Open(context)) => {
                    return gate::item(&bytes, context, self.limits).map(Some);
                }
                (Found::StreamEnd, Phase::Open(context)) => {
                    gate::stream_end(&bytes, context)?;
                    self.phase = Phase::Closed;
                    return Ok(Some(Item::Close));
                }
                (Found::StreamStart | Found::Element | Found::StreamEnd, _) => {
                    let (header, context) = gate::header(&bytes, self.limits)?;
                    self.phase = Phase::Open(Box::new(context));
                    return Ok(Some(Item::Open(header)));
                }
            }
        }
    }

    /// Passes over white space between items; whether an item begins behind it.
    fn find_start(&mut self) -> Result<bool, GateError> {
        let skipped = self.skip_whitespace();
        if skipped > 0 && matches!(self.phase, Phase::Start) {
            self.phase = Phase::Prolog;
        }
        self.whitespace += skipped;
        if self.whitespace > self.limits.whitespace_bytes_max {
            return Err(GateError::TooMuchWhitespace);
        }
        match (self.buffer.first(), &self.phase) {
            (_, Phase::Failed(error)) => Err(*error),
            (None, _) => Ok(false),
            (Some(_), Phase::Closed) => Err(GateError::Trailing),
            (Some(b'<'), _) => Ok(true),
            (Some(_), _) => Err(GateError::StrayText),
        }
    }

    fn skip_whitespace(&mut self) -> usize {
        let length = self.buffer.iter().take_while(|byte| is_whitespace(**byte)).count();
        self.buffer.advance(length);
        length
    }

    /// Looks for the item's end in as many bytes as an item may have.
    fn find_end(&mut self) -> Result<Option<Found>, GateError> {
        let expected = match self.phase {
            Phase::Start => Expected::Declaration,
            Phase::Prolog => Expected::StreamStart,
            Phase::Open(_) | Phase::Closed | Phase::Failed(_) => Expected::Element,
        };
        let reach = self.buffer.len().min(self.limits.stanza_bytes_max);
        let found = self.cut.feed(&self.buffer[..reach], expected, self.limits.depth_max)?;
        if found.is_none() && reach == self.limits.stanza_bytes_max {
            return Err(GateError::TooLong);
        }
        Ok(found)
    }

    /// The whole item. A small one gets memory of its own: its payload may stay long in a log or a mailbox, and must
    /// not hold the whole receive buffer there.
    fn take(&mut self) -> Bytes {
        let length = self.cut.length();
        self.cut = Cut::START;
        self.whitespace = 0;
        if length > COPIED_BYTES_MAX {
            return self.buffer.split_to(length).freeze();
        }
        let bytes = Bytes::copy_from_slice(&self.buffer[..length]);
        self.buffer.advance(length);
        bytes
    }
}

const COPIED_BYTES_MAX: usize = 4096;
