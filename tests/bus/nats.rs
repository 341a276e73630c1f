//! Over NATS.

use std::path::Path;
use std::time::{Duration, Instant};

use perch::bus::options::{Identity, Nats};
use perch::bus::{Bus, BusError};

use crate::log::Log;
use crate::nats_server::NatsServer;
use crate::{Station, Word, check_no_silent_loss, check_order, member, note};

async fn join(options: &Nats, name: &str) -> Station {
    Station::new(Bus::nats(options, "test", member(name)).await.unwrap())
}

#[tokio::test]
async fn everything_is_heard_once_and_in_order() {
    let Some(server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    check_order(&mut one, &mut two).await;
}

#[tokio::test]
async fn nobody_hears_what_another_is_told_or_what_another_pool_says() {
    let Some(server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    let (mut three, other) = (
        join(&options, "three").await,
        Station::new(Bus::nats(&options, "other", member("four")).await.unwrap()),
    );
    for station in [&mut one, &mut two, &mut three] {
        station.meet(2).await;
    }
    other.bus.publish(note(1));
    other.bus.flush().await;
    one.bus.tell("two", note(2));
    one.bus.publish(note(3));
    assert_eq!(three.until(3).await, []);
    assert_eq!(two.until(3).await, [Word::Note(2)]);
}

#[tokio::test]
async fn a_killed_server_is_a_gap_and_then_all_goes_on() {
    let Some(mut server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    one.meet(1).await;
    two.meet(1).await;
    for round in 0..3 {
        let first = round * 1000 + 1;
        for id in first..first + 400 {
            one.bus.publish(note(id));
            if id % 50 == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if id == first + 200 {
                server.kill();
            }
        }
        server.restart();
        two.until_gap().await;
        one.until_gap().await;
        // The link of the one may be back later than that of the other.
        two.meet(1).await;
        let last = first + 500;
        one.bus.publish(note(last));
        let words = two.until(last).await;
        assert!(
            words
                .iter()
                .all(|word| matches!(word, Word::Gap) || matches!(word, Word::Note(id) if *id < last))
        );
    }
}

#[tokio::test]
async fn what_was_lost_is_missed() {
    let Some(mut server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    one.meet(1).await;
    two.meet(1).await;
    let publishing = async {
        for id in 1..=600 {
            one.bus.publish(note(id));
            if id % 7 == 0 {
                one.bus.tell("two", note(1000 + id));
            }
            if id % 150 == 0 {
                server.restart();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    publishing.await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    one.bus.publish(note(5000));
    let words = two.until(5000).await;
    let all: Vec<_> =
        words.iter().copied().filter(|word| !matches!(word, Word::Note(id) if *id > 1000)).collect();
    check_no_silent_loss(&all, 1, 600);
    assert!(all.len() > 300, "most arrives: {}", all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_listen_gets_a_gap_and_holds_up_nobody() {
    let Some(server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    let mut three = join(&options, "three").await;
    for station in [&mut one, &mut two, &mut three] {
        station.meet(2).await;
    }
    // Turn by turn, so that each is a message of its own. Three listens, two does not.
    let publishing = async {
        for id in 1..=20_000 {
            one.bus.publish(note(2 * id));
            one.bus.tell("two", note(2 * id + 1));
            if id % 100 == 0 {
                one.bus.flush().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let listening = async {
        let words = three.until(40_000).await;
        assert_eq!(words.len(), 19_999, "{:?}", words.iter().filter(|word| **word == Word::Gap).count());
    };
    tokio::join!(publishing, listening);
    // Said again and again: what came while nobody listened did not fit any more.
    let publishing = async {
        loop {
            one.bus.publish(note(50_000));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let words = tokio::select! {
        () = publishing => unreachable!(),
        words = two.until(50_000) => words,
    };
    check_no_silent_loss(&words, 2, 40_001);
    assert!(words.contains(&Word::Gap) && words.len() < 40_000);
}

#[tokio::test]
async fn publishing_never_waits_and_what_is_too_much_is_missed() {
    let Some(mut server) = NatsServer::stopped(&[]) else { return };
    let options = server.options("nats", "");
    let mut two = join(&options, "two").await;
    let mut one = join(&options, "one").await;
    let begun = Instant::now();
    for id in 1..=100_000 {
        one.bus.publish(note(id));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.restart();
    one.meet(1).await;
    one.bus.publish(note(200_000));
    let words = two.until(200_000).await;
    let heard = words.iter().filter(|word| **word != Word::Gap).count();
    // One of the connection, which does not count, and one of what was lost.
    let gaps = words.len() - heard;
    assert!(gaps >= 2 && heard < 100_000, "{heard} heard, {gaps} gaps");
}

#[tokio::test]
async fn a_bus_that_is_not_there_yet_is_a_warning_and_works_later() {
    let Some(mut server) = NatsServer::stopped(&[]) else { return };
    let log = Log::new();
    let options = server.options("nats", "ann:secret@");
    let begun = Instant::now();
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    assert!(begun.elapsed() < Duration::from_secs(1));
    log.says(&["the bus is not reached, and tried again", &server.host()]).await;
    server.restart();
    one.meet(1).await;
    two.meet(1).await;
    log.says(&["the bus is reached", &server.host()]).await;
    assert!(!log.text().contains("secret"));
}

#[tokio::test]
async fn wrong_credentials_are_said_in_words() {
    let Some(server) = NatsServer::start(&["--user", "ann", "--pass", "right"]) else { return };
    let log = Log::new();
    let _wrong = join(&server.options("nats", "ann:wr0ng@"), "one").await;
    log.says(&["the bus refuses our credentials: look at bus.url", &server.host()]).await;
    assert!(!log.text().contains("wr0ng"));
    let right = server.options("nats", "ann:right@");
    let (mut one, mut two) = (join(&right, "one").await, join(&right, "two").await);
    one.meet(1).await;
    two.meet(1).await;
}

#[tokio::test]
async fn tls_is_spoken_and_both_ends_are_known() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name).display().to_string();
    certify(place.path());
    let arguments = [
        "--tls",
        "--tlsverify",
        "--tlscert",
        &file("server.pem"),
        "--tlskey",
        &file("server.key"),
        "--tlscacert",
        &file("ca.pem"),
    ];
    let Some(server) = NatsServer::start(&arguments) else { return };
    let mut options = server.options("tls", "");
    options.authorities = Some(file("ca.pem").into());
    let log = Log::new();
    let _anonymous = join(&options, "zero").await;
    log.says(&["the bus is not reached, and tried again", &server.host()]).await;
    options.identity =
        Some(Identity { certificate: file("client.pem").into(), key: file("client.key").into() });
    let (mut one, mut two) = (join(&options, "one").await, join(&options, "two").await);
    check_order(&mut one, &mut two).await;
}

/// An authority with a server and a client.
fn certify(place: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let write = |name: &str, text: String| std::fs::write(place.join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        write(&format!("{name}.pem"), params.signed_by(&key, &issuer).unwrap().pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
}

#[tokio::test]
async fn files_that_are_not_what_they_should_be_are_named() {
    let Some(server) = NatsServer::stopped(&[]) else { return };
    let place = tempfile::tempdir().unwrap();
    let empty = place.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let refused =
        async |options: Nats| Bus::nats(&options, "test", member("one")).await.map(drop).unwrap_err();

    let mut options = server.options("tls", "");
    options.authorities = Some("/nowhere/ca.pem".into());
    let error = refused(options.clone()).await.to_string();
    assert!(error.starts_with("the bus needs /nowhere/ca.pem, which cannot be read: "), "{error}");
    options.authorities = Some(empty.clone());
    assert!(matches!(refused(options.clone()).await, BusError::NoPem { path } if path == empty));
    options.authorities = None;
    options.credentials = Some(empty.clone());
    assert!(matches!(refused(options).await, BusError::File { path, .. } if path == empty));
}

#[tokio::test]
async fn strangers_repetitions_and_newer_versions_do_no_harm() {
    let Some(server) = NatsServer::start(&[]) else { return };
    let options = server.options("nats", "");
    let mut one = join(&options, "one").await;
    let stranger = async_nats::connect(&options.servers).await.unwrap();
    let say = async |text: &str| {
        stranger.publish("perch.test.all", text.to_owned().into()).await.unwrap();
    };
    let message =
        |n: u64, note: &str| format!(r#"{{"v":1,"from":"two","incarnation":1,"n":{n},"notes":[{note}]}}"#);
    let stale = |id: i64| format!(r#"{{"room_stale":{{"room":{{"name":"lobby","id":{id}}}}}}}"#);
    // Waits until the subscription is there.
    while stranger.publish("perch.test.member.one", message(1, "").into()).await.is_ok() {
        say(&message(1, &stale(1))).await;
        stranger.flush().await.unwrap();
        if tokio::time::timeout(Duration::from_millis(100), one.until(1)).await.is_ok() {
            break;
        }
    }
    for text in [
        "no json",
        &message(1, &stale(1)),
        &message(2, &stale(2)),
        &message(2, &stale(2)),
        &message(3, &format!(r#"{{"room_sang":{{"loud":true}}}},{}"#, stale(3))),
        &message(4, &stale(4)),
    ] {
        say(text).await;
    }
    let words = one.until(4).await;
    assert_eq!(words, [Word::Note(2), Word::Gap, Word::Note(3)]);
}
