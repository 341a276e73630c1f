//! A server in this process with a plain-text listener, and a client that is nothing but its stream.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use perch::auth::{Accounts, Secret};
use perch::clock::Clock;
use perch::config::{Config, Sources};
use perch::store::{Options, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    /// What came and was not looked at.
    rest: Vec<u8>,
}

impl Client {
    /// Begins a stream.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut client = Self { socket: TcpStream::connect(address).await.unwrap(), rest: Vec::new() };
        client.send(HEADER).await;
        client
    }

    /// Signs in; no resource is bound yet.
    pub(crate) async fn sign_in(address: SocketAddr, user: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.read_until("</stream:features>").await;
        let token = STANDARD.encode(format!("\0{user}\0{PASSWORD}"));
        client
            .send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>"))
            .await;
        client.read_until("<success").await;
        client.send(HEADER).await;
        client
    }

    /// Signs in, and binds that resource.
    pub(crate) async fn begin(address: SocketAddr, user: &str, resource: &str) -> Self {
        let mut client = Self::sign_in(address, user).await;
        client.read_until("</stream:features>").await;
        client
            .send(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <resource>{resource}</resource></bind></iq>"
            ))
            .await;
        client.read_until("</iq>").await;
        client
    }

    /// Enters a room of the default rooms domain, without its history.
    pub(crate) async fn join(&mut self, room: &str, nick: &str) {
        self.send(&format!(
            "<presence to='{room}@rooms.localhost/{nick}'>\
             <x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
        ))
        .await;
        self.read_until("<subject").await;
    }

    /// Turns stream management on; `more` are further attributes. Gives the id under which the session can be resumed.
    pub(crate) async fn enable(&mut self, more: &str) -> String {
        self.send(&format!("<enable xmlns='urn:xmpp:sm:3' resume='true'{more}/>")).await;
        let enabled = self.read_until("<enabled").await;
        enabled.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned()
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything up to the end of the tag that begins or goes on with `text`.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let read = timeout(PATIENCE, self.read_on(text)).await;
        read.unwrap_or_else(|_| panic!("no {text} in {}", String::from_utf8_lossy(&self.rest)))
    }

    async fn read_on(&mut self, text: &str) -> String {
        let mut searched = 0;
        loop {
            let found = self.rest[searched..].windows(text.len()).position(|part| part == text.as_bytes());
            let length = found.and_then(|place| {
                let behind = &self.rest[searched + place..];
                Some(searched + place + behind.iter().position(|byte| *byte == b'>')? + 1)
            });
            if let Some(length) = length {
                return String::from_utf8(self.rest.drain(..length).collect()).unwrap();
            }
            if found.is_none() {
                searched = self.rest.len().saturating_sub(text.len());
            }
            assert_ne!(
                self.socket.read_buf(&mut self.rest).await.unwrap(),
                0,
                "ended before {text}, behind {}",
                String::from_utf8_lossy(&self.rest)
            );
        }
    }
}

/// With these sections beside that of the listener, of which the one on plain text is on a free port.
pub(crate) fn config(directory: &TempDir, sections: &str) -> Config {
    let file = directory.path().join("perch.toml");
    let listen = "[listen]\nxmpp = \"off\"\nxmpp_tls = \"off\"\nxmpp_plain = \"127.0.0.1:0\"\nhttps = \"off\"\n\
                  sip_tls = \"off\"\nsip_tcp = \"127.0.0.1:0\"\n";
    std::fs::write(&file, format!("{listen}{sections}")).unwrap();
    let data_dir = Some(directory.path().join("data"));
    Config::load(Sources { file: Some(file), data_dir, environment: Vec::new() }).unwrap()
}

pub(crate) async fn add_accounts(config: &Config, users: &[&str]) {
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let store = Store::open(&config.store_url, &Options::new([0; 32])).await.unwrap();
    let accounts =
        Accounts::new(store.clone(), config.domain.clone(), config.accounts.clone(), Clock::system());
    for user in users {
        let secret = Secret::Password(PASSWORD.to_owned());
        accounts.add(&format!("{user}@localhost").parse().unwrap(), secret).await.unwrap();
    }
    store.close().await;
}

/// Takes a new room into service as it is.
pub(crate) const OPEN_ROOM: &str = "<iq type='set' id='open' to='tea@rooms.localhost'>\
    <query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>";

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    to='localhost' version='1.0'>";
const PASSWORD: &str = "secret";
/// Nothing takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);
