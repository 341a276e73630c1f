//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3, §9.2).

use crate::header::Via;
use crate::message::{Essentials, Request};
use crate::method::Method;

/// What a request and those that belong to it have in common, on the side that answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerKey {
    /// That of the request which made the transaction: an ACK has an INVITE's.
    method: Method,
    by: By,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum By {
    /// The branch is the client's own, and unlike all others of that client.
    Branch { branch: Box<str>, sent_by: Box<str> },
    /// COMPAT: a client of RFC 2543, or one that leaves out the branch as pidgin-sipe does within a dialog. All of these
    /// together have to be the same. The tag of To is not among them, since an ACK has one that its INVITE lacks: the
    /// sender's tag and number tell apart all that the sender asked in one call.
    Headers { uri: Box<str>, from_tag: Option<Box<str>>, call_id: Box<str>, number: u32, via: Box<str> },
}

impl ServerKey {
    /// The key of a request's own transaction; that of an INVITE, if the request is its ACK.
    pub fn of(request: &Request, essentials: &Essentials<'_>) -> Self {
        let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
        Self::with_method(method, request, essentials)
    }

    /// The key of the INVITE that a CANCEL takes back.
    pub fn cancelled(cancel: &Request, essentials: &Essentials<'_>) -> Self {
        Self::with_method(Method::Invite, cancel, essentials)
    }

    fn with_method(method: Method, request: &Request, essentials: &Essentials<'_>) -> Self {
        let via = &essentials.via;
        let by = match via.branch() {
            Some(branch) => {
                By::Branch { branch: branch.to_ascii_lowercase().into(), sent_by: sent_by(via).into() }
            }
            None => By::Headers {
                uri: request.uri_text().into(),
                from_tag: essentials.from.tag().map(Into::into),
                call_id: essentials.call_id.into(),
                number: essentials.cseq.number,
                via: via.to_string().to_ascii_lowercase().into(),
            },
        };
        Self { method, by }
    }
}

/// What a request and its responses have in common, on the side that asks: the branch, which is this side's own, and the
/// method, since a CANCEL has the branch of its INVITE.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientKey {
    branch: Box<str>,
    method: Method,
}

impl ClientKey {
    /// The key of a request that is sent.
    pub(super) fn new(branch: &str, method: &Method) -> Self {
        Self { branch: branch.into(), method: method.clone() }
    }

    /// The key of a response that came. `None`: the branch is none of this side's.
    pub fn of(essentials: &Essentials<'_>) -> Option<Self> {
        let branch = essentials.via.branch()?.into();
        Some(Self { branch, method: essentials.cseq.method.clone() })
    }
}

/// Two clients may come to have the same branch: where they say to be tells them apart.
fn sent_by(via: &Via<'_>) -> String {
    let host = via.host.to_string().to_ascii_lowercase();
    via.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}
