//! The roster on the wire (RFC 6121 §2).

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault};
use crate::account::{Answer, Command, RosterAnswer, RosterItem, wire};
use crate::chat::account::refusal::AccountRefusal;

/// The content of the result, and the pushes that follow it.
pub(super) async fn get(
    asker: &Asker<'_>,
    query: &Element,
) -> Result<(Option<Element>, Vec<Element>), Fault> {
    let version = query.attribute("ver");
    let since = version.and_then(|version| version.parse().ok());
    let answer = asker.command(Command::Roster { since }).await?;
    Ok(match answer {
        Answer::Roster(RosterAnswer::Full { contacts, version: current }) => {
            let query = Element::new("query", namespace::ROSTER)
                // Only who asks by version is told one (RFC 6121 §2.6.2).
                .with_optional("ver", version.map(|_| current.to_string()))
                .with_children(contacts.iter().map(wire::roster_item));
            (Some(query), Vec::new())
        }
        Answer::Roster(RosterAnswer::Since { pushes }) => {
            (None, pushes.iter().map(wire::roster_push_element).collect())
        }
        _ => (None, Vec::new()),
    })
}

/// RFC 6121 §2.3.2: one item; all of its attributes but three are for the server alone to set.
pub(super) async fn set(asker: &Asker<'_>, query: &Element) -> Answered {
    let mut items = query.children().filter(|child| child.is("item", namespace::ROSTER));
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(AccountRefusal::BadRequest("exactly one item is needed").into());
    };
    let jid = item.attribute("jid").ok_or(AccountRefusal::BadRequest("the item has no address"))?;
    let jid = perch_address::Jid::new(jid).map_err(|_| Fault::Condition(StanzaCondition::JidMalformed))?;
    let jid: BareJid = jid.bare();
    if item.attribute("subscription") == Some("remove") {
        return asker.done(Command::RemoveContact(jid)).await;
    }
    if jid == asker.bare() {
        return Err(AccountRefusal::NotAllowed.into());
    }
    let groups = item.children().filter(|child| child.is("group", namespace::ROSTER));
    let item = RosterItem {
        jid,
        name: item.attribute("name").map(Into::into),
        groups: groups.map(|group| group.text().into()).collect(),
    };
    asker.done(Command::SetContact(item)).await
}
