//! What is answered without anybody having signed in.

use super::Scene;
use super::client::{Client, header};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_told_what_there_is_and_what_there_is_not() {
    let scene = Scene::start(&[]).await;
    let mut client = Client::connect(scene.sip(), "alice").await;
    for uri in ["sip:localhost", "sip:127.0.0.1:5061;transport=tcp", "sip:tea@rooms.localhost"] {
        let response = client.ask("OPTIONS", uri, "", "").await;
        assert!(response.starts_with("SIP/2.0 200 OK"), "{response}");
        assert_eq!(
            header(&response, "Allow"),
            Some("OPTIONS, REGISTER, MESSAGE, INVITE, ACK, CANCEL, BYE, INFO, UPDATE, SUBSCRIBE")
        );
        assert_eq!(header(&response, "Allow-Events"), Some("vnd-microsoft-provisioning-v2"));
        assert_eq!(header(&response, "Accept"), Some("text/plain, application/sdp"));
        assert_eq!(header(&response, "Supported"), Some("path, outbound, gruu, timer"));
        assert!(header(&response, "To").unwrap().contains(";tag="), "{response}");
    }
    for (method, uri, headers, expected) in [
        ("INFO", "sip:localhost", "", "481"),
        ("BYE", "sip:ocschat@localhost", "", "481"),
        ("CANCEL", "sip:ocschat@localhost", "", "481"),
        ("SUBSCRIBE", "sip:bob@localhost", "Event: presence\r\n", "489"),
        (
            "SUBSCRIBE",
            "sip:alice@localhost",
            "Event: vnd-microsoft-provisioning-v2\r\nSupported: ms-piggyback-first-notify\r\n",
            "401",
        ),
        ("SERVICE", "sip:alice@localhost", "", "405"),
        ("PUBLISH", "sip:alice@localhost", "", "405"),
        ("DANCE", "sip:localhost", "", "405"),
        ("OPTIONS", "sip:elsewhere.example", "", "404"),
        ("OPTIONS", "sips:localhost", "", "416"),
        ("OPTIONS", "sip:localhost", "Require: 100rel\r\n", "420"),
        ("MESSAGE", "sip:bob@localhost", "Content-Type: text/plain\r\n", "401"),
        ("REGISTER", "sip:localhost", "", "401"),
    ] {
        let response = client.ask(method, uri, headers, "").await;
        assert!(response.starts_with(&format!("SIP/2.0 {expected} ")), "{method} {uri}: {response}");
    }
    client.send("\r\n\r\n").await;
    client.expect(b"\r\n").await;
    scene.server.stop().await;
    client.expect_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_end_ends_the_connection() {
    let scene = Scene::start(&[]).await;
    let mut client = Client::connect(scene.sip(), "alice").await;
    client
        .send(
            "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:localhost>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
        )
        .await;
    assert!(client.next().await.starts_with("SIP/2.0 400 "));
    client.expect_end().await;
}

/// An INVITE that is refused has an ACK, which is part of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_refused_once() {
    let scene = Scene::start(&[]).await;
    let mut client = Client::connect(scene.sip(), "alice").await;
    let response = client.ask("INVITE", "sip:bob@localhost", "", "").await;
    assert!(response.starts_with("SIP/2.0 488 "), "{response}");
    let to = header(&response, "To").unwrap();
    client
        .send(&format!(
            "ACK sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7:40000;branch=z9hG4bKalice1\r\n\
             From: <sip:alice@localhost>;tag=t\r\nTo: {to}\r\nCall-ID: c-alice\r\nCSeq: 1 ACK\r\n\
             Content-Length: 0\r\n\r\n"
        ))
        .await;
    let response = client.ask("OPTIONS", "sip:localhost", "", "").await;
    assert!(response.starts_with("SIP/2.0 200 "), "{response}");
}
