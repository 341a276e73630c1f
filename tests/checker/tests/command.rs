//! The command: its exit status and its one line, by which scripts go.

#![expect(clippy::unwrap_used, reason = "the helper is part of the test")]

use std::io::Write;
use std::process::Command;

#[track_caller]
fn check(lines: &[&str], status: i32, says: &[&str]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    let command = env!("CARGO_BIN_EXE_perch-checker");
    let output = Command::new(command).args(["--name", "test"]).arg(file.path()).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in says {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

const SENT: &str = r#"{"at":1000000,"op":"invoke","client":"a","session":"a/1","room":"r","id":"a:1"}"#;
const OK: &str = r#"{"at":3000000,"op":"ok","client":"a","session":"a/1","room":"r","id":"a:1","stanza_id":"x","by":"reflection"}"#;
const KEPT: &str = r#"{"at":9000000,"op":"mam-page","source":"mam","read":"a","room":"r","items":[{"id":"a:1","stanza_id":"x"}],"complete":true}"#;
const EMPTY: &str =
    r#"{"at":9000000,"op":"mam-page","source":"mam","read":"a","room":"r","items":[],"complete":true}"#;

#[test]
fn a_good_history() {
    check(
        &[SENT, OK, KEPT],
        0,
        &[r#""name":"test""#, r#""operations":1"#, r#""ok":1"#, r#""lost":0"#, r#""ok_p50_ms":2.0"#],
    );
}

#[test]
fn a_bad_history() {
    check(&[SENT, OK, EMPTY], 1, &[r#""lost":1"#, r#""violations":{"1":1}"#, "a:1 was acknowledged"]);
}

#[test]
fn lines_need_not_be_in_order_of_time() {
    check(&[KEPT, OK, SENT], 0, &[r#""lost":0"#]);
}

#[test]
fn not_a_history() {
    check(&[SENT, "{}"], 2, &["line 2"]);
    check(&[&SENT.replace("invoke", "invent")], 2, &["line 1", "invent"]);
    check(&[&SENT.replace("room", "rooom")], 2, &["line 1"]);
}
