//! A PostgreSQL of a test's own, in a temporary directory and on a free port of loopback.

use std::io::{Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

pub(crate) struct PostgresServer {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// `None`, and a word about it, where no PostgreSQL is installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("SKIPPED: there is no PostgreSQL; apt-get install postgresql");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(directory.path()).status().unwrap();
            assert!(owned.success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { directory, programs, port };
        let password = server.directory.path().join("password").display().to_string();
        std::fs::write(&password, "right\n").unwrap();
        server.run(
            "initdb",
            &["-U", "perch", "--auth-local=trust", "--auth-host=scram-sha-256", "-N", "--pwfile", &password],
        );
        server.restart();
        Some(server)
    }

    /// Stops it as a crash does, if it runs, and starts it.
    pub(crate) fn restart(&self) {
        self.kill();
        let log = self.data().join("log").display().to_string();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        self.run("pg_ctl", &["-w", "-l", &log, "-o", &options, "start"]);
    }

    pub(crate) fn kill(&self) {
        if self.data().join("postmaster.pid").exists() {
            self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]);
        }
    }

    pub(crate) fn pool(&self, password: &str) -> PgPool {
        let url = format!("postgres://perch:{password}@127.0.0.1:{}/postgres", self.port);
        PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(3))
            .connect_lazy(&url)
            .unwrap()
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs a program on the data directory: not as root, which PostgreSQL refuses.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        command.arg("-D").arg(self.data()).args(arguments).current_dir("/");
        // Not piped: the server would keep the pipe, and who reads it would wait.
        let said = tempfile::tempfile().unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
        let status = command.status().unwrap();
        let mut text = String::new();
        (&said).seek(SeekFrom::Start(0)).unwrap();
        (&said).read_to_string(&mut text).unwrap();
        assert!(status.success(), "{arguments:?}: {status}: {text}");
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .find(|bin| bin.join("initdb").exists())
}
