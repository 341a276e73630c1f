//! One PostgreSQL: made, copied from another, run as a child process, promoted, and ended in whichever way.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::time::{Instant, sleep};

use crate::problem::Problem;
use crate::server::{free_port, run};

pub(crate) struct Node {
    programs: PathBuf,
    folder: PathBuf,
    pub(crate) port: u16,
    /// As `postgres -c` takes them.
    settings: Vec<String>,
    child: Option<Child>,
}

impl Node {
    pub(crate) fn prepare(folder: &Path, name: &str, settings: &[&str]) -> Result<Self, Problem> {
        let programs = programs()
            .ok_or_else(|| Problem::NotHere("no PostgreSQL; apt-get install postgresql".to_owned()))?;
        let folder = folder.join(name);
        give_away(&folder)?;
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Ok(Self { programs, folder, port: free_port()?, settings, child: None })
    }

    /// Makes an empty database and runs it.
    pub(crate) async fn make(&mut self) -> Result<(), Problem> {
        let mut initdb = self.program("initdb");
        initdb.args(["--username", "perch", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "-D"]);
        run(initdb.arg(self.data()), "")?;
        self.begin().await?;
        // Where commits wait for a standby, there is none yet.
        let mut createdb = self.program("createdb");
        createdb.env("PGOPTIONS", "-c synchronous_commit=local");
        run(createdb.args(self.place()).arg("perch"), "")?;
        Ok(())
    }

    /// Becomes a copy of whatever answers at that port, and follows it.
    pub(crate) async fn copy(&mut self, port: u16) -> Result<(), Problem> {
        let data = self.data();
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let mut copy = self.program("pg_basebackup");
        copy.args(["--checkpoint", "fast", "--wal-method", "stream", "--write-recovery-conf", "-D"]);
        run(copy.arg(&data).args(["-d", &format!("host=127.0.0.1 port={port} user=perch")]), "")?;
        self.begin().await
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Problem> {
        let port = self.port.to_string();
        // A socket's file in a common folder would meet those of others.
        let mut postgres = self.program("postgres");
        postgres.args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        postgres.args(["-c", "max_connections=200", "-c", "log_min_messages=log"]);
        postgres.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("log"))?;
        postgres.arg("-D").arg(self.data()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(postgres.spawn()?);
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

    /// As `pg_ctl stop -m immediate`: no word to anybody, no checkpoint.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        self.end_by(Signal::QUIT)
    }

    /// As `pg_ctl stop -m fast`: whoever follows gets all there is first.
    pub(crate) fn stop(&mut self) -> Result<(), Problem> {
        self.end_by(Signal::INT)
    }

    fn end_by(&mut self, signal: Signal) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            kill_process(Pid::from_child(&child), signal).map_err(io::Error::from)?;
            child.wait()?;
        }
        Ok(())
    }

    pub(crate) fn promote(&self) -> Result<(), Problem> {
        let mut promote = self.program("pg_ctl");
        promote.args(["promote", "--wait", "--timeout", "60", "--silent", "-D"]);
        run(promote.arg(self.data()), "").map(drop)
    }

    /// What it answers, columns separated by bars.
    pub(crate) fn ask(&self, statement: &str) -> Result<String, Problem> {
        let mut psql = self.program("psql");
        psql.args(self.place()).args(["--no-psqlrc", "-At", "-d", "perch", "-c", statement]);
        Ok(run(&mut psql, "")?.trim_end().to_owned())
    }

    /// Waits until it answers that.
    pub(crate) async fn until(&self, statement: &str, answer: &str) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        while self.ask(statement)? != answer {
            if Instant::now() > deadline {
                return Err(Problem::Setup(format!("PostgreSQL never answers {answer} to {statement}")));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn place(&self) -> [String; 6] {
        ["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "perch"].map(str::to_owned)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn program(&self, name: &str) -> Command {
        as_its_user(&self.programs.join(name))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A run that fails must not leave it behind; whatever else goes wrong here has no one to be told.
        let _ = self.end();
    }
}

/// PostgreSQL does not run as root, and what starts it neither.
pub(crate) fn as_its_user(program: &Path) -> Command {
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

/// Makes a folder that belongs to that user.
pub(crate) fn give_away(folder: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(folder)?;
    if geteuid().is_root() {
        run(Command::new("chown").arg("postgres:").arg(folder), "")?;
    }
    Ok(())
}

/// The newest that is installed, in Debian's place or on the path.
pub(crate) fn programs() -> Option<PathBuf> {
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
