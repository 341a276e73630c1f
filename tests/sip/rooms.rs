//! Rooms, used by MESSAGE alone.

use super::Scene;
use super::client::{Client, body, header};
use super::plain::{self, OPEN_ROOM};

const ROOM: &str = "sip:tea@rooms.localhost";
const OK: &str = "SIP/2.0 200 OK";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_a_room_in_one_order() {
    let scene = Scene::start(&["alice", "bob", "carol"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.join("tea", "Alice").await;
    alice.send(OPEN_ROOM).await;
    alice.read_until("id='open'").await;
    let mut bob = Client::register(scene.sip(), "bob").await;
    let mut carol = Client::register(scene.sip(), "carol").await;
    assert_eq!(bob.say(ROOM, "#join").await, OK);
    assert_eq!(carol.say(ROOM, "#join").await, OK);

    for number in 0..POSTS {
        alice
            .send(&format!(
                "<message to='tea@rooms.localhost' type='groupchat'><body>a{number}</body></message>"
            ))
            .await;
        assert_eq!(bob.say(ROOM, &format!("b{number}")).await, OK);
    }
    let (mut seen, mut heard, mut told) = (Vec::new(), Vec::new(), Vec::new());
    while seen.len() < 2 * POSTS {
        let text = alice.read_until("</message>").await;
        let post = text.split("<body>").nth(1).and_then(|rest| rest.split("</body>").next());
        seen.extend(post.map(str::to_owned));
    }
    while heard.len() < 2 * POSTS {
        let message = carol.message().await;
        let (nick, post) = body(&message).split_once(": ").unwrap();
        let from = format!("\"{nick}\" <{ROOM}>;tag=");
        assert!(header(&message, "From").unwrap().starts_with(&from), "{message}");
        heard.push(post.to_owned());
    }
    // Who posted is not sent his own.
    while told.len() < POSTS {
        told.push(body(&bob.message().await).strip_prefix("Alice: ").unwrap().to_owned());
    }
    assert_eq!(heard, seen);
    let of_alice: Vec<_> = seen.iter().filter(|post| post.starts_with('a')).cloned().collect();
    assert_eq!(told, of_alice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hides_what_he_says_behind_the_id_of_another() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.join("tea", "Alice").await;
    alice.send(OPEN_ROOM).await;
    alice.read_until("id='open'").await;
    let mut bob = Client::register(scene.sip(), "bob").await;
    assert_eq!(bob.say(ROOM, "#join").await, OK);
    assert_eq!(bob.say(ROOM, "mine").await, OK);
    let heard = alice.read_until("id='sip-").await;
    let id = heard.rsplit("id='sip-").next().and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    alice
        .send(&format!(
            "<message to='tea@rooms.localhost' type='groupchat' id='sip-{id}'><body>his</body></message>"
        ))
        .await;
    assert_eq!(body(&bob.message().await), "Alice: his");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_do_what_the_rights_of_the_room_let_them() {
    let scene = Scene::start(&["bob", "carol"]).await;
    let mut bob = Client::register(scene.sip(), "bob").await;
    let mut carol = Client::register(scene.sip(), "carol").await;
    assert_eq!(bob.say(ROOM, "too early").await, "SIP/2.0 404 Not Found");
    assert_eq!(bob.say(ROOM, "#create").await, OK);
    assert_eq!(bob.say(ROOM, "first").await, OK);
    assert_eq!(carol.say(ROOM, "not inside").await, "SIP/2.0 406 Not Acceptable");

    assert_eq!(carol.say(ROOM, "#join").await, OK);
    let past = carol.message().await;
    assert_eq!(body(&past), "bob: first");
    assert!(header(&past, "Date").unwrap().ends_with(" GMT"), "{past}");
    assert_eq!(carol.say(ROOM, "#members").await, OK);
    assert_eq!(body(&carol.message().await), "In the room:\nbob\ncarol");
    assert_eq!(carol.say(ROOM, "#rooms").await, OK);
    assert_eq!(body(&carol.message().await), "Rooms:\nsip:tea@rooms.localhost");
    assert_eq!(carol.say(ROOM, "#help").await, OK);
    assert!(body(&carol.message().await).starts_with("#join "));
    assert_eq!(carol.say(ROOM, "#dance").await, OK);
    assert!(body(&carol.message().await).starts_with("There is no command #dance."));
    assert_eq!(carol.say(&format!("{ROOM};gr=bob"), "psst").await, OK);
    let whisper = bob.message().await;
    assert_eq!(body(&whisper), "psst");
    assert!(header(&whisper, "From").unwrap().contains(&format!("<{ROOM};gr=carol>")), "{whisper}");

    assert_eq!(carol.say(ROOM, "#remove bob").await, "SIP/2.0 403 Forbidden");
    assert_eq!(carol.say(ROOM, "#destroy").await, "SIP/2.0 403 Forbidden");
    assert_eq!(bob.say(ROOM, "#remove carol").await, OK);
    assert_eq!(body(&carol.message().await), "You were removed from this room.");
    assert_eq!(carol.say(ROOM, "gone").await, "SIP/2.0 406 Not Acceptable");
    assert_eq!(bob.say(ROOM, "#invite carol@localhost").await, OK);
    assert!(body(&carol.message().await).starts_with("sip:bob@localhost invites you to this room."));
    assert_eq!(carol.say(ROOM, "#join").await, OK);
    assert_eq!(body(&carol.message().await), "bob: first");
    assert_eq!(carol.say(ROOM, "#leave").await, OK);
    assert_eq!(bob.say(ROOM, "#destroy").await, OK);
    assert_eq!(body(&bob.message().await), "This room was destroyed.");
}

const POSTS: usize = 20;
