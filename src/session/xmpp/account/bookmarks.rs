//! One set of bookmarks for old and new clients (XEP-0402 §6, XEP-0048): each lies in the node as an item of its own, and
//! together they are the old element.

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault};
use crate::account::{Command, PepCommand, wire};
use crate::chat::account::node::{Item, NodeSettings};
use crate::chat::message::Payload;
use crate::store::account_log::ItemChoice;

/// The old element, made of the node's items and of what only the old element has.
pub(super) async fn read(asker: &Asker<'_>) -> Result<Element, Fault> {
    let items = items(asker).await?;
    let store = asker.services.accounts.store();
    let rest = store.private_xml(asker.account()?, namespace::BOOKMARKS_PRIVATE, "storage").await?;
    let rest = rest.and_then(|rest| Element::parse(&rest.0, namespace::CLIENT).ok());
    let rest = rest.iter().flat_map(Element::children).filter(|child| !is_conference(child)).cloned();
    Ok(Element::new("storage", namespace::BOOKMARKS_PRIVATE)
        .with_children(items.iter().filter_map(old_form))
        .with_children(rest))
}

/// Takes the old element apart: only what differs is published (XEP-0402 §6.3).
pub(super) async fn write(asker: &Asker<'_>, storage: &Element) -> Answered {
    let known = items(asker).await?;
    let mut wanted: Vec<(Box<str>, Element)> = Vec::new();
    for conference in storage.children().filter(|child| is_conference(child)) {
        let Some(room) = conference.attribute("jid").and_then(|jid| BareJid::new(jid).ok()) else { continue };
        let before = known.iter().find(|item| *item.id == *room.as_str()).and_then(parsed);
        wanted.push((room.as_str().into(), new_form(conference, before.as_ref())));
    }
    let is_known = |id: &str, conference: &Element| {
        known.iter().any(|item| *item.id == *id && parsed(item).as_ref() == Some(conference))
    };
    let published: Vec<(Box<str>, Payload)> = wanted
        .iter()
        .filter(|(id, conference)| !is_known(id, conference))
        .map(|(id, conference)| (id.clone(), wire::payload(conference)))
        .collect();
    let is_gone = |item: &&Item| wanted.iter().all(|(id, _)| *id != item.id);
    let retracted = known.iter().filter(is_gone).map(|item| item.id.clone()).collect();
    let others = storage.children().filter(|child| !is_conference(child)).cloned();
    let rest = Element::new("storage", namespace::BOOKMARKS_PRIVATE).with_children(others);
    let command = PepCommand::SetBookmarks { published, retracted, rest: wire::payload(&rest) };
    asker.done(Command::Pep(command)).await
}

async fn items(asker: &Asker<'_>) -> Result<Vec<Item>, Fault> {
    let all = ItemChoice::Newest(NodeSettings::ITEMS_LIMIT);
    Ok(asker.services.accounts.store().node_items(asker.account()?, namespace::BOOKMARKS, &all).await?)
}

fn is_conference(child: &Element) -> bool {
    child.is("conference", namespace::BOOKMARKS_PRIVATE)
}

fn parsed(item: &Item) -> Option<Element> {
    Element::parse(&item.payload.0, namespace::CLIENT).ok()
}

fn old_form(item: &Item) -> Option<Element> {
    let conference = parsed(item)?;
    let text = |name: &str| {
        let text = conference.child_text(name, namespace::BOOKMARKS)?;
        Some(Element::new(name, namespace::BOOKMARKS_PRIVATE).with_text(&text))
    };
    Some(
        Element::new("conference", namespace::BOOKMARKS_PRIVATE)
            .with_attribute("jid", &*item.id)
            .with_optional("name", conference.attribute("name"))
            .with_optional("autojoin", conference.attribute("autojoin"))
            .with_children(text("nick"))
            .with_children(text("password")),
    )
}

/// Extensions, which the old form cannot carry, stay as they were (XEP-0402 §3).
fn new_form(conference: &Element, before: Option<&Element>) -> Element {
    let text = |name: &str| {
        let text = conference.child_text(name, namespace::BOOKMARKS_PRIVATE)?;
        Some(Element::new(name, namespace::BOOKMARKS).with_text(&text))
    };
    let extensions = before.and_then(|before| before.child("extensions", namespace::BOOKMARKS)).cloned();
    Element::new("conference", namespace::BOOKMARKS)
        .with_optional("name", conference.attribute("name"))
        .with_optional("autojoin", conference.attribute("autojoin"))
        .with_children(text("nick"))
        .with_children(text("password"))
        .with_children(extensions)
}

#[cfg(test)]
mod tests {
    use perch_address::Jid;

    use super::*;
    use crate::chat::id::Timestamp;

    fn element(text: &str) -> Element {
        Element::parse(text.as_bytes(), namespace::CLIENT).unwrap()
    }

    #[test]
    fn a_bookmark_goes_through_the_old_form_and_keeps_what_that_does_not_know() {
        let new = "<conference xmlns='urn:xmpp:bookmarks:1' name='Orchard' autojoin='1'><nick>JC</nick>\
            <extensions><state xmlns='http://x' minimized='true'/></extensions></conference>";
        let item = Item {
            id: "orchard@conference.example".into(),
            payload: wire::payload(&element(new)),
            publisher: Jid::new("juliet@capulet.example/x").unwrap(),
            at: Timestamp(0),
        };
        let old = "<conference xmlns='storage:bookmarks' jid='orchard@conference.example' name='Orchard' autojoin='1'>\
            <nick>JC</nick></conference>";
        assert_eq!(old_form(&item), Some(element(old)));
        assert_eq!(new_form(&element(old), Some(&element(new))), element(new));
        let without = "<conference xmlns='urn:xmpp:bookmarks:1' name='Orchard' autojoin='1'><nick>JC</nick></conference>";
        assert_eq!(new_form(&element(old), None), element(without));
    }
}
