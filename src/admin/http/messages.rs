//! Messages and rooms that are searched for and taken out.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use perch_address::BareJid;
use perch_xmpp::datetime;

use super::extract::{Asker, Changer, Json, Path};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::messages as api;
use crate::admin::api::rooms::RoomInfo;
use crate::admin::api::{Admin, AdminError};
use crate::admin::rights::Operation;
use crate::admin::wire::messages::{
    Cleared, Clearing, Matching, Message, MessageFilter, MessagePage, MessageQuery, MessageRemoval, Removed,
    Room, RoomPage, RoomQuery,
};
use crate::chat::id::Timestamp;
use crate::chat::settings::Settings;
use crate::chat::words::{self, Wording};
use crate::store::room_search::RoomSearch;
use crate::store::search::Order;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/messages/search", "searchMessages", "Find messages", search)
            .needs(Operation::SearchMessages)
            .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
        Route::new(
            Method::POST,
            "/messages/remove",
            "removeMessages",
            "Take messages out, or put a sentence in their place",
            remove,
        )
        .needs(Operation::RemoveMessages)
        .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
        Route::new(
            Method::POST,
            "/rooms/{room}/clear",
            "clearRoom",
            "Take out all that was said in a room up to a time",
            clear,
        )
        .needs(Operation::RemoveMessages)
        .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::POST, "/rooms/search", "searchRooms", "Find rooms", search_rooms)
            .needs(Operation::ListRooms),
    ]
}

async fn search(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Json(query): Json<MessageQuery>,
) -> Result<Json<MessagePage>, Refused> {
    let order = if query.oldest_first { Order::OldestFirst } else { Order::NewestFirst };
    let limit = query.limit.map_or(LIMIT, Into::into);
    let filter = filter(query.which)?;
    let page = admin.search_messages(&caller, &filter, order, query.after.as_deref(), limit).await?;
    Ok(Json(MessagePage { messages: page.items.into_iter().map(message).collect(), next: page.next }))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(asked): Json<MessageRemoval>,
) -> Result<Json<Removed>, Refused> {
    let (filter, replacement) = (filter(asked.which)?, asked.replacement.as_deref());
    let api::Removed { count, next } =
        admin.remove_messages(&caller, &filter, replacement, asked.after.as_deref()).await?;
    Ok(Json(Removed { count, next }))
}

async fn clear(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(room): Path<String>,
    Json(asked): Json<Clearing>,
) -> Result<Json<Cleared>, Refused> {
    let until = moment(&asked.until, DAY_MS - 1)?;
    Ok(Json(Cleared { count: admin.clear_room(&caller, &room, until).await? }))
}

async fn search_rooms(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Json(query): Json<RoomQuery>,
) -> Result<Json<RoomPage>, Refused> {
    let flags = |privacy| {
        let mut settings = Settings::default();
        settings.set_privacy(privacy);
        (settings.public, settings.members_only)
    };
    let (is_public, is_members_only) = query.privacy.map(flags).unzip();
    let search = RoomSearch {
        text: query.text.into(),
        is_phrase: query.phrase,
        in_address: true,
        in_title: true,
        in_description: query.description,
        is_public,
        is_members_only,
        member: query.member.as_deref().map(address).transpose()?,
        manager: query.manager.as_deref().map(address).transpose()?,
        seen_by: None,
    };
    let limit = query.limit.map(Into::into);
    let page = admin.search_rooms(&caller, search, query.after.as_deref(), limit).await?;
    Ok(Json(RoomPage { rooms: page.items.into_iter().map(room).collect(), next: page.next }))
}

fn filter(filter: MessageFilter) -> Result<api::MessageFilter, AdminError> {
    let matching = match filter.matching {
        Matching::All => words::Matching::All,
        Matching::Any => words::Matching::Any,
        Matching::Phrase => words::Matching::Phrase,
    };
    let wording =
        |text: String| Wording { text: text.into(), matching, is_case_sensitive: filter.case_sensitive };
    Ok(api::MessageFilter {
        rooms: filter.rooms,
        wording: filter.words.filter(|words| !words.trim().is_empty()).map(wording),
        authors: filter.authors.iter().map(|author| address(author)).collect::<Result<_, _>>()?,
        start: filter.from.as_deref().map(|from| moment(from, 0)).transpose()?,
        end: filter.until.as_deref().map(|until| moment(until, DAY_MS - 1)).transpose()?,
    })
}

fn address(text: &str) -> Result<BareJid, AdminError> {
    Ok(BareJid::new(text)?)
}

/// A date and time, or of a date alone that part of the day.
fn moment(text: &str, of_day: i64) -> Result<Timestamp, AdminError> {
    let date = || datetime::parse(&format!("{text}T00:00:00Z")).map(|day| day + of_day);
    datetime::parse(text).or_else(date).map(Timestamp).ok_or(AdminError::BadDate)
}

fn message(found: api::FoundMessage) -> Message {
    Message {
        room: found.room.to_string(),
        id: found.id.to_string(),
        at: datetime::format(found.at.0),
        nick: found.nick.into(),
        author: found.author.map(|author| author.to_string()),
        text: found.text.into(),
    }
}

fn room(room: RoomInfo) -> Room {
    let settings = room.settings;
    let privacy = settings.privacy();
    Room {
        address: room.address.to_string(),
        name: settings.name,
        description: settings.description,
        privacy,
        locked: room.is_locked,
        occupants: room.occupants,
    }
}

/// Messages of a page, unless fewer are asked for.
const LIMIT: u32 = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
