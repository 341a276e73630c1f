//! What the server is told to be: read from a TOML file and the environment, checked whole before anything starts.
//!
//! Each part of the server owns the type of its own settings; this module only reads them and gathers them.
//! `docs/configuration.md` describes every key; a test holds the two together.

mod directory;
mod file;
mod section;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use perch_address::BareJid;

use crate::auth;
use crate::bus;
use crate::chat::settings::Settings;
use crate::directory::ldap;
use crate::listener;
use crate::sip;
use crate::telemetry;

pub use file::{Fault, Place};

use file::Sheet;

/// A configuration without faults.
#[derive(Debug, Clone)]
pub struct Config {
    /// The domain of the accounts.
    pub domain: BareJid,
    /// The domain of the rooms.
    pub rooms_domain: BareJid,
    /// Holds whatever the server makes itself: the store, the certificate, the lock, the socket for administration.
    pub data_dir: PathBuf,
    pub listen: Listen,
    pub tls: listener::tls::Source,
    pub sip: sip::Options,
    /// Where the log of rooms and accounts is kept: `sqlite:PATH` or `postgres://…`.
    pub store_url: String,
    pub bus: bus::Options,
    pub pool: Pool,
    pub accounts: auth::Policy,
    /// Where users and groups come from that others keep.
    pub directory: Option<ldap::Options>,
    pub rooms: Rooms,
    pub limits: Limits,
    /// Whether every event is also written to the compliance journal.
    pub journal: bool,
    pub log: telemetry::Log,
}

/// Where connections are taken; `None` is "off".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    pub xmpp: Option<listener::Address>,
    pub xmpp_tls: Option<listener::Address>,
    pub xmpp_plain: Option<listener::Address>,
    /// HTTP, in TLS always.
    pub https: Option<listener::Address>,
    pub sip_tls: Option<listener::Address>,
    /// Without TLS: on loopback.
    pub sip_tcp: Option<listener::Address>,
}

/// The pool, and this member's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub name: String,
    /// No other member of the pool is called so.
    pub member: String,
    /// Where this member stands, for policies and configuration of its site.
    pub site: Option<String>,
    /// Where clients reach this member, should another one send them here.
    pub address: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    pub creation: Creation,
    /// Is a new room closed to all but its creator until he has configured it?
    pub locking: bool,
    /// What a new room starts with.
    pub defaults: Settings,
}

/// Who may create a room by entering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Whoever has an account: while there is no category, one is made in which all are creators.
    Anyone,
    /// The creators of its categories, as far as there are any.
    Creators,
    Admins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: listener::Limits,
    /// The longest stanza that an authenticated stream may send.
    pub stanza_bytes: usize,
}

/// What a configuration is read from.
#[derive(Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// The data directory of the command line, which stands over file and environment.
    pub data_dir: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Config {
    /// Reads and checks the whole; the error names every fault.
    pub fn load(sources: Sources) -> Result<Self, Faults> {
        let mut sheet = Sheet::default();
        if let Some(path) = &sources.file {
            let text = std::fs::read_to_string(path).map_err(|error| Faults::unreadable(path, &error))?;
            sheet.add_file(path, &text);
        }
        sheet.add_environment(sources.environment);
        Self::from_sheet(sheet, sources.data_dir)
    }

    fn from_sheet(mut sheet: Sheet, data_dir: Option<PathBuf>) -> Result<Self, Faults> {
        let (domain, rooms_domain) = section::domains(&mut sheet);
        let configured_dir = section::data_dir(&mut sheet);
        let data_dir = data_dir.unwrap_or(configured_dir);
        let store_url = section::store_url(&mut sheet, &data_dir);
        let bus = section::bus(&mut sheet, &store_url);
        let accounts = section::accounts(&mut sheet, &domain);
        let directory = directory::directory(&mut sheet, accounts.registration);
        let tls = section::tls(&mut sheet, &data_dir, [&domain, &rooms_domain]);
        let config = Self {
            listen: section::listen(&mut sheet),
            sip: section::sip(&mut sheet, tls.client_authorities.is_some()),
            tls,
            pool: section::pool(&mut sheet, &bus),
            accounts,
            directory,
            rooms: section::rooms(&mut sheet, &store_url),
            limits: section::limits(&mut sheet),
            journal: section::journal(&mut sheet),
            log: section::log(&mut sheet),
            store_url,
            bus,
            domain,
            rooms_domain,
            data_dir,
        };
        section::absent(&mut sheet);
        match sheet.into_faults() {
            faults if faults.is_empty() => Ok(config),
            faults => Err(Faults(faults)),
        }
    }
}

impl Faults {
    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let place = Place::File { path: path.into(), line: 1 };
        Self(vec![Fault { place, reason: format!("the file cannot be read: {error}") }])
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
