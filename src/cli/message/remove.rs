//! `perch message remove` and `perch message replace`.

use clap::Args;

use super::Which;
use crate::admin::wire::messages::{MessageRemoval, Removed};
use crate::cli::client::Conversation;
use crate::cli::consent::{Consent, Trial};
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReplaceArguments {
    #[command(flatten)]
    which: Which,
    /// What is to stand there
    #[arg(long, default_value = SENTENCE, value_name = "SENTENCE")]
    text: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run_remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    run(&arguments.which, None, arguments.consent, arguments.asking).await
}

pub(in crate::cli) async fn run_replace(arguments: ReplaceArguments) -> Result<(), CommandError> {
    run(&arguments.which, Some(arguments.text), arguments.consent, arguments.asking).await
}

async fn run(
    which: &Which,
    replacement: Option<String>,
    consent: Consent,
    asking: Asking,
) -> Result<(), CommandError> {
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let verb = if replacement.is_some() { "replaced" } else { "removed" };
    let mut removal = MessageRemoval { which: which.filter(), replacement, after: None };
    let mut done = all(&mut server, &mut removal, Trial::YES).await?;
    if consent.trial.what_if {
        output.print(format_args!("{} would be {verb}", messages(done.count)), &done);
        return Ok(());
    }
    if done.count > 0 {
        consent.obtain(&format!("{} will be {verb}. Go on?", messages(done.count)))?;
        done = all(&mut server, &mut removal, Trial::NO).await?;
    }
    output.print(format_args!("{} {} {verb}", messages(done.count), was(done.count)), &done);
    Ok(())
}

/// All portions, one after the other.
async fn all(
    server: &mut Conversation,
    removal: &mut MessageRemoval,
    trial: Trial,
) -> Result<Removed, CommandError> {
    let mut count = 0;
    removal.after = None;
    loop {
        let portion = server.remove_messages(removal, trial).await?;
        count += portion.count;
        if portion.next.is_none() {
            return Ok(Removed { count, next: None });
        }
        removal.after = portion.next;
    }
}

pub(in crate::cli) fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

pub(in crate::cli) fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// What stands in the place of a message unless another sentence is given.
const SENTENCE: &str = "An administrator has replaced this message.";
