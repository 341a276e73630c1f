//! The parser from outside: whatever a peer may send, in whatever pieces.

mod attacks;
mod corpus;
mod essentials;
mod framing;
mod properties;
mod torture;
mod writing;

use bytes::Bytes;
use perch_sip::framer::{Framer, Item};
use perch_sip::limits::Limits;
use perch_sip::message::{Message, Rejection, Request, Response};

/// Reads a stream that arrives in these pieces.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> (Vec<Item>, Option<Rejection>) {
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
    }
    (items, None)
}

fn parse(bytes: &[u8]) -> Result<Message, Rejection> {
    Message::parse(Bytes::copy_from_slice(bytes), Limits::PEER)
}

fn request(bytes: &[u8]) -> Request {
    match parse(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn response(bytes: &[u8]) -> Response {
    match parse(bytes) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// A request with these lines between the first and the empty one.
fn with_headers(lines: &str) -> Vec<u8> {
    let lines: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
    format!("OPTIONS sip:pool@example.com SIP/2.0\r\n{lines}\r\n").into_bytes()
}

/// Between two others on a stream, in pieces of any size, a message stays what it is.
fn framing_is_kept(message: &[u8]) {
    let input = [message, message, message].concat();
    let (items, rejection) = read(input.chunks(1 + message.len() % 97), Limits::PEER);
    let expected = Item::Message(parse(message).expect("a message"));
    assert_eq!((items, rejection), (vec![expected.clone(), expected.clone(), expected], None));
}

/// What every request has, without a Content-Length.
const ESSENTIALS: &str = "Via: SIP/2.0/TLS a.example.com;branch=z9hG4bK1\nFrom: <sip:a@example.com>;tag=1\n\
    To: <sip:pool@example.com>\nCall-ID: 1@a\nCSeq: 1 OPTIONS\n";
