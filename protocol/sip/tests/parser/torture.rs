//! RFC 4475 and RFC 5118, each message with the verdict that those demand.

use std::fs;
use std::path::Path;

use perch_sip::framer::{Framer, Item};
use perch_sip::header::{Contact, Name};
use perch_sip::limits::Limits;
use perch_sip::message::{Fault, Message, Request};
use perch_sip::uri::{Host, Uri};
use perch_sip::{Method, Status};

use super::{parse, read, request, response};

/// How an endpoint whose address the message goes to answers it: 200, or another status; nothing at all.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Answer(u16),
    /// A response that is used.
    Take,
    Drop,
}
use Verdict::{Answer, Drop, Take};

/// In the order of RFC 4475.
const RFC_4475: [(&str, Verdict); 49] = [
    ("wsinv", Answer(200)),
    ("intmeth", Answer(501)),
    ("esc01", Answer(200)),
    ("escnull", Answer(200)),
    ("esc02", Answer(501)),
    ("lwsdisp", Answer(200)),
    ("longreq", Answer(200)),
    ("dblreq", Answer(200)),
    ("semiuri", Answer(200)),
    ("transports", Answer(200)),
    ("mpart01", Answer(200)),
    ("unreason", Take),
    ("noreason", Take),
    ("badinv01", Answer(400)),
    ("clerr", Answer(400)),
    ("ncl", Answer(400)),
    ("scalar02", Answer(400)),
    ("scalarlg", Drop),
    ("quotbal", Answer(400)),
    ("ltgtruri", Answer(400)),
    ("lwsruri", Answer(400)),
    ("lwsstart", Answer(400)),
    ("trws", Answer(400)),
    ("escruri", Answer(400)),
    ("baddate", Answer(200)),
    ("regbadct", Answer(400)),
    ("badaspec", Answer(400)),
    ("baddn", Answer(400)),
    ("badvers", Answer(505)),
    ("mismatch01", Answer(400)),
    ("mismatch02", Answer(501)),
    ("bigcode", Drop),
    ("badbranch", Answer(200)),
    ("insuf", Answer(400)),
    ("unkscm", Answer(416)),
    ("novelsc", Answer(416)),
    ("unksm2", Answer(400)),
    ("bext01", Answer(420)),
    ("invut", Answer(415)),
    ("regaut01", Answer(401)),
    ("multi01", Answer(400)),
    ("mcl01", Answer(400)),
    // An endpoint drops it since no transaction of its own is meant (RFC 3261 §18.1.2); the parser has to take it.
    ("bcast", Take),
    ("zeromf", Answer(200)),
    ("cparam01", Answer(200)),
    ("cparam02", Answer(200)),
    ("regescrt", Answer(200)),
    ("sdp01", Answer(406)),
    ("inv2543", Answer(200)),
];

const RFC_5118: [(&str, Verdict); 12] = [
    ("ipv6-good", Answer(200)),
    ("ipv6-bad", Answer(400)),
    ("port-ambiguous", Answer(200)),
    ("port-unambiguous", Answer(200)),
    ("via-received-param-with-delim", Answer(200)),
    ("via-received-param-no-delim", Answer(200)),
    ("ipv6-in-sdp", Answer(200)),
    ("mult-ip-in-header", Answer(200)),
    ("mult-ip-in-sdp", Answer(200)),
    ("ipv4-mapped-ipv6", Answer(200)),
    ("ipv6-bug-abnf-3-colons", Answer(200)),
    ("ipv6-correct-abnf-2-colons", Answer(200)),
];

#[test]
fn every_message_has_its_verdict() {
    for (folder, verdicts) in [("rfc4475", &RFC_4475[..]), ("rfc5118", &RFC_5118[..])] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(folder);
        assert_eq!(fs::read_dir(path).expect("a folder of messages").count(), verdicts.len());
        for (name, verdict) in verdicts {
            assert_eq!(judge(&message(folder, name)), *verdict, "{folder}/{name}");
        }
    }
}

/// What an endpoint does that is a registrar, takes sessions of SDP, and knows no extension.
fn judge(bytes: &[u8]) -> Verdict {
    match parse(bytes) {
        Ok(Message::Request(request)) => Answer(serve(&request).code()),
        Ok(Message::Response(response)) if response.headers.essentials().is_ok() => Take,
        Ok(Message::Response(_)) => Drop,
        Err(rejection) if rejection.answer("1").is_some() => Answer(rejection.fault.status().code()),
        Err(_) => Drop,
    }
}

fn serve(request: &Request) -> Status {
    let essentials = match request.check() {
        Ok(essentials) => essentials,
        Err(unfit) => return unfit.status(),
    };
    let headers = &request.headers;
    let lacks = |name| headers.tokens(name).is_ok_and(|options| !options.is_empty());
    if matches!(request.method, Method::Extension(_)) {
        Status::NOT_IMPLEMENTED
    } else if !request.uri().is_ok_and(|uri| uri.as_sip().is_some()) {
        Status::UNSUPPORTED_URI_SCHEME
    } else if lacks(Name::Require) {
        Status::BAD_EXTENSION
    } else if request.method == Method::Register {
        let foreign = |credentials: Result<perch_sip::header::Credentials<'_>, _>| {
            credentials.is_ok_and(|credentials| !credentials.is_digest())
        };
        match essentials.to.uri.as_sip() {
            None => Status::BAD_REQUEST,
            Some(_) if headers.credentials(Name::Authorization).any(foreign) => Status::UNAUTHORIZED,
            Some(_) => Status::OK,
        }
    } else if request.method == Method::Invite {
        let is_sdp =
            headers.content_type().is_ok_and(|body| body.is_some_and(|body| body.is("application/sdp")));
        let takes_sdp = !headers.has(Name::Accept)
            || headers.accept().any(|range| range.is_ok_and(|range| range.accepts("application/sdp")));
        match (is_sdp, takes_sdp) {
            (false, _) => Status::UNSUPPORTED_MEDIA_TYPE,
            (true, false) => Status::NOT_ACCEPTABLE,
            (true, true) => Status::OK,
        }
    } else {
        Status::OK
    }
}

#[test]
fn on_a_stream_only_what_says_where_it_ends_is_a_message() {
    for (folder, verdicts) in [("rfc4475", &RFC_4475[..]), ("rfc5118", &RFC_5118[..])] {
        for (name, _) in verdicts {
            let (items, rejection) = read([&message(folder, name)[..]], Limits::PEER);
            let faults: Vec<_> = items
                .iter()
                .map(|item| match item {
                    Item::Refused(rejection) => Some(rejection.fault),
                    Item::Message(_) | Item::Ping => None,
                })
                .collect();
            let expected = match *name {
                // Its body is not all there: the connection waits.
                "clerr" => (vec![], None),
                // The second says to be shorter than it is.
                "dblreq" => (vec![None, None], Some(Fault::StartLine)),
                "ncl" | "mcl01" => (vec![], Some(Fault::ContentLength)),
                "inv2543" => (vec![], Some(Fault::NoContentLength)),
                "lwsruri" | "lwsstart" | "trws" | "bigcode" => (vec![Some(Fault::StartLine)], None),
                "badvers" => (vec![Some(Fault::Version)], None),
                _ => (vec![None], None),
            };
            assert_eq!((faults, rejection.map(|rejection| rejection.fault)), expected, "{name}");
        }
    }
}

/// The peer may close now, and all that is known is that the message was cut short.
#[test]
fn half_a_message_is_known_for_one() {
    let mut framer = Framer::new(Limits::PEER);
    framer.buffer().extend_from_slice(&message("rfc4475", "clerr"));
    assert!(matches!(framer.next(), Ok(None)) && framer.is_within_message());
}

#[test]
fn the_short_tortuous_invite() {
    let invite = request(&message("rfc4475", "wsinv"));
    let essentials = invite.check().unwrap();
    assert_eq!(essentials.to.to_string(), "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n");
    assert_eq!(essentials.from.display_name().as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(essentials.from.tag(), Some("98asjd8"));
    assert_eq!(essentials.cseq.to_string(), "9 INVITE");
    let vias: Vec<_> = invite.headers.vias().map(|via| via.unwrap().to_string()).collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
        ]
    );
    assert_eq!(essentials.via.branch(), None);
    assert_eq!(invite.headers.max_forwards(), Ok(Some(68)));
    assert_eq!(invite.headers.values(Name::Subject).collect::<Vec<_>>(), [""]);
    let unknown: Vec<_> = invite.headers.extension("unknownHEADERwithUnusualValue").collect();
    assert_eq!(unknown, [";;,,;;,;"]);
    let folded = invite.headers.extension("NewFangledHeader").next().unwrap();
    assert_eq!(folded, "newfangled value   continued newfangled value");
    let Some(Ok(Contact::Address(contact))) = invite.headers.contacts().next() else { panic!() };
    assert_eq!(contact.display_name().as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.params.to_string(), ";newparam=newvalue;secondparam;q=0.33");
    assert!(invite.headers.routes().next().unwrap().unwrap().uri.as_sip().unwrap().is_loose_router());
    assert_eq!(invite.body.len(), 150);
}

#[test]
fn characters_that_are_rarely_seen() {
    let odd = request(&message("rfc4475", "intmeth"));
    assert_eq!(odd.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    let essentials = odd.check().unwrap();
    assert_eq!(essentials.to.display_name().as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    assert_eq!(essentials.from.display_name().as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(essentials.from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(
        essentials.from.params.find("fromParam''~+*_!.-%").as_deref(),
        Some("\u{440}\u{430}\u{431}\u{43e}\u{442}\u{430}\u{44e}\u{449}\u{438}\u{439}")
    );
    assert_eq!(essentials.call_id, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_eq!(essentials.via.branch(), Some("z9hG4bK-.!%66*_+`'~"));
    assert_eq!(
        odd.headers.extension("extensionHeader-!.%*+_`'~").next(),
        Some("\u{feff}\u{5927}\u{505c}\u{96fb}")
    );
}

#[test]
fn percent_signs_mean_something_in_addresses_alone() {
    let invite = request(&message("rfc4475", "esc01"));
    assert_eq!(sip_user(&invite.headers.to().unwrap().uri), "user");
    assert_eq!(sip_user(&invite.headers.from().unwrap().uri), "I have spaces");
    let Some(Ok(Contact::Address(contact))) = invite.headers.contacts().next() else { panic!() };
    assert!(contact.uri.as_sip().unwrap().is_loose_router());
    assert_eq!(contact.uri.as_sip().unwrap().params.find("name"), Some("v%61lue%25%34%31"));
    let register = request(&message("rfc4475", "esc02"));
    assert_eq!(register.headers.to().unwrap().display_name().as_deref(), Some("%Z%45"));
    assert_eq!(register.headers.contacts().count(), 2);
    let nulls = request(&message("rfc4475", "escnull"));
    let users: Vec<_> = nulls
        .headers
        .contacts()
        .map(|contact| match contact {
            Ok(Contact::Address(contact)) => sip_user(&contact.uri),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(users, ["\0", "\0\0"]);
}

#[test]
fn whose_parameter_it_is() {
    let contact_of = |name| {
        let register = request(&message("rfc4475", name));
        let Some(Ok(Contact::Address(contact))) = register.headers.contacts().next() else { panic!() };
        (contact.uri.to_string(), contact.params.to_string())
    };
    let address = "sip:+19725552222@gw1.example.net";
    assert_eq!(contact_of("cparam01"), (address.into(), ";unknownparam".into()));
    assert_eq!(contact_of("cparam02"), (format!("{address};unknownparam"), String::new()));
    let with_header = "sip:user@example.com?Route=%3Csip:sip.example.com%3E";
    assert_eq!(contact_of("regescrt"), (with_header.into(), String::new()));
}

#[test]
fn bodies_are_bytes() {
    let multipart = request(&message("rfc4475", "mpart01"));
    assert_eq!(multipart.body.len(), 553);
    assert!(multipart.body.contains(&0));
    let boundary = multipart.headers.content_type().unwrap().unwrap().params.find("boundary");
    assert_eq!(boundary.as_deref(), Some("7a9cbec02ceef655"));
    assert_eq!(request(&message("rfc4475", "dblreq")).body.len(), 0);
    assert_eq!(request(&message("rfc4475", "inv2543")).body.len(), 105);
}

#[test]
fn many_of_everything() {
    let long = request(&message("rfc4475", "longreq"));
    assert_eq!(long.headers.vias().count(), 34);
    assert_eq!(long.headers.to().unwrap().uri.as_sip().unwrap().port, Some(6000));
    assert!(long.headers.from().unwrap().tag().is_some_and(|tag| tag.len() == 155));
    let transports = request(&message("rfc4475", "transports"));
    let names: Vec<_> = transports.headers.vias().map(|via| via.unwrap().transport).collect();
    assert_eq!(names, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    let semicolon = request(&message("rfc4475", "semiuri"));
    assert_eq!(sip_user(&semicolon.uri().unwrap()), "user;par=u@example.net");
    assert_eq!(semicolon.headers.accept().count(), 6);
}

#[test]
fn reasons_are_for_people() {
    assert_eq!(response(&message("rfc4475", "noreason")).reason(), "");
    let reason = response(&message("rfc4475", "unreason"));
    assert!(reason.reason().starts_with("= 2**3 * 5**2 \u{43d}\u{43e}"));
    assert_eq!(reason.status, Status::OK);
}

#[test]
fn addresses_of_ipv6() {
    let host = |name| {
        request(&message("rfc5118", name)).uri().unwrap().as_sip().map(|uri| (uri.host.to_string(), uri.port))
    };
    assert_eq!(host("port-ambiguous"), Some(("[2001:db8::10:5070]".into(), None)));
    assert_eq!(host("port-unambiguous"), Some(("[2001:db8::10]".into(), Some(5070))));
    assert_eq!(host("ipv6-bug-abnf-3-colons"), host("ipv6-correct-abnf-2-colons"));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let request = request(&message("rfc5118", name));
        let via = request.headers.vias().next().unwrap().unwrap();
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()), "{name}");
    }
    let many = request(&message("rfc5118", "mult-ip-in-header"));
    let last = many.headers.vias().last().unwrap().unwrap();
    assert_eq!(last.host, Host::parse("[2001:db8::9:255]").unwrap());
    assert_eq!(last.received(), Some("192.0.2.200".parse().unwrap()));
    let mapped = request(&message("rfc5118", "ipv4-mapped-ipv6"));
    assert_eq!(mapped.headers.vias().next().unwrap().unwrap().port, Some(19823));
}

fn sip_user(uri: &Uri<'_>) -> String {
    uri.as_sip().and_then(|uri| uri.user()).expect("an address with a user").into_owned()
}

fn message(folder: &str, name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(folder).join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
