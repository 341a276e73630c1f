//! Rows of a log on their way back into events and messages.

use perch_address::BareJid;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::chat::event::Event;
use crate::chat::id::{Epoch, MessageId, Origin, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::store::archive::{ArchivedKind, ArchivedMessage};
use crate::store::error::StoreError;
use crate::store::record::{self, Kind};

/// The columns that [`Rows`] reads, in its order.
macro_rules! message_columns {
    () => {
        "seq, epoch, at, kind, nick, jid, resource, occupant_id, stanza_id, lang, text, payload, data"
    };
}
pub(super) use message_columns;

/// Where [`message_columns`] end and those of a single statement begin.
const FURTHER: usize = 13;

/// Reads rows of one table. Addresses are prepared once for all rows of a person: few people write most of a page.
#[derive(Debug)]
pub(super) struct Rows {
    table: &'static str,
    people: Vec<BareJid>,
}

impl Rows {
    pub(super) fn of(table: &'static str) -> Self {
        Self { table, people: Vec::new() }
    }

    /// Further columns: class, origin_session, origin_number, origin_settled.
    pub(super) fn event(&mut self, row: &SqliteRow) -> Result<Event, StoreError> {
        let is_archived = row.try_get::<i64, _>(FURTHER)? == 0;
        let retention = if is_archived { Retention::Kept } else { Retention::Transient };
        let (author, content) = match self.author(row)? {
            Some(author) => (Some(author), Some(content(row, retention)?)),
            None => (None, None),
        };
        let origin = match (row.try_get(FURTHER + 1)?, row.try_get(FURTHER + 2)?) {
            (Some(session), Some(number)) => {
                let settled = row.try_get::<Option<i64>, _>(FURTHER + 3)?.unwrap_or_default();
                Some(Origin { session: SessionId(session), number, settled })
            }
            _ => None,
        };
        let change = record::change(self.kind(row)?, author, content, row.try_get(12)?);
        Ok(Event {
            seq: Seq(row.try_get(0)?),
            at: Timestamp(row.try_get(2)?),
            origin,
            change: change.ok_or_else(|| self.inconsistent(row))?,
        })
    }

    /// Further columns: the epoch of the target, where it is a retraction.
    pub(super) fn message(&mut self, row: &SqliteRow) -> Result<ArchivedMessage, StoreError> {
        let details = record::details(row.try_get(12)?).ok_or_else(|| self.inconsistent(row))?;
        let kind = match self.kind(row)? {
            Kind::Posted => ArchivedKind::Post,
            Kind::SubjectSet => ArchivedKind::Subject(details.subject.unwrap_or_default()),
            Kind::Retracted => {
                let target = details.target.ok_or_else(|| self.inconsistent(row))?;
                // The target may be gone where retention has passed between the two.
                let epoch = row.try_get::<Option<u16>, _>(FURTHER)?.unwrap_or_default();
                ArchivedKind::Retraction {
                    target: MessageId::new(Epoch(epoch), target),
                    is_moderation: details.is_moderation,
                    reason: details.reason.unwrap_or_default(),
                }
            }
            Kind::Whole | Kind::Whispered => return Err(self.inconsistent(row)),
        };
        Ok(ArchivedMessage {
            id: id(row)?,
            at: Timestamp(row.try_get(2)?),
            author: self.author(row)?.ok_or_else(|| self.inconsistent(row))?,
            content: content(row, Retention::Kept)?,
            kind,
            tombstone: details.tombstone,
        })
    }

    fn kind(&self, row: &SqliteRow) -> Result<Kind, StoreError> {
        Kind::from_number(row.try_get(3)?).ok_or_else(|| self.inconsistent(row))
    }

    fn author(&mut self, row: &SqliteRow) -> Result<Option<Author>, StoreError> {
        let Some(jid) = row.try_get::<Option<&str>, _>(5)? else { return Ok(None) };
        Ok(Some(Author {
            nick: boxed(row, 4)?.unwrap_or_default(),
            jid: self.person(jid).ok_or_else(|| self.inconsistent(row))?,
            resource: boxed(row, 6)?,
            occupant_id: boxed(row, 7)?.unwrap_or_default(),
        }))
    }

    fn person(&mut self, jid: &str) -> Option<BareJid> {
        if let Some(person) = self.people.iter().find(|person| person.as_str() == jid) {
            return Some(person.clone());
        }
        let person = BareJid::new(jid).ok()?;
        self.people.push(person.clone());
        Some(person)
    }

    fn inconsistent(&self, row: &SqliteRow) -> StoreError {
        StoreError::Inconsistent { table: self.table, row: row.try_get(0).unwrap_or_default() }
    }
}

/// The first two columns.
pub(super) fn id(row: &SqliteRow) -> Result<MessageId, StoreError> {
    Ok(MessageId::new(Epoch(row.try_get(1)?), Seq(row.try_get(0)?)))
}

fn content(row: &SqliteRow, retention: Retention) -> Result<Content, StoreError> {
    Ok(Content {
        id: boxed(row, 8)?,
        lang: boxed(row, 9)?,
        text: boxed(row, 10)?,
        payload: Payload::from(row.try_get::<Option<String>, _>(11)?.unwrap_or_default()),
        retention,
    })
}

fn boxed(row: &SqliteRow, column: usize) -> Result<Option<Box<str>>, StoreError> {
    Ok(row.try_get::<Option<&str>, _>(column)?.map(Into::into))
}
