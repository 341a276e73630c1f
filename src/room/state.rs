//! [`Room`]: the state of one room, and the two doors to it, `decide` and `apply`.
//!
//! Invariant: whatever `decide` returns, `apply` takes; two rooms that applied the same log have the same rights.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use perch_address::{BareJid, nickname_key};

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::{Actor, Command};
use crate::chat::event::{Change, Decision, Ephemeral, Event};
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Seq, Timestamp};
use crate::chat::message::Author;
use crate::chat::occupant::{Occupant, Occupants};
use crate::chat::refusal::Refusal;
use crate::chat::settings::{Settings, Whois};
use crate::chat::snapshot::{RoomSnapshot, Subject};
use crate::directory::View;
use crate::room::rights::Rank;
use crate::room::standings::{Place, Standings};

/// One room. Cloning shares what seldom changes.
#[derive(Debug, Clone)]
pub struct Room {
    pub(super) id: RoomId,
    pub(super) guid: RoomGuid,
    pub(super) name: Arc<str>,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) first_seq: Seq,
    pub(super) rules: RulesVersion,
    pub(super) last_at: Timestamp,
    pub(super) secret: [u8; 32],
    pub(super) is_locked: bool,
    /// What whoever still knocks is told.
    pub(super) destroyed: Option<Refusal>,
    pub(super) settings: Arc<Settings>,
    pub(super) subject: Option<Arc<Subject>>,
    pub(super) standings: Arc<Standings>,
    pub(super) occupants: Occupants,
    /// Administrators of the service, who are let in whatever they are.
    pub(super) spared: Arc<[BareJid]>,
    /// Above the participant update limit, and not yet back under 80 % of it.
    pub(super) is_crowded: bool,
}

impl Room {
    /// As people are known by that view.
    pub fn load(snapshot: RoomSnapshot, view: &Arc<View>) -> Self {
        let mut room = Self {
            id: snapshot.id,
            guid: snapshot.guid,
            name: snapshot.name.into(),
            epoch: snapshot.epoch,
            seq: snapshot.seq,
            first_seq: snapshot.first_seq,
            rules: snapshot.rules,
            last_at: snapshot.last_at,
            secret: snapshot.secret,
            is_locked: snapshot.is_locked,
            destroyed: None,
            settings: Arc::new(snapshot.settings),
            subject: snapshot.subject.map(Arc::new),
            standings: Arc::new(Standings::load(snapshot.affiliations, snapshot.affiliations_version)),
            occupants: Occupants::default(),
            spared: Arc::default(),
            is_crowded: false,
        };
        room.see(view);
        for occupant in snapshot.occupants {
            let Place { affiliation, extent, .. } = room.standings.place(&occupant.jid);
            room.occupants.put(Occupant { affiliation, presents: extent.presents, ..occupant });
        }
        room.count_crowd();
        room
    }

    /// What those inside were last shown as, which no store has: so a review finds out who is something else by now, and what
    /// of his role goes with it.
    pub(super) fn recall(&mut self, before: &Occupants) {
        for was in before.iter() {
            if self.occupants.by_nick_key(&was.nick_key).is_some_and(|occupant| occupant.jid == was.jid) {
                self.occupants.update(&was.nick_key, |occupant| {
                    occupant.affiliation = was.affiliation;
                    occupant.presents = was.presents;
                });
            }
        }
    }

    /// Whoever is inside stays, as one of these administrators of the service, where another would have to leave.
    pub fn spare(&mut self, administrators: Arc<[BareJid]>) {
        self.spared = administrators;
    }

    /// What a command leads to, or why it is refused. Changes nothing.
    pub fn decide(&self, by: &Actor, command: Command, now: Timestamp) -> Result<Decision, Refusal> {
        if let Some(destroyed) = &self.destroyed {
            return if is_farewell(&command) { Ok(Decision::default()) } else { Err(destroyed.clone()) };
        }
        if self.settings.disabled && !is_for_disabled(&command) {
            return Err(Refusal::Disabled);
        }
        let opens = self.is_locked && needs_open_room(&command);
        if opens && !self.is_taken_as_it_is(by, &command) {
            return Err(Refusal::Locked);
        }
        let decision = match command {
            Command::Join(join) => self.join(by, join),
            Command::Leave { presence } => Ok(self.leave(by, presence)),
            Command::Detach { deadline } => Ok(self.detach(by, deadline)),
            Command::Attach { after } => self.attach(by, after),
            Command::Remove { cause } => Ok(self.remove(by, cause)),
            Command::Expire { sessions } => Ok(self.expire(&sessions, now)),
            Command::Review { silences } => Ok(self.review(silences, now)),
            Command::SetPresence { presence } => self.set_presence(by, presence),
            Command::Rename { nick, presence } => self.rename(by, &nick, presence),
            Command::Post { content } => self.post(by, content),
            Command::SetSubject { subject, content } => self.set_subject(by, subject, content),
            Command::Whisper { to, content } => self.whisper(by, &to, content),
            Command::Invite { invitations } => self.invite(by, invitations, now),
            Command::Decline { to, reason, .. } => self.decline(by, to, reason),
            Command::RequestVoice { role } => self.request_voice(by, role),
            Command::AnswerVoice { nick, allow } => self.answer_voice(by, nick, allow, now),
            Command::SetRoles { items } => self.set_roles(by, items, now),
            Command::SetAffiliations { items } => self.set_affiliations(by, items, now),
            Command::Configure { settings, people } => self.configure(by, *settings, people, now),
            Command::Arrange { seen, settings, items } => {
                self.arrange(by, seen, settings.map(|settings| *settings), items, now)
            }
            Command::CancelConfiguration => self.cancel_configuration(by),
            Command::Destroy { reason, alternate, password } => self.destroy(by, reason, alternate, password),
            Command::Register { nick } => self.register(by, nick, now),
            Command::Unregister => self.unregister(by, now),
            Command::Retract { target, target_author, content } => {
                self.retract(by, target, target_author, content)
            }
            Command::Moderate { target, target_author, reason } => {
                self.moderate(by, target, target_author, reason)
            }
            Command::Expunge { targets, replacement, is_told } => {
                self.expunge(by, &targets, replacement.as_deref(), is_told)
            }
            Command::Clear { below } => self.clear(by, below),
        }?;
        Ok(if opens { self.opened(by, decision) } else { decision })
    }

    /// Takes in what the log says happened, in the order of its seq.
    pub fn apply(&mut self, event: &Event) {
        debug_assert!(event.seq > self.seq, "events are applied once, in order");
        self.seq = event.seq;
        self.last_at = self.last_at.max(event.at);
        if event.change.moves_rules() {
            self.rules = RulesVersion(self.rules.0 + 1);
        }
        self.change(&event.change, event.seq, event.at);
    }

    /// Takes in a join or part that the log does not have, in a room above its participant update limit.
    pub fn apply_quiet(&mut self, change: &Change) {
        self.change(change, self.seq, self.last_at);
    }

    /// Takes in what was only told, not kept.
    pub fn apply_ephemeral(&mut self, ephemeral: &Ephemeral) {
        match ephemeral {
            Ephemeral::Presence { session, presence } => self.take_presence(*session, presence),
            Ephemeral::Message { .. } | Ephemeral::Whisper { .. } => {}
        }
    }

    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The localpart of the room's address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last event that was applied.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The oldest event that retention has left.
    pub fn first_seq(&self) -> Seq {
        self.first_seq
    }

    /// The time of the last event: the next one's is not before it.
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// What an append says it was decided against.
    pub fn rules(&self) -> RulesVersion {
        self.rules
    }

    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub fn subject(&self) -> Option<&Arc<Subject>> {
        self.subject.as_ref()
    }

    pub fn occupants(&self) -> &Occupants {
        &self.occupants
    }

    pub fn standings(&self) -> &Arc<Standings> {
        &self.standings
    }

    pub fn affiliation_of(&self, jid: &BareJid) -> Affiliation {
        self.standings.of(jid)
    }

    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    pub fn is_destroyed(&self) -> bool {
        self.destroyed.is_some()
    }

    /// Whether joins and parts are told to few at present (the participant update limit).
    pub fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// When the first of those whose connection is gone has to leave: the time for [`Command::Expire`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.occupants.iter().flat_map(|occupant| &occupant.seats).filter_map(|seat| seat.deadline).min()
    }

    /// The one place where state changes.
    pub(super) fn change(&mut self, change: &Change, seq: Seq, at: Timestamp) {
        match change {
            Change::Created { settings, locked, .. } => {
                self.take_settings(settings);
                self.is_locked = *locked;
            }
            Change::Configured { settings, .. } => self.take_settings(settings),
            Change::Destroyed { reason, alternate, .. } => self.take_destruction(reason, alternate.as_ref()),
            Change::Joined(joined) => self.take_joined(joined),
            Change::Left(left) => self.take_left(left),
            Change::Detached { session, deadline } => self.take_detached(*session, *deadline),
            Change::TakenOver { session, by, jid, presence } => {
                self.take_over(*session, *by, jid, presence);
            }
            Change::Renamed { session, nick_key, new_nick_key, new_nick, presence, .. } => {
                self.take_rename(nick_key, new_nick_key, new_nick);
                self.take_presence(*session, presence);
            }
            Change::RoleSet { nick_key, role, .. } => {
                self.occupants.update(nick_key, |occupant| occupant.role = *role);
            }
            Change::AffiliationSet(set) => self.take_affiliation(set),
            Change::Regraded { nick_key, affiliation, presents, role, .. } => {
                self.occupants.update(nick_key, |occupant| {
                    occupant.affiliation = *affiliation;
                    occupant.presents = *presents;
                    occupant.role = *role;
                });
            }
            Change::SubjectSet { author, subject, content } => {
                self.take_subject(seq, at, author, subject, content);
            }
            Change::Cleared { below, .. } => self.first_seq = self.first_seq.max(*below),
            Change::Retracted { target, .. } => self.take_retraction(target.seq()),
            Change::Posted { .. }
            | Change::Whispered { .. }
            | Change::Invited { .. }
            | Change::VoiceRequested { .. } => {}
        }
    }

    /// The occupant whose session asks: a room hears only who is in it (XEP-0045 §7.4).
    pub(super) fn occupant_of(&self, by: &Actor) -> Result<&Arc<Occupant>, Refusal> {
        self.occupants.by_session(by.session).ok_or(Refusal::NotAnOccupant)
    }

    /// What an actor may claim. Requests of moderators and admins count by bare address (§8, §9): the session that
    /// asks need not be the one that is in the room.
    pub(super) fn rank(&self, by: &Actor) -> Rank {
        let jid = by.jid.bare();
        let affiliation = if by.is_administrator { Affiliation::Owner } else { self.standings.of(&jid) };
        let role = match self.occupants.by_session(by.session) {
            Some(occupant) => occupant.role,
            None => self.occupants.by_jid(&jid).map(|o| o.role).max().unwrap_or(Role::None),
        };
        Rank { affiliation, role }
    }

    /// How the log names an actor; his nick is empty when he is not in the room.
    pub(super) fn author(&self, by: &Actor) -> Author {
        let jid = by.jid.bare();
        let occupant = self.occupants.by_session(by.session).or_else(|| self.occupants.by_jid(&jid).next());
        Author {
            nick: occupant.map_or_else(|| "".into(), |o| (*o.nick).into()),
            resource: (self.settings.whois == Whois::Anyone).then(|| by.jid.resource().into()),
            occupant_id: occupant.map_or_else(|| occupant_id(&self.secret, &jid), |o| o.occupant_id.clone()),
            jid,
        }
    }

    /// Whether the room goes on when nobody is in it. One that was never configured does not (§10.1.3).
    pub(super) fn is_kept_when_empty(&self) -> bool {
        self.settings.persistent && !self.is_locked
    }
}

/// XEP-0421: the same for a person each time, another in each room, and nothing that leads back to the address.
pub fn occupant_id(secret: &[u8; 32], jid: &BareJid) -> Box<str> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, jid.as_str().as_bytes())).into()
}

/// The key under which a nick is compared (RFC 8266), or why it is none (XEP-0045 §15.1).
pub(super) fn nick_key(nick: &str) -> Result<Box<str>, Refusal> {
    if nick.is_empty() {
        return Err(Refusal::NickMissing);
    }
    nickname_key(nick).map(Into::into).map_err(|_| Refusal::NickMalformed)
}

/// The same key, sharing the nick's text where the two do not differ.
pub(super) fn shared_key(nick: &Arc<str>) -> Result<Arc<str>, Refusal> {
    let key = nick_key(nick)?;
    Ok(if *key == **nick { Arc::clone(nick) } else { key.into() })
}

/// Who leaves a room that is gone need not be told so.
fn is_farewell(command: &Command) -> bool {
    matches!(
        command,
        Command::Leave { .. } | Command::Detach { .. } | Command::Remove { .. } | Command::Expire { .. }
    )
}

/// Nobody is in a disabled room; those who manage it still do.
fn is_for_disabled(command: &Command) -> bool {
    is_farewell(command)
        || matches!(
            command,
            Command::Review { .. }
                | Command::SetAffiliations { .. }
                | Command::Configure { .. }
                | Command::Arrange { .. }
                | Command::Destroy { .. }
        )
}

/// Before its first configuration a room does not officially exist (XEP-0045 §7.2.10, §15.2): its creator may come and
/// go and prepare it, and that is all, unless he takes it as it is. Joining says for itself whom it lets in.
fn needs_open_room(command: &Command) -> bool {
    match command {
        Command::Join(_)
        | Command::Leave { .. }
        | Command::Detach { .. }
        | Command::Attach { .. }
        | Command::Remove { .. }
        | Command::Expire { .. }
        | Command::Review { .. }
        | Command::SetPresence { .. }
        | Command::Rename { .. }
        | Command::SetAffiliations { .. }
        | Command::Configure { .. }
        | Command::Arrange { .. }
        | Command::CancelConfiguration
        | Command::Destroy { .. } => false,
        Command::Post { .. }
        | Command::SetSubject { .. }
        | Command::Whisper { .. }
        | Command::Invite { .. }
        | Command::Decline { .. }
        | Command::RequestVoice { .. }
        | Command::AnswerVoice { .. }
        | Command::SetRoles { .. }
        | Command::Register { .. }
        | Command::Unregister
        | Command::Retract { .. }
        | Command::Moderate { .. }
        | Command::Expunge { .. }
        | Command::Clear { .. } => true,
    }
}
