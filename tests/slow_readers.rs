//! Who does not read what a room sends him, or reads it slowly, slows nobody but himself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/plain.rs"]
#[expect(dead_code, reason = "what the tests of resumption need beside it")]
mod plain;

use std::net::SocketAddr;
use std::time::Duration;

use perch::listener::Kind;
use perch::server;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use plain::{Client, OPEN_ROOM, add_accounts, config};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_readers_slow_nobody() {
    let directory = TempDir::new().unwrap();
    let config = config(&directory, "");
    add_accounts(&config, &["tester"]).await;
    let server = server::start(config).await.unwrap();
    let address = server.address(Kind::Plain).unwrap();
    let mut poster = enter(address, 0).await;
    poster.send(OPEN_ROOM).await;
    poster.read_until("id='open'").await;
    let mut others = Vec::new();
    for number in 1..ROOM {
        others.push(enter(address, number).await);
    }
    let silent = others.pop().unwrap();
    for (place, client) in others.into_iter().enumerate() {
        let pause = if place < SLOW { Duration::from_secs(1) } else { Duration::ZERO };
        tokio::spawn(read_all(client.socket, pause));
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

/// Takes what comes up to the end, with that pause behind each read: a kilobyte a second, or as fast as it comes.
async fn read_all(mut socket: TcpStream, pause: Duration) {
    let mut chunk = vec![0; if pause.is_zero() { 64 << 10 } else { 1 << 10 }];
    while socket.read(&mut chunk).await.is_ok_and(|count| count > 0) {
        tokio::time::sleep(pause).await;
    }
}

async fn enter(address: SocketAddr, number: usize) -> Client {
    let mut client = Client::begin(address, "tester", &format!("r{number}")).await;
    client.join("tea", &format!("n{number}")).await;
    client
}

/// Occupants: one posts, one never reads, some read a kilobyte a second.
const ROOM: usize = 20;
const SLOW: usize = 2;
/// All posts together are more than a mailbox and the system's buffers hold.
const POSTS: usize = 260;
const BODY_BYTES: usize = 60 << 10;
/// Far less than a write to who does not read may take.
const PATIENCE: Duration = Duration::from_secs(20);
