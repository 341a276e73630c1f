//! Sessions that go from one member of a pool to another (XEP-0198 §5 says nothing of where a stream is resumed): because
//! the member is drained, or because the client came back by another way.
//!
//! Whoever meets the client asks for the session by its id. Whoever has it takes it off its rooms and its account, each
//! at one place of its log, and leaves all of it in the store, the exact queue of what the client has not acknowledged
//! included. Whoever takes it from there goes on at the same places. What nobody takes is ended when its time is over.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::stream::management::Inbound;
use perch_xmpp::xml::Element;
use serde::{Deserialize, Serialize};
use tracing::{debug, warn};

use crate::account::Held;
use crate::chat::command::Command;
use crate::chat::event;
use crate::chat::id::Seq;
use crate::chat::note::Note;
use crate::chat::refusal::Refusal;
use crate::chat::sorted::Sorted;
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::{Ending, mailbox};
use crate::session::management::{Management, Promised};
use crate::session::outstanding::Outstanding;
use crate::session::resumption::{Former, hash};
use crate::session::xmpp::adhoc::CommandsBegun;
use crate::session::{Departure, NOWHERE, Opened, Session, Sessions, Telling, to_attribute};
use crate::store::error::StoreError;

/// A session without a connection and a member.
#[derive(Serialize, Deserialize)]
struct Transfer {
    place: Place,
    handled: u64,
    received: u64,
    counted_from: u64,
    promised: Promised,
    /// Whether it is told that there is something in rooms that it follows; none where it follows none.
    #[serde(default)]
    follows: Option<bool>,
}

/// Where it stood in the logs.
#[derive(Clone, Serialize, Deserialize)]
pub struct Place {
    held: Held,
    rooms: Vec<JoinedRoom>,
}

#[derive(Clone, Serialize, Deserialize)]
struct JoinedRoom {
    name: Box<str>,
    nick: Box<str>,
    /// The last event that it was shown; none where it was not shown all up to the end.
    after: Option<Seq>,
}

/// What is known of a session whose client wants it, and that is not on this member.
pub(crate) enum Found {
    /// It goes on here.
    Here(Box<Opened>),
    /// It is over, or there is none.
    Over(Option<Box<Former>>),
}

impl Sessions {
    /// Looks for the session whose client was given that id: one of this account that another member has, or that is
    /// over. An error says that the client must come back later: what it sends again now would not be recognised.
    /// `is_here`: this member has it, and could not take the client just now.
    pub(crate) async fn find(&self, account: &BareJid, id: &str, is_here: bool) -> Result<Found, StoreError> {
        let begun = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            match self.look(account, id, is_here).await {
                Ok(Some(found)) => return Ok(found),
                // Wherever it is, it is asked for; a member that is dead is found out in less.
                Ok(None) if begun.elapsed() < PATIENCE => {
                    self.0.accounts.bus().publish(Note::SessionWanted { id: id.into() });
                }
                Err(error) if begun.elapsed() < PATIENCE => {
                    debug!(%error, "a session cannot be looked up yet")
                }
                Ok(None) => {
                    warn!("a session is neither given up nor over");
                    return Err(StoreError::Unavailable);
                }
                Err(error) => {
                    warn!(%error, "a session cannot be looked up");
                    return Err(error);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// This member does not have the session of that id, whatever the store says.
    pub(crate) async fn disown(&self, id: &str) {
        let deadline = self.0.clock.now().plus(self.0.policy.resumption_time);
        if let Err(error) = self.0.rooms.store().disown_session(&hash(id), deadline).await {
            debug!(%error, "a session that is not here is not known to be over yet");
        }
    }

    /// `None`: it is somewhere, or was a moment ago.
    async fn look(&self, account: &BareJid, id: &str, is_here: bool) -> Result<Option<Found>, StoreError> {
        let store = self.0.rooms.store();
        let Some(saved) = store.session_to_resume(&hash(id)).await? else {
            return Ok(Some(Found::Over(None)));
        };
        let owner = store.account(account.local().unwrap_or_default()).await?;
        // Nobody even learns that another's session exists.
        if owner.is_none_or(|owner| owner.id != saved.row.account) {
            return Ok(Some(Found::Over(None)));
        }
        if saved.row.deadline.is_none() {
            if !is_here {
                self.disown(id).await;
            }
            return Ok(None);
        }
        match store.take_session(&hash(id)).await? {
            Some(state) => {
                let opened = self.take_in(&state, Some(id)).await?;
                Ok(Some(Found::Here(Box::new(opened))))
            }
            None => Ok(Some(Found::Over(Some(Box::new(self.follow(saved).await?))))),
        }
    }

    /// Ends the sessions that were left in the store and that nobody came for, for this member is given them.
    pub(crate) async fn end_unclaimed(&self) -> Result<(), StoreError> {
        let store = self.0.rooms.store();
        for row in store.claim_due_sessions(self.0.clock.now(), CLAIMS_MAX).await? {
            let Some(resumption) = &row.resumption else { continue };
            if let Some(state) = store.take_session(resumption).await? {
                let Opened { session, .. } = self.take_in(&state, None).await?;
                debug!(jid = %session.jid(), "nobody came for a session");
                session.end(Departure::Lost).await;
            }
            store.forget_sessions(&[row.id]).await?;
        }
        Ok(())
    }

    /// Goes on with a session where it was left. Without the id that its client has, the client is not there.
    async fn take_in(&self, state: &str, id: Option<&str>) -> Result<Opened, StoreError> {
        let Ok(transfer) = serde_json::from_str::<Transfer>(state) else {
            warn!("what another member left of a session cannot be read");
            return Err(StoreError::Unavailable);
        };
        let Transfer { place: Place { held, rooms }, handled, received, counted_from, promised, follows } =
            transfer;
        let mut inbound = Inbound::resume(handled, counted_from);
        for number in handled + 1..=received {
            inbound.receive();
            if !promised.has_refused(number) {
                inbound.settle(number);
            }
        }
        let (session, jid) = (held.session, held.jid.clone());
        let (mailbox, inbox) = mailbox();
        let account = self.0.accounts.resume(held, mailbox.clone()).await;
        let account = account.map_err(|_condition| StoreError::Unavailable)?;
        self.admit(session, account.account(), jid.bare(), mailbox.clone()).await;
        let mut session = Session {
            services: self.0.clone(),
            id: session,
            to: to_attribute(&jid),
            jid,
            mailbox: mailbox.clone(),
            account,
            peer: NOWHERE,
            commands: CommandsBegun::default(),
            joined: Sorted::default(),
            following: None,
            inbound,
            outstanding: Outstanding::default(),
            brought: None,
            management: id.map(|id| Management::resume(promised, id)),
            former: None,
            out: Vec::new(),
            written_mark: None,
        };
        let attach = |room: &JoinedRoom| {
            let (name, after) = (room.name.clone(), room.after);
            let (actor, mailbox, rooms) = (session.actor(None), mailbox.clone(), self.0.rooms.clone());
            async move {
                let after = after.ok_or(Refusal::NotAnOccupant)?;
                rooms.attach(&name, actor, after, mailbox).await
            }
        };
        let outcomes = join_all(rooms.iter().map(attach)).await;
        for (room, outcome) in rooms.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => session.joined.insert(room.name, (*room.nick).into()),
                Err(refusal) => {
                    debug!(room = %room.name, %refusal, "a room is lost on the way");
                    session.tell_lost(&room);
                    // Should it be in there after all, nobody knows of it any more. This is done before the session can
                    // come in again, from wherever: it is not to be put out of a place that it has taken since.
                    let (actor, cause) = (session.actor(None), event::Departure::Technical);
                    let left = self.0.rooms.execute(&room.name, actor, Command::Remove { cause }).await;
                    if !matches!(left, Ok(()) | Err(Refusal::NotAnOccupant | Refusal::NoSuchRoom)) {
                        mailbox.end(Ending::Lost);
                    }
                }
            }
        }
        session.go_on_following(follows).await;
        Ok(Opened { session, inbox })
    }
}

impl Session {
    /// Takes the session off its account and its rooms. What they had for it is in its mailbox, and nothing more comes.
    pub(crate) async fn release(&self) -> Option<Place> {
        let deadline = self.services.clock.now().plus(self.resumption_time());
        let rooms = self.joined.iter().map(|(name, nick)| {
            let (rooms, actor) = (&self.services.rooms, self.actor(None));
            async move {
                let after = rooms.release(name, actor, deadline).await;
                JoinedRoom { name: name.clone(), nick: (**nick).into(), after }
            }
        });
        let rooms = join_all(rooms).await;
        Some(Place { held: self.account.release().await?, rooms })
    }

    /// Leaves the session in the store, for whichever member its client comes to.
    pub(crate) async fn leave_behind(&self, place: &Place) -> Result<(), StoreError> {
        let (handled, counted_from) = self.inbound.position();
        let Some(promised) = self.management.as_ref().and_then(Management::promised) else {
            return Err(StoreError::Unavailable);
        };
        let received = self.inbound.received();
        let transfer = Transfer {
            place: place.clone(),
            handled,
            received,
            counted_from,
            promised,
            follows: self.following.as_ref().map(|following| following.is_told()),
        };
        let state = serde_json::to_string(&transfer).expect("a session is plain data");
        let store = self.services.rooms.store();
        let deadline = self.services.clock.now().plus(self.resumption_time());
        let row = self.row(self.resumption_id().unwrap_or_default(), Some(deadline));
        store.leave_session(&row, &state).await?;
        self.services.live.remove(&self.id);
        Ok(())
    }

    async fn go_on_following(&mut self, follows: Option<bool>) {
        if let Some(is_told) = follows {
            self.follow_rooms(if is_told { Telling::Anew } else { Telling::Not }).await;
        }
    }

    /// A room that could not be gone on with: its seat is gone, or the room is (XEP-0045 §7.14).
    fn tell_lost(&self, room: &JoinedRoom) {
        let from = format!("{}@{}/{}", room.name, self.services.rooms.domain(), room.nick);
        let item = Element::new("item", namespace::MUC_USER)
            .with_attribute("affiliation", "none")
            .with_attribute("role", "none");
        let status = |code| Element::new("status", namespace::MUC_USER).with_attribute("code", code);
        let user = Element::new("x", namespace::MUC_USER)
            .with_child(item)
            .with_child(status("110"))
            .with_child(status("333"));
        let presence = Element::new("presence", namespace::CLIENT)
            .with_attribute("type", "unavailable")
            .with_attribute("from", from)
            .with_attribute("to", self.jid.as_str())
            .with_child(user);
        let frame = Frame::addressed(presence.to_bytes(namespace::CLIENT).to_vec());
        let _ = self.mailbox.push(frame);
    }
}

/// How long a session is looked for that seems to be somewhere. A member that is dead is found out, and its sessions
/// declared over, in less.
const PATIENCE: Duration = Duration::from_secs(12);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Sessions ended at a time.
const CLAIMS_MAX: u32 = 64;
