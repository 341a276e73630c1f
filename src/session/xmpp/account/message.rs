//! Messages to people (RFC 6121 §5): what of them is passed on, how long it is kept, and who else gets a copy.

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Child, Stanza};

use super::message_kind;
use crate::account::Draft;
use crate::chat::account::packet::MessageKind;
use crate::chat::message::{Content, Payload, Retention};
use crate::session::Session;
use crate::session::outstanding::Context;
use crate::session::xmpp::content::{is_servers_word, retention};

impl Session {
    /// Without an address it is for the account itself (RFC 6120 §10.3.1).
    pub(super) async fn send_message(&mut self, number: u64, stanza: &Stanza, to: Option<Jid>) {
        let to = to.unwrap_or_else(|| self.jid.bare().into());
        if to.local().is_none() {
            // Nobody reads what is said to the server itself.
            return self.refuse(number, stanza, StanzaCondition::ServiceUnavailable);
        }
        let draft = draft(stanza, self.jid.as_jid(), to, self.services.domain.domain());
        self.outstanding.insert(number, Context::of(stanza));
        self.account.post(draft, self.origin(number), number).await;
    }
}

/// A message as it is handed in; `domain` is ours.
fn draft(stanza: &Stanza, from: &Jid, to: Jid, domain: &str) -> Draft {
    let kind = message_kind(stanza);
    let retention = match kind {
        MessageKind::Chat | MessageKind::Normal => retention(stanza),
        // Said to who is there (RFC 6121 §5.2.2); an error concerns one session alone.
        MessageKind::Groupchat | MessageKind::Headline | MessageKind::Error => Retention::Ephemeral,
    };
    let content = Content {
        id: stanza.id.as_deref().map(Into::into),
        lang: stanza.lang.as_deref().map(Into::into),
        text: stanza.child("body", namespace::CLIENT).map(|body| body.text().into()),
        payload: Payload(stanza.payload_without(|child| is_forged(child, domain))),
        retention,
    };
    Draft {
        kind,
        from: from.clone(),
        to,
        is_kept_offline: retention != Retention::Ephemeral && !has_hint(stanza, "no-store"),
        is_copied: is_copied(stanza, kind),
        content,
    }
}

/// What others would take for a server's own word.
fn is_forged(child: &Child<'_>, domain: &str) -> bool {
    match (child.name(), child.namespace()) {
        // XEP-0359 §5: the ids that our accounts and rooms give; a room's that is quoted names the room.
        ("stanza-id", namespace::STABLE_ID) => child
            .element()
            .attribute("by")
            .and_then(|by| Jid::new(by).ok())
            .is_none_or(|by| by.domain() == domain && by.is_bare()),
        ("delay", namespace::DELAY) => child
            .element()
            .attribute("from")
            .and_then(|from| Jid::new(from).ok())
            .is_some_and(|from| from.domain() == domain),
        _ => is_servers_word(child),
    }
}

/// XEP-0280 §6.1, whose rules the server announces to keep.
fn is_copied(stanza: &Stanza, kind: MessageKind) -> bool {
    if stanza.has("private", namespace::CARBONS) || has_hint(stanza, "no-copy") {
        return false;
    }
    match kind {
        MessageKind::Chat => true,
        MessageKind::Groupchat | MessageKind::Headline => false,
        MessageKind::Normal | MessageKind::Error => {
            stanza.children().any(|child| is_conversation(&child, kind))
        }
    }
}

/// What makes a message that is not of type "chat" part of a conversation. An error is if it answers such a message:
/// its sender may have sent that back along with it.
fn is_conversation(child: &Child<'_>, kind: MessageKind) -> bool {
    match (child.name(), child.namespace()) {
        ("body", namespace::CLIENT) => true,
        (_, namespace::RECEIPTS | namespace::CHAT_STATES | namespace::MARKERS) => true,
        ("x", namespace::DIRECT_INVITATION) => kind == MessageKind::Normal,
        _ => false,
    }
}

fn has_hint(stanza: &Stanza, name: &str) -> bool {
    stanza.has(name, namespace::HINTS)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use perch_xmpp::stanza::Kind;

    use super::*;

    fn stanza(kind: &str, content: &str) -> Stanza {
        let payload = Bytes::from(content.to_owned());
        let mut stanza = Stanza::from_payload(Kind::Message, payload).unwrap();
        stanza.type_ = Some(kind.into());
        stanza
    }

    fn drafted(kind: &str, content: &str) -> Draft {
        let from = Jid::new("romeo@montague.example/garden").unwrap();
        draft(&stanza(kind, content), &from, Jid::new("juliet@capulet.example").unwrap(), "montague.example")
    }

    #[test]
    fn what_is_kept_copied_and_waits() {
        use Retention::{Ephemeral, Kept, Transient};
        let check = |kind, content: &str, retention, is_kept_offline, is_copied| {
            let draft = drafted(kind, content);
            let found = (draft.content.retention, draft.is_kept_offline, draft.is_copied);
            assert_eq!(found, (retention, is_kept_offline, is_copied), "{kind} {content}");
        };
        let (body, state) = ("<body>hi</body>", "<active xmlns='http://jabber.org/protocol/chatstates'/>");
        let hint = |name: &str| format!("{body}<{name} xmlns='urn:xmpp:hints'/>");
        check("chat", body, Kept, true, true);
        check("normal", body, Kept, true, true);
        check("unheard-of", body, Kept, true, true);
        check("chat", state, Ephemeral, false, true);
        check("normal", state, Ephemeral, false, true);
        check("normal", "<x xmlns='urn:something'/>", Kept, true, false);
        check("normal", "<x xmlns='jabber:x:conference' jid='a@b'/>", Kept, true, true);
        check("headline", body, Ephemeral, false, false);
        check("groupchat", body, Ephemeral, false, false);
        check("error", body, Ephemeral, false, true);
        check("error", "<error/>", Ephemeral, false, false);
        check("chat", &hint("no-store"), Transient, false, true);
        check("chat", &hint("no-permanent-store"), Transient, true, true);
        check("chat", &hint("no-copy"), Kept, true, false);
        check("chat", &format!("{state}<store xmlns='urn:xmpp:hints'/>"), Kept, true, true);
        check("chat", &format!("{body}<private xmlns='urn:xmpp:carbons:2'/>"), Kept, true, false);
    }

    #[test]
    fn what_only_a_server_may_say_is_taken_out() {
        let check = |element: &str, is_kept: bool| {
            let draft = drafted("chat", &format!("<body>hi</body>{element}"));
            let expected = if is_kept { element } else { "" };
            assert_eq!(draft.content.payload.as_str(), format!("<body>hi</body>{expected}"));
        };
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='romeo@montague.example' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@montague.example' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='room@elsewhere.example' id='1'/>", true);
        check("<origin-id xmlns='urn:xmpp:sid:0' id='1'/>", true);
        check("<delay xmlns='urn:xmpp:delay' from='montague.example' stamp='2002-09-10T23:08:25Z'/>", false);
        check("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>", true);
        check("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>", false);
        check("<x xmlns='http://jabber.org/protocol/muc#user'/>", false);
        check("<result xmlns='urn:xmpp:mam:2'/>", false);
        check("<fin xmlns='urn:xmpp:mam:2'/>", false);
        check("<sent xmlns='urn:xmpp:carbons:2'/>", false);
        check("<received xmlns='urn:xmpp:carbons:2'/>", false);
        check("<event xmlns='http://jabber.org/protocol/pubsub#event'/>", false);
        check("<private xmlns='urn:xmpp:carbons:2'/>", true);
    }
}
