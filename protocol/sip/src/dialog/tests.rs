use std::time::Duration;

use super::{
    Acceptance, Agreement, Dialog, DialogId, Due, Fork, Forks, NoDialog, OutOfOrder, Reminder, SessionPolicy,
    SessionRefusal, SessionTimer,
};
use crate::header::Role::{self, Uac, Uas};
use crate::header::{CSeq, Name};
use crate::limits::Limits;
use crate::message::{HeaderError, Message, Problem, Request, Response, Writer};
use crate::method::Method;
use crate::status::Status;
use crate::transaction::Timing;

fn message(start: &str, lines: &str) -> Message {
    let text =
        format!("{start}\n{lines}Via: SIP/2.0/TLS a;branch=z9hG4bK1\nCall-ID: 1@a\nContent-Length: 0\n\n");
    Message::parse(text.replace('\n', "\r\n").into(), Limits::PEER).unwrap()
}

fn request(method: &str, number: u32, lines: &str) -> Request {
    match message(
        &format!("{method} sip:room@pool.example.com SIP/2.0"),
        &format!("{lines}CSeq: {number} {method}\n"),
    ) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{lines}"),
    }
}

fn response(code: u16, lines: &str) -> Response {
    match message(
        &format!("SIP/2.0 {code} x"),
        &format!("From: <sip:pool@p>;tag=me\nCSeq: 7 INVITE\n{lines}"),
    ) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("{lines}"),
    }
}

const TO_US: &str = "From: \"A\" <sip:alice@example.com;x=y>;tag=them\nTo: <sip:GC-1@pool.example.com>\n";
const FROM_US: &str = "From: <sip:pool@p>;tag=me\nTo: <sip:alice@example.com>\n";

/// The first lines of what was written, up to From.
fn way(writer: Writer) -> String {
    let written = writer.finish();
    let text = String::from_utf8_lossy(&written).replace("\r\n", "\n");
    text.split("From:").next().unwrap().to_owned()
}

#[test]
fn a_dialog_that_the_other_side_begins() {
    let invite = request(
        "INVITE",
        5,
        &format!(
            "{TO_US}Record-Route: <sip:p1;lr>;x, <sip:p2;lr>\nRecord-Route: <sip:p3;lr>\nContact: <sip:alice@192.0.2.1:5061;transport=tls>\n"
        ),
    );
    let mut dialog = Dialog::answered(&invite, "me").unwrap();
    assert_eq!(DialogId::of_request(&invite.headers), Ok(None));
    let info = request("INFO", 6, &TO_US.replace("pool.example.com>", "pool.example.com>;tag=me"));
    assert_eq!(DialogId::of_request(&info.headers), Ok(Some(dialog.id.clone())));
    assert_eq!((dialog.local_number, dialog.remote_number, dialog.is_confirmed), (None, Some(5), false));
    dialog.confirm();
    assert!(dialog.is_confirmed);
    let written = dialog.request(&Method::Info).finish();
    assert_eq!(
        String::from_utf8_lossy(&written),
        "INFO sip:alice@192.0.2.1:5061;transport=tls SIP/2.0\r\n\
         Route: <sip:p1;lr>;x\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n\
         From: <sip:GC-1@pool.example.com>;tag=me\r\nTo: <sip:alice@example.com;x=y>;tag=them\r\n\
         Call-ID: 1@a\r\nCSeq: 1 INFO\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(second)) = Message::parse(dialog.request(&Method::Bye).finish(), Limits::PEER)
    else {
        panic!()
    };
    assert_eq!(second.headers.cseq().unwrap().to_string(), "2 BYE");
}

#[test]
fn a_dialog_that_this_side_begins() {
    let invite = request("INVITE", 7, FROM_US);
    let ok = response(
        200,
        "To: <sip:alice@example.com>;tag=them\nContact: <sip:alice@c>\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\n",
    );
    let mut dialog = Dialog::asked(&invite, &ok).unwrap();
    assert!(dialog.is_confirmed);
    assert_eq!((dialog.local_number, dialog.remote_number), (Some(7), None));
    assert_eq!(way(dialog.ack(7)), "ACK sip:alice@c SIP/2.0\nRoute: <sip:p2;lr>\nRoute: <sip:p1;lr>\n");
    assert_eq!(
        way(dialog.request(&Method::Bye)),
        "BYE sip:alice@c SIP/2.0\nRoute: <sip:p2;lr>\nRoute: <sip:p1;lr>\n"
    );
    assert_eq!(dialog.local_number, Some(8));
    // RFC 2543: no tag.
    let without_tag = response(200, "To: <sip:alice@example.com>\nContact: <sip:alice@c>\n");
    assert_eq!(Dialog::asked(&invite, &without_tag).unwrap().id.remote_tag, None);
}

#[test]
fn what_begins_no_dialog() {
    let invite = request("INVITE", 7, FROM_US);
    let missing = NoDialog::Header(HeaderError { name: Name::Contact, problem: Problem::Missing });
    let check = |code, lines: &str, expected: Option<NoDialog>| {
        assert_eq!(Dialog::asked(&invite, &response(code, lines)).err(), expected, "{code} {lines}");
    };
    let tagged = "To: <sip:a@b>;tag=1\nContact: <sip:c>\n";
    check(180, tagged, None);
    check(200, tagged, None);
    check(100, tagged, Some(NoDialog::Response));
    check(404, tagged, Some(NoDialog::Response));
    check(180, "To: <sip:a@b>\nContact: <sip:c>\n", Some(NoDialog::Response));
    check(200, "To: <sip:a@b>;tag=1\n", Some(missing));
    check(200, "To: <sip:a@b>;tag=1\nContact: *\n", Some(missing));
    assert_eq!(Dialog::answered(&request("INVITE", 1, TO_US), "me"), Err(missing));
}

/// The example of RFC 3261 §12.2.1.1, and its like.
#[test]
fn routes_loose_and_strict() {
    let mut dialog =
        Dialog::answered(&request("INVITE", 1, &format!("{TO_US}Contact: <sip:user@remoteua>\n")), "me")
            .unwrap();
    let mut check = |routes: &[&str], target: &str, expected: &str| {
        dialog.routes = routes.iter().map(|route| (*route).into()).collect();
        dialog.target = target.into();
        assert_eq!(way(dialog.request(&Method::Info)), expected);
    };
    check(&[], "sip:user@remoteua", "INFO sip:user@remoteua SIP/2.0\n");
    check(
        &["<sip:proxy1>", "<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>"],
        "sip:user@remoteua",
        "INFO sip:proxy1 SIP/2.0\nRoute: <sip:proxy2>\nRoute: <sip:proxy3;lr>\nRoute: <sip:proxy4>\nRoute: <sip:user@remoteua>\n",
    );
    check(
        &["<sip:proxy1;lr>", "<sip:proxy2>"],
        "sip:u@r",
        "INFO sip:u@r SIP/2.0\nRoute: <sip:proxy1;lr>\nRoute: <sip:proxy2>\n",
    );
    // Neither headers nor a method may stand in a request line.
    check(&[], "sip:u@r;x;method=BYE;y=z?Route=a", "INFO sip:u@r;x;y=z SIP/2.0\n");
    check(&["<sip:proxy1;method=BYE?a=b>"], "sip:u@r?c=d", "INFO sip:proxy1 SIP/2.0\nRoute: <sip:u@r>\n");
}

#[test]
fn there_are_no_more_routes_than_a_request_can_go() {
    let answered = |count| {
        let routes = vec!["<sip:p;lr>"; count].join(", ");
        let lines = format!("{TO_US}Contact: <sip:c>\nRecord-Route: {routes}\n");
        Dialog::answered(&request("INVITE", 1, &lines), "me").map(|dialog| dialog.routes.len())
    };
    assert_eq!(answered(70), Ok(70));
    let too_many = HeaderError { name: Name::RecordRoute, problem: Problem::Malformed };
    assert_eq!(answered(71), Err(NoDialog::Header(too_many)));
}

#[test]
fn requests_of_the_other_side_come_in_order() {
    let mut dialog =
        Dialog::answered(&request("INVITE", 5, &format!("{TO_US}Contact: <sip:c>\n")), "me").unwrap();
    let cseq = |method, number| CSeq { number, method: Method::parse(method).unwrap() };
    let mut check = |method, number, expected: Result<(), u32>| {
        let outcome = dialog.receive(&cseq(method, number));
        assert_eq!(outcome, expected.map_err(|last| OutOfOrder { number, last }), "{method} {number}");
    };
    check("INFO", 6, Ok(()));
    check("INFO", 6, Ok(()));
    check("INFO", 5, Err(6));
    check("ACK", 5, Ok(()));
    check("CANCEL", 5, Ok(()));
    check("INFO", 900, Ok(()));
    check("BYE", 899, Err(900));
    assert_eq!(OutOfOrder { number: 1, last: 2 }.status(), Status::SERVER_ERROR);
    dialog.remote_number = None;
    assert_eq!(dialog.receive(&cseq("INFO", 3)), Ok(()));
    assert_eq!(dialog.remote_number, Some(3));
}

#[test]
fn the_other_side_may_move() {
    let mut dialog =
        Dialog::answered(&request("INVITE", 1, &format!("{TO_US}Contact: <sip:c>\n")), "me").unwrap();
    dialog.refresh(&request("UPDATE", 2, &format!("{TO_US}Contact: <sip:d>\n")).headers).unwrap();
    assert_eq!(&*dialog.target, "sip:d");
    // pidgin-sipe leaves Contact out.
    dialog.refresh(&request("UPDATE", 3, TO_US).headers).unwrap();
    assert_eq!(&*dialog.target, "sip:d");
    assert!(dialog.refresh(&request("UPDATE", 4, &format!("{TO_US}Contact: d\n")).headers).is_err());
}

#[test]
fn one_invite_may_lead_to_several_dialogs() {
    let mut forks = Forks::new(request("INVITE", 7, FROM_US), 3);
    let mut handle = |code, tag: &str, contact: &str| {
        let lines = format!(
            "To: <sip:alice@example.com>;tag={tag}\nContact: <{contact}>\nRecord-Route: <sip:{contact};lr>\n"
        );
        let lines = lines.replace("<sip:sip:", "<sip:");
        let spelled = |dialog: &Dialog| {
            let kind = if dialog.is_confirmed { "confirmed" } else { "early" };
            format!("{kind} {} at {}", dialog.id.remote_tag.as_deref().unwrap(), dialog.target)
        };
        match forks.handle_response(&response(code, &lines)).unwrap() {
            Fork::Dialog(dialog) => spelled(dialog),
            Fork::None => "none".to_owned(),
            Fork::Surplus(dialog) => format!("surplus: {}", spelled(&dialog)),
        }
    };
    assert_eq!(handle(100, "a", "sip:a"), "none");
    assert_eq!(handle(180, "a", "sip:a"), "early a at sip:a");
    assert_eq!(handle(183, "a", "sip:x"), "early a at sip:a");
    assert_eq!(handle(180, "b", "sip:b"), "early b at sip:b");
    assert_eq!(handle(200, "b", "sip:b2"), "confirmed b at sip:b2");
    assert_eq!(handle(200, "b", "sip:b3"), "confirmed b at sip:b2");
    assert_eq!(handle(200, "c", "sip:c"), "confirmed c at sip:c");
    // Whoever has accepted beyond that waits for an ACK, and then a BYE.
    assert_eq!(handle(180, "d", "sip:d"), "none");
    assert_eq!(handle(200, "d", "sip:d"), "surplus: confirmed d at sip:d");
    let tags: Vec<_> =
        forks.clone().into_confirmed().map(|dialog| dialog.id.remote_tag.unwrap().into_string()).collect();
    assert_eq!(tags, ["b", "c"]);
    // A refusal ends what is early, and nothing else: there is room for one more.
    assert_eq!(forks.handle_response(&response(486, "To: <sip:a@b>;tag=e\n")), Ok(Fork::None));
    let late = response(200, "To: <sip:a@b>;tag=d\nContact: <sip:d>\n");
    assert!(matches!(forks.handle_response(&late), Ok(Fork::Dialog(_))));
    let tags: Vec<_> =
        forks.into_confirmed().map(|dialog| dialog.id.remote_tag.unwrap().into_string()).collect();
    assert_eq!(tags, ["b", "c", "d"]);
}

#[test]
fn an_acceptance_is_repeated_until_it_is_heard() {
    let (mut acceptance, first) = Acceptance::new(Timing::DEFAULT);
    let mut intervals = vec![first.as_millis()];
    while let Reminder::Repeat(interval) = acceptance.handle_timer() {
        intervals.push(interval.as_millis());
    }
    assert_eq!(intervals, [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 500]);
    assert_eq!(intervals.iter().sum::<u128>(), 32_000);
    assert_eq!(acceptance.handle_timer(), Reminder::GiveUp);
}

const POLICY: SessionPolicy = SessionPolicy { interval_s: 300, min_s: 120, max_s: 1800, refresher: Uac };

/// RFC 4028 §9, Table 2, and the bounds of both sides.
#[test]
fn what_is_agreed_on_a_session() {
    let check = |lines: &str, expected: Result<(u32, Role), u32>| {
        let outcome = Agreement::answer(&request("INVITE", 1, lines).headers, POLICY);
        let expected = expected.map_err(|min_s| SessionRefusal::TooBrief { min_s });
        assert_eq!(outcome.map(|agreed| (agreed.interval_s, agreed.refresher)), expected, "{lines}");
    };
    check("", Ok((300, Uas)));
    check("Session-Expires: 1800\n", Ok((300, Uas)));
    check("Session-Expires: 200;refresher=uac\n", Ok((200, Uas)));
    check("Session-Expires: 60\n", Ok((60, Uas)));
    check("Supported: timer\n", Ok((300, Uac)));
    check("k: 100rel, Timer\nx: 1800\n", Ok((300, Uac)));
    check("Supported: timer\nSession-Expires: 1800;refresher=uac\n", Ok((300, Uac)));
    check("Supported: timer\nSession-Expires: 1800;refresher=uas\n", Ok((300, Uas)));
    check("Supported: timer\nSession-Expires: 1800\nMin-SE: 600\n", Ok((600, Uac)));
    check("Supported: timer\nSession-Expires: 500\nMin-SE: 600\n", Ok((500, Uac)));
    check("Supported: timer\nMin-SE: 600\n", Ok((600, Uac)));
    check("Supported: timer\nSession-Expires: 120\n", Ok((120, Uac)));
    check("Supported: timer\nSession-Expires: 119\n", Err(120));
    check("Session-Expires: 4294967295\nMin-SE: 1800\n", Ok((1800, Uas)));
    for lines in [
        "Min-SE: 1801\n",
        "Session-Expires: 4294967295\nMin-SE: 4294967295\n",
        "Supported: timer\nMin-SE: 1801\n",
    ] {
        let refusal = Agreement::answer(&request("INVITE", 1, lines).headers, POLICY).unwrap_err();
        assert_eq!(
            (refusal, refusal.status()),
            (SessionRefusal::TooLong { max_s: 1800 }, Status::NOT_ACCEPTABLE_HERE),
            "{lines}"
        );
    }
    let lower = SessionPolicy { min_s: 1, ..POLICY };
    let brief = request("INVITE", 1, "Supported: timer\nSession-Expires: 89\n");
    let refusal = Agreement::answer(&brief.headers, lower).unwrap_err();
    assert_eq!(
        (refusal, refusal.status()),
        (SessionRefusal::TooBrief { min_s: 90 }, Status::SESSION_INTERVAL_TOO_SMALL)
    );
    let malformed =
        Agreement::answer(&request("INVITE", 1, "Session-Expires: soon\n").headers, POLICY).unwrap_err();
    assert_eq!(malformed.status(), Status::BAD_REQUEST);
}

#[test]
fn what_an_agreement_says_is_understood() {
    for (refresher, is_required) in [(Uac, true), (Uas, false)] {
        let agreed = Agreement { interval_s: 300, refresher, is_required };
        let written = agreed.write(Writer::response(Status::OK)).finish().into_bytes();
        let Ok(Message::Response(response)) = Message::parse(written, Limits::PEER) else { panic!() };
        let read = Agreement::answered(&response.headers, POLICY).unwrap().unwrap();
        assert_eq!((read.interval_s, read.refresher), (300, refresher));
        assert_eq!(
            response.headers.tokens(Name::Require).unwrap(),
            if is_required { vec!["timer"] } else { vec![] }
        );
    }
    let answered = |lines: &str| Agreement::answered(&response(200, lines).headers, POLICY).unwrap();
    assert_eq!(answered(""), None);
    assert_eq!(answered("Session-Expires: 4294967295\n").unwrap().interval_s, 1800);
}

#[test]
fn a_session_is_refreshed_or_ends() {
    let s = Duration::from_secs;
    let agreed = |interval_s, refresher| Agreement { interval_s, refresher, is_required: false };
    let (mut ours, first) = SessionTimer::begin(agreed(300, Uac), Uac);
    assert_eq!(first, s(150));
    assert_eq!(ours.handle_timer(), Due::Refresh(s(118)));
    assert_eq!(ours.handle_timer(), Due::End);
    assert_eq!(ours.handle_timer(), Due::Nothing);
    let (mut theirs, first) = SessionTimer::begin(agreed(300, Uac), Uas);
    assert_eq!(first, s(268));
    assert_eq!(theirs.handle_timer(), Due::End);
    assert_eq!(theirs.handle_timer(), Due::Nothing);
    // A third of a short interval is less than 32 s.
    assert_eq!(SessionTimer::begin(agreed(90, Uas), Uac).1, s(60));
    assert_eq!(SessionTimer::begin(agreed(90, Uas), Uas).0.handle_timer(), Due::Refresh(s(15)));
    // What is shorter than anybody may ask for would be refreshed at once, again and again.
    for interval_s in [0, 1, 89] {
        assert_eq!(SessionTimer::begin(agreed(interval_s, Uas), Uas).1, s(45));
        assert_eq!(SessionTimer::begin(agreed(interval_s, Uas), Uac).1, s(60));
    }
}
