//! Where the database is: one or several hosts, one of which takes writes. The driver knows single hosts only, so this
//! is where the others are tried.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::time::timeout;
use tracing::{debug, info};

use crate::store::error::OpenError;
use crate::store::postgres::fault;

/// The hosts of a `postgres:` address.
#[derive(Debug)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    /// The one that took writes when last asked.
    current: AtomicUsize,
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
        Ok(Self { hosts, current: AtomicUsize::new(0) })
    }

    /// A connection to the host that takes writes. Every host is tried once, each for a limited time.
    pub(super) async fn connect(&self) -> Result<PgConnection, OpenError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut reasons = Vec::with_capacity(self.hosts.len());
        for step in 0..self.hosts.len() {
            let place = (first + step) % self.hosts.len();
            let host = &self.hosts[place];
            match timeout(CONNECT_TIME, host.connect()).await.unwrap_or(Err(Reason::Slow)) {
                Ok(connection) => {
                    if self.current.swap(place, Ordering::Relaxed) != place {
                        info!(host = host.name, "another host of the database takes writes now");
                    }
                    return Ok(connection);
                }
                Err(reason) => {
                    debug!(host = host.name, ?reason, "this host of the database is not taken");
                    reasons.push((host, reason));
                }
            }
        }
        Err(self.explain(reasons))
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
    async fn connect(&self) -> Result<PgConnection, Reason> {
        let mut connection = self.options.connect().await.map_err(Reason::Fault)?;
        let role = sqlx::query(ROLE).fetch_one(&mut connection).await.map_err(Reason::Fault)?;
        let read = |column| role.try_get::<bool, _>(column).map_err(Reason::Fault);
        let version: i64 = role.try_get(2).map_err(Reason::Fault)?;
        let verdict = if version / 10_000 < OLDEST_ENGINE {
            Err(Reason::Old(version / 10_000))
        } else if read(0)? || read(1)? {
            Err(Reason::Standby)
        } else {
            Ok(())
        };
        match verdict {
            Ok(()) => Ok(connection),
            Err(reason) => {
                let _ = connection.close_hard().await;
                Err(reason)
            }
        }
    }
}

/// Whether this host takes writes. What is acknowledged has to be on a disk, so a server that is set to commit without
/// waiting is told otherwise; one that also waits for standbys is left at that.
const ROLE: &str = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
    current_setting('server_version_num')::bigint,
    CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END";

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
