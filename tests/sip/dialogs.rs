//! Dialogs: how they begin, what belongs to them, and how they end.

use super::Scene;
use super::chat::{CONTACT, Chat, SDP};
use super::client::{body, header};
use super::plain::{self, OPEN_ROOM};

const OFFER: &str = "Content-Type: application/sdp\r\n";

fn check(response: &str, status: &str) {
    assert!(response.starts_with(&format!("SIP/2.0 {status} ")), "{status}: {response}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_begins_is_refreshed_and_ends() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Chat::connect(&scene, "bob").await;
    let accepted = bob.invite().await;
    assert!(header(&accepted, "To").unwrap().contains(";tag="), "{accepted}");
    let contact = "<sip:GC-1-PersistentChatService-1@localhost;transport=tcp>";
    assert_eq!(header(&accepted, "Contact"), Some(contact));
    assert_eq!(header(&accepted, "Session-Expires"), Some("300;refresher=uas"));
    assert!(header(&accepted, "Allow").unwrap().contains("UPDATE"), "{accepted}");
    assert!(body(&accepted).contains("m=message 5060 sip null\r\n"), "{accepted}");

    let refreshed = bob.ask("UPDATE", "", "").await;
    check(&refreshed, "200");
    assert_eq!(header(&refreshed, "Session-Expires"), Some("300;refresher=uas"));
    check(&bob.ask("OPTIONS", "", "").await, "200");
    let timer = "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n";
    let refreshed = bob.ask("UPDATE", timer, "").await;
    assert_eq!(header(&refreshed, "Session-Expires"), Some("120;refresher=uac"));
    assert_eq!(header(&refreshed, "Require"), Some("timer"));
    let brief = bob.ask("UPDATE", "Supported: timer\r\nSession-Expires: 60\r\n", "").await;
    check(&brief, "422");
    assert_eq!(header(&brief, "Min-SE"), Some("90"));
    check(&bob.ask("UPDATE", OFFER, "v=0\r\nm=audio 7 RTP/AVP 0\r\n").await, "488");
    let again = bob.ask("INVITE", &format!("{OFFER}{CONTACT}"), SDP).await;
    check(&again, "200");
    bob.acknowledge().await;

    bob.set_number(0);
    check(&bob.ask("INFO", "", "").await, "500");
    bob.set_number(100);
    check(&bob.ask("INFO", "", "").await, "200");
    check(&bob.ask("BYE", "", "").await, "200");
    let gone = bob.ask("INFO", "", "").await;
    check(&gone, "481");
    assert!(header(&gone, "ms-diagnostics").unwrap().starts_with("20006;reason="), "{gone}");
    check(&bob.ask("BYE", "", "").await, "481");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_agreed_on_is_refused() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Chat::connect(&scene, "bob").await;
    let offer = format!("{OFFER}{CONTACT}");
    for (headers, offered, status) in [
        (&*offer, "v=0\r\nm=audio 7 RTP/AVP 0\r\n", "488"),
        (&*format!("Content-Type: text/plain\r\n{CONTACT}"), "hi", "415"),
        (&*format!("{offer}Supported: timer\r\nSession-Expires: 30\r\n"), SDP, "422"),
        (&*format!("{offer}Require: 100rel\r\n"), SDP, "420"),
        (OFFER, SDP, "400"),
    ] {
        let response = bob.ask("INVITE", headers, offered).await;
        check(&response, status);
        bob.set_to(&response);
        bob.acknowledge().await;
        bob.turn_to(&format!("behind {status}").replace(' ', "-"));
    }
    bob.invite().await;
    check(&bob.ask("BYE", "", "").await, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_can_be_taken_back_before_it_is_accepted() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Chat::connect(&scene, "bob").await;
    let invite = bob.text("INVITE", 1, &format!("{OFFER}{CONTACT}"), SDP);
    let cancel = bob.text("CANCEL", 1, "", "");
    bob.send(&format!("{invite}{cancel}")).await;
    check(&bob.response("1 CANCEL").await, "200");
    let terminated = bob.response("1 INVITE").await;
    check(&terminated, "487");
    bob.set_to(&terminated);
    bob.set_number(1);
    bob.acknowledge().await;

    bob.turn_to("second");
    bob.invite().await;
    let late = bob.text("CANCEL", 1, "", "");
    bob.send(&late).await;
    check(&bob.response("1 CANCEL").await, "200");
    check(&bob.ask("INFO", "", "").await, "200");
    let unknown = bob.text("CANCEL", 99, "", "");
    bob.send(&unknown).await;
    check(&bob.response("99 CANCEL").await, "481");
}

/// By whatever transport: proxies on the way need not repeat a 2xx.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_is_said_until_it_is_heard() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Chat::connect(&scene, "bob").await;
    let first = bob.ask("INVITE", &format!("{OFFER}{CONTACT}"), SDP).await;
    check(&first, "200");
    assert_eq!(bob.response("1 INVITE").await, first);
    bob.set_to(&first);
    bob.acknowledge().await;
    check(&bob.ask("BYE", "", "").await, "200");
}

/// What tells the dialog are its tags: a proxy on the way may say of its users what it likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_is_known_by_its_dialog() {
    let scene = Scene::start(&["bob"]).await;
    let mut bob = Chat::connect(&scene, "bob").await;
    let accepted = bob.ask("INVITE", &format!("{OFFER}{CONTACT}"), SDP).await;
    bob.set_to(&accepted);
    let acknowledgement =
        bob.text("ACK", 1, "", "").replace("sip:bob@localhost", "sip:bob.b@elsewhere.example");
    bob.send(&acknowledgement).await;
    // Nothing is said in a dialog before it is acknowledged.
    assert!(bob.command("requri", "").await.contains("code='200'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_leaves_his_rooms() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.join("tea", "Alice").await;
    alice.send(OPEN_ROOM).await;
    alice.read_until("id='open'").await;
    let join = "<chanid key=\"0\" domain=\"rooms.localhost\" value=\"tea\"/>";
    let mut bob = Chat::begin(&scene, "bob").await;
    assert!(bob.command("join", join).await.contains("code='200'"));
    alice.read_until("from='tea@rooms.localhost/bob'").await;
    check(&bob.ask("BYE", "", "").await, "200");
    alice.read_until("from='tea@rooms.localhost/bob' type='unavailable'").await;

    // A client that has another dialog meanwhile says so when it is told something in the old one.
    bob.turn_to("stale");
    bob.invite().await;
    assert!(bob.command("join", join).await.contains("code='200'"));
    alice.read_until("from='tea@rooms.localhost/bob'").await;
    bob.verdict = "487 Request Terminated";
    alice.send("<message to='tea@rooms.localhost' type='groupchat'><body>hi</body></message>").await;
    assert!(bob.told().await.contains("<chat>hi</chat>"));
    alice.read_until("from='tea@rooms.localhost/bob' type='unavailable'").await;
    check(&bob.ask("INFO", "", "").await, "481");

    bob.turn_to("last");
    bob.verdict = "200 OK";
    bob.invite().await;
    scene.server.stop().await;
    let bye = bob.other().await;
    assert!(bye.starts_with("BYE sip:x@localhost:40000;maddr=192.0.2.7;transport=tcp SIP/2.0\r\n"), "{bye}");
}
