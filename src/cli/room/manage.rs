//! `perch room show|set|disable|enable|remove`.

use clap::Args;
use hyper::Method;

use super::{kind, privacy};
use crate::admin::wire::Address;
use crate::admin::wire::category::ListChange;
use crate::admin::wire::room::{RoomChange, RoomDetail};
use crate::chat::settings::{Kind, Privacy};
use crate::cli::client::{NOTHING, escape, query};
use crate::cli::consent::Consent;
use crate::cli::output::table;
use crate::cli::{Asking, CommandError, IfVersion, yes_or_no};

/// What a room is.
#[derive(Debug, Args)]
pub(super) struct What {
    /// The name that people read
    #[arg(long)]
    title: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// `open`, `closed` or `secret`; or `unlisted`
    #[arg(long, value_parser = privacy)]
    privacy: Option<Privacy>,
    /// `normal` or `auditorium`
    #[arg(long = "type", value_parser = kind, value_name = "TYPE")]
    kind: Option<Kind>,
    /// Invite new members, where the category lets its rooms do so
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no::parse)]
    invitations: Option<bool>,
    /// The add-in beside the conversation; empty for none
    #[arg(long, value_name = "NAME")]
    addin: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The address, or what it has before the `@`
    #[arg(value_name = "ROOM")]
    room: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArguments {
    /// The address, or what it has before the `@`
    #[arg(value_name = "ROOM")]
    room: String,
    /// Move it to another category: whoever is out of scope there leaves
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    #[command(flatten)]
    what: What,
    #[arg(long, value_name = "PRINCIPAL")]
    add_manager: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    strike_manager: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    add_member: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    strike_member: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    add_presenter: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    strike_presenter: Vec<String>,
    #[command(flatten)]
    version: IfVersion,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArguments {
    /// The address, or what it has before the `@`
    #[arg(value_name = "ROOM")]
    room: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn show(arguments: ShowArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let room: RoomDetail = client.connect().await?.look(&path(&arguments.room)).await?;
    output.print(sheet(&room), &room);
    Ok(())
}

pub(in crate::cli) async fn set(arguments: SetArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let list = |add, strike| ListChange { set: None, add, strike };
    let change = RoomChange {
        category: arguments.category,
        managers: list(arguments.add_manager, arguments.strike_manager),
        members: list(arguments.add_member, arguments.strike_member),
        presenters: list(arguments.add_presenter, arguments.strike_presenter),
        ..arguments.what.change()
    };
    let mut server = client.connect().await?.only_if(arguments.version.if_version);
    let changed: RoomDetail = server.ask(Method::PATCH, &path(&arguments.room), Some(&change)).await?;
    output.print(sheet(&changed), &changed);
    Ok(())
}

pub(in crate::cli) async fn disable(arguments: ShowArguments, disabled: bool) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let change = RoomChange { disabled: Some(disabled), ..RoomChange::default() };
    let mut server = client.connect().await?;
    let changed: RoomDetail = server.ask(Method::PATCH, &path(&arguments.room), Some(&change)).await?;
    let words = if disabled { "is out of service" } else { "is in service" };
    output.print(format_args!("{} {words}", changed.address), &changed);
    Ok(())
}

pub(in crate::cli) async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { room, consent, asking } = arguments;
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    consent.obtain(&format!("end the room {room} for good?"))?;
    let path = format!("{}{}", path(&room), query([consent.trial.parameter()]));
    let removed: Address = server.ask(Method::DELETE, &path, NOTHING).await?;
    output.print(consent.trial.words(&format!("{} was removed", removed.address)), &removed);
    Ok(())
}

impl What {
    pub(super) fn change(self) -> RoomChange {
        RoomChange {
            title: self.title,
            description: self.description,
            privacy: self.privacy,
            kind: self.kind,
            invitations: self.invitations,
            addin: self.addin,
            ..RoomChange::default()
        }
    }
}

fn path(room: &str) -> String {
    format!("/rooms/{}", escape(room))
}

/// A line for each of its properties.
fn sheet(room: &RoomDetail) -> String {
    let rows = [
        ("guid", room.guid.clone()),
        ("uri", room.uri.clone()),
        ("title", room.title.clone()),
        ("description", room.description.clone()),
        ("category", room.category.clone().unwrap_or_default()),
        ("add-in", room.addin.clone().unwrap_or_default()),
        ("privacy", room.privacy.as_str().to_owned()),
        ("type", room.kind.as_str().to_owned()),
        ("invitations", yes_or_no::word(room.invitations).to_owned()),
        ("disabled", yes_or_no::word(room.disabled).to_owned()),
        ("managers", room.managers.join(" ")),
        ("members", room.members.join(" ")),
        ("presenters", room.presenters.join(" ")),
        ("banned", room.banned.join(" ")),
        ("version", room.version.to_string()),
    ];
    table(["ROOM", &room.address], rows.map(|(name, value)| [name.to_owned(), value]))
}
