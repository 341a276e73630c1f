//! The engine of a pool: a PostgreSQL (15 or newer) that several members work on.
//!
//! One file per aggregate beside this one, the schema's steps in `migrations/`. Appends go through
//! [`writer::Writers`], each group one statement; all else goes over [`links::Links`]. Which host of several takes writes
//! is found by [`hosts::Hosts`].
//!
//! No member owns anything but its own row: an append takes the row of each log that it moves, and the row of the member
//! that makes it, so that one that was taken for dead writes nothing any more.

mod account_append;
mod account_log;
mod account_project;
mod accounts;
mod administration;
mod append;
mod archive;
mod columns;
mod commit;
mod database;
mod duty;
mod events;
pub(super) mod fault;
mod hosts;
mod indexing;
mod journal;
mod keeper;
mod links;
mod members;
mod nodes;
mod open;
mod principals;
mod project;
mod queue;
mod retention;
mod room_search;
mod rooms;
mod say;
mod search;
mod sessions;
mod succession;
mod writer;

use std::sync::Arc;

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use tracing::warn;

use crate::store::Options;
use crate::store::error::OpenError;
use crate::store::index::Unread;
use crate::store::notes::Notes;
use crate::store::postgres::append::Rules;
use crate::store::postgres::hosts::Hosts;
use crate::store::postgres::keeper::Keeper;
use crate::store::postgres::links::Links;
use crate::store::postgres::writer::Writers;

/// A handle; clones share the connections.
#[derive(Debug, Clone)]
pub struct Postgres {
    hosts: Arc<Hosts>,
    links: Links,
    room_writers: Writers<append::Job>,
    account_writers: Writers<account_append::Job>,
    keeper: Arc<Keeper>,
    notes: Arc<Notes>,
    /// Logs that this member has written to since it last made the index follow.
    unread: Arc<Unread>,
    rules: Rules,
    secret: [u8; 32],
}

/// Who works here.
#[derive(Debug, Clone)]
struct Own {
    member: Box<str>,
    incarnation: i64,
}

impl Postgres {
    pub(super) async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let hosts = Arc::new(Hosts::parse(url, &options.member)?);
        let (mut connection, lineage) = hosts.reach().await?;
        let secret = open::migrate(&mut connection, &hosts.names(), options).await?;
        succession::settle(&mut connection, &lineage, options.is_restored)
            .await
            .map_err(open::unavailable)?;
        hosts.settled(lineage);
        let incarnation = open::register(&mut connection, options).await?;
        let _ = connection.close().await;

        let own = Own { member: options.member.clone(), incarnation };
        let rules = Rules {
            own: own.clone(),
            has_journal: options.has_journal,
            transient_lifetime: options.transient_lifetime,
        };
        let keeper = Keeper::start(Links::new(hosts.clone(), 1), incarnation, options);
        Ok(Self {
            links: Links::new(hosts.clone(), options.readers.max(1)),
            room_writers: Writers::start(&hosts, &rules, options.writers),
            account_writers: Writers::start(&hosts, &own, options.writers.div_ceil(2)),
            keeper: Arc::new(keeper),
            notes: Arc::default(),
            unread: Arc::default(),
            hosts,
            rules,
            secret,
        })
    }

    pub(super) fn incarnation(&self) -> i64 {
        self.rules.own.incarnation
    }

    pub(super) async fn primary(&self) -> Result<PgConnectOptions, OpenError> {
        self.hosts.primary().await
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Writers first, so that all they were given is written; the name is given free last.
    pub(super) async fn close(&self) {
        self.room_writers.close().await;
        self.account_writers.close().await;
        self.links.close().await;
        if !self.keeper.stop().await {
            return;
        }
        match self.hosts.connect().await {
            Ok(mut connection) => {
                let own = &self.rules.own;
                if let Err(fault) = open::leave(&mut connection, &own.member, own.incarnation).await {
                    warn!(%fault, "this member's name was not given free");
                }
                let _ = connection.close().await;
            }
            Err(reason) => warn!(%reason, "this member's name was not given free"),
        }
    }
}
