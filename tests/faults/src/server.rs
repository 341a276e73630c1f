//! The server under test: a child process that is set up, started, killed and started again.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use perch_checker::Item;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::client::Door;
use crate::problem::Problem;
use crate::xmpp::Connector;

/// A server with a folder and ports of its own.
pub(crate) struct Server {
    kind: String,
    folder: PathBuf,
    port: u16,
    tls_port: u16,
    /// Environment of the server process, beside what the set-up wants.
    pub(crate) environment: Vec<(&'static str, String)>,
    child: Option<Child>,
}

/// One room's archive, read from the store itself.
#[derive(serde::Deserialize)]
pub(crate) struct StoredArchive {
    pub(crate) room: String,
    pub(crate) items: Vec<Item<'static>>,
}

impl Server {
    /// Sets up a server of this kind, in an empty folder, on free ports.
    pub(crate) fn prepare(kind: &str, folder: &Path) -> Result<Self, Problem> {
        let server = Self {
            kind: kind.to_owned(),
            folder: folder.to_owned(),
            port: free_port()?,
            tls_port: free_port()?,
            environment: Vec::new(),
            child: None,
        };
        run(&mut server.command("prepare"), "")?;
        Ok(server)
    }

    /// The only door of a server that is alone.
    pub(crate) fn door(&self) -> Result<Door, Problem> {
        Ok(Door { mark: String::new(), connector: self.connector()? })
    }

    pub(crate) fn connector(&self) -> Result<Connector, Problem> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls_port));
        Connector::new(address, DOMAIN, &self.folder.join("ca.pem"))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(&mut self) -> Result<(), Problem> {
        self.launch()?;
        let deadline = Instant::now() + START_PATIENCE;
        while !self.listens().await {
            let child = self.child.as_mut().expect("it was just started");
            if let Some(status) = child.try_wait()? {
                return Err(Problem::Setup(format!(
                    "the server ended at its start, {status}: {}",
                    self.tail()
                )));
            }
            if Instant::now() > deadline {
                return Err(Problem::Setup(format!("the server does not listen: {}", self.tail())));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Starts it, and does not wait.
    pub(crate) fn launch(&mut self) -> Result<(), Problem> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = self.command("run");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    pub(crate) async fn listens(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.tls_port)).await.is_ok()
    }

    /// Stops it for a while, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Problem> {
        if let Some(child) = &self.child {
            kill_process(Pid::from_child(child), signal).map_err(std::io::Error::from)?;
        }
        Ok(())
    }

    pub(crate) fn add_accounts(&self, accounts: &[(String, String)]) -> Result<(), Problem> {
        let lines: String = accounts.iter().map(|(name, password)| format!("{name},{password}\n")).collect();
        run(&mut self.command("accounts"), &lines)?;
        Ok(())
    }

    /// What a verb of the command line says of the running server.
    pub(crate) fn ask(&self, verb: &str) -> Result<String, Problem> {
        run(self.command("ask").args(verb.split_whitespace()), "")
    }

    /// SIGKILL: it has no chance to tidy up.
    pub(crate) fn kill(&mut self) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn stop(&mut self) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            kill_process(Pid::from_child(&child), Signal::TERM).map_err(std::io::Error::from)?;
            child.wait()?;
        }
        Ok(())
    }

    /// Each room's archive as the store has it, if it is known how to read that. The server must not be running.
    pub(crate) fn stored_archives(&self) -> Result<Vec<StoredArchive>, Problem> {
        let text = run(&mut self.command("archive"), "")?;
        let parse =
            |line| serde_json::from_str(line).map_err(|error| Problem::Setup(format!("{error}: {line}")));
        text.lines().map(parse).collect()
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it has ended by itself, which is never right.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, Problem> {
        Ok(self.child.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    /// The last lines of what the server printed.
    pub(crate) fn tail(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../support/server"));
        command.args([&self.kind, action]).arg(&self.folder);
        command.env("DOMAIN", DOMAIN).env("ROOMS", ROOMS);
        command.env("XMPP_PORT", self.port.to_string()).env("XMPP_TLS_PORT", self.tls_port.to_string());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that fails must not leave its server behind; whatever else goes wrong here has no one to be told.
        let _ = self.kill();
    }
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, Problem> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Problem::Setup(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Not one that the system would choose: while the server is dead, it might give it to a connection of somebody else. Nor
/// one that was given before: who has it may not listen yet.
pub(crate) fn free_port() -> Result<u16, Problem> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut candidates = std::iter::repeat_with(|| rand::random_range(PORTS)).take(PORT_ATTEMPTS);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok() && given.insert(*port);
    candidates.find(is_free).ok_or_else(|| Problem::Setup("no port is free".to_owned()))
}

pub(crate) const DOMAIN: &str = "localhost";
pub(crate) const ROOMS: &str = "rooms.localhost";
/// Below the ports that Linux gives to outgoing connections (`ip_local_port_range`).
const PORTS: std::ops::Range<u16> = 15_000..32_000;
const PORT_ATTEMPTS: usize = 100;
const START_PATIENCE: Duration = Duration::from_secs(30);
const TAIL_LINES: usize = 20;
