//! The document is that of the routes.

use serde_json::Value;

use crate::client::{Line, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_is_served_and_no_other() {
    let scene = Scene::start().await;
    let admin = scene.token("--service test", "admin").await;
    let mut count = 0;
    let mut ids = Vec::new();
    for (method, path, told) in scene.document().operations() {
        let target = format!("/api/v1{}", filled(path));
        let answer = scene.ask(&method, &target, &admin, None).await;
        assert!(
            !["no-such-route", "no-such-method"].contains(&answer.problem()),
            "{method} {path}: {answer:?}"
        );
        ids.push(told["operationId"].as_str().unwrap().to_owned());
        count += 1;
    }
    assert!(count >= 34, "only {count} operations");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an operation's name is its own");
    for path in scene.document().value()["paths"].as_object().unwrap().keys() {
        let known: Vec<_> = scene.document().operations().filter(|told| told.1 == path).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if known.iter().any(|told| told.0 == method) {
                continue;
            }
            let target = format!("/api/v1{}", filled(path));
            let answer = Line::new(&scene).ask(method, &target, &admin, None).await;
            assert_eq!((answer.status, answer.problem()), (405, "no-such-method"), "{method} {path}");
            let allowed = answer.header("allow").unwrap_or_default().to_uppercase();
            for (method, ..) in &known {
                assert!(allowed.contains(method), "{path}: {allowed} without {method}");
            }
        }
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_hangs_together() {
    let scene = Scene::start().await;
    let document = scene.document().value();
    assert_eq!(document["openapi"], "3.1.0");
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(place) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
                }
                pending.extend(fields.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    for (method, path, told) in scene.document().operations() {
        let names: Vec<_> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let parameters = told["parameters"].as_array().unwrap();
        let told: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
        assert_eq!(told.len(), names.len(), "{method} {path}");
    }
    scene.stop().await;
}

#[test]
fn every_problem_is_in_the_table_of_problems() {
    let source = include_str!("../../src/admin/http/refusal.rs");
    let table = include_str!("../../docs/api.md").split("## Problems").nth(1).unwrap();
    let mut count = 0;
    for told in source.split("(StatusCode::").skip(1) {
        let Some((status, name)) = told.split(')').next().unwrap().split_once(", \"") else { continue };
        let name = name.split('"').next().unwrap();
        let status = match status {
            "UNAUTHORIZED" => "401",
            "FORBIDDEN" => "403",
            "NOT_FOUND" => "404",
            "CONFLICT" => "409",
            "PRECONDITION_FAILED" => "412",
            "UNPROCESSABLE_ENTITY" => "422",
            "TOO_MANY_REQUESTS" => "429",
            "SERVICE_UNAVAILABLE" => "503",
            other => panic!("a status that the table does not know: {other}"),
        };
        let row = table.lines().find(|row| row.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("`{name}` is not in the table"));
        assert!(row.split('|').nth(2).unwrap().contains(status), "{name} is {status}: {row}");
        count += 1;
    }
    assert!(count > 30, "only {count}");
}

/// The path with something in place of its names.
pub(crate) fn filled(path: &str) -> String {
    [("{role}", "auditor"), ("{level}", "tag:none"), ("{id}", "4611686018427387904")]
        .iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
        .replace("{address}", "nobody")
        .replace("{member}", "nobody")
        .replace("{name}", "nothing")
        .replace("{room}", "nothing")
}
