//! Sessions that go from one member of a pool to another (XEP-0198 §5), with everything that they are owed.

use std::time::Duration;

use perch::bus::Bus;
use perch::chat::note::{self, Note};
use perch::store::{Options, Store};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::database;
use crate::member::{Member, OPEN_POOL, sections};
use crate::plain::{Client, OPEN_ROOM, add_accounts, config};

/// Two members, romeo on one and juliet on two, who see one another's presence and are both in a room.
struct Scene {
    store: String,
    one: Member,
    two: Member,
    romeo: Option<Client>,
    juliet: Client,
    /// The id of romeo's session, and how many stanzas he got since it can be resumed.
    id: String,
    count: usize,
}

impl Scene {
    /// `max`: how long romeo's client would like to be able to come back, in seconds.
    async fn start(max: u32) -> Option<Self> {
        let store = database().await?;
        let directory = TempDir::new().unwrap();
        add_accounts(&config(&directory, &sections("nobody", &store)), &["romeo", "juliet"]).await;
        let (one, two) = (Member::start("one", &store).await, Member::start("two", &store).await);
        one.run(OPEN_POOL).await;
        let mut romeo = Client::begin(one.address(), "romeo", "orchard").await;
        let mut juliet = Client::begin(two.address(), "juliet", "balcony").await;
        romeo.send("<presence/>").await;
        romeo.read_until("/orchard'").await;
        juliet.send("<presence/>").await;
        juliet.read_until("/balcony'").await;
        juliet.send("<presence type='subscribe' to='romeo@localhost'/>").await;
        romeo.read_until("type='subscribe'").await;
        romeo.send("<presence type='subscribed' to='juliet@localhost'/>").await;
        juliet.read_until("from='romeo@localhost/orchard'").await;
        let id = romeo.enable(&format!(" max='{max}'")).await;
        romeo.send(JOIN).await;
        let mut came = romeo.read_until("<subject").await;
        romeo.send(OPEN_ROOM).await;
        came += &romeo.read_until("id='open'").await;
        juliet.join("tea", "Juliet").await;
        came += &romeo.read_until("/Juliet'").await;
        Some(Self { store, one, two, romeo: Some(romeo), juliet, id, count: stanzas(&came) })
    }

    async fn romeo_hears(&mut self, text: &str) -> String {
        let reading = self.romeo.as_mut().unwrap().read_until(text);
        let came = timeout(PATIENCE, reading).await.unwrap();
        self.count += stanzas(&came);
        came
    }

    async fn juliet_says(&mut self, id: &str) {
        self.juliet
            .send(&format!(
                "<message to='tea@rooms.localhost' type='groupchat' id='{id}'><body>hi</body></message>"
            ))
            .await;
        self.juliet.read_until(&format!("id='{id}'")).await;
    }

    async fn juliet_writes(&mut self, id: &str) {
        self.juliet
            .send(&format!(
                "<message to='romeo@localhost/orchard' type='chat' id='{id}'><body>hi</body></message>\
                 <iq type='get' id='behind-{id}' to='juliet@localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
            ))
            .await;
        self.juliet.read_until(&format!("id='behind-{id}'")).await;
    }

    /// Romeo's client comes to member two, and says that it has so many of the stanzas that it was sent.
    async fn romeo_comes_to_two(&mut self, h: usize) -> String {
        let mut romeo = Client::sign_in(self.two.address(), "romeo").await;
        romeo.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{}' h='{h}'/>", self.id)).await;
        let resumed = timeout(PATIENCE, romeo.read_until("<resumed")).await.unwrap();
        self.romeo = Some(romeo);
        resumed
    }
}

/// What stands in it, in its order: the ids of messages, and what occupants' presence says.
fn told(text: &str) -> Vec<String> {
    let stanzas = text.split('<').filter(|tag| tag.starts_with("message ") || tag.starts_with("presence "));
    let value = |tag: &str, name: &str| {
        let rest = tag.split(&format!(" {name}='")).nth(1)?;
        Some(rest.split('\'').next().unwrap_or_default().to_owned())
    };
    stanzas
        .map(|tag| match (tag.starts_with("presence"), value(tag, "type")) {
            (true, kind) => format!(
                "{} {}",
                value(tag, "from").unwrap_or_default().rsplit('/').next().unwrap_or_default(),
                kind.as_deref().unwrap_or("available")
            ),
            (false, _) => value(tag, "id").unwrap_or_default(),
        })
        .collect()
}

fn stanzas(text: &str) -> usize {
    let is_one = |tag: &&str| ["message ", "presence ", "iq "].iter().any(|name| tag.starts_with(name));
    text.split('<').filter(is_one).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_resumed_on_another_member_with_nothing_lost_and_nothing_twice() {
    let Some(mut scene) = Scene::start(600).await else { return };
    scene.juliet_says("one").await;
    scene.romeo_hears("id='one'").await;
    let h = scene.count;
    scene.juliet_says("two").await;
    scene.romeo_hears("id='two'").await;
    // He has the first only, and two more come while he is away.
    scene.romeo = None;
    scene.juliet_says("three").await;
    scene.juliet_writes("four").await;

    let resumed = scene.romeo_comes_to_two(h).await;
    assert!(resumed.contains("h='2'"), "the room, and its configuration: {resumed}");
    let came = scene.romeo_hears("id='four'").await;
    assert_eq!(told(&came), ["two", "three", "four"], "{came}");
    // He is inside where he is now, for himself and for all others.
    let post = "<message to='tea@rooms.localhost' type='groupchat' id='five'><body>hi</body></message>";
    scene.romeo.as_mut().unwrap().send(post).await;
    let came = timeout(PATIENCE, scene.juliet.read_until("id='five'")).await.unwrap();
    assert_eq!(told(&came), ["five"], "nobody else notices: {came}");
    scene.juliet_says("six").await;
    scene.juliet_writes("seven").await;
    let came = scene.romeo_hears("id='seven'").await;
    assert_eq!(told(&came), ["five", "six", "seven"], "{came}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_member_sends_its_clients_to_another() {
    let Some(mut scene) = Scene::start(600).await else { return };
    scene.juliet_says("one").await;
    scene.one.run("pool drain").await;
    let came = scene.romeo_hears("</stream:stream>").await;
    assert_eq!(told(&came), ["one"], "{came}");
    assert!(came.contains("streams'>two.example.org</see-other-host>"), "{came}");
    // Whoever is new is sent there too, once it is known who he is.
    let mut new = Client::sign_in(scene.one.address(), "juliet").await;
    let sent = timeout(PATIENCE, new.read_until("</stream:stream>")).await.unwrap();
    assert!(sent.contains("two.example.org</see-other-host>"), "{sent}");

    scene.juliet_says("two").await;
    let h = scene.count;
    scene.romeo_comes_to_two(h).await;
    let came = scene.romeo_hears("id='two'").await;
    assert_eq!(told(&came), ["two"], "{came}");
    // The drained one has nothing of his any more that could be missed.
    scene.one.server.stop().await;
    let post = "<message to='tea@rooms.localhost' type='groupchat' id='three'><body>hi</body></message>";
    scene.romeo.as_mut().unwrap().send(post).await;
    let came = timeout(PATIENCE, scene.juliet.read_until("id='three'")).await.unwrap();
    assert_eq!(told(&came), ["three"], "nobody else notices: {came}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_nobody_comes_for_ends_for_all() {
    let Some(mut scene) = Scene::start(2).await else { return };
    scene.one.run("pool drain").await;
    scene.romeo_hears("</stream:stream>").await;
    scene.romeo = None;
    let came = timeout(PATIENCE, async {
        let first = scene.juliet.read_until("type='unavailable'").await;
        first + &scene.juliet.read_until("type='unavailable'").await
    });
    let mut came = told(&came.await.unwrap());
    came.sort();
    assert_eq!(came, ["Romeo unavailable", "orchard unavailable"]);
}

/// Its member was asked for it and does not have it: that its end could not be written is no reason to look for it for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_end_was_not_written_is_over_all_the_same() {
    let Some(mut scene) = Scene::start(600).await else { return };
    let _other = Client::begin(scene.one.address(), "romeo", "orchard").await;
    let came = scene.romeo_hears("</stream:stream>").await;
    assert!(came.contains("<conflict"), "{came}");
    let mut database = PgConnection::connect(&scene.store).await.unwrap();
    let unwritten = sqlx::query("UPDATE session SET deadline = NULL").execute(&mut database).await.unwrap();
    assert_eq!(unwritten.rows_affected(), 1);
    let mut romeo = Client::sign_in(scene.two.address(), "romeo").await;
    romeo.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{}' h='0'/>", scene.id)).await;
    let failed = timeout(PATIENCE, romeo.read_until("<failed")).await.unwrap();
    assert!(failed.contains(" h='2'"), "the room, and its configuration: {failed}");
}

/// A member asks for it, and is gone before it takes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_left_behind_ends_for_all() {
    let Some(mut scene) = Scene::start(2).await else { return };
    let options = Options { member: "three".into(), lease: Duration::from_secs(60), ..Options::new([0; 32]) };
    let store = Store::open(&scene.store, &options).await.unwrap();
    let me = note::Member { name: "three".into(), incarnation: store.incarnation() };
    let (bus, _heard) = Bus::postgres(store, "moving", me);
    bus.publish(Note::SessionWanted { id: scene.id.clone().into() });
    let came = scene.romeo_hears("</stream:stream>").await;
    assert!(came.contains("<conflict"), "{came}");
    let came = timeout(PATIENCE, async {
        let first = scene.juliet.read_until("type='unavailable'").await;
        first + &scene.juliet.read_until("type='unavailable'").await
    });
    let mut came = told(&came.await.unwrap());
    came.sort();
    assert_eq!(came, ["Romeo unavailable", "orchard unavailable"]);
}

const JOIN: &str =
    "<presence to='tea@rooms.localhost/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>";
const PATIENCE: Duration = Duration::from_secs(20);
