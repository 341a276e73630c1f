//! A server, commands that ask it, and how they end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use perch::config::{Config, Sources};
use perch::server::{self, Server};
use serde_json::Value;
use tempfile::TempDir;

/// A server of this process, and commands that ask it.
pub(crate) struct Scene {
    pub(crate) directory: TempDir,
    pub(crate) server: Server,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::over(tempfile::tempdir().unwrap(), &[]).await
    }

    /// With what is in the folder already.
    pub(crate) async fn over(directory: TempDir, environment: &[(&str, &str)]) -> Self {
        let server = server::start(config(directory.path(), environment)).await.unwrap();
        Self { directory, server }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs `perch` with the arguments, split at spaces, against this server.
    pub(crate) async fn run(&self, arguments: &str) -> Ended {
        self.feed(arguments, "").await
    }

    /// The same, with something on standard input.
    pub(crate) async fn feed(&self, arguments: &str, input: &str) -> Ended {
        let mut command = perch(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        let input = input.to_owned();
        tokio::task::spawn_blocking(move || finish(command, &input)).await.unwrap()
    }

    /// The same on a terminal, where somebody answers what he is asked. Both outputs are one there.
    pub(crate) async fn answer(&self, arguments: &str, answer: &str) -> Ended {
        let typed =
            format!("{} {arguments} --data-dir {}", env!("CARGO_BIN_EXE_perch"), self.data_dir().display());
        let mut terminal = Command::new("script");
        terminal.args(["--quiet", "--return", "--command", &typed, "/dev/null"]).env_clear();
        let answer = format!("{answer}\n");
        tokio::task::spawn_blocking(move || finish(terminal, &answer)).await.unwrap()
    }

    /// Stops the server; with nobody connected there is nothing to wait for.
    pub(crate) async fn stop(self) -> TempDir {
        tokio::time::timeout(Duration::from_secs(4), self.server.stop()).await.expect("prompt");
        self.directory
    }

    pub(crate) async fn addresses(&self) -> Vec<String> {
        let listed = self.run("user list --json").await.json();
        listed.as_array().unwrap().iter().map(|user| user["address"].as_str().unwrap().to_owned()).collect()
    }
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn check(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, out, err));
    }
}

/// The words of each line of a table.
pub(crate) fn rows(ended: &Ended) -> Vec<Vec<&str>> {
    ended.out.lines().map(|line| line.split_whitespace().collect()).collect()
}

pub(crate) fn config(directory: &Path, environment: &[(&str, &str)]) -> Config {
    let quiet =
        ["PERCH_LISTEN__XMPP", "PERCH_LISTEN__XMPP_TLS", "PERCH_LISTEN__HTTPS", "PERCH_LISTEN__SIP_TLS"]
            .map(|listener| (listener, "127.0.0.1:0"));
    Config::load(Sources {
        data_dir: Some(directory.join("data")),
        environment: quiet
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Sources::default()
    })
    .unwrap()
}

pub(crate) fn perch(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perch"));
    command.args(arguments.split_whitespace());
    command.env_clear();
    command
}

pub(crate) fn finish(mut command: Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Ended {
        code: status.code().expect("not killed"),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}
