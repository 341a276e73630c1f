//! Every statement fits the schema and its indexes. Found in the sources themselves, so that none is forgotten.

#[path = "../../../tests/support/sql.rs"]
mod sql;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::store::Options;
use crate::store::sqlite::open::{self, Place};

use sql::{constants, literal};

#[tokio::test]
async fn every_statement_prepares_on_a_fresh_store_and_finds_its_rows_by_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new([1; 32]);
    let place = Place::new(directory.path().join("store.db").to_str().unwrap(), &options);
    let mut connection = place.connect_writer().await.unwrap();
    open::migrate(&mut connection, &options).await.unwrap();

    let statements: Vec<String> = sql::sources("sqlite")
        .flat_map(|source| [constants(&source, "json_each($1)"), forms(&source)].concat())
        .collect();
    assert!(statements.len() > 170, "only {} statements were found", statements.len());
    let mut walks = Vec::new();
    for statement in &statements {
        prepare(&mut connection, statement).await;
        walks.extend(walk(&mut connection, statement).await);
    }
    assert!(walks.is_empty(), "{walks:#?}");
    for start in SELDOM {
        assert!(statements.iter().any(|statement| statement.starts_with(start)), "there is no such: {start}");
    }
}

async fn prepare(connection: &mut SqliteConnection, statement: &str) {
    let prepared = connection.prepare(AssertSqlSafe(statement.to_owned()).into_sql_str()).await;
    assert!(prepared.is_ok(), "{statement}\n{prepared:?}");
}

/// The statement, if it reads a whole table that grows.
async fn walk(connection: &mut SqliteConnection, statement: &str) -> Option<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explain).fetch_all(&mut *connection).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('meta', 'rights')",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let is_walk = plan.iter().any(|(_, _, _, step)| {
        // A virtual table says behind this what it finds its rows by.
        !step.contains(" VIRTUAL TABLE INDEX 0:=")
            && step
                .strip_prefix("SCAN ")
                .is_some_and(|what| tables.iter().any(|table| what.split(' ').next() == Some(table)))
    });
    let is_seldom = SELDOM.iter().any(|start| statement.starts_with(start));
    (is_walk && !is_seldom).then(|| format!("{statement} {plan:?}"))
}

/// What `Form::new("…", columns, "…")` comes to for two rows.
fn forms(source: &str) -> Vec<String> {
    let form = |after: &str| {
        let (head, after) = literal(after)?;
        let (columns, after) = after.strip_prefix(',')?.split_once(',')?;
        let (tail, _) = literal(after)?;
        let row = format!("({})", vec!["?"; columns.trim().parse().ok()?].join(", "));
        Some(format!("{head} {row}, {row} {tail}"))
    };
    source.split("Form::new(").skip(1).filter_map(form).collect()
}

/// May walk: they run once at a start, once a day, or when an operator asks.
const SELDOM: [&str; 14] = [
    "SELECT room, first_seq FROM room_log",
    "UPDATE seat SET deadline = ? WHERE deadline IS NULL",
    "UPDATE session SET deadline = ? WHERE deadline IS NULL",
    "SELECT room, name, min(deadline) FROM seat",
    "SELECT room, name, session, deadline FROM seat",
    "SELECT id, settings ->> '$.retention_days' FROM room",
    "UPDATE room_log SET epoch = ?",
    "UPDATE account_log SET epoch = ?",
    "SELECT count(*) FROM account",
    "SELECT count(*) FROM room WHERE name IS NOT NULL AND settings ->> 'addin'",
    "SELECT id, name, description, allowed, denied, creators, rules, version\n    FROM category",
    "SELECT name, role FROM role_grant",
    "SELECT level, default_history",
    "SELECT level, enabled, description",
];
