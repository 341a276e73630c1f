//! A client whose connection breaks while what it said is on its way to the store, and which is back before it is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use perch::auth::{Accounts, Secret};
use perch::clock::Clock;
use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server;
use perch::store::{Options, Store};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_a_resumption_is_written_once_and_counted_once() {
    let directory = TempDir::new().unwrap();
    let config = config(&directory);
    add_account(&config).await;
    let database = config.data_dir.join("perch.db");
    let server = server::start(config).await.unwrap();
    let address = server.address(Kind::Plain).unwrap();

    let mut first = Client::sign_in(address).await;
    first.send(BIND).await;
    first.read_until("id='bind'").await;
    first.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
    let enabled = first.read_until("<enabled").await;
    let id = enabled.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    // Two stanzas: the room, and its configuration.
    first.send(ENTER).await;
    first.read_until("<subject").await;
    first.send(OPEN_ROOM).await;
    first.read_until("id='open'").await;

    let mut hold =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&database)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut hold).await.unwrap();
    // The question behind the post is answered when the post is settled: now it is read, and no more.
    first.send(POST).await;
    first.send("<iq type='get' id='read' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    first.read_until("id='read'").await;
    drop(first);

    let mut second = Client::sign_in(address).await;
    // Presence with its subject, and two answers: what came before `enable` does not count.
    second.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")).await;
    let early = timeout(Duration::from_millis(300), second.read_until("<resumed")).await;
    assert!(early.is_err(), "resumed before it is known what was handled: {early:?}");
    sqlx::query("ROLLBACK").execute(&mut hold).await.unwrap();
    let resumed = timeout(PATIENCE, second.read_until("<resumed")).await.unwrap();
    assert!(resumed.contains(" h='4'"), "four stanzas were handled: {resumed}");
}

struct Client {
    socket: TcpStream,
    /// What came and was not looked at.
    rest: Vec<u8>,
}

impl Client {
    async fn sign_in(address: std::net::SocketAddr) -> Self {
        let mut client = Self { socket: TcpStream::connect(address).await.unwrap(), rest: Vec::new() };
        client.send(HEADER).await;
        client.read_until("</stream:features>").await;
        let token = STANDARD.encode("\0tester\0secret");
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>");
        client.send(&auth).await;
        client.read_until("<success").await;
        client.send(HEADER).await;
        client.read_until("</stream:features>").await;
        client
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything up to the end of the tag that begins or goes on with `text`.
    async fn read_until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.rest).into_owned();
            if let Some(place) = seen.find(text)
                && let Some(length) = seen[place..].find('>')
            {
                let end = place + length + 1;
                self.rest.drain(..end);
                return seen[..end].to_owned();
            }
            assert_ne!(self.socket.read_buf(&mut self.rest).await.unwrap(), 0, "ended before {text}");
        }
    }
}

fn config(directory: &TempDir) -> Config {
    let file = directory.path().join("perch.toml");
    let listen = "[listen]\nxmpp = \"off\"\nxmpp_tls = \"off\"\nxmpp_plain = \"127.0.0.1:0\"\n";
    std::fs::write(&file, listen).unwrap();
    let data_dir = Some(directory.path().join("data"));
    Config::load(Sources { file: Some(file), data_dir, environment: Vec::new() }).unwrap()
}

async fn add_account(config: &Config) {
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let store = Store::open(&config.store_url, &Options::new([0; 32])).await.unwrap();
    let accounts =
        Accounts::new(store.clone(), config.domain.clone(), config.accounts.clone(), Clock::system());
    let secret = Secret::Password("secret".to_owned());
    accounts.add(&"tester@localhost".parse().unwrap(), secret).await.unwrap();
    store.close().await;
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    to='localhost' version='1.0'>";
const BIND: &str = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const ENTER: &str =
    "<presence to='tea@rooms.localhost/tester'><x xmlns='http://jabber.org/protocol/muc'/></presence>";
const OPEN_ROOM: &str = "<iq type='set' id='open' to='tea@rooms.localhost'>\
    <query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>";
const POST: &str = "<message to='tea@rooms.localhost' type='groupchat' id='post'><body>hi</body></message>";

const PATIENCE: Duration = Duration::from_secs(10);
