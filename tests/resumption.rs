//! A client whose connection breaks while what it said is on its way to the store, and which is back before it is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/plain.rs"]
mod plain;

use std::net::SocketAddr;
use std::time::Duration;

use perch::listener::Kind;
use perch::server::{self, Server};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::time::timeout;

use plain::{Client, OPEN_ROOM, add_accounts, config};

struct Scene {
    directory: TempDir,
    server: Server,
}

/// Whoever writes in the store beside the server keeps the server from it.
struct Hold(SqliteConnection);

impl Scene {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let config = config(&directory, "");
        add_accounts(&config, &["tester"]).await;
        Self { directory, server: server::start(config).await.unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.server.address(Kind::Plain).unwrap()
    }

    /// A client in a room, whose stanzas are counted from now on, and the id to come back with.
    async fn client(&self) -> (Client, String) {
        let mut client = Client::begin(self.address(), "tester", "desk").await;
        client.join("tea", "tester").await;
        client.send(OPEN_ROOM).await;
        client.read_until("id='open'").await;
        let id = client.enable("").await;
        (client, id)
    }

    /// The client is back, and has so much of what was sent to it; what the server says that it has handled.
    async fn resume(&self, id: &str, seen: u32) -> (Client, String) {
        let mut client = Client::sign_in(self.address(), "tester").await;
        client.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{seen}'/>")).await;
        let resumed = client.read_until("<resumed").await;
        (client, resumed)
    }

    async fn hold(&self) -> Hold {
        let file = self.directory.path().join("data/perch.db");
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        Hold(connection)
    }
}

impl Hold {
    async fn release(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_a_resumption_is_written_once_and_counted_once() {
    let scene = Scene::start().await;
    let mut first = Client::begin(scene.address(), "tester", "desk").await;
    let id = first.enable("").await;
    // Two stanzas: the room, and its configuration.
    first.join("tea", "tester").await;
    first.send(OPEN_ROOM).await;
    first.read_until("id='open'").await;

    let hold = scene.hold().await;
    // The question behind the post is answered when the post is settled: now it is read, and no more.
    first.send(POST).await;
    first.send("<iq type='get' id='read' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    first.read_until("id='read'").await;
    drop(first);

    let mut second = Client::sign_in(scene.address(), "tester").await;
    // Presence with its subject, and two answers: what came before `enable` does not count.
    second.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")).await;
    let early = timeout(Duration::from_millis(300), second.read_until("<resumed")).await;
    assert!(early.is_err(), "resumed before it is known what was handled: {early:?}");
    hold.release().await;
    let resumed = second.read_until("<resumed").await;
    assert!(resumed.contains(" h='4'"), "four stanzas were handled: {resumed}");
}

/// XEP-0198 §4: to count a stanza is to answer for it. For one that could not be taken the server answers with an error,
/// and a client that never got that is not told that all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_taken_is_not_counted_before_the_client_knows() {
    let scene = Scene::start().await;
    let (mut first, id) = scene.client().await;

    let hold = scene.hold().await;
    first.send(POST).await;
    first.read_until("type='error'").await;
    hold.release().await;
    // It is gone before it has said that it has the error.
    drop(first);

    let (mut second, resumed) = scene.resume(&id, 0).await;
    assert!(resumed.contains(" h='0'"), "nothing was handled: {resumed}");
    second.send(POST).await;
    let came = second.read_until("id='post'").await;
    assert!(
        came.contains("from='tea@rooms.localhost/tester'"),
        "it is said, and the error is no more: {came}"
    );
    // Whoever has the error is told that it was handled.
    let _hold = scene.hold().await;
    second.send(&POST.replace("'post'", "'again'")).await;
    second.read_until("type='error'").await;
    second.send("<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='2'/>").await;
    second.read_until("<a xmlns='urn:xmpp:sm:3' h='2'").await;
}

/// The count is one for all: behind something that was not handled everything is sent again, also what its author knows
/// was refused. He has his answer, and another would be one too many; done it may not be at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_to_its_authors_knowledge_is_not_done_when_it_comes_again() {
    const ELSEWHERE: &str =
        "<message to='den@rooms.localhost' type='groupchat' id='elsewhere'><body>hi</body></message>";
    let scene = Scene::start().await;
    let (mut first, id) = scene.client().await;

    let hold = scene.hold().await;
    first.send(POST).await;
    first.send(ELSEWHERE).await;
    first.read_until("id='elsewhere' type='error'").await;
    drop(first);

    // The first is refused only now, and its author, who has the other's error, does not know.
    let (mut second, resumed) = scene.resume(&id, 1).await;
    assert!(resumed.contains(" h='0'"), "nothing was handled: {resumed}");
    hold.release().await;
    second.send(&format!("{POST}{ELSEWHERE}<r xmlns='urn:xmpp:sm:3'/>")).await;
    let came = second.read_until("<a xmlns='urn:xmpp:sm:3' h='2'").await;
    assert!(came.contains("from='tea@rooms.localhost/tester'"), "the first is said: {came}");
    assert!(!came.contains("elsewhere"), "the other is neither said nor refused once more: {came}");
}

/// What was said later is there already: to say this now would turn the order round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_not_done_behind_what_came_after_it() {
    let scene = Scene::start().await;
    let (mut first, id) = scene.client().await;

    let hold = scene.hold().await;
    first.send(POST).await;
    first.read_until("type='error'").await;
    hold.release().await;
    let later = POST.replace("'post'", "'later'");
    first.send(&later).await;
    first.read_until("id='later'").await;
    drop(first);

    for _ in 0..2 {
        let (mut next, resumed) = scene.resume(&id, 0).await;
        assert!(resumed.contains(" h='0'"), "the first was not handled: {resumed}");
        next.send(&format!("{POST}{later}<r xmlns='urn:xmpp:sm:3'/>")).await;
        let came = next.read_until("<a xmlns='urn:xmpp:sm:3'").await;
        assert!(came.contains("id='post' type='error'"), "the error comes again: {came}");
        assert_eq!(came.matches("id='post'").count(), 1, "and nothing else of it: {came}");
        // It is gone once more before it has said that it has the error.
    }
    let (_last, resumed) = scene.resume(&id, 1).await;
    assert!(resumed.contains(" h='2'"), "now it knows of both: {resumed}");
}

const POST: &str = "<message to='tea@rooms.localhost' type='groupchat' id='post'><body>hi</body></message>";
