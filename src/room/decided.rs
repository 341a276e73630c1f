//! A decision on its way: what the log is to get of it, what later requests of the same batch are decided against, and,
//! once it is committed, what showing it needs: the surroundings as they were at its place in the log.

use std::sync::Arc;

use crate::chat::affiliation::Role;
use crate::chat::command::{Actor, HistoryRequest};
use crate::chat::event::{self, Change, Decision, Departure, Ephemeral, Event, Parcel};
use crate::chat::id::{Seq, SessionId, Timestamp};
use crate::chat::occupant::{Occupant, Occupants};
use crate::fanout::audience::{ListNotice, Listing, Past, Step, View, Welcome};
use crate::fanout::mailbox::Mailbox;
use crate::room::configuration;
use crate::room::state::Room;
use crate::store::room::{Append, Appended};

/// A decision that waits for its commit.
pub(super) struct Decided {
    by: Actor,
    changes: Arc<[Change]>,
    quiet: Arc<[Change]>,
    ephemeral: Vec<Ephemeral>,
    parcels: Vec<Parcel>,
    welcome: Option<event::Welcome>,
    resumes: Option<Seq>,
    mailbox: Option<Mailbox>,
}

/// A decision that has come true, with all that telling it needs.
pub(super) struct Shown {
    pub(super) steps: Vec<Step>,
    pub(super) ephemeral: Vec<(Ephemeral, View, bool)>,
    pub(super) parcels: Vec<Parcel>,
    /// The joiner, and the way to it.
    pub(super) attach: Option<(SessionId, Mailbox)>,
    pub(super) wants_history: Option<HistoryRequest>,
    /// What it was shown up to, where it goes on.
    pub(super) resumes: Option<Seq>,
}

impl Decided {
    pub(super) fn new(by: Actor, decision: Decision, mailbox: Option<Mailbox>) -> Self {
        let Decision { changes, quiet, ephemeral, parcels, welcome, resumes } = decision;
        let (changes, quiet) = (changes.into(), quiet.into());
        Self { by, changes, quiet, ephemeral, parcels, welcome, resumes, mailbox }
    }

    /// What the store is to make true, decided against the room as it is here; `None`: nothing that is kept.
    pub(super) fn append(&self, room: &Room, now: Timestamp) -> Option<Append> {
        let has_append = !(self.changes.is_empty() && self.quiet.is_empty());
        has_append.then(|| Append {
            room: room.id(),
            rules: room.rules(),
            changes: self.changes.clone(),
            quiet: self.quiet.clone(),
            at: now.max(room.last_at()),
            origin: self.by.origin.filter(|_| !planted!(KeyIgnored)),
        })
    }

    /// Whether the session that asked comes, goes or is called otherwise by it: what it asks next rests on the outcome.
    pub(super) fn moves(&self, session: SessionId) -> bool {
        let moves = |change: &Change| match change {
            Change::Joined(joined) => joined.session == session,
            Change::Left(left) => left.session == session,
            Change::TakenOver { by, .. } => *by == session,
            Change::Detached { session: gone, .. } => *gone == session,
            Change::Renamed { session: renamed, .. } => *renamed == session,
            _ => false,
        };
        self.changes.iter().chain(&*self.quiet).any(moves)
    }

    /// Whether later decisions of the same room rest on another version of its rules.
    pub(super) fn moves_rules(&self) -> bool {
        self.changes.iter().chain(&*self.quiet).any(Change::moves_rules)
    }

    /// The room as it will be, should this come true.
    pub(super) fn foresee(&self, room: &mut Room, now: Timestamp) {
        let at = now.max(room.last_at());
        for change in &*self.changes {
            room.apply(&Event { seq: room.seq().next(), at, origin: None, change: change.clone() });
        }
        for change in &*self.quiet {
            room.apply_quiet(change);
        }
        for ephemeral in &self.ephemeral {
            room.apply_ephemeral(ephemeral);
        }
    }

    /// Takes it into the room, which has applied everything before it. `appended` says where the log has it.
    pub(super) fn apply(self, room: &mut Room, appended: Option<&Appended>, now: Timestamp) -> Shown {
        let at = appended.map_or_else(|| now.max(room.last_at()), |appended| appended.at);
        let mut steps = match appended {
            Some(appended) => logged(room, self.events(appended)),
            None => Vec::new(),
        };
        for change in &*self.quiet {
            steps.push(unlogged(room, change.clone(), at));
        }
        let mut wants_history = None;
        let mut attach = None;
        if self.resumes.is_some() {
            attach = self.mailbox.map(|mailbox| (self.by.session, mailbox));
        } else if let Some(wish) = self.welcome {
            attach = self.mailbox.map(|mailbox| (wish.session, mailbox));
            wants_history = Some(wish.history);
            if !steps.iter().any(Step::is_entry) {
                steps.extend(rejoin(room, wish.session, &self.by, at));
            }
            if let Some(step) = steps.iter_mut().rfind(|step| step.is_entry()) {
                let since = wish.affiliations_since.as_deref();
                step.welcome = Some(Welcome {
                    listing: since.map_or(Listing::Unasked, |since| room.listing(&self.by, since)),
                    occupants: room.occupants().iter().cloned().collect(),
                    history: Vec::new(),
                    history_characters_max: wish.history.characters_max,
                    subject: room.subject().map(|subject| Past::from(&**subject)),
                });
            }
        }
        let ephemeral = self.ephemeral.into_iter().map(|e| passing(room, e)).collect();
        Shown { steps, ephemeral, parcels: self.parcels, attach, wants_history, resumes: self.resumes }
    }

    /// The changes that the log gets, as the events that they have become.
    pub(super) fn events(&self, appended: &Appended) -> Vec<Event> {
        let mut seq = appended.first;
        let event = |change: &Change| {
            let event = Event { seq, at: appended.at, origin: self.by.origin, change: change.clone() };
            seq = seq.next();
            event
        };
        self.changes.iter().map(event).collect()
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn quiet(&self) -> &Arc<[Change]> {
        &self.quiet
    }

    pub(super) fn ephemeral(&self) -> &[Ephemeral] {
        &self.ephemeral
    }
}

/// Applies the next events of the log.
pub(super) fn logged(room: &mut Room, events: Vec<Event>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(events.len());
    let mut events = events.into_iter();
    while let Some(event) = events.next() {
        let version = list_version_shown(&event.change, events.as_slice(), room.occupants());
        // A departure for its sake has shown it already.
        let is_shown = steps.iter().any(|step| step.list_version.is_some_and(|v| Some(v) == version));
        steps.push(step(room, event, Listed { version, is_shown }, Room::apply, false));
    }
    steps
}

/// Applies a coming or going that the log does not have.
pub(super) fn unlogged(room: &mut Room, change: Change, at: Timestamp) -> Step {
    let event = Event { seq: room.seq(), at, origin: None, change };
    let listed = Listed { version: None, is_shown: true };
    step(room, event, listed, |room, event| room.apply_quiet(&event.change), true)
}

/// Applies what is kept nowhere.
pub(super) fn passing(room: &mut Room, ephemeral: Ephemeral) -> (Ephemeral, View, bool) {
    room.apply_ephemeral(&ephemeral);
    (ephemeral, view(room), room.is_crowded())
}

/// Who joins again without having left is shown everything again, and nobody else notices (XEP-0045 §7.2.1).
fn rejoin(room: &Room, session: SessionId, by: &Actor, at: Timestamp) -> Option<Step> {
    let occupant = room.occupants().by_session(session)?.clone();
    let presence = occupant.seats.iter().find(|s| s.session == session)?.presence.clone();
    let change = Change::TakenOver { session, by: session, jid: by.jid.clone(), presence };
    Some(Step {
        event: Event { seq: room.seq(), at, origin: None, change },
        before: vec![occupant.clone()],
        after: vec![occupant],
        view: view(room),
        welcome: None,
        everybody: Vec::new(),
        statuses: Vec::new(),
        list_version: None,
        list_notice: None,
        is_quiet: true,
    })
}

/// What an event does to the lists of affiliations (XEP-0463).
struct Listed {
    /// The version of them whose coming it shows.
    version: Option<i64>,
    is_shown: bool,
}

/// The version that an affiliation brings, also for the departures for its sake: they show it, and go before it.
fn list_version_shown(change: &Change, later: &[Event], occupants: &Occupants) -> Option<i64> {
    match change {
        Change::AffiliationSet(set) => Some(set.version),
        Change::Left(left)
            if matches!(left.cause, Departure::Banned { .. } | Departure::AffiliationLost { .. }) =>
        {
            let gone = occupants.by_nick_key(&left.nick_key)?;
            later.iter().find_map(|event| match &event.change {
                Change::AffiliationSet(set) if set.jid == gone.jid => Some(set.version),
                _ => None,
            })
        }
        _ => None,
    }
}

fn view(room: &Room) -> View {
    View::of(room.settings(), room.is_archived(), room.standings().version())
}

fn step(
    room: &mut Room,
    event: Event,
    listed: Listed,
    apply: impl FnOnce(&mut Room, &Event),
    is_quiet: bool,
) -> Step {
    let before = affected(room.occupants(), &event.change);
    let listed_before = match &event.change {
        Change::AffiliationSet(set) if !listed.is_shown => Some(room.listed(set)),
        _ => None,
    };
    let settings_before =
        matches!(event.change, Change::Configured { .. }).then(|| Arc::clone(room.settings()));
    apply(room, &event);
    let after = affected(room.occupants(), &event.change);
    let statuses =
        settings_before.map_or_else(Vec::new, |old| configuration::status_codes(&old, room.settings()));
    let everybody = match &event.change {
        Change::RoleSet { role: Role::Moderator, .. } | Change::Regraded { role: Role::Moderator, .. } => {
            room.occupants().iter().cloned().collect()
        }
        Change::AffiliationSet(set) if set.roles.iter().any(|(_, role)| *role == Role::Moderator) => {
            room.occupants().iter().cloned().collect()
        }
        _ => Vec::new(),
    };
    let list_notice = match (&event.change, listed_before) {
        (Change::AffiliationSet(set), Some(was)) if after.iter().all(|occupant| occupant.jid != set.jid) => {
            Some(ListNotice { to: room.listeners(was, set.affiliation) })
        }
        _ => None,
    };
    Step {
        event,
        before,
        after,
        view: view(room),
        welcome: None,
        everybody,
        statuses,
        list_version: listed.version,
        list_notice,
        is_quiet,
    }
}

/// The occupants that a change is about, as they are now.
fn affected(occupants: &Occupants, change: &Change) -> Vec<Arc<Occupant>> {
    let by_keys =
        |keys: &[&str]| keys.iter().find_map(|key| occupants.by_nick_key(key)).cloned().into_iter().collect();
    match change {
        Change::Joined(joined) => by_keys(&[&joined.nick_key]),
        Change::Left(left) => by_keys(&[&left.nick_key]),
        Change::Renamed { nick_key, new_nick_key, .. } => by_keys(&[nick_key, new_nick_key]),
        Change::RoleSet { nick_key, .. } | Change::Regraded { nick_key, .. } => by_keys(&[nick_key]),
        Change::AffiliationSet(set) => {
            set.roles.iter().filter_map(|(key, _)| occupants.by_nick_key(key)).cloned().collect()
        }
        Change::Whispered { to, .. } => occupants.by_nick(to).cloned().into_iter().collect(),
        Change::TakenOver { session, by, .. } => occupants
            .by_session(*by)
            .or_else(|| occupants.by_session(*session))
            .cloned()
            .into_iter()
            .collect(),
        Change::Destroyed { .. } => occupants.iter().cloned().collect(),
        Change::Created { .. }
        | Change::Configured { .. }
        | Change::Detached { .. }
        | Change::SubjectSet { .. }
        | Change::Posted { .. }
        | Change::Invited { .. }
        | Change::VoiceRequested { .. }
        | Change::Retracted { .. }
        | Change::Cleared { .. } => Vec::new(),
    }
}
