//! The server that is spoken to: one of its own for each transcript, in this process, a pool of two, or one that runs
//! elsewhere.
//!
//! `TRANSCRIPTS_SERVER=127.0.0.1:5223` names the direct-TLS address of another one, `TRANSCRIPTS_CERTIFICATE` the PEM
//! file of its certificate. It has to let anybody in whose name is new: every transcript has accounts of its own there.
//! `TRANSCRIPTS_STORE=postgres` gives each server of our own a PostgreSQL for its store.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use perch::auth::{Accounts, Secret};
use perch::clock::Clock;
use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server::{self, Server};
use perch::store::{Options, Store};
use perch_address::BareJid;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::cluster::cluster;
use super::login::PASSWORD;
use super::names;
use super::script::Script;

/// Where a client connects.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) socket: SocketAddr,
    pub(super) domain: String,
    pub(super) tls: Arc<ClientConfig>,
}

pub(super) enum Host {
    /// One, or the members of a pool.
    Own(Vec<Own>),
    Foreign(Address),
}

/// What the members of a pool share.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) store_url: String,
    pub(crate) bus_url: String,
}

/// A server in this process, on a runtime that can be taken from under it.
pub(super) struct Own {
    directory: TempDir,
    domain: String,
    running: Option<(Runtime, Server)>,
    address: Option<Address>,
}

impl Host {
    pub(super) fn start(script: &Script, pool: Option<Pool>) -> Result<Self, String> {
        match (foreign()?, pool) {
            (Some(address), _) => Ok(Self::Foreign(address)),
            (None, None) => Ok(Self::Own(vec![Own::start(script, &store()?)?])),
            (None, Some(pool)) => {
                let member = |name| Own::start(script, &membership(&pool, name));
                Ok(Self::Own(vec![member("one")?, member("two")?]))
            }
        }
    }

    pub(super) fn is_pool(&self) -> bool {
        matches!(self, Self::Own(members) if members.len() > 1)
    }

    /// Where that client connects.
    pub(super) fn address(&self, who: usize) -> Result<&Address, String> {
        match self {
            Self::Own(members) => {
                let member = &members[who % members.len()];
                member.address.as_ref().ok_or_else(|| "the server does not run".to_owned())
            }
            Self::Foreign(address) => Ok(address),
        }
    }

    /// Stops the server in good order and starts it anew.
    pub(super) async fn restart(&mut self) -> Result<(), String> {
        for own in self.own()? {
            if let Some((runtime, server)) = own.running.take() {
                let stopped = runtime.spawn(server.stop()).await;
                runtime.shutdown_background();
                stopped.map_err(|error| format!("the server did not stop: {error}"))?;
            }
        }
        self.run().await
    }

    /// Takes the ground from under the server and starts it anew.
    pub(super) async fn kill(&mut self) -> Result<(), String> {
        for own in self.own()? {
            if let Some((runtime, server)) = own.running.take() {
                drop(server);
                tokio::task::spawn_blocking(move || runtime.shutdown_timeout(KILL_TIME))
                    .await
                    .map_err(|error| error.to_string())?;
            }
        }
        self.run().await
    }

    /// Takes the ground from under the second member of a pool.
    pub(super) async fn kill_second(&mut self) -> Result<(), String> {
        let second = self.own()?.get_mut(1).ok_or("there is one server only")?;
        if let Some((runtime, server)) = second.running.take() {
            drop(server);
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(KILL_TIME))
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Runs a verb of the command line against the first member.
    pub(super) async fn operate(&mut self, verb: &str) -> Result<(), String> {
        let first = self.own()?.first().ok_or("there is no server")?;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_perch"));
        command.args(verb.split(' ')).arg("--data-dir").arg(first.directory.path().join("data"));
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("perch {verb}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    async fn run(&mut self) -> Result<(), String> {
        for own in self.own()? {
            own.run().await?;
        }
        Ok(())
    }

    fn own(&mut self) -> Result<&mut [Own], String> {
        match self {
            Self::Own(members) => Ok(members),
            Self::Foreign(_) => Err("only a server of our own can be stopped".to_owned()),
        }
    }
}

impl Own {
    fn start(script: &Script, place: &str) -> Result<Self, String> {
        let directory = TempDir::new().map_err(|error| error.to_string())?;
        let domain = "localhost".to_owned();
        let settings = format!("{place}{}", script.settings);
        std::fs::write(config_path(&directory), configuration(&settings)).map_err(|e| e.to_string())?;
        Ok(Self { directory, domain, running: None, address: None })
    }

    async fn run(&mut self) -> Result<(), String> {
        let config = self.config()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let started = runtime.spawn(server::start(config)).await.map_err(|error| error.to_string())?;
        let server = started.map_err(|error| format!("the server does not start: {error}"))?;
        let socket = server.address(Kind::DirectTls).ok_or("the server takes no TLS connections")?;
        let tls = trusting(server.tls().certificate_path())?;
        self.address = Some(Address { socket, domain: self.domain.clone(), tls });
        self.running = Some((runtime, server));
        Ok(())
    }

    /// People make rooms by entering them, unless the transcript says otherwise.
    fn config(&self) -> Result<Config, String> {
        let file =
            std::fs::read_to_string(config_path(&self.directory)).map_err(|error| error.to_string())?;
        let open = ("PERCH_ROOMS__CREATION".to_owned(), "anyone".to_owned());
        let sources = Sources {
            file: Some(config_path(&self.directory)),
            data_dir: Some(self.directory.path().join("data")),
            environment: if file.contains("creation =") { Vec::new() } else { vec![open] },
        };
        Config::load(sources).map_err(|faults| faults.to_string())
    }

    async fn add_accounts(&self, script: &Script) -> Result<(), String> {
        let config = self.config()?;
        std::fs::create_dir_all(&config.data_dir).map_err(|error| error.to_string())?;
        let store =
            Store::open(&config.store_url, &Options::new([0; 32])).await.map_err(|e| e.to_string())?;
        let accounts = Accounts::new(store.clone(), config.domain, config.accounts, Clock::system());
        let mut users: Vec<&str> = script.clients.iter().map(|client| client.bare()).collect();
        users.sort_unstable();
        users.dedup();
        for user in users {
            let address = BareJid::new(user).map_err(|error| format!("{user}: {error}"))?;
            let secret = Secret::Password(PASSWORD.to_owned());
            accounts.add(&address, secret).await.map_err(|error| format!("{user}: {error}"))?;
        }
        store.close().await;
        Ok(())
    }
}

impl Host {
    /// Makes the accounts and lets the server run. A pool begins with persistent chat for nobody: it is opened for all.
    pub(super) async fn begin(&mut self, script: &Script) -> Result<(), String> {
        match self {
            Self::Own(members) => {
                members[0].add_accounts(script).await?;
                let begins_strict = members[0].config()?.store_url.starts_with("postgres");
                self.run().await?;
                if begins_strict { self.operate("policy set global --enabled yes").await } else { Ok(()) }
            }
            Self::Foreign(_) => Ok(()),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some((runtime, server)) = self.running.take() {
            drop(server);
            runtime.shutdown_background();
        }
    }
}

/// The section of the configuration for the store that the environment asks for.
fn store() -> Result<String, String> {
    match names::variable("STORE").as_deref() {
        None | Some("sqlite") => Ok(String::new()),
        Some("postgres") => {
            let cluster = cluster().ok_or("PostgreSQL is not installed")?;
            Ok(format!("[store]\nurl = \"{}\"\n\n", cluster.database()))
        }
        Some(other) => Err(format!("TRANSCRIPTS_STORE: {other:?} is no store")),
    }
}

/// The server that the environment names.
fn foreign() -> Result<Option<Address>, String> {
    let Some(socket) = names::variable("SERVER") else { return Ok(None) };
    let socket = socket.parse().map_err(|error| format!("TRANSCRIPTS_SERVER: {error}"))?;
    let certificate = names::variable("CERTIFICATE").ok_or("TRANSCRIPTS_CERTIFICATE is not set")?;
    Ok(Some(Address { socket, domain: names::domain(), tls: trusting(Path::new(&certificate))? }))
}

/// A TLS client that trusts that certificate and nobody else.
fn trusting(certificate: &Path) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(certificate).map_err(|error| error.to_string())?;
    for certificate in certificates {
        roots.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn config_path(directory: &TempDir) -> PathBuf {
    directory.path().join("perch.toml")
}

fn membership(pool: &Pool, member: &str) -> String {
    let Pool { name, store_url, bus_url } = pool;
    format!(
        "[store]\nurl = \"{store_url}\"\n\n[bus]\nurl = \"{bus_url}\"\n\n\
         [pool]\nname = \"{name}\"\nmember = \"{member}\"\n\n"
    )
}

/// Every listener on a port that is free, and the transcript's own settings behind.
fn configuration(settings: &str) -> String {
    format!(
        "[listen]\nxmpp = \"127.0.0.1:0\"\nxmpp_tls = \"127.0.0.1:0\"\nxmpp_plain = \"off\"\nhttps = \"off\"\nsip_tls = \"off\"\n\n{settings}\n"
    )
}

/// Tasks that are in the middle of something get no more than that.
const KILL_TIME: std::time::Duration = std::time::Duration::from_secs(5);
