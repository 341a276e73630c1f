//! The avatar, which is one thing in three places (XEP-0398): the nodes of XEP-0084, the vCard's photo, and the hash in
//! presence. The nodes have it; the vCard is given it when it is read.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::account::state::{Account, Decision};
use crate::account::wire;
use crate::chat::account::entry::AccountChange;
use crate::chat::account::node::{Item, Node};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;

/// A photo as a vCard has it (XEP-0054).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Photo {
    /// The media type.
    pub kind: String,
    /// In base64, without white space.
    pub data: String,
    /// In hexadecimal: the item's id, and what presence tells.
    pub hash: String,
    pub bytes: usize,
}

impl Photo {
    /// The photo of a vCard, if it has one that can be read.
    pub(crate) fn of_vcard(vcard: &Element) -> Option<Self> {
        let photo = vcard.child("PHOTO", namespace::VCARD)?;
        let kind = photo.child_text("TYPE", namespace::VCARD).unwrap_or_else(|| "image/png".to_owned());
        Self::new(kind, &photo.child_text("BINVAL", namespace::VCARD)?)
    }

    fn new(kind: String, data: &str) -> Option<Self> {
        let data: String = data.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(&data).ok().filter(|bytes| !bytes.is_empty())?;
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
        let hash = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { kind, data, hash, bytes: bytes.len() })
    }

    /// The photo that an item of the data node and one of the metadata node make up.
    pub(crate) fn of_items(data: &Item, metadata: &Item) -> Option<Self> {
        let text = element(&data.payload)?.text();
        let kind = info(metadata)?.attribute("type").unwrap_or("image/png").to_owned();
        Self::new(kind, &text).filter(|photo| *photo.hash == *data.id)
    }

    /// `<PHOTO/>` of a vCard.
    pub(crate) fn element(&self) -> Element {
        let child = |name: &str, text: &str| Element::new(name, namespace::VCARD).with_text(text);
        Element::new("PHOTO", namespace::VCARD)
            .with_child(child("TYPE", &self.kind))
            .with_child(child("BINVAL", &self.data))
    }

    fn items(&self) -> [(&'static str, Payload); 2] {
        let data = Element::new("data", namespace::AVATAR_DATA).with_text(&self.data);
        let info = Element::new("info", namespace::AVATAR_METADATA)
            .with_attribute("id", &*self.hash)
            .with_attribute("bytes", self.bytes.to_string())
            .with_attribute("type", &*self.kind);
        let metadata = Element::new("metadata", namespace::AVATAR_METADATA).with_child(info);
        [
            (namespace::AVATAR_DATA, wire::payload(&data)),
            (namespace::AVATAR_METADATA, wire::payload(&metadata)),
        ]
    }
}

impl Account {
    /// A vCard with a photo publishes the photo, and is kept without it.
    pub(in crate::account) fn set_vcard(
        &self,
        session: SessionId,
        vcard: Payload,
        now: Timestamp,
    ) -> Result<Decision, AccountRefusal> {
        let vcard = element(&vcard).ok_or(AccountRefusal::InvalidPayload)?;
        let photo = Photo::of_vcard(&vcard);
        let is_kept = |child: &&Element| photo.is_none() || !child.is("PHOTO", namespace::VCARD);
        let kept =
            Element::new("vCard", namespace::VCARD).with_children(vcard.children().filter(is_kept).cloned());
        let mut decision = Decision::of([AccountChange::VcardSet { vcard: wire::payload(&kept) }]);
        let Some(photo) = photo.filter(|photo| self.photo.as_deref() != Some(&*photo.hash)) else {
            return Ok(decision);
        };
        let publisher =
            self.sessions.by_id(session).map_or(self.jid.as_jid(), |session| session.jid.as_jid());
        for (node, payload) in photo.items() {
            if !self.nodes.contains_key(node) {
                decision.changes.push(AccountChange::NodeSet(self.new_node(node.into(), &[])?));
            }
            let id = photo.hash.as_str().into();
            let item = Item { id, payload, publisher: publisher.clone(), at: now };
            decision.changes.push(AccountChange::ItemPublished { node: node.into(), item });
        }
        decision.changes.push(AccountChange::PhotoSet { photo: Some(photo.hash.into()) });
        Ok(decision)
    }

    /// What presence tells once an item is published: that of the metadata which lies in the data node (XEP-0398 §4.1).
    pub(super) fn photo_of_publication(&self, node: &str, item: &Item) -> Option<AccountChange> {
        if node != namespace::AVATAR_METADATA {
            return None;
        }
        let photo: Option<Box<str>> = info(item).and_then(|info| Some(info.attribute("id")?.into()));
        (photo != self.photo).then_some(AccountChange::PhotoSet { photo })
    }

    /// Metadata that is gone tells nothing any more.
    pub(super) fn photo_after_retraction(&self, node: &Node) -> Option<AccountChange> {
        let is_told = &*node.name == namespace::AVATAR_METADATA && self.photo.is_some();
        is_told.then_some(AccountChange::PhotoSet { photo: None })
    }
}

/// The first `<info/>` whose image is in the data node and not elsewhere.
fn info(metadata: &Item) -> Option<Element> {
    let metadata = element(&metadata.payload)?;
    metadata
        .children()
        .find(|info| info.is("info", namespace::AVATAR_METADATA) && info.attribute("url").is_none())
        .cloned()
}

fn element(payload: &Payload) -> Option<Element> {
    Element::parse(&payload.0, namespace::CLIENT).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_survives_the_way_through_the_nodes() {
        let vcard = "<vCard xmlns='vcard-temp'><FN>Juliet</FN>\
            <PHOTO><TYPE>image/jpeg</TYPE><BINVAL>aGVs\n bG8=</BINVAL></PHOTO></vCard>";
        let photo = Photo::of_vcard(&Element::parse(vcard.as_bytes(), namespace::CLIENT).unwrap()).unwrap();
        assert_eq!(photo.hash, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        let [data, metadata] = photo.items().map(|(_, payload)| Item {
            id: photo.hash.as_str().into(),
            payload,
            publisher: perch_address::Jid::new("juliet@capulet.example").unwrap(),
            at: Timestamp(0),
        });
        let forged = Item { id: "0000".into(), ..data.clone() };
        assert_eq!(Photo::of_items(&forged, &metadata), None, "the id must be the hash");
        assert_eq!(Photo::of_items(&data, &metadata), Some(photo));
    }

    #[test]
    fn what_is_no_photo_is_none() {
        let check = |photo: &str| {
            let vcard = format!("<vCard xmlns='vcard-temp'>{photo}</vCard>");
            assert_eq!(Photo::of_vcard(&Element::parse(vcard.as_bytes(), namespace::CLIENT).unwrap()), None);
        };
        check("");
        check("<PHOTO/>");
        check("<PHOTO><BINVAL/></PHOTO>");
        check("<PHOTO><BINVAL>###</BINVAL></PHOTO>");
        check("<PHOTO><EXTVAL>http://example.org/p.png</EXTVAL></PHOTO>");
    }
}
