//! A room's beginning, its settings, and its end (XEP-0045 §10.1, §10.2, §10.9).

use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::{Actor, Command, Join, People};
use crate::chat::event::{AffiliationSet, Change, Decision, Extent, Joined, Welcome};
use crate::chat::id::Timestamp;
use crate::chat::message::{Author, Retention};
use crate::chat::occupant::{Occupant, Occupants};
use crate::chat::refusal::Refusal;
use crate::chat::settings::{Settings, Whois};
use crate::room::affiliation::Grant;
use crate::room::draft::Draft;
use crate::room::rights::{Act, allowed, default_role};
use crate::room::state::{Room, occupant_id, shared_key};

impl Room {
    /// The first changes of a room that its creator enters (§10.1.1), where it is locked until he has configured it.
    pub fn creation(
        by: &Actor,
        join: &Join,
        defaults: Settings,
        is_locked: bool,
        secret: &[u8; 32],
    ) -> Result<Decision, Refusal> {
        if !join.has_muc_namespace {
            return Err(Refusal::NotAnOccupant);
        }
        let nick_key = shared_key(&join.nick)?;
        let jid = by.jid.bare();
        let joined = Joined {
            nick: join.nick.clone(),
            nick_key,
            session: by.session,
            jid: by.jid.clone(),
            occupant_id: occupant_id(secret, &jid),
            affiliation: Affiliation::Owner,
            presents: false,
            role: Role::Moderator,
            presence: join.presence.clone(),
            has_created: true,
            nick_assigned: false,
        };
        let mut changes = foundation(&jid, secret, defaults, is_locked);
        changes.push(Change::Joined(joined));
        let welcome = Welcome {
            session: by.session,
            history: join.history,
            affiliations_since: join.affiliations_since.clone(),
        };
        Ok(Decision { changes, welcome: Some(welcome), ..Decision::default() })
    }

    /// Settings, and the full lists of owners and admins where the form has them: not deltas, unlike §10.5.
    pub(super) fn configure(
        &self,
        by: &Actor,
        settings: Settings,
        people: People,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Configure, &self.settings)?;
        let mut draft = Draft::new(self, now);
        let People { owners, admins, presenters } = people;
        draft.set(by, settings)?;
        for grant in draft.room().listed_grants(owners, admins)? {
            draft.grant(by, grant)?;
        }
        if let Some(presenters) = presenters {
            for grant in draft.room().presenting(&presenters) {
                draft.grant(by, grant)?;
            }
        }
        draft.adapt(by, &self.settings)?;
        draft.check_owners(self)?;
        Ok(draft.finish())
    }

    /// Cancelling the first configuration destroys the room (§10.1.3), a later one changes nothing (§10.2).
    pub(super) fn cancel_configuration(&self, by: &Actor) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Configure, &self.settings)?;
        if !self.is_locked {
            return Ok(Decision::default());
        }
        // It was never in service: nothing is lost that anybody said.
        let by = Some(by.jid.bare());
        let destroyed = Change::Destroyed { by, reason: "".into(), alternate: None, password: None };
        Ok(Decision { changes: vec![destroyed], ..Decision::default() })
    }

    /// Whether a creator who has not configured his room takes it as it is. COMPAT: Dino makes rooms by entering them and
    /// never sends the form, not even the empty one of §10.1.2; who speaks there or brings others in wants it open.
    pub(super) fn is_taken_as_it_is(&self, by: &Actor, command: &Command) -> bool {
        let is_meant_for_others = match command {
            Command::Post { content } => content.retention != Retention::Ephemeral,
            Command::SetSubject { .. } | Command::Invite { .. } => true,
            _ => false,
        };
        is_meant_for_others && allowed(self.rank(by), Act::Configure, &self.settings).is_ok()
    }

    /// The decision, and the defaults accepted with it: behind, because the first change carries the origin.
    pub(super) fn opened(&self, by: &Actor, mut decision: Decision) -> Decision {
        let settings = Box::new((*self.settings).clone());
        decision.changes.push(Change::Configured { by: by.jid.bare(), settings });
        decision
    }

    pub(super) fn destroy(
        &self,
        by: &Actor,
        reason: Box<str>,
        alternate: Option<BareJid>,
        password: Option<Box<str>>,
    ) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Destroy, &self.settings)?;
        self.may_be_destroyed_by(by)?;
        let destroyed = Change::Destroyed { by: Some(by.jid.bare()), reason, alternate, password };
        Ok(Decision { changes: vec![destroyed], ..Decision::default() })
    }

    /// What has to be set so that owners and admins are those of the lists. Who is struck from the owners becomes an
    /// admin where no list of admins says otherwise (§10.2); who is struck from both stays a member only where he
    /// could not stay at all without.
    fn listed_grants(
        &self,
        owners: Option<Vec<BareJid>>,
        admins: Option<Vec<BareJid>>,
    ) -> Result<Vec<Grant>, Refusal> {
        if owners.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::LastOwner);
        }
        let listed = owners.iter().chain(&admins).flatten();
        if listed.clone().any(|jid| jid.local().is_none()) {
            return Err(Refusal::BadSetting("a whole domain cannot be admin or owner"));
        }
        let rest = if self.settings.members_only { Affiliation::Member } else { Affiliation::None };
        let is_in = |list: &Option<Vec<BareJid>>, jid: &BareJid| list.as_ref().map(|list| list.contains(jid));
        let mut concerned: Vec<BareJid> = listed.cloned().collect();
        for affiliation in [Affiliation::Owner, Affiliation::Admin] {
            concerned.extend(self.standings.with(affiliation).map(|standing| standing.jid.clone()));
        }
        concerned.sort();
        concerned.dedup();
        let becomes = |jid: &BareJid| {
            let was = self.standings.listed_as(jid);
            let is_owner = is_in(&owners, jid).unwrap_or(was == Affiliation::Owner);
            if is_owner {
                Affiliation::Owner
            } else if is_in(&admins, jid).unwrap_or(was >= Affiliation::Admin) {
                Affiliation::Admin
            } else {
                rest
            }
        };
        let mut grants: Vec<Grant> = concerned
            .into_iter()
            .map(|jid| (becomes(&jid), jid))
            .map(|(affiliation, jid)| self.usual_grant(jid, affiliation))
            .filter(|grant| grant.affiliation != self.standings.listed_as(&grant.jid))
            .collect();
        // New owners first: at no point of the log has the room none.
        grants.sort_by_key(|grant| std::cmp::Reverse(grant.affiliation));
        Ok(grants)
    }

    /// What has to be set so that those present, and nobody else. A presenter is a member.
    fn presenting(&self, presenters: &[BareJid]) -> Vec<Grant> {
        let mut concerned: Vec<BareJid> = presenters.to_vec();
        concerned.extend(self.standings.listed().filter(|s| s.extent.presents).map(|s| s.jid.clone()));
        concerned.sort();
        concerned.dedup();
        let grant = |jid: BareJid| {
            let listed = self.standings.get(&jid);
            let presents = presenters.contains(&jid);
            let attends = presents || listed.is_none_or(|standing| standing.extent.attends);
            let affiliation = listed.map_or(Affiliation::None, |standing| standing.affiliation);
            let affiliation = if presents { affiliation.max(Affiliation::Member) } else { affiliation };
            Grant { extent: Extent { attends, presents }, ..self.usual_grant(jid, affiliation) }
        };
        concerned.into_iter().map(grant).collect()
    }

    pub(super) fn take_settings(&mut self, settings: &Settings) {
        self.settings = Arc::new(settings.clone());
        self.is_locked = false;
        let view = self.standings.view().clone();
        self.see(&view);
    }

    pub(super) fn take_destruction(&mut self, reason: &str, alternate: Option<&BareJid>) {
        self.occupants = Occupants::default();
        self.destroyed = Some(Refusal::Destroyed { alternate: alternate.cloned(), reason: reason.into() });
    }
}

impl Draft<'_> {
    /// In a room that is no longer moderated nobody is left without a voice for want of affiliation.
    pub(super) fn give_voice(&mut self, by: Author) {
        self.change_roles(Some(by), |occupant, settings| {
            (occupant.role == Role::Visitor).then(|| default_role(occupant.affiliation, false, settings))
        });
    }

    /// In a room that has become an auditorium only presenters keep theirs.
    pub(super) fn silence(&mut self, by: Option<Author>) {
        self.change_roles(by, |occupant, _settings| {
            (occupant.role == Role::Participant && !occupant.presents).then_some(Role::Visitor)
        });
    }

    fn change_roles(&mut self, by: Option<Author>, becomes: impl Fn(&Occupant, &Settings) -> Option<Role>) {
        let room = self.room();
        let changed = |occupant: &Arc<Occupant>| {
            Some(Change::RoleSet {
                nick_key: (*occupant.nick_key).into(),
                nick: (*occupant.nick).into(),
                role: becomes(occupant, &room.settings)?,
                by: by.clone(),
                reason: "".into(),
            })
        };
        let changes: Vec<Change> = room.occupants.iter().filter_map(changed).collect();
        changes.into_iter().for_each(|change| self.log(change));
    }
}

/// The first changes of a room that is made for an owner who need not be there (by an administrator, or an import).
pub fn foundation(owner: &BareJid, secret: &[u8; 32], settings: Settings, locked: bool) -> Vec<Change> {
    let author = Author {
        nick: "".into(),
        jid: owner.clone(),
        resource: None,
        occupant_id: occupant_id(secret, owner),
    };
    let ownership = AffiliationSet {
        jid: owner.clone(),
        affiliation: Affiliation::Owner,
        by: Some(author),
        reason: "".into(),
        nick: None,
        extent: Extent::default(),
        roles: Vec::new(),
        version: 1,
    };
    let created = Change::Created { by: owner.clone(), settings: Box::new(settings), locked };
    vec![created, Change::AffiliationSet(ownership)]
}

/// What a change of settings is announced with (§10.2.1): the codes of what concerns privacy, or 104 for anything else.
pub fn status_codes(old: &Settings, new: &Settings) -> Vec<u16> {
    let mut codes = Vec::new();
    if old.archived != new.archived {
        codes.push(if new.archived { LOGGING_ENABLED } else { LOGGING_DISABLED });
    }
    if old.whois != new.whois {
        codes.push(match new.whois {
            Whois::Anyone => NON_ANONYMOUS,
            Whois::Moderators => SEMI_ANONYMOUS,
        });
    }
    let rest_of_old = Settings { archived: new.archived, whois: new.whois, ..old.clone() };
    if rest_of_old != *new {
        codes.push(CONFIGURATION_CHANGED);
    }
    codes
}

/// Values that no room can work with, whoever asks for them.
pub(super) fn check_settings(settings: &Settings) -> Result<(), Refusal> {
    let too_long = |text: &str, max: usize| text.chars().count() > max;
    let fault = if settings.password.as_deref() == Some("") {
        "the password is empty"
    } else if settings.password.as_deref().is_some_and(|password| too_long(password, PASSWORD_MAX)) {
        "the password is too long"
    } else if settings.occupants_max == Some(0) {
        "a room for nobody"
    } else if too_long(&settings.name, NAME_MAX) {
        "the name is too long"
    } else if too_long(&settings.description, DESCRIPTION_MAX) {
        "the description is too long"
    } else if too_long(&settings.lang, LANG_MAX) {
        "the language is no language tag"
    } else if settings.history_max > HISTORY_LIMIT {
        "the history is too long"
    } else if settings.retention_days == Some(0) {
        "messages are kept for a day at least"
    } else if settings.contacts.len() > CONTACTS_MAX {
        "there are too many contact addresses"
    } else if [&settings.presence_broadcast, &settings.member_list]
        .iter()
        .any(|roles| roles.contains(&Role::None))
    {
        "nobody has the role none in a room"
    } else {
        return Ok(());
    };
    Err(Refusal::BadSetting(fault))
}

const CONFIGURATION_CHANGED: u16 = 104;
const LOGGING_ENABLED: u16 = 170;
const LOGGING_DISABLED: u16 = 171;
const NON_ANONYMOUS: u16 = 172;
const SEMI_ANONYMOUS: u16 = 173;

/// Characters.
const NAME_MAX: usize = 256;
const DESCRIPTION_MAX: usize = 4096;
const PASSWORD_MAX: usize = 256;
const LANG_MAX: usize = 64;
/// Messages that a room may promise to whoever joins.
const HISTORY_LIMIT: u32 = 1000;
const CONTACTS_MAX: usize = 32;

#[cfg(test)]
mod tests;
