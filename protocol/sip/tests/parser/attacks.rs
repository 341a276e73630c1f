//! What has broken other servers, and what is right instead.

use std::time::Duration;

use perch_sip::Status;
use perch_sip::header::Name;
use perch_sip::limits::Limits;
use perch_sip::message::{Fault, HeaderError, Message, Problem::Malformed, Unfit, Writer};
use rustix::time::{ClockId, clock_gettime};

use super::{ESSENTIALS, parse, read, request, with_headers};

/// Content-Length that lies: framing is lost, so the stream ends, and no second message is ever made of what follows.
#[test]
fn content_lengths_that_lie() {
    let smuggled = with_headers(&format!("{ESSENTIALS}Content-Length: 0"));
    let check = |lines: &str, fault, status| {
        let input = [with_headers(&format!("{ESSENTIALS}{lines}")), smuggled.clone()].concat();
        for pieces in [input.len(), 7, 1] {
            let (items, rejection) = read(input.chunks(pieces), Limits::PEER);
            let rejection = rejection.unwrap_or_else(|| panic!("{lines} passed"));
            assert_eq!((items.len(), rejection.fault), (0, fault), "{lines}");
            let answer = rejection.answer("t").expect("a request is answered");
            let answer = super::response(&answer.into_bytes());
            assert_eq!(answer.status, status, "{lines}");
            assert_eq!(answer.headers.to().unwrap().tag(), Some("t"));
        }
    };
    let bad = Status::BAD_REQUEST;
    check("", Fault::NoContentLength, bad);
    check("Content-Length:", Fault::ContentLength, bad);
    check("Content-Length: -1", Fault::ContentLength, bad);
    check("Content-Length: +1", Fault::ContentLength, bad);
    check("Content-Length: 0x10", Fault::ContentLength, bad);
    check("Content-Length: 1 1", Fault::ContentLength, bad);
    check("Content-Length: 1, 1", Fault::ContentLength, bad);
    check("Content-Length: \u{661}", Fault::ContentLength, bad);
    check("Content-Length: 5\nContent-Length: 9", Fault::ContentLength, bad);
    check("Content-Length: 5\nl: 5", Fault::ContentLength, bad);
    check("Content-Length: 00000000000", Fault::ContentLength, bad);
    check("Content-Length: 18446744073709551616", Fault::ContentLength, bad);
    for large in [1_u64 << 31, 1 << 32, (1 << 32) + 5, 9_999_999_999] {
        check(&format!("Content-Length: {large}"), Fault::BodyTooLong, Status::ENTITY_TOO_LARGE);
    }
}

/// A datagram whose body is shorter than it says is refused; one that is longer is cut.
#[test]
fn content_length_of_a_datagram() {
    let message = |length| [with_headers(&format!("Content-Length: {length}")), b"12345".to_vec()].concat();
    assert_eq!(request(&message("3")).body, "123");
    assert_eq!(request(&message("5")).body, "12345");
    assert_eq!(parse(&message("6")).unwrap_err().fault, Fault::BodyTooShort);
    assert_eq!(parse(&message("18446744073709551615")).unwrap_err().fault, Fault::ContentLength);
    assert_eq!(parse(&message("9999999999")).unwrap_err().fault, Fault::BodyTooLong);
}

/// What comes whole is bounded like what comes on a stream: a stranger's frame of WebSocket too.
#[test]
fn what_comes_whole_has_limits() {
    let limits = Limits { head_bytes_max: 200, body_bytes_max: 100 };
    let check = |head: usize, lines: &str, body: usize, fault: Option<Fault>| {
        let padding = head - with_headers(&format!("{lines}A: ")).len();
        let head = with_headers(&format!("{lines}A: {}", "x".repeat(padding)));
        let outcome = Message::parse([head, vec![b'x'; body]].concat().into(), limits);
        assert_eq!(outcome.err().map(|rejection| rejection.fault), fault, "{lines}{body}");
    };
    for lines in ["", "Content-Length: 100\n"] {
        check(200, lines, 100, None);
        check(201, lines, 100, Some(Fault::HeadTooLong));
    }
    check(200, "", 101, Some(Fault::BodyTooLong));
    check(200, "Content-Length: 101\n", 101, Some(Fault::BodyTooLong));
    check(200, "Content-Length: 99\n", 101, None);
}

/// One parse: a header is what its name says, however it is written, and what is no header is refused with the rest.
#[test]
fn names_that_hide() {
    let hidden = "P-Asserted-Identity";
    for spelled in [
        "P-Asserted-Identity:",
        "p-asserted-identity :",
        "P-ASSERTED-IDENTITY\t :",
        "P-Asserted-Identity:\n ",
    ] {
        let request = request(&with_headers(&format!("{ESSENTIALS}{spelled}<sip:ceo@example.com>")));
        assert_eq!(request.headers.asserted_identities().count(), 1, "{spelled}");
        let forwarded = Writer::request(&request.method, &request.uri().unwrap())
            .copy(&request.headers, |field| field.name != Name::PAssertedIdentity)
            .finish();
        assert!(
            !String::from_utf8_lossy(&forwarded).to_lowercase().contains(&hidden.to_lowercase()),
            "{spelled}"
        );
    }
    for line in [
        "P-Asserted Identity: x",
        " P-Asserted-Identity: x",
        ": x",
        "P-Asserted-Identity\u{a0}: x",
        "P-Asserted-Identity",
        "(a): x",
        "a\u{e4}: x",
        "a\"b: c",
    ] {
        assert_eq!(parse(&with_headers(line)).unwrap_err().fault, Fault::Field, "{line:?}");
    }
    for (byte, fault) in [
        (0, Fault::Control),
        (0x0b, Fault::Control),
        (0x7f, Fault::Control),
        (0xff, Fault::Utf8),
        (b'\r', Fault::LineEnd),
        (b'\n', Fault::LineEnd),
    ] {
        let mut message = with_headers("Subject: a!b");
        let at = message.iter().position(|&byte| byte == b'!').unwrap();
        message[at] = byte;
        assert_eq!(parse(&message).unwrap_err().fault, fault, "{byte:#x}");
    }
}

/// A digest that is malformed, or says the same thing twice.
#[test]
fn credentials_that_are_odd() {
    let credentials = |value: &str| {
        let request = request(&with_headers(&format!("{ESSENTIALS}Authorization: {value}")));
        request
            .headers
            .credentials(Name::Authorization)
            .next()
            .unwrap()
            .map(|credentials| credentials.to_string())
            .ok()
    };
    let many = |count: usize| {
        format!("Digest {}", (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join(", "))
    };
    for good in [
        "Digest a=b",
        "Digest username=\"a\\\"b\", nc=00000001,uri=\"(null)\"",
        "NoOneKnowsThisScheme opaque-data=here",
        &many(32),
    ] {
        assert_eq!(credentials(good).as_deref(), Some(good));
    }
    for bad in [
        "",
        "Digest",
        "Digest ",
        "Digest,",
        "Digest a",
        "Digest a=",
        "Digest a=\"b",
        "Digest a=b,",
        "Digest a=b,,c=d",
        "Digest a=b c=d",
        "Digest a=b, A=c",
        "Digest a=b, a=b",
        "Digest =b",
        "Digest a==b c",
        "=",
        "Digest a=\"b\"c",
        &many(33),
        &many(1_000),
    ] {
        assert_eq!(credentials(bad), None, "{bad:.40}");
    }
    let request = request(&with_headers(&format!(
        "{ESSENTIALS}Authorization: Digest username=\"a\\\"b\", nc=0000000A, qop=auth, realm=\"\""
    )));
    let digest = request.headers.credentials(Name::Authorization).next().unwrap().unwrap();
    assert!(digest.is_digest());
    assert_eq!(digest.find("USERNAME").as_deref(), Some("a\"b"));
    assert_eq!(digest.find("realm").as_deref(), Some(""));
    assert_eq!(digest.find("qop").as_deref(), Some("auth"));
    assert_eq!((digest.nonce_count(), digest.find("nonce")), (Some(10), None));
}

/// Numbers that do not fit: a refusal where they tell who is meant, the greatest where they tell how long.
#[test]
fn numbers_that_do_not_fit() {
    let huge = "1".repeat(5000);
    let request = request(&with_headers(&format!(
        "{ESSENTIALS}Expires: {huge}\nRetry-After: 18000 (a);duration=1\nSession-Expires: {huge};refresher=UAC\nContact: <sip:a@b>;expires={huge};q=9.9"
    )));
    assert!(request.check().is_ok());
    assert_eq!(request.headers.expires(), Ok(Some(u32::MAX)));
    assert_eq!(request.headers.retry_after(), Ok(Some(18000)));
    assert_eq!(request.headers.session_expires().unwrap().unwrap().interval_s, u32::MAX);
    for line in [
        "SIP/2.0 4294967301 x",
        "SIP/2.0 099 x",
        "SIP/2.0 700 x",
        "SIP/2.0 20 x",
        "SIP/2.0 -200 x",
        "SIP/2.0 200",
        "SIP/2.0  200 x",
    ] {
        let rejection = parse(format!("{line}\r\nVia: SIP/2.0/TLS a\r\n\r\n").as_bytes()).unwrap_err();
        assert_eq!((rejection.fault, rejection.answer("t")), (Fault::StartLine, None), "{line}");
    }
}

/// A REGISTER by which somebody takes back more, or adds more, than he can.
#[test]
fn contacts_by_the_thousand() {
    let register = |lines: &str| {
        let essentials = ESSENTIALS.replace("OPTIONS", "REGISTER");
        let head = String::from_utf8(with_headers(&format!("{essentials}{lines}"))).unwrap();
        request(head.replace("OPTIONS sip:", "REGISTER sip:").as_bytes())
    };
    let check = |lines: &str, expected: Result<(), Unfit>| {
        assert_eq!(register(lines).check().map(drop), expected, "{lines:.60}");
    };
    check("Contact: *\nExpires: 0", Ok(()));
    check("Contact: *", Err(Unfit::AllContacts));
    check("Contact: *\nExpires: 60", Err(Unfit::AllContacts));
    check("Contact: *, <sip:a@b>\nExpires: 0", Err(Unfit::AllContacts));
    check("Contact: <sip:a@b>\nm: *\nExpires: 0", Err(Unfit::AllContacts));
    let malformed = Err(Unfit::Header(HeaderError { name: Name::Contact, problem: Malformed }));
    check("Contact: *;q=1\nExpires: 0", malformed);
    check("Contact: <sip:a@b>;;", malformed);
    check("Contact: sip:a@b?Route=%3Csip:c%3E", malformed);
    // Read one by one: whoever has a cap need not look at the rest.
    let many = register(&format!("Contact: {}", vec!["<sip:a@b>"; 5000].join(", ")));
    assert_eq!(many.headers.contacts().take(11).count(), 11);
    let fields = |count: usize| with_headers(&"m: <sip:a@b>\n".repeat(count));
    assert!(parse(&fields(256)).is_ok());
    assert_eq!(parse(&fields(257)).unwrap_err().fault, Fault::TooManyFields);
    let many_params = format!("Contact: <sip:a@b>{}", (0..33).map(|n| format!(";p{n}")).collect::<String>());
    check(&many_params, malformed);
}

/// Garbage, and what belongs to another protocol.
#[test]
fn what_is_not_sip_at_all() {
    let check = |bytes: &[u8], fault| {
        let (items, rejection) = read([bytes], Limits::STRANGER);
        let rejection = rejection.expect("this is refused");
        assert_eq!((items.len(), rejection.fault, rejection.answer("t")), (0, fault, None));
    };
    check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::StartLine);
    check(b"\r\r\n", Fault::LineEnd);
    check(b"<stream:stream>\r\n\r\n", Fault::StartLine);
    check(b"OPTIONS sip:a SIP/2.0\nVia: a\n\n\r\n\r\n", Fault::LineEnd);
    check(&[0x16, 3, 1, 2, 0, b'\r', b'\n', b'\r', b'\n'], Fault::Control);
    check(&vec![b'x'; 1 << 20], Fault::HeadTooLong);
    check(b" \r\n\r\n", Fault::StartLine);
}

/// The first line has exactly two blanks.
#[test]
fn start_lines() {
    let check = |line: &str, fault: Option<Fault>| {
        let outcome = parse(format!("{line}\r\nA: b\r\n\r\n").as_bytes());
        assert_eq!(outcome.err().map(|rejection| rejection.fault), fault, "{line:?}");
    };
    check("OPTIONS sip:a SIP/2.0", None);
    check("OPTIONS sip:a sip/2.0", None);
    check("OPTIONS x SIP/2.0", None);
    check("SIP/2.0 200 ", None);
    check("SIP/2.0 200  a  b ", None);
    check("OPTIONS sip:a SIP/2.1", Some(Fault::Version));
    check("OPTIONS sip:a SIP/02.0", Some(Fault::Version));
    check("SIP/3.0 200 OK", Some(Fault::Version));
    for wrong in [
        "",
        " ",
        "OPTIONS",
        "OPTIONS sip:a",
        "OPTIONS  SIP/2.0",
        "OPTIONS sip:a SIP/2.0 ",
        "OPTIONS sip:a SIP/2.0\t",
        "OPTIONS\tsip:a SIP/2.0",
        "OPTIONS sip:a\tb SIP/2.0",
        "OPTIONS sip:a b SIP/2.0",
        " OPTIONS sip:a SIP/2.0",
        "OPT(IONS sip:a SIP/2.0",
        "OPTIONS sip:a HTTP/1.1",
        "OPTIONS sip:a SIP/2",
        "OPTIONS sip:a SIP/x.0",
        "SIP/2.0",
        "SIP/2.0 ",
        "SIP/ 200 OK",
        "SIP/2.0 200\tOK",
    ] {
        check(wrong, Some(Fault::StartLine));
    }
}

/// Nobody answers an answer, or an ACK.
#[test]
fn who_is_answered() {
    let check = |start: &str, cseq: &str, is_answered: bool| {
        let lines = ESSENTIALS.replace("1 OPTIONS", cseq);
        let message = String::from_utf8(with_headers(&format!("{lines}Content-Length: x"))).unwrap();
        let message = message.replace("OPTIONS sip:pool@example.com SIP/2.0", start);
        assert_eq!(
            parse(message.as_bytes()).unwrap_err().answer("t").is_some(),
            is_answered,
            "{start} {cseq}"
        );
    };
    check("INVITE sip:a SIP/2.0", "1 INVITE", true);
    check("ACK sip:a SIP/2.0", "1 ACK", false);
    check("ACK sip:a SIP/2.0", "1\n \tACK", false);
    check("PRACK sip:a SIP/2.0", "2 PRACK", true);
    check("SIP/2.0 200 OK", "1 INVITE", false);
    check("sip/9.9 200 OK", "1 INVITE", false);
    check("INVITE sip:a SIP/2.0", "x INVITE", true);
}

/// Whatever is written where a value should be, no line is added by it.
#[test]
fn no_line_is_smuggled_out() {
    let evil = "a\r\nX-Evil: 1\r\n\r\n\0\u{7f}";
    let written = Writer::answer(&request(&with_headers(ESSENTIALS)).headers, Status::OK, Some(evil))
        .header(Name::Subject, evil)
        .header(Name::Contact, format_args!("{} <sip:a@b>", perch_sip::header::Quoted(evil)))
        .extension("ms-diagnostics", evil)
        .finish();
    let response = super::response(&written.into_bytes());
    assert_eq!(response.headers.extension("X-Evil").count(), 0);
    assert_eq!(response.headers.values(Name::Subject).next(), Some("a  X-Evil: 1"));
    assert_eq!(response.headers.iter().count(), 5 + 3 + 1);
    assert!(response.body.is_empty());
}

/// As much as a head may hold, in the shapes that are worst: each costs about what any message of that length does.
#[test]
fn work_is_linear() {
    let filled = |line: &str, count: usize| with_headers(&format!("{ESSENTIALS}{}", line.repeat(count)));
    let one =
        |name: &str, value: &str, count: usize| filled(&format!("{name}: {}\n", value.repeat(count)), 1);
    let params: String = (0..32).map(|n| format!(";param{n}={n}")).collect();
    for (shape, message) in [
        ("blank folds", filled(" \n", 21_000)),
        ("folds of a value", one("A", "b\n ", 15_000)),
        ("names", filled(&format!("{}: a\n", "x".repeat(240)), 240)),
        ("vias", one("Via", "SIP/2.0/TLS a.example.com;branch=z9hG4bK1, ", 1_400)),
        ("contacts", one("Contact", &format!("\"a\" <sip:a@b{params}>{params}, "), 80)),
        ("words", one("To", "a ", 32_000)),
        ("quotes", one("To", "\"\\\"", 21_000)),
        ("brackets", one("Route", "<", 64_000)),
        ("marks", one("Contact", ";,=", 21_000)),
        ("tokens", one("Supported", "a,", 32_000)),
        ("credentials", one("Authorization", "a=\"\\\"\", ", 7_500)),
        ("escapes", one("To", "%61", 21_000)),
    ] {
        assert!((50_000..65_536).contains(&message.len()), "{shape}: {} bytes", message.len());
        let start = processor_time();
        super::properties::message(&message);
        let spent = processor_time() - start;
        assert!(spent < Duration::from_millis(200), "{shape}: {spent:?}");
    }
}

/// The processor's time, so that who else uses the machine does not matter.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a thread has a time")
}
