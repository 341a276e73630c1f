//! What is left of a session for a client that wants to resume it when it is gone: after a crash, a restart, or too late.
//!
//! Such a resumption fails (XEP-0198 §5), but the answer says how many of the session's stanzas were handled, and what
//! the client then sends again in the session that comes instead is written once.
//!
//! Both are found in the logs. Every entry carries the number of its stanza and, beside it, up to which number
//! everything was settled when the stanza was handed on. So the last entry of a session tells the last gapless count
//! that is sure, and the numbers of the entries behind that count continue it up to the first gap: `h` never covers a
//! stanza that is not known to be handled. Entries behind the gap were committed too, each room by itself. They are what
//! the client sends again though it was done, and are recognised by address, id and content; to such a repetition the
//! session answers as the first would have been answered. What has no id cannot be told from the same said twice, and is
//! written anew. A stanza that was not committed is found in no log, and takes its way.
//!
//! A row for each resumable session, committed before the client learns the session's id, leads from that id to the
//! entries. It names the session that this one came after, so that a second crash does not forget the first.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use perch_address::Jid;
use perch_xmpp::stanza::{Kind, Stanza};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chat::id::{RoomId, Seq, SessionId, Timestamp};
use crate::fanout::render::xmpp::message;
use crate::session::xmpp::content::content;
use crate::session::{Departure, Session, Sessions};
use crate::store::archive::Log;
use crate::store::error::StoreError;
use crate::store::session::{Addressee, SavedSession, SessionRow, Written};

/// A session that cannot be resumed, as far as the one that comes instead has to know it.
pub(crate) struct Former {
    id: SessionId,
    handled: u32,
    done: Vec<Done>,
    /// A client that has not sent it again by then never will.
    until: Timestamp,
}

/// A message that is in a log, and that the client may not know to be.
struct Done {
    to: Addressee,
    id: Box<str>,
    /// Without one the message was taken out since: its id has to do.
    content: Option<Digest>,
}

type Digest = [u8; SHA256_OUTPUT_LEN];

impl Former {
    /// How many of the client's stanzas are known to be handled.
    pub(crate) fn handled(&self) -> u32 {
        self.handled
    }
}

impl Sessions {
    /// What is known of a session that is over.
    pub(super) async fn follow(&self, saved: SavedSession) -> Result<Former, StoreError> {
        let store = self.0.rooms.store();
        let mut former = Former {
            id: saved.row.id,
            handled: handled(&saved),
            done: Vec::new(),
            until: self.0.clock.now().plus(self.0.policy.resumption_time),
        };
        let mut before = saved.row.former;
        former.done.extend(saved.written.into_iter().filter_map(Done::new));
        for _ in 0..CHAIN_MAX {
            let Some(id) = before else { break };
            let Some(saved) = store.session(id).await? else { break };
            before = saved.row.former;
            former.done.extend(saved.written.into_iter().filter_map(Done::new));
        }
        debug!(handled = former.handled, done = former.done.len(), "a session is followed");
        Ok(former)
    }

    /// Forgets sessions that are over for so long that nobody may ask for them any more.
    pub(crate) async fn forget_lapsed(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(FORGET_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.0.rooms.store().forget_lapsed_sessions(self.0.clock.now()).await {
                warn!(%error, "former sessions cannot be forgotten");
            }
        }
    }
}

impl Session {
    /// This session comes instead of one that its client could not resume.
    pub(crate) fn follow(&mut self, former: Box<Former>) {
        self.former = Some(former);
    }

    /// Answers a stanza that the former session had committed already. `false`: it is new.
    pub(super) async fn answer_repetition(&mut self, number: u64, stanza: &Stanza, to: &Jid) -> bool {
        if self.former.as_ref().is_some_and(|former| former.until < self.services.clock.now()) {
            self.former = None;
        }
        let Some(former) = &self.former else { return false };
        let Some(done) = former.done.iter().find(|done| done.is(stanza, to)) else { return false };
        if let Addressee::Room { id, seq, is_archived, .. } = done.to
            && stanza.type_.as_deref() == Some("groupchat")
        {
            self.reflect(to, id, seq, is_archived).await;
        }
        self.done(number);
        true
    }

    /// Shows the sender what the room made of his message, as all others were shown it.
    async fn reflect(&mut self, room: &Jid, id: RoomId, seq: Seq, is_archived: bool) {
        match self.services.rooms.store().message(Log::Room(id), seq).await {
            Ok(Some(found)) if found.tombstone.is_none() => {
                let id = is_archived.then_some(found.id);
                let room = room.bare();
                let frame = message::groupchat(room.as_str(), &found.author, &found.content, id, None);
                // A full queue of unacknowledged stanzas is found by the next frame from the mailbox.
                let _ = self.send(&frame);
            }
            Ok(_) => {}
            // It stays written; the sender finds it in the archive.
            Err(error) => warn!(%error, "a message cannot be shown to its sender"),
        }
    }

    /// Makes the session known to the store. `false`: it could not be found again, and is not to be promised.
    pub(super) async fn save(&self, id: &str) -> bool {
        let saved = self.services.rooms.store().save_sessions(vec![self.row(id, None)]).await;
        saved.inspect_err(|error| warn!(%error, "a session cannot be saved")).is_ok()
    }

    /// The session is over. Its row stays for a while, with the final count, unless its client does not come back.
    pub(crate) async fn save_end(&self, departure: Departure) {
        let Some(id) = self.resumption_id() else { return };
        let store = self.services.rooms.store();
        let saved = if departure == Departure::Own {
            store.forget_sessions(&[self.id]).await
        } else {
            let deadline = self.services.clock.now().plus(self.services.policy.resumption_time);
            store.save_sessions(vec![self.row(id, Some(deadline))]).await
        };
        if let Err(error) = saved {
            warn!(%error, "the end of a session cannot be saved");
        }
    }

    pub(super) fn row(&self, id: &str, deadline: Option<Timestamp>) -> SessionRow {
        let (handled, counted_from) = self.inbound.position();
        SessionRow {
            id: self.id,
            account: self.account.account(),
            resource: self.jid.resource().into(),
            deadline,
            handled: handled as i64,
            counted_from: counted_from as i64,
            acknowledged: Seq(0),
            resumption: Some(hash(id)),
            former: self.former.as_ref().map(|former| former.id),
        }
    }
}

impl Done {
    fn new(written: Written) -> Option<Self> {
        let content = (!written.payload.0.is_empty()).then(|| sha256(&written.payload.0));
        Some(Self { to: written.to, id: written.id?, content })
    }

    fn is(&self, stanza: &Stanza, to: &Jid) -> bool {
        let is_for_same = match &self.to {
            Addressee::Room { name, .. } => to.local() == Some(&**name),
            Addressee::Person(person) => person == to,
        };
        is_for_same
            && stanza.kind == Kind::Message
            && stanza.id.as_deref() == Some(&*self.id)
            && self
                .content
                .is_none_or(|known| known == sha256(&content(stanza, to.bare().as_str()).payload.0))
    }
}

/// What is sure, continued by what the logs have up to the first gap; the client counts from `<enable/>` on, modulo 2³².
fn handled(saved: &SavedSession) -> u32 {
    let mut settled = saved.settled;
    for written in &saved.written {
        if written.number == settled + 1 {
            settled += 1;
        }
    }
    (settled - saved.row.counted_from).max(0) as u64 as u32
}

/// Who reads the store cannot resume anybody's session.
pub(super) fn hash(id: &str) -> Box<str> {
    sha256(id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

fn sha256(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes).as_ref().try_into().expect("the length is that of SHA-256")
}

/// Crashes between which a client does not get round to sending everything again.
const CHAIN_MAX: usize = 8;
const FORGET_INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::AccountId;
    use crate::chat::message::Payload;

    fn saved(handled: i64, settled: i64, counted_from: i64, numbers: &[i64]) -> SavedSession {
        let row = SessionRow {
            id: SessionId(1),
            account: AccountId(1),
            resource: "phone".into(),
            deadline: None,
            handled,
            counted_from,
            acknowledged: Seq(0),
            resumption: None,
            former: None,
        };
        let person: Jid = "bob@localhost".parse().unwrap();
        let written = numbers.iter().map(|&number| Written {
            number,
            to: Addressee::Person(person.clone()),
            id: None,
            payload: Payload::default(),
        });
        SavedSession { row, settled, written: written.collect() }
    }

    #[test]
    fn the_count_ends_at_the_first_gap() {
        let check = |settled, counted_from, numbers: &[i64], expected| {
            let saved = saved(0, settled, counted_from, numbers);
            assert_eq!(handled(&saved), expected, "{settled} {counted_from} {numbers:?}");
        };
        check(0, 0, &[], 0);
        check(7, 0, &[], 7);
        check(7, 3, &[], 4);
        check(7, 0, &[8, 9], 9);
        check(7, 0, &[9, 10], 7);
        check(7, 0, &[8, 10, 11], 8);
        // In the sender's log and in the recipient's.
        check(7, 0, &[8, 8, 9], 9);
        check((1 << 32) + 6, 7, &[], u32::MAX);
        check((1 << 32) + 6, 7, &[(1 << 32) + 7], 0);
        check(2, 5, &[3], 0);
    }

    #[test]
    fn a_repetition_has_the_same_address_id_and_content() {
        let parse = |xml: &str| {
            let mut framer = perch_xmpp::xml::Framer::new(perch_xmpp::xml::Limits::CLIENT);
            framer.buffer().extend_from_slice(
                b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>",
            );
            framer.buffer().extend_from_slice(xml.as_bytes());
            framer.next().unwrap();
            match framer.next().unwrap() {
                Some(perch_xmpp::xml::Item::Stanza(stanza)) => stanza,
                _ => panic!("no stanza: {xml}"),
            }
        };
        let first =
            parse("<message to='tea@rooms.localhost' type='groupchat' id='a'><body>hi</body></message>");
        let room = Addressee::Room { id: RoomId(1), name: "tea".into(), seq: Seq(4), is_archived: true };
        let payload = content(&first, "tea@rooms.localhost").payload;
        let written = |to: &Addressee, payload: &Payload| Written {
            number: 1,
            to: to.clone(),
            id: Some("a".into()),
            payload: payload.clone(),
        };
        let check = |done: Written, to: &str, id: &str, body: &str, expected| {
            let again = parse(&format!(
                "<message to='{to}' type='groupchat' id='{id}'><body>{body}</body></message>"
            ));
            let done = Done::new(done).unwrap();
            assert_eq!(done.is(&again, &to.parse().unwrap()), expected, "{to} {id} {body}");
        };
        let in_room = written(&room, &payload);
        check(in_room.clone(), "tea@rooms.localhost", "a", "hi", true);
        check(in_room.clone(), "coffee@rooms.localhost", "a", "hi", false);
        check(in_room.clone(), "tea@rooms.localhost", "b", "hi", false);
        check(in_room, "tea@rooms.localhost", "a", "ho", false);
        check(written(&room, &Payload::default()), "tea@rooms.localhost", "a", "hi", true);
        let person = Addressee::Person("bob@localhost/phone".parse().unwrap());
        check(written(&person, &payload), "bob@localhost/phone", "a", "hi", true);
        check(written(&person, &payload), "bob@localhost", "a", "hi", false);
        let without_id = Written { id: None, ..written(&room, &payload) };
        assert!(Done::new(without_id).is_none(), "it may as well be the same, said twice");
    }
}
