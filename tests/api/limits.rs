//! How little one client can take: of time, of memory, of connections.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Answer, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_before_it_is_read() {
    let scene = Scene::start().await;
    let admin = scene.token("--service test", "admin").await;
    let request = |head: &str, body: &str| {
        format!(
            "POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{admin}{head}\r\n{body}"
        )
    };
    let many_headers: String = (0..100).map(|number| format!("X-{number}: y\r\n")).collect();
    let long_header = format!("X: {}\r\n", "y".repeat(64 << 10));
    let json = "Content-Type: application/json\r\n";
    let long_body = format!("{json}Content-Length: {}\r\n", 65 << 10);
    let endless = format!("{json}Transfer-Encoding: chunked\r\n");
    let chunks = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(2);
    for (name, request, expected) in [
        ("many headers", request(&many_headers, ""), 431),
        ("a long header", request(&long_header, ""), 431),
        ("a long body", request(&long_body, &"x".repeat(65 << 10)), 413),
        ("chunks without an end", request(&endless, &chunks), 413),
        ("two lengths", request("Content-Length: 0\r\nContent-Length: 5\r\n", ""), 400),
        ("no HTTP", "\u{16}\u{3}\u{1} perch\r\n\r\n".to_owned(), 400),
    ] {
        let answer = scene.send(request.as_bytes()).await.expect(name);
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_how_it_is_to_be_treated() {
    let scene = Scene::start().await;
    for path in ["/api/v1/openapi.json", "/api/v1/users", "/"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n"
        );
        let answer = scene.send(request.as_bytes()).await.unwrap();
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, Some("default-src 'none'; frame-ancestors 'none'"));
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_is_left_and_keeps_nobody_else() {
    let scene = Scene::start().await;
    let admin = scene.token("--service test", "admin").await;
    // Of these none ends by itself: a head that does not end, a body that does not, a connection that says nothing.
    let body = format!(
        "POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\n{admin}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    );
    let begun = Instant::now();
    let mut slow = Vec::new();
    for beginning in ["GET / HTTP/1.1\r\nX: ", &body, ""] {
        let mut stream = scene.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        slow.push((beginning, stream));
    }
    let other = scene.ask("GET", "/api/v1/users", &admin, None).await;
    assert_eq!(other.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(20), "it had to wait");
    for (beginning, stream) in &mut slow {
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(50), stream.read_to_end(&mut bytes)).await;
        assert!(ended.is_ok(), "{beginning:?} is still served");
        let status = Answer::read(&bytes).map(|answer| answer.status);
        assert!(matches!(status, None | Some(408)), "{beginning:?}: {status:?}");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_all_connections() {
    let scene = Scene::with(&[("PERCH_LIMITS__CONNECTIONS_BEFORE_LOGIN", "4")]).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(scene.connect().await);
    }
    // The next one waits in the system's queue until there is a place.
    let waiting = tokio::time::timeout(Duration::from_millis(300), scene.connect()).await;
    assert!(waiting.is_err(), "a fifth connection was served");
    open.pop();
    let served = tokio::time::timeout(Duration::from_secs(10), scene.connect()).await;
    assert!(served.is_ok(), "a place that is free is given");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_what_was_begun_and_no_more() {
    let scene = Scene::start().await;
    let mut idle = scene.connect().await;
    let begun = Instant::now();
    scene.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited for who says nothing");
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
