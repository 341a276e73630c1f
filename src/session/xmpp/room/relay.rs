//! Requests from one occupant to another (XEP-0045 §17.4 of its text on iq, and XEP-0410): the room stands between them,
//! so that neither learns the other's real address.
//!
//! A relayed request gets an id of ours. The answer comes back to the room under that id and is led to who asked. In a
//! pool it may come to another member than the question: the id says to which one it has to go.

use std::collections::HashMap;

use parking_lot::Mutex;
use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::xml::Element;

use crate::chat::account::packet::Packet;
use crate::chat::id::Timestamp;
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::Mailbox;

/// Requests whose answer has not come yet.
pub(crate) struct Relays {
    /// What this member is called, where there are others.
    me: Option<Box<str>>,
    waiting: Mutex<HashMap<Box<str>, Waiting>>,
}

struct Waiting {
    asker: Mailbox,
    /// The asker's full address, and what it asked: the occupant's address and its own id of the request.
    asker_jid: Box<str>,
    asked: Box<str>,
    id: Option<Box<str>>,
    /// Who was asked really: nobody else may answer.
    responder: Box<str>,
    until: Timestamp,
}

/// Requests under way at a time, of all rooms of this member. Beyond it the oldest are given up.
const WAITING_MAX: usize = 10_000;
/// After this long an answer is no longer expected.
const PATIENCE_MS: i64 = 120_000;

impl Relays {
    pub(in crate::session) fn new(me: Option<Box<str>>) -> Self {
        Self { me, waiting: Mutex::default() }
    }

    /// Notes a request and returns the id under which it is sent on.
    pub(in crate::session) fn begin(
        &self,
        asker: Mailbox,
        request: &Stanza,
        responder: &str,
        now: Timestamp,
    ) -> Option<Box<str>> {
        let token = self.token()?;
        let waiting = Waiting {
            asker,
            asker_jid: request.from.as_deref()?.into(),
            asked: request.to.as_deref()?.into(),
            id: request.id.as_deref().map(Into::into),
            responder: responder.into(),
            until: Timestamp(now.0 + PATIENCE_MS),
        };
        let mut relays = self.waiting.lock();
        if relays.len() >= WAITING_MAX {
            relays.retain(|_, waiting| waiting.until > now);
        }
        if relays.len() >= WAITING_MAX {
            return None;
        }
        relays.insert(token.clone(), waiting);
        Some(token)
    }

    /// Leads an answer to who asked. An answer that nobody waits for, or from somebody else, is dropped.
    pub(in crate::session) fn finish(&self, answer: &Packet) {
        let Some(id) = answer.id.as_deref() else { return };
        let waiting = {
            let mut relays = self.waiting.lock();
            match relays.get(id) {
                Some(waiting) if answer.from.as_str() == &*waiting.responder => relays.remove(id),
                _ => None,
            }
        };
        let Some(waiting) = waiting else { return };
        let forwarded = Element::new("iq", namespace::CLIENT)
            .with_attribute("from", &*waiting.asked)
            .with_attribute("to", &*waiting.asker_jid)
            .with_optional("id", waiting.id.as_deref())
            .with_optional("type", answer.kind.type_attribute())
            .with_raw(answer.payload.0.clone());
        // Who asked and no longer reads needs no answer.
        let _ = waiting.asker.push(Frame::addressed(forwarded.to_bytes(namespace::CLIENT).to_vec()));
    }

    /// The other member that waits for an answer with that id.
    pub(in crate::session) fn asker_of<'a>(&self, id: &'a str) -> Option<&'a str> {
        let (member, _) = id.split_once('.')?;
        self.me.as_deref().is_some_and(|me| me != member).then_some(member)
    }

    fn token(&self) -> Option<Box<str>> {
        let mut bytes = [0; 12];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        let random: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Some(match &self.me {
            Some(me) => format!("{me}.{random}").into(),
            None => random.into(),
        })
    }
}
