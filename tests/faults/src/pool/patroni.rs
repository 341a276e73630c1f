//! Three PostgreSQLs that Patroni looks after, and the etcd that it needs: strictly synchronous, so that whichever it
//! promotes has all that was acknowledged. It does not know of the test, and decides by itself.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::node::{as_its_user, give_away, programs};
use crate::problem::Problem;
use crate::server::{free_port, run};

pub(crate) struct Patroni {
    programs: PathBuf,
    etcd: Option<Child>,
    nodes: Vec<Node>,
    /// The one that took writes when all were last together.
    primary: usize,
    /// The one that was taken away.
    gone: Option<usize>,
}

struct Node {
    folder: PathBuf,
    port: u16,
    /// Where its Patroni is asked.
    rest: u16,
    keeper: Option<Child>,
}

impl Patroni {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Problem> {
        let programs = programs().filter(|_| Path::new(PATRONI).exists() && Path::new(ETCD).exists());
        let programs = programs.ok_or_else(|| {
            Problem::NotHere("no Patroni; apt-get install postgresql patroni etcd-server".to_owned())
        })?;
        let (etcd, etcd_port) = start_etcd(&folder.join("etcd")).await?;
        let mut patroni = Self { programs, etcd: Some(etcd), nodes: Vec::new(), primary: 0, gone: None };
        for name in NAMES {
            let folder = folder.join(name);
            give_away(&folder)?;
            let node = Node { port: free_port()?, rest: free_port()?, folder, keeper: None };
            let configuration = node.configuration(name, &patroni.programs, etcd_port);
            std::fs::write(node.folder.join("patroni.yml"), configuration)?;
            patroni.nodes.push(node);
            patroni.nodes.last_mut().expect("it was just added").begin()?;
        }
        patroni.until_whole().await?;
        let port = patroni.nodes[patroni.primary].port.to_string();
        let mut createdb = as_its_user(&patroni.programs.join("createdb"));
        run(createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", "perch", "perch"]), "")?;
        Ok(patroni)
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// The primary's machine is gone, and what ran there with it; returns when another one has taken over.
    pub(crate) async fn promote(&mut self) -> Result<(), Problem> {
        self.nodes[self.primary].end()?;
        self.gone = Some(self.primary);
        self.until_primary().await
    }

    /// The machine is back.
    pub(crate) async fn follow(&mut self) -> Result<(), Problem> {
        if let Some(gone) = self.gone.take() {
            self.nodes[gone].begin()?;
        }
        self.until_whole().await
    }

    /// The primary's PostgreSQL ends without a word; what looks after it sees that.
    pub(crate) fn end(&self) -> Result<(), Problem> {
        self.nodes[self.primary].end_postgres()
    }

    async fn until_primary(&self) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        while self.primary().is_none() {
            if Instant::now() > deadline {
                return Err(Problem::Setup("nobody takes over".to_owned()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) fn ask(&self, statement: &str) -> Result<String, Problem> {
        let primary = self.primary().ok_or_else(|| Problem::Setup("nobody takes writes".to_owned()))?;
        self.ask_node(primary, "perch", statement)
    }

    fn primary(&self) -> Option<usize> {
        let takes_writes = |node: &usize| {
            let answer = self.ask_node(*node, "postgres", "SELECT pg_is_in_recovery()");
            answer.is_ok_and(|answer| answer == "f")
        };
        (0..self.nodes.len()).filter(|node| self.gone != Some(*node)).find(takes_writes)
    }

    fn ask_node(&self, node: usize, database: &str, statement: &str) -> Result<String, Problem> {
        let mut psql = as_its_user(&self.programs.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &self.nodes[node].port.to_string(), "-U", "perch"]);
        psql.args(["--no-psqlrc", "-At", "-d", database, "-c", statement]);
        Ok(run(&mut psql, "")?.trim_end().to_owned())
    }

    /// Waits until one takes writes and all others follow it, one of them synchronously; and until Patroni has noted which,
    /// for before that it promotes nobody.
    pub(crate) async fn until_whole(&mut self) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(primary) = self.primary()
                && let Ok(followers) = self.ask_node(primary, "postgres", FOLLOWERS)
                && let Some((count, synchronous)) = followers.split_once('|')
                && count == (self.nodes.len() - 1).to_string()
                && let Some(node) = NAMES.iter().position(|name| *name == synchronous)
                && self.nodes[node].is_synchronous()
            {
                self.primary = primary;
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Problem::Setup("Patroni does not get its hosts together".to_owned()));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        // A run that fails must not leave anything behind; whatever else goes wrong here has no one to be told.
        for node in &mut self.nodes {
            let _ = node.end();
        }
        if let Some(mut etcd) = self.etcd.take() {
            let _ = etcd.kill();
            let _ = etcd.wait();
        }
    }
}

impl Node {
    fn begin(&mut self) -> Result<(), Problem> {
        let mut patroni = as_its_user(Path::new(PATRONI));
        patroni.arg(self.folder.join("patroni.yml"));
        self.keeper = Some(spawn(&mut patroni, &self.folder.join("patroni.log"))?);
        Ok(())
    }

    /// Whether it may be promoted, by its Patroni's word.
    fn is_synchronous(&self) -> bool {
        let ask = || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.rest))?;
            stream.write_all(b"GET /synchronous HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer)?;
            Ok::<_, io::Error>(answer.split(' ').nth(1) == Some("200"))
        };
        ask().unwrap_or(false)
    }

    /// As a power cut: first whoever would start the other again.
    fn end(&mut self) -> Result<(), Problem> {
        if let Some(mut keeper) = self.keeper.take() {
            keeper.kill()?;
            keeper.wait()?;
        }
        self.end_postgres()
    }

    fn end_postgres(&self) -> Result<(), Problem> {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        let id = file.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            match kill_process(id, Signal::QUIT) {
                // It was over already.
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(())
    }

    fn configuration(&self, name: &str, programs: &Path, etcd: u16) -> String {
        let Self { port, rest, .. } = self;
        let (folder, programs) = (self.folder.display(), programs.display());
        format!(
            "scope: one
name: {name}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{hosts: '127.0.0.1:{etcd}'}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    primary_start_timeout: 0
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 200
        perch.site: one
  initdb: [{{encoding: UTF8}}, {{locale: C}}, {{auth: trust}}, data-checksums]
postgresql:
  listen: '127.0.0.1:{port}'
  connect_address: '127.0.0.1:{port}'
  data_dir: {folder}/data
  bin_dir: {programs}
  pgpass: {folder}/pgpass
  pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
  parameters: {{unix_socket_directories: '{folder}'}}
  authentication:
    superuser: {{username: perch}}
    replication: {{username: perch}}
    rewind: {{username: perch}}
"
        )
    }
}

async fn start_etcd(folder: &Path) -> Result<(Child, u16), Problem> {
    give_away(folder)?;
    let (port, peer_port) = (free_port()?, free_port()?);
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut etcd = as_its_user(Path::new(ETCD));
    etcd.arg("--data-dir").arg(folder.join("data"));
    etcd.args(["--name", "one", "--initial-cluster", &format!("one={peers}")]);
    etcd.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    etcd.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    let child = spawn(&mut etcd, &folder.join("log"))?;
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if Instant::now() > deadline {
            return Err(Problem::Setup("etcd does not start".to_owned()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok((child, port))
}

fn spawn(command: &mut Command, log: &Path) -> Result<Child, Problem> {
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    Ok(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?)
}

const PATRONI: &str = "/usr/bin/patroni";
const ETCD: &str = "/usr/bin/etcd";
const NAMES: [&str; 3] = ["patroni-1", "patroni-2", "patroni-3"];
/// How many, and the one that is waited for.
const FOLLOWERS: &str =
    "SELECT count(*), string_agg(application_name, ',') FILTER (WHERE sync_state = 'sync')
    FROM pg_stat_replication WHERE state = 'streaming'";
/// A host that is gone is given up after 20 s; one that comes back may have to be copied.
const PATIENCE: Duration = Duration::from_secs(120);
