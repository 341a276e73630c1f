//! What was said: searched, taken out, replaced, and cleared away. The originals stay in the journal.
//!
//! What may be very much is done in portions: each call says where the next goes on. Cut off anywhere, the same may be asked
//! again: what is gone already is not found.

use std::collections::{BTreeMap, BTreeSet};

use perch_address::BareJid;
use serde_json::{Value, json};

use super::{Admin, AdminError, Page, Target};
use crate::admin::caller::{Caller, Who};
use crate::admin::rights::Operation;
use crate::chat::answer::Answer;
use crate::chat::command::{Command, Query};
use crate::chat::id::{MessageId, RoomId, Timestamp};
use crate::chat::refusal::Refusal;
use crate::chat::words::Wording;
use crate::room::retraction::EXPUNGED_MAX;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;
use crate::store::archive::{ArchiveQuery, Log};
use crate::store::search::{Found, Hit, Order, Scope, Search};

/// Which messages. Bounds by time are inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Addresses of rooms, or names alone; none: all that the caller may read.
    pub rooms: Vec<String>,
    pub wording: Option<Wording>,
    pub authors: Vec<BareJid>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

/// A message as who has found it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMessage {
    pub room: BareJid,
    pub id: MessageId,
    pub at: Timestamp,
    pub nick: Box<str>,
    /// Who it was, for administrators.
    pub author: Option<BareJid>,
    pub text: Box<str>,
}

/// A portion that was dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub count: u64,
    /// What to hand in as `after` for the next portion; `None` at the end.
    pub next: Option<String>,
}

impl Admin {
    /// A page of the messages that fit, in the rooms that the caller may read.
    pub async fn search_messages(
        &self,
        caller: &Caller,
        filter: &MessageFilter,
        order: Order,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<FoundMessage>, AdminError> {
        self.may_see(caller, Operation::SearchMessages, Target::Pool).await?;
        let sees_addresses = self.reads_all(caller).await?;
        if !sees_addresses && !filter.authors.is_empty() {
            return Err(AdminError::Forbidden);
        }
        let scope = self.scope(caller, &filter.rooms).await?;
        let found = self.found_messages(scope, filter, order, after, limit.clamp(1, Search::MAX)).await?;
        let items = found.hits.iter().filter_map(|hit| self.shown(hit, sees_addresses)).collect();
        Ok(Page { items, next: place(&found) })
    }

    /// Takes out a portion of the messages that fit, newest first, or puts a sentence in the place of each. Members, archives and searches agree
    /// on it when this returns. Those who are in a room are told of the newest that go, one by one, and of no more.
    pub async fn remove_messages(
        &self,
        caller: &Caller,
        filter: &MessageFilter,
        replacement: Option<&str>,
        after: Option<&str>,
    ) -> Result<Removed, AdminError> {
        let rooms: Vec<_> = filter.rooms.iter().map(|room| self.room_object(room)).collect();
        let act = self.may_do(caller, Operation::RemoveMessages, Target::Pool, rooms.join(", ")).await?;
        if *filter == MessageFilter::default() {
            return Err(AdminError::NothingAsked);
        }
        let scope = self.scope(caller, &filter.rooms).await?;
        let found = self.found_messages(scope, filter, Order::NewestFirst, after, Search::MAX).await?;
        if caller.is_trial {
            return Ok(Removed { count: found.hits.len() as u64, next: place(&found) });
        }
        let told = if after.is_none() { TOLD_MAX.min(found.hits.len()) } else { 0 };
        let (told, rest) = found.hits.split_at(told);
        let mut count = 0;
        let mut expunged = self.expunge(caller, told, replacement, true, &mut count).await;
        if expunged.is_ok() {
            expunged = self.expunge(caller, rest, replacement, false, &mut count).await;
        }
        // What is gone is gone, also where something came between.
        let became = json!({ "count": count, "replaced": replacement.is_some(), "which": filter.told() });
        self.administer(Deed::Elsewhere, Act { became: Some(became.to_string().into()), ..act }).await?;
        expunged?;
        Ok(Removed { count, next: place(&found) })
    }

    /// Takes out everything that was said in a room up to that time, and says how many messages it was. Nothing of it is
    /// shown from the first moment on; that it is also removed from the store takes its time.
    pub async fn clear_room(&self, caller: &Caller, room: &str, until: Timestamp) -> Result<u64, AdminError> {
        let object = self.room_object(room);
        let act = self.may_do(caller, Operation::RemoveMessages, Target::Pool, object).await?;
        let store = self.rooms.store();
        let room = store.load_room(&self.room_name(room)?).await?.ok_or(AdminError::NoSuchRoom)?;
        let counting = ArchiveQuery {
            floor: room.first_seq,
            end: Some(until),
            max: 0,
            counts: true,
            ..ArchiveQuery::new(Log::Room(room.id))
        };
        let count = store.archive_page(counting).await?.total.unwrap_or_default();
        if caller.is_trial {
            return Ok(count);
        }
        let below = store.place_at(room.id, Timestamp(until.0.saturating_add(1))).await?;
        let scope = Scope::Rooms(vec![room.id]);
        let newest = Search { end: Some(until), max: TOLD_MAX as u32, ..Search::new(scope) };
        self.expunge(caller, &store.search(newest).await?.hits, None, true, &mut 0).await?;
        let clear = Command::Clear { below };
        self.rooms.execute(&room.name, self.actor(caller).await?, clear).await?;
        let told = json!({ "count": count, "until": until.0 });
        self.administer(Deed::Elsewhere, Act { became: Some(told.to_string().into()), ..act }).await?;
        store.purge_below(room.id, below).await?;
        Ok(count)
    }

    async fn found_messages(
        &self,
        scope: Scope,
        filter: &MessageFilter,
        order: Order,
        after: Option<&str>,
        max: u32,
    ) -> Result<Found, AdminError> {
        let after = after.map(read_place).transpose()?;
        let search = Search {
            scope,
            wording: filter.wording.clone(),
            authors: filter.authors.clone(),
            start: filter.start,
            end: filter.end,
            order,
            after,
            max,
        };
        Ok(self.rooms.store().search(search).await?)
    }

    /// What these rooms are to the caller; where none is named, all that he may read.
    async fn scope(&self, caller: &Caller, rooms: &[String]) -> Result<Scope, AdminError> {
        let names = rooms.iter().map(|room| self.room_name(room)).collect::<Result<Vec<_>, _>>()?;
        let reader = match &caller.who {
            Who::Account(address) if !self.reads_all(caller).await? => address,
            _ => return self.scope_of_all(&names).await,
        };
        if names.is_empty() {
            return Ok(Scope::Rooms(self.rooms.readable_by(reader).await?));
        }
        let mut ids = Vec::with_capacity(names.len());
        for name in &names {
            let answer = self.rooms.query(name, self.actor(caller).await?, Query::ArchiveAccess).await;
            match answer? {
                Answer::Archive(access) => ids.push(access.room),
                _ => return Err(AdminError::Forbidden),
            }
        }
        Ok(Scope::Rooms(ids))
    }

    /// The same for who may read everywhere, whatever the rooms' lists say of him.
    async fn scope_of_all(&self, names: &[String]) -> Result<Scope, AdminError> {
        if names.is_empty() {
            return Ok(Scope::Everywhere);
        }
        let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let found = self.rooms.store().rooms_named(&wanted).await?;
        let is_whole = found.len() == wanted.len();
        let ids = found.into_iter().map(|room| room.id).collect();
        if is_whole { Ok(Scope::Rooms(ids)) } else { Err(AdminError::NoSuchRoom) }
    }

    /// Takes these out, room by room, so many in each append as one may have, and counts them.
    async fn expunge(
        &self,
        caller: &Caller,
        hits: &[Hit],
        replacement: Option<&str>,
        is_told: bool,
        count: &mut u64,
    ) -> Result<(), AdminError> {
        let mut by_room: BTreeMap<&str, Vec<MessageId>> = BTreeMap::new();
        for hit in hits {
            by_room.entry(&hit.name).or_default().push(hit.message.id);
        }
        for (name, ids) in by_room {
            for targets in ids.chunks(EXPUNGED_MAX) {
                let replacement = replacement.map(Into::into);
                let command = Command::Expunge { targets: targets.to_vec(), replacement, is_told };
                match self.rooms.execute(name, self.actor(caller).await?, command).await {
                    Ok(()) => *count += targets.len() as u64,
                    // It went while its messages were looked for, and they with it.
                    Err(Refusal::NoSuchRoom | Refusal::Destroyed { .. }) => {}
                    Err(refusal) => return Err(refusal.into()),
                }
            }
        }
        Ok(())
    }

    /// Whether the caller reads everywhere, whatever the rooms' lists say of him.
    pub(super) async fn reads_all(&self, caller: &Caller) -> Result<bool, AdminError> {
        self.is_ranked(caller, Operation::ReadAllRooms).await
    }

    fn shown(&self, hit: &Hit, sees_addresses: bool) -> Option<FoundMessage> {
        Some(FoundMessage {
            room: BareJid::from_parts(Some(&hit.name), self.rooms.domain()).ok()?,
            id: hit.message.id,
            at: hit.message.at,
            nick: hit.message.author.nick.clone(),
            author: sees_addresses.then(|| hit.message.author.jid.clone()),
            text: hit.message.content.text.clone().unwrap_or_default(),
        })
    }
}

impl MessageFilter {
    /// As the audit log has it.
    fn told(&self) -> Value {
        json!({
            "words": self.wording.as_ref().map(|wording| &wording.text),
            "authors": self.authors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "from": self.start.map(|start| start.0),
            "until": self.end.map(|end| end.0),
        })
    }
}

/// A place among all messages as text: the room's id and the message's.
fn place(found: &Found) -> Option<String> {
    found.next.map(|(room, id)| format!("{}-{id}", room.0))
}

fn read_place(place: &str) -> Result<(RoomId, MessageId), AdminError> {
    let parts = place
        .split_once('-')
        .and_then(|(room, id)| Some((RoomId(room.parse().ok()?), MessageId::parse(id)?)));
    parts.ok_or(AdminError::NoSuchPlace)
}

/// Messages of whose removal those in a room are told one by one, however many go: what their screens may show.
const TOLD_MAX: usize = 100;
