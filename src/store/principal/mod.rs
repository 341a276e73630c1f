//! Principals as rows, and the version of all rights outside of rooms.
//!
//! Whatever such rights rest on is changed in one transaction that also raises the version, so that a version says all of
//! it. Members read what has changed since the version that they know, and show in their own row how far they are.

pub(super) mod change;
pub(super) mod rights;
pub(super) mod statements;

use perch_address::BareJid;
use tokio::sync::watch;
use tracing::instrument;

use crate::chat::administration::Versioned;
use crate::chat::administration::configuration::Configuration;
use crate::chat::administration::policy::Policy;
use crate::chat::category::Category;
use crate::chat::principal::{Change, Kind, Principal, Standing};
use crate::store::Store;
use crate::store::administration::policy::PolicyGrant;
use crate::store::connection::{Bind, Connection};
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::row;

impl Store {
    /// Makes all of it true, or nothing. `duty`: in which it is done, where it is one.
    #[instrument(skip_all)]
    pub async fn change_principals(
        &self,
        changes: &[Change],
        duty: Option<Duty>,
    ) -> Result<Applied, PrincipalError> {
        let steps = change::steps(changes)?;
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
        let values = [Bind::Text(parent.as_str()), Bind::Text(after), Bind::Number(limit.into())];
        ask_lasting!(self, engine => {
            engine.look().await?.run(MEMBERS_OF, &values).await?.iter().map(row::principal).collect()
        })
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
            Self::Model(engine) => {
                if since < 1 {
                    take(RightsPage::Configurations(vec![engine.configuration()]));
                    take(RightsPage::Categories(vec![crate::store::model::everybody()]));
                    take(RightsPage::Policies(vec![crate::store::model::open_policy()]));
                }
                Ok(1)
            }
        }
    }

    /// The version that is committed now.
    #[instrument(skip_all)]
    pub async fn rights_version(&self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(engine) => rights::version(&mut *engine.look().await?).await,
            Self::Postgres(engine) => rights::version(&mut *engine.look().await?).await,
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
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(PRINCIPAL, &[Bind::Text(address.as_str())]).await?;
            rows.first().map(row::principal).transpose()
        })
    }

    /// In the order of their addresses. Those that were removed are not among them.
    #[instrument(skip_all)]
    pub async fn principals(&self, query: PrincipalQuery<'_>) -> Result<Vec<Principal>, StoreError> {
        ask_lasting!(self, engine => called(&mut *engine.look().await?, query).await)
    }

    /// Those that stand for entries of a directory, also those that were removed, in the order of the entries' ids from
    /// the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn directory_entries(&self, after: &str, limit: u32) -> Result<Vec<Principal>, StoreError> {
        let values = [Bind::Text(after), Bind::Number(limit.into())];
        ask_lasting!(self, engine => {
            engine.look().await?.run(ENTRIES, &values).await?.iter().map(row::principal).collect()
        })
    }

    /// Who is directly in those groups and units, from the one behind the place `after` on.
    #[instrument(skip_all)]
    pub async fn directory_memberships(
        &self,
        after: Option<(i64, i64)>,
        limit: u32,
    ) -> Result<Vec<Membership>, StoreError> {
        let (parent, member) = after.unwrap_or_default();
        let values = [parent, member, limit.into()].map(Bind::Number);
        ask_lasting!(self, engine => {
            engine.look().await?.run(MEMBERSHIPS, &values).await?.iter().map(row::membership).collect()
        })
    }
}

/// Somebody is directly in a group or unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// By which the store orders them.
    pub place: (i64, i64),
    pub member: BareJid,
    pub parent: BareJid,
}

async fn called<C: Connection>(
    connection: &mut C,
    query: PrincipalQuery<'_>,
) -> Result<Vec<Principal>, StoreError> {
    let words = query.words.map(str::to_lowercase);
    let values = [
        Bind::Text(query.after.unwrap_or_default()),
        Bind::TextIfAny(query.kind.map(|kind| kind.as_str())),
        Bind::TextIfAny(words.as_deref()),
        Bind::Number(query.limit.into()),
    ];
    connection.run(C::PRINCIPALS, &values).await?.iter().map(row::principal).collect()
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
    /// All that there are, where anything has changed; so it is with what follows.
    Categories(Vec<Category>),
    /// Comes before the grants.
    Policies(Vec<Versioned<Policy>>),
    /// To whom policies were granted, in pages.
    Grants(Vec<PolicyGrant>),
    Configurations(Vec<Versioned<Configuration>>),
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

const PRINCIPAL: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal WHERE address = $1";
const ENTRIES: &str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
    WHERE entry > $1 ORDER BY entry LIMIT $2";
const MEMBERS_OF: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal JOIN belongs ON member = id
    WHERE parent = (SELECT id FROM principal WHERE address = $1) AND NOT gone AND address > $2
    ORDER BY address LIMIT $3";
const MEMBERSHIPS: &str = "SELECT parent, member, one.address, whole.address FROM belongs
    JOIN principal AS one ON one.id = member JOIN principal AS whole ON whole.id = parent
    WHERE (parent, member) > ($1, $2) AND NOT gone AND whole.entry IS NOT NULL
    ORDER BY parent, member LIMIT $3";
