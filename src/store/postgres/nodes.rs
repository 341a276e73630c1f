//! What lies in the nodes of accounts.

use perch_address::BareJid;

use crate::chat::account::node::Item;
use crate::chat::id::AccountId;
use crate::store::account_log::{ItemChoice, LastItem};
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::row::{item, last_item};

impl Postgres {
    pub(in crate::store) async fn node_items(
        &self,
        account: AccountId,
        node: &str,
        choice: &ItemChoice,
    ) -> Result<Vec<Item>, StoreError> {
        let query = match choice {
            ItemChoice::Newest(count) => {
                sqlx::query(NEWEST).bind(account.0).bind(node).bind(i64::from(*count))
            }
            ItemChoice::Ids(ids) => sqlx::query(BY_ID).bind(account.0).bind(node).bind(texts(ids)),
        };
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(|row| item(row, account)).collect()
    }

    pub(in crate::store) async fn last_items(
        &self,
        viewer: &BareJid,
        owners: &[Box<str>],
        nodes: &[Box<str>],
    ) -> Result<Vec<LastItem>, StoreError> {
        let query = sqlx::query(LAST)
            .bind(texts(owners))
            .bind(texts(nodes))
            .bind(viewer.as_str())
            .bind(viewer.domain());
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(last_item).collect()
    }
}

fn texts(texts: &[Box<str>]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

const NEWEST: &str = "SELECT * FROM (
        SELECT id, at, publisher, payload, seq FROM node_item WHERE account = $1 AND node = $2
        ORDER BY seq DESC LIMIT $3) AS item ORDER BY seq";
const BY_ID: &str = "SELECT id, at, publisher, payload FROM node_item WHERE account = $1 AND node = $2
    AND id = ANY ($3::text[]) ORDER BY seq";
const LAST: &str = "SELECT item.id, item.at, item.publisher, item.payload, owner.id, owner.name, node.node,
        (SELECT contact FROM contact WHERE account = owner.id AND jid = $3),
        EXISTS (SELECT FROM blocked WHERE account = owner.id AND jid IN ($3, $4))
    FROM account AS owner
    JOIN node ON node.account = owner.id AND node.name = ANY ($2::text[])
    CROSS JOIN LATERAL (
        SELECT * FROM node_item WHERE account = owner.id AND node_item.node = node.name
        ORDER BY seq DESC LIMIT 1) AS item
    WHERE owner.name = ANY ($1::text[])";
