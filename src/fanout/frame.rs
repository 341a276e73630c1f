//! A stanza rendered once and shared by all who get it. Each copy differs in `to` alone, so the bytes have a hole there.

use std::sync::{Arc, OnceLock};

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;
use serde::{Deserialize, Serialize};

/// One stanza, ready for any recipient. A clone costs one reference count.
#[derive(Clone)]
pub struct Frame(Arc<Rendered>);

struct Rendered {
    bytes: Box<[u8]>,
    /// Where ` to='…'` goes: right behind the element's name.
    hole: u16,
    /// The stanza as a tree, once somebody has asked for it.
    tree: OnceLock<Option<Box<Element>>>,
}

/// A frame as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFrame {
    text: Box<str>,
    is_addressed: bool,
}

impl Frame {
    /// Takes a stanza without `to`. Its name is followed by a space, a slash or `>`.
    pub fn new(bytes: Vec<u8>) -> Self {
        let name_end = bytes.iter().position(|b| matches!(b, b' ' | b'/' | b'>')).unwrap_or(0);
        let hole = u16::try_from(name_end).expect("stanza names are short");
        Self(Arc::new(Rendered { bytes: bytes.into_boxed_slice(), hole, tree: OnceLock::new() }))
    }

    /// A frame that already names its recipient, or needs none.
    pub fn addressed(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Rendered { bytes: bytes.into_boxed_slice(), hole: 0, tree: OnceLock::new() }))
    }

    pub fn stored(&self) -> StoredFrame {
        let Rendered { bytes, hole, .. } = &*self.0;
        StoredFrame { text: String::from_utf8_lossy(bytes).into(), is_addressed: *hole == 0 }
    }

    /// Bytes that one copy takes on the wire, about.
    pub fn size(&self) -> usize {
        self.0.bytes.len()
    }

    /// Characters of the copy for that address.
    pub fn characters(&self, to: &str) -> usize {
        let is_first_of_a_character = |byte: &&u8| !matches!(byte, 0x80..=0xBF);
        self.0.bytes.iter().filter(is_first_of_a_character).count() + " to=''".len() + to.chars().count()
    }

    /// The stanza for those who say it in another protocol: read once, however many they are. `None`: it is no stanza.
    pub fn element(&self) -> Option<&Element> {
        let Rendered { bytes, tree, .. } = &*self.0;
        tree.get_or_init(|| Element::parse(bytes, namespace::CLIENT).ok().map(Box::new)).as_deref()
    }

    /// Writes the copy of the session whose ` to='…'` attribute is given.
    pub fn write(&self, to: &[u8], out: &mut Vec<u8>) {
        let Rendered { bytes, hole, .. } = &*self.0;
        if *hole == 0 {
            out.extend_from_slice(bytes);
            return;
        }
        let (head, tail) = bytes.split_at(usize::from(*hole));
        out.reserve(bytes.len() + to.len());
        out.extend_from_slice(head);
        out.extend_from_slice(to);
        out.extend_from_slice(tail);
    }
}

impl From<StoredFrame> for Frame {
    fn from(stored: StoredFrame) -> Self {
        let bytes = stored.text.into_string().into_bytes();
        if stored.is_addressed { Self::addressed(bytes) } else { Self::new(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_goes_right_behind_the_name() {
        let check = |stanza: &str, expected: &str| {
            let mut out = Vec::new();
            Frame::new(stanza.as_bytes().to_vec()).write(b" to='a@b/c'", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check("<message id='1'><body/></message>", "<message to='a@b/c' id='1'><body/></message>");
        check("<presence/>", "<presence to='a@b/c'/>");
        check("<presence><x/></presence>", "<presence to='a@b/c'><x/></presence>");
    }

    #[test]
    fn what_is_written_down_is_read_as_it_was() {
        for frame in [Frame::new(b"<presence/>".to_vec()), Frame::addressed("<iq id='\u{e9}'/>".into())] {
            let read = Frame::from(frame.stored());
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            frame.write(b" to='a@b/c'", &mut expected);
            read.write(b" to='a@b/c'", &mut found);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_addressed_frame_stays_as_it_is() {
        let mut out = Vec::new();
        Frame::addressed(b"<iq to='x'/>".to_vec()).write(b" to='a@b/c'", &mut out);
        assert_eq!(out, b"<iq to='x'/>");
    }
}
