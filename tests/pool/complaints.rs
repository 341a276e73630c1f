//! What keeps a member from starting is said in words that an operator can act on, and nothing is left behind by it.

use std::process::{Command, Output};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::database;

/// `perch serve` as the member `z` of a pool, on that store.
fn serve(store: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_perch"))
        .arg("serve")
        .env_clear()
        .env("PERCH_SERVER__DATA_DIR", directory.path().join("data"))
        .env("PERCH_STORE__URL", store)
        .env("PERCH_BUS__URL", "nats://127.0.0.1:1")
        .env("PERCH_POOL__MEMBER", "z")
        .env("PERCH_LISTEN__XMPP", "off")
        .env("PERCH_LISTEN__XMPP_TLS", "off")
        .env("PERCH_LISTEN__HTTPS", "off")
        .env("PERCH_LISTEN__SIP_TLS", "off")
        .output()
        .unwrap()
}

fn check(store: &str, expected: &str) {
    let output = serve(store);
    let complaint = String::from_utf8(output.stderr).unwrap();
    let last = complaint.lines().last().unwrap_or_default();
    assert!(last.starts_with("perch: ") && last.contains(expected), "{store}: {complaint}");
    assert!(!complaint.contains("secret"), "{complaint}");
    assert_eq!(output.status.code(), Some(1), "{complaint}");
}

async fn ask(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_member_from_starting_is_said() {
    let Some(url) = database().await else { return };
    let with_password = url.replace("perch@", "perch:secret@");
    check(&format!("{with_password}_nowhere"), "_nowhere has no such database");
    check(&url.replace("perch@", "stranger:secret@"), "refuses the user or the password");
    let (start, name) = url.rsplit_once('/').unwrap();
    let (host, _) = start.rsplit_once(':').unwrap();
    check(&format!("{host}:1/{name}"), "127.0.0.1:1/");
    check(&format!("{host}:1/{name}"), "cannot be reached: ");
    let read_only = format!("{with_password}?options=-c%20default_transaction_read_only%3Don");
    check(&read_only, "takes writes: each is a standby or read-only");

    ask(&url, "CREATE TABLE theirs (a int)").await;
    check(&with_password, "is not a store of perch: it was left as it is");
    ask(&url, "DROP TABLE theirs; CREATE TABLE meta (schema bigint); INSERT INTO meta VALUES (999)").await;
    check(&with_password, "the store has schema 999, which is newer than this program knows");
}
