//! What the server answers on behalf of an account (RFC 6121 §8.5.2.1.3). Who may not see somebody's presence learns no
//! more of him than of nobody.

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault, disco, pubsub, vcard};
use crate::account::Face;
use crate::chat::account::node::NodeSettings;
use crate::chat::account::refusal::AccountRefusal;
use crate::store::account_log::ItemChoice;

pub(super) async fn answer(asker: &Asker<'_>, person: &BareJid, payload: &Element, is_set: bool) -> Answered {
    match (payload.name(), payload.namespace(), is_set) {
        ("query", namespace::DISCO_INFO, false) => info(asker, person, payload).await,
        ("query", namespace::DISCO_ITEMS, false) => items(asker, person, payload).await,
        ("query", namespace::LAST_ACTIVITY, false) => last_activity(asker, person).await,
        ("ping", namespace::PING, false) => visible(asker, person).await?.map(|_| None).ok_or(UNREACHABLE),
        ("pubsub", namespace::PUBSUB | namespace::PUBSUB_OWNER, _) => {
            pubsub::answer(asker, person, payload, is_set).await
        }
        ("vCard", namespace::VCARD, false) => vcard::of_person(asker, person).await,
        // A roster, a vCard, a block list: nobody sets another's.
        (_, namespace::VCARD | namespace::ROSTER | namespace::BLOCKING | namespace::PRIVATE_STORAGE, _)
        | (_, namespace::ARCHIVE, _) => Err(AccountRefusal::Forbidden.into()),
        _ => Err(UNREACHABLE),
    }
}

const UNREACHABLE: Fault = Fault::Refused(AccountRefusal::Unreachable);

/// Somebody whose presence the asker may see.
async fn visible(asker: &Asker<'_>, person: &BareJid) -> Result<Option<std::sync::Arc<Face>>, Fault> {
    Ok(asker.face(person).await?.filter(|face| face.shows_presence_to(&asker.bare())))
}

async fn info(asker: &Asker<'_>, person: &BareJid, query: &Element) -> Answered {
    let Some(name) = query.attribute("node").filter(|node| !node.is_empty()) else {
        visible(asker, person).await?.ok_or(UNREACHABLE)?;
        return Ok(Some(disco::account_info()));
    };
    let face = asker.face(person).await?.ok_or(UNREACHABLE)?;
    let node = face.nodes.get(name).filter(|node| face.may_read_node(node, &asker.bare()).is_ok());
    node.map(|node| Some(disco::node_info(node))).ok_or(AccountRefusal::NoSuchItem.into())
}

async fn items(asker: &Asker<'_>, person: &BareJid, query: &Element) -> Answered {
    let viewer = asker.bare();
    let face = asker.face(person).await?;
    let Some(name) = query.attribute("node").filter(|node| !node.is_empty()) else {
        let Some(face) = face.filter(|face| face.shows_presence_to(&viewer)) else {
            return Ok(Some(disco::no_items()));
        };
        let readable = face.nodes.values().filter(|node| face.may_read_node(node, &viewer).is_ok());
        return Ok(Some(disco::account_items(person, readable)));
    };
    let face = face.ok_or(AccountRefusal::NoSuchItem)?;
    let node = face.nodes.get(name).filter(|node| face.may_read_node(node, &viewer).is_ok());
    let node = node.ok_or(AccountRefusal::NoSuchItem)?;
    let all = ItemChoice::Newest(NodeSettings::ITEMS_LIMIT);
    let items = asker.services.accounts.store().node_items(face.id, name, &all).await?;
    Ok(Some(disco::node_items(person, node, &items)))
}

/// How long ago the last session ended; nothing ago, as long as there is one (XEP-0012 §3).
async fn last_activity(asker: &Asker<'_>, person: &BareJid) -> Answered {
    let face = visible(asker, person).await?.ok_or(AccountRefusal::Forbidden)?;
    if face.resources.iter().any(|resource| resource.availability.is_some()) {
        return Ok(Some(disco::last_activity(0, "")));
    }
    let (at, status) = face.last_seen.as_ref().ok_or(AccountRefusal::NoSuchItem)?;
    Ok(Some(disco::last_activity((asker.services.clock.now().0 - at.0) / 1000, status)))
}
