//! One-to-one messages between clients of SIP and of XMPP.

use super::Scene;
use super::client::{Client, body, header};
use super::plain;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_write_to_one_another_whatever_they_use() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.send("<presence/>").await;
    alice.read_until("<presence").await;
    let mut bob = Client::register(scene.sip(), "bob").await;

    assert_eq!(bob.say("sip:alice@localhost", "1 < 2").await, "SIP/2.0 200 OK");
    let received = alice.read_until("</message>").await;
    assert!(received.contains("from='bob@localhost/"), "{received}");
    assert!(received.contains("<body>1 &lt; 2</body><thread>c-bob</thread>"), "{received}");

    alice.send("<message to='bob@localhost' type='chat' id='a1'><body>indeed</body></message>").await;
    let message = bob.message().await;
    assert_eq!(body(&message), "indeed");
    assert!(message.starts_with("MESSAGE sip:bob@192.0.2.7:40000;transport=tcp SIP/2.0\r\n"), "{message}");
    assert!(header(&message, "From").unwrap().starts_with("<sip:alice@localhost;gr=desk>;tag="), "{message}");
    assert_eq!(header(&message, "To"), Some("<sip:bob@localhost>"));
    assert_eq!(header(&message, "Content-Type"), Some("text/plain;charset=UTF-8"));
    assert_eq!(header(&message, "Date"), None);

    bob.verdict = "486 Busy Here";
    alice.send("<message to='bob@localhost' type='chat' id='a2'><body>really</body></message>").await;
    assert_eq!(body(&bob.message().await), "really");
    let error = alice.read_until("</message>").await;
    assert!(error.contains("id='a2'") && error.contains("<recipient-unavailable"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_before_waits_with_its_time() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.enable("").await;
    alice
        .send(
            "<message to='bob@localhost' type='chat'><body>later</body></message><r xmlns='urn:xmpp:sm:3'/>",
        )
        .await;
    alice.read_until("<a ").await;
    let mut bob = Client::register(scene.sip(), "bob").await;
    let message = bob.message().await;
    assert_eq!(body(&message), "later");
    assert!(header(&message, "Date").unwrap().ends_with(" GMT"), "{message}");

    // It was taken: nobody gets it again.
    let removed = bob.ask("REGISTER", "sip:localhost", "Contact: *\r\nExpires: 0\r\n", "").await;
    assert!(removed.starts_with("SIP/2.0 200 "), "{removed}");
    let mut again = Client::register(scene.sip(), "bob").await;
    alice.send("<message to='bob@localhost' type='chat'><body>now</body></message>").await;
    assert_eq!(body(&again.message().await), "now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_refused_with_the_reason() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Client::register(scene.sip(), "bob").await;
    assert_eq!(bob.say("sip:nobody@localhost", "hi").await, "SIP/2.0 403 Forbidden");
    assert_eq!(bob.say("sip:localhost", "hi").await, "SIP/2.0 404 Not Found");
    assert_eq!(
        bob.say("sip:bob@localhost", &"x".repeat((64 << 10) + 1)).await,
        "SIP/2.0 413 Request Entity Too Large"
    );
    let response = bob.ask("MESSAGE", "sip:bob@localhost", "Content-Type: text/html\r\n", "hi").await;
    assert!(response.starts_with("SIP/2.0 415 "), "{response}");
    assert_eq!(header(&response, "Accept"), Some("text/plain"));
}

/// Whoever lost the connection before the answer came sends the same request on the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_is_said_once() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.send("<presence/>").await;
    alice.read_until("<presence").await;
    for _ in 0..2 {
        let mut bob = Client::register(scene.sip(), "bob").await;
        assert_eq!(bob.say("sip:alice@localhost", "once").await, "SIP/2.0 200 OK");
    }
    let mut bob = Client::register(scene.sip(), "bob").await;
    bob.ask("OPTIONS", "sip:localhost", "", "").await;
    assert_eq!(bob.say("sip:alice@localhost", "twice").await, "SIP/2.0 200 OK");
    assert!(alice.read_until("</message>").await.contains("once"));
    assert!(alice.read_until("</message>").await.contains("twice"));
}
