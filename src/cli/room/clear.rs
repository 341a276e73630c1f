//! `perch room clear ROOM --until DATE`.

use clap::Args;

use crate::admin::wire::messages::Clearing;
use crate::cli::consent::{Consent, Trial};
use crate::cli::message::{messages, was};
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "ROOM")]
    room: String,
    /// What was said after this date, or date and time (UTC), stays
    #[arg(long, value_name = "DATE")]
    until: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let clearing = Clearing { until: arguments.until };
    let mut cleared = server.clear_room(&arguments.room, &clearing, Trial::YES).await?;
    if arguments.consent.trial.what_if {
        output.print(format_args!("{} would be removed", messages(cleared.count)), &cleared);
        return Ok(());
    }
    let question = format!("{} will be removed from {}. Go on?", messages(cleared.count), arguments.room);
    arguments.consent.obtain(&question)?;
    cleared = server.clear_room(&arguments.room, &clearing, Trial::NO).await?;
    output.print(format_args!("{} {} removed", messages(cleared.count), was(cleared.count)), &cleared);
    Ok(())
}
