//! A member of a pool in this process, and what the tests of several members ask of it.

use std::net::SocketAddr;

use perch::listener::Kind;
use perch::server::{self, Server};
use tempfile::TempDir;

use crate::plain::config;

pub(crate) struct Member {
    directory: TempDir,
    pub(crate) server: Server,
}

impl Member {
    pub(crate) async fn start(name: &str, store: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let config = config(&directory, &sections(name, store));
        Self { directory, server: server::start(config).await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address(Kind::Plain).unwrap()
    }

    /// Runs a verb of the command line against it.
    pub(crate) async fn run(&self, verb: &str) {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_perch"));
        command.args(verb.split(' ')).arg("--data-dir").arg(self.directory.path().join("data"));
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A pool begins with persistent chat for nobody: this opens it for all.
pub(crate) const OPEN_POOL: &str = "policy set global --enabled yes";

/// Its configuration beside that of the listener.
pub(crate) fn sections(member: &str, store: &str) -> String {
    format!(
        "[store]\nurl = \"{store}\"\n[bus]\nurl = \"postgres\"\n\
         [pool]\nname = \"moving\"\nmember = \"{member}\"\naddress = \"{member}.example.org\"\n\
         [rooms]\ncreation = \"anyone\"\n"
    )
}
