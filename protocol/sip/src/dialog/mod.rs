//! Two sides that know each other by a Call-ID and two tags (RFC 3261 §12), and what they have agreed on.
//!
//! [`Dialog`] is the identity, the order of requests and the way to the other side; [`Forks`] are the dialogs that one
//! INVITE of this side may lead to; [`Acceptance`] says 2xx until it is heard; [`SessionTimer`] sees to it that no
//! session outlives its users.

mod acceptance;
mod forks;
mod session_timer;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use acceptance::{Acceptance, Reminder};
pub use forks::{Fork, Forks};
pub use session_timer::{Agreement, Due, SessionPolicy, SessionRefusal, SessionTimer};

use crate::header::{CSeq, Contact, Name, NameAddr};
use crate::message::{HeaderError, Headers, Problem, Request, Response, Writer};
use crate::method::Method;
use crate::status::Status;
use crate::uri::Uri;

/// What tells one dialog from all others (§12), seen from this side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// This side's tag.
    pub local_tag: Box<str>,
    /// The other side's tag. None: it goes by RFC 2543.
    pub remote_tag: Option<Box<str>>,
}

/// A dialog. All that it is stands in its fields, so that it can be written down and taken up elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Its identity.
    pub id: DialogId,
    /// This side's address, as From and To have had it from the beginning.
    pub local: Box<str>,
    /// The other side's address.
    pub remote: Box<str>,
    /// Where the other side is.
    pub target: Box<str>,
    /// Through whom requests of this side go, as Route headers.
    pub routes: Vec<Box<str>>,
    /// The number of the last request that this side sent.
    pub local_number: Option<u32>,
    /// The number of the last request that the other side sent.
    pub remote_number: Option<u32>,
    /// Whether a 2xx was given or came; before that, the dialog is early.
    pub is_confirmed: bool,
}

/// Why no dialog came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoDialog {
    /// Something that a dialog needs is missing or malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The response is a refusal, a 100, or has no tag before it is final.
    #[error("a response that establishes no dialog")]
    Response,
}

/// Why a request of the other side is not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("request {number} after {last}")]
pub struct OutOfOrder {
    /// The number of the request.
    pub number: u32,
    /// That of one that came before.
    pub last: u32,
}

impl OutOfOrder {
    /// With what the request is answered (§12.2.2).
    pub fn status(self) -> Status {
        Status::SERVER_ERROR
    }
}

impl DialogId {
    /// The dialog that a request of the other side belongs to. `None`: its To has no tag, so it belongs to none yet.
    pub fn of_request(request: &Headers) -> Result<Option<Self>, HeaderError> {
        let (call_id, from, to) = (request.call_id()?, request.from()?, request.to()?);
        Ok(to.tag().map(|tag| Self::new(call_id, tag, from.tag())))
    }

    fn new(call_id: &str, local_tag: &str, remote_tag: Option<&str>) -> Self {
        Self { call_id: call_id.into(), local_tag: local_tag.into(), remote_tag: remote_tag.map(Into::into) }
    }
}

impl Dialog {
    /// The dialog that a request of the other side begins, once it is answered with `local_tag` (§12.1.1). The answer
    /// has to [repeat](Writer::copy) Record-Route and to have a Contact.
    pub fn answered(request: &Request, local_tag: &str) -> Result<Self, NoDialog> {
        let headers = &request.headers;
        let (from, to, cseq) = (headers.from()?, headers.to()?, headers.cseq()?);
        Ok(Self {
            id: DialogId::new(headers.call_id()?, local_tag, from.tag()),
            local: to.uri.as_str().into(),
            remote: from.uri.as_str().into(),
            target: contact(headers)?.ok_or(NO_CONTACT)?,
            routes: routes(headers)?,
            local_number: None,
            remote_number: Some(cseq.number),
            is_confirmed: false,
        })
    }

    /// The dialog that a request of this side begins by this response (§12.1.2).
    pub fn asked(request: &Request, response: &Response) -> Result<Self, NoDialog> {
        let headers = &response.headers;
        let (from, to) = (request.headers.from()?, headers.to()?);
        let is_confirmed = response.status.is_success();
        let may_begin = is_confirmed || response.status.is_provisional() && to.tag().is_some();
        if !may_begin || response.status == Status::TRYING {
            return Err(NoDialog::Response);
        }
        let local_tag = from.tag().ok_or(HeaderError { name: Name::From, problem: Problem::Malformed })?;
        Ok(Self {
            id: DialogId::new(request.headers.call_id()?, local_tag, to.tag()),
            local: from.uri.as_str().into(),
            remote: to.uri.as_str().into(),
            target: contact(headers)?.ok_or(NO_CONTACT)?,
            routes: routes_back(headers)?,
            local_number: Some(request.headers.cseq()?.number),
            remote_number: None,
            is_confirmed,
        })
    }

    /// Takes note that this side gave a 2xx to the request that began the dialog.
    pub fn confirm(&mut self) {
        self.is_confirmed = true;
    }

    /// Takes the 2xx that confirms an early dialog of this side's: its routes and its Contact are those that count from
    /// now on (§13.2.2.4).
    pub fn confirm_by(&mut self, response: &Response) -> Result<(), HeaderError> {
        if !self.is_confirmed {
            self.routes = routes_back(&response.headers)?;
            self.refresh(&response.headers)?;
            self.confirm();
        }
        Ok(())
    }

    /// Begins a request of this side (§12.2.1.1): its number is the next one. What is still missing is Via, and whatever
    /// the method asks for.
    pub fn request(&mut self, method: &Method) -> Writer {
        let number = self.local_number.map_or(1, |last| last.wrapping_add(1));
        self.local_number = Some(number);
        self.write(method, number)
    }

    /// Begins the ACK of a 2xx to the INVITE of that number (§13.2.2.4).
    pub fn ack(&self, invite_number: u32) -> Writer {
        self.write(&Method::Ack, invite_number)
    }

    fn write(&self, method: &Method, number: u32) -> Writer {
        let first = self.routes.first().and_then(|route| NameAddr::parse(route));
        let strict = first.and_then(|route| route.uri.as_sip().copied()).filter(|uri| !uri.is_loose_router());
        let target = for_request(&self.target);
        // COMPAT: a first proxy that goes by RFC 2543 takes its own address from the request line, and puts the next
        // there.
        let (uri, routes) = match &strict {
            Some(proxy) => (for_request(proxy.as_str()), &self.routes[1..]),
            None => (target.clone(), &self.routes[..]),
        };
        let mut writer = Writer::request_text(method, &uri);
        for route in routes {
            writer = writer.header(Name::Route, route);
        }
        if strict.is_some() {
            writer = writer.header(Name::Route, format_args!("<{target}>"));
        }
        let tag = |tag: Option<&str>| tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        writer
            .header(Name::From, format_args!("<{}>{}", self.local, tag(Some(&self.id.local_tag))))
            .header(Name::To, format_args!("<{}>{}", self.remote, tag(self.id.remote_tag.as_deref())))
            .header(Name::CallId, &self.id.call_id)
            .header(Name::CSeq, format_args!("{number} {method}"))
            .header(Name::MaxForwards, MAX_FORWARDS)
    }

    /// Takes a request of the other side (§12.2.2). Numbers may leave a gap, and may not go back; a number that comes
    /// again is let through, since pidgin-sipe repeats a request that was challenged under the number it had. ACK and
    /// CANCEL have the number of their INVITE.
    pub fn receive(&mut self, cseq: &CSeq) -> Result<(), OutOfOrder> {
        match self.remote_number {
            _ if matches!(cseq.method, Method::Ack | Method::Cancel) => Ok(()),
            Some(last) if cseq.number < last => Err(OutOfOrder { number: cseq.number, last }),
            Some(_) | None => {
                self.remote_number = Some(cseq.number);
                Ok(())
            }
        }
    }

    /// Takes the other side's new address from an INVITE or UPDATE that was accepted, or from the 2xx to one, if there
    /// is one in it.
    pub fn refresh(&mut self, headers: &Headers) -> Result<(), HeaderError> {
        if let Some(target) = contact(headers)? {
            self.target = target;
        }
        Ok(())
    }
}

/// The address in Contact.
fn contact(headers: &Headers) -> Result<Option<Box<str>>, HeaderError> {
    match headers.contacts().next().transpose()? {
        Some(Contact::Address(contact)) => Ok(Some(contact.uri.as_str().into())),
        Some(Contact::All) | None => Ok(None),
    }
}

/// The way to who sent a request: as it is written there, and no longer than a request can go.
fn routes(request: &Headers) -> Result<Vec<Box<str>>, HeaderError> {
    let mut routes = Vec::new();
    for route in request.record_routes() {
        if routes.len() == usize::from(MAX_FORWARDS) {
            return Err(HeaderError { name: Name::RecordRoute, problem: Problem::Malformed });
        }
        routes.push(route?.to_string().into());
    }
    Ok(routes)
}

/// The way to who sent a response: from this side's end.
fn routes_back(response: &Headers) -> Result<Vec<Box<str>>, HeaderError> {
    let mut routes = routes(response)?;
    routes.reverse();
    Ok(routes)
}

/// An address without what a request line may not have: headers and `method` (§19.1.1).
fn for_request(address: &str) -> String {
    match Uri::parse(address) {
        Ok(Uri::Sip(uri)) => uri.for_request(),
        Ok(Uri::Tel(_) | Uri::Other(_)) | Err(_) => address.to_owned(),
    }
}

const NO_CONTACT: HeaderError = HeaderError { name: Name::Contact, problem: Problem::Missing };

/// §8.1.1.6.
const MAX_FORWARDS: u8 = 70;
