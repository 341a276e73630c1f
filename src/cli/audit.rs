//! `perch audit …`: what administrators did.

use clap::{Args, Subcommand};

use super::client::{every_page, query};
use super::{Asking, CommandError};
use crate::admin::wire::{AuditEntry, AuditPage};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what was done, the oldest first
    List(ListArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only from that time on: 2026-11-26T05:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what this one did: operator, an address, or service:NAME
    #[arg(long)]
    who: Option<String>,
    /// Only what was done to this
    #[arg(long)]
    object: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    let Command::List(ListArguments { since, who, object, asking }) = command;
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let page = async |after| {
        let parameters =
            [("since", since.clone()), ("who", who.clone()), ("object", object.clone()), ("after", after)];
        let page: AuditPage = server.look(&format!("/audit{}", query(parameters))).await?;
        Ok((page.entries, page.next))
    };
    let entries = every_page(page).await?;
    output.print_table(HEAD, entries.iter().map(row), &entries);
    Ok(())
}

fn row(entry: &AuditEntry) -> [String; 7] {
    let json =
        |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let change = match (json(&entry.before), json(&entry.after)) {
        (before, after) if before.is_empty() => after,
        (before, after) => format!("{before} -> {after}"),
    };
    [
        entry.at.clone(),
        entry.who.clone(),
        entry.origin.clone(),
        entry.operation.clone(),
        entry.object.clone(),
        entry.outcome.clone(),
        change,
    ]
}

const HEAD: [&str; 7] = ["TIME", "WHO", "FROM", "OPERATION", "OBJECT", "OUTCOME", "CHANGE"];
