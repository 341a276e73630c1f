//! Private XML storage (XEP-0049). Bookmarks in it are those of the account's node (XEP-0402 §6).

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, bookmarks};
use crate::account::{Command, wire};
use crate::chat::account::refusal::AccountRefusal;

pub(super) async fn get(asker: &Asker<'_>, query: &Element) -> Answered {
    let wanted = only_child(query)?;
    let content = if wanted.is("storage", namespace::BOOKMARKS_PRIVATE) {
        bookmarks::read(asker).await?
    } else {
        let store = asker.services.accounts.store();
        let kept = store.private_xml(asker.account()?, wanted.namespace(), wanted.name()).await?;
        let kept = kept.and_then(|payload| Element::parse(&payload.0, namespace::CLIENT).ok());
        // What was never stored is sent back as it was asked for (§3.2).
        kept.unwrap_or_else(|| wanted.clone())
    };
    Ok(Some(Element::new("query", namespace::PRIVATE_STORAGE).with_child(content)))
}

pub(super) async fn set(asker: &Asker<'_>, query: &Element) -> Answered {
    let content = only_child(query)?;
    if content.namespace().is_empty() || content.namespace() == namespace::PRIVATE_STORAGE {
        return Err(AccountRefusal::NotAcceptable("the element needs a namespace of its own").into());
    }
    if content.is("storage", namespace::BOOKMARKS_PRIVATE) {
        return bookmarks::write(asker, content).await;
    }
    asker
        .done(Command::SetPrivate {
            namespace: content.namespace().into(),
            name: content.name().into(),
            payload: wire::payload(content),
        })
        .await
}

fn only_child(query: &Element) -> Result<&Element, AccountRefusal> {
    let mut children = query.children();
    match (children.next(), children.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(AccountRefusal::BadRequest("exactly one element is needed")),
    }
}
