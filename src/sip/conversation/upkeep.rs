//! The dialog of a conversation: it is accepted until that is acknowledged (RFC 3261 §13.3.1.4), refreshed (RFC 4028), asked
//! for this and that, and ended.

use perch_sip::dialog::{Acceptance, Agreement, Due, Reminder, SessionPolicy, SessionRefusal, SessionTimer};
use perch_sip::header::{Name, Role};
use perch_sip::message::{Answer, Request, Writer};
use perch_sip::transaction::{ServerKey, Timing};
use perch_sip::{Method, Status};
use tokio::time::Instant;

use super::{Conversation, End, News};
use crate::sip::check::{ALLOW, answer, capabilities};
use crate::sip::offer::{SDP, describe};

/// What the dialog waits for.
pub(super) struct Upkeep {
    agreement: Agreement,
    session: SessionTimer,
    session_due: Instant,
    /// The 2xx whose ACK has not come.
    pub(super) unheard: Option<Unheard>,
    /// It is time for an UPDATE.
    pub(super) is_refresh_due: bool,
}

pub(super) struct Unheard {
    key: ServerKey,
    ok: Answer,
    acceptance: Acceptance,
    due: Instant,
    /// It began the dialog.
    is_first: bool,
}

impl Upkeep {
    pub(super) fn new(agreement: Agreement, now: Instant) -> Self {
        let (session, after) = SessionTimer::begin(agreement, Role::Uas);
        Self { agreement, session, session_due: now + after, unheard: None, is_refresh_due: false }
    }

    /// Both sides have agreed anew, by a request in which this side had that role.
    pub(super) fn refresh(&mut self, agreement: Agreement, role: Role, now: Instant) {
        let (session, after) = SessionTimer::begin(agreement, role);
        (self.agreement, self.session, self.session_due) = (agreement, session, now + after);
        self.is_refresh_due = false;
    }

    pub(super) fn agreement(&self) -> Agreement {
        self.agreement
    }

    /// A 2xx was sent whose ACK is to come.
    fn await_ack(&mut self, key: ServerKey, ok: Answer, is_first: bool, now: Instant) {
        let (acceptance, after) = Acceptance::new(Timing::DEFAULT);
        self.unheard = Some(Unheard { key, ok, acceptance, due: now + after, is_first });
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let unheard = self.unheard.as_ref().map(|unheard| unheard.due);
        unheard.into_iter().chain([self.session_due]).min()
    }

    /// A time has passed that was waited for: perhaps the 2xx is to be sent once more.
    fn fire(&mut self, now: Instant) -> Result<Option<(ServerKey, Answer)>, End> {
        let mut again = None;
        if let Some(unheard) = self.unheard.as_mut().filter(|unheard| unheard.due <= now) {
            match unheard.acceptance.handle_timer() {
                Reminder::GiveUp => return Err(End::Unacknowledged),
                Reminder::Repeat(after) => {
                    unheard.due = now + after;
                    again = Some((unheard.key.clone(), unheard.ok.clone()));
                }
            }
        }
        if self.session_due <= now {
            match self.session.handle_timer() {
                Due::Refresh(left) => {
                    self.is_refresh_due = true;
                    self.session_due = now + left;
                }
                Due::End | Due::Nothing => return Err(End::Unrefreshed),
            }
        }
        Ok(again)
    }
}

/// How long a session lasts without being refreshed, as the INVITE or UPDATE has it; or the answer that refuses it.
pub(in crate::sip) fn agree(request: &Request) -> Result<Agreement, Answer> {
    Agreement::answer(&request.headers, POLICY).map_err(|refusal| {
        let answer = answer(request, refusal.status());
        match refusal {
            SessionRefusal::TooBrief { min_s } => answer.header(Name::MinSe, min_s).finish(),
            SessionRefusal::Header(_) | SessionRefusal::TooLong { .. } => answer.finish(),
        }
    })
}

impl Conversation {
    pub(super) async fn take(&mut self, news: News) -> Result<(), End> {
        match news {
            News::Request { key, request } => self.serve(key, request).await,
            News::Acknowledged => {
                self.upkeep.unheard = None;
                Ok(())
            }
            News::Cancelled(key) => match self.upkeep.unheard.take_if(|unheard| unheard.key == key) {
                Some(unheard) if unheard.is_first => Err(End::Cancelled),
                Some(_) | None => Ok(()),
            },
        }
    }

    async fn serve(&mut self, key: ServerKey, request: Request) -> Result<(), End> {
        let in_order = request.headers.cseq().map(|cseq| self.dialog.receive(&cseq));
        if let Ok(Err(out_of_order)) = in_order {
            self.answers.push((key, answer(&request, out_of_order.status()).finish()));
            return Ok(());
        }
        match request.method {
            Method::Bye => {
                self.answers.push((key, answer(&request, Status::OK).finish()));
                return Err(End::Bye);
            }
            Method::Info => self.inform(key, request).await,
            Method::Invite | Method::Update => {
                if let Err(refusal) = self.change(&key, &request) {
                    self.answers.push((key, refusal));
                }
            }
            _ => self.answers.push((key, capabilities(&request))),
        }
        Ok(())
    }

    /// An INVITE or UPDATE within the dialog: refreshes it, and may say anew where the client is (RFC 3261 §14.2, RFC 3311
    /// §5.2). An UPDATE of pidgin-sipe has neither Contact nor Session-Expires.
    fn change(&mut self, key: &ServerKey, request: &Request) -> Result<(), Answer> {
        let description = describe(request, self.services.domain.as_str())?;
        let agreement = agree(request)?;
        let refused = |_| answer(request, Status::BAD_REQUEST).finish();
        self.dialog.refresh(&request.headers).map_err(refused)?;
        self.upkeep.refresh(agreement, Role::Uas, Instant::now());
        if request.method == Method::Invite {
            self.accept_invite(key.clone(), request, &description, false);
            return Ok(());
        }
        let ok = self.accepted(request);
        let ok = match request.body.is_empty() {
            true => ok.finish(),
            false => ok.header(Name::ContentType, SDP).finish_with(description.as_bytes()),
        };
        self.answers.push((key.clone(), ok));
        Ok(())
    }

    /// Says 2xx to an INVITE, until it is heard.
    pub(super) fn accept_invite(
        &mut self,
        key: ServerKey,
        request: &Request,
        description: &str,
        is_first: bool,
    ) {
        let ok = self.accepted(request).header(Name::ContentType, SDP).finish_with(description.as_bytes());
        self.dialog.confirm();
        self.answers.push((key.clone(), ok.clone()));
        self.upkeep.await_ack(key, ok, is_first, Instant::now());
    }

    /// A 2xx to an INVITE or UPDATE, without a body.
    fn accepted(&self, request: &Request) -> Writer<Status> {
        let ok = Writer::answer(&request.headers, Status::OK, Some(&self.dialog.id.local_tag))
            .copy(&request.headers, |field| field.name == Name::RecordRoute)
            .header(Name::Contact, self.contact())
            .header(Name::Allow, ALLOW)
            .header(Name::Supported, "timer");
        self.upkeep.agreement.write(ok)
    }

    /// Where this side of the dialog is.
    pub(super) fn contact(&self) -> String {
        let transport = self.way.transport.to_ascii_lowercase();
        format!("<{};transport={transport}>", self.services.pool_uri())
    }

    /// A time has passed that was waited for.
    pub(super) fn note_due(&mut self) -> Result<(), End> {
        let again = self.upkeep.fire(Instant::now())?;
        self.answers.extend(again);
        Ok(())
    }
}

/// A conversation that nobody refreshes is over within five minutes: what rooms say to it is kept for nobody.
pub(super) const POLICY: SessionPolicy =
    SessionPolicy { interval_s: 300, min_s: 90, max_s: 1800, refresher: Role::Uac };

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    fn invite() -> Request {
        let text = "INVITE sip:ocschat@x.example SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\n\
                    From: <sip:a@x.example>;tag=1\r\nTo: <sip:ocschat@x.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
        match Message::parse(text.into(), Limits::PEER) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the times pass, one after the other, until there is an end or it is time to refresh; gives the seconds.
    fn pass(upkeep: &mut Upkeep, begun: Instant) -> (u64, Result<usize, &'static str>) {
        let mut repeated = 0;
        loop {
            let now = upkeep.due().unwrap();
            let seconds = now.duration_since(begun).as_secs();
            match upkeep.fire(now) {
                Err(End::Unrefreshed) => return (seconds, Err("unrefreshed")),
                Err(End::Unacknowledged) => return (seconds, Err("unacknowledged")),
                Err(other) => panic!("{other}"),
                Ok(_) if upkeep.is_refresh_due => return (seconds, Ok(repeated)),
                Ok(again) => repeated += usize::from(again.is_some()),
            }
        }
    }

    #[test]
    fn a_session_is_refreshed_or_ends() {
        let agreement = agree(&invite()).unwrap();
        assert_eq!((agreement.interval_s, agreement.refresher), (300, Role::Uas));
        let begun = Instant::now();
        let mut upkeep = Upkeep::new(agreement, begun);
        assert_eq!(pass(&mut upkeep, begun), (150, Ok(0)));
        // The UPDATE has an answer.
        let later = begun + Duration::from_secs(200);
        upkeep.refresh(Agreement { refresher: Role::Uac, ..agreement }, Role::Uac, later);
        assert_eq!(pass(&mut upkeep, later), (150, Ok(0)));
        // The next has none: 32 s before the session is over.
        upkeep.is_refresh_due = false;
        assert_eq!(pass(&mut upkeep, later), (268, Err("unrefreshed")));
        // It is the client's to refresh, and it does not.
        upkeep.refresh(Agreement { refresher: Role::Uac, ..agreement }, Role::Uas, begun);
        assert_eq!(pass(&mut upkeep, begun), (268, Err("unrefreshed")));
    }

    #[test]
    fn what_is_never_heard_is_given_up() {
        let (request, begun) = (invite(), Instant::now());
        let mut upkeep = Upkeep::new(agree(&request).unwrap(), begun);
        let key = ServerKey::of(&request, &request.check().unwrap());
        upkeep.await_ack(key, answer(&request, Status::OK).finish(), true, begun);
        assert_eq!(pass(&mut upkeep, begun), (32, Err("unacknowledged")));
        upkeep.unheard = None;
        assert_eq!(pass(&mut upkeep, begun), (150, Ok(0)));
    }
}
