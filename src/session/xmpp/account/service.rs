//! What the server answers for itself.

use perch_xmpp::datetime;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, disco};
use crate::chat::account::refusal::AccountRefusal;

pub(super) async fn answer(asker: &Asker<'_>, payload: &Element, is_set: bool) -> Answered {
    let services = asker.services;
    let node = payload.attribute("node").filter(|node| !node.is_empty());
    match (payload.name(), payload.namespace(), is_set) {
        ("query", namespace::DISCO_INFO, false) => match node {
            None => Ok(Some(disco::server_info())),
            Some(node) if disco::is_capabilities_node(node) => {
                Ok(Some(disco::server_info().with_attribute("node", node)))
            }
            Some(_) => Err(AccountRefusal::NoSuchItem.into()),
        },
        ("query", namespace::DISCO_ITEMS, false) => match node {
            None => Ok(Some(disco::server_items(services.rooms.domain()))),
            Some(_) => Err(AccountRefusal::NoSuchItem.into()),
        },
        ("ping", namespace::PING, false) | ("session", namespace::SESSION, true) => Ok(None),
        ("query", namespace::VERSION, false) => Ok(Some(disco::version())),
        ("time", namespace::TIME, false) => {
            let text = |name: &str, text: &str| Element::new(name, namespace::TIME).with_text(text);
            let now = datetime::format(services.clock.now().0);
            Ok(Some(
                Element::new("time", namespace::TIME)
                    .with_child(text("tzo", "+00:00"))
                    .with_child(text("utc", &now)),
            ))
        }
        // For a server it is how long it has been up (XEP-0012 §4).
        ("query", namespace::LAST_ACTIVITY, false) => {
            let up_ms = services.clock.now().0 - services.accounts.started().0;
            Ok(Some(disco::last_activity(up_ms / 1000, "")))
        }
        _ => Err(AccountRefusal::Unreachable.into()),
    }
}
