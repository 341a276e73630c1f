//! Who somebody is, and where he is reached.

use super::Scene;
use super::client::{Client, header};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_proved_listed_renewed_and_taken_back() {
    let scene = Scene::start(&["alice"]).await;
    let mut client = Client::connect(scene.sip(), "alice").await;
    let contact = client.contact(600);
    let challenge = client.ask("REGISTER", "sip:localhost", &contact, "").await;
    let wrong = client.proof(&challenge, "REGISTER", "sip:localhost", "wrong");
    let refused = client.ask("REGISTER", "sip:localhost", &format!("{contact}{wrong}"), "").await;
    assert!(refused.starts_with("SIP/2.0 401 ") && !refused.contains("stale"), "{refused}");

    let proof = client.proof(&refused, "REGISTER", "sip:localhost", "secret");
    let registered = client.ask("REGISTER", "sip:localhost", &format!("{contact}{proof}"), "").await;
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let listed = "<sip:alice@192.0.2.7:40000;transport=tcp>;expires=";
    assert!(header(&registered, "Contact").unwrap().starts_with(listed), "{registered}");

    let fetched = client.ask("REGISTER", "sip:localhost", "", "").await;
    assert!(header(&fetched, "Contact").unwrap().starts_with(listed), "{fetched}");
    let brief = client.ask("REGISTER", "sip:localhost", &client.contact(59), "").await;
    assert!(brief.starts_with("SIP/2.0 423 "), "{brief}");
    assert_eq!(header(&brief, "Min-Expires"), Some("60"));
    let renewed = client.ask("REGISTER", "sip:localhost", &client.contact(7200), "").await;
    assert!(header(&renewed, "Contact").unwrap().starts_with(&format!("{listed}3")), "{renewed}");

    let removed = client.ask("REGISTER", "sip:localhost", "Contact: *\r\nExpires: 0\r\n", "").await;
    assert!(removed.starts_with("SIP/2.0 200 "), "{removed}");
    assert_eq!(header(&removed, "Contact"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_overheard_proves_nothing() {
    let scene = Scene::start(&["alice"]).await;
    let mut client = Client::connect(scene.sip(), "alice").await;
    let challenge = client.ask("REGISTER", "sip:localhost", "", "").await;
    let proof = client.proof(&challenge, "REGISTER", "sip:localhost", "secret");

    let mut other = Client::connect(scene.sip(), "alice").await;
    let stale = other.ask("REGISTER", "sip:localhost", &proof, "").await;
    assert!(stale.starts_with("SIP/2.0 401 ") && stale.contains("stale=true"), "{stale}");
    let proof = other.proof(&stale, "REGISTER", "sip:localhost", "secret");
    let registered = other.ask("REGISTER", "sip:localhost", &proof, "").await;
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_has_a_public_address_and_takes_its_former_flow_over() {
    let scene = Scene::start(&["alice"]).await;
    let device = "Contact: <sip:alice@192.0.2.7>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n\
                  Supported: gruu, outbound\r\n";
    let mut first = Client::connect(scene.sip(), "alice").await;
    let registered = first.ask_proven("REGISTER", "sip:localhost", device).await;
    let contact = header(&registered, "Contact").unwrap();
    assert!(contact.contains(";pub-gruu=\"sip:alice@localhost;gr=urn:uuid:1\""), "{registered}");
    assert_eq!(header(&registered, "Require"), Some("outbound"));
    assert_eq!(header(&registered, "Flow-Timer"), Some("120"));

    let mut second = Client::connect(scene.sip(), "alice").await;
    let registered = second.ask_proven("REGISTER", "sip:localhost", device).await;
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert_eq!(second.say("sip:alice@localhost;gr=urn:uuid:1", "to myself").await, "SIP/2.0 200 OK");
    assert!(second.message().await.ends_with("to myself"));
}
