//! One signed-in device: what its stanzas ask for, what it is owed, and what it must be left out of when it goes.

mod followers;
mod management;
mod outstanding;
pub mod resumption;
pub mod transfer;
pub mod xmpp;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use dashmap::DashMap;
use perch_address::{BareJid, FullJid};
use perch_xmpp::stanza::Stanza;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stream::management::Inbound;
use perch_xmpp::stream::{StreamCondition, StreamFailure};
use perch_xmpp::xml::Element;
use tokio_util::sync::CancellationToken;

use crate::account::{AccountHandle, Accounts};
use crate::admin::Admin;
use crate::chat::command::{Actor, Command};
use crate::chat::event;
use crate::chat::id::{AccountId, Origin, Seq, SessionId};
use crate::chat::message::Payload;
use crate::chat::note::Note;
use crate::chat::refusal::Refusal;
use crate::chat::sorted::Sorted;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::{Ending, Inbox, Mailbox, mailbox};
use crate::room::{Receipt, Rooms};
pub(crate) use crate::session::followers::Telling;
use crate::session::followers::{Followers, Following};
use crate::session::management::Management;
use crate::session::outstanding::{Context, Outstanding};
use crate::session::resumption::Former;
use crate::session::xmpp::adhoc::CommandsBegun;
use crate::session::xmpp::room::relay::Relays;

/// All sessions of this member, and what they need. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Services>);

pub(crate) struct Services {
    pub(crate) domain: BareJid,
    pub(crate) rooms: Rooms,
    pub(crate) accounts: Accounts,
    pub(crate) admin: Admin,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    /// Sessions that are told what is new in rooms that they are not in.
    pub(crate) followers: Arc<Followers>,
    /// Requests between occupants whose answer has not come yet.
    pub(crate) relays: Relays,
    directory: Directory,
    live: DashMap<SessionId, Live>,
}

/// A session as others reach it.
struct Live {
    account: AccountId,
    address: BareJid,
    mailbox: Mailbox,
}

/// What the configuration says of sessions.
#[derive(Debug, Clone)]
pub struct Policy {
    pub administrators: Vec<BareJid>,
    /// How long a session waits for its client to come back (XEP-0198).
    pub resumption_time: std::time::Duration,
    /// What this member of a pool is called; none where there are no others.
    pub member: Option<Box<str>>,
}

/// A session that has just begun, with the end of its mailbox that is read.
pub struct Opened {
    pub session: Session,
    pub inbox: Inbox,
}

/// What makes a message findable that another session may bring again: whoever sends both times says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The conversation, in place of the session.
    pub conversation: SessionId,
    /// The place in it.
    pub number: i64,
}

/// How a session ended, which decides what its rooms are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The client said goodbye.
    Own,
    /// The server ended it.
    Ended,
    /// The connection broke and nobody came back.
    Lost,
}

/// One signed-in device.
pub struct Session {
    services: Arc<Services>,
    id: SessionId,
    jid: FullJid,
    /// ` to='…'`, as every stanza to this session has it.
    to: Box<[u8]>,
    mailbox: Mailbox,
    account: AccountHandle,
    /// From where its client is connected, or was last.
    peer: IpAddr,
    /// Commands whose form its client has.
    commands: CommandsBegun,
    /// Rooms that it joined, by localpart, with the nick it asked for.
    joined: Sorted<Box<str>, Arc<str>>,
    /// Rooms that it follows, if it does. Boxed, as most do not.
    following: Option<Box<Following>>,
    inbound: Inbound,
    outstanding: Outstanding,
    /// The key that the stanza of that number brought along.
    brought: Option<(u64, Key)>,
    management: Option<Management>,
    /// The session that its client could not resume, for a while.
    former: Option<Box<Former>>,
    /// Bytes to be written next.
    out: Vec<u8>,
    /// The last message of the account's log among them, where the client does not acknowledge.
    written_mark: Option<Seq>,
}

impl Sessions {
    pub fn new(
        domain: BareJid,
        rooms: Rooms,
        accounts: Accounts,
        admin: Admin,
        directory: Directory,
        clock: Clock,
        policy: Policy,
    ) -> Self {
        Self(Arc::new(Services {
            directory,
            domain,
            followers: Arc::new(Followers::new(rooms.clone())),
            rooms,
            accounts,
            admin,
            clock,
            relays: Relays::new(policy.member.clone()),
            policy,
            live: DashMap::new(),
        }))
    }

    /// Begins a session. A resource that is asked for and taken is taken over: its former session ends
    /// (RFC 6120 §7.7.2.2, first way).
    pub async fn open(&self, account: &BareJid, wanted: Option<FullJid>) -> Result<Opened, StanzaCondition> {
        let id = random_session_id().ok_or(StanzaCondition::InternalServerError)?;
        let jid = match wanted {
            Some(jid) => jid,
            None => account
                .with_resource(&format!("{:012x}", id.0 & 0xffff_ffff_ffff))
                .map_err(|_malformed| StanzaCondition::InternalServerError)?,
        };
        let (mailbox, inbox) = mailbox();
        let account = self.0.accounts.attach(id, jid.clone(), mailbox.clone()).await?;
        self.admit(id, account.account(), jid.bare(), mailbox.clone()).await;
        let session = Session {
            services: Arc::clone(&self.0),
            id,
            to: to_attribute(&jid),
            jid,
            mailbox,
            account,
            peer: NOWHERE,
            commands: CommandsBegun::default(),
            joined: Sorted::default(),
            following: None,
            inbound: Inbound::default(),
            outstanding: Outstanding::default(),
            brought: None,
            management: None,
            former: None,
            out: Vec::new(),
            written_mark: None,
        };
        Ok(Opened { session, inbox })
    }

    /// Whether the policy in force lets that account use rooms.
    pub fn lets_use_rooms(&self, account: &BareJid) -> bool {
        self.0.directory.view().is_enabled(account)
    }

    /// Ends every session, as the service does when it stops.
    pub fn end_all(&self, ending: Ending) {
        for entry in &self.0.live {
            entry.value().mailbox.end(ending);
        }
    }

    /// Sends every client to another member, as many at a time as the others take in, for as long as that is wanted.
    pub async fn send_away(&self, is_wanted: impl Fn() -> bool) {
        let live: Vec<Mailbox> = self.0.live.iter().map(|entry| entry.value().mailbox.clone()).collect();
        for some in live.chunks(SENT_TOGETHER) {
            if !is_wanted() {
                return;
            }
            some.iter().for_each(|mailbox| mailbox.end(Ending::Elsewhere));
            tokio::time::sleep(SENDING_PAUSE).await;
        }
    }

    /// Ends the sessions of an account, but for the one that is spared.
    pub fn end_account(&self, account: AccountId, spared: Option<SessionId>) {
        for entry in &self.0.live {
            let live = entry.value();
            if live.account == account && Some(*entry.key()) != spared {
                live.mailbox.end(Ending::AccountGone);
            }
        }
    }

    /// Ends the sessions of those who count for nobody any more, each time that the rights outside of rooms have changed:
    /// also where nobody told this member whose they are.
    pub async fn follow_rights(self, stop: CancellationToken) {
        let mut views = self.0.directory.views();
        while let Some(Ok(())) = stop.run_until_cancelled(views.changed()).await {
            let view = views.borrow_and_update().clone();
            for live in self.0.live.iter().filter(|live| !view.belongs(&live.address).is_somebody()) {
                live.mailbox.end(Ending::AccountGone);
            }
        }
    }

    /// Takes a session among those that can be ended. If its account was disabled or removed a moment before, nobody else
    /// will end it.
    async fn admit(&self, id: SessionId, account: AccountId, address: BareJid, mailbox: Mailbox) {
        let is_somebody = || self.0.directory.view().belongs(&address).is_somebody();
        self.0.live.insert(id, Live { account, address: address.clone(), mailbox: mailbox.clone() });
        if is_somebody() {
            return;
        }
        // Or it has just been enabled, or made anew, which this member does not know yet.
        let is_read = self.0.directory.refresh().await;
        if is_read.is_err() || !is_somebody() {
            mailbox.end(Ending::AccountGone);
        }
    }

    /// What another member tells of sessions. Never waits.
    pub fn hear(&self, note: &Note) {
        match note {
            Note::Revoked { account, spared } => self.end_account(*account, *spared),
            Note::Relayed { answer } => self.0.relays.finish(answer),
            _ => {}
        }
    }

    pub fn count(&self) -> usize {
        self.0.live.len()
    }
}

impl Session {
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// Takes the next stanza of the client, under a key of its own: if that is in the log already, it is as good as done.
    pub async fn handle_again(&mut self, stanza: Stanza, key: Key) -> Result<(), StreamFailure> {
        self.brought = Some((self.inbound.received() + 1, key));
        self.handle(stanza).await
    }

    /// Its client is connected from there.
    pub fn set_peer(&mut self, peer: IpAddr) {
        self.peer = peer;
    }

    /// Takes the next stanza of the client. Its outcome comes at once, or by the mailbox when it is committed.
    pub async fn handle(&mut self, mut stanza: Stanza) -> Result<(), StreamFailure> {
        self.check_backlog()?;
        let number = self.inbound.receive();
        self.stamp(&mut stanza)?;
        if self.passes_over(number) {
            return Ok(());
        }
        self.dispatch(number, &stanza).await;
        Ok(())
    }

    /// How many stanzas its client has handed in: the last of them has this number.
    pub fn received(&self) -> u64 {
        self.inbound.received()
    }

    /// Whether so many of its stanzas wait for their outcome that no more are taken.
    pub fn is_saturated(&self) -> bool {
        // What waits for the client's own acknowledgement must not keep that from being read.
        self.outstanding.is_full() || self.inbound.pending() >= PENDING_MAX && self.deferred() == 0
    }

    /// How many of its stanzas wait for an outcome that comes by the mailbox.
    pub fn waiting(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether the outcome of all that its client sent is known.
    pub fn is_settled(&self) -> bool {
        self.inbound.unsettled() <= self.deferred()
    }

    /// The outcome of one of its stanzas has come.
    pub fn settle(&mut self, number: u64, outcome: Result<(), Refusal>) {
        let context = self.outstanding.remove(number);
        if let Err(refusal) = outcome
            && let Some(context) = context
        {
            self.forget_room(&context);
            self.reply(&context.error(&refusal));
            return self.refused(number);
        }
        self.done(number);
    }

    /// Leaves everything that the session was part of.
    pub async fn end(mut self, departure: Departure) {
        self.services.live.remove(&self.id);
        let farewell = match departure {
            Departure::Own | Departure::Ended => Command::Leave { presence: Payload::default() },
            Departure::Lost => Command::Remove { cause: event::Departure::Technical },
        };
        self.leave_rooms(&farewell).await;
        self.account.detach().await;
    }

    /// Leaves every room in that way, and follows none.
    pub(in crate::session) async fn leave_rooms(&mut self, farewell: &Command) {
        self.following = None;
        for room in std::mem::take(&mut self.joined).into_keys() {
            self.services.rooms.command(&room, self.actor(None), farewell.clone(), None, Receipt::None).await;
        }
    }

    /// RFC 6120 §8.1.2.1: the server says who it is from; a client that says otherwise is ended.
    fn stamp(&self, stanza: &mut Stanza) -> Result<(), StreamFailure> {
        if let Some(from) = &stanza.from
            && from.as_str() != self.jid.as_str()
            && !is_same_person(from, &self.jid)
        {
            return Err(StreamCondition::InvalidFrom.into());
        }
        stanza.from = Some(self.jid.as_str().into());
        Ok(())
    }

    fn actor(&self, number: Option<u64>) -> Actor {
        Actor {
            session: self.id,
            jid: self.jid.clone(),
            is_administrator: self.services.policy.administrators.contains(&self.jid.bare()),
            origin: number.map(|number| self.origin(number)),
        }
    }

    /// The key of one of its stanzas.
    pub(in crate::session) fn origin(&self, number: u64) -> Origin {
        let (settled, _) = self.inbound.position();
        let (session, number) = match self.brought {
            Some((brought, key)) if brought == number => (key.conversation, key.number),
            _ => (self.id, number as i64),
        };
        Origin { session, number, settled: settled as i64 }
    }

    /// The receipt of a stanza whose outcome comes by the mailbox.
    fn receipt(&mut self, number: u64, stanza: &Stanza) -> Receipt {
        self.outstanding.insert(number, Context::of(stanza));
        Receipt::Settle { mailbox: self.mailbox.clone(), number }
    }

    /// The stanza is dealt with.
    fn done(&mut self, number: u64) {
        self.inbound.settle(number);
        self.acknowledge_if_owed();
    }

    /// The stanza was answered with an error, the last of what its client was sent.
    fn refused(&mut self, number: u64) {
        if !self.defer(number) {
            self.inbound.settle(number);
        }
        self.acknowledge_if_owed();
    }

    /// A refused join leaves no trace.
    fn forget_room(&mut self, context: &Context) {
        if let Some(room) = context.joined_room() {
            self.joined.remove(&room);
            self.note_outside(&room);
        }
    }

    /// It is not in that room any more: if its user follows it, it is told what is said there from now on.
    pub(in crate::session) fn note_outside(&mut self, room: &str) {
        let now = self.services.clock.now();
        if self.following.as_mut().is_some_and(|following| following.leave(room, now)) {
            self.mailbox.follow();
        }
    }

    /// Sends a stanza of the session's own making.
    fn reply(&mut self, element: &Element) {
        let frame = Frame::addressed(element.to_bytes(perch_xmpp::namespace::CLIENT).to_vec());
        // A full queue of unacknowledged stanzas is found by the next frame from the mailbox.
        let _ = self.send(&frame);
    }
}

/// Stanzas from the first that is not settled to the last that was read: while that one waits, the others go on, so
/// that what a crash leaves behind a gap is bounded.
const PENDING_MAX: usize = 1024;

/// Where a session is that nobody has connected to yet.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Clients sent to other members together, and the time in between: a login costs about a millisecond.
const SENT_TOGETHER: usize = 50;
const SENDING_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// ` to='…'` with the address escaped.
fn to_attribute(jid: &FullJid) -> Box<[u8]> {
    let mut out = b" to='".to_vec();
    perch_xmpp::xml::write::escape_attribute(jid.as_str(), &mut out);
    out.push(b'\'');
    out.into_boxed_slice()
}

fn is_same_person(from: &str, jid: &FullJid) -> bool {
    perch_address::Jid::new(from).is_ok_and(|from| {
        from.bare() == jid.bare() && from.resource().is_none_or(|resource| resource == jid.resource())
    })
}

/// Positive, so that it reads the same in every store.
fn random_session_id() -> Option<SessionId> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(SessionId(i64::from_le_bytes(bytes) & i64::MAX))
}

#[cfg(test)]
mod tests;
