//! `perch serve`: runs the server until it is told to stop.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use super::{CommandError, Place, output};
use crate::config::Config;
use crate::listener::Kind;
use crate::server::{self, Server};
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// The store was put back from a copy: give no id again that was given after it. Once, at the first start
    #[arg(long)]
    restored: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let config = arguments.place.load()?;
    telemetry::start(&config.log).map_err(failed)?;
    let descriptors = raise_descriptor_limit();
    if descriptors < DESCRIPTORS_WANTED {
        warn!(descriptors, "each connection takes a file descriptor, and the system allows this process few");
    }
    let mut signals = Signals::new().map_err(failed)?;
    let server = match arguments.restored {
        true => server::start_restored(config.clone()).await,
        false => server::start(config.clone()).await,
    }
    .map_err(failed)?;
    announce(&server, &config);
    notify("READY=1");
    let is_deposed = tokio::select! {
        () = signals.until_told_to_stop(&server) => false,
        () = server.deposed() => true,
    };
    notify("STOPPING=1");
    output::complain("stopping; once more to stop at once");
    tokio::select! {
        () = server.stop() => {}
        () = signals.second() => process::exit(EXIT_AT_ONCE),
    }
    if is_deposed {
        // Whatever starts servers starts it anew, as a member that the others know to be alive.
        return Err(CommandError::Failed(DEPOSED.to_owned()));
    }
    Ok(())
}

/// What listens where, and what to do next.
fn announce(server: &Server, config: &Config) {
    let domain = &config.domain;
    for listening in server.listening() {
        let how = match listening.kind {
            Kind::StartTls => "XMPP, upgraded to TLS (STARTTLS)",
            Kind::DirectTls => "XMPP inside TLS",
            Kind::Plain => "XMPP without TLS",
            Kind::Https => "administration by HTTPS, under /api/v1",
            Kind::SipTls => "SIP inside TLS",
            Kind::SipTcp => "SIP without TLS",
        };
        output::print(format_args!("listening on {}: {how}", listening.address));
    }
    output::print(format_args!("accounts: NAME@{domain}   rooms: ROOM@{}", config.rooms_domain));
    let tls = server.tls();
    output::print(format_args!("certificate: {}", tls.certificate_path().display()));
    output::print(format_args!("its SHA-256: {}", tls.current().fingerprint()));
    let data_dir = match config.data_dir == Path::new(DEFAULT_DATA_DIR) {
        true => String::new(),
        false => format!(" --data-dir {}", config.data_dir.display()),
    };
    output::print(format_args!("add an account: perch user add alice@{domain}{data_dir}"));
    output::print("then sign in with any XMPP client, and compare the certificate that it asks to trust");
    output::print("ready");
}

/// Tells the service manager, if one started us, what we are about (sd_notify).
fn notify(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = UnixDatagram::unbound().and_then(|datagram| datagram.send_to(state.as_bytes(), socket));
    if let Err(error) = told {
        warn!(%error, state, "the service manager cannot be told");
    }
}

/// The signals that a server obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Reads the certificate again on SIGHUP, until SIGTERM or SIGINT.
    async fn until_told_to_stop(&mut self, server: &Server) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => server.tls().renew(),
            }
        }
    }

    async fn second(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes as many descriptors as the system grants without asking anybody.
fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current.unwrap_or(u64::MAX),
        Err(_) => before.unwrap_or(u64::MAX),
    }
}

fn failed(error: impl std::error::Error) -> CommandError {
    CommandError::Failed(error.to_string())
}

const DEFAULT_DATA_DIR: &str = "./perch-data";

/// Below this a small office may already be turned away.
const DESCRIPTORS_WANTED: u64 = 4096;

const DEPOSED: &str = "the other members of the pool have taken this one for dead; start it again";

/// As a shell shows a process that ended by SIGINT.
const EXIT_AT_ONCE: i32 = 130;
