//! Bringing a room into being (XEP-0045 §10.1): whoever joins a name that does not exist becomes its owner.

use aws_lc_rs::rand;

use crate::chat::command::{Actor, Join};
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::room::directory::Policy;
use crate::room::state::Room;
use crate::store::error::CreateRoomError;
use crate::store::room::NewRoom;

/// The new room's row and its first events, or why there is to be none.
pub(super) fn new_room(
    name: &str,
    by: &Actor,
    join: &Join,
    policy: &Policy,
    at: Timestamp,
) -> Result<NewRoom, Refusal> {
    if !(policy.is_creation_open || by.is_administrator) {
        return Err(Refusal::CreationRestricted);
    }
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_unspecified| Refusal::TemporarilyUnavailable)?;
    let decision = Room::creation(by, join, policy.defaults.clone(), policy.locks_new_rooms, &secret)?;
    Ok(NewRoom { name: name.into(), secret, changes: decision.changes.into(), at, origin: by.origin })
}

pub(super) fn refusal_of(error: &CreateRoomError) -> Refusal {
    match error {
        // Somebody else was faster: the next request finds the room.
        CreateRoomError::NameTaken => Refusal::TemporarilyUnavailable,
        CreateRoomError::Store(error) => super::request::refusal_of(error),
    }
}
