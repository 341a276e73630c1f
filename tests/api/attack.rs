//! Whoever has no right to something gets it by no way of writing its address.

use crate::client::{Answer, Line, Scene};
use crate::document::filled;

/// The prefix and the rest of a path written in ways that some servers take for the same. `{}` stands for the rest.
const DISGUISES: [&str; 50] = [
    "/api/v1{}",
    "/api/v1{}/",
    "/api/v1{}//",
    "/api/v1{}.",
    "/api/v1{}..",
    "/api/v1{}/.",
    "/api/v1{}/..",
    "/api/v1{}%2f",
    "/api/v1{}%2F..",
    "/api/v1{};",
    "/api/v1{};a=b",
    "/api/v1{}?",
    "/api/v1{}?admin=true",
    "/api/v1{}#x",
    "/api/v1{}%00",
    "/api/v1{}%20",
    "/api/v1{}%09",
    "/api/v1{}%0d%0aX-Admin:%20yes",
    "/api/v1{}.json",
    "/api/v1{}%3f",
    "//api/v1{}",
    "/api//v1{}",
    "/api/v1/{}",
    "/./api/v1{}",
    "/api/./v1{}",
    "/api/v1/.{}",
    "/x/../api/v1{}",
    "/api/x/../v1{}",
    "/api/v1/x/..{}",
    "/api/v1/openapi.json/..{}",
    "/api/v1/openapi.json%2f..{}",
    "/api/v1/openapi.json/../..{}",
    "/api/v1/openapi.json;{}",
    "/%2e/api/v1{}",
    "/api/%2e/v1{}",
    "/api/v1/%2e%2e/v1{}",
    "/api/v1/%252e%252e/v1{}",
    "/%61pi/v1{}",
    "/api%2fv1{}",
    "/api/v%31{}",
    "/API/V1{}",
    "/Api/v1{}",
    "/api/v1%c0%af{}",
    "/api/v1/%c0%ae%c0%ae{}",
    "/api/v1/%e0%80%ae{}",
    "/api\\v1{}",
    "/api/v1\\{}",
    "https://localhost/api/v1{}",
    "https://localhost:1/api/v1{}",
    "http://evil.example/api/v1{}",
];

/// With what a request comes, and which operations may then succeed, by the ends of their names' first words.
struct Asker {
    name: &'static str,
    headers: String,
    may: fn(&str, &str) -> bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_way_of_writing_an_address_opens_what_is_closed() {
    let scene = Scene::start().await;
    for name in ["alice", "watch"] {
        scene.run(&format!("user add {name}")).await;
    }
    scene.run("role grant auditor watch").await;
    let user = scene.token("--account alice", "admin").await;
    let forged = user.replace("perch_AAAA", "perch_AAAB");
    assert_ne!(user, forged);
    let askers = [
        Asker { name: "nobody", headers: String::new(), may: |_, _| false },
        Asker { name: "a forger", headers: forged.clone(), may: |_, _| false },
        Asker { name: "both", headers: format!("{forged}{user}"), may: |_, _| false },
        Asker {
            name: "a guesser",
            headers: "Authorization: Basic cm9vdDpyb290\r\n".into(),
            may: |_, _| false,
        },
        Asker { name: "a user", headers: user, may: |_, _| false },
        Asker {
            name: "an auditor",
            headers: scene.token("--account watch", "admin").await,
            may: |method, _| method == "GET",
        },
    ];
    let mut tried = 0;
    let mut opened = Vec::new();
    let operations: Vec<_> =
        scene.document().operations().map(|(method, path, _)| (method, path.to_owned())).collect();
    for asker in &askers {
        let mut line = Line::new(&scene);
        for (method, path) in operations.iter().filter(|told| told.1 != "/openapi.json") {
            for disguise in DISGUISES {
                let target = disguise.replace("{}", &filled(path));
                let answer = line.ask(method, &target, &asker.headers).await;
                tried += 1;
                let is_open = answer.status < 400 && !is_document(&answer);
                if is_open && !(asker.may)(method, path) {
                    opened.push(format!("{} {method} {target}: {answer:?}", asker.name));
                }
                assert!(answer.status < 500 || answer.status == 503, "{method} {target}: {answer:?}");
            }
        }
    }
    println!("{tried} requests were answered, and {} of them wrongly opened something", opened.len());
    assert!(opened.is_empty(), "{}", opened.join("\n"));
    assert!(tried > 9_000, "only {tried} were answered");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_needs_the_scope_that_the_document_names() {
    let scene = Scene::start().await;
    let scopes = [
        "users:read",
        "users:write",
        "rooms:read",
        "rooms:write",
        "messages:read",
        "messages:write",
        "pool:read",
        "pool:write",
        "policy:read",
        "policy:write",
        "audit:read",
    ];
    let operations: Vec<_> = scene.document().operations().collect();
    for scope in scopes {
        let others: Vec<_> = scopes.iter().copied().filter(|other| *other != scope).collect();
        let only = scene.token("--service only", scope).await;
        let but = scene.token("--service but", &others.join(",")).await;
        for (method, path, told) in &operations {
            let Some(needed) = told["security"][0]["bearer"][0].as_str() else { continue };
            let target = format!("/api/v1{}", filled(path));
            let body = crate::tour::body(method, path);
            let only = scene.ask(method, &target, &only, body.clone()).await;
            assert_eq!(
                only.problem() == "out-of-scope",
                needed != scope,
                "{method} {path} {scope}: {only:?}"
            );
            let but = scene.ask(method, &target, &but, body).await;
            let is_refused = needed == scope || needed == "admin";
            assert_eq!(but.problem() == "out-of-scope", is_refused, "{method} {path} but {scope}: {but:?}");
        }
    }
    scene.stop().await;
}

/// The document is for everybody, wherever a fragment or a query stands behind its address.
fn is_document(answer: &Answer) -> bool {
    answer.body["openapi"] == "3.1.0"
}
