//! Every state of every machine, and what each event does there.

mod key;
mod machines;
mod table;

use super::{Action, Timer};
use crate::limits::Limits;
use crate::message::{Answer, Message, Request, Response, Writer};
use crate::status::Status;

/// A request with these lines before what all have in common.
fn request(method: &str, lines: &str) -> Request {
    let text = format!(
        "{method} sip:bob@biloxi.example.com SIP/2.0\n{lines}Max-Forwards: 70\n\
         From: Alice <sip:alice@atlanta.example.com>;tag=88sja8x\nCall-ID: 987asjd97y7atg\nContent-Length: 0\n\n"
    );
    match Message::parse(text.replace('\n', "\r\n").into(), Limits::PEER).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{text}"),
    }
}

/// The usual request.
fn usual(method: &str) -> Request {
    request(
        method,
        &format!(
            "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bKkjshdyff, SIP/2.0/UDP a\nTo: <sip:bob@biloxi.example.com>\n\
             Route: <sip:p1;lr>, <sip:p2;lr>\nRecord-Route: <sip:p3;lr>\nCSeq: 986759 {method}\n"
        ),
    )
}

fn answer(request: &Request, status: Status) -> Answer {
    Writer::answer(&request.headers, status, Some("99sa0xk")).finish()
}

/// The same as it comes to who sent the request.
fn response(request: &Request, status: Status) -> Response {
    match Message::parse(answer(request, status).into_bytes(), Limits::PEER).unwrap() {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

/// `send 200, arm L 32000, end`: times in milliseconds.
fn spell(actions: &[Action]) -> String {
    let spelled = actions.iter().map(|action| match action {
        Action::Send(bytes) => match Message::parse(bytes.clone(), Limits::PEER).unwrap() {
            Message::Request(request) => format!("send {}", request.method),
            Message::Response(response) => format!("send {}", response.status.code()),
        },
        Action::Arm(timer, time) => format!("arm {timer:?} {}", time.as_millis()),
        Action::Deliver => "deliver".to_owned(),
        Action::Fail => "fail".to_owned(),
        Action::End => "end".to_owned(),
    });
    spelled.collect::<Vec<_>>().join(", ")
}

fn timer(event: &str) -> Option<Timer> {
    use Timer::{B, Cancel, F, H, J, L, M, Trying};
    [B, F, H, J, L, M, Cancel, Trying].into_iter().find(|timer| format!("{timer:?}") == event)
}
