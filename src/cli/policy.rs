//! `perch policy …`: who may use persistent chat.

use clap::{ArgAction, Args, Subcommand};
use hyper::Method;

use super::client::{NOTHING, escape, query};
use super::consent::Trial;
use super::removal::Removal;
use super::{Asking, CommandError, IfVersion, yes_or_no};
use crate::admin::wire::{Policies, Policy, PolicyOf, PolicyWish, WantedPolicy};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the policies
    List(ListArguments),
    /// Make or change a policy
    Set(SetArguments),
    /// Remove a policy, or take the global one back to what it was at first
    Remove(RemoveArguments),
    /// Show which policy is in force for an account
    Show(ShowArguments),
    /// Grant a policy to an account
    Grant(GrantArguments),
    /// Take the policy away that was granted to an account
    Ungrant(UngrantArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// global, site:NAME, pool:NAME or tag:NAME
    level: String,
    /// May those whom it concerns use rooms?
    #[arg(long, value_name = "YES|NO", action = ArgAction::Set, value_parser = yes_or_no::parse)]
    enabled: bool,
    #[arg(long, default_value = "")]
    description: String,
    #[command(flatten)]
    version: IfVersion,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    /// global, site:NAME, pool:NAME or tag:NAME
    level: String,
    /// Remove it though it was granted: those to whom it was have none then
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    removal: Removal,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    /// tag:NAME
    policy: String,
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct UngrantArguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Set(arguments) => set(arguments).await,
        Command::Remove(arguments) => remove(arguments).await,
        Command::Show(arguments) => show(arguments).await,
        Command::Grant(arguments) => grant(arguments).await,
        Command::Ungrant(arguments) => ungrant(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let Policies { policies } = client.connect().await?.look("/policies").await?;
    let rows = policies.iter().map(|policy: &Policy| {
        [
            policy.level.clone(),
            yes_or_no::word(policy.enabled).to_owned(),
            policy.version.to_string(),
            policy.description.clone(),
        ]
    });
    output.print_table(["LEVEL", "ENABLED", "VERSION", "DESCRIPTION"], rows, &policies);
    Ok(())
}

async fn set(arguments: SetArguments) -> Result<(), CommandError> {
    let SetArguments { level, enabled, description, version, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let path = format!("/policies/{}{}", escape(&level), query([trial.parameter()]));
    let wanted = WantedPolicy { enabled, description };
    let mut server = client.connect().await?.only_if(version.if_version);
    let policy: Policy = server.ask(Method::PUT, &path, Some(&wanted)).await?;
    let words = format!("the policy {} is set: enabled {}", policy.level, yes_or_no::word(policy.enabled));
    output.print(trial.words(&words), &policy);
    Ok(())
}

async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { level, force, removal } = arguments;
    let (path, what) = (format!("/policies/{}", escape(&level)), format!("the policy {level}"));
    removal.carry_out::<Policy>(&path, &what, force).await
}

async fn show(arguments: ShowArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let path = format!("/users/{}/policy", escape(&arguments.address));
    let found: PolicyOf = client.connect().await?.look(&path).await?;
    output.print(in_force(&found), &found);
    Ok(())
}

async fn grant(arguments: GrantArguments) -> Result<(), CommandError> {
    let GrantArguments { policy, address, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let path = format!("/users/{}/policy{}", escape(&address), query([trial.parameter()]));
    let wish = PolicyWish { policy };
    let found: PolicyOf = client.connect().await?.ask(Method::PUT, &path, Some(&wish)).await?;
    output.print(trial.words(&in_force(&found)), &found);
    Ok(())
}

async fn ungrant(arguments: UngrantArguments) -> Result<(), CommandError> {
    let UngrantArguments { address, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let path = format!("/users/{}/policy{}", escape(&address), query([trial.parameter()]));
    let found: PolicyOf = client.connect().await?.ask(Method::DELETE, &path, NOTHING).await?;
    output.print(trial.words(&in_force(&found)), &found);
    Ok(())
}

fn in_force(found: &PolicyOf) -> String {
    format!("{}: the policy {}, enabled {}", found.address, found.effective, yes_or_no::word(found.enabled))
}
