//! A decision that waits for its commit, with all that showing it will need: the room moves on meanwhile.

use std::sync::Arc;

use crate::chat::affiliation::Role;
use crate::chat::command::{Actor, HistoryRequest};
use crate::chat::event::{Change, Decision, Departure, Ephemeral, Event, Parcel};
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::occupant::{Occupant, Occupants};
use crate::fanout::audience::{ListNotice, Listing, Past, Step, View, Welcome};
use crate::fanout::mailbox::Mailbox;
use crate::room::configuration;
use crate::room::state::Room;
use crate::store::room::{Append, Appended};

/// A decision with all that is needed to show it later.
pub(super) struct Decided {
    pub(super) append: Option<Append>,
    pub(super) has_append: bool,
    pub(super) steps: Vec<Step>,
    pub(super) ephemeral: Vec<(Ephemeral, View, bool)>,
    pub(super) parcels: Vec<Parcel>,
    /// The joiner, and the way to it.
    pub(super) attach: Option<(SessionId, Mailbox)>,
    pub(super) wants_history: Option<HistoryRequest>,
}

impl Decided {
    /// The log gave other places than foreseen: another member appended in between.
    pub(super) fn renumber(&mut self, appended: &Appended) {
        let mut seq = appended.first;
        for step in self.steps.iter_mut().filter(|step| !step.is_quiet) {
            step.event.seq = seq;
            step.event.at = appended.at;
            seq = seq.next();
        }
    }
}

/// Applies a decision to the state and notes what showing it will need: the surroundings as they are right now.
pub(super) fn apply(
    room: &mut Room,
    by: &Actor,
    decision: Decision,
    mailbox: Option<Mailbox>,
    now: Timestamp,
) -> Decided {
    let at = now.max(room.last_at());
    let Decision { changes, quiet, ephemeral, parcels, welcome } = decision;
    let has_append = !(changes.is_empty() && quiet.is_empty());
    let append = has_append.then(|| Append {
        room: room.id(),
        rules: room.rules(),
        changes: changes.clone().into(),
        quiet: quiet.clone().into(),
        at,
        origin: by.origin,
    });
    let mut steps = Vec::with_capacity(changes.len() + quiet.len());
    let mut changes = changes.into_iter();
    while let Some(change) = changes.next() {
        let list_version = list_version_shown(&change, changes.as_slice(), room.occupants());
        // A departure for its sake has shown it already.
        let is_shown =
            steps.iter().any(|step: &Step| step.list_version.is_some_and(|v| Some(v) == list_version));
        let event = Event { seq: room.seq().next(), at, origin: by.origin, change };
        let listed = Listed { version: list_version, is_shown };
        steps.push(step(room, event, listed, |room, event| room.apply(event), false));
    }
    for change in quiet {
        let event = Event { seq: room.seq(), at, origin: None, change };
        let listed = Listed { version: None, is_shown: true };
        steps.push(step(room, event, listed, |room, event| room.apply_quiet(&event.change), true));
    }
    let view = view(room);
    let ephemeral: Vec<_> = ephemeral
        .into_iter()
        .map(|e| {
            room.apply_ephemeral(&e);
            (e, view, room.is_crowded())
        })
        .collect();
    let mut wants_history = None;
    let mut attach = None;
    if let Some(wish) = welcome {
        attach = mailbox.map(|mailbox| (wish.session, mailbox));
        wants_history = Some(wish.history);
        if !steps.iter().any(Step::is_entry) {
            steps.extend(rejoin(room, wish.session, by, at));
        }
        if let Some(step) = steps.iter_mut().rfind(|step| step.is_entry()) {
            let since = wish.affiliations_since.as_deref();
            step.welcome = Some(Welcome {
                listing: since.map_or(Listing::Unasked, |since| room.listing(by, since)),
                occupants: room.occupants().iter().cloned().collect(),
                history: Vec::new(),
                history_characters_max: wants_history.as_ref().and_then(|wanted| wanted.characters_max),
                subject: room.subject().map(|subject| Past::from(&**subject)),
            });
        }
    }
    Decided { append, has_append, steps, ephemeral, parcels, attach, wants_history }
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
fn list_version_shown(change: &Change, later: &[Change], occupants: &Occupants) -> Option<i64> {
    match change {
        Change::AffiliationSet(set) => Some(set.version),
        Change::Left(left)
            if matches!(left.cause, Departure::Banned { .. } | Departure::AffiliationLost { .. }) =>
        {
            let gone = occupants.by_nick_key(&left.nick_key)?;
            later.iter().find_map(|change| match change {
                Change::AffiliationSet(set) if set.jid == gone.jid => Some(set.version),
                _ => None,
            })
        }
        _ => None,
    }
}

fn view(room: &Room) -> View {
    View::of(room.settings(), room.standings().version())
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
        Change::RoleSet { role: Role::Moderator, .. } => room.occupants().iter().cloned().collect(),
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
        Change::RoleSet { nick_key, .. } => by_keys(&[nick_key]),
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
        | Change::Retracted { .. } => Vec::new(),
    }
}
