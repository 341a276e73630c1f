//! Finds where an item ends, looking at each byte once however the bytes arrive.
//!
//! Only borders count here: whether what lies between them is well-formed is for the gate to say. What XMPP forbids by
//! its first two bytes is refused at once, so that it need not come to its end.

use quick_xml::parser::{ElementParser, Parser};

use super::GateError;

/// Where in an unfinished item the search stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Bytes of the item looked at so far.
    at: usize,
    /// Elements open within the item.
    depth: usize,
    within: Within,
}

/// Which items may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// An XML declaration or the stream's start tag.
    Declaration,
    /// The stream's start tag.
    StreamStart,
    /// An element of the first level or the stream's end tag.
    Element,
}

/// What has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Declaration,
    StreamStart,
    Element,
    StreamEnd,
}

#[derive(Debug, Clone, Copy)]
enum Within {
    Text,
    /// Behind `<`.
    Markup,
    /// Behind `<!`, which stands before `start`.
    Bang {
        start: usize,
    },
    /// Behind `<![CDATA[`, which stands before `start`.
    CData {
        start: usize,
    },
    /// Behind `<?`, which stands before `start`.
    Declaration {
        start: usize,
    },
    StartTag(ElementParser),
    EndTag(ElementParser),
}

impl Cut {
    /// Before the `<` that an item begins with.
    pub(super) const START: Self = Self { at: 0, depth: 0, within: Within::Text };

    /// Whether an item has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.at > 0
    }

    /// The length of the item, once it is found.
    pub(super) fn length(&self) -> usize {
        self.at
    }

    /// Looks at what is new in `item`, its bytes so far; what has come to its end, if anything has.
    pub(super) fn feed(
        &mut self,
        item: &[u8],
        expected: Expected,
        depth_max: usize,
    ) -> Result<Option<Found>, GateError> {
        while self.at < item.len() {
            let found = match self.within {
                Within::Text => self.text(item),
                Within::Markup => self.markup(item[self.at], expected, depth_max)?,
                Within::Bang { start } => self.bang(item, start)?,
                Within::CData { start } => self.cdata(item, start),
                Within::Declaration { start } => self.declaration(item, start),
                Within::StartTag(tag) => self.start_tag(item, tag, expected),
                Within::EndTag(tag) => self.end_tag(item, tag),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn text(&mut self, item: &[u8]) -> Option<Found> {
        match memchr::memchr(b'<', &item[self.at..]) {
            Some(length) => self.go(self.at + length + 1, Within::Markup),
            None => self.at = item.len(),
        }
        None
    }

    /// Decides by the byte behind `<`.
    fn markup(&mut self, byte: u8, expected: Expected, depth_max: usize) -> Result<Option<Found>, GateError> {
        let start = self.at + 1;
        match byte {
            b'!' => self.go(start, Within::Bang { start }),
            b'?' if expected == Expected::Declaration => self.go(start, Within::Declaration { start }),
            b'?' => return Err(GateError::ProcessingInstruction),
            b'/' if expected == Expected::Element => self.go(start, Within::EndTag(ElementParser::Outside)),
            b'/' => return Err(GateError::Mismatch),
            _ if self.depth >= depth_max => return Err(GateError::TooDeep),
            // The byte is the tag's own already.
            _ => self.within = Within::StartTag(ElementParser::Outside),
        }
        Ok(None)
    }

    /// Of all that begins with `<!` only a CDATA section is allowed, and that only inside an element.
    fn bang(&mut self, item: &[u8], start: usize) -> Result<Option<Found>, GateError> {
        let seen = &item[start..item.len().min(start + CDATA.len())];
        if self.depth == 0 || !CDATA.starts_with(seen) {
            return Err(match seen[0] {
                b'-' => GateError::Comment,
                b'[' if self.depth == 0 => GateError::StrayText,
                b'[' => GateError::Markup,
                _ => GateError::DocumentType,
            });
        }
        let end = start + seen.len();
        let complete = seen.len() == CDATA.len();
        self.go(end, if complete { Within::CData { start: end } } else { self.within });
        Ok(None)
    }

    /// The end may have come in pieces, so the search begins a little before what is new.
    fn cdata(&mut self, item: &[u8], start: usize) -> Option<Found> {
        let from = start.max(self.at - 2);
        match memchr::memmem::find(&item[from..], b"]]>") {
            Some(length) => self.go(from + length + 3, Within::Text),
            None => self.at = item.len(),
        }
        None
    }

    fn declaration(&mut self, item: &[u8], start: usize) -> Option<Found> {
        let from = start.max(self.at - 1);
        let end = memchr::memmem::find(&item[from..], b"?>");
        self.at = end.map_or(item.len(), |length| from + length + 2);
        end.map(|_| Found::Declaration)
    }

    fn start_tag(&mut self, item: &[u8], mut tag: ElementParser, expected: Expected) -> Option<Found> {
        let Some(length) = tag.feed(&item[self.at..]) else {
            self.go(item.len(), Within::StartTag(tag));
            return None;
        };
        self.go(self.at + length + 1, Within::Text);
        if expected != Expected::Element {
            return Some(Found::StreamStart);
        }
        let is_empty = item[self.at - 2] == b'/';
        match self.depth {
            0 if is_empty => return Some(Found::Element),
            _ if is_empty => {}
            _ => self.depth += 1,
        }
        None
    }

    fn end_tag(&mut self, item: &[u8], mut tag: ElementParser) -> Option<Found> {
        let Some(length) = tag.feed(&item[self.at..]) else {
            self.go(item.len(), Within::EndTag(tag));
            return None;
        };
        self.go(self.at + length + 1, Within::Text);
        match self.depth {
            0 => Some(Found::StreamEnd),
            1 => Some(Found::Element),
            _ => {
                self.depth -= 1;
                None
            }
        }
    }

    fn go(&mut self, at: usize, within: Within) {
        self.at = at;
        self.within = within;
    }
}

/// What stands behind `<!` where a CDATA section begins.
const CDATA: &[u8] = b"[CDATA[";
