//! A directory that speaks LDAP (RFC 4511): OpenLDAP, Active Directory, and others like them.
//!
//! | module | what |
//! |---|---|
//! | [`options`] | how it is reached, and what it calls things |
//! | `connection` | one of its servers that answers, over TLS |
//! | `sweep` | all that it has, read from one end to the other |
//! | `dn` | distinguished names that mean the same entry |

mod connection;
mod dn;
pub mod options;
mod sweep;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ldap3::{Ldap as Client, LdapError};
use rustls::ClientConfig;
use thiserror::Error;
use tracing::{debug, warn};

pub use options::Options;

use crate::directory::plan::Found;

/// A directory. Cheap to clone.
#[derive(Clone)]
pub struct Ldap(Arc<Shared>);

struct Shared {
    options: Options,
    tls: Option<Arc<ClientConfig>>,
    /// The server that answered last: the next connection begins with it.
    last: AtomicUsize,
}

/// Why a directory was not asked, or gave no whole answer.
#[derive(Debug, Error)]
pub enum DirectoryError {
    #[error("{path} cannot be read: {reason}", path = path.display())]
    File { path: std::path::PathBuf, reason: String },
    #[error("no server of the directory can be reached; the last one tried, {server}: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("the directory does not take the name or the password that it is to be read with")]
    Credentials,
    #[error("the directory failed: {0}")]
    Failed(#[from] LdapError),
    #[error("the directory broke off its answer: {0}")]
    CutShort(String),
}

impl Ldap {
    pub fn new(options: Options) -> Result<Self, DirectoryError> {
        let tls = options.authorities.as_deref().map(connection::tls).transpose()?;
        Ok(Self(Arc::new(Shared { options, tls, last: AtomicUsize::new(0) })))
    }

    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Whether that is the password of the entry of that name.
    pub async fn authenticate(&self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        // RFC 4513 §5.1.2: with no password a server answers success, and has proven nothing.
        if dn.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let mut client = self.reach().await?;
        let answer = client.with_timeout(connection::ANSWER_TIME).simple_bind(dn, password).await;
        let _ = client.unbind().await;
        match answer?.rc {
            SUCCESS => Ok(true),
            code => {
                debug!(code, "the directory refuses a password");
                if REFUSALS.contains(&code) {
                    Ok(false)
                } else {
                    Err(DirectoryError::CutShort(format!("code {code}")))
                }
            }
        }
    }

    /// Reads all of it.
    pub async fn sweep(&self) -> Result<Found, DirectoryError> {
        let mut client = self.reach().await?;
        self.log_in(&mut client).await?;
        let found = sweep::read(&mut client, &self.0.options).await;
        let _ = client.unbind().await;
        found
    }

    /// A connection to the first server that answers, from the one that did last on.
    async fn reach(&self) -> Result<Client, DirectoryError> {
        let servers = &self.0.options.servers;
        let first = self.0.last.load(Ordering::Relaxed);
        let mut failed = None;
        for place in (0..servers.len()).map(|step| (first + step) % servers.len()) {
            let server = &servers[place];
            match connection::open(server, self.0.options.starts_tls, self.0.tls.clone()).await {
                Ok(client) => {
                    self.0.last.store(place, Ordering::Relaxed);
                    return Ok(client);
                }
                Err(error) => {
                    warn!(%server, %error, "a server of the directory cannot be reached");
                    failed = Some((server, error));
                }
            }
        }
        let (server, error) = failed.expect("the configuration names at least one server");
        Err(DirectoryError::Unreachable { server: server.clone(), reason: error.to_string() })
    }

    async fn log_in(&self, client: &mut Client) -> Result<(), DirectoryError> {
        let Some(bind) = &self.0.options.bind else { return Ok(()) };
        let path = &bind.password_file;
        let password = tokio::fs::read_to_string(path)
            .await
            .map_err(|error| DirectoryError::File { path: path.clone(), reason: error.to_string() })?;
        let password = password.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            let reason = "there is no password in it".to_owned();
            return Err(DirectoryError::File { path: path.clone(), reason });
        }
        let answer = client.with_timeout(connection::ANSWER_TIME).simple_bind(&bind.dn, password).await?;
        if answer.rc == SUCCESS { Ok(()) } else { Err(DirectoryError::Credentials) }
    }
}

impl std::fmt::Debug for Ldap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ldap").field(&self.0.options.servers).finish()
    }
}

/// RFC 4511 appendix A: what a server answers.
const SUCCESS: u32 = 0;
/// invalidDNSyntax, inappropriateAuthentication, invalidCredentials, insufficientAccessRights, noSuchObject,
/// unwillingToPerform: it will not take this name with this password, today or tomorrow.
const REFUSALS: [u32; 6] = [34, 48, 49, 50, 32, 53];
