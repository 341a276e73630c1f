//! What is written is read the same.

use perch_sip::header::{Challenge, Name, Quoted};
use perch_sip::limits::Limits;
use perch_sip::message::{Message, Writer};
use perch_sip::uri::{Uri, escape_user};
use perch_sip::{Method, Status};
use proptest::prelude::*;

use super::{ESSENTIALS, framing_is_kept, request, response, with_headers};

#[test]
fn an_answer_repeats_its_request() {
    let lines = "v: SIP/2.0/TLS a;branch=z9hG4bK1, SIP/2.0/UDP b\nVia : SIP/2.0/TCP c\nFrom: <sip:a@b>;tag=1\n\
                 t: \"b\" <sip:b@c>\nCall-ID: 1@a\nCSeq: 1\n OPTIONS\nRecord-Route: <sip:p;lr>\nl: 0";
    let options = request(&with_headers(lines));
    let written = Writer::answer(&options.headers, Status::NOT_FOUND, Some("2")).finish();
    assert_eq!(
        String::from_utf8_lossy(&written.into_bytes()),
        "SIP/2.0 404 Not Found\r\nv: SIP/2.0/TLS a;branch=z9hG4bK1, SIP/2.0/UDP b\r\nVia: SIP/2.0/TCP c\r\n\
         From: <sip:a@b>;tag=1\r\nTo: \"b\" <sip:b@c>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 1   OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let in_dialog =
        request(&with_headers(&ESSENTIALS.replace("To: <sip:pool@example.com>", "To: <sip:p@e>;tag=9")));
    for to_tag in [None, Some("2")] {
        let answer = response(&Writer::answer(&in_dialog.headers, Status::OK, to_tag).finish().into_bytes());
        assert_eq!(answer.headers.to().unwrap().tag(), Some("9"));
    }
    let trying = response(&Writer::answer(&options.headers, Status::TRYING, None).finish().into_bytes());
    assert_eq!(trying.headers.to().unwrap().tag(), None);
}

#[test]
fn a_challenge_is_read_as_it_was_meant() {
    let challenge = Challenge { realm: "a \"b\"", nonce: "c\\d", algorithm: "SHA-512-256", is_stale: true };
    let written = Writer::response(Status::UNAUTHORIZED).header(Name::WwwAuthenticate, challenge).finish();
    let response = response(&written.into_bytes());
    let read = response.headers.credentials(Name::WwwAuthenticate).next().unwrap().unwrap();
    let said =
        ["realm", "nonce", "algorithm", "qop", "stale"].map(|name| read.find(name).unwrap().into_owned());
    assert_eq!(said, ["a \"b\"", "c\\d", "SHA-512-256", "auth", "true"]);
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(
        user in ".{1,20}",
        display in ".{0,20}",
        subject in "\\PC{0,40}",
        token in "[-.!%*_+`'~a-zA-Z0-9]{1,12}",
        number in any::<u32>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let address = format!("sip:{}@[2001:db8::1]:5061;transport=tls", escape_user(&user));
        let uri = Uri::parse(&address).unwrap();
        let method = Method::parse(&token).unwrap();
        let written = Writer::request(&method, &uri)
            .header(Name::Via, format_args!("SIP/2.0/TLS example.com;branch=z9hG4bK{token}"))
            .header(Name::From, format_args!("{} <{uri}>;tag={token}", Quoted(&display)))
            .header(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, &token)
            .header(Name::CSeq, format_args!("{number} {method}"))
            .header(Name::Subject, &subject)
            .finish_with(&body);
        let Ok(Message::Request(request)) = Message::parse(written.clone(), Limits::PEER) else { panic!("{written:?}") };
        let essentials = request.check().unwrap();
        prop_assert_eq!(request.uri().unwrap(), uri);
        prop_assert_eq!(uri.as_sip().unwrap().user().unwrap(), &*user);
        prop_assert_eq!(&request.method, &method);
        prop_assert_eq!(essentials.cseq.number, number);
        prop_assert_eq!(essentials.from.tag(), Some(&*token));
        prop_assert_eq!(essentials.via.branch(), Some(&*format!("z9hG4bK{token}")));
        let shown: String = display.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
        prop_assert_eq!(essentials.from.display_name().unwrap_or_default(), shown);
        prop_assert_eq!(request.headers.values(Name::Subject).next(), Some(subject.trim_matches([' ', '\t'])));
        prop_assert_eq!(&request.body, &body);
        framing_is_kept(&written);
    }

    #[test]
    fn a_quoted_text_is_what_it_was(text in "\\PC{0,40}") {
        let written = Writer::response(Status::OK).header(Name::From, format_args!("{} <sip:a@b>", Quoted(&text))).finish();
        let response = response(&written.into_bytes());
        prop_assert_eq!(response.headers.from().unwrap().display_name().unwrap_or_default(), text);
    }
}
