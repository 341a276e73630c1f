//! Routes to single rooms.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::categories::list_change;
use super::extract::{Asker, Changer, Created, Json, Path, Precondition, Tagged};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::api::room as api;
use crate::admin::rights::Operation;
use crate::admin::wire::Address;
use crate::admin::wire::room::{NewRoom, RoomChange, RoomDetail};
use crate::chat::administration::ActNumber;

pub(super) fn routes() -> Vec<Route> {
    const ROOM: &str = "/rooms/{room}";
    vec![
        Route::new(Method::POST, "/rooms", "addRoom", "Make a room", add)
            .needs(Operation::AddRoom)
            .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
        Route::new(Method::GET, ROOM, "showRoom", "A room with its lists", show).needs(Operation::ListRooms),
        Route::new(Method::PATCH, ROOM, "changeRoom", "Change a room and its lists", change)
            .needs(Operation::ManageRoom)
            .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::DELETE, ROOM, "removeRoom", "End a room for good", remove)
            .needs(Operation::RemoveRoom)
            .refuses(&[StatusCode::CONFLICT]),
    ]
}

async fn add(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewRoom>,
) -> Result<Created<RoomDetail>, Refused> {
    Ok(Created(detail(admin.add_room(&caller, &new.name, asked(new.change)).await?)))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(room): Path<String>,
) -> Result<Tagged<RoomDetail>, Refused> {
    let found = admin.room(&caller, &room).await?;
    Ok(Tagged(ActNumber(found.version.0), detail(found)))
}

async fn change(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(room): Path<String>,
    Precondition(condition): Precondition,
    Json(change): Json<RoomChange>,
) -> Result<Tagged<RoomDetail>, Refused> {
    let changed = admin.change_room(&caller, &room, asked(change), condition).await?;
    Ok(Tagged(ActNumber(changed.version.0), detail(changed)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(room): Path<String>,
) -> Result<Json<Address>, Refused> {
    let address = admin.remove_room(&caller, &room).await?.to_string();
    Ok(Json(Address { address }))
}

fn asked(change: RoomChange) -> api::RoomChange {
    api::RoomChange {
        title: change.title,
        description: change.description,
        category: change.category,
        privacy: change.privacy,
        kind: change.kind,
        invitations: change.invitations,
        disabled: change.disabled,
        addin: change.addin,
        managers: list_change(change.managers),
        members: list_change(change.members),
        presenters: list_change(change.presenters),
    }
}

fn detail(room: api::RoomDetail) -> RoomDetail {
    let addresses = |list: &[perch_address::BareJid]| list.iter().map(ToString::to_string).collect();
    RoomDetail {
        address: room.address.to_string(),
        guid: room.guid.to_string(),
        uri: room.guid.uri(room.address.domain()),
        category: room.category.map(Into::into),
        addin: room.addin.map(Into::into),
        privacy: room.settings.privacy(),
        kind: room.settings.kind,
        invitations: room.settings.invites_members,
        disabled: room.settings.disabled,
        locked: room.is_locked,
        managers: addresses(&room.managers),
        members: addresses(&room.members),
        presenters: addresses(&room.presenters),
        banned: addresses(&room.banned),
        version: room.version.0,
        title: room.settings.name,
        description: room.settings.description,
    }
}
