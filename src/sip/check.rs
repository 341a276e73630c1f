//! What a request asks for, before it is known who asks (RFC 3261 §8.2), and how one is refused.

use std::net::IpAddr;

use perch_address::Jid;
use perch_sip::dialog::DialogId;
use perch_sip::header::Name;
use perch_sip::message::{Answer, Request, Writer};
use perch_sip::uri::{Host, SipUri, Uri};
use perch_sip::{Method, Status};

use crate::sip::address::to_jid;
use crate::sip::offer::{SDP, describe};
use crate::sip::provisioning;

/// What is asked of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// What we can do; anybody may know.
    Capabilities,
    /// To be reached by this flow.
    Registration,
    /// To take a message to that address.
    Message(Jid),
    /// To be told the settings that clients find the pool by.
    Provisioning,
    /// To begin a dialog with the contact object, by this description of its media.
    Invitation { description: String },
    /// Whatever belongs to a dialog that there is.
    InDialog(DialogId),
}

/// Where requests may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach<'a> {
    pub(super) domain: &'a str,
    pub(super) rooms_domain: &'a str,
    /// The users that stand for the pool, at the domain of the accounts.
    pub(super) contact_object: &'a [Box<str>],
    /// The address at which the request came in.
    pub(super) local: Option<IpAddr>,
}

/// Sees what a request asks for; or the answer that refuses it.
pub(super) fn check(request: &Request, reach: Reach<'_>) -> Result<Asked, Answer> {
    let refuse = |status| answer(request, status).finish();
    let uri = request.uri().map_err(|_| refuse(Status::BAD_REQUEST))?;
    // A SIPS address is promised TLS to its very end, which nobody can promise for clients of another protocol.
    let uri =
        uri.as_sip().filter(|uri| !uri.is_secure).ok_or_else(|| refuse(Status::UNSUPPORTED_URI_SCHEME))?;
    if !ALLOW.split(", ").any(|allowed| allowed == request.method.as_str()) {
        return Err(answer(request, Status::METHOD_NOT_ALLOWED).header(Name::Allow, ALLOW).finish());
    }
    let is_ours = match uri.host {
        Host::Name(name) => {
            [reach.domain, reach.rooms_domain].iter().any(|domain| name.eq_ignore_ascii_case(domain))
        }
        Host::V4(address) => is_here(reach, uri, address.into()),
        Host::V6(address) => is_here(reach, uri, address.into()),
    };
    if !is_ours {
        return Err(refuse(Status::NOT_FOUND));
    }
    check_extensions(request)?;
    let dialog = DialogId::of_request(&request.headers).map_err(|_| refuse(Status::BAD_REQUEST))?;
    match (&request.method, dialog) {
        (Method::Register, _) => Ok(Asked::Registration),
        (Method::Message, _) => message_to(request, uri),
        (Method::Subscribe, None) => provisioning::check(request).map(|()| Asked::Provisioning),
        // No subscription lasts, and a dialog with the contact object is for other things.
        (Method::Subscribe, Some(_)) => Err(refuse(Status::NO_SUCH_DIALOG)),
        (_, Some(id)) => Ok(Asked::InDialog(id)),
        (Method::Options, None) => Ok(Asked::Capabilities),
        (Method::Invite, None) => invitation(request, uri, reach),
        (_, None) => Err(refuse(Status::NO_SUCH_DIALOG)),
    }
}

/// The contact object takes invitations, as far as their media are taken at all.
fn invitation(request: &Request, uri: &SipUri<'_>, reach: Reach<'_>) -> Result<Asked, Answer> {
    let description = describe(request, reach.domain)?;
    let is_pool = matches!(uri.host, Host::Name(name) if name.eq_ignore_ascii_case(reach.domain))
        && uri
            .user()
            .is_some_and(|user| reach.contact_object.iter().any(|alias| alias.eq_ignore_ascii_case(&user)));
    if is_pool {
        return Ok(Asked::Invitation { description });
    }
    let reason = "people and rooms are not called; MESSAGE reaches them";
    Err(explained(request, Status::NOT_ACCEPTABLE_HERE, reason).finish())
}

/// A bare address of ours has no user: proxies ask there whether somebody is alive.
fn is_here(reach: Reach<'_>, uri: &SipUri<'_>, address: IpAddr) -> bool {
    uri.user().is_none() && reach.local.is_some_and(|local| local.to_canonical() == address)
}

/// RFC 3261 §8.2.2.3.
fn check_extensions(request: &Request) -> Result<(), Answer> {
    let required = request.headers.tokens(Name::Require);
    let required = required.map_err(|_| answer(request, Status::BAD_REQUEST).finish())?;
    let is_known = |tag: &&str| SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag));
    let unknown: Vec<&str> = required.into_iter().filter(|tag| !is_known(tag)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(answer(request, Status::BAD_EXTENSION).header(Name::Unsupported, unknown.join(", ")).finish())
}

/// Whom a MESSAGE is for, if it is one that we can read.
fn message_to(request: &Request, uri: &SipUri<'_>) -> Result<Asked, Answer> {
    let refuse = |status| answer(request, status).finish();
    if request.headers.to().is_ok_and(|to| to.uri.as_sip().is_some_and(|to| to.is_secure)) {
        return Err(refuse(Status::UNSUPPORTED_URI_SCHEME));
    }
    let to = to_jid(uri).ok().filter(|to| to.local().is_some()).ok_or_else(|| refuse(Status::NOT_FOUND))?;
    if request.body.len() > BODY_BYTES_MAX {
        return Err(refuse(Status::ENTITY_TOO_LARGE));
    }
    let media = request.headers.content_type().map_err(|_| refuse(Status::BAD_REQUEST))?;
    let is_text = media.is_some_and(|media| {
        let is_read =
            |charset: &str| ["utf-8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(charset));
        media.is(TEXT) && media.params.find("charset").is_none_or(|charset| is_read(&charset))
    });
    let is_plain = !request.headers.has(Name::ContentEncoding);
    if !is_text || !is_plain {
        return Err(answer(request, Status::UNSUPPORTED_MEDIA_TYPE).header(Name::Accept, TEXT).finish());
    }
    Ok(Asked::Message(to))
}

/// What we can do (RFC 3261 §11.2).
pub(super) fn capabilities(request: &Request) -> Answer {
    answer(request, Status::OK)
        .header(Name::Allow, ALLOW)
        .header(Name::AllowEvents, provisioning::EVENT)
        .header(Name::Accept, format_args!("{TEXT}, {SDP}"))
        .header(Name::Supported, SUPPORTED)
        .finish()
}

/// A response to that request, to be completed.
pub(super) fn answer(request: &Request, status: Status) -> Writer<Status> {
    let tag = tag();
    Writer::answer(&request.headers, status, Some(&tag))
}

/// The same, with a sentence for people (RFC 3261 §20.43).
pub(super) fn explained(request: &Request, status: Status, reason: &str) -> Writer<Status> {
    let quoted = perch_sip::header::Quoted(reason);
    answer(request, status).header(Name::Warning, format_args!("399 perch {quoted}"))
}

/// What tells this side of a dialog, or a transaction, from all others.
pub(super) fn tag() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Whether a URI stands for an account of this domain.
pub(super) fn account_of(uri: &Uri<'_>, domain: &str) -> Option<perch_address::BareJid> {
    let jid = to_jid(uri.as_sip()?).ok()?;
    (jid.local().is_some() && jid.domain() == domain).then(|| jid.bare())
}

pub(super) const ALLOW: &str =
    "OPTIONS, REGISTER, MESSAGE, INVITE, ACK, CANCEL, BYE, INFO, UPDATE, SUBSCRIBE";
/// RFC 3327, RFC 5626, RFC 5627, RFC 4028.
pub(super) const SUPPORTED: &str = "path, outbound, gruu, timer";
pub(super) const TEXT: &str = "text/plain";

/// What a message may have: as much as fits into a datagram, which is what clients are made for.
const BODY_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    fn checked(request: &str) -> Result<Asked, String> {
        let headers = "Via: SIP/2.0/TCP c;branch=z9hG4bKx\r\nFrom: <sip:a@x.example>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 X\r\n";
        let to = if request.contains("\r\nTo:") { "" } else { "To: <sip:b@x.example>\r\n" };
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let text = format!("{head}\r\n{headers}{to}\r\n{body}");
        let Ok(Message::Request(request)) = Message::parse(text.into(), Limits::PEER) else {
            panic!("no request: {request}")
        };
        let reach = Reach {
            domain: "x.example",
            rooms_domain: "rooms.x.example",
            contact_object: &["GC-1".into(), "ocschat".into()],
            local: Some("192.0.2.1".parse().unwrap()),
        };
        check(&request, reach).map_err(|answer| {
            let bytes = answer.into_bytes();
            let text = std::str::from_utf8(&bytes).unwrap();
            let told = |line: &&str| {
                ["SIP/2.0", "Allow", "Accept", "Unsupported"].iter().any(|name| line.starts_with(name))
            };
            text.lines()
                .filter(told)
                .map(|line| line.trim_start_matches("SIP/2.0 "))
                .collect::<Vec<_>>()
                .join("|")
        })
    }

    #[test]
    fn requests_are_told_apart() {
        let message = |to: &str| Ok(Asked::Message(Jid::new(to).unwrap()));
        let text = "\r\nContent-Type: text/plain\r\n\r\nhi";
        let id = DialogId { call_id: "1".into(), local_tag: "2".into(), remote_tag: Some("1".into()) };
        for (request, expected) in [
            ("OPTIONS sip:x.example SIP/2.0".to_owned(), Ok(Asked::Capabilities)),
            (
                "OPTIONS sip:gc-1@x.example SIP/2.0\r\nTo: <sip:x.example>;tag=2".to_owned(),
                Ok(Asked::InDialog(id.clone())),
            ),
            (
                "INFO sip:GC-1@x.example;transport=tcp SIP/2.0\r\nTo: <sip:x.example>;tag=2".to_owned(),
                Ok(Asked::InDialog(id)),
            ),
            ("OPTIONS sip:192.0.2.1:5061 SIP/2.0".to_owned(), Ok(Asked::Capabilities)),
            ("REGISTER sip:x.example SIP/2.0\r\nRequire: path".to_owned(), Ok(Asked::Registration)),
            (
                "SUBSCRIBE sip:a@x.example SIP/2.0\r\nEvent: vnd-microsoft-provisioning-v2\r\n\
                 Supported: ms-piggyback-first-notify"
                    .to_owned(),
                Ok(Asked::Provisioning),
            ),
            (format!("MESSAGE sip:b@X.example SIP/2.0{text}"), message("b@x.example")),
            (format!("MESSAGE sip:t@rooms.x.example SIP/2.0{text}"), message("t@rooms.x.example")),
            (
                "MESSAGE sip:b@x.example SIP/2.0\r\nc: Text/Plain;charset=\"UTF-8\"\r\n\r\nhi".to_owned(),
                message("b@x.example"),
            ),
        ] {
            assert_eq!(checked(&request), expected, "{request}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_refused() {
        let text = "\r\nContent-Type: text/plain\r\n\r\nhi";
        let long = format!("\r\nContent-Type: text/plain\r\n\r\n{}", "x".repeat(BODY_BYTES_MAX + 1));
        for (request, expected) in [
            ("DANCE sip:b@x.example SIP/2.0".to_owned(), &*format!("405 Method Not Allowed|Allow: {ALLOW}")),
            ("INVITE sip:b@x.example SIP/2.0".to_owned(), "488 Not Acceptable Here"),
            ("INVITE sip:ocschat@rooms.x.example SIP/2.0".to_owned(), "488 Not Acceptable Here"),
            (
                "INVITE sip:GC-1@x.example SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nm=audio 7 RTP/AVP 0".to_owned(),
                "488 Not Acceptable Here",
            ),
            ("BYE sip:GC-1@x.example SIP/2.0".to_owned(), "481 Call/Transaction Does Not Exist"),
            ("INFO sip:GC-1@x.example SIP/2.0".to_owned(), "481 Call/Transaction Does Not Exist"),
            (
                "SUBSCRIBE sip:GC-1@x.example SIP/2.0\r\nTo: <sip:x.example>;tag=2".to_owned(),
                "481 Call/Transaction Does Not Exist",
            ),
            (
                "SUBSCRIBE sip:b@x.example SIP/2.0\r\nEvent: presence".to_owned(),
                "489 Bad Event|Allow-Events: vnd-microsoft-provisioning-v2",
            ),
            ("OPTIONS sip:elsewhere.example SIP/2.0".to_owned(), "404 Not Found"),
            ("OPTIONS sip:192.0.2.2 SIP/2.0".to_owned(), "404 Not Found"),
            ("OPTIONS sip:b@192.0.2.1 SIP/2.0".to_owned(), "404 Not Found"),
            ("OPTIONS sips:x.example SIP/2.0".to_owned(), "416 Unsupported URI Scheme"),
            ("OPTIONS tel:+1 SIP/2.0".to_owned(), "416 Unsupported URI Scheme"),
            (
                "REGISTER sip:x.example SIP/2.0\r\nRequire: path, 100rel".to_owned(),
                "420 Bad Extension|Unsupported: 100rel",
            ),
            (format!("MESSAGE sip:x.example SIP/2.0{text}"), "404 Not Found"),
            (
                format!("MESSAGE sip:b@x.example SIP/2.0\r\nTo: <sips:b@x.example>{text}"),
                "416 Unsupported URI Scheme",
            ),
            (format!("MESSAGE sip:b@x.example SIP/2.0{long}"), "413 Request Entity Too Large"),
            (
                "MESSAGE sip:b@x.example SIP/2.0\r\nContent-Type: text/html\r\n\r\nhi".to_owned(),
                "415 Unsupported Media Type|Accept: text/plain",
            ),
            (
                "MESSAGE sip:b@x.example SIP/2.0\r\nc: text/plain;charset=latin1\r\n\r\nhi".to_owned(),
                "415 Unsupported Media Type|Accept: text/plain",
            ),
            (
                "MESSAGE sip:b@x.example SIP/2.0\r\n\r\nhi".to_owned(),
                "415 Unsupported Media Type|Accept: text/plain",
            ),
        ] {
            assert_eq!(checked(&request).unwrap_err(), expected, "{request:.120}");
        }
    }
}
