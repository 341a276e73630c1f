//! SIP as its clients see it: a server in this process, and conversations written out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chat;
mod client;
mod dialogs;
mod front_end;
mod letters;
mod pidgin_sipe;
mod registration;
mod requests;
mod rooms;
mod xccos;

#[path = "../support/plain.rs"]
mod plain;

use std::net::SocketAddr;

use perch::listener::Kind;
use perch::server::{self, Server};
use tempfile::TempDir;

/// A server with accounts.
struct Scene {
    server: Server,
    _directory: TempDir,
}

impl Scene {
    async fn start(users: &[&str]) -> Self {
        Self::start_with(users, "").await
    }

    /// With these sections of the configuration.
    async fn start_with(users: &[&str], sections: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let config = plain::config(&directory, sections);
        plain::add_accounts(&config, users).await;
        Self { server: server::start(config).await.unwrap(), _directory: directory }
    }

    fn sip(&self) -> SocketAddr {
        self.server.address(Kind::SipTcp).unwrap()
    }

    fn xmpp(&self) -> SocketAddr {
        self.server.address(Kind::Plain).unwrap()
    }
}
