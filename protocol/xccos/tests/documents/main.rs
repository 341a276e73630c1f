//! Documents from outside: what clients send, what they are sent, and what nobody should.

mod properties;

use std::fs;
use std::path::Path;

use perch_xccos::block::{self, Rights, Room, Said};
use perch_xccos::command::{Preference, Unfit};
use perch_xccos::reply::{Filling, Outcome, chunks, notice, reply};
use perch_xccos::{
    Asked, BODY_BYTES_MAX, Command, Envelope, EnvelopeError, ITEMS_MAX, Item, MESSAGE_CHARACTERS_MAX, Post,
    ROOMS_MAX, RoomAddress,
};

fn wrapped(inside: &str) -> String {
    format!("<xccos ver=\"1\" envid=\"139132350\" xmlns=\"urn:parlano:xml:ns:xccos\">{inside}</xccos>")
}

fn room(id: &str) -> RoomAddress {
    RoomAddress { domain: "rooms.example".into(), id: id.into(), named: None }
}

fn asked(command: &str) -> Asked {
    let envelope =
        Envelope::parse(wrapped(command).as_bytes()).unwrap_or_else(|error| panic!("{command}: {error}"));
    match <[Item; 1]>::try_from(envelope.items) {
        Ok([Item::Command(asked)]) => asked,
        other => panic!("{command}: {other:?}"),
    }
}

#[test]
fn commands_are_what_clients_send() {
    let check = |inside: &str, reply: &str, expected: Command| {
        let asked = asked(inside);
        assert_eq!(asked.command, Ok(expected), "{inside}");
        assert_eq!((&*asked.name, &*asked.reference.sequence), (reply, "1"), "{inside}");
        assert_eq!(&*asked.reference.envelope, "139132350");
    };
    let command =
        |id: &str, data: &str| format!("<cmd id=\"cmd:{id}\" seqid=\"1\"><data>{data}</data></cmd>");
    let one = "<chanid key=\"0\" domain=\"rooms.example\" value=\"tea\"/>";
    let two = format!("{one}<chanid key=\"1\" domain=\"rooms.example\" value=\"t%C3%A9\"/>");
    let block = "<chanib uri=\"ma-chan://rooms.example/tea\"/>";
    let preference =
        |content: &str| Preference { label: "L".into(), number: "71".into(), content: content.into() };
    check("<cmd id=\"cmd:requri\" seqid=\"1\"><data/></cmd>", "requri", Command::RequestUri);
    check(
        &command("getserverinfo", "<sib domain=\"example\" infoType=\"123\"/>"),
        "getserverinfo",
        Command::ServerInfo { kind: "123".into() },
    );
    check(&command("getassociations", ""), "getassociations", Command::Associations);
    check(&command("join", one), "join", Command::Join(vec![room("tea")]));
    check(&command("BJOIN", &two), "BJOIN", Command::Join(vec![room("tea"), room("té")]));
    check(&command("part", block), "part", Command::Part(room("tea")));
    check(
        &command("bccontext", &format!("{block}<bcq><last cnt=\"25\"/></bcq>")),
        "bccontext",
        Command::Context { room: room("tea"), count: 25 },
    );
    check(
        &command("chansrch", "<qib qtype=\"BYNAME\" criteria=\"te\" extended=\"false\"/>"),
        "chansrch",
        Command::Search { criteria: "te".into(), is_extended: false },
    );
    check(&command("getinv", "<inv inviteId=\"1\" domain=\"example\"/>"), "getinv", Command::Invitations);
    check(
        &command("getpref", "<pref label=\"L\" seqid=\"71\" createdefault=\"true\"/>"),
        "getpref",
        Command::Preference(preference("")),
    );
    check(
        &command("setpref", "<pref label=\"L\" seqid=\"71\" createdefault=\"false\" content=\"QQ==\"/>"),
        "setpref",
        Command::SetPreference(preference("QQ==")),
    );
    check(&command("nodespermcreatechild", ""), "nodespermcreatechild", Command::MayCreateIn);
    let file = "<ftdb channelUri=\"ma-chan://rooms.example/tea\" fileUrl=\"notes.txt\"/>";
    check(&command("getfutok", file), "getftok", Command::FileToken);
    check(&command("getfdtok", file), "getftok", Command::FileToken);
}

#[test]
fn a_command_that_is_not_fit_can_still_be_answered() {
    let check = |inside: &str, name: &str, expected: Unfit| {
        let asked = asked(inside);
        assert_eq!((&*asked.name, asked.command), (name, Err(expected)), "{inside}");
    };
    check("<cmd id=\"cmd:dance\" seqid=\"1\"/>", "dance", Unfit::Unknown);
    check("<cmd id=\"join\"/>", "join", Unfit::Unknown);
    check("<cmd/>", "", Unfit::Unknown);
    check("<cmd id=\"cmd:join\"><data/></cmd>", "join", Unfit::Malformed("there is no chanid"));
    check(
        "<cmd id=\"cmd:join\"><data><chanid value=\"tea\"/></data></cmd>",
        "join",
        Unfit::Malformed("a chanid names no room"),
    );
    check("<cmd id=\"cmd:part\"><data/></cmd>", "part", Unfit::Malformed("no chanib names a room"));
    check("<cmd id=\"cmd:chansrch\"/>", "chansrch", Unfit::Malformed("a search has a qib"));
    check("<cmd id=\"cmd:getpref\"/>", "getpref", Unfit::Malformed("a pref has a label"));
    check(
        "<cmd id=\"cmd:bccontext\"><data><chanib uri=\"ma-chan://a/b\"/><bcq><last cnt=\"x\"/></bcq></data></cmd>",
        "bccontext",
        Unfit::Malformed("a bcq says how many of the last messages"),
    );
    let rooms = "<chanid domain=\"a\" value=\"b\"/>".repeat(ROOMS_MAX + 1);
    check(
        &format!("<cmd id=\"cmd:bjoin\"><data>{rooms}</data></cmd>"),
        "bjoin",
        Unfit::TooMuch("too many rooms at once"),
    );
}

#[test]
fn a_post_is_plain_text() {
    let check = |attributes: &str, inside: &str, expected: Result<(Option<&str>, &str, bool), Unfit>| {
        let document = wrapped(&format!(
            "<grpchat id=\"grpchat\" seqid=\"1\" author=\"sip:a@example\" ts=\"2024-01-02T03:04:05Z\" {attributes}>{inside}</grpchat>"
        ));
        let envelope = Envelope::parse(document.as_bytes()).unwrap();
        let [Item::Post(post)] = &envelope.items[..] else { panic!("{inside}") };
        let found = post.as_ref().map_err(|unfit| *unfit);
        let found = found.map(|Post { title, text, is_alert, .. }| (title.as_deref(), &**text, *is_alert));
        assert_eq!(found, expected, "{inside}");
    };
    let tea = "chanUri=\"ma-chan://rooms.example/tea\"";
    check(tea, "<chat>one&#13;&#10;two &lt;3</chat><rtf>{}</rtf>", Ok((None, "one\ntwo <3", false)));
    check(&format!("{tea} alert=\"True\""), "<chat>fire</chat>", Ok((None, "fire", true)));
    check(tea, "<chat>[STORY]Title &#13;&#10;once</chat>", Ok((Some("Title"), "once", false)));
    check("", "<chat>hi</chat>", Err(Unfit::Malformed("chanUri names no room")));
    check(tea, "", Err(Unfit::Malformed("there is no chat")));
    check(tea, "<chat/>", Err(Unfit::Malformed("there is no text")));
    let long = "é".repeat(MESSAGE_CHARACTERS_MAX);
    check(tea, &format!("<chat>{long}</chat>"), Ok((None, &long, false)));
    check(tea, &format!("<chat>{long}!</chat>"), Err(Unfit::TooMuch("a text that is too long")));
}

#[test]
fn what_is_no_document_is_refused() {
    let check = |document: &str, is_expected: fn(&EnvelopeError) -> bool| {
        let error = Envelope::parse(document.as_bytes()).expect_err(document);
        assert!(is_expected(&error), "{document:.200}: {error:?}");
    };
    let command = "<cmd id=\"cmd:getinv\" seqid=\"1\"/>";
    check("", |error| matches!(error, EnvelopeError::Xml(_)));
    check("hello", |error| matches!(error, EnvelopeError::Xml(_)));
    check("<!DOCTYPE x [<!ENTITY e \"e\">]><xccos xmlns=\"urn:parlano:xml:ns:xccos\">&e;</xccos>", |error| {
        matches!(error, EnvelopeError::Xml(_))
    });
    check(&wrapped("&e;"), |error| matches!(error, EnvelopeError::Xml(_)));
    check(&wrapped(&"<data>".repeat(100)), |error| matches!(error, EnvelopeError::Xml(_)));
    check("<xccos/>", |error| *error == EnvelopeError::Other);
    check("<cmd xmlns=\"urn:parlano:xml:ns:xccos\"/>", |error| *error == EnvelopeError::Other);
    check(&wrapped(""), |error| *error == EnvelopeError::Items);
    check(&wrapped("<rpl id=\"rpl:join\"/>"), |error| *error == EnvelopeError::Items);
    check(&wrapped(&command.repeat(ITEMS_MAX + 1)), |error| *error == EnvelopeError::Items);
    check(&wrapped(&" ".repeat(BODY_BYTES_MAX)), |error| *error == EnvelopeError::TooLong);
    let declared = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n{}", wrapped(command));
    assert!(Envelope::parse(declared.as_bytes()).is_ok());
}

#[test]
fn what_is_told_is_what_clients_look_for() {
    let check = |items: Vec<perch_xmpp::xml::Element>, expected: &str| {
        let mut filling = Filling::default();
        items.into_iter().for_each(|item| filling.push(item).unwrap());
        let document = filling.finish(7);
        let expected =
            format!("<xccos xmlns='urn:parlano:xml:ns:xccos' ver='1' envid='7'>{expected}</xccos>");
        assert_eq!(std::str::from_utf8(&document).unwrap(), expected);
    };
    let join = asked(
        "<cmd id=\"cmd:join\" seqid=\"1\"><data><chanid domain=\"rooms.example\" value=\"tea\"/></data></cmd>",
    );
    let told = Room { name: "Tea".into(), topic: Some("Cups".into()), users: Some(2), ..Room::default() };
    let told = told.block(&room("tea")).with_child(block::with_rights(Rights::Manager, &[0, 1]));
    check(
        vec![reply(
            &join,
            Outcome::Success,
            "",
            vec![told, block::person("sip:a@example").with_attribute("id", "0")],
        )],
        "<rpl id='rpl:join' seqid='1'><commandid seqid='1' envid='139132350'/><resp code='200'>SUCCESS_OK</resp>\
         <data><chanib uri='ma-chan://rooms.example/tea' name='Tea' description='' behavior='NORMAL' topic='Cups'>\
         <info id='urn:parlano:ma:info:ucnt'>2</info><prop id='urn:parlano:ma:prop:logged'>True</prop>\
         <prop id='urn:parlano:ma:prop:filepost'>False</prop><aib key='12276' value='0,1'/></chanib>\
         <uib uri='sip:a@example' id='0'/></data></rpl>",
    );
    let said = Said {
        room: room("tea"),
        author: "sip:b@example".into(),
        name: "B".into(),
        id: Some("8".into()),
        at: 1_704_164_645_678,
        is_alert: false,
        title: None,
        text: "one\n<two>".into(),
    };
    check(
        vec![reply(&join, Outcome::NoSuchNode, "There is no such room", vec![block::failed(&room("tea"))])],
        "<rpl id='rpl:join' seqid='1'><commandid seqid='1' envid='139132350'/>\
         <resp code='404'>NoSuchNode: There is no such room</resp>\
         <data><fib key='OPERATION_FAILED' domain='rooms.example' value='tea'/></data></rpl>",
    );
    let joined = |uri: &str| {
        let rights = block::rights_in(Rights::Participant, &room("tea"));
        notice("join", block::person(uri).with_child(rights))
    };
    check(
        vec![joined("sip:b@example"), joined("sip:c@example")],
        "<ntc id='ntc:join' seqid='1'><data><uib uri='sip:b@example'>\
         <aib key='3984' domain='rooms.example' value='tea'/></uib></data></ntc>\
         <ntc id='ntc:join' seqid='2'><data><uib uri='sip:c@example'>\
         <aib key='3984' domain='rooms.example' value='tea'/></uib></data></ntc>",
    );
    check(
        vec![said.delivered()],
        "<grpchat id='grpchat' chanUri='ma-chan://rooms.example/tea' author='sip:b@example' authdisp='B' alert='false' \
         chatId='8' ts='2024-01-02T03:04:05.678Z' seqid='1'><chat>one&#13;\n&lt;two&gt;</chat></grpchat>",
    );
}

/// A client that finds a reply looks no further than to other replies, and one post is all that it reads.
#[test]
fn a_document_is_of_one_kind() {
    let asked = asked("<cmd id=\"cmd:getinv\" seqid=\"1\"/>");
    let rpl = || reply(&asked, Outcome::Success, "", Vec::new());
    let ntc = || notice("part", block::room(&room("tea")));
    let post = || block::element("grpchat");
    for (first, second, goes) in [
        (rpl(), rpl(), true),
        (ntc(), ntc(), true),
        (rpl(), ntc(), false),
        (ntc(), rpl(), false),
        (rpl(), post(), false),
        (post(), ntc(), false),
        (post(), post(), false),
    ] {
        let mut filling = Filling::default();
        filling.push(first.clone()).unwrap();
        assert_eq!(filling.push(second.clone()).is_ok(), goes, "{first:?} and {second:?}");
    }
}

#[test]
fn a_document_is_as_long_as_one_may_be() {
    let block = || block::element("msg").with_text(&"x".repeat(10_000));
    let parts = chunks((0..20).map(|_| block()).collect());
    assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 20);
    assert!(parts.len() > 3, "{}", parts.len());
    assert_eq!(chunks(Vec::new()), [Vec::new()]);
    let asked = asked("<cmd id=\"cmd:getinv\" seqid=\"1\"/>");
    let (mut filling, mut taken) = (Filling::default(), 0);
    for part in parts {
        let bytes = reply(&asked, Outcome::Success, "", part.clone()).to_bytes("").len();
        assert!(bytes < BODY_BYTES_MAX, "{bytes}");
        taken += usize::from(filling.push(reply(&asked, Outcome::Success, "", part)).is_ok());
    }
    assert_eq!(taken, 1);
    assert!(filling.finish(u64::MAX).len() <= BODY_BYTES_MAX);
}

/// Every input that a fuzzer found worth keeping.
#[test]
fn body() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/xccos_body");
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("a corpus") {
        properties::body(&fs::read(entry.expect("a readable corpus").path()).expect("a readable input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", corpus.display());
}
