//! Every statement of the PostgreSQL engine fits the schema and its indexes. Found in the sources themselves, so that
//! none is forgotten.

use perch::store::{Options, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::sql;

pub(crate) async fn every_statement_prepares_and_finds_its_rows_by_a_key(url: String) {
    let _store = Store::open(&url, &Options::new([7; 32])).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    // A plan for a small table walks it whatever indexes there are, unless it is told to do so only where it must.
    let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    sqlx::raw_sql(settings).execute(&mut connection).await.unwrap();
    let elements = "jsonb_array_elements($1::text::jsonb)";
    let statements: Vec<String> =
        sql::sources("postgres").flat_map(|source| sql::constants(&source, elements)).collect();
    assert!(statements.len() > 200, "only {} statements were found", statements.len());
    let mut walks = Vec::new();
    for statement in &statements {
        let plan = plan(&mut connection, statement).await;
        let is_walk = plan
            .iter()
            .any(|step| step.split("Seq Scan on ").nth(1).is_some_and(|table| !SMALL.contains(&word(table))));
        let is_seldom = SELDOM.iter().any(|start| statement.starts_with(start));
        if is_walk && !is_seldom {
            walks.push(format!("{statement}\n{}", plan.join("\n")));
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n\n"));
    for start in SELDOM {
        assert!(statements.iter().any(|statement| statement.starts_with(start)), "there is no such: {start}");
    }
}

/// What the engine would do. Statements that the database runs by itself have their arguments in common.
async fn plan(connection: &mut PgConnection, statement: &str) -> Vec<String> {
    let types = if statement.contains("$1 ->") || STEPS.iter().any(|start| statement.starts_with(start)) {
        "(jsonb, bigint, bigint, bigint, bigint, text, bigint)"
    } else {
        ""
    };
    let prepare = format!("PREPARE one {types} AS {statement}");
    let prepared = sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await;
    assert!(prepared.is_ok(), "{statement}\n{prepared:?}");
    let arguments: i32 = sqlx::query_scalar(
        "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'one'",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let nulls = vec!["NULL"; arguments as usize].join(", ");
    let execute = if nulls.is_empty() { "one".to_owned() } else { format!("one ({nulls})") };
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE {execute}"));
    let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE one").execute(connection).await.unwrap();
    plan
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

const SMALL: [&str; 5] = ["meta", "member", "rights", "pg_class", "pg_db_role_setting"];

/// Without a look into their arguments.
const STEPS: [&str; 12] = [
    "SELECT seat_1",
    "SELECT unseat_1",
    "UPDATE room SET former_name",
    "DELETE FROM seat WHERE room = $2",
    "DELETE FROM affiliation WHERE room = $2",
    "UPDATE room SET subject",
    "INSERT INTO blocked",
    "DELETE FROM blocked",
    "UPDATE account_log SET preferences",
    "UPDATE account_log SET vcard",
    "UPDATE account_log SET photo",
    "SELECT need_1",
];

/// May walk: they run once at a start, once a day, or when an operator asks.
const SELDOM: [&str; 9] = [
    "SELECT room, first_seq FROM room_log",
    "SELECT 0::bigint, head.room",
    "SELECT 1::bigint, head.account",
    "SELECT id, (settings::json ->> 'retention_days')",
    "UPDATE room_log SET epoch = $1",
    "UPDATE account_log SET epoch = $1",
    "UPDATE session SET state = NULL WHERE state IS NOT NULL",
    "SELECT count(*) FROM account",
    "SELECT count(*) FROM room",
];
