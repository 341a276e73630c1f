//! What is wrong, in the words of persistent-chat clients: `ms-diagnostics` ([MS-OCER]), beside the status of SIP.

use perch_address::BareJid;
use perch_sip::Status;
use perch_sip::header::{Name, Quoted};
use perch_sip::message::{Answer, Request, Writer};

use crate::sip::check::answer;
use crate::sip::flow::RETRY_AFTER_SECONDS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Diagnostic {
    CannotBegin,
    UnknownSession,
    /// A body that is not understood.
    NotUnderstood,
    QueueFull,
    TooManyEndpoints,
}

impl Diagnostic {
    /// Adds it to a response.
    pub(super) fn write(self, response: Writer<Status>, domain: &BareJid) -> Writer<Status> {
        let (id, reason) = match self {
            Self::CannotBegin => (20001, "no session can be begun now"),
            Self::UnknownSession => (20006, "there is no such session"),
            Self::NotUnderstood => (20007, "the request is not understood"),
            Self::QueueFull => (20008, "too many requests of this session wait"),
            Self::TooManyEndpoints => (20009, "there are as many sessions as there may be"),
        };
        let (reason, source) = (Quoted(reason), Quoted(domain.as_str()));
        response.extension("ms-diagnostics", format_args!("{id};reason={reason};source={source}"))
    }

    /// Refuses a request that may be sent again.
    pub(super) fn refuse(self, request: &Request, domain: &BareJid) -> Answer {
        let refusal = answer(request, Status::SERVICE_UNAVAILABLE);
        self.write(refusal.header(Name::RetryAfter, RETRY_AFTER_SECONDS), domain).finish()
    }
}
