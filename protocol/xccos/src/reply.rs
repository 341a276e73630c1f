//! The server's documents: replies, notices, and what was said.

use bytes::Bytes;
use perch_xmpp::xml::Element;

use crate::BODY_BYTES_MAX;
use crate::block::element;
use crate::envelope::Asked;

/// How a command went. No public text gives numbers for the failures, and clients look at 200 alone; these are those that
/// HTTP and SIP have for the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the condition of that name in the original's programming interface")]
pub enum Outcome {
    Success,
    InvalidArgument,
    ErrorPermission,
    NoSuchNode,
    UserNotJoined,
    DataCollision,
    NodeDisabled,
    LimitExceeded,
    MsgNotSupported,
    ServiceError,
    DatabaseConnection,
}

impl Outcome {
    /// The number.
    pub fn code(self) -> u16 {
        match self {
            Self::Success => 200,
            Self::InvalidArgument => 400,
            Self::ErrorPermission => 403,
            Self::NoSuchNode => 404,
            Self::UserNotJoined => 406,
            Self::DataCollision => 409,
            Self::NodeDisabled => 410,
            Self::LimitExceeded => 413,
            Self::ServiceError => 500,
            Self::MsgNotSupported => 501,
            Self::DatabaseConnection => 503,
        }
    }
}

/// A reply. `said` is a sentence for people.
pub fn reply(to: &Asked, outcome: Outcome, said: &str, data: Vec<Element>) -> Element {
    let text = match outcome {
        Outcome::Success => "SUCCESS_OK".to_owned(),
        failure if said.is_empty() => format!("{failure:?}"),
        failure => format!("{failure:?}: {said}"),
    };
    element("rpl")
        .with_attribute("id", format!("rpl:{}", to.name))
        .with_child(
            element("commandid")
                .with_attribute("seqid", &*to.reference.sequence)
                .with_attribute("envid", &*to.reference.envelope),
        )
        .with_child(element("resp").with_attribute("code", outcome.code().to_string()).with_text(&text))
        .with_child(element("data").with_children(data))
}

/// Something that the client did not ask for.
pub fn notice(name: &str, data: Element) -> Element {
    element("ntc").with_attribute("id", format!("ntc:{name}")).with_child(element("data").with_child(data))
}

/// An envelope that is being filled, as far as one document goes.
#[derive(Debug, Default)]
pub struct Filling {
    items: Vec<Element>,
    bytes: usize,
}

impl Filling {
    /// Takes an item in; or gives it back, since the document would be too long with it, or has others. The first is always
    /// taken.
    ///
    /// COMPAT: of a document pidgin-sipe reads all replies and nothing else, or else all notices, or else one post.
    pub fn push(&mut self, item: Element) -> Result<(), Element> {
        let others = self.items.first().map(Element::name);
        if others.is_some_and(|name| name != item.name() || name == POST) {
            return Err(item);
        }
        let item = item.with_attribute("seqid", (self.items.len() + 1).to_string());
        let bytes = item.to_bytes(crate::NAMESPACE).len();
        if !self.items.is_empty() && self.bytes + bytes > ITEMS_BYTES_MAX {
            return Err(item);
        }
        self.bytes += bytes;
        self.items.push(item);
        Ok(())
    }

    /// The document, under an id that the sender has used for no other.
    pub fn finish(self, id: u64) -> Bytes {
        let document = element("xccos")
            .with_attribute("ver", "1")
            .with_attribute("envid", id.to_string())
            .with_children(self.items);
        document.to_bytes("")
    }
}

/// Splits what a reply tells into replies that fit into a document each: at least one, be there nothing to tell.
pub fn chunks(blocks: Vec<Element>) -> Vec<Vec<Element>> {
    let mut chunks = vec![Vec::new()];
    let mut bytes = 0;
    for block in blocks {
        let length = block.to_bytes(crate::NAMESPACE).len();
        bytes += length;
        if bytes > CHUNK_BYTES_MAX {
            bytes = length;
            chunks.push(Vec::new());
        }
        chunks.last_mut().expect("there is one").push(block);
    }
    chunks
}

/// The name of a post's element.
pub(crate) const POST: &str = "grpchat";

/// What is left of a document for its items.
const ITEMS_BYTES_MAX: usize = BODY_BYTES_MAX - 256;
/// What is left of that for what one reply tells.
const CHUNK_BYTES_MAX: usize = ITEMS_BYTES_MAX - 4096;
