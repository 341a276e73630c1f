//! The archive's preferences on the wire (XEP-0441).

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use super::{Answered, Asker, Fault};
use crate::account::{Answer, Command};
use crate::chat::account::preferences::{ArchiveDefault, ArchivePreferences};
use crate::chat::account::refusal::AccountRefusal;

pub(super) async fn answer(asker: &Asker<'_>, prefs: &Element, is_set: bool) -> Answered {
    let command = if is_set { Command::SetPreferences(read(prefs)?) } else { Command::Preferences };
    match asker.command(command).await? {
        Answer::Preferences(preferences) => Ok(Some(write(&preferences))),
        _ => Ok(None),
    }
}

fn read(prefs: &Element) -> Result<ArchivePreferences, Fault> {
    let default = prefs.attribute("default").and_then(ArchiveDefault::parse);
    Ok(ArchivePreferences {
        default: default.ok_or(AccountRefusal::BadRequest("the default is not known"))?,
        always: addresses(prefs, "always")?,
        never: addresses(prefs, "never")?,
    })
}

/// A list that is left out is an empty one: the whole is replaced.
fn addresses(prefs: &Element, list: &str) -> Result<Vec<Jid>, Fault> {
    let list = prefs.child(list, namespace::ARCHIVE);
    let jids =
        list.into_iter().flat_map(Element::children).filter(|child| child.is("jid", namespace::ARCHIVE));
    jids.map(|jid| Jid::new(&jid.text()).map_err(|_| Fault::Condition(StanzaCondition::JidMalformed)))
        .collect()
}

fn write(preferences: &ArchivePreferences) -> Element {
    let jid = |jid: &Jid| Element::new("jid", namespace::ARCHIVE).with_text(jid.as_str());
    let list =
        |name: &str, jids: &[Jid]| Element::new(name, namespace::ARCHIVE).with_children(jids.iter().map(jid));
    Element::new("prefs", namespace::ARCHIVE)
        .with_attribute("default", preferences.default.as_str())
        .with_child(list("always", &preferences.always))
        .with_child(list("never", &preferences.never))
}
