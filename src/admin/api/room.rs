//! One room: made, looked at, changed and removed. The room itself decides what its manager may; administrators pass.

use std::collections::{BTreeMap, BTreeSet};

use perch_address::BareJid;
use serde_json::json;

use super::category::ListChange;
use super::{Admin, AdminError, Condition, Target};
use crate::admin::caller::{Caller, Who};
use crate::admin::rights::Operation;
use crate::chat::administration::{ActNumber, Versioned};
use crate::chat::affiliation::Affiliation;
use crate::chat::category::CategoryId;
use crate::chat::command::{Actor, AffiliationItem, Command, Person};
use crate::chat::id::{RoomGuid, RulesVersion};
use crate::chat::refusal::Refusal;
use crate::chat::settings::{Kind, Privacy, Settings};
use crate::chat::snapshot::{RoomSnapshot, Standing};
use crate::room::arrangement::standing_of;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

/// A room with its lists.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomDetail {
    pub address: BareJid,
    pub guid: RoomGuid,
    pub settings: Settings,
    pub category: Option<Box<str>>,
    pub addin: Option<Box<str>>,
    pub managers: Vec<BareJid>,
    pub members: Vec<BareJid>,
    pub presenters: Vec<BareJid>,
    pub banned: Vec<BareJid>,
    /// Not yet configured by its owner.
    pub is_locked: bool,
    /// Moves with its settings and lists.
    pub version: RulesVersion,
}

/// What is to be different; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct RoomChange {
    pub title: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    pub privacy: Option<Privacy>,
    pub kind: Option<Kind>,
    pub invitations: Option<bool>,
    pub disabled: Option<bool>,
    /// Empty for none.
    pub addin: Option<String>,
    pub managers: ListChange,
    pub members: ListChange,
    pub presenters: ListChange,
}

impl Admin {
    /// Of the rooms that the caller manages, or of all.
    pub async fn room(&self, caller: &Caller, room: &str) -> Result<RoomDetail, AdminError> {
        self.may_see(caller, Operation::ListRooms, Target::Pool).await?;
        let snapshot = self.stored_room(room).await?;
        // Whoever may see all categories may see all rooms.
        self.may_look_at(caller, Operation::ListCategories, &snapshot).await?;
        self.detail(snapshot).await
    }

    /// Makes a room that nobody is in yet. An account that makes it becomes its manager and a member.
    pub async fn add_room(
        &self,
        caller: &Caller,
        name: &str,
        change: RoomChange,
    ) -> Result<RoomDetail, AdminError> {
        let act = self.may_do(caller, Operation::AddRoom, Target::Pool, self.room_object(name)).await?;
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let local = self.room_name(name)?;
        let actor = self.actor(caller).await?;
        let category = match &change.category {
            Some(category) => self.stored_category(category).await?.value.id,
            None => self.only_category(&actor)?,
        };
        let mut settings = Settings { category: Some(category), ..self.rooms.defaults() };
        // As the original's: whoever wants it otherwise says so.
        settings.set_privacy(change.privacy.unwrap_or(Privacy::Closed));
        let change = RoomChange { category: None, privacy: None, ..change };
        let settings = self.arranged(&settings, &change).await?;
        self.check_title(&settings.name, None).await?;
        let owner = matches!(caller.who, Who::Account(_)).then(|| actor.jid.bare());
        self.rooms.found(&local, &actor, owner, settings).await?;
        if let Err(refusal) = self.arrange(&actor, self.stored_room(&local).await?, change, None).await {
            // Without those whom it was to have it is not the room that was asked for.
            let maker = Actor { is_administrator: true, ..actor };
            self.rooms.execute(&local, maker, end_of_a_room()).await?;
            return Err(refusal);
        }
        let made = self.detail(self.stored_room(&local).await?).await?;
        let became = told(&made, &made.listed());
        self.administer(Deed::Elsewhere, Act { became: Some(became), ..act }).await?;
        Ok(made)
    }

    /// Sets what a room is and who is in its lists: all of it or nothing.
    pub async fn change_room(
        &self,
        caller: &Caller,
        room: &str,
        change: RoomChange,
        condition: Condition,
    ) -> Result<RoomDetail, AdminError> {
        let act = self.may_do(caller, Operation::ManageRoom, Target::Pool, self.room_object(room)).await?;
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let actor = self.actor(caller).await?;
        let mut attempts = ATTEMPTS_MAX;
        let (was, changed) = loop {
            let snapshot = self.stored_room(room).await?;
            self.may_look_at(caller, Operation::RemoveRoom, &snapshot).await?;
            condition.expected(Some(&Versioned { version: ActNumber(snapshot.rules.0), value: () }))?;
            let was = self.detail(snapshot.clone()).await?;
            // All settings are sent: only on what was seen do they undo nothing that somebody else has set.
            let seen = Some(snapshot.rules);
            match self.arrange(&actor, snapshot, change.clone(), seen).await {
                Err(AdminError::Stale) if !matches!(condition, Condition::Versions(_)) && attempts > 1 => {
                    attempts -= 1;
                }
                changed => break (was, changed?),
            }
        };
        let now = self.detail(self.stored_room(room).await?).await?;
        let act = Act { was: Some(told(&was, &changed)), became: Some(told(&now, &changed)), ..act };
        self.administer(Deed::Elsewhere, act).await?;
        Ok(now)
    }

    /// Whether the caller may change the room: not one that is not there.
    pub async fn may_change_room(&self, caller: &Caller, room: &str) -> Result<bool, AdminError> {
        let is_his = match self.stored_room(room).await {
            Ok(snapshot) => self.may_look_at(caller, Operation::RemoveRoom, &snapshot).await,
            Err(error) => Err(error),
        };
        match is_his {
            Ok(()) => Ok(true),
            Err(AdminError::Forbidden | AdminError::NoSuchRoom) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends a room for good. What was said in it stays in the journal.
    pub async fn remove_room(&self, caller: &Caller, room: &str) -> Result<BareJid, AdminError> {
        let act = self.may_do(caller, Operation::RemoveRoom, Target::Pool, self.room_object(room)).await?;
        let detail = self.detail(self.stored_room(room).await?).await?;
        if caller.is_trial {
            return Ok(detail.address);
        }
        let local = self.room_name(room)?;
        self.rooms.execute(&local, self.actor(caller).await?, end_of_a_room()).await?;
        let was = told(&detail, &detail.managers.iter().cloned().collect());
        self.administer(Deed::Elsewhere, Act { was: Some(was), ..act }).await?;
        Ok(detail.address)
    }

    /// Whether the caller manages the room, or is one who passes by that operation's right.
    async fn may_look_at(
        &self,
        caller: &Caller,
        passes: Operation,
        room: &RoomSnapshot,
    ) -> Result<(), AdminError> {
        let view = self.directory.view();
        let manages = |address| {
            let belonging = view.belongs(address);
            room.affiliations.iter().any(|standing| is_manager(standing) && belonging.includes(&standing.jid))
        };
        let is_his = matches!(&caller.who, Who::Account(address) if manages(address));
        if is_his || self.is_ranked(caller, passes).await? { Ok(()) } else { Err(AdminError::Forbidden) }
    }

    /// Whom the lists have changed for.
    async fn arrange(
        &self,
        actor: &Actor,
        room: RoomSnapshot,
        change: RoomChange,
        seen: Option<RulesVersion>,
    ) -> Result<BTreeSet<BareJid>, AdminError> {
        let settings = self.arranged(&room.settings, &change).await?;
        if settings.name != room.settings.name {
            self.check_title(&settings.name, Some(&room.settings.name)).await?;
        }
        let settings = (settings != room.settings).then(|| Box::new(settings));
        let items = self.items(&room.affiliations, change)?;
        let people = items.keys().cloned().collect();
        let command = Command::Arrange { seen, settings, items: items.into_values().collect() };
        self.rooms.execute(&room.name, actor.clone(), command).await?;
        Ok(people)
    }

    /// The settings as they are to be.
    async fn arranged(&self, was: &Settings, change: &RoomChange) -> Result<Settings, AdminError> {
        let mut settings = was.clone();
        if let Some(title) = &change.title {
            settings.name.clone_from(title);
        }
        if let Some(description) = &change.description {
            settings.description.clone_from(description);
        }
        if let Some(category) = &change.category {
            settings.category = Some(self.stored_category(category).await?.value.id);
        }
        if let Some(privacy) = change.privacy {
            settings.set_privacy(privacy);
        }
        settings.kind = change.kind.unwrap_or(settings.kind);
        settings.invites_members = change.invitations.unwrap_or(settings.invites_members);
        settings.disabled = change.disabled.unwrap_or(settings.disabled);
        if let Some(addin) = &change.addin {
            settings.addin = match addin.is_empty() {
                true => None,
                false => Some(self.store.addin(addin).await?.ok_or(AdminError::NotThere)?.number),
            };
        }
        Ok(settings)
    }

    /// What the lists come to, person by person.
    fn items(
        &self,
        was: &[Standing],
        change: RoomChange,
    ) -> Result<BTreeMap<BareJid, AffiliationItem>, AdminError> {
        let RoomChange { managers, members, presenters, .. } = change;
        if [&managers, &members, &presenters].into_iter().all(|list| *list == ListChange::default()) {
            return Ok(BTreeMap::new());
        }
        let list = |holds: fn(&Standing) -> bool, change| -> Result<BTreeSet<BareJid>, AdminError> {
            let was = was.iter().filter(|standing| holds(standing)).map(|standing| standing.jid.clone());
            Ok(self.changed(was.collect(), change)?.into_iter().collect())
        };
        let managers = list(is_manager, managers)?;
        let members = list(is_member, members)?;
        let presenters = list(is_presenter, presenters)?;
        let entries: BTreeMap<&BareJid, &Standing> =
            was.iter().map(|standing| (&standing.jid, standing)).collect();
        let mut all: BTreeSet<&BareJid> = managers.iter().chain(&members).chain(&presenters).collect();
        all.extend(was.iter().filter(|s| is_manager(s) || is_member(s)).map(|s| &s.jid));
        let item = |jid: &BareJid| {
            let (affiliation, extent) =
                standing_of(managers.contains(jid), members.contains(jid), presenters.contains(jid));
            let old = entries.get(jid);
            let is_same = old.is_some_and(|old| old.affiliation == affiliation && old.extent == extent);
            // XEP-0045's admins are members who moderate: they stay so.
            let stays_admin = old.is_some_and(|old| old.affiliation == Affiliation::Admin)
                && affiliation == Affiliation::Member;
            (!is_same && !stays_admin).then(|| {
                let (who, extent) = (Person::Jid(jid.clone()), Some(extent));
                (jid.clone(), AffiliationItem { who, affiliation, extent, nick: None, reason: "".into() })
            })
        };
        Ok(all.into_iter().filter_map(item).collect())
    }

    fn only_category(&self, actor: &Actor) -> Result<CategoryId, AdminError> {
        match self.rooms.homes_for(actor).as_slice() {
            [only] => Ok(*only),
            [] => Err(Refusal::CreationRestricted.into()),
            _ => Err(AdminError::WhichCategory),
        }
    }

    /// Names are unique over rooms and categories. A room may go without.
    async fn check_title(&self, title: &str, but: Option<&str>) -> Result<(), AdminError> {
        let is_same = but.is_some_and(|but| but.to_lowercase() == title.to_lowercase());
        if title.is_empty() || is_same {
            return Ok(());
        }
        let is_category =
            self.store.categories().await?.iter().any(|c| c.name.to_lowercase() == title.to_lowercase());
        if is_category || self.store.is_room_called(title).await? {
            return Err(AdminError::NameTaken);
        }
        Ok(())
    }

    async fn stored_room(&self, room: &str) -> Result<RoomSnapshot, AdminError> {
        self.store.load_room(&self.room_name(room)?).await?.ok_or(AdminError::NoSuchRoom)
    }

    async fn detail(&self, room: RoomSnapshot) -> Result<RoomDetail, AdminError> {
        let list = |holds: fn(&Standing) -> bool| -> Vec<BareJid> {
            room.affiliations.iter().filter(|s| holds(s)).map(|s| s.jid.clone()).collect()
        };
        let addin = match room.settings.addin {
            Some(number) => self.store.addin_numbered(number).await?,
            None => None,
        };
        let view = self.directory.view();
        let category = room.settings.category.and_then(|id| view.category(id));
        Ok(RoomDetail {
            address: BareJid::from_parts(Some(&room.name), self.rooms.domain())?,
            guid: room.guid,
            category: category.map(|category| category.name.clone()),
            addin: addin.map(|stored| stored.addin.value.name),
            managers: list(is_manager),
            members: list(is_member),
            presenters: list(is_presenter),
            banned: list(|standing| standing.affiliation == Affiliation::Outcast),
            is_locked: room.is_locked,
            version: room.rules,
            settings: room.settings,
        })
    }

    /// A room as the audit log calls it, however it was typed.
    pub(super) fn room_object(&self, text: &str) -> String {
        let local = self.room_name(text);
        local.map_or_else(|_| text.to_owned(), |local| format!("{local}@{}", self.rooms.domain()))
    }
}

impl RoomDetail {
    /// Everybody who has a right in it.
    fn listed(&self) -> BTreeSet<BareJid> {
        self.managers.iter().chain(&self.members).chain(&self.presenters).cloned().collect()
    }
}

fn is_manager(standing: &Standing) -> bool {
    standing.affiliation == Affiliation::Owner
}

fn is_member(standing: &Standing) -> bool {
    standing.affiliation >= Affiliation::Member && standing.extent.attends
}

fn is_presenter(standing: &Standing) -> bool {
    standing.affiliation >= Affiliation::Member && standing.extent.presents
}

fn end_of_a_room() -> Command {
    Command::Destroy { reason: "".into(), alternate: None, password: None }
}

/// A room as the audit log has it. Its lists may be long: of them only what is `about` these people.
fn told(room: &RoomDetail, about: &BTreeSet<BareJid>) -> Box<str> {
    let list = |list: &[BareJid]| -> Vec<String> {
        list.iter().filter(|jid| about.contains(*jid)).map(ToString::to_string).collect()
    };
    json!({
        "title": room.settings.name,
        "description": room.settings.description,
        "category": room.category,
        "public": room.settings.public,
        "members_only": room.settings.members_only,
        "kind": room.settings.kind,
        "disabled": room.settings.disabled,
        "addin": room.addin,
        "managers": list(&room.managers),
        "members": list(&room.members),
        "presenters": list(&room.presenters),
    })
    .to_string()
    .into()
}

/// How often a change is made anew where somebody else is changing the room.
const ATTEMPTS_MAX: u32 = 5;
