//! Who does not read what a room sends him, or reads it slowly, slows nobody but himself.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use perch::auth::{Accounts, Secret};
use perch::clock::Clock;
use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server;
use perch::store::{Options, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_readers_slow_nobody() {
    let directory = TempDir::new().unwrap();
    let config = config(&directory);
    add_account(&config).await;
    let server = server::start(config).await.unwrap();
    let address = server.address(Kind::Plain).unwrap();
    let mut poster = Client::enter(address, 0).await;
    poster.send(OPEN_ROOM).await;
    poster.read_until("id='open'").await;
    let mut others = Vec::new();
    for number in 1..ROOM {
        others.push(Client::enter(address, number).await);
    }
    let silent = others.pop().unwrap();
    for (place, client) in others.into_iter().enumerate() {
        tokio::spawn(client.read_all(if place < SLOW { Duration::from_secs(1) } else { Duration::ZERO }));
    }
    let body = "x".repeat(BODY_BYTES);
    for number in 0..POSTS {
        let id = format!("post-{number}");
        poster
            .send(&format!(
                "<message to='tea@rooms.localhost' type='groupchat' id='{id}'><body>{body}</body></message>"
            ))
            .await;
        timeout(PATIENCE, poster.read_until(&id)).await.unwrap_or_else(|_| panic!("{id} waits for a reader"));
    }
    drop(silent);
}

struct Client {
    socket: TcpStream,
    /// The end of what came.
    tail: Vec<u8>,
}

impl Client {
    async fn enter(address: std::net::SocketAddr, number: usize) -> Self {
        let mut client = Self {
            socket: TcpStream::connect(address).await.expect("the server is there, and takes it"),
            tail: Vec::new(),
        };
        client.send(HEADER).await;
        client.read_until("</stream:features>").await;
        let token = STANDARD.encode("\0tester\0secret");
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>");
        client.send(&auth).await;
        client.read_until("<success").await;
        client.send(HEADER).await;
        client.read_until("</stream:features>").await;
        client
            .send(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <resource>r{number}</resource></bind></iq>\
                 <presence to='tea@rooms.localhost/n{number}'>\
                 <x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
            ))
            .await;
        client.read_until("<subject").await;
        client
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.expect("the server is there, and takes it");
    }

    async fn read_until(&mut self, text: &str) {
        while !self.tail.windows(text.len()).any(|window| window == text.as_bytes()) {
            let kept = self.tail.len().saturating_sub(text.len());
            self.tail.drain(..kept);
            assert_ne!(
                self.socket.read_buf(&mut self.tail).await.expect("the server is there, and takes it"),
                0,
                "ended before {text}"
            );
        }
        self.tail.clear();
    }

    /// Up to the end, with that pause behind each read: a kilobyte a second, or as fast as it comes.
    async fn read_all(mut self, pause: Duration) {
        let mut chunk = vec![0; if pause.is_zero() { 64 << 10 } else { 1 << 10 }];
        while self.socket.read(&mut chunk).await.is_ok_and(|count| count > 0) {
            tokio::time::sleep(pause).await;
        }
    }
}

fn config(directory: &TempDir) -> Config {
    let file = directory.path().join("perch.toml");
    let listen = "[listen]\nxmpp = \"off\"\nxmpp_tls = \"off\"\nxmpp_plain = \"127.0.0.1:0\"\n";
    std::fs::write(&file, listen).expect("the server is there, and takes it");
    let data_dir = Some(directory.path().join("data"));
    Config::load(Sources { file: Some(file), data_dir, environment: Vec::new() })
        .expect("the server is there, and takes it")
}

async fn add_account(config: &Config) {
    std::fs::create_dir_all(&config.data_dir).expect("the server is there, and takes it");
    let store = Store::open(&config.store_url, &Options::new([0; 32]))
        .await
        .expect("the server is there, and takes it");
    let accounts =
        Accounts::new(store.clone(), config.domain.clone(), config.accounts.clone(), Clock::system());
    let secret = Secret::Password("secret".to_owned());
    accounts
        .add(&"tester@localhost".parse().expect("the server is there, and takes it"), secret)
        .await
        .expect("the server is there, and takes it");
    store.close().await;
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    to='localhost' version='1.0'>";
const OPEN_ROOM: &str = "<iq type='set' id='open' to='tea@rooms.localhost'>\
    <query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>";

/// Occupants: one posts, one never reads, some read a kilobyte a second.
const ROOM: usize = 20;
const SLOW: usize = 2;
/// All posts together are more than a mailbox and the system's buffers hold.
const POSTS: usize = 260;
const BODY_BYTES: usize = 60 << 10;
/// Far less than a write to who does not read may take.
const PATIENCE: Duration = Duration::from_secs(20);
