//! What programs do with it: tokens, concurrency, policies, the log; and the command line from elsewhere.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_gets_a_token_by_his_password_and_only_that() {
    let scene = Scene::with(&[("PERCH_LIMITS__FAILED_LOGINS_PER_ADDRESS", "10")]).await;
    let password = scene.run("user add alice").await["password"].as_str().unwrap().to_owned();
    let basic = |password: &str| {
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("alice@localhost:{password}")))
    };
    let wish = json!({ "scopes": ["users:read"], "expires_in": 3600 });
    let by_password = basic(&password);
    let made = scene.ask("POST", "/api/v1/tokens", &by_password, Some(wish.clone())).await;
    assert_eq!((made.status, made.body["holder"].as_str()), (201, Some("alice@localhost")), "{made:?}");
    let bearer = format!("Authorization: Bearer {}\r\n", made.body["token"].as_str().unwrap());
    let own = scene.ask("GET", "/api/v1/users/alice/policy", &bearer, None).await;
    assert_eq!((own.status, own.body["enabled"].as_bool()), (200, Some(true)));
    let others = scene.ask("GET", "/api/v1/users/bob/policy", &bearer, None).await;
    assert_eq!((others.status, others.problem()), (403, "forbidden"));
    // A password opens nothing else.
    let users = scene.ask("GET", "/api/v1/users", &by_password, None).await;
    assert_eq!((users.status, users.problem()), (401, "unauthenticated"));
    assert_eq!(users.header("www-authenticate"), Some("bearer realm=\"perch\""));
    let elsewhere = scene.ask("POST", "/api/v1/users", &by_password, None).await;
    assert_eq!(elsewhere.status, 401);
    // And it is not guessed.
    let mut last = made;
    for _ in 0..20 {
        last = scene.ask("POST", "/api/v1/tokens", &basic("wrong"), Some(wish.clone())).await;
    }
    assert_eq!(last.status, 429, "{last:?}");
    assert_eq!(last.header("retry-after"), Some("60"));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_changed_is_not_overwritten() {
    let scene = Scene::start().await;
    let admin = scene.token("--service test", "admin").await;
    let path = "/api/v1/policies/tag:nightshift";
    let put = async |headers: &str, enabled: bool| {
        let wanted = json!({ "enabled": enabled, "description": "after dark" });
        scene.ask("PUT", path, &format!("{admin}{headers}"), Some(wanted)).await
    };
    let made = put("If-None-Match: *\r\n", true).await;
    assert_eq!(made.status, 200, "{made:?}");
    let tag = made.header("etag").unwrap().to_owned();
    assert_eq!(put("If-None-Match: *\r\n", true).await.problem(), "stale");
    let changed = put(&format!("If-Match: {tag}\r\n"), false).await;
    assert_eq!(changed.status, 200);
    let stale = put(&format!("If-Match: {tag}\r\n"), true).await;
    assert_eq!((stale.status, stale.problem()), (412, "stale"));
    assert_eq!(put("If-Match: W/\"1\"\r\n", true).await.status, 412, "a weak tag matches nothing");
    assert_eq!(put("If-Match: *\r\n", false).await.status, 200);
    let seen = scene.ask("GET", path, &admin, None).await;
    assert_eq!(
        (seen.body["enabled"].as_bool(), seen.body["description"].as_str()),
        (Some(false), Some("after dark"))
    );

    // Only tried, nothing is different.
    let tried = scene.ask("DELETE", &format!("{path}?dry_run=true"), &admin, None).await;
    assert_eq!(tried.status, 200, "{tried:?}");
    assert_eq!(scene.ask("GET", path, &admin, None).await.body, seen.body);
    assert_eq!(scene.ask("DELETE", path, &admin, None).await.status, 200);
    let gone = scene.ask("GET", path, &admin, None).await;
    assert_eq!((gone.status, gone.problem()), (404, "not-there"));

    let log = scene.run("audit list --object tag:nightshift").await;
    let told: Vec<_> = log.as_array().unwrap().iter().map(|act| act["operation"].as_str().unwrap()).collect();
    assert_eq!(told, ["policy.change"; 4]);
    assert_eq!(log[1]["before"]["enabled"], true);
    assert_eq!(log[1]["after"]["enabled"], false);
    assert_eq!(log[3]["after"], Value::Null);
    assert_eq!((&log[0]["who"], &log[0]["origin"]), (&json!("service:test"), &json!("127.0.0.1")));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_told_alike() {
    let scene = Scene::start().await;
    let admin = scene.token("--service test", "admin").await;
    let bad = |text: &str| Some(serde_json::from_str::<Value>(text).unwrap());
    for (method, path, body, status, problem) in [
        ("GET", "/api/v1/nothing", None, 404, "no-such-route"),
        ("GET", "/api/v1/users?limit=x", None, 400, "bad-query"),
        ("GET", "/api/v1/users/nobody", None, 404, "no-such-account"),
        ("GET", "/api/v1/users/no%00body", None, 422, "bad-address"),
        ("GET", "/api/v1/users/%ff", None, 400, "bad-path"),
        ("POST", "/api/v1/users", bad("{\"address\":\"x\"}"), 422, "bad-body"),
        (
            "POST",
            "/api/v1/users",
            bad("{\"address\":\"x\",\"secret\":{\"password\":\"\"}}"),
            422,
            "bad-password",
        ),
        ("PUT", "/api/v1/policies/nowhere", bad("{\"enabled\":true}"), 422, "bad-level"),
        ("PUT", "/api/v1/configurations/tag:x", bad("{}"), 422, "bad-configuration"),
        ("PUT", "/api/v1/configurations/global", bad("{\"default_history\":501}"), 422, "bad-configuration"),
        ("POST", "/api/v1/addins", bad("{\"name\":\"x\",\"url\":\"ftp://x/\"}"), 422, "bad-addin"),
        ("PUT", "/api/v1/users/nobody/policy", bad("{\"policy\":\"tag:x\"}"), 404, "no-such-account"),
        ("DELETE", "/api/v1/tokens/x", None, 400, "bad-path"),
        ("GET", "/api/v1/audit?since=yesterday", None, 400, "bad-query"),
    ] {
        let answer = scene.ask(method, path, &admin, body).await;
        assert_eq!((answer.status, answer.problem()), (status, problem), "{method} {path}: {answer:?}");
        assert_eq!(answer.body["status"], status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_administers_from_elsewhere() {
    let scene = Scene::start().await;
    scene.run("user add alice").await;
    let token = scene.run("token new --service cli --scope users:read,policy:write,policy:read").await;
    let server = format!("https://localhost:{}", scene.address.port());
    let (ca, token) = (scene.certificate(), token["token"].as_str().unwrap().to_owned());
    let ask = async |arguments: &str, authorities: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perch"));
        command.env_clear().env("PERCH_TOKEN", &token).env("PERCH_SERVER", &server);
        command.args(arguments.split_whitespace()).args(authorities);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let run = async |arguments: &str| ask(arguments, &["--ca", &ca]).await;
    let listed = run("user list").await;
    assert_eq!(
        (listed.0, listed.1.as_str()),
        (0, " ADDRESS          STATE\n alice@localhost\n"),
        "{listed:?}"
    );
    let refused = run("user disable alice").await;
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (5, "perch: the token is not good for this: it needs the scope users:write\n")
    );
    let set = run("config set global --default-history 42").await;
    assert_eq!((set.0, set.1.as_str()), (0, "the configuration global is set\n"), "{set:?}");
    let stale = run("config set global --default-history 43 --if-version 1").await;
    assert_eq!((stale.0, stale.2.as_str()), (1, "perch: it has been changed since: look at it again\n"));
    let shown = run("config show --json").await;
    assert_eq!(serde_json::from_str::<Value>(&shown.1).unwrap()["default_history"], 42);
    let tried = run("policy set tag:x --enabled no --what-if").await;
    assert_eq!(
        (tried.0, tried.1.as_str()),
        (0, "what if: the policy tag:x is set: enabled no\n"),
        "{tried:?}"
    );
    assert_eq!(run("policy remove tag:x").await.0, 1, "it was only tried");
    for (arguments, code) in [("addin add Weather https://weather.example/", 0), ("addin remove Weather", 0)]
    {
        assert_eq!(run(arguments).await.0, code, "{arguments}");
    }
    // Who is not vouched for is not talked to.
    let distrusted = ask("user list", &[]).await;
    assert_eq!(distrusted.0, 4, "{distrusted:?}");
    scene.stop().await;
}

/// What a request for that operation takes.
pub(crate) fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/users") => Some(json!({ "address": "no body", "secret": { "password": "x" } })),
        ("PATCH", "/users/{address}") => Some(json!({ "disabled": true })),
        ("PUT", "/users/{address}/secret") => Some(json!({ "password": "x" })),
        ("PATCH", "/pool/{member}") => Some(json!({ "state": "active" })),
        ("POST", "/tokens") => Some(json!({ "scopes": ["admin"], "expires_in": 60 })),
        ("PUT", "/policies/{level}") => Some(json!({ "enabled": true })),
        ("PUT", "/users/{address}/policy") => Some(json!({ "policy": "tag:none" })),
        ("PUT", "/configurations/{level}") => Some(json!({})),
        ("POST", "/addins") | ("PUT", "/addins/{name}") => Some(json!({ "name": "x", "url": "ftp://x/" })),
        ("POST", "/categories") => Some(json!({ "name": "" })),
        ("PATCH", "/categories/{name}" | "/rooms/{room}") => Some(json!({})),
        ("POST", "/rooms") => Some(json!({ "name": "no@where.example" })),
        ("POST", "/rooms/{room}/clear") => Some(json!({ "until": "2013-07-31" })),
        ("POST", "/rooms/search" | "/messages/search") => Some(json!({})),
        ("POST", "/messages/remove") => Some(json!({ "which": {} })),
        ("POST", "/principals") => Some(json!({ "kind": "user", "name": "x" })),
        ("PATCH", "/principals/{address}") => Some(json!({ "name": "x" })),
        ("POST", "/enrolments") => Some(json!({ "enrolments": [], "last": false })),
        _ => None,
    }
}
