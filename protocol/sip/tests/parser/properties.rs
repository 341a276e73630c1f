//! What must hold for every input: the bodies of the fuzz targets, run on the corpora as plain tests too.

use bytes::Bytes;
use perch_sip::Method;
use perch_sip::dialog::Dialog;
use perch_sip::framer::{Framer, Item};
use perch_sip::header::Name;
use perch_sip::limits::Limits;
use perch_sip::message::{Headers, Message, Rejection, Request, Writer};
use perch_sip::uri::Uri;

/// A message that came whole: whatever passes can be asked for everything, and is the same when it is passed on.
pub(crate) fn message(data: &[u8]) {
    let message = match Message::parse(Bytes::copy_from_slice(data), Limits::PEER) {
        Ok(message) => message,
        Err(rejection) => return check_rejection(&rejection),
    };
    READERS.iter().for_each(|(_, read)| drop(read(message.headers())));
    let again = match &message {
        Message::Response(response) => {
            let writer = Writer::response(response.status).copy(&response.headers, |_| true);
            writer.finish_with(&response.body).into_bytes()
        }
        Message::Request(request) => {
            drop(request.check());
            dialog(request);
            match request.uri() {
                Ok(uri) => {
                    let writer = Writer::request(&request.method, &uri).copy(&request.headers, |_| true);
                    writer.finish_with(&request.body)
                }
                Err(_) => return,
            }
        }
    };
    let again = Message::parse(again, Limits::PEER).expect("what was written can be read");
    assert_eq!(again.body(), message.body());
    let fields = |headers: &Headers| -> Vec<String> {
        let fields = headers.iter().filter(|field| field.name != Name::ContentLength);
        fields.map(|field| format!("{field:?}")).collect()
    };
    assert_eq!(fields(again.headers()), fields(message.headers()));
}

/// What this side writes in the dialog that a request begins: it is a request that can be served, in that dialog.
fn dialog(request: &Request) {
    let Ok(mut dialog) = Dialog::answered(request, "t") else { return };
    // Each of up to 70 routes gets a line of its own.
    let limits = Limits { head_bytes_max: Limits::PEER.head_bytes_max + 4096, ..Limits::PEER };
    for number in 1..=2 {
        let written =
            dialog.request(&Method::Info).header(Name::Via, "SIP/2.0/TLS a;branch=z9hG4bK1").finish();
        let Ok(Message::Request(written)) = Message::parse(written, limits) else {
            panic!("no request of {dialog:?}")
        };
        let essentials = written.check().unwrap_or_else(|unfit| panic!("{unfit} in {dialog:?}"));
        let tags = (essentials.from.tag(), essentials.to.tag());
        assert_eq!(tags, (Some(&*dialog.id.local_tag), dialog.id.remote_tag.as_deref()));
        assert_eq!((essentials.call_id, essentials.cseq.number), (&*dialog.id.call_id, number));
        assert_eq!(written.headers.routes().count(), dialog.routes.len());
    }
}

/// A header's value. The first byte of `data` chooses which header: what is read is the same when it is written.
pub(crate) fn header(data: &[u8]) {
    let Some((&choice, value)) = data.split_first() else { return };
    let Ok(value) = std::str::from_utf8(value) else { return };
    let (name, read) = READERS[usize::from(choice) % READERS.len()];
    let Some(values) = with(name, value).and_then(|headers| read(&headers)) else { return };
    // What is a list may be written in one line; credentials come one in a line.
    let again = with(name, &values.join(", ")).expect("what was read can be written");
    assert_eq!(read(&again).as_ref(), Some(&values), "{value:?}");
    if let Ok(uri) = Uri::parse(value) {
        assert_eq!(uri.as_str(), value);
        assert!(uri.is_equivalent(&uri), "{value:?}");
    }
}

fn with(name: Name, value: &str) -> Option<Headers> {
    let message = format!("SIP/2.0 200 OK\r\n{name}: {value}\r\n\r\n");
    Some(Message::parse(message.into(), Limits::PEER).ok()?.headers().clone())
}

/// A stream in pieces. The first byte of `data` chooses how: its low bits the size of a piece, the next the limits.
pub(crate) fn framer(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else { return };
    let small = Limits { head_bytes_max: 200, body_bytes_max: 50 };
    let limits = if choice & 0x20 == 0 { Limits::PEER } else { small };
    let whole = read(std::iter::once(input), limits);
    let pieces = read(input.chunks(usize::from(choice & 0x1f) + 1), limits);
    assert_eq!(whole, pieces, "the pieces made a difference");
    let refused = whole.0.iter().filter_map(|item| match item {
        Item::Refused(rejection) => Some(rejection),
        Item::Message(_) | Item::Ping => None,
    });
    refused.chain(&whole.1).for_each(check_rejection);
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: Limits) -> (Vec<Item>, Option<Rejection>) {
    let mut framer = Framer::new(limits);
    let mut items = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(rejection) => return (items, Some(rejection)),
            }
        }
        let rest = framer.buffer();
        assert!(rest.len() < limits.head_bytes_max + limits.body_bytes_max, "a message beyond its bounds");
        assert!(!rest.is_empty() || rest.capacity() == 0, "an idle stream holds a buffer");
    }
    (items, None)
}

/// Whoever is refused is told so by a message.
fn check_rejection(rejection: &Rejection) {
    if let Some(answer) = rejection.answer("t") {
        assert!(matches!(Message::parse(answer.into_bytes(), Limits::PEER), Ok(Message::Response(_))));
    }
}

/// What the values of a header are, written; none if one is malformed.
type Reader = fn(&Headers) -> Option<Vec<String>>;

/// Every accessor.
const READERS: [(Name, Reader); 25] = [
    (Name::Via, |headers| all(headers.vias())),
    (Name::Contact, |headers| {
        all(headers.contacts().map(|contact| {
            contact.map(|contact| match contact {
                perch_sip::header::Contact::All => "*".to_owned(),
                perch_sip::header::Contact::Address(address) => address.to_string(),
            })
        }))
    }),
    (Name::Route, |headers| all(headers.routes())),
    (Name::RecordRoute, |headers| all(headers.record_routes())),
    (Name::Path, |headers| all(headers.paths())),
    (Name::PAssertedIdentity, |headers| all(headers.asserted_identities())),
    (Name::Accept, |headers| all(headers.accept())),
    (Name::From, |headers| all([headers.from()])),
    (Name::To, |headers| all([headers.to()])),
    (Name::CallId, |headers| all([headers.call_id()])),
    (Name::CSeq, |headers| all([headers.cseq()])),
    (Name::MaxForwards, |headers| all(headers.max_forwards().transpose())),
    (Name::ContentType, |headers| all(headers.content_type().transpose())),
    (Name::Expires, |headers| all(headers.expires().transpose())),
    (Name::MinExpires, |headers| all(headers.min_expires().transpose())),
    (Name::RetryAfter, |headers| all(headers.retry_after().transpose())),
    (Name::Event, |headers| all(headers.event().transpose())),
    (Name::SubscriptionState, |headers| all(headers.subscription_state().transpose())),
    (Name::SessionExpires, |headers| all(headers.session_expires().transpose())),
    (Name::MinSe, |headers| all(headers.min_se().transpose())),
    (Name::Replaces, |headers| all(headers.replaces().transpose())),
    (Name::ReferTo, |headers| all(headers.refer_to().transpose())),
    (Name::Supported, |headers| {
        Some(headers.tokens(Name::Supported).ok()?.into_iter().map(str::to_owned).collect())
    }),
    (Name::Authorization, |headers| all(headers.credentials(Name::Authorization))),
    (Name::WwwAuthenticate, |headers| all(headers.credentials(Name::WwwAuthenticate))),
];

fn all<T: ToString, E>(values: impl IntoIterator<Item = Result<T, E>>) -> Option<Vec<String>> {
    values.into_iter().map(|value| value.ok().map(|value| value.to_string())).collect()
}
