//! `perch pool …`: the members of the pool, and which of them take clients.

use std::time::Duration;

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{ClientError, Conversation, escape};
use super::{Asking, CommandError, output};
use crate::admin::wire::{Database, MemberState, MemberWish, PoolMember, PoolStatus, Standby};

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
    let pool: PoolStatus = pool(&mut client.connect().await?).await?;
    let mut words = output::table(HEAD, pool.members.iter().map(row));
    if let Some(database) = &pool.database {
        let standbys = database.standbys.iter().map(standby_line);
        for line in [String::new(), database_line(database)].into_iter().chain(standbys) {
            words.push('\n');
            words.push_str(&line);
        }
    }
    output.print(words, &pool);
    Ok(())
}

async fn wish(arguments: WishArguments, state: MemberState) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let name = match arguments.member {
        Some(name) => name,
        None => {
            let asked = pool(&mut server).await?.members.into_iter().find(|member| member.asked);
            asked.map(|member| member.name).ok_or_else(|| CommandError::Failed(NOT_IN_POOL.to_owned()))?
        }
    };
    let path = format!("/pool/{}", escape(&name));
    let member: PoolMember = server.ask(Method::PATCH, &path, Some(&MemberWish { state })).await?;
    output.print(format_args!("{} is to be {}", member.name, member.wanted), &member);
    Ok(())
}

async fn pool(server: &mut Conversation) -> Result<PoolStatus, ClientError> {
    server.look("/pool").await
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

fn database_line(database: &Database) -> String {
    let site = database.site.as_ref().map(|site| format!(", site {site}")).unwrap_or_default();
    let waits = match (database.synchronous, &database.site) {
        (true, _) => "",
        (false, None) => "; commits wait for no standby",
        (false, Some(_)) => "; commits wait for no standby, as those of a site must: NOTHING IS WRITTEN",
    };
    let Database { host, epoch, timeline, .. } = database;
    format!("database: {host} takes writes, epoch {epoch}, timeline {timeline}{site}{waits}")
}

fn standby_line(standby: &Standby) -> String {
    let Some(name) = &standby.name else {
        return "standby: its state is shown to users with pg_monitor only".to_owned();
    };
    let waits = if standby.synchronous == Some(true) { "waited for" } else { "not waited for" };
    let behind = standby.behind_bytes.map(|bytes| format!(", {bytes} bytes behind")).unwrap_or_default();
    let lag = standby.lag_ms.map(|ms| format!(", {ms} ms late")).unwrap_or_default();
    format!("standby {name}: {waits}{behind}{lag}")
}

const HEAD: [&str; 6] = ["MEMBER", "STATE", "LEASE", "HEARD", "ADDRESS", "ASKED"];

const NOT_IN_POOL: &str = "the server does not find itself among the members";
