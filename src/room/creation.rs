//! Bringing a room into being (XEP-0045 §10.1): whoever joins a name that does not exist becomes its owner.

use aws_lc_rs::rand;
use perch_address::BareJid;

use crate::chat::category::{Category, CategoryId};
use crate::chat::command::{Actor, Join};
use crate::chat::event::Change;
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
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
    check_enabled(by, services)?;
    let policy = &services.policy;
    let home = homes_for(by, services).into_iter().next().ok_or(Refusal::CreationRestricted)?;
    let settings = Settings { category: Some(home), ..policy.defaults.clone() };
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_unspecified| Refusal::TemporarilyUnavailable)?;
    let decision = Room::creation(by, join, settings, policy.locks_new_rooms, &secret)?;
    Ok(NewRoom { name: name.into(), secret, changes: decision.changes.into(), at, origin: by.origin })
}

/// A room that is made for others: nobody is in it, and maybe nobody owns it yet.
pub(super) fn founded(
    name: &str,
    by: &Actor,
    owner: Option<BareJid>,
    settings: Settings,
    services: &Services,
    at: Timestamp,
) -> Result<NewRoom, Refusal> {
    check_enabled(by, services)?;
    check_settings(&settings)?;
    if !settings.category.is_some_and(|home| homes_for(by, services).contains(&home)) {
        return Err(Refusal::CreationRestricted);
    }
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_unspecified| Refusal::TemporarilyUnavailable)?;
    let changes = match owner {
        Some(owner) => foundation(&owner, &secret, settings, false),
        None => {
            vec![Change::Created { by: by.jid.bare(), settings: Box::new(settings), locked: false }]
        }
    };
    Ok(NewRoom { name: name.into(), secret, changes: changes.into(), at, origin: None })
}

fn check_enabled(by: &Actor, services: &Services) -> Result<(), Refusal> {
    let is_enabled = by.is_administrator || services.directory.view().is_enabled(&by.jid.bare());
    if is_enabled { Ok(()) } else { Err(Refusal::NotEnabled) }
}

/// The categories in which somebody may make rooms. A room that he makes by entering it comes to the first of them, and he
/// may move it to another.
pub(super) fn homes_for(by: &Actor, services: &Services) -> Vec<CategoryId> {
    let (view, creator) = (services.directory.view(), by.jid.bare());
    let may_create = |category: &&Category| {
        by.is_administrator || (services.policy.is_creation_open && view.lets_create(category.id, &creator))
    };
    view.categories().filter(may_create).map(|category| category.id).collect()
}

pub(super) fn refusal_of(error: &CreateRoomError) -> Refusal {
    match error {
        // Somebody else was faster: the next request finds the room.
        CreateRoomError::NameTaken => Refusal::TemporarilyUnavailable,
        CreateRoomError::Store(error) => super::request::refusal_of(error),
    }
}
