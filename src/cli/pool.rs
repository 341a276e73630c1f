//! `perch pool …`: the members of the pool, and which of them take clients.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Asking, CommandError};
use crate::admin::wire::{MemberState, MemberWish, PoolMember};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the members, and what each is at
    Status(StatusArguments),
    /// Have a member hand its clients over to others, before it is stopped
    Drain(WishArguments),
    /// Let a member take clients
    Activate(WishArguments),
    /// Keep a member ready, without clients
    Deactivate(WishArguments),
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct WishArguments {
    /// The member's name [default: the one that is asked]
    #[arg(value_name = "MEMBER")]
    member: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Status(arguments) => status(arguments).await,
        Command::Drain(arguments) => wish(arguments, MemberState::Draining).await,
        Command::Activate(arguments) => wish(arguments, MemberState::Active).await,
        Command::Deactivate(arguments) => wish(arguments, MemberState::Standby).await,
    }
}

async fn status(arguments: StatusArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let members = client.connect().await?.pool().await?;
    output.print_table(HEAD, members.iter().map(row), &members);
    Ok(())
}

async fn wish(arguments: WishArguments, state: MemberState) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let name = match arguments.member {
        Some(name) => name,
        None => {
            let asked = server.pool().await?.into_iter().find(|member| member.asked);
            asked.map(|member| member.name).ok_or_else(|| CommandError::Failed(NOT_IN_POOL.to_owned()))?
        }
    };
    let member = server.change_member(&name, &MemberWish { state }).await?;
    output.print(format_args!("{} is to be {}", member.name, member.wanted), &member);
    Ok(())
}

fn row(member: &PoolMember) -> [String; 6] {
    let state = match (member.alive, member.state == member.wanted) {
        (false, _) => "gone".to_owned(),
        (true, true) => member.state.to_string(),
        (true, false) => format!("{}, to be {}", member.state, member.wanted),
    };
    let seconds = |ms: u64| format!("{:.1} s", Duration::from_millis(ms).as_secs_f64());
    [
        member.name.clone(),
        state,
        member.lease_ms.map(seconds).unwrap_or_default(),
        member.heard_ms.map(seconds).unwrap_or_default(),
        member.address.clone().unwrap_or_default(),
        if member.asked { "*".to_owned() } else { String::new() },
    ]
}

const HEAD: [&str; 6] = ["MEMBER", "STATE", "LEASE", "HEARD", "ADDRESS", "ASKED"];

const NOT_IN_POOL: &str = "the server does not find itself among the members";
