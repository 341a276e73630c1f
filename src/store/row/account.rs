//! Rows of accounts: who may sign in, their logs, and what is projected from these.

use perch_address::{BareJid, Jid};
use serde::de::DeserializeOwned;

use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::node::Item;
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Epoch, Origin, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::store::account::{AccountEntry, DigestKeys, Md5Keys, ScramHash, ScramRow};
use crate::store::account_log::{LastItem, LoadedAccount};
use crate::store::archive::ArchivedLetter;
use crate::store::error::StoreError;
use crate::store::row::{Columns, id};

/// `id, name, disabled`
pub(in crate::store) fn account_entry(row: &impl Columns) -> Result<AccountEntry, StoreError> {
    Ok(AccountEntry { id: AccountId(row.integer(0)?), name: row.text(1)?.into(), is_disabled: row.flag(2)? })
}

/// `id, …, …, hash, iterations, salt, stored_key, server_key`; None where the account has no password.
pub(in crate::store) fn credential(row: &impl Columns) -> Result<Option<ScramRow>, StoreError> {
    let Some(hash) = row.integer_if_any(3)? else { return Ok(None) };
    let account = row.integer(0)?;
    let unknown = || StoreError::Inconsistent { table: "credential", row: account };
    Ok(Some(ScramRow {
        hash: ScramHash::from_number(hash).ok_or_else(unknown)?,
        iterations: row.integer(4)?.try_into().map_err(|_| unknown())?,
        salt: row.bytes(5)?.into(),
        stored_key: row.bytes(6)?.into(),
        server_key: row.bytes(7)?.into(),
    }))
}

/// `sha256, sha512_256, md5_of_name, md5_of_address`
pub(in crate::store) fn digest_keys(row: &impl Columns) -> Result<DigestKeys, StoreError> {
    Ok(DigestKeys {
        sha256: digest_key(row.bytes(0)?)?,
        sha512_256: digest_key(row.bytes(1)?)?,
        md5: match (row.bytes_if_any(2)?, row.bytes_if_any(3)?) {
            (Some(of_name), Some(of_address)) => {
                Some(Md5Keys { of_name: digest_key(of_name)?, of_address: digest_key(of_address)? })
            }
            _ => None,
        },
    })
}

fn digest_key<const BYTES: usize>(bytes: &[u8]) -> Result<[u8; BYTES], StoreError> {
    bytes.try_into().map_err(|_length| StoreError::Inconsistent { table: "digest_key", row: 0 })
}

/// `id, epoch, seq, last_at, handled, delivered, roster_version, preferences, photo, seen_at, seen_status`, then arrays in
/// JSON: `contacts, removed, blocked, nodes, waiting, inputs`.
pub(in crate::store) fn loaded_account(
    row: &impl Columns,
    jid: &BareJid,
) -> Result<LoadedAccount, StoreError> {
    let id = AccountId(row.integer(0)?);
    let preferences = match row.text_if_any(7)? {
        Some(text) => serde_json::from_str(text)
            .map_err(|_| StoreError::Inconsistent { table: "account_log", row: id.0 })?,
        None => Default::default(),
    };
    let status = row.text_if_any(10)?.unwrap_or_default();
    let snapshot = AccountSnapshot {
        id,
        jid: jid.clone(),
        epoch: Epoch(row.integer(1)? as u16),
        seq: Seq(row.integer(2)?),
        last_at: Timestamp(row.integer(3)?),
        handled: Seq(row.integer(4)?),
        delivered: Seq(row.integer(5)?),
        contacts: list(row, 11, "contact")?,
        removed_contacts: list(row, 12, "contact_removed")?,
        roster_version: row.integer(6)?,
        blocked: list(row, 13, "blocked")?,
        preferences,
        photo: row.text_if_any(8)?.map(Into::into),
        nodes: list(row, 14, "node")?,
        last_seen: row.integer_if_any(9)?.map(|at| (Timestamp(at), status.into())),
    };
    let inputs: Vec<Input> = list(row, 16, "account_event")?;
    let inputs = inputs.into_iter().map(|(seq, at, change)| AccountEvent { seq, at, origin: None, change });
    Ok(LoadedAccount { snapshot, waiting: list(row, 15, "account_event")?, inputs: inputs.collect() })
}

/// A subscription stanza of somebody else in this log: it has no origin here.
type Input = (Seq, Timestamp, AccountChange);

/// What the engine gathered into one JSON array.
fn list<T: DeserializeOwned>(
    row: &impl Columns,
    column: usize,
    table: &'static str,
) -> Result<Vec<T>, StoreError> {
    let account = row.integer(0)?;
    serde_json::from_str(row.text(column)?).map_err(|_| StoreError::Inconsistent { table, row: account })
}

/// `seq, at, origin_session, origin_number, origin_settled, change`
pub(in crate::store) fn entry(row: &impl Columns) -> Result<AccountEvent, StoreError> {
    let seq = Seq(row.integer(0)?);
    let origin = match (row.integer_if_any(2)?, row.integer_if_any(3)?) {
        (Some(session), Some(number)) => {
            let settled = row.integer_if_any(4)?.unwrap_or_default();
            Some(Origin { session: SessionId(session), number, settled })
        }
        _ => None,
    };
    let change = serde_json::from_str(row.text(5)?)
        .map_err(|_| StoreError::Inconsistent { table: "account_event", row: seq.0 })?;
    Ok(AccountEvent { seq, at: Timestamp(row.integer(1)?), origin, change })
}

/// `seq, epoch, at, change`
pub(in crate::store) fn letter(row: &impl Columns) -> Result<ArchivedLetter, StoreError> {
    let id = id(row)?;
    match serde_json::from_str(row.text(3)?) {
        Ok(AccountChange::Sent(letter) | AccountChange::Received(letter)) => {
            Ok(ArchivedLetter { id, at: Timestamp(row.integer(2)?), letter })
        }
        _ => Err(StoreError::Inconsistent { table: "account_event", row: id.seq().0 }),
    }
}

/// `id, at, publisher, payload`
pub(in crate::store) fn item(row: &impl Columns, account: AccountId) -> Result<Item, StoreError> {
    let publisher = Jid::new(row.text(2)?)
        .map_err(|_| StoreError::Inconsistent { table: "node_item", row: account.0 })?;
    Ok(Item {
        id: row.text(0)?.into(),
        at: Timestamp(row.integer(1)?),
        publisher,
        payload: Payload::from(row.text(3)?.to_owned()),
    })
}

/// The columns of an item first, then `owner's id, owner's name, node, contact, is blocked`.
pub(in crate::store) fn last_item(row: &impl Columns) -> Result<LastItem, StoreError> {
    let account = AccountId(row.integer(4)?);
    let corrupt = |table| StoreError::Inconsistent { table, row: account.0 };
    let contact = row.text_if_any(7)?;
    Ok(LastItem {
        owner: row.text(5)?.into(),
        node: serde_json::from_str(row.text(6)?).map_err(|_| corrupt("node"))?,
        item: item(row, account)?,
        contact: contact.map(serde_json::from_str).transpose().map_err(|_| corrupt("contact"))?,
        is_blocked: row.flag(8)?,
    })
}
