//! The directory at work: versions of the rights that are followed, a directory that others keep, and who is gone from it.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Stage;
use crate::auth::{Accounts, Revocation};
use crate::config::Config;
use crate::directory::ldap::{DirectoryError, Ldap};
use crate::directory::synchronisation::{self, Farewell};
use crate::directory::{Directory, Source};

pub(super) fn source(config: &Config) -> Result<Source, DirectoryError> {
    match &config.directory {
        Some(options) => Ok(Source::Ldap(Ldap::new(options.clone())?)),
        None => Ok(Source::Local),
    }
}

pub(super) fn follow(services: &Stage, source: Source, directory: &Directory, accounts: &Accounts) {
    services.spawn(|stop| directory.clone().run(stop));
    if let Source::Ldap(ldap) = source {
        let (farewells, said) = mpsc::channel(FAREWELLS);
        services.spawn(|stop| synchronisation::run(directory.clone(), ldap, farewells, stop));
        services.spawn(|stop| revoke(said, accounts.clone(), stop));
    }
}

/// Tells of users who are gone from the directory.
async fn revoke(mut said: mpsc::Receiver<Farewell>, accounts: Accounts, stop: CancellationToken) {
    while let Some(Some(Farewell { account, rooms })) = stop.run_until_cancelled(said.recv()).await {
        accounts.revoke(Revocation { account, spared: None, rooms });
    }
}

/// Users gone from the directory whose sessions wait to be ended.
const FAREWELLS: usize = 64;
