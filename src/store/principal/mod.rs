//! Principals as rows, and the version of all rights outside of rooms.
//!
//! Whatever such rights rest on is changed in one transaction that also raises the version, so that a version says all of
//! it. Members read what has changed since the version that they know, and show in their own row how far they are.

use std::collections::HashSet;

use perch_address::BareJid;
use serde_json::json;
use tokio::sync::watch;
use tracing::instrument;

use crate::chat::category::Category;
use crate::chat::principal::{Change, Entry, Kind, Principal, Standing};
use crate::store::Store;
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};

impl Store {
    /// Makes all of it true, or nothing. `duty`: in which it is done, where it is one.
    #[instrument(skip_all)]
    pub async fn change_principals(
        &self,
        changes: &[Change],
        duty: Option<Duty>,
    ) -> Result<Applied, PrincipalError> {
        let steps = steps(changes)?;
        match self {
            Self::Sqlite(engine) => engine.change_principals(steps).await,
            Self::Postgres(engine) => engine.change_principals(steps, duty).await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Err(StoreError::Unavailable.into()),
        }
    }

    /// Those who are directly in a group or unit, in the order of their addresses from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn members_of(
        &self,
        parent: &BareJid,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Principal>, StoreError> {
        ask_lasting!(self, engine => engine.members_of(parent, after, limit).await)
    }

    /// Hands over what has changed since a version, 0 for all there is, and gives back the version that it comes to.
    #[instrument(skip_all)]
    pub async fn read_rights(
        &self,
        since: i64,
        take: &mut (dyn FnMut(RightsPage) + Send),
    ) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.read_rights(since, take).await,
            Self::Postgres(engine) => engine.read_rights(since, take).await,
            // A simulation has one category, for all: there is a first version of the rights, and no other.
            #[cfg(feature = "simulation")]
            Self::Model(_) => {
                if since < 1 {
                    take(RightsPage::Categories(vec![crate::store::model::everybody()]));
                }
                Ok(1)
            }
        }
    }

    /// The version that is committed now.
    #[instrument(skip_all)]
    pub async fn rights_version(&self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rights_version().await,
            Self::Postgres(engine) => engine.rights_version().await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Ok(1),
        }
    }

    /// The newest version that this member has come across, by what it committed itself, and each time it renewed its
    /// lease.
    pub fn newest_rights(&self) -> watch::Receiver<i64> {
        match self {
            Self::Sqlite(engine) => engine.newest_rights(),
            Self::Postgres(engine) => engine.newest_rights(),
            #[cfg(feature = "simulation")]
            Self::Model(_) => watch::Sender::new(1).subscribe(),
        }
    }

    /// Shows by which version this member goes. One that stays behind a newer one for as long as a lease lasts has its
    /// lease renewed no more.
    #[instrument(skip_all)]
    pub async fn show_rights(&self, version: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => {
                engine.show_rights(version);
                Ok(())
            }
            Self::Postgres(engine) => engine.show_rights(version).await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.show_rights(version).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn principal(&self, address: &BareJid) -> Result<Option<Principal>, StoreError> {
        ask_lasting!(self, engine => engine.principal(address).await)
    }

    /// In the order of their addresses. Those that were removed are not among them.
    #[instrument(skip_all)]
    pub async fn principals(&self, query: PrincipalQuery<'_>) -> Result<Vec<Principal>, StoreError> {
        ask_lasting!(self, engine => engine.principals(query).await)
    }

    /// Those that stand for entries of a directory, also those that were removed, in the order of the entries' ids from
    /// the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn directory_entries(&self, after: &str, limit: u32) -> Result<Vec<Principal>, StoreError> {
        ask_lasting!(self, engine => engine.directory_entries(after, limit).await)
    }
}

/// What became of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The version in which they are true.
    pub version: i64,
    /// Was anything different before?
    pub has_changed: bool,
}

/// Part of what rights rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RightsPage {
    Principals(Vec<PrincipalRow>),
    Belongs(Vec<BelongsRow>),
    /// All that there are, where one has changed.
    Categories(Vec<Category>),
}

/// What decisions need of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalRow {
    pub id: i64,
    pub address: BareJid,
    pub kind: Kind,
    pub standing: Standing,
}

/// Somebody is directly in a group or unit, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BelongsRow {
    pub member: i64,
    pub parent: i64,
    pub is_gone: bool,
}

/// Which principals, and how many of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrincipalQuery<'a> {
    pub kind: Option<Kind>,
    /// Found in the name or in the address, whatever the case of its letters.
    pub words: Option<&'a str>,
    /// The address behind which they begin.
    pub after: Option<&'a str>,
    pub limit: u32,
}

/// Changes of one kind that stand side by side: an engine makes them with a few statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) verb: Verb,
    /// An array of arrays, in JSON: what each verb has in them, it says itself.
    pub(super) rows: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `address, kind, name, entry, dn`
    Make,
    /// `address, name`
    Rename,
    /// `address, entry, dn`
    Bind,
    /// `address`
    Remove,
    /// `address`
    Restore,
    /// `member, parent, kind of the member`
    Admit,
    /// `member, parent`
    Dismiss,
}

/// What a statement looks for before anything is changed, and what it means where it finds an address.
#[derive(Debug, Clone, Copy)]
pub(super) enum Obstacle {
    AddressTaken,
    EntryTaken,
    NoSuchPrincipal,
}

impl Obstacle {
    pub(super) fn at(self, address: &str) -> PrincipalError {
        let Ok(address) = BareJid::new(address) else {
            return StoreError::Inconsistent { table: "principal", row: 0 }.into();
        };
        match self {
            Self::AddressTaken => PrincipalError::AddressTaken(address),
            Self::EntryTaken => PrincipalError::EntryTaken(address),
            Self::NoSuchPrincipal => PrincipalError::NoSuchPrincipal(address),
        }
    }
}

fn steps(changes: &[Change]) -> Result<Vec<Step>, PrincipalError> {
    let mut made = HashSet::new();
    let twice = changes.iter().find_map(|change| match change {
        Change::Make { address, .. } => (!made.insert(address)).then_some(address),
        _ => None,
    });
    if let Some(address) = twice {
        return Err(PrincipalError::AddressTaken(address.clone()));
    }
    let runs = changes.chunk_by(|one, next| verb(one) == verb(next));
    let step = |run: &[Change]| {
        let rows = run.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(Step { verb: verb(&run[0]), rows: serde_json::Value::from(rows).to_string() })
    };
    runs.map(step).collect()
}

fn verb(change: &Change) -> Verb {
    match change {
        Change::Make { .. } => Verb::Make,
        Change::Rename { .. } => Verb::Rename,
        Change::Bind { .. } => Verb::Bind,
        Change::Remove { .. } => Verb::Remove,
        Change::Restore { .. } => Verb::Restore,
        Change::Admit { .. } => Verb::Admit,
        Change::Dismiss { .. } => Verb::Dismiss,
    }
}

fn row(change: &Change) -> Result<serde_json::Value, PrincipalError> {
    let id = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.id.clone());
    let dn = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.dn.clone());
    Ok(match change {
        Change::Make { address, kind, name, entry } => {
            json!([address, kind.as_str(), name, id(entry), dn(entry)])
        }
        Change::Rename { address, name } => json!([address, name]),
        Change::Bind { address, entry } => json!([address, id(entry), dn(entry)]),
        Change::Remove { address } | Change::Restore { address } => json!([address]),
        Change::Admit { member, into } => {
            // The first label says what it is; behind it are the accounts.
            let domain = into.domain().split_once('.').map_or("", |(_, domain)| domain);
            let kind = Kind::of(member, domain);
            if !Kind::of(into, domain).may_hold(kind) {
                return Err(PrincipalError::CannotHold { parent: into.clone(), member: member.clone() });
            }
            json!([member, into, kind.as_str()])
        }
        Change::Dismiss { member, from } => json!([member, from]),
    })
}
