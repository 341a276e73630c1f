//! Requests of owners, as their clients write them.

use std::sync::Arc;

use perch_xmpp::extension::form::Field;

use super::*;
use crate::chat::administration::ActNumber;
use crate::chat::affiliation::Role;
use crate::chat::category::CategoryId;
use crate::chat::settings::{Kind, PrivateMessages, Settings, Whois};

fn parse(inner: &str) -> Element {
    let xml = format!("<query xmlns='http://jabber.org/protocol/muc#owner'>{inner}</query>");
    Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap()
}

fn configuration(settings: Settings) -> Configuration {
    Configuration {
        management_url: Some("https://rooms.example/".into()),
        settings: Arc::new(settings),
        owners: vec!["owner@x".parse().unwrap()],
        admins: vec![],
        presenters: vec![],
        categories: vec![],
        is_locked: false,
    }
}

/// A submission of these fields; a value of several lines is several values.
fn submit(fields: &[(&str, &str)]) -> Form {
    fields.iter().fold(Form::new(FormKind::Submit, namespace::MUC_ROOM_CONFIG), |form, (var, values)| {
        let values: Vec<&str> = values.lines().collect();
        form.with_field(Field::submitted(var, if values.is_empty() { &[""] } else { &values }))
    })
}

#[test]
fn requests_are_told_apart() {
    let check = |inner: &str, is_set, expected: Result<Request, Refusal>| {
        assert_eq!(request(&parse(inner), is_set), expected, "{inner}");
    };
    check("", false, Ok(Request::Form));
    let cancel = Request::Command(Command::CancelConfiguration);
    check("<x xmlns='jabber:x:data' type='cancel'/>", true, Ok(cancel));
    let bad = |fault| Err(Refusal::BadRequest(fault));
    check("", true, bad("the form is missing"));
    check("<x xmlns='jabber:x:data'/>", true, bad("the form is malformed"));
    let other = "<field var='FORM_TYPE'><value>urn:tea</value></field><field var='a'/>";
    let not_asked_for = bad("this form is not the one that was asked for");
    check(&format!("<x xmlns='jabber:x:data' type='submit'>{other}</x>"), true, not_asked_for.clone());
    check("<x xmlns='jabber:x:data' type='result'/>", true, not_asked_for);
}

#[test]
fn an_empty_submission_takes_the_room_as_it_is() {
    let settings = Settings { name: "Tea".into(), ..Settings::default() };
    let query = parse("<x xmlns='jabber:x:data' type='submit'/>");
    let Ok(Request::Submission(form)) = request(&query, true) else { panic!() };
    let command = submission(&form, &configuration(settings.clone()));
    let expected = Command::Configure { settings: Box::new(settings), people: People::default() };
    assert_eq!(command, Ok(expected));
}

#[test]
fn a_room_is_destroyed_with_a_word() {
    let check = |inner: &str, reason: &str, alternate: Option<&str>, password: Option<&str>| {
        let expected = Command::Destroy {
            reason: reason.into(),
            alternate: alternate.map(|jid| jid.parse().unwrap()),
            password: password.map(Into::into),
        };
        assert_eq!(request(&parse(inner), true), Ok(Request::Command(expected)), "{inner}");
    };
    check("<destroy/>", "", None, None);
    check("<destroy jid=''><password/></destroy>", "", None, None);
    check(
        "<destroy jid='coven@rooms.x'><reason>Macbeth doth come.</reason><password>p</password></destroy>",
        "Macbeth doth come.",
        Some("coven@rooms.x"),
        Some("p"),
    );
    let malformed = Err(Refusal::BadRequest("an address is malformed"));
    assert_eq!(request(&parse("<destroy jid='@x'/>"), true), malformed);
}

#[test]
fn each_field_means_one_setting() {
    let plain = Settings::default;
    let check = |fields: &[(&str, &str)], expected: Settings| {
        let Ok(Command::Configure { settings, .. }) = submission(&submit(fields), &configuration(plain()))
        else {
            panic!("{fields:?}")
        };
        assert_eq!(*settings, expected, "{fields:?}");
    };
    check(&[], plain());
    check(&[("muc#roomconfig_unknown", "1")], plain());
    check(&[("muc#roomconfig_roomname", "Tea")], Settings { name: "Tea".into(), ..plain() });
    check(&[("muc#roomconfig_roomdesc", "hot")], Settings { description: "hot".into(), ..plain() });
    check(&[("muc#roomconfig_lang", "en")], Settings { lang: "en".into(), ..plain() });
    check(&[("muc#roomconfig_publicroom", "0")], Settings { public: false, ..plain() });
    check(&[("muc#roomconfig_persistentroom", "false")], Settings { persistent: false, ..plain() });
    check(&[("muc#roomconfig_membersonly", "true")], Settings { members_only: true, ..plain() });
    check(&[("muc#roomconfig_moderatedroom", "1")], Settings { moderated: true, ..plain() });
    check(&[("muc#roomconfig_changesubject", "1")], Settings { subject_by_participants: true, ..plain() });
    check(&[("muc#roomconfig_allowinvites", "0")], Settings { invitations: false, ..plain() });
    check(&[("muc#roomconfig_enablelogging", "0")], Settings { archived: false, ..plain() });
    check(&[("muc#roomconfig_maxusers", "20")], Settings { occupants_max: Some(20), ..plain() });
    check(&[("muc#maxhistoryfetch", "7")], Settings { history_max: 7, ..plain() });
    check(&[("muc#roomconfig_whois", "anyone")], Settings { whois: Whois::Anyone, ..plain() });
    let private_messages = PrivateMessages::Participants;
    check(&[("muc#roomconfig_allowpm", "participants")], Settings { private_messages, ..plain() });
    let contacts = vec!["a@x".to_owned(), "b@x".to_owned()];
    check(&[("muc#roominfo_contactjid", "a@x\nb@x")], Settings { contacts, ..plain() });
    let presence_broadcast = vec![Role::Moderator, Role::Participant];
    check(
        &[("muc#roomconfig_presencebroadcast", "moderator\nparticipant")],
        Settings { presence_broadcast, ..plain() },
    );
    let member_list = vec![Role::Moderator];
    check(&[("muc#roomconfig_getmemberlist", "moderator\nadmin")], Settings { member_list, ..plain() });
}

#[test]
fn what_cannot_be_understood_is_not_acceptable() {
    let check = |var: &str, value: &str| {
        let refused = submission(&submit(&[(var, value)]), &configuration(Settings::default()));
        assert!(matches!(refused, Err(Refusal::BadSetting(_))), "{var} {refused:?}");
    };
    check("muc#roomconfig_moderatedroom", "perhaps");
    check("muc#roomconfig_maxusers", "many");
    check("muc#roomconfig_maxusers", "-1");
    check("muc#maxhistoryfetch", "all");
    check("muc#roomconfig_whois", "nobody");
    check("muc#roomconfig_allowpm", "friends");
    check("muc#roomconfig_presencebroadcast", "king");
    check("muc#roomconfig_roomowners", "@x");
    check("muc#roomconfig_passwordprotectedroom", "1");
}

#[test]
fn a_password_is_set_kept_and_taken_away() {
    const SWITCH: &str = "muc#roomconfig_passwordprotectedroom";
    const SECRET: &str = "muc#roomconfig_roomsecret";
    let check = |current: Option<&str>, fields: &[(&str, &str)], expected: Option<&str>| {
        let settings = Settings { password: current.map(Into::into), ..Settings::default() };
        let Ok(Command::Configure { settings, .. }) = submission(&submit(fields), &configuration(settings))
        else {
            panic!("{fields:?}")
        };
        assert_eq!(settings.password.as_deref(), expected, "{fields:?}");
    };
    check(None, &[(SWITCH, "1"), (SECRET, "sesame")], Some("sesame"));
    check(None, &[(SECRET, "sesame")], Some("sesame"));
    check(None, &[(SECRET, "")], None);
    check(Some("old"), &[], Some("old"));
    check(Some("old"), &[(SWITCH, "1")], Some("old"));
    check(Some("old"), &[(SWITCH, "0"), (SECRET, "old")], None);
    check(Some("old"), &[(SECRET, "new")], Some("new"));
}

#[test]
fn the_lists_of_owners_and_admins_are_whole_lists() {
    let check = |fields: &[(&str, &str)], owners: Option<&[&str]>, admins: Option<&[&str]>| {
        let jids = |list: &[&str]| list.iter().map(|jid| jid.parse().unwrap()).collect();
        let expected = Command::Configure {
            settings: Box::default(),
            people: People { owners: owners.map(jids), admins: admins.map(jids), presenters: None },
        };
        let command = submission(&submit(fields), &configuration(Settings::default()));
        assert_eq!(command, Ok(expected), "{fields:?}");
    };
    check(&[], None, None);
    check(&[("muc#roomconfig_roomadmins", "a@x\nb@x/phone")], None, Some(&["a@x", "b@x"]));
    check(&[("muc#roomconfig_roomadmins", "")], None, Some(&[]));
    check(&[("muc#roomconfig_roomowners", "owner@x")], Some(&["owner@x"]), None);
}

#[test]
fn the_form_submitted_as_it_came_changes_nothing() {
    let check = |settings: Settings| {
        let query = form("tea@rooms.x", &configuration(settings.clone()));
        let mut filled_in = Form::read(query.child("x", namespace::DATA_FORM).unwrap()).unwrap();
        filled_in.kind = FormKind::Submit;
        let expected = Command::Configure {
            settings: Box::new(settings.clone()),
            people: People {
                owners: Some(vec!["owner@x".parse().unwrap()]),
                admins: Some(vec![]),
                presenters: Some(vec![]),
            },
        };
        assert_eq!(submission(&filled_in, &configuration(settings)), Ok(expected));
    };
    check(Settings::default());
    check(Settings {
        name: "Tea <&>".into(),
        description: "hot".into(),
        lang: "en".into(),
        password: Some("sesame".into()),
        occupants_max: Some(42),
        public: false,
        members_only: true,
        moderated: true,
        persistent: false,
        whois: Whois::Anyone,
        private_messages: PrivateMessages::None,
        invitations: false,
        subject_by_participants: true,
        presence_broadcast: vec![Role::Moderator],
        member_list: vec![],
        archived: false,
        history_max: 0,
        retention_days: Some(30),
        contacts: vec!["help@x".into()],
        category: Some(CategoryId(3)),
        kind: Kind::Auditorium,
        disabled: true,
        invites_members: false,
        addin: Some(ActNumber(7)),
    });
}

#[test]
fn the_form_has_every_field_that_a_complete_one_has() {
    let query = form("tea@rooms.x", &configuration(Settings::default()));
    let form = Form::read(query.child("x", namespace::DATA_FORM).unwrap()).unwrap();
    assert_eq!((form.kind, form.form_type()), (FormKind::Form, Some(namespace::MUC_ROOM_CONFIG)));
    let names = "passwordprotectedroom roomsecret maxusers enablelogging roomadmins roomowners membersonly \
                 moderatedroom persistentroom publicroom whois allowpm allowinvites changesubject getmemberlist \
                 presencebroadcast roomname roomdesc lang";
    for name in names.split_whitespace() {
        assert!(form.field(&format!("muc#roomconfig_{name}")).is_some(), "{name}");
    }
    assert!(form.field("muc#maxhistoryfetch").is_some());
    assert_eq!(form.value("x-perch_room_management_url"), Some("https://rooms.example/"));
}
