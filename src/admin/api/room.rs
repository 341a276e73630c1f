//! One room: made, looked at, changed and removed. The room itself decides what its manager may; administrators pass.

use perch_address::BareJid;
use serde_json::json;

use super::category::ListChange;
use super::{Admin, AdminError, Condition, Target};
use crate::admin::caller::{Caller, Who};
use crate::admin::rights::Operation;
use crate::chat::affiliation::Affiliation;
use crate::chat::category::CategoryId;
use crate::chat::command::{Actor, AffiliationItem, Command, Person};
use crate::chat::id::RulesVersion;
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
    pub settings: Settings,
    pub category: Option<Box<str>>,
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
        let is_his = match &caller.who {
            Who::Account(address) => snapshot.affiliations.iter().any(|standing| {
                let belonging = self.directory.view();
                standing.affiliation == Affiliation::Owner
                    && belonging.belongs(address).includes(&standing.jid)
            }),
            Who::Operator | Who::Service(_) => false,
        };
        // Whoever may see all categories may see all rooms.
        if !is_his {
            self.may_see(caller, Operation::ListCategories, Target::Pool).await?;
        }
        self.detail(snapshot)
    }

    /// Makes a room that nobody is in yet. An account that makes it becomes its manager and a member.
    pub async fn add_room(
        &self,
        caller: &Caller,
        name: &str,
        change: RoomChange,
    ) -> Result<RoomDetail, AdminError> {
        let act = self.may_do(caller, Operation::AddRoom, Target::Pool, name).await?;
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let local = self.room_name(name)?;
        let actor = self.actor(caller).await?;
        let category = match &change.category {
            Some(category) => self.stored_category(category).await?.value.id,
            None => self.only_category(&actor).await?,
        };
        let view = self.directory.view();
        if !actor.is_administrator && !view.lets_create(category, &actor.jid.bare()) {
            return Err(Refusal::CreationRestricted.into());
        }
        let mut settings = Settings { category: Some(category), ..self.rooms.defaults() };
        // As the original's: whoever wants it otherwise says so.
        settings.set_privacy(change.privacy.unwrap_or(Privacy::Closed));
        let change = RoomChange { category: None, privacy: None, ..change };
        let (settings, _) = self.arranged(settings, &change).await?;
        self.check_title(&settings.name, None).await?;
        let owner = matches!(caller.who, Who::Account(_)).then(|| actor.jid.bare());
        self.rooms.found(&local, owner, settings).await?;
        let changed = self.arrange(&actor, &local, change, None).await;
        let told = json!({ "category": category.0 }).to_string().into();
        self.administer(Deed::Elsewhere, Act { became: Some(told), ..act }).await?;
        changed?;
        self.detail(self.stored_room(&local).await?)
    }

    /// Sets what a room is and who is in its lists: all of it or nothing.
    pub async fn change_room(
        &self,
        caller: &Caller,
        room: &str,
        change: RoomChange,
        condition: Condition,
    ) -> Result<RoomDetail, AdminError> {
        let act = self.may_do(caller, Operation::ManageRoom, Target::Pool, room).await?;
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let local = self.room_name(room)?;
        let actor = self.actor(caller).await?;
        let seen = match condition {
            Condition::Versions(versions) => versions.first().map(|version| RulesVersion(version.0)),
            Condition::Any | Condition::New | Condition::Present => None,
        };
        let was = self.detail(self.stored_room(&local).await?)?;
        self.arrange(&actor, &local, change, seen).await?;
        let now = self.detail(self.stored_room(&local).await?)?;
        let act = Act { was: Some(told(&was)), became: Some(told(&now)), ..act };
        self.administer(Deed::Elsewhere, act).await?;
        Ok(now)
    }

    /// Ends a room for good. What was said in it stays in the journal.
    pub async fn remove_room(&self, caller: &Caller, room: &str) -> Result<BareJid, AdminError> {
        let act = self.may_do(caller, Operation::RemoveRoom, Target::Pool, room).await?;
        let detail = self.detail(self.stored_room(room).await?)?;
        if caller.is_trial {
            return Ok(detail.address);
        }
        let local = self.room_name(room)?;
        let destroy = Command::Destroy { reason: "".into(), alternate: None, password: None };
        self.rooms.execute(&local, self.actor(caller).await?, destroy).await?;
        self.administer(Deed::Elsewhere, Act { was: Some(told(&detail)), ..act }).await?;
        Ok(detail.address)
    }

    async fn arrange(
        &self,
        actor: &Actor,
        local: &str,
        change: RoomChange,
        seen: Option<RulesVersion>,
    ) -> Result<(), AdminError> {
        let snapshot = self.stored_room(local).await?;
        let (settings, is_changed) = self.arranged(snapshot.settings.clone(), &change).await?;
        if is_changed && settings.name != snapshot.settings.name {
            self.check_title(&settings.name, Some(&snapshot.settings.name)).await?;
        }
        let items = self.items(&snapshot.affiliations, change)?;
        if !is_changed && items.is_empty() && seen.is_none() {
            return Ok(());
        }
        let settings = is_changed.then(|| Box::new(settings));
        let command = Command::Arrange { seen, settings, items };
        Ok(self.rooms.execute(local, actor.clone(), command).await?)
    }

    /// The settings as they are to be, and whether that is something else.
    async fn arranged(&self, was: Settings, change: &RoomChange) -> Result<(Settings, bool), AdminError> {
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
        let is_changed = settings != was;
        Ok((settings, is_changed))
    }

    /// What the lists come to, person by person.
    fn items(&self, was: &[Standing], change: RoomChange) -> Result<Vec<AffiliationItem>, AdminError> {
        let list =
            |holds: fn(&Standing) -> bool| was.iter().filter(|s| holds(s)).map(|s| s.jid.clone()).collect();
        let managers = self.changed(list(is_manager), change.managers)?;
        let members = self.changed(list(is_member), change.members)?;
        let presenters = self.changed(list(is_presenter), change.presenters)?;
        let mut all: Vec<&BareJid> = managers.iter().chain(&members).chain(&presenters).collect();
        all.extend(was.iter().filter(|s| is_manager(s) || is_member(s)).map(|s| &s.jid));
        all.sort_unstable();
        all.dedup();
        let item = |jid: &BareJid| {
            let holds = |list: &[BareJid]| list.contains(jid);
            let (affiliation, extent) = standing_of(holds(&managers), holds(&members), holds(&presenters));
            let old = was.iter().find(|standing| standing.jid == *jid);
            let is_same = old.is_some_and(|old| old.affiliation == affiliation && old.extent == extent);
            // XEP-0045's admins are members who moderate: they stay so.
            let stays_admin = old.is_some_and(|old| old.affiliation == Affiliation::Admin)
                && affiliation == Affiliation::Member;
            (!is_same && !stays_admin).then(|| AffiliationItem {
                who: Person::Jid(jid.clone()),
                affiliation,
                extent: Some(extent),
                nick: None,
                reason: "".into(),
            })
        };
        Ok(all.into_iter().filter_map(item).collect())
    }

    async fn only_category(&self, actor: &Actor) -> Result<CategoryId, AdminError> {
        let view = self.directory.view();
        let creator = actor.jid.bare();
        let mut open = view
            .categories()
            .filter(|category| actor.is_administrator || view.lets_create(category.id, &creator));
        match (open.next(), open.next()) {
            (Some(only), None) => Ok(only.id),
            _ => Err(AdminError::NoSuchCategory),
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
            return Err(AdminError::TitleTaken);
        }
        Ok(())
    }

    async fn stored_room(&self, room: &str) -> Result<RoomSnapshot, AdminError> {
        self.store.load_room(&self.room_name(room)?).await?.ok_or(AdminError::NoSuchRoom)
    }

    fn detail(&self, snapshot: RoomSnapshot) -> Result<RoomDetail, AdminError> {
        let list = |holds: fn(&Standing) -> bool| -> Vec<BareJid> {
            snapshot.affiliations.iter().filter(|s| holds(s)).map(|s| s.jid.clone()).collect()
        };
        let view = self.directory.view();
        let category = snapshot.settings.category.and_then(|id| view.category(id));
        Ok(RoomDetail {
            address: BareJid::from_parts(Some(&snapshot.name), self.rooms.domain())?,
            category: category.map(|category| category.name.clone()),
            managers: list(is_manager),
            members: list(is_member),
            presenters: list(is_presenter),
            banned: list(|standing| standing.affiliation == Affiliation::Outcast),
            is_locked: snapshot.is_locked,
            version: snapshot.rules,
            settings: snapshot.settings,
        })
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

/// A room as the audit log has it.
fn told(room: &RoomDetail) -> Box<str> {
    json!({
        "title": room.settings.name,
        "description": room.settings.description,
        "category": room.category,
        "public": room.settings.public,
        "members_only": room.settings.members_only,
        "kind": room.settings.kind,
        "disabled": room.settings.disabled,
        "managers": room.managers,
        "members": room.members,
        "presenters": room.presenters,
    })
    .to_string()
    .into()
}
