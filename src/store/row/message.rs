//! Rows of a log on their way back into events and messages.

use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{Epoch, MessageId, Origin, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::store::archive::{ArchivedKind, ArchivedMessage};
use crate::store::error::StoreError;
use crate::store::record::{self, Kind};
use crate::store::row::Columns;
use perch_address::BareJid;

/// The columns that [`Rows`] reads, in its order.
macro_rules! message_columns {
    () => {
        "seq, epoch, at, kind, nick, jid, resource, occupant_id, stanza_id, lang, text, payload, data"
    };
}
pub(in crate::store) use message_columns;

/// Where [`message_columns`] end and those of a single statement begin.
const FURTHER: usize = 13;

/// Reads rows of one table. Addresses are prepared once for all rows of a person: few people write most of a page.
#[derive(Debug)]
pub(in crate::store) struct Rows {
    table: &'static str,
    people: Vec<BareJid>,
}

impl Rows {
    pub(in crate::store) fn of(table: &'static str) -> Self {
        Self { table, people: Vec::new() }
    }

    /// Further columns: class, origin_session, origin_number, origin_settled.
    pub(in crate::store) fn event(&mut self, row: &impl Columns) -> Result<Event, StoreError> {
        let is_archived = row.integer(FURTHER)? == 0;
        let retention = if is_archived { Retention::Kept } else { Retention::Transient };
        let (author, content) = match self.author(row)? {
            Some(author) => (Some(author), Some(content(row, retention)?)),
            None => (None, None),
        };
        let origin = match (row.integer_if_any(FURTHER + 1)?, row.integer_if_any(FURTHER + 2)?) {
            (Some(session), Some(number)) => {
                let settled = row.integer_if_any(FURTHER + 3)?.unwrap_or_default();
                Some(Origin { session: SessionId(session), number, settled })
            }
            _ => None,
        };
        let change = record::change(self.kind(row)?, author, content, row.text_if_any(12)?);
        Ok(Event {
            seq: Seq(row.integer(0)?),
            at: Timestamp(row.integer(2)?),
            origin,
            change: change.ok_or_else(|| self.inconsistent(row))?,
        })
    }

    pub(in crate::store) fn message(&mut self, row: &impl Columns) -> Result<ArchivedMessage, StoreError> {
        let details = record::details(row.text_if_any(12)?).ok_or_else(|| self.inconsistent(row))?;
        let kind = match self.kind(row)? {
            Kind::Posted => ArchivedKind::Post,
            Kind::SubjectSet => ArchivedKind::Subject(details.subject.unwrap_or_default()),
            Kind::Retracted => {
                let target = details.target().ok_or_else(|| self.inconsistent(row))?;
                ArchivedKind::Retraction {
                    target,
                    is_moderation: details.is_moderation,
                    reason: details.reason.unwrap_or_default(),
                }
            }
            Kind::Whole | Kind::Whispered => return Err(self.inconsistent(row)),
        };
        Ok(ArchivedMessage {
            id: id(row)?,
            at: Timestamp(row.integer(2)?),
            author: self.author(row)?.ok_or_else(|| self.inconsistent(row))?,
            content: content(row, Retention::Kept)?,
            kind,
            tombstone: details.tombstone,
        })
    }

    /// From rows that come newest first, as many as the wish leaves room for, oldest first.
    pub(in crate::store) fn history(
        &mut self,
        rows: &[impl Columns],
        request: HistoryRequest,
    ) -> Result<Vec<ArchivedMessage>, StoreError> {
        let mut budget = request.characters_max.map_or(usize::MAX, |characters| characters as usize);
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            let message = self.message(row)?;
            match budget.checked_sub(message.content.payload.as_str().chars().count()) {
                Some(rest) => budget = rest,
                None => break,
            }
            messages.push(message);
        }
        messages.reverse();
        Ok(messages)
    }

    fn kind(&self, row: &impl Columns) -> Result<Kind, StoreError> {
        Kind::from_number(row.integer(3)?).ok_or_else(|| self.inconsistent(row))
    }

    fn author(&mut self, row: &impl Columns) -> Result<Option<Author>, StoreError> {
        let Some(jid) = row.text_if_any(5)? else { return Ok(None) };
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

    fn inconsistent(&self, row: &impl Columns) -> StoreError {
        StoreError::Inconsistent { table: self.table, row: row.integer(0).unwrap_or_default() }
    }
}

/// The first two columns.
pub(in crate::store) fn id(row: &impl Columns) -> Result<MessageId, StoreError> {
    Ok(MessageId::new(Epoch(row.integer(1)? as u16), Seq(row.integer(0)?)))
}

fn content(row: &impl Columns, retention: Retention) -> Result<Content, StoreError> {
    Ok(Content {
        id: boxed(row, 8)?,
        lang: boxed(row, 9)?,
        text: boxed(row, 10)?,
        payload: Payload::from(row.text_if_any(11)?.unwrap_or_default().to_owned()),
        retention,
    })
}

fn boxed(row: &impl Columns, column: usize) -> Result<Option<Box<str>>, StoreError> {
    Ok(row.text_if_any(column)?.map(Into::into))
}
