//! PostgreSQL for a run: a primary and maybe a standby that it waits for, child processes of this one.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::time::{Instant, sleep};

use crate::problem::Problem;
use crate::server::run;

pub(crate) struct Database {
    programs: PathBuf,
    nodes: Vec<Node>,
    /// Which of the nodes takes writes.
    primary: usize,
}

struct Node {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Database {
    pub(crate) async fn start(folder: &Path, has_standby: bool) -> Result<Self, Problem> {
        let programs = programs()
            .ok_or_else(|| Problem::NotHere("no PostgreSQL; apt-get install postgresql".to_owned()))?;
        let node = |name: &str| {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder)?;
            if geteuid().is_root() {
                run(Command::new("chown").arg("postgres:").arg(&folder), "")?;
            }
            Ok::<_, Problem>(Node { folder, port: super::free_port()?, child: None })
        };
        let names = if has_standby { ["postgres-1", "postgres-2"].as_slice() } else { &["postgres-1"] };
        let nodes = names.iter().map(|name| node(name)).collect::<Result<_, _>>()?;
        let mut database = Self { programs, nodes, primary: 0 };
        let mut initdb = database.program("initdb");
        initdb.args(["--username", "perch", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "-D"]);
        run(initdb.arg(database.nodes[0].data()), "")?;
        database.begin(0).await?;
        run(database.program("createdb").args(database.place(0)).arg("perch"), "")?;
        if has_standby {
            database.follow().await?;
        }
        Ok(database)
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    pub(crate) fn has_standby(&self) -> bool {
        self.nodes.len() > 1
    }

    /// As `pg_ctl stop -m immediate`: no word to anybody, no checkpoint.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        let primary = self.primary;
        self.nodes[primary].end()
    }

    pub(crate) async fn begin_again(&mut self) -> Result<(), Problem> {
        self.begin(self.primary).await
    }

    /// The primary goes for good, and the standby takes its place. [`Database::follow`] makes a new standby.
    pub(crate) fn promote(&mut self) -> Result<(), Problem> {
        self.end()?;
        self.primary = 1 - self.primary;
        let mut promote = self.program("pg_ctl");
        promote.args(["promote", "--wait", "--timeout", "60", "--silent", "-D"]);
        run(promote.arg(self.nodes[self.primary].data()), "")?;
        Ok(())
    }

    /// Makes the other node a copy of the primary, which waits for it from then on.
    pub(crate) async fn follow(&mut self) -> Result<(), Problem> {
        let other = 1 - self.primary;
        let data = self.nodes[other].data();
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        // The copy must not wait for a standby when it is promoted: it has none then.
        self.ask("ALTER SYSTEM RESET synchronous_standby_names")?;
        let mut copy = self.program("pg_basebackup");
        copy.args(["--checkpoint", "fast", "--wal-method", "stream", "--write-recovery-conf", "-D"]);
        run(copy.arg(&data).args(["-d", &self.conninfo()]), "")?;
        self.begin(other).await?;
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.ask("SELECT pg_reload_conf()")?;
        let deadline = Instant::now() + PATIENCE;
        while self.ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")? != "1" {
            if Instant::now() > deadline {
                return Err(Problem::Setup("the standby does not follow".to_owned()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What the primary answers, columns separated by bars.
    pub(crate) fn ask(&self, statement: &str) -> Result<String, Problem> {
        let mut psql = self.program("psql");
        psql.args(self.place(self.primary)).args(["--no-psqlrc", "-At", "-d", "perch", "-c", statement]);
        Ok(run(&mut psql, "")?.trim_end().to_owned())
    }

    async fn begin(&mut self, node: usize) -> Result<(), Problem> {
        let (port, data) = (self.nodes[node].port.to_string(), self.nodes[node].data());
        // A socket's file in a common folder would meet those of others.
        let mut postgres = self.program("postgres");
        postgres.args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        postgres.args(["-c", "max_connections=200", "-c", "log_min_messages=log", "-D"]).arg(data);
        let log = OpenOptions::new().create(true).append(true).open(self.nodes[node].folder.join("log"))?;
        postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.nodes[node].child = Some(postgres.spawn()?);
        let deadline = Instant::now() + PATIENCE;
        let mut is_ready = self.program("pg_isready");
        is_ready.args(["--quiet", "-h", "127.0.0.1", "-p", &port]);
        while !is_ready.status()?.success() {
            if Instant::now() > deadline {
                return Err(Problem::Setup("PostgreSQL does not start".to_owned()));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn place(&self, node: usize) -> [String; 6] {
        ["-h", "127.0.0.1", "-p", &self.nodes[node].port.to_string(), "-U", "perch"].map(str::to_owned)
    }

    fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} user=perch", self.nodes[self.primary].port)
    }

    /// PostgreSQL does not run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // Its user may not look into the folder that the run was started in.
        command.current_dir("/");
        command
    }
}

impl Node {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn end(&mut self) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            kill_process(Pid::from_child(&child), Signal::QUIT).map_err(io::Error::from)?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A run that fails must not leave it behind; whatever else goes wrong here has no one to be told.
        let _ = self.end();
    }
}

/// The newest that is installed, in Debian's place or on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(version, programs)| *version >= 15 && programs.join("initdb").exists())
        .collect();
    found.sort();
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    found.pop().map(|(_, programs)| programs).or_else(on_path)
}

const PATIENCE: Duration = Duration::from_secs(60);
