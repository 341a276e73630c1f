//! The two requests that are made from an INVITE, and go exactly where it went.

use bytes::Bytes;

use crate::header::Name;
use crate::message::{Request, Response, Writer};
use crate::method::Method;

/// The ACK of a refusal (RFC 3261 §17.1.1.3). That of a 2xx belongs to the dialog.
pub(super) fn ack(invite: &Request, refusal: &Response) -> Bytes {
    let headers = &refusal.headers;
    let to = |writer: Writer| writer.copy(headers, |field| field.name == Name::To);
    to(derive(invite, &Method::Ack, |name| name == Name::From)).finish()
}

/// The CANCEL of an INVITE (§9.1), which is to be sent after a provisional response only.
pub(super) fn cancel(invite: &Request) -> Bytes {
    derive(invite, &Method::Cancel, |name| matches!(name, Name::From | Name::To)).finish()
}

fn derive(invite: &Request, method: &Method, also: impl Fn(Name) -> bool) -> Writer {
    let headers = &invite.headers;
    let writer = Writer::request_text(method, invite.uri_text());
    let writer = match headers.vias().next() {
        Some(Ok(via)) => writer.header(Name::Via, via),
        Some(Err(_)) | None => writer,
    };
    let number = headers.cseq().map_or(0, |cseq| cseq.number);
    writer
        .copy(headers, |field| matches!(field.name, Name::Route | Name::CallId) || also(field.name))
        .header(Name::CSeq, format_args!("{number} {method}"))
        .header(Name::MaxForwards, MAX_FORWARDS)
}

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: u8 = 70;
