//! What every message has to have before anybody looks at what it wants.

use super::error::{HeaderError, Problem, Unfit};
use super::{Headers, Request};
use crate::header::{CSeq, Contact, Name, NameAddr, Via};
use crate::method::Method;

/// The headers that tell which transaction, dialog and call a message is of (RFC 3261 §8.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Essentials<'a> {
    /// The topmost Via: who sent it.
    pub via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a str,
    /// CSeq.
    pub cseq: CSeq,
}

impl Headers {
    /// Reads what every message has; all of Via has to be well-formed, since a response goes the whole way back.
    pub fn essentials(&self) -> Result<Essentials<'_>, HeaderError> {
        let mut vias = self.vias();
        let via = vias.next().ok_or(HeaderError { name: Name::Via, problem: Problem::Missing })??;
        vias.try_for_each(|via| via.map(drop))?;
        Ok(Essentials {
            via,
            from: self.from()?,
            to: self.to()?,
            call_id: self.call_id()?,
            cseq: self.cseq()?,
        })
    }
}

impl Request {
    /// Reads what every request has, and sees that what decides about its way is well-formed: its address, all of
    /// Route, Record-Route and Contact, Max-Forwards, Content-Type. What is missing that RFC 2543 did without (a
    /// tag, a branch, Max-Forwards) is no fault.
    pub fn check(&self) -> Result<Essentials<'_>, Unfit> {
        let uri = self.uri().map_err(|_| Unfit::Uri)?;
        if uri.as_sip().is_some_and(|uri| uri.headers().is_some()) {
            return Err(Unfit::Uri);
        }
        let essentials = self.headers.essentials()?;
        self.headers.routes().chain(self.headers.record_routes()).try_for_each(|route| route.map(drop))?;
        self.headers.max_forwards()?;
        self.headers.content_type()?;
        self.check_contacts()?;
        if essentials.cseq.method != self.method {
            return Err(Unfit::Method { is_known: !matches!(self.method, Method::Extension(_)) });
        }
        Ok(essentials)
    }

    /// `*` stands alone, in a REGISTER that takes everything back (§10.2.2).
    fn check_contacts(&self) -> Result<(), Unfit> {
        let (mut count, mut has_all) = (0, false);
        for contact in self.headers.contacts() {
            has_all |= contact? == Contact::All;
            count += 1;
        }
        let may_be_all =
            count == 1 && self.method == Method::Register && self.headers.expires() == Ok(Some(0));
        if has_all && !may_be_all { Err(Unfit::AllContacts) } else { Ok(()) }
    }
}
