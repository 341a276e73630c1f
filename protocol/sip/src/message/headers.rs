//! The headers of a message, each read when it is asked for.
//!
//! Three ways to ask, by what RFC 3261 §7.3.1 and §20 allow: a header that has to be there once, one that may be there
//! once, and one that may be there often, or with several values in one line, which is the same.

use bytes::Bytes;
use nom::multi::separated_list0;

use super::error::{HeaderError, Problem};
use super::head::{Entry, Span};
use crate::grammar::{Parsed, blanks, mark, seconds, token, whole};
use crate::header::{
    CSeq, Contact, Credentials, MediaType, Name, NameAddr, Replaces, SessionExpires, Via, Word, call_id,
    max_forwards, retry_after,
};

/// All headers of one message, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    head: Bytes,
    entries: Vec<Entry>,
}

/// One header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Which it is.
    pub name: Name,
    /// Its name as it was written.
    pub spelled: &'a str,
    /// Its value, without the white space around it.
    pub value: &'a str,
}

impl Headers {
    pub(super) fn new(head: Bytes, entries: Vec<Entry>) -> Self {
        Self { head, entries }
    }

    /// Every header, in its order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| Field {
            name: entry.name,
            spelled: self.text(entry.spelled),
            value: self.text(entry.value),
        })
    }

    /// The values of all headers of one name, each as it is written.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(move |entry| entry.name == name).map(|entry| self.text(entry.value))
    }

    /// The values of all headers of a name that is no [`Name`], capitals aside.
    pub fn extension(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(|field| field.name == Name::Extension && field.spelled.eq_ignore_ascii_case(name))
            .map(|field| field.value)
    }

    /// Whether there is a header of that name.
    pub fn has(&self, name: Name) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The start line, all headers, and the body behind them.
    pub(super) fn with_body(&self, body: &Bytes) -> Bytes {
        if body.is_empty() { self.head.clone() } else { [&self.head[..], body].concat().into() }
    }

    pub(super) fn text(&self, span: Span) -> &str {
        std::str::from_utf8(&self.head[span.range()]).expect("the head was found to be text")
    }

    /// A header that is there exactly once.
    fn one<'a, T>(&'a self, name: Name, grammar: fn(&'a str) -> Parsed<'a, T>) -> Result<T, HeaderError> {
        self.optional(name, grammar)?.ok_or(HeaderError { name, problem: Problem::Missing })
    }

    /// A header that is there once at most.
    fn optional<'a, T>(
        &'a self,
        name: Name,
        grammar: fn(&'a str) -> Parsed<'a, T>,
    ) -> Result<Option<T>, HeaderError> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                whole(grammar, value).map(Some).ok_or(HeaderError { name, problem: Problem::Malformed })
            }
            (Some(_), Some(_)) => Err(HeaderError { name, problem: Problem::Repeated }),
        }
    }

    /// A header of any number of values, with commas between them. After an error there is nothing.
    fn list<'a, T>(
        &'a self,
        name: Name,
        grammar: fn(&'a str) -> Parsed<'a, T>,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        let mut values = Some(self.values(name));
        let mut rest = None;
        std::iter::from_fn(move || {
            let input = rest.take().or_else(|| values.as_mut()?.next())?;
            let (element, behind) = element(grammar, input).unzip();
            match behind {
                Some(behind) => rest = behind,
                None => values = None,
            }
            Some(element.ok_or(HeaderError { name, problem: Problem::Malformed }))
        })
    }
}

/// The first value of a line, and what is behind the comma if there is one.
fn element<'a, T>(grammar: fn(&'a str) -> Parsed<'a, T>, input: &'a str) -> Option<(T, Option<&'a str>)> {
    let (behind, element) = grammar(blanks(input).ok()?.0).ok()?;
    match mark(b',')(behind) {
        Ok((next, ())) => Some((element, Some(next))),
        Err(_) => whole(blanks, behind).map(|()| (element, None)),
    }
}

/// What is there once, or once at most.
impl Headers {
    /// Who sends the request; its tag is the sender's side of the dialog (§20.20).
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.one(Name::From, NameAddr::tagged)
    }

    /// Whom the request is meant for; its tag is the receiver's side of the dialog (§20.39).
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.one(Name::To, NameAddr::tagged)
    }

    /// Which call, or which registration, the message belongs to (§20.8).
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        self.one(Name::CallId, call_id)
    }

    /// Which request of its dialog this is (§20.16).
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.one(Name::CSeq, CSeq::grammar)
    }

    /// How many proxies may still pass the request on, at most 255 (§20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.optional(Name::MaxForwards, max_forwards)
    }

    /// What the body is (§20.15).
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        self.optional(Name::ContentType, MediaType::grammar)
    }

    /// For how many seconds something is good, 2³² - 1 at most (§20.19).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.optional(Name::Expires, seconds)
    }

    /// The least that a registrar agrees to, in seconds (§20.23).
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.optional(Name::MinExpires, seconds)
    }

    /// In how many seconds to try again (§20.33).
    pub fn retry_after(&self) -> Result<Option<u32>, HeaderError> {
        self.optional(Name::RetryAfter, retry_after)
    }

    /// The event package that is subscribed to or told of, and its `id` (RFC 6665 §8.2.1).
    pub fn event(&self) -> Result<Option<Word<'_>>, HeaderError> {
        self.optional(Name::Event, Word::grammar)
    }

    /// `active`, `pending` or `terminated`, with `reason`, `expires`, `retry-after` (RFC 6665 §8.2.3).
    pub fn subscription_state(&self) -> Result<Option<Word<'_>>, HeaderError> {
        self.optional(Name::SubscriptionState, Word::grammar)
    }

    /// How long the session lasts without a refresh (RFC 4028 §4).
    pub fn session_expires(&self) -> Result<Option<SessionExpires<'_>>, HeaderError> {
        self.optional(Name::SessionExpires, SessionExpires::grammar)
    }

    /// The shortest interval that somebody on the way agrees to (RFC 4028 §5).
    pub fn min_se(&self) -> Result<Option<SessionExpires<'_>>, HeaderError> {
        self.optional(Name::MinSe, SessionExpires::grammar)
    }

    /// The dialog whose place this one takes (RFC 3891 §6.1).
    pub fn replaces(&self) -> Result<Option<Replaces<'_>>, HeaderError> {
        self.optional(Name::Replaces, Replaces::grammar)
    }

    /// Where to, and who asks for it (RFC 3515 §2.1).
    pub fn refer_to(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        self.optional(Name::ReferTo, NameAddr::grammar)
    }
}

/// What there may be several of.
impl Headers {
    /// The way that the request came, the last hop first (§20.42).
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.list(Name::Via, Via::grammar)
    }

    /// Where the sender can be reached directly (§20.10).
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, HeaderError>> {
        self.list(Name::Contact, Contact::grammar)
    }

    /// Where the request has still to go (§20.34).
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.list(Name::Route, NameAddr::route)
    }

    /// Who wants to see the rest of the dialog's requests (§20.30).
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.list(Name::RecordRoute, NameAddr::route)
    }

    /// The way back to who registers (RFC 3327).
    pub fn paths(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.list(Name::Path, NameAddr::route)
    }

    /// Who the sender is, if whoever says so is to be trusted (RFC 3325 §9.1).
    pub fn asserted_identities(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.list(Name::PAssertedIdentity, NameAddr::grammar)
    }

    /// Which bodies the sender understands (§20.1).
    pub fn accept(&self) -> impl Iterator<Item = Result<MediaType<'_>, HeaderError>> {
        self.list(Name::Accept, MediaType::grammar)
    }

    /// The tokens of [`Supported`](Name::Supported), [`Require`](Name::Require),
    /// [`ProxyRequire`](Name::ProxyRequire), [`Unsupported`](Name::Unsupported), [`Allow`](Name::Allow) or
    /// [`AllowEvents`](Name::AllowEvents): all of them, or none if one is malformed.
    pub fn tokens(&self, name: Name) -> Result<Vec<&str>, HeaderError> {
        let mut tokens = Vec::new();
        for value in self.values(name) {
            let line = whole(separated_list0(mark(b','), token), value);
            tokens.extend(line.ok_or(HeaderError { name, problem: Problem::Malformed })?);
        }
        Ok(tokens)
    }

    /// What is said to prove who the sender is, or what is asked for: [`Authorization`](Name::Authorization),
    /// [`ProxyAuthorization`](Name::ProxyAuthorization), [`WwwAuthenticate`](Name::WwwAuthenticate) or
    /// [`ProxyAuthenticate`](Name::ProxyAuthenticate). Their commas are within one value, so each is a line of its own
    /// (§7.3.1).
    pub fn credentials(&self, name: Name) -> impl Iterator<Item = Result<Credentials<'_>, HeaderError>> {
        self.values(name).map(move |value| {
            whole(Credentials::grammar, value).ok_or(HeaderError { name, problem: Problem::Malformed })
        })
    }
}
