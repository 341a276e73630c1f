//! Whoever has no right to something gets it by no way of writing its address.

use std::cmp::Reverse;

use serde_json::{Value, json};

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

/// With what a request comes, and what may then succeed.
struct Asker {
    name: &'static str,
    headers: String,
    may: fn(&str, &str) -> bool,
    /// May be told of what is hidden from users.
    sees_all: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_way_of_writing_an_address_opens_what_is_closed() {
    let scene = Scene::start().await;
    let token_id = furnish(&scene).await;
    let user = scene.token("--account alice", "admin").await;
    let forged = user.replace("perch_AAAA", "perch_AAAB");
    assert_ne!(user, forged);
    let guessed = "Authorization: Basic cm9vdDpyb290\r\n".to_owned();
    let nobody = |name, headers| Asker { name, headers, may: |_, _| false, sees_all: false };
    let askers = [
        nobody("nobody", String::new()),
        nobody("a forger", forged.clone()),
        nobody("both", format!("{forged}{user}")),
        nobody("a guesser", guessed),
        Asker { name: "a user", headers: user, may: is_for_users, sees_all: false },
        Asker {
            name: "an auditor",
            headers: scene.token("--account watch", "admin").await,
            may: |method, path| method == "GET" || is_for_users(method, path),
            sees_all: true,
        },
    ];
    let mut tried = 0;
    let mut opened = Vec::new();
    let mut operations: Vec<_> =
        scene.document().operations().map(|(method, path, _)| (method, path.to_owned())).collect();
    operations.retain(|told| told.1 != "/openapi.json");
    for asker in &askers {
        let mut line = Line::new(&scene);
        for (method, path) in &operations {
            for disguise in DISGUISES {
                let target = disguise.replace("{}", &real(path, &token_id));
                let answer = line.ask(method, &target, &asker.headers, wish(method, path)).await;
                tried += 1;
                let is_open = answer.status < 400 && !is_document(&answer);
                let shown = answer.body.to_string();
                let tells = !asker.sees_all && HIDDEN.iter().any(|name| shown.contains(name));
                if is_open && (tells || !(asker.may)(method, path)) {
                    opened.push(format!("{} {method} {target}: {answer:?}", asker.name));
                }
                assert!(answer.status < 500 || answer.status == 503, "{method} {target}: {answer:?}");
            }
        }
    }
    println!("{tried} requests were answered, and {} of them wrongly opened something", opened.len());
    assert!(opened.is_empty(), "{}", opened.join("\n"));
    assert!(tried > 9_000, "only {tried} were answered");

    // What they asked for can be done.
    let admin = scene.token("--service test", "admin").await;
    operations.sort_by_key(|(method, path)| (method == "DELETE", Reverse(path.len())));
    for (method, path) in &operations {
        let target = format!("/api/v1{}", real(path, &token_id));
        let answer = Line::new(&scene).ask(method, &target, &admin, wish(method, path)).await;
        // The user has made the room already; the policy has just been granted.
        let is_done = answer.status < 400 || ["name-taken", "in-use"].contains(&answer.problem());
        assert!(is_done, "{method} {target}: {answer:?}");
    }
    scene.stop().await;
}

/// What only who has a right to it may be told of.
const HIDDEN: [&str; 6] = ["vault", "cellar", "attic", "clock", "staff", "victim"];

/// A server with one of everything. Gives the number of somebody else's token.
async fn furnish(scene: &Scene) -> String {
    for name in ["alice", "watch", "victim"] {
        scene.run(&format!("user add {name}")).await;
    }
    scene.run("role grant auditor watch").await;
    for category in ["cellar", "attic"] {
        scene.run(&format!("category add {category} --allow victim --creator victim")).await;
    }
    scene.run("room add vault --category cellar --privacy secret --member victim --manager victim").await;
    scene.run("addin add clock https://clock.example/").await;
    scene.run("principal add-group staff").await;
    scene.run("principal admit staff@groups.localhost victim").await;
    scene.run("policy set tag:none --enabled yes").await;
    scene.run("config set global --default-history 50").await;
    scene.token("--service other", "users:read").await;
    let tokens = scene.run("token list").await;
    tokens[0]["id"].to_string()
}

/// A user makes rooms, looks for what he may read, and has tokens of his own.
fn is_for_users(method: &str, path: &str) -> bool {
    matches!(
        (method, path),
        ("GET" | "POST", "/tokens") | ("POST", "/rooms" | "/rooms/search" | "/messages/search")
    )
}

/// The path to something that is there.
fn real(path: &str, token_id: &str) -> String {
    let (kind, _) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let (name, address, member) = match kind {
        "addins" => ("clock", "", ""),
        "categories" => ("attic", "", ""),
        "principals" => ("", "staff@groups.localhost", "victim"),
        _ => ("", "victim", "perch"),
    };
    [("{name}", name), ("{address}", address), ("{member}", member), ("{room}", "vault"), ("{id}", token_id)]
        .into_iter()
        .chain([
            ("{level}", if kind == "configurations" { "global" } else { "tag:none" }),
            ("{role}", "auditor"),
        ])
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

/// What an administrator could ask there, and get.
fn wish(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("POST", "/users") => json!({ "address": "mallory", "secret": { "password": "correct horse" } }),
        ("PUT", "/users/{address}/secret") => json!({ "password": "correct horse" }),
        ("POST", "/addins") => json!({ "name": "bell", "url": "https://bell.example/" }),
        ("PUT", "/addins/{name}") => json!({ "name": "clock", "url": "https://bell.example/" }),
        ("POST", "/categories") => json!({ "name": "den" }),
        ("PATCH", "/rooms/{room}") => json!({ "description": "opened" }),
        ("POST", "/rooms") => json!({ "name": "lair", "change": { "category": "General" } }),
        ("POST", "/rooms/search") => json!({ "text": "" }),
        ("POST", "/messages/remove") => json!({ "which": { "rooms": ["vault"] } }),
        ("POST", "/principals") => json!({ "kind": "group", "name": "gang" }),
        ("POST", "/enrolments") => {
            let into = json!({ "kind": "group", "parent": "gang", "member": "victim" });
            json!({ "enrolments": [into], "last": true })
        }
        _ => return crate::tour::body(method, path),
    })
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
