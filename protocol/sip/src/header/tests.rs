use super::value::retry_after;
use super::{CSeq, Contact, MediaType, NameAddr, Quoted, Replaces, Role, SessionExpires, Via, Word};
use crate::grammar::{Parsed, whole};

/// Reads a value that stands alone.
fn read<'a, T>(grammar: fn(&'a str) -> Parsed<'a, T>, value: &'a str) -> Option<T> {
    whole(grammar, value)
}

fn written<'a, T: ToString>(grammar: fn(&'a str) -> Parsed<'a, T>, value: &'a str) -> Option<String> {
    read(grammar, value).map(|value| value.to_string())
}

#[test]
fn values_are_written_without_what_means_nothing() {
    let check = |value, expected| assert_eq!(written(NameAddr::grammar, value).as_deref(), Some(expected));
    check("sip:a@b", "<sip:a@b>");
    check("  sip:a@b ; tag = 1 ;x", "<sip:a@b>;tag=1;x");
    check("\"a \\\" b\"<sip:a@b;lr>;q=0.5", "\"a \\\" b\" <sip:a@b;lr>;q=0.5");
    check("a   b\t<sip:a@b>", "a   b <sip:a@b>");
    assert_eq!(written(CSeq::grammar, "0009\t INVITE").as_deref(), Some("9 INVITE"));
    assert_eq!(
        written(Via::grammar, "sip / 2.0 / tls  a : 5061 ; branch = x").as_deref(),
        Some("SIP/2.0/tls a:5061;branch=x")
    );
    assert_eq!(written(MediaType::grammar, "a / b ; c = \"d\"").as_deref(), Some("a/b;c=\"d\""));
    assert_eq!(
        written(Replaces::grammar, "1@a;from-tag=2;early-only;to-tag=3").as_deref(),
        Some("1@a;to-tag=3;from-tag=2;early-only")
    );
}

#[test]
fn a_contact_is_an_address_or_all_of_them() {
    assert_eq!(read(Contact::grammar, "*"), Some(Contact::All));
    let Some(Contact::Address(contact)) = read(Contact::grammar, "<sip:a@b>;expires=60;methods=\"A,B\"")
    else {
        panic!()
    };
    assert_eq!(contact.expires(), Some(60));
    assert_eq!(contact.params.find("Methods").as_deref(), Some("A,B"));
    let expires = |value| match read(Contact::grammar, value) {
        Some(Contact::Address(contact)) => contact.expires(),
        _ => panic!("{value}"),
    };
    assert_eq!(expires("<sip:a@b>;expires=280297596632815"), Some(u32::MAX));
    assert_eq!(expires("<sip:a@b>;expires=soon"), None);
    assert_eq!(expires("<sip:a@b>"), None);
}

#[test]
fn branches_of_rfc_3261_and_others() {
    let check = |value, branch| assert_eq!(read(Via::grammar, value).unwrap().branch(), branch, "{value}");
    check("SIP/2.0/UDP a;branch=z9hG4bK7", Some("z9hG4bK7"));
    check("SIP/2.0/UDP a;branch=Z9HG4BK7", Some("Z9HG4BK7"));
    check("SIP/2.0/UDP a;branch=z9hG4bK", None);
    check("SIP/2.0/UDP a;branch=7", None);
    check("SIP/2.0/UDP a", None);
    let via = read(Via::grammar, "SIP/2.0/UDP a;rport;received=[::1]").unwrap();
    assert_eq!(via.received(), Some("::1".parse().unwrap()));
    let answered = read(Via::grammar, "SIP/2.0/UDP a;rport=5060;received=a").unwrap();
    assert_eq!(answered.received(), None);
}

#[test]
fn what_a_body_is_and_what_is_welcome() {
    let media = |value| read(MediaType::grammar, value).unwrap();
    assert!(media("Application/SDP").is("application/sdp"));
    assert!(!media("application/sdpx").is("application/sdp"));
    let check = |range, expected| assert_eq!(media(range).accepts("text/plain"), expected, "{range}");
    check("text/plain;charset=utf-8", true);
    check("Text/*", true);
    check("*/*", true);
    check("text/html", false);
    check("application/*", false);
    check("*/plain", false);
    assert_eq!(
        media("text/plain;charset=UTF-8;msgr=WAAt/AE0+").params.find("msgr").as_deref(),
        Some("WAAt/AE0+")
    );
    assert_eq!(read(MediaType::grammar, "text"), None);
}

#[test]
fn who_refreshes() {
    let refresher = |value| read(SessionExpires::grammar, value).unwrap().refresher();
    assert_eq!(refresher("90;refresher=UAS"), Some(Role::Uas));
    assert_eq!(refresher("90 ;x;refresher=uac"), Some(Role::Uac));
    assert_eq!(refresher("90;refresher=me"), None);
    assert_eq!(refresher("90"), None);
    assert_eq!(read(SessionExpires::grammar, "-90"), None);
}

#[test]
fn words_and_their_parameters() {
    let state = read(Word::grammar, "terminated;reason=\"no resource\";retry-after=3").unwrap();
    assert!(state.is("terminated") && !state.is("active"));
    assert_eq!(state.params.find("reason").as_deref(), Some("no resource"));
    assert_eq!(state.params.find("RETRY-AFTER").as_deref(), Some("3"));
    assert!(!state.params.has("expires"));
    assert_eq!(read(retry_after, "120 (I'm in a meeting)"), Some(120));
    for wrong in ["", "a b", "a;", "a;b=", "a;b;B", "a;b=\"", "\"a\""] {
        assert_eq!(read(Word::grammar, wrong), None, "{wrong}");
    }
}

#[test]
fn what_replaces_what() {
    let replaces = read(Replaces::grammar, "425928@bobster.example.org;to-tag=7743;from-tag=6472").unwrap();
    assert_eq!(
        (replaces.call_id, replaces.to_tag, replaces.from_tag),
        ("425928@bobster.example.org", "7743", "6472")
    );
    assert!(!replaces.early_only);
    for wrong in ["1", "1;to-tag=2", "1;from-tag=2", "1;to-tag;from-tag=2", ";to-tag=1;from-tag=2"] {
        assert_eq!(read(Replaces::grammar, wrong), None, "{wrong}");
    }
}

#[test]
fn quotes_hold_whatever_is_put_in() {
    let check = |text, expected: &str| assert_eq!(Quoted(text).to_string(), expected);
    check("", "\"\"");
    check("a\"b\\c", "\"a\\\"b\\\\c\"");
    check("a\r\nb\u{0}c\u{7f}", "\"a  b c \"");
    check("\u{440}\t", "\"\u{440} \"");
}
