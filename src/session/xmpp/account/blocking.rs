//! The block list on the wire (XEP-0191).

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault};
use crate::account::{Answer, Command, wire};

pub(super) async fn list(asker: &Asker<'_>) -> Answered {
    match asker.command(Command::BlockList).await? {
        Answer::BlockList(jids) => Ok(Some(wire::block_items("blocklist", &jids))),
        _ => Ok(None),
    }
}

pub(super) async fn block(asker: &Asker<'_>, block: &Element) -> Answered {
    asker.done(Command::Block(addresses(block)?)).await
}

pub(super) async fn unblock(asker: &Asker<'_>, unblock: &Element) -> Answered {
    asker.done(Command::Unblock(addresses(unblock)?)).await
}

fn addresses(list: &Element) -> Result<Vec<Jid>, Fault> {
    let items = list.children().filter(|child| child.is("item", namespace::BLOCKING));
    let address = |item: &Element| item.attribute("jid").and_then(|jid| Jid::new(jid).ok());
    items.map(|item| address(item).ok_or(Fault::Condition(StanzaCondition::JidMalformed))).collect()
}
