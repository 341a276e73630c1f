//! The nodes of accounts and what lies in them.

use perch_address::BareJid;
use sqlx::sqlite::SqliteConnection;

use crate::chat::account::entry::AccountChange;
use crate::chat::account::node::{Item, Node, NodeSettings};
use crate::chat::id::{AccountId, Seq, Timestamp};
use crate::store::account_log::{ItemChoice, LastItem};
use crate::store::error::StoreError;
use crate::store::row::{item, last_item};
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn node_items(
        &self,
        account: AccountId,
        node: &str,
        choice: &ItemChoice,
    ) -> Result<Vec<Item>, StoreError> {
        let rows = match choice {
            ItemChoice::Newest(count) => {
                let newest = sqlx::query(NEWEST).bind(account.0).bind(node).bind(count);
                let mut rows = newest.fetch_all(&self.readers).await?;
                rows.reverse();
                rows
            }
            ItemChoice::Ids(ids) => {
                let ids = serde_json::to_string(ids).expect("texts are plain data");
                sqlx::query(BY_ID).bind(account.0).bind(node).bind(ids).fetch_all(&self.readers).await?
            }
        };
        rows.iter().map(|row| item(row, account)).collect()
    }

    pub(in crate::store) async fn last_items(
        &self,
        viewer: &BareJid,
        owners: &[Box<str>],
        nodes: &[Box<str>],
    ) -> Result<Vec<LastItem>, StoreError> {
        let list = |texts: &[Box<str>]| serde_json::to_string(texts).expect("texts are plain data");
        let rows = sqlx::query(LAST)
            .bind(list(owners))
            .bind(list(nodes))
            .bind(viewer.as_str())
            .bind(viewer.domain())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(last_item).collect()
    }
}

pub(super) async fn project_node(
    connection: &mut SqliteConnection,
    account: AccountId,
    seq: Seq,
    at: Timestamp,
    change: &AccountChange,
) -> Result<(), StoreError> {
    let id = account.0;
    match change {
        AccountChange::NodeSet(node) => {
            let text = serde_json::to_string(node).expect("nodes are plain data with text keys");
            sqlx::query(PUT_NODE).bind(id).bind(&*node.name).bind(text).execute(&mut *connection).await?;
            trim(connection, account, node).await?;
        }
        AccountChange::NodeDeleted { node } => {
            sqlx::query(DELETE_NODE).bind(id).bind(&**node).execute(connection).await?;
        }
        AccountChange::ItemPublished { node, item } => {
            sqlx::query(PUT_ITEM)
                .bind(id)
                .bind(&**node)
                .bind(&*item.id)
                .bind(seq.0)
                .bind(at.0)
                .bind(item.publisher.as_str())
                .bind(item.payload.as_str())
                .execute(&mut *connection)
                .await?;
            let text: Option<String> =
                sqlx::query_scalar(NODE).bind(id).bind(&**node).fetch_optional(&mut *connection).await?;
            let node: Node = text
                .and_then(|text| serde_json::from_str(&text).ok())
                .ok_or(StoreError::Inconsistent { table: "node", row: id })?;
            trim(connection, account, &node).await?;
        }
        AccountChange::ItemsRetracted { node, ids, .. } => {
            for item in ids {
                sqlx::query(RETRACT).bind(id).bind(&**node).bind(&**item).execute(&mut *connection).await?;
            }
        }
        AccountChange::NodePurged { node } => {
            sqlx::query(PURGE).bind(id).bind(&**node).execute(connection).await?;
        }
        _ => {}
    }
    Ok(())
}

/// A node keeps no more items than it is configured to; one that keeps none keeps the last, for who comes later.
async fn trim(connection: &mut SqliteConnection, account: AccountId, node: &Node) -> Result<(), StoreError> {
    let NodeSettings { persist_items, items_max, .. } = node.settings;
    let kept = if persist_items { items_max } else { 1 };
    sqlx::query(TRIM).bind(account.0).bind(&*node.name).bind(kept).execute(connection).await?;
    Ok(())
}

const NODE: &str = "SELECT node FROM node WHERE account = ? AND name = ?";
const NEWEST: &str = "SELECT id, at, publisher, payload FROM node_item WHERE account = ? AND node = ?
    ORDER BY seq DESC LIMIT ?";
const BY_ID: &str = "SELECT id, at, publisher, payload FROM node_item WHERE account = ? AND node = ?
    AND id IN (SELECT value FROM json_each(?)) ORDER BY seq";
const PUT_NODE: &str = "INSERT INTO node (account, name, node) VALUES (?, ?, ?)
    ON CONFLICT (account, name) DO UPDATE SET node = excluded.node";
const DELETE_NODE: &str = "DELETE FROM node WHERE account = ? AND name = ?";
const PUT_ITEM: &str = "INSERT INTO node_item (account, node, id, seq, at, publisher, payload)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, node, id) DO UPDATE SET
    seq = excluded.seq, at = excluded.at, publisher = excluded.publisher, payload = excluded.payload";
const RETRACT: &str = "DELETE FROM node_item WHERE account = ? AND node = ? AND id = ?";
const PURGE: &str = "DELETE FROM node_item WHERE account = ? AND node = ?";
const TRIM: &str = "DELETE FROM node_item WHERE account = ?1 AND node = ?2 AND seq <=
    (SELECT seq FROM node_item WHERE account = ?1 AND node = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)";
const LAST: &str = "SELECT item.id, item.at, item.publisher, item.payload, owner.id, owner.name, node.node,
    (SELECT contact FROM contact WHERE account = owner.id AND jid = ?3),
    EXISTS (SELECT 1 FROM blocked WHERE account = owner.id AND jid IN (?3, ?4))
    FROM json_each(?1) AS wanted JOIN account AS owner ON owner.name = wanted.value
    JOIN node ON node.account = owner.id AND node.name IN (SELECT value FROM json_each(?2))
    JOIN node_item AS item ON item.account = owner.id AND item.node = node.name
    WHERE item.seq = (SELECT max(seq) FROM node_item WHERE account = owner.id AND node = node.name)";
