//! What follows from an entry of an account's log: the statements of this engine, run by the database inside the call
//! that appends (their arguments: see [`project`](super::project)), and the reading of what they wrote.

use perch_address::BareJid;
use serde_json::{Value, json};

use crate::chat::account::entry::AccountChange;
use crate::chat::account::node::NodeSettings;
use crate::chat::id::AccountId;
use crate::chat::message::Payload;
use crate::store::account_log::{LoadedAccount, REMOVED_MAX, WAITING_MAX};
use crate::store::error::StoreError;
use crate::store::member::may_read;
use crate::store::postgres::Postgres;
use crate::store::postgres::project::Step;
use crate::store::record;
use crate::store::row::{Columns, loaded_account};

impl Postgres {
    pub(in crate::store) async fn load_account(
        &self,
        jid: &BareJid,
    ) -> Result<Option<LoadedAccount>, StoreError> {
        let Some(name) = jid.local() else { return Ok(None) };
        let query = sqlx::query(WHOLE).bind(name).bind(i64::from(WAITING_MAX));
        let row = self.links.link().await?.row(query).await?;
        let loaded = row.map(|row| loaded_account(&row, jid)).transpose()?;
        if let Some(loaded) = &loaded {
            may_read(self.incarnation(), loaded.snapshot.epoch)?;
        }
        Ok(loaded)
    }

    pub(in crate::store) async fn vcard(&self, account: AccountId) -> Result<Option<Payload>, StoreError> {
        let row = self.links.link().await?.row(sqlx::query(VCARD).bind(account.0)).await?;
        payload(row.as_ref())
    }

    pub(in crate::store) async fn private_xml(
        &self,
        account: AccountId,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Payload>, StoreError> {
        let query = sqlx::query(PRIVATE).bind(account.0).bind(namespace).bind(name);
        let row = self.links.link().await?.row(query).await?;
        payload(row.as_ref())
    }
}

fn payload(row: Option<&impl Columns>) -> Result<Option<Payload>, StoreError> {
    let text = row.map(|row| row.text_if_any(0)).transpose()?.flatten();
    Ok(text.map(|text| Payload::from(text.to_owned())))
}

/// Adds what follows from a change.
pub(super) fn follow(steps: &mut Vec<Step>, change: &AccountChange, place: i64) {
    let mut then = |sql, args| steps.push(Step { sql, place, args });
    match change {
        AccountChange::Sent(_) | AccountChange::Received(_) | AccountChange::Approached { .. } => {}
        AccountChange::ContactSet { contact, .. } => {
            let args = json!({
                "jid": contact.jid,
                "version": contact.version,
                "shared": contact.subscription.from,
                "contact": record::json(contact),
            });
            then(if contact.is_forgettable() { DELETE_CONTACT } else { PUT_CONTACT }, args.clone());
            then(RETURN_CONTACT, args.clone());
            then(MOVE_ROSTER, args);
        }
        AccountChange::ContactRemoved { jid, version } => {
            let args = json!({ "jid": jid, "version": version, "kept": REMOVED_MAX });
            for sql in [DELETE_CONTACT, REMOVE_CONTACT, FORGET_REMOVED] {
                then(sql, args.clone());
            }
            then(MOVE_ROSTER, args);
        }
        AccountChange::Blocked { jids } => then(BLOCK, json!(jids)),
        AccountChange::Unblocked { jids } => then(UNBLOCK, json!(jids)),
        AccountChange::PreferencesSet(preferences) => {
            then(SET_PREFERENCES, Value::String(record::json(preferences)));
        }
        AccountChange::VcardSet { vcard } => then(SET_VCARD, json!(vcard)),
        AccountChange::PhotoSet { photo } => then(SET_PHOTO, json!(photo)),
        AccountChange::PrivateSet { namespace, name, payload } => {
            then(SET_PRIVATE, json!({ "namespace": namespace, "name": name, "payload": payload }));
        }
        AccountChange::NodeSet(node) => {
            then(PUT_NODE, json!({ "node": node.name, "settings": record::json(node) }));
            then(TRIM, trimming(&node.name));
        }
        AccountChange::NodeDeleted { node } => then(DELETE_NODE, json!({ "node": node })),
        AccountChange::ItemPublished { node, item } => {
            let args = json!({
                "node": node,
                "id": item.id,
                "publisher": item.publisher,
                "payload": item.payload,
            });
            then(PUT_ITEM, args);
            then(TRIM, trimming(node));
        }
        AccountChange::ItemsRetracted { node, ids, .. } => {
            then(RETRACT, json!({ "node": node, "ids": ids }));
        }
        AccountChange::NodePurged { node } => then(PURGE, json!({ "node": node })),
    }
}

/// A node keeps no more items than it is configured to; one that keeps none keeps the last, for who comes later.
fn trimming(node: &str) -> Value {
    let usual = NodeSettings::default();
    json!({ "node": node, "persists": usual.persist_items, "kept": usual.items_max })
}

/// Everything at once: one statement is one round trip, and one view, so that all of it belongs to one seq.
const WHOLE: &str = "SELECT id, coalesce(log.epoch, meta.epoch), coalesce(seq, 0), coalesce(last_at, 0),
    coalesce(handled, 0), coalesce(delivered, 0), coalesce(roster_version, 0), preferences, photo, seen_at,
    seen_status,
    coalesce((SELECT json_agg(contact::json ORDER BY jid) FROM contact WHERE account = id), '[]')::text,
    coalesce((SELECT json_agg(json_build_array(jid, version) ORDER BY version)
        FROM contact_removed WHERE account = id), '[]')::text,
    coalesce((SELECT json_agg(jid ORDER BY jid) FROM blocked WHERE account = id), '[]')::text,
    coalesce((SELECT json_agg(node::json ORDER BY name) FROM node WHERE account = id), '[]')::text,
    coalesce((SELECT json_agg(waiting.seq) FROM (SELECT event.seq FROM account_event AS event
        WHERE event.account = id AND waits AND event.seq > coalesce(delivered, 0)
        ORDER BY event.seq LIMIT $2) AS waiting), '[]')::text,
    coalesce((SELECT json_agg(json_build_array(input.seq, input.at, input.change::json))
        FROM (SELECT event.seq, at, change FROM account_event AS event
        WHERE event.account = id AND is_input AND event.seq > coalesce(handled, 0)
        ORDER BY event.seq) AS input), '[]')::text
    FROM account CROSS JOIN meta LEFT JOIN account_log AS log ON log.account = id WHERE account.name = $1";
const VCARD: &str = "SELECT vcard FROM account_log WHERE account = $1";
const PRIVATE: &str = "SELECT payload FROM private_xml WHERE account = $1 AND namespace = $2 AND name = $3";

const PUT_CONTACT: &str = "INSERT INTO contact (account, jid, version, shared, contact)
    VALUES ($2, $1 ->> 'jid', ($1 ->> 'version')::bigint, ($1 ->> 'shared')::boolean, $1 ->> 'contact')
    ON CONFLICT (account, jid) DO UPDATE
    SET version = excluded.version, shared = excluded.shared, contact = excluded.contact";
const DELETE_CONTACT: &str = "DELETE FROM contact WHERE account = $2 AND jid = $1 ->> 'jid'";
const REMOVE_CONTACT: &str = "INSERT INTO contact_removed (account, jid, version)
    VALUES ($2, $1 ->> 'jid', ($1 ->> 'version')::bigint)
    ON CONFLICT (account, jid) DO UPDATE SET version = excluded.version";
const RETURN_CONTACT: &str = "DELETE FROM contact_removed WHERE account = $2 AND jid = $1 ->> 'jid'";
const FORGET_REMOVED: &str = "DELETE FROM contact_removed WHERE account = $2 AND version <=
    (SELECT version FROM contact_removed WHERE account = $2
        ORDER BY version DESC LIMIT 1 OFFSET ($1 ->> 'kept')::bigint)";
const MOVE_ROSTER: &str = "UPDATE account_log
    SET roster_version = greatest(roster_version, ($1 ->> 'version')::bigint) WHERE account = $2";
const BLOCK: &str = "INSERT INTO blocked (account, jid) SELECT $2, jsonb_array_elements_text($1)
    ON CONFLICT DO NOTHING";
const UNBLOCK: &str =
    "DELETE FROM blocked WHERE account = $2 AND jid IN (SELECT jsonb_array_elements_text($1))";
const SET_PREFERENCES: &str = "UPDATE account_log SET preferences = $1 #>> '{}' WHERE account = $2";
const SET_VCARD: &str = "UPDATE account_log SET vcard = $1 #>> '{}' WHERE account = $2";
const SET_PHOTO: &str = "UPDATE account_log SET photo = $1 #>> '{}' WHERE account = $2";
const SET_PRIVATE: &str = "INSERT INTO private_xml (account, namespace, name, payload)
    VALUES ($2, $1 ->> 'namespace', $1 ->> 'name', $1 ->> 'payload')
    ON CONFLICT (account, namespace, name) DO UPDATE SET payload = excluded.payload";
const PUT_NODE: &str = "INSERT INTO node (account, name, node) VALUES ($2, $1 ->> 'node', $1 ->> 'settings')
    ON CONFLICT (account, name) DO UPDATE SET node = excluded.node";
const DELETE_NODE: &str = "DELETE FROM node WHERE account = $2 AND name = $1 ->> 'node'";
const PUT_ITEM: &str = "INSERT INTO node_item (account, node, id, seq, at, publisher, payload)
    VALUES ($2, $1 ->> 'node', $1 ->> 'id', $3, $4, $1 ->> 'publisher', $1 ->> 'payload')
    ON CONFLICT (account, node, id) DO UPDATE SET seq = excluded.seq, at = excluded.at,
        publisher = excluded.publisher, payload = excluded.payload";
const RETRACT: &str = "DELETE FROM node_item WHERE account = $2 AND node = $1 ->> 'node'
    AND id IN (SELECT jsonb_array_elements_text($1 -> 'ids'))";
const PURGE: &str = "DELETE FROM node_item WHERE account = $2 AND node = $1 ->> 'node'";
const TRIM: &str = "DELETE FROM node_item WHERE account = $2 AND node = $1 ->> 'node' AND seq <=
    (SELECT seq FROM node_item WHERE account = $2 AND node = $1 ->> 'node' ORDER BY seq DESC LIMIT 1 OFFSET (
        SELECT CASE WHEN coalesce(node::jsonb #>> '{settings,persist_items}', $1 ->> 'persists')::boolean
            THEN coalesce(node::jsonb #>> '{settings,items_max}', $1 ->> 'kept')::bigint ELSE 1 END
        FROM node WHERE account = $2 AND name = $1 ->> 'node'))";
