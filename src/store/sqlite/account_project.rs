//! What follows from an account's log: the rows that it is loaded from.

use perch_address::BareJid;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Seq, Timestamp};
use crate::chat::message::Payload;
use crate::store::account_log::{LoadedAccount, REMOVED_MAX, WAITING_MAX};
use crate::store::error::StoreError;
use crate::store::row::snapshot;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::nodes::project_node;

impl Sqlite {
    pub(in crate::store) async fn load_account(
        &self,
        jid: &BareJid,
    ) -> Result<Option<LoadedAccount>, StoreError> {
        let Some(name) = jid.local() else { return Ok(None) };
        let row = sqlx::query(WHOLE).bind(name).bind(WAITING_MAX).fetch_optional(&self.readers).await?;
        row.map(|row| loaded(&row, jid)).transpose()
    }

    pub(in crate::store) async fn vcard(&self, account: AccountId) -> Result<Option<Payload>, StoreError> {
        let vcard: Option<Option<String>> =
            sqlx::query_scalar(VCARD).bind(account.0).fetch_optional(&self.readers).await?;
        Ok(vcard.flatten().map(Payload::from))
    }

    pub(in crate::store) async fn private_xml(
        &self,
        account: AccountId,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Payload>, StoreError> {
        let payload: Option<String> = sqlx::query_scalar(PRIVATE)
            .bind(account.0)
            .bind(namespace)
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        Ok(payload.map(Payload::from))
    }
}

pub(super) async fn project(
    connection: &mut SqliteConnection,
    account: AccountId,
    seq: Seq,
    at: Timestamp,
    change: &AccountChange,
) -> Result<(), StoreError> {
    let json =
        |value: Result<String, serde_json::Error>| value.expect("projections are plain data with text keys");
    let id = account.0;
    match change {
        AccountChange::Sent(_) | AccountChange::Received(_) | AccountChange::Approached { .. } => {}
        AccountChange::ContactSet { .. } | AccountChange::ContactRemoved { .. } => {
            project_contact(connection, account, change).await?;
        }
        AccountChange::Blocked { jids } => {
            for jid in jids {
                sqlx::query(BLOCK).bind(id).bind(jid.as_str()).execute(&mut *connection).await?;
            }
        }
        AccountChange::Unblocked { jids } => {
            for jid in jids {
                sqlx::query(UNBLOCK).bind(id).bind(jid.as_str()).execute(&mut *connection).await?;
            }
        }
        AccountChange::PreferencesSet(preferences) => {
            let preferences = json(serde_json::to_string(preferences));
            sqlx::query(SET_PREFERENCES).bind(id).bind(preferences).execute(connection).await?;
        }
        AccountChange::VcardSet { vcard } => {
            sqlx::query(SET_VCARD).bind(id).bind(vcard.as_str()).execute(connection).await?;
        }
        AccountChange::PhotoSet { photo } => {
            sqlx::query(SET_PHOTO).bind(id).bind(photo.as_deref()).execute(connection).await?;
        }
        AccountChange::PrivateSet { namespace, name, payload } => {
            sqlx::query(SET_PRIVATE)
                .bind(id)
                .bind(&**namespace)
                .bind(&**name)
                .bind(payload.as_str())
                .execute(connection)
                .await?;
        }
        AccountChange::NodeSet(_)
        | AccountChange::NodeDeleted { .. }
        | AccountChange::ItemPublished { .. }
        | AccountChange::ItemsRetracted { .. }
        | AccountChange::NodePurged { .. } => project_node(connection, account, seq, at, change).await?,
    }
    Ok(())
}

async fn project_contact(
    connection: &mut SqliteConnection,
    account: AccountId,
    change: &AccountChange,
) -> Result<(), StoreError> {
    let id = account.0;
    match change {
        AccountChange::ContactSet { contact, .. } => {
            let jid = contact.jid.as_str();
            if contact.is_forgettable() {
                sqlx::query(DELETE_CONTACT).bind(id).bind(jid).execute(&mut *connection).await?;
            } else {
                sqlx::query(PUT_CONTACT)
                    .bind(id)
                    .bind(jid)
                    .bind(contact.version)
                    .bind(contact.subscription.from)
                    .bind(serde_json::to_string(contact).expect("contacts are plain data"))
                    .execute(&mut *connection)
                    .await?;
            }
            sqlx::query(RETURN_CONTACT).bind(id).bind(jid).execute(&mut *connection).await?;
            sqlx::query(MOVE_ROSTER).bind(id).bind(contact.version).execute(connection).await?;
        }
        AccountChange::ContactRemoved { jid, version } => {
            sqlx::query(DELETE_CONTACT).bind(id).bind(jid.as_str()).execute(&mut *connection).await?;
            sqlx::query(REMOVE_CONTACT)
                .bind(id)
                .bind(jid.as_str())
                .bind(version)
                .execute(&mut *connection)
                .await?;
            sqlx::query(FORGET_REMOVED).bind(id).bind(REMOVED_MAX).execute(&mut *connection).await?;
            sqlx::query(MOVE_ROSTER).bind(id).bind(version).execute(connection).await?;
        }
        _ => {}
    }
    Ok(())
}

fn loaded(row: &SqliteRow, jid: &BareJid) -> Result<LoadedAccount, StoreError> {
    let snapshot = AccountSnapshot {
        contacts: list(row, 11, "contact")?,
        removed_contacts: list(row, 12, "contact_removed")?,
        blocked: list(row, 13, "blocked")?,
        nodes: list(row, 14, "node")?,
        ..snapshot(row, jid)?
    };
    let inputs: Vec<Input> = list(row, 16, "account_event")?;
    let inputs = inputs.into_iter().map(|(seq, at, change)| AccountEvent { seq, at, origin: None, change });
    Ok(LoadedAccount { snapshot, waiting: list(row, 15, "account_event")?, inputs: inputs.collect() })
}

/// A subscription stanza of somebody else in this log: it has no origin here.
type Input = (Seq, Timestamp, AccountChange);

/// What the engine gathered into one JSON array.
fn list<T: DeserializeOwned>(
    row: &SqliteRow,
    column: usize,
    table: &'static str,
) -> Result<Vec<T>, StoreError> {
    let account: i64 = row.try_get(0)?;
    serde_json::from_str(row.try_get(column)?).map_err(|_| StoreError::Inconsistent { table, row: account })
}

/// Everything at once: the way to the engine's thread and back costs more than these look-ups together, and one
/// statement is one view, so that all of it belongs to one seq.
const WHOLE: &str = "SELECT id, coalesce(log.epoch, meta.epoch), coalesce(seq, 0), coalesce(last_at, 0),
    coalesce(handled, 0), coalesce(delivered, 0), coalesce(roster_version, 0), preferences, photo, seen_at,
    seen_status,
    (SELECT json_group_array(json(contact)) FROM contact WHERE account = id),
    (SELECT json_group_array(json_array(jid, version)) FROM contact_removed WHERE account = id),
    (SELECT json_group_array(jid) FROM blocked WHERE account = id),
    (SELECT json_group_array(json(node)) FROM node WHERE account = id),
    (SELECT json_group_array(seq) FROM (SELECT event.seq FROM account_event AS event
        WHERE event.account = id AND waits AND event.seq > coalesce(delivered, 0) ORDER BY event.seq LIMIT ?2)),
    (SELECT json_group_array(json_array(seq, at, json(change))) FROM (SELECT event.seq, at, change
        FROM account_event AS event
        WHERE event.account = id AND is_input AND event.seq > coalesce(handled, 0) ORDER BY event.seq))
    FROM account JOIN meta LEFT JOIN account_log AS log ON log.account = id WHERE name = ?1";
const VCARD: &str = "SELECT vcard FROM account_log WHERE account = ?";
const PRIVATE: &str = "SELECT payload FROM private_xml WHERE account = ? AND namespace = ? AND name = ?";
const PUT_CONTACT: &str =
    "INSERT INTO contact (account, jid, version, shared, contact) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, jid) DO UPDATE
    SET version = excluded.version, shared = excluded.shared, contact = excluded.contact";
const DELETE_CONTACT: &str = "DELETE FROM contact WHERE account = ? AND jid = ?";
const REMOVE_CONTACT: &str = "INSERT INTO contact_removed (account, jid, version) VALUES (?, ?, ?)
    ON CONFLICT (account, jid) DO UPDATE SET version = excluded.version";
const RETURN_CONTACT: &str = "DELETE FROM contact_removed WHERE account = ? AND jid = ?";
const FORGET_REMOVED: &str = "DELETE FROM contact_removed WHERE account = ?1 AND version <=
    (SELECT version FROM contact_removed WHERE account = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)";
const MOVE_ROSTER: &str =
    "UPDATE account_log SET roster_version = max(roster_version, ?2) WHERE account = ?1";
const BLOCK: &str = "INSERT INTO blocked (account, jid) VALUES (?, ?) ON CONFLICT DO NOTHING";
const UNBLOCK: &str = "DELETE FROM blocked WHERE account = ? AND jid = ?";
const SET_PREFERENCES: &str = "UPDATE account_log SET preferences = ?2 WHERE account = ?1";
const SET_VCARD: &str = "UPDATE account_log SET vcard = ?2 WHERE account = ?1";
const SET_PHOTO: &str = "UPDATE account_log SET photo = ?2 WHERE account = ?1";
const SET_PRIVATE: &str = "INSERT INTO private_xml (account, namespace, name, payload) VALUES (?, ?, ?, ?)
    ON CONFLICT (account, namespace, name) DO UPDATE SET payload = excluded.payload";
