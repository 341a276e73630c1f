//! Where the database is: one or several hosts, one of which takes writes. The driver knows single hosts only, so this
//! is where the others are tried.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::store::error::OpenError;
use crate::store::postgres::fault;
use crate::store::postgres::open::unavailable;
use crate::store::postgres::succession::{self, Lineage};

/// The hosts of a `postgres:` address.
#[derive(Debug)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    /// The one that took writes when last asked.
    current: AtomicUsize,
    /// The database that is worked on: what takes its place is settled before it is used.
    settled: Mutex<Option<Arc<Lineage>>>,
}

#[derive(Debug)]
struct Host {
    /// For people: without user and password.
    name: String,
    options: PgConnectOptions,
}

/// Why a host was not taken.
#[derive(Debug)]
enum Reason {
    Fault(sqlx::Error),
    Slow,
    Standby,
    /// It takes writes, and so does one that was promoted from its standbys.
    Former,
    Old(i64),
}

impl Hosts {
    /// `postgres://user:password@host:port,host:port/database?options`
    pub(super) fn parse(url: &str, member: &str) -> Result<Self, OpenError> {
        let bad = |reason: &str| OpenError::BadAddress(reason.to_owned());
        let (_, rest) = url.split_once("://").ok_or_else(|| bad("it must begin with \"postgres://\""))?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let database = tail.split('?').next().unwrap_or_default();
        let host = |host: &str| {
            let options = PgConnectOptions::from_str(&format!("postgres://{user}{host}{tail}"))
                .map_err(|_| bad("expected \"postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE\""))?
                .application_name(&format!("perch {member}"))
                .statement_cache_capacity(STATEMENTS)
                .options(SETTINGS)
                .disable_statement_logging();
            Ok(Host { name: format!("{host}{database}"), options })
        };
        let hosts = hosts.split(',').map(host).collect::<Result<_, _>>()?;
        Ok(Self { hosts, current: AtomicUsize::new(0), settled: Mutex::default() })
    }

    /// A connection to the host that takes writes.
    pub(super) async fn connect(&self) -> Result<PgConnection, OpenError> {
        let (mut connection, lineage) = self.reach().await?;
        let is_settled = self.settled.lock().as_ref().is_some_and(|settled| **settled == lineage);
        if !is_settled {
            succession::settle(&mut connection, &lineage, false).await.map_err(unavailable)?;
            self.settled(lineage);
        }
        Ok(connection)
    }

    /// From now on, connections to that life of the database are good.
    pub(super) fn settled(&self, lineage: Lineage) {
        *self.settled.lock() = Some(Arc::new(lineage));
    }

    /// The same, to whatever database that is. Each host is tried for a limited time: until one is found that will do, or
    /// all of them as long as it is not known what to expect. One that was left behind may take writes, too.
    pub(super) async fn reach(&self) -> Result<(PgConnection, Lineage), OpenError> {
        let expected = self.settled.lock().clone();
        let first = self.current.load(Ordering::Relaxed);
        let mut reasons = Vec::with_capacity(self.hosts.len());
        let mut best: Option<(usize, PgConnection, Lineage)> = None;
        for step in 0..self.hosts.len() {
            let place = (first + step) % self.hosts.len();
            let host = &self.hosts[place];
            let newest = best.as_ref().map(|(_, _, lineage)| lineage).or(expected.as_deref());
            let found = timeout(CONNECT_TIME, host.connect()).await.unwrap_or(Err(Reason::Slow));
            match found {
                Ok((_, lineage)) if newest.is_some_and(|newest| lineage.precedes(newest)) => {
                    warn!(host = host.name, "this host takes writes, though another has taken its place");
                    reasons.push((host, Reason::Former));
                }
                Ok((connection, lineage)) => {
                    let is_newer = best.as_ref().is_none_or(|(_, _, best)| best.precedes(&lineage));
                    best = if is_newer { Some((place, connection, lineage)) } else { best };
                    if expected.is_some() {
                        break;
                    }
                }
                Err(reason) => {
                    debug!(host = host.name, ?reason, "this host of the database is not taken");
                    reasons.push((host, reason));
                }
            }
        }
        let Some((place, connection, lineage)) = best else { return Err(self.explain(reasons)) };
        if self.current.swap(place, Ordering::Relaxed) != place {
            info!(host = self.hosts[place].name, "another host of the database takes writes now");
        }
        Ok((connection, lineage))
    }

    /// The one that took writes when last asked, for people.
    pub(super) fn current(&self) -> &str {
        &self.hosts[self.current.load(Ordering::Relaxed)].name
    }

    /// How one connects to the host that takes writes.
    pub(super) async fn primary(&self) -> Result<PgConnectOptions, OpenError> {
        let connection = self.connect().await?;
        let _ = connection.close().await;
        Ok(self.hosts[self.current.load(Ordering::Relaxed)].options.clone())
    }

    /// Several hosts may fail in several ways: the one that an operator has to mend is told.
    fn explain(&self, reasons: Vec<(&Host, Reason)>) -> OpenError {
        let mut unreachable = None;
        for (host, reason) in reasons {
            let place = host.name.clone();
            match reason {
                Reason::Old(found) => return OpenError::OldEngine { place, found, needed: OLDEST_ENGINE },
                Reason::Standby => {}
                Reason::Former => {
                    unreachable.get_or_insert(OpenError::LeftBehind(place));
                }
                Reason::Slow => {
                    let reason = format!("no answer within {} s", CONNECT_TIME.as_secs());
                    unreachable.get_or_insert(OpenError::Unreachable { place, reason });
                }
                Reason::Fault(fault) => match fault::code(&fault) {
                    Some(code) if code.starts_with("28") => return OpenError::Credentials(place),
                    Some("3D000") => return OpenError::NoDatabase(place),
                    _ => {
                        let reason = fault.to_string();
                        unreachable.get_or_insert(OpenError::Unreachable { place, reason });
                    }
                },
            }
        }
        unreachable.unwrap_or_else(|| OpenError::NoPrimary(self.names()))
    }

    /// All hosts, for people.
    pub(super) fn names(&self) -> String {
        self.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Host {
    async fn connect(&self) -> Result<(PgConnection, Lineage), Reason> {
        let mut connection = self.options.connect().await.map_err(Reason::Fault)?;
        let role = sqlx::query(ROLE).fetch_one(&mut connection).await.map_err(Reason::Fault)?;
        let read = |column| role.try_get::<bool, _>(column).map_err(Reason::Fault);
        let version: i64 = role.try_get(2).map_err(Reason::Fault)?;
        let verdict = if version / 10_000 < OLDEST_ENGINE {
            Err(Reason::Old(version / 10_000))
        } else if read(0)? || read(1)? {
            Err(Reason::Standby)
        } else {
            // It was a standby when the question began.
            Lineage::read(&role, 3).map_err(Reason::Fault)?.ok_or(Reason::Standby)
        };
        match verdict {
            Ok(lineage) => Ok((connection, lineage)),
            Err(reason) => {
                let _ = connection.close_hard().await;
                Err(reason)
            }
        }
    }
}

/// Whether this host takes writes, and which database it is: the timeline is that of what it writes now, which the
/// control file shows a checkpoint later. A site that is set in the database itself goes to every copy of it, and so says
/// nothing. What is acknowledged has to be on a disk, so a server that is set to commit without
/// waiting, or without waiting for standbys, is told otherwise.
const ROLE: &str = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
    current_setting('server_version_num')::bigint,
    (SELECT system_identifier FROM pg_control_system()),
    CASE WHEN NOT pg_is_in_recovery()
        THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END,
    CASE WHEN NOT EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) AS setting WHERE setting LIKE 'perch.site=%')
        THEN nullif(current_setting('perch.site', true), '') END,
    CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN set_config('synchronous_commit', 'on', false) END";

/// Nobody waits long for a row that somebody holds, and nobody holds one while he is away. Plans are not compiled: the
/// statements are small.
const SETTINGS: [(&str, &str); 3] =
    [("lock_timeout", "1s"), ("idle_in_transaction_session_timeout", "1s"), ("jit", "off")];

pub(super) const OLDEST_ENGINE: i64 = 15;
/// For one host: a server that is there answers in milliseconds.
const CONNECT_TIME: Duration = Duration::from_secs(2);
const STATEMENTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_are_one_address_each() {
        let hosts =
            Hosts::parse("postgres://u:p%40ss@one:5432,[::1]:6000/perch?sslmode=require", "m").unwrap();
        assert_eq!(hosts.names(), "one:5432/perch, [::1]:6000/perch");
        let [one, two] = hosts.hosts.as_slice() else { panic!("{hosts:?}") };
        assert_eq!((one.options.get_host(), one.options.get_port()), ("one", 5432));
        assert_eq!((two.options.get_host(), two.options.get_port()), ("[::1]", 6000));
        assert_eq!(two.options.get_database(), Some("perch"));
        assert_eq!(two.options.get_username(), "u");
        assert!(Hosts::parse("postgres:perch", "m").is_err());
        assert!(Hosts::parse("postgres://h:notaport/perch", "m").is_err());
    }
}
