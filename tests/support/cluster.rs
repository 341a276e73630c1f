//! A PostgreSQL of the tests' own: made in a folder for temporary files, on a port that was free, as safe against a
//! power cut as any, and gone with the process that asked for it.
//!
//! PostgreSQL does not run as root: where the tests do, it is run as the user `postgres`. Where it is not installed
//! there is no cluster, and whoever wanted one has to say loudly what was not tried.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// One for all tests of a process.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start).as_ref()
}

#[derive(Debug)]
pub(crate) struct Cluster {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    /// As `postgres -c` takes them.
    settings: &'static [&'static str],
    databases: AtomicU32,
}

impl Cluster {
    /// None where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(settings: &'static [&'static str]) -> Option<Self> {
        let cluster = Self {
            programs: programs()?,
            directory: new_directory(),
            port: free_port(),
            settings,
            databases: AtomicU32::new(0),
        };
        run(cluster
            .program("initdb")
            .args(["--username", "perch", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "-D"])
            .arg(cluster.data()));
        cluster.begin();
        stop_at_exit(&cluster);
        Some(cluster)
    }

    /// Lets the server run, also after [`Cluster::end`].
    pub(crate) fn begin(&self) {
        let mut settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
             -c log_min_messages=log",
            self.port
        );
        for setting in self.settings {
            settings.push_str(" -c ");
            settings.push_str(setting);
        }
        run(self
            .program("pg_ctl")
            .args(["start", "--wait", "--timeout", "60", "--silent", "-o", &settings, "-l"])
            .arg(self.directory.path().join("log"))
            .arg("-D")
            .arg(self.data()));
    }

    /// Stops the server as a power cut would: without a word to anybody.
    pub(crate) fn end(&self) {
        run(self.program("pg_ctl").args(["stop", "--mode", "immediate", "--silent", "-D"]).arg(self.data()));
    }

    /// A copy of this server that follows it.
    pub(crate) fn standby(&self) -> Self {
        self.standby_with(self.settings)
    }

    pub(crate) fn standby_with(&self, settings: &'static [&'static str]) -> Self {
        let standby = Self {
            programs: self.programs.clone(),
            directory: new_directory(),
            port: free_port(),
            settings,
            databases: AtomicU32::new(0),
        };
        let from = format!("host=127.0.0.1 port={} user=perch", self.port);
        run(self
            .program("pg_basebackup")
            .args(["--write-recovery-conf", "--checkpoint", "fast", "-d", &from, "-D"])
            .arg(standby.data()));
        standby.begin();
        stop_at_exit(&standby);
        standby
    }

    /// Makes a standby the one that takes writes.
    pub(crate) fn promote(&self) {
        run(self.program("pg_ctl").args(["promote", "--wait", "--silent", "-D"]).arg(self.data()));
    }

    /// Returns when a standby has all that was written here so far.
    pub(crate) async fn catch_up(&self, standby: &Self) {
        let mut here = PgConnection::connect(&self.url("postgres")).await.expect("it runs");
        let mut there = PgConnection::connect(&standby.url("postgres")).await.expect("it runs");
        let written: String = sqlx::query_scalar("SELECT pg_current_wal_lsn()::text")
            .fetch_one(&mut here)
            .await
            .expect("a primary");
        loop {
            let has_it: bool = sqlx::query_scalar("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn")
                .bind(&written)
                .fetch_one(&mut there)
                .await
                .expect("a standby");
            if has_it {
                return;
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://perch@127.0.0.1:{}/{database}", self.port)
    }

    /// The url of an empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        run(self.program("createdb").args([
            "--host",
            "127.0.0.1",
            "--port",
            &self.port.to_string(),
            "--username",
            "perch",
            &name,
        ]));
        self.url(&name)
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        as_its_user(&self.programs.join(name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have been stopped by a test.
        let stop = ["stop", "--mode", "immediate", "--silent", "-D"];
        let _ = self.program("pg_ctl").args(stop).arg(self.data()).stderr(Stdio::null()).status();
    }
}

fn new_directory() -> TempDir {
    let directory = tempfile::Builder::new().prefix("perch-postgres-").tempdir().expect("a folder");
    if is_root() {
        // Its user has to reach the folder, and to own it.
        run(Command::new("chown").arg("postgres:").arg(directory.path()));
    }
    directory
}

/// A static is never dropped: a shell waits for the end of this process and clears up then, however it ends.
fn stop_at_exit(cluster: &Cluster) {
    let clear = "(while kill -0 \"$1\" 2>/dev/null; do sleep 0.2; done; \
                 kill -QUIT \"$(head -n 1 \"$2/data/postmaster.pid\" 2>/dev/null)\" 2>/dev/null; sleep 0.5; \
                 rm -rf \"$2\") </dev/null >/dev/null 2>&1 &";
    run(Command::new("sh")
        .args(["-c", clear, "sh", &std::process::id().to_string()])
        .arg(cluster.directory.path()));
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

fn as_its_user(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // It may not look into the folder that the tests run in.
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let done = command.stdout(Stdio::null()).status();
    assert!(matches!(&done, Ok(status) if status.success()), "{command:?}: {done:?}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn free_port() -> u16 {
    let bound: io::Result<u16> =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| Ok(socket.local_addr()?.port()));
    bound.expect("a free port")
}
