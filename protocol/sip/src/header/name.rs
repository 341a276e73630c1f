//! The names of header fields, their compact forms, and how one is recognised.

use std::fmt;

/// Which header a field is. A name and its compact form (RFC 3261 §7.3.3) are one; so are all ways to write capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the header of that name; the table below spells it")]
pub enum Name {
    Accept,
    AcceptContact,
    AcceptEncoding,
    AcceptLanguage,
    AlertInfo,
    Allow,
    AllowEvents,
    AuthenticationInfo,
    Authorization,
    CallId,
    CallInfo,
    Contact,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    ContentLength,
    ContentType,
    CSeq,
    Date,
    ErrorInfo,
    Event,
    Expires,
    FlowTimer,
    From,
    HistoryInfo,
    Identity,
    InReplyTo,
    MaxForwards,
    MimeVersion,
    MinExpires,
    MinSe,
    Organization,
    PAssertedIdentity,
    Path,
    PPreferredIdentity,
    Priority,
    Privacy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyRequire,
    RAck,
    Reason,
    RecordRoute,
    ReferredBy,
    ReferTo,
    RejectContact,
    Replaces,
    ReplyTo,
    RequestDisposition,
    Require,
    RetryAfter,
    Route,
    RSeq,
    Server,
    ServiceRoute,
    SessionExpires,
    SipEtag,
    SipIfMatch,
    Subject,
    SubscriptionState,
    Supported,
    Timestamp,
    To,
    Unsupported,
    UserAgent,
    Via,
    Warning,
    WwwAuthenticate,
    /// Any other: the field says its name itself.
    Extension,
}

impl Name {
    /// Recognises a name, whatever its capitals.
    pub fn of(spelled: &str) -> Self {
        let spelled = spelled.as_bytes();
        match spelled {
            [] => Self::Extension,
            [letter] => COMPACT
                .iter()
                .find(|(compact, _)| compact.eq_ignore_ascii_case(letter))
                .map_or(Self::Extension, |&(_, name)| name),
            _ => match SLOTS[slot(spelled)] {
                Some(known) => {
                    let (name, usual) = NAMES[known as usize];
                    let is_it = usual.as_bytes() == spelled || usual.as_bytes().eq_ignore_ascii_case(spelled);
                    if is_it { name } else { Self::Extension }
                }
                None => Self::Extension,
            },
        }
    }

    /// How the name is written. An extension has no name here.
    pub fn as_str(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, spelled)| spelled)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In the order of the enum.
const NAMES: [(Name, &str); 68] = [
    (Name::Accept, "Accept"),
    (Name::AcceptContact, "Accept-Contact"),
    (Name::AcceptEncoding, "Accept-Encoding"),
    (Name::AcceptLanguage, "Accept-Language"),
    (Name::AlertInfo, "Alert-Info"),
    (Name::Allow, "Allow"),
    (Name::AllowEvents, "Allow-Events"),
    (Name::AuthenticationInfo, "Authentication-Info"),
    (Name::Authorization, "Authorization"),
    (Name::CallId, "Call-ID"),
    (Name::CallInfo, "Call-Info"),
    (Name::Contact, "Contact"),
    (Name::ContentDisposition, "Content-Disposition"),
    (Name::ContentEncoding, "Content-Encoding"),
    (Name::ContentLanguage, "Content-Language"),
    (Name::ContentLength, "Content-Length"),
    (Name::ContentType, "Content-Type"),
    (Name::CSeq, "CSeq"),
    (Name::Date, "Date"),
    (Name::ErrorInfo, "Error-Info"),
    (Name::Event, "Event"),
    (Name::Expires, "Expires"),
    (Name::FlowTimer, "Flow-Timer"),
    (Name::From, "From"),
    (Name::HistoryInfo, "History-Info"),
    (Name::Identity, "Identity"),
    (Name::InReplyTo, "In-Reply-To"),
    (Name::MaxForwards, "Max-Forwards"),
    (Name::MimeVersion, "MIME-Version"),
    (Name::MinExpires, "Min-Expires"),
    (Name::MinSe, "Min-SE"),
    (Name::Organization, "Organization"),
    (Name::PAssertedIdentity, "P-Asserted-Identity"),
    (Name::Path, "Path"),
    (Name::PPreferredIdentity, "P-Preferred-Identity"),
    (Name::Priority, "Priority"),
    (Name::Privacy, "Privacy"),
    (Name::ProxyAuthenticate, "Proxy-Authenticate"),
    (Name::ProxyAuthorization, "Proxy-Authorization"),
    (Name::ProxyRequire, "Proxy-Require"),
    (Name::RAck, "RAck"),
    (Name::Reason, "Reason"),
    (Name::RecordRoute, "Record-Route"),
    (Name::ReferredBy, "Referred-By"),
    (Name::ReferTo, "Refer-To"),
    (Name::RejectContact, "Reject-Contact"),
    (Name::Replaces, "Replaces"),
    (Name::ReplyTo, "Reply-To"),
    (Name::RequestDisposition, "Request-Disposition"),
    (Name::Require, "Require"),
    (Name::RetryAfter, "Retry-After"),
    (Name::Route, "Route"),
    (Name::RSeq, "RSeq"),
    (Name::Server, "Server"),
    (Name::ServiceRoute, "Service-Route"),
    (Name::SessionExpires, "Session-Expires"),
    (Name::SipEtag, "SIP-ETag"),
    (Name::SipIfMatch, "SIP-If-Match"),
    (Name::Subject, "Subject"),
    (Name::SubscriptionState, "Subscription-State"),
    (Name::Supported, "Supported"),
    (Name::Timestamp, "Timestamp"),
    (Name::To, "To"),
    (Name::Unsupported, "Unsupported"),
    (Name::UserAgent, "User-Agent"),
    (Name::Via, "Via"),
    (Name::Warning, "Warning"),
    (Name::WwwAuthenticate, "WWW-Authenticate"),
];

/// RFC 3261 §7.3.3 and §20; RFC 3515, 3841, 3892, 4028, 6665, 8224.
const COMPACT: [(u8, Name); 19] = [
    (b'v', Name::Via),
    (b'f', Name::From),
    (b't', Name::To),
    (b'i', Name::CallId),
    (b'm', Name::Contact),
    (b'l', Name::ContentLength),
    (b'c', Name::ContentType),
    (b'k', Name::Supported),
    (b's', Name::Subject),
    (b'e', Name::ContentEncoding),
    (b'o', Name::Event),
    (b'u', Name::AllowEvents),
    (b'x', Name::SessionExpires),
    (b'r', Name::ReferTo),
    (b'b', Name::ReferredBy),
    (b'a', Name::AcceptContact),
    (b'j', Name::RejectContact),
    (b'd', Name::RequestDisposition),
    (b'y', Name::Identity),
];

/// Where in [`SLOTS`] a name of at least two letters would be: by its length and three of its letters, weighed so that
/// no two of those that are known meet.
const fn slot(spelled: &[u8]) -> usize {
    let length = spelled.len();
    let [first, middle, last] = [spelled[0], spelled[length / 2], spelled[length - 1]];
    (length * 4 + weight(first, 19) + weight(middle, 23) + weight(last, 5)) % 256
}

/// Capitals weigh what small letters do.
const fn weight(letter: u8, factor: usize) -> usize {
    (letter | 0x20) as usize * factor
}

/// The place in [`NAMES`] of each known name. That no two share a slot is settled when the crate is compiled.
static SLOTS: [Option<u8>; 256] = {
    let mut slots = [None; 256];
    let mut at = 0;
    while at < NAMES.len() {
        let slot = slot(NAMES[at].1.as_bytes());
        assert!(slots[slot].is_none(), "two names in one slot: other weights are needed");
        assert!(NAMES[at].0 as usize == at, "the names stand in the order of the enum");
        slots[slot] = Some(at as u8);
        at += 1;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_recognised_in_every_spelling() {
        for (name, spelled) in NAMES {
            for spelling in [spelled.to_owned(), spelled.to_lowercase(), spelled.to_uppercase()] {
                assert_eq!(Name::of(&spelling), name, "{spelling}");
            }
            assert_eq!(Name::of(&format!("{spelled}-")), Name::Extension);
            assert_eq!(name.as_str(), spelled);
        }
        for (letter, name) in COMPACT {
            let letter = char::from(letter);
            assert_eq!(Name::of(&letter.to_string()), name);
            assert_eq!(Name::of(&letter.to_uppercase().to_string()), name);
        }
    }

    #[test]
    fn what_looks_like_a_name_is_none() {
        for spelled in
            ["", "z", "C%6Fntact", "Via ", "Vıa", "Call_ID", "Call\u{d}ID", "Content-Lengtn", "\u{212a}"]
        {
            assert_eq!(Name::of(spelled), Name::Extension, "{spelled:?}");
        }
    }
}
