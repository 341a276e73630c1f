//! `perch token …`: what programs show to the administration over the network.

use std::time::Duration;

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{NOTHING, every_page, query};
use super::consent::Consent;
use super::{Asking, CommandError};
use crate::admin::wire::{MadeToken, NewToken, Token, TokenPage};
use crate::chat::administration::scope::Scope;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token; it is printed this once
    New(NewArguments),
    /// List the tokens
    List(ListArguments),
    /// Have a token prove nothing any more
    Revoke(RevokeArguments),
}

#[derive(Debug, Args)]
#[group(id = "holder", required = true, multiple = false)]
pub(super) struct Holder {
    /// The account whose token it is: it may do what that one may
    #[arg(long, value_name = "NAME@DOMAIN", group = "holder")]
    account: Option<String>,
    /// The program whose token it is: it may do what an administrator may, within the scopes
    #[arg(long, value_name = "NAME", group = "holder")]
    service: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    #[command(flatten)]
    holder: Holder,
    /// What it is good for: users:read, users:write, rooms:read, rooms:write, messages:read, messages:write, pool:read,
    /// pool:write, policy:read, policy:write, audit:read, or admin for everything
    #[arg(long = "scope", required = true, value_delimiter = ',', value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
    /// For how long: a number with s, m, h or d, a year at most
    #[arg(long, default_value = "90d", value_name = "TIME", value_parser = lifetime)]
    expires: Duration,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those of this account
    #[arg(long, value_name = "NAME@DOMAIN")]
    account: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    /// Its number, as in the list
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::New(arguments) => new(arguments).await,
        Command::List(arguments) => list(arguments).await,
        Command::Revoke(arguments) => revoke(arguments).await,
    }
}

async fn new(arguments: NewArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let new = NewToken {
        scopes: arguments.scopes.into_iter().map(Into::into).collect(),
        expires_in: arguments.expires.as_secs(),
        account: arguments.holder.account,
        service: arguments.holder.service,
    };
    let made: MadeToken = client.connect().await?.ask(Method::POST, "/tokens", Some(&new)).await?;
    let Token { id, holder, expires_at, .. } = &made.entry;
    output.print(format_args!("{}\ntoken {id} of {holder}, until {expires_at}", made.token), &made);
    Ok(())
}

async fn list(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let page = async |after| {
        let path = query([("account", arguments.account.clone()), ("after", after)]);
        let page: TokenPage = server.look(&format!("/tokens{path}")).await?;
        Ok((page.tokens, page.next))
    };
    let tokens = every_page(page).await?;
    let rows = tokens.iter().map(|token: &Token| {
        let scopes: Vec<_> = token.scopes.iter().map(|name| Scope::from(*name).as_str()).collect();
        [token.id.to_string(), token.holder.clone(), scopes.join(" "), token.expires_at.clone()]
    });
    output.print_table(["ID", "HOLDER", "SCOPES", "EXPIRES"], rows, &tokens);
    Ok(())
}

async fn revoke(arguments: RevokeArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let RevokeArguments { id, consent, .. } = arguments;
    consent.obtain(&format!("revoke the token {id}?"))?;
    let path = format!("/tokens/{id}{}", query([consent.trial.parameter()]));
    let revoked: Token = server.ask(Method::DELETE, &path, NOTHING).await?;
    output.print(consent.trial.words(&format!("token {id} of {} was revoked", revoked.holder)), &revoked);
    Ok(())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let names: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || "it is a number with s, m, h or d behind it, such as 90d".to_owned();
    let (unit_at, unit) = text.char_indices().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..unit_at].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90d", 7_776_000), ("1h", 3600), ("5m", 300), ("60s", 60)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "90", "1w", "-1d", "1.5h", "1 d"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
