//! Rows of sessions, and of what their stanzas have left in logs.

use crate::chat::account::entry::AccountChange;
use crate::chat::id::{AccountId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::store::error::StoreError;
use crate::store::record::Class;
use crate::store::row::Columns;
use crate::store::session::{Addressee, SessionRow, Written};

/// `id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former`
pub(in crate::store) fn saved_session(row: &impl Columns) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: SessionId(row.integer(0)?),
        account: AccountId(row.integer(1)?),
        resource: row.text(2)?.into(),
        deadline: row.integer_if_any(3)?.map(Timestamp),
        handled: row.integer(4)?,
        acknowledged: Seq(row.integer(5)?),
        counted_from: row.integer(6)?,
        resumption: row.text_if_any(7)?.map(Into::into),
        former: row.integer_if_any(8)?.map(SessionId),
    })
}

/// `origin_number, room, seq, class, stanza_id, payload, name`
pub(in crate::store) fn written_in_room(row: &impl Columns) -> Result<Written, StoreError> {
    let to = Addressee::Room {
        id: RoomId(row.integer(1)?),
        seq: Seq(row.integer(2)?),
        is_archived: row.integer(3)? == Class::Conversation.number(),
        // A destroyed room has no name any more, and nothing that is said again can be for it.
        name: row.text_if_any(6)?.unwrap_or_default().into(),
    };
    Ok(Written {
        number: row.integer(0)?,
        to,
        id: row.text_if_any(4)?.map(Into::into),
        payload: Payload::from(row.text_if_any(5)?.unwrap_or_default().to_owned()),
    })
}

/// `origin_number, change`
pub(in crate::store) fn written_in_account(row: &impl Columns) -> Result<Option<Written>, StoreError> {
    let inconsistent = || StoreError::Inconsistent { table: "account_event", row: 0 };
    let change = serde_json::from_str(row.text(1)?).map_err(|_| inconsistent())?;
    let (AccountChange::Sent(letter) | AccountChange::Received(letter)) = change else { return Ok(None) };
    Ok(Some(Written {
        number: row.integer(0)?,
        to: Addressee::Person(letter.to),
        id: letter.content.id,
        payload: letter.content.payload,
    }))
}
