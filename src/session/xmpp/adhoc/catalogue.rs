//! Which commands there are: where each is asked for, how it is called, what has to be filled in, and to whom it is offered.
//!
//! Where XEP-0133 has a command, node and fields are its own.

use perch_address::BareJid;
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::admin::rights::Operation;
use crate::admin::{Admin, AdminError, Caller};

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdHoc {
    AddUser,
    DeleteUser,
    DisableUser,
    ReenableUser,
    ChangeUserPassword,
    RegisteredUsersNum,
    RegisteredUsersList,
    MyRooms,
    MyFeeds,
    SetFeed,
    RemoveFeed,
    DisableRoom,
    EnableRoom,
}

/// Who is asked for commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session::xmpp) enum Place<'a> {
    Server,
    RoomsService,
    Room(&'a BareJid),
}

impl AdHoc {
    /// Those that are asked for there.
    pub(super) fn at(place: Place<'_>) -> &'static [Self] {
        match place {
            Place::Server => &[
                Self::AddUser,
                Self::DeleteUser,
                Self::DisableUser,
                Self::ReenableUser,
                Self::ChangeUserPassword,
                Self::RegisteredUsersNum,
                Self::RegisteredUsersList,
            ],
            Place::RoomsService => &[Self::MyRooms, Self::MyFeeds, Self::SetFeed, Self::RemoveFeed],
            Place::Room(_) => &[Self::DisableRoom, Self::EnableRoom],
        }
    }

    pub(super) fn find(place: Place<'_>, node: &str) -> Option<Self> {
        Self::at(place).iter().copied().find(|command| command.node() == node)
    }

    pub(super) fn node(self) -> &'static str {
        match self {
            Self::AddUser => "http://jabber.org/protocol/admin#add-user",
            Self::DeleteUser => "http://jabber.org/protocol/admin#delete-user",
            Self::DisableUser => "http://jabber.org/protocol/admin#disable-user",
            Self::ReenableUser => "http://jabber.org/protocol/admin#reenable-user",
            Self::ChangeUserPassword => "http://jabber.org/protocol/admin#change-user-password",
            Self::RegisteredUsersNum => "http://jabber.org/protocol/admin#get-registered-users-num",
            Self::RegisteredUsersList => "http://jabber.org/protocol/admin#get-registered-users-list",
            Self::MyRooms => "urn:perch:command:my-rooms",
            Self::MyFeeds => "urn:perch:command:my-feeds",
            Self::SetFeed => "urn:perch:command:set-feed",
            Self::RemoveFeed => "urn:perch:command:remove-feed",
            Self::DisableRoom => "urn:perch:command:disable-room",
            Self::EnableRoom => "urn:perch:command:enable-room",
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AddUser => "Add a user",
            Self::DeleteUser => "Delete users",
            Self::DisableUser => "Disable users",
            Self::ReenableUser => "Enable users again",
            Self::ChangeUserPassword => "Change a user's password",
            Self::RegisteredUsersNum => "Count the users",
            Self::RegisteredUsersList => "List the users",
            Self::MyRooms => "List the rooms that you manage",
            Self::MyFeeds => "List your topic feeds",
            Self::SetFeed => "Set a topic feed",
            Self::RemoveFeed => "Remove a topic feed",
            Self::DisableRoom => "Disable this room",
            Self::EnableRoom => "Enable this room again",
        }
    }

    /// Whether somebody sees it. What he then does with it may still be refused: not everybody may be disabled by everybody
    /// who may disable.
    pub(super) async fn is_offered(
        self,
        admin: &Admin,
        caller: &Caller,
        place: Place<'_>,
    ) -> Result<bool, AdminError> {
        let Some(operation) = self.operation() else { return Ok(true) };
        match (admin.is_permitted(caller, operation).await?, place) {
            (true, Place::Room(room)) => admin.may_change_room(caller, room.as_str()).await,
            (is_permitted, _) => Ok(is_permitted),
        }
    }

    /// `None`: it is about what is one's own.
    fn operation(self) -> Option<Operation> {
        let operation = match self {
            Self::AddUser => Operation::AddUser,
            Self::DeleteUser => Operation::RemoveUser,
            Self::DisableUser | Self::ReenableUser => Operation::ChangeUser,
            Self::ChangeUserPassword => Operation::ChangeSecret,
            Self::RegisteredUsersNum | Self::RegisteredUsersList => Operation::ListUsers,
            Self::MyRooms => Operation::ListRooms,
            Self::DisableRoom => Operation::ManageRoom,
            // Its managers cannot: it is for those to decide who could also end it.
            Self::EnableRoom => Operation::RemoveRoom,
            Self::MyFeeds | Self::SetFeed | Self::RemoveFeed => return None,
        };
        Some(operation)
    }

    /// What has to be filled in; `None`: nothing.
    pub(super) fn form(self) -> Option<Form> {
        let fields = match self {
            Self::AddUser => vec![
                account("The address of the new account"),
                password(PASSWORD, "Its password"),
                password(PASSWORD_AGAIN, "The password again"),
            ],
            Self::DeleteUser => vec![accounts("The addresses of the accounts to be deleted")],
            Self::DisableUser => vec![accounts("The addresses of the accounts to be disabled")],
            Self::ReenableUser => vec![accounts("The addresses of the accounts to be enabled")],
            Self::ChangeUserPassword => {
                vec![account("The address of the account"), password(PASSWORD, "Its new password")]
            }
            Self::RegisteredUsersList => vec![page_length(), first_behind()],
            Self::SetFeed => vec![
                feed_name(),
                Field::new(FieldKind::TextSingle, WORDS, "Words that it looks for"),
                matching(),
                Field::new(FieldKind::JidMulti, AUTHORS, "Only what one of these has said"),
            ],
            Self::RemoveFeed => vec![feed_name()],
            Self::RegisteredUsersNum
            | Self::MyRooms
            | Self::MyFeeds
            | Self::DisableRoom
            | Self::EnableRoom => return None,
        };
        let form_type =
            if self.operation().is_some() { namespace::SERVICE_ADMINISTRATION } else { namespace::FEEDS };
        let form = Form::new(FormKind::Form, form_type).with_title(self.name());
        Some(fields.into_iter().fold(form, Form::with_field))
    }

    /// The command in the list of commands.
    pub(super) fn item(self, host: &str) -> Element {
        Element::new("item", namespace::DISCO_ITEMS)
            .with_attribute("jid", host)
            .with_attribute("node", self.node())
            .with_attribute("name", self.name())
    }

    /// What it says of itself (XEP-0050 §2.2).
    pub(super) fn info(self) -> Element {
        Element::new("query", namespace::DISCO_INFO)
            .with_attribute("node", self.node())
            .with_child(identity("command-node", self.name()))
            .with_child(feature(namespace::COMMANDS))
            .with_child(feature(namespace::DATA_FORM))
    }
}

/// What the list says of itself.
pub(super) fn list_info() -> Element {
    Element::new("query", namespace::DISCO_INFO)
        .with_attribute("node", namespace::COMMANDS)
        .with_child(identity("command-list", "Commands"))
        .with_child(feature(namespace::DISCO_ITEMS))
}

fn identity(kind: &str, name: &str) -> Element {
    Element::new("identity", namespace::DISCO_INFO)
        .with_attribute("category", "automation")
        .with_attribute("type", kind)
        .with_attribute("name", name)
}

fn feature(var: &str) -> Element {
    Element::new("feature", namespace::DISCO_INFO).with_attribute("var", var)
}

fn account(label: &str) -> Field {
    Field::new(FieldKind::JidSingle, ACCOUNT, label).required()
}

fn accounts(label: &str) -> Field {
    Field::new(FieldKind::JidMulti, ACCOUNTS, label).required()
}

fn password(var: &str, label: &str) -> Field {
    Field::new(FieldKind::TextPrivate, var, label).required()
}

fn page_length() -> Field {
    let field = Field::new(FieldKind::ListSingle, MAX_ITEMS, "How many at most").with_value("100");
    let lengths = ["25", "50", "75", "100", "150", "200"];
    let field = lengths.into_iter().fold(field, |field, length| field.with_option(length, length));
    field.with_option("As many as possible", NO_LIMIT)
}

fn first_behind() -> Field {
    Field::text(AFTER, "Only those behind this name", "")
}

fn feed_name() -> Field {
    Field::new(FieldKind::TextSingle, NAME, "Its name").required()
}

fn matching() -> Field {
    let field =
        Field::new(FieldKind::ListSingle, MATCH, "How much of them has to be there").with_value("all");
    let ways = [("All words", "all"), ("One of them", "any"), ("All in a row", "phrase")];
    ways.into_iter().fold(field, |field, (label, way)| field.with_option(label, way))
}

pub(super) const ACCOUNT: &str = "accountjid";
pub(super) const ACCOUNTS: &str = "accountjids";
pub(super) const PASSWORD: &str = "password";
pub(super) const PASSWORD_AGAIN: &str = "password-verify";
pub(super) const MAX_ITEMS: &str = "max_items";
pub(super) const NO_LIMIT: &str = "none";

/// XEP-0133 leaves open how one goes on in a list that is too long for one answer.
pub(super) const AFTER: &str = "x-perch_after";
pub(super) const NAME: &str = "name";
pub(super) const WORDS: &str = "words";
pub(super) const MATCH: &str = "match";
pub(super) const AUTHORS: &str = "authors";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_node_and_in_its_place_alone() {
        let room: BareJid = "tea@rooms.x".parse().unwrap();
        let places = [Place::Server, Place::RoomsService, Place::Room(&room)];
        for place in places {
            for command in AdHoc::at(place) {
                for elsewhere in places {
                    let found = AdHoc::find(elsewhere, command.node());
                    assert_eq!(found, (elsewhere == place).then_some(*command));
                }
            }
        }
    }

    #[test]
    fn passwords_are_asked_for_in_fields_that_clients_do_not_show() {
        let check = |command: AdHoc| {
            let form = command.form().unwrap();
            assert_eq!(form.field(PASSWORD).unwrap().kind, Some(FieldKind::TextPrivate));
        };
        check(AdHoc::AddUser);
        check(AdHoc::ChangeUserPassword);
    }
}
