//! What each command does: reads what was filled in, hands it to the administration, and tells what came of it.

use perch_address::BareJid;
use perch_xmpp::extension::adhoc::Note;
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::namespace;

use super::catalogue::{
    ACCOUNT, ACCOUNTS, AFTER, AdHoc, MAX_ITEMS, NO_LIMIT, PASSWORD, PASSWORD_AGAIN, Place,
};
use super::refusal::Failure;
use crate::admin::api::Condition;
use crate::admin::api::room::RoomChange;
use crate::admin::caller::Who;
use crate::admin::{Admin, AdminError, Caller};
use crate::auth::Secret;
use crate::store::room_search::RoomSearch;

/// What came of a command.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) report: Option<Form>,
    pub(super) notes: Vec<Note>,
}

pub(super) async fn execute(
    admin: &Admin,
    caller: &Caller,
    place: Place<'_>,
    command: AdHoc,
    form: Option<&Form>,
) -> Result<Done, Failure> {
    match (command, place) {
        (AdHoc::AddUser, _) => add_user(admin, caller, form).await,
        (AdHoc::DeleteUser | AdHoc::DisableUser | AdHoc::ReenableUser, _) => {
            change_each(admin, caller, command, form).await
        }
        (AdHoc::ChangeUserPassword, _) => change_password(admin, caller, form).await,
        (AdHoc::RegisteredUsersNum, _) => {
            let count = admin.user_count(caller).await?.to_string();
            Ok(Done::report(Field::text("registeredusersnum", "How many users there are", &count)))
        }
        (AdHoc::RegisteredUsersList, _) => list_users(admin, caller, form).await,
        (AdHoc::MyRooms, _) => list_rooms(admin, caller).await,
        (AdHoc::DisableRoom, Place::Room(room)) => set_disabled(admin, caller, room, true).await,
        (AdHoc::EnableRoom, Place::Room(room)) => set_disabled(admin, caller, room, false).await,
        (AdHoc::DisableRoom | AdHoc::EnableRoom, _) => Err(AdminError::NoSuchRoom.into()),
        // They are no matter of the administration.
        (AdHoc::MyFeeds | AdHoc::SetFeed | AdHoc::RemoveFeed, _) => Err(AdminError::Forbidden.into()),
    }
}

async fn add_user(admin: &Admin, caller: &Caller, form: Option<&Form>) -> Result<Done, Failure> {
    let (account, password) = (required(form, ACCOUNT)?, required(form, PASSWORD)?);
    if form.and_then(|form| form.value(PASSWORD_AGAIN)).is_some_and(|again| again != password) {
        return Err(Failure::Payload("the two passwords differ"));
    }
    admin.add_user(caller, account, Secret::Password(password.into())).await?;
    Ok(Done::default())
}

async fn change_password(admin: &Admin, caller: &Caller, form: Option<&Form>) -> Result<Done, Failure> {
    let (account, password) = (required(form, ACCOUNT)?, required(form, PASSWORD)?);
    admin.change_secret(caller, account, Secret::Password(password.into())).await?;
    Ok(Done::default())
}

/// Does it to one account after the other. As long as it could be done to one of them, it is only noted of which others it
/// could not.
async fn change_each(
    admin: &Admin,
    caller: &Caller,
    command: AdHoc,
    form: Option<&Form>,
) -> Result<Done, Failure> {
    let accounts = form.and_then(|form| form.values(ACCOUNTS)).unwrap_or_default();
    if accounts.is_empty() {
        return Err(Failure::Payload("the form names no account"));
    }
    if accounts.len() > ACCOUNTS_MAX {
        return Err(Failure::Payload("the form names more than 100 accounts"));
    }
    let mut failed = Vec::new();
    for account in accounts {
        let done = match command {
            AdHoc::DeleteUser => admin.remove_user(caller, account).await.map(drop),
            _ => {
                let is_disabled = command == AdHoc::DisableUser;
                admin.set_user_disabled(caller, account, is_disabled).await.map(drop)
            }
        };
        if let Err(error) = done {
            failed.push((account, error));
        }
    }
    match failed.first() {
        Some((_, error)) if failed.len() == accounts.len() => Err((*error).into()),
        _ => {
            let note = |(account, error): (&String, AdminError)| Note::error(format!("{account}: {error}"));
            Ok(Done { report: None, notes: failed.into_iter().map(note).collect() })
        }
    }
}

async fn list_users(admin: &Admin, caller: &Caller, form: Option<&Form>) -> Result<Done, Failure> {
    let value = |var| form.and_then(|form| form.value(var)).filter(|value| !value.is_empty());
    let limit = match value(MAX_ITEMS) {
        None | Some(NO_LIMIT) => None,
        Some(number) => Some(number.parse().map_err(|_| Failure::Payload("the number of items is none"))?),
    };
    let page = admin.users(caller, value(AFTER), limit).await?;
    let users = page.items.iter().map(|user| user.address.as_str());
    let list = Field::new(FieldKind::JidMulti, "registereduserjids", "The users").with_values(users);
    let next = page.next.map(|next| Field::text(AFTER, "There are more, behind this name", &next));
    Ok(Done::reports([Some(list), next].into_iter().flatten()))
}

/// Those of which the asker is a manager himself, not by a group.
async fn list_rooms(admin: &Admin, caller: &Caller) -> Result<Done, Failure> {
    let Who::Account(asker) = &caller.who else { return Err(AdminError::Forbidden.into()) };
    let search = RoomSearch { manager: Some(asker.clone()), ..RoomSearch::default() };
    let page = admin.search_rooms(caller, search, None, None).await?;
    let rooms = page.items.iter().map(|room| room.address.as_str());
    let list = Field::new(FieldKind::JidMulti, "x-perch_rooms", "The rooms that you manage");
    let more = page.next.map(|_| Note::info("There are more."));
    Ok(Done { notes: more.into_iter().collect(), ..Done::report(list.with_values(rooms)) })
}

async fn set_disabled(
    admin: &Admin,
    caller: &Caller,
    room: &BareJid,
    is_disabled: bool,
) -> Result<Done, Failure> {
    let change = RoomChange { disabled: Some(is_disabled), ..RoomChange::default() };
    admin.change_room(caller, room.as_str(), change, Condition::Present).await?;
    Ok(Done::default())
}

impl Done {
    fn report(field: Field) -> Self {
        Self::reports([field])
    }

    fn reports(fields: impl IntoIterator<Item = Field>) -> Self {
        let form = Form::new(FormKind::Result, namespace::SERVICE_ADMINISTRATION);
        Self { report: Some(fields.into_iter().fold(form, Form::with_field)), notes: Vec::new() }
    }
}

pub(super) fn required<'a>(form: Option<&'a Form>, var: &str) -> Result<&'a str, Failure> {
    let value = form.and_then(|form| form.value(var)).filter(|value| !value.is_empty());
    value.ok_or(Failure::Payload("a field is empty that has to be filled in"))
}

/// In one form: each is a commit of its own, and the session waits for all of them.
const ACCOUNTS_MAX: usize = 100;
