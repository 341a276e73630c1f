//! vCards (XEP-0054), with the avatar put in where it belongs (XEP-0398).

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault};
use crate::account::{Command, Face, Photo, wire};
use crate::chat::account::refusal::AccountRefusal;
use crate::store::account_log::ItemChoice;

pub(super) async fn set(asker: &Asker<'_>, vcard: &Element) -> Answered {
    asker.done(Command::SetVcard(wire::payload(vcard))).await
}

/// One's own, or an empty one (XEP-0054 §3.1).
pub(super) async fn own(asker: &Asker<'_>) -> Answered {
    let Some(face) = asker.own()?.face() else { return Err(AccountRefusal::TemporarilyUnavailable.into()) };
    let vcard = read(asker, &face, &asker.bare()).await?;
    Ok(Some(vcard.unwrap_or_else(|| Element::new("vCard", namespace::VCARD))))
}

/// Somebody else's. Whether he has none, does not exist, or blocks the asker looks the same (XEP-0054 §3.3).
pub(super) async fn of_person(asker: &Asker<'_>, person: &BareJid) -> Answered {
    let face = asker.face(person).await?.filter(|face| !face.blocks(asker.jid));
    let vcard = match face {
        Some(face) => read(asker, &face, &asker.bare()).await?,
        None => None,
    };
    vcard.map(Some).ok_or(AccountRefusal::Unreachable.into())
}

async fn read(asker: &Asker<'_>, face: &Face, viewer: &BareJid) -> Result<Option<Element>, Fault> {
    let store = asker.services.accounts.store();
    let vcard = store.vcard(face.id).await?;
    let vcard = vcard.and_then(|vcard| Element::parse(&vcard.0, namespace::CLIENT).ok());
    let Some(photo) = photo(asker, face, viewer).await? else { return Ok(vcard) };
    let vcard = vcard.unwrap_or_else(|| Element::new("vCard", namespace::VCARD));
    let others = vcard.children().filter(|child| !child.is("PHOTO", namespace::VCARD)).cloned();
    Ok(Some(Element::new("vCard", namespace::VCARD).with_children(others).with_child(photo.element())))
}

/// The avatar, if the viewer may read the nodes that it lies in.
async fn photo(asker: &Asker<'_>, face: &Face, viewer: &BareJid) -> Result<Option<Photo>, Fault> {
    let Some(hash) = &face.photo else { return Ok(None) };
    let mut items = Vec::with_capacity(2);
    for name in [namespace::AVATAR_DATA, namespace::AVATAR_METADATA] {
        let node = face.nodes.get(name).filter(|node| face.may_read_node(node, viewer).is_ok());
        if node.is_none() {
            return Ok(None);
        }
        let choice = ItemChoice::Ids(vec![hash.clone()]);
        items.extend(asker.services.accounts.store().node_items(face.id, name, &choice).await?.pop());
    }
    Ok(match &items[..] {
        [data, metadata] => Photo::of_items(data, metadata),
        _ => None,
    })
}
