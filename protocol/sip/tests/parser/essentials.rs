//! What every message has to have: once, and well-formed.

use perch_sip::header::Name;
use perch_sip::message::{HeaderError, Problem, Unfit};

use super::{ESSENTIALS, request, with_headers};

/// Checks a request of these lines: that this header is at fault, and how.
fn check(lines: &str, name: Name, problem: Problem) {
    let request = request(&with_headers(lines));
    assert_eq!(request.check(), Err(Unfit::Header(HeaderError { name, problem })), "{lines}");
}

/// The essentials, except for one header.
fn without(name: Name) -> String {
    let lines = ESSENTIALS.lines().filter(|line| !line.starts_with(name.as_str()));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_is_missing() {
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        check(&without(name), name, Problem::Missing);
    }
}

/// Of two that contradict each other nobody knows which the next one goes by.
#[test]
fn what_is_given_twice() {
    let check = |added: &str, name| check(&format!("{ESSENTIALS}{added}"), name, Problem::Repeated);
    check("To: <sip:b@c>", Name::To);
    check("t: <sip:b@c>", Name::To);
    check("FROM: <sip:b@c>;tag=2", Name::From);
    check("i: 2", Name::CallId);
    check("CSeq : 2 OPTIONS", Name::CSeq);
    check("Max-Forwards: 1\nMax-Forwards: 1", Name::MaxForwards);
    check("c: a/b\nContent-Type: a/b", Name::ContentType);
}

/// Empty tags, broken Via, numbers that do not fit. A value on each line; the first is empty.
#[test]
fn what_is_malformed() {
    let check = |name: Name, values: &str| {
        for value in values.lines().map(str::trim) {
            check(&format!("{}{name}: {value}", without(name)), name, Problem::Malformed);
        }
    };
    check(
        Name::To,
        r#"
        b
        <>
        <sip:b@c
        sip:b@c>
        "b <sip:b@c>
        "b\" <sip:b@c>
        a, b <sip:b@c>
        <sip:b@c>, <sip:d@e>
        <sip:b@c>;tag=
        <sip:b@c>;tag
        <sip:b@c>;tag="a"
        <sip:b@c>;tag=ä
        <sip:b@c>;tag=a;tag=b"#,
    );
    check(
        Name::Via,
        r#"
        SIP/2.0 a
        SIP/2.0/TLS
        SIP/3.0/TLS a
        SIP/2.0/TLS a b
        SIP/2.0/TLS a:
        SIP/2.0/TLS a:99999
        SIP/2.0/TLS ::1
        SIP/2.0/TLS [::1
        SIP/2.0/TLS a,
        ,SIP/2.0/TLS a
        SIP/2.0/TLS a;
        SIP/2.0/TLS a;;
        SIP/2.0/TLS a;branch
        SIP/2.0/TLS a;branch="z9hG4bK1"
        SIP/2.0/TLS a;branch=z9hG4bKa;branch=z9hG4bKb"#,
    );
    check(
        Name::CSeq,
        "
        1
        OPTIONS
        1OPTIONS
        -1 OPTIONS
        1.0 OPTIONS
        1 OPTIONS x
        4294967296 OPTIONS
        36893488147419103232 OPTIONS",
    );
    check(Name::CallId, "\n@\na@\n@a\na@b@c\na b\nä");
    check(Name::Route, "\nsip:a\n<a>\n<sip:a>;\n<sip:a>,\n*");
    check(Name::RecordRoute, "\nsip:a;lr");
    check(Name::MaxForwards, "\n256\n-1\n70 70");
    check(Name::ContentType, "\ntext\ntext/\ntext/plain;");
}

/// What RFC 2543 did without is not missed.
#[test]
fn what_need_not_be_there() {
    let lines = "Via: SIP/2.0/UDP a\nFrom: sip:a@b\nTo: sip:b@c\nCall-ID: 1\nCSeq: 0 OPTIONS\n";
    let request = request(&with_headers(lines));
    let essentials = request.check().unwrap();
    assert_eq!((essentials.via.branch(), essentials.from.tag(), essentials.cseq.number), (None, None, 0));
    assert_eq!(request.headers.max_forwards(), Ok(None));
}

/// Whoever goes through a list sees its first fault, and nothing that might be taken for the rest of it.
#[test]
fn a_list_ends_with_its_first_fault() {
    let request = request(&with_headers("Route: <sip:a>, <sip:b\nRoute: <sip:c>, <sip:d>"));
    let routes: Vec<_> = request.headers.routes().map(|route| route.is_ok()).collect();
    assert_eq!(routes, [true, false]);
}
