//! Bringing a room into being (XEP-0045 §10.1): whoever joins a name that does not exist becomes its owner.

use aws_lc_rs::rand;
use perch_address::BareJid;

use crate::chat::category::{Category, CategoryId};
use crate::chat::command::{Actor, Join};
use crate::chat::event::Change;
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::directory::View;
use crate::room::configuration::{check_settings, foundation};
use crate::room::directory::Services;
use crate::room::state::Room;
use crate::store::error::CreateRoomError;
use crate::store::room::NewRoom;

/// The new room's row and its first events, or why there is to be none.
pub(super) fn new_room(
    name: &str,
    by: &Actor,
    join: &Join,
    services: &Services,
    at: Timestamp,
) -> Result<NewRoom, Refusal> {
    let policy = &services.policy;
    if !(policy.is_creation_open || by.is_administrator) {
        return Err(Refusal::CreationRestricted);
    }
    let settings =
        Settings { category: Some(category_for(by, &services.directory.view())?), ..policy.defaults.clone() };
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_unspecified| Refusal::TemporarilyUnavailable)?;
    let decision = Room::creation(by, join, settings, policy.locks_new_rooms, &secret)?;
    Ok(NewRoom { name: name.into(), secret, changes: decision.changes.into(), at, origin: by.origin })
}

/// A room that is made for others: nobody is in it, and maybe nobody owns it yet.
pub(super) fn founded(
    name: &str,
    owner: Option<BareJid>,
    settings: Settings,
    at: Timestamp,
) -> Result<NewRoom, Refusal> {
    check_settings(&settings)?;
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_unspecified| Refusal::TemporarilyUnavailable)?;
    let changes = match owner {
        Some(owner) => foundation(&owner, &secret, settings, false),
        None => {
            let by = Actor::service().jid.bare();
            vec![Change::Created { by, settings: Box::new(settings), locked: false }]
        }
    };
    Ok(NewRoom { name: name.into(), secret, changes: changes.into(), at, origin: None })
}

/// Where a new room belongs: the first of the categories in which its creator may make rooms. He may move it to another
/// of them.
fn category_for(by: &Actor, view: &View) -> Result<CategoryId, Refusal> {
    let creator = by.jid.bare();
    let may_create = |category: &&Category| by.is_administrator || view.lets_create(category.id, &creator);
    let found = view.categories().find(may_create).map(|category| category.id);
    found.ok_or(Refusal::CreationRestricted)
}

pub(super) fn refusal_of(error: &CreateRoomError) -> Refusal {
    match error {
        // Somebody else was faster: the next request finds the room.
        CreateRoomError::NameTaken => Refusal::TemporarilyUnavailable,
        CreateRoomError::Store(error) => super::request::refusal_of(error),
    }
}
