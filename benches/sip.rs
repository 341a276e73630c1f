//! What it costs to read a SIP message: its index alone, with the headers that every request is asked for, and out of a
//! stream. An INVITE that came over a front end, and an INFO with a line for a room.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use perch_sip::framer::{Framer, Item};
use perch_sip::limits::Limits;
use perch_sip::message::{Message, Request};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: u32 = 20_000;

#[expect(clippy::print_stdout, reason = "a bench prints its figure")]
fn main() {
    for (name, message) in [("invite", invite()), ("info", info())] {
        let bytes = Bytes::from(message);
        let index = measure(|| drop(black_box(parse(&bytes))));
        let typed = measure(|| read_headers(&parse(&bytes)));
        let mut framer = Framer::new(Limits::PEER);
        let framed = measure(|| {
            framer.buffer().extend_from_slice(&bytes);
            assert!(matches!(black_box(framer.next()), Ok(Some(Item::Message(_)))));
        });
        println!(
            "sip/{name} ({} bytes): {index} messages/s, {typed} with headers, {framed} framed",
            bytes.len()
        );
    }
}

/// How often in a second of the processor's time, at best: who else uses the machine only slows.
fn measure(mut work: impl FnMut()) -> u32 {
    let clock = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a thread has a time");
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let start = clock();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.max(f64::from(ROUNDS) / (clock() - start).as_secs_f64());
    }
    best as u32
}

fn parse(bytes: &Bytes) -> Request {
    match Message::parse(bytes.clone(), Limits::PEER) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// The address, every Via, Route, Record-Route and Contact, From, To, Call-ID, CSeq, Max-Forwards and Content-Type.
fn read_headers(request: &Request) {
    let essentials = black_box(request.check()).expect("a request that can be served");
    assert!(essentials.via.branch().is_some() && essentials.from.tag().is_some());
}

fn invite() -> String {
    let body = "v=0\r\no=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com\r\ns=-\r\n\
                c=IN IP4 192.0.2.101\r\nt=0 0\r\nm=message 5060 sip null\r\n\
                a=accept-types:text/plain text/html image/gif multipart/alternative application/im-iscomposing+xml\r\n";
    format!(
        "INVITE sip:GC-1-PersistentChatService-1@chat.example.com SIP/2.0\r\n\
         Via: SIP/2.0/TLS fe1.example.com:5061;branch=z9hG4bK74bf9.2d1f3c8e;rport\r\n\
         Via: SIP/2.0/TLS client.example.com:49214;branch=z9hG4bKnashds8;received=192.0.2.101;ms-received-port=49214\r\n\
         Record-Route: <sip:fe1.example.com:5061;transport=tls;lr>\r\n\
         Max-Forwards: 69\r\n\
         From: \"Alice Liddell\" <sip:alice@example.com>;tag=9fxced76sl;epid=3ab1c2d4e5\r\n\
         To: <sip:GC-1-PersistentChatService-1@chat.example.com>\r\n\
         Call-ID: 3848276298220188511@client.example.com\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:alice@example.com;opaque=user:epid:Hvj4Yq2wHVqLSp;gruu>\r\n\
         User-Agent: UCCAPI/15.0.4420.1017 OC/15.0.4420.1017\r\n\
         Supported: ms-delayed-accept, timer, histinfo\r\n\
         Allow: INVITE, BYE, ACK, CANCEL, INFO, UPDATE, OPTIONS\r\n\
         Session-Expires: 1800;refresher=uac\r\n\
         P-Asserted-Identity: <sip:alice@example.com>\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn info() -> String {
    let body = "<xccos ver=\"1\" envid=\"139132350\" xmlns=\"urn:parlano:xml:ns:xccos\"><grpchat id=\"grpchat\" seqid=\"1\" \
                chanUri=\"ma-chan://example.com/6c9bb5e1-0b6e-4a3f\" author=\"sip:alice@example.com\" \
                ts=\"2024-01-02T03:04:05Z\"><chat>good morning, all of you</chat></grpchat></xccos>";
    format!(
        "INFO sip:GC-1-PersistentChatService-1@chat.example.com SIP/2.0\r\n\
         Via: SIP/2.0/TLS client.example.com:49214;branch=z9hG4bK8f3a;rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=9fxced76sl;epid=3ab1c2d4e5\r\n\
         To: <sip:GC-1-PersistentChatService-1@chat.example.com>;tag=8321234356\r\n\
         Call-ID: 3848276298220188511@client.example.com\r\n\
         CSeq: 7 INFO\r\n\
         User-Agent: UCCAPI/15.0.4420.1017\r\n\
         Route: <sip:fe1.example.com:5061;transport=tls;lr>\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
