//! Where the children of a stanza lie in its bytes, and how they are made to stand on their own.

use std::ops::Range;

use bytes::Bytes;

use crate::namespace;
use crate::xml::read::{Event, StrictReader};
use crate::xml::write::escaped_attribute;
use crate::xml::{GateError, Limits, Namespace};

/// The children of one payload, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    pub(super) entries: Vec<Entry>,
}

/// One child: offsets into the payload. No payload reaches 4 GiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    start: u32,
    end: u32,
    name_start: u32,
    name_end: u32,
    pub(super) namespace: Namespace,
}

/// A change to the bytes that came in.
#[derive(Debug)]
struct Patch {
    place: Range<usize>,
    with: String,
}

impl Index {
    /// Reads on to the end of the element that the reader is in, or of the text if it is in none; what it finds there
    /// are the children. Returns them with the payload that they lie in: a slice of `bytes` as a rule.
    ///
    /// A child that uses a declaration of its ancestors gets one of its own. What that adds is bounded by the same
    /// limit as the item, or a long namespace name used by many children would grow without bound.
    pub(super) fn read(
        reader: &mut StrictReader<'_>,
        bytes: &Bytes,
        limits: Limits,
    ) -> Result<(Self, Bytes), GateError> {
        let level = reader.depth();
        reader.watch_borrowing_below(level + 1);
        reader.take_renamed();
        let mut entries: Vec<Entry> = Vec::new();
        let mut patches = Vec::new();
        let mut length = bytes.len();
        let mut written = 0;
        loop {
            let start = reader.position();
            match reader.next()? {
                Event::Open(name) if reader.depth() == level + 1 => {
                    let local = reader.place_of(name.local);
                    written = local.end;
                    entries.push(Entry::new(start, local, name.namespace));
                }
                Event::Close if reader.depth() == level => {
                    let patch = declare_borrowed(reader, written, &mut length, limits)?;
                    patches.extend(patch);
                    if let Some(entry) = entries.last_mut() {
                        entry.end = offset(reader.position());
                    }
                }
                Event::Text(text) if reader.depth() == level && !text.is_whitespace() => {
                    return Err(GateError::StanzaText);
                }
                Event::Close if reader.depth() < level => break,
                Event::End => break,
                Event::Open(_) | Event::Close | Event::Text(_) => {}
            }
        }
        let renamed = reader.take_renamed().into_iter();
        patches.extend(renamed.map(|place| Patch { place, with: namespace::CLIENT.to_owned() }));
        patches.sort_by_key(|patch| patch.place.start);
        let mut index = Self { entries };
        let payload = if patches.is_empty() { index.slice(bytes) } else { index.rebuild(bytes, patches) };
        Ok((index, payload))
    }

    /// The part of `bytes` from the first child to the last.
    fn slice(&mut self, bytes: &Bytes) -> Bytes {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Bytes::new();
        };
        let (start, end) = (first.start, last.end);
        for entry in &mut self.entries {
            entry.shift(|offset| offset - start);
        }
        bytes.slice(start as usize..end as usize)
    }

    /// The children back to back with the patches, given in their order, applied.
    fn rebuild(&mut self, bytes: &Bytes, patches: Vec<Patch>) -> Bytes {
        let mut payload = Vec::with_capacity(bytes.len());
        let mut patches = patches.into_iter().peekable();
        for entry in &mut self.entries {
            let Range { start, end } = entry.range();
            let mut copied = start;
            let moved = offset(payload.len());
            while let Some(patch) = patches.next_if(|patch| patch.place.start < end) {
                payload.extend_from_slice(&bytes[copied..patch.place.start]);
                payload.extend_from_slice(patch.with.as_bytes());
                copied = patch.place.end;
            }
            payload.extend_from_slice(&bytes[copied..end]);
            // No patch stands before the child's name, so that start and name move alike.
            entry.shift(|offset| offset - start as u32 + moved);
            entry.end = offset(payload.len());
        }
        payload.into()
    }
}

impl Entry {
    fn new(start: usize, name: Range<usize>, namespace: Namespace) -> Self {
        let (start, name_start, name_end) = (offset(start), offset(name.start), offset(name.end));
        Self { start, end: start, name_start, name_end, namespace }
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn name(&self) -> Range<usize> {
        self.name_start as usize..self.name_end as usize
    }

    fn shift(&mut self, shift: impl Fn(u32) -> u32) {
        for place in [&mut self.start, &mut self.end, &mut self.name_start, &mut self.name_end] {
            *place = shift(*place);
        }
    }
}

/// The declarations that the child just closed has borrowed, to be put in behind its name at `place`.
fn declare_borrowed(
    reader: &mut StrictReader<'_>,
    place: usize,
    length: &mut usize,
    limits: Limits,
) -> Result<Option<Patch>, GateError> {
    let mut with = String::new();
    for (prefix, namespace) in reader.take_borrowed() {
        *length += namespace.as_str().len();
        if *length > limits.stanza_bytes_max {
            return Err(GateError::Expansion);
        }
        let colon = if prefix.is_empty() { "" } else { ":" };
        with.extend([" xmlns", colon, prefix, "='", &escaped_attribute(namespace.as_str()), "'"]);
    }
    Ok((!with.is_empty()).then_some(Patch { place: place..place, with }))
}

fn offset(place: usize) -> u32 {
    u32::try_from(place).expect("the limits keep payloads below 4 GiB")
}
