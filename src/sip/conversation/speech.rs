//! What is sent to the client: a few requests at a time, on one connection, so that all comes in order. What waits
//! meanwhile goes together in one document, as far as clients read it.

use std::collections::VecDeque;

use bytes::Bytes;
use perch_sip::dialog::Agreement;
use perch_sip::header::{Name, Role, Via};
use perch_sip::message::Writer;
use perch_sip::{Method, Status};
use perch_xccos::reply::Filling;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::debug;

use super::upkeep::POLICY;
use super::{Conversation, End};
use crate::sip::check::tag;
use crate::sip::exchanges::Outcome;
use crate::sip::flow::Word;

/// A request that the client has not answered.
pub(super) struct UnderWay {
    is_refresh: bool,
    outcome: oneshot::Receiver<Outcome>,
}

impl Conversation {
    /// Sends what there is to send.
    pub(super) async fn speak(&mut self) -> Result<(), End> {
        self.send_answers().await?;
        if self.upkeep.unheard.is_some() {
            return Ok(());
        }
        while self.under_way.len() < UNDER_WAY_MAX {
            if std::mem::take(&mut self.upkeep.is_refresh_due) {
                self.send_refresh().await?;
            } else if let Some(document) = self.next_document() {
                let write = |writer: Writer| {
                    writer.header(Name::ContentType, "text/plain;charset=UTF-8").finish_with(&document)
                };
                let outcome = self.send(&Method::Info, write).await?;
                self.under_way.push_back(UnderWay { is_refresh: false, outcome });
            } else {
                break;
            }
        }
        Ok(())
    }

    /// As much of what waits as goes together. `None`: nothing waits.
    fn next_document(&mut self) -> Option<Bytes> {
        let mut filling = Filling::default();
        filling.push(self.outbox.pop_front()?).expect("the first is taken");
        while let Some(item) = self.outbox.pop_front() {
            if let Err(item) = filling.push(item) {
                self.outbox.push_front(item);
                break;
            }
        }
        self.envelope += 1;
        Some(filling.finish(self.envelope))
    }

    /// RFC 4028 §7.4, by UPDATE.
    async fn send_refresh(&mut self) -> Result<(), End> {
        let (contact, interval_s) = (self.contact(), self.upkeep.agreement().interval_s);
        let write = |writer: Writer| {
            writer
                .header(Name::Contact, contact)
                .header(Name::Supported, "timer")
                .header(Name::SessionExpires, format_args!("{interval_s};refresher=uac"))
                .finish()
        };
        let outcome = self.send(&Method::Update, write).await?;
        self.under_way.push_back(UnderWay { is_refresh: true, outcome });
        Ok(())
    }

    /// Sends a request within the dialog.
    pub(super) async fn send(
        &mut self,
        method: &Method,
        finish: impl FnOnce(Writer) -> Bytes,
    ) -> Result<oneshot::Receiver<Outcome>, End> {
        let branch = format!("{}{}", Via::COOKIE, tag());
        let (transport, domain) = (self.way.transport, &self.services.domain);
        let via = format!("SIP/2.0/{transport} {domain};branch={branch}");
        let request = finish(self.dialog.request(method).header(Name::Via, via));
        let (sender, outcome) = oneshot::channel();
        let word = Word::Send { method: method.clone(), branch, request, outcome: sender };
        self.words.send(word).await.map_err(|_closed| End::FlowLost)?;
        Ok(outcome)
    }

    pub(super) async fn send_answers(&mut self) -> Result<(), End> {
        for (key, answer) in std::mem::take(&mut self.answers) {
            self.words.send(Word::Answer { key, answer }).await.map_err(|_closed| End::FlowLost)?;
        }
        Ok(())
    }

    /// The client has answered, or never will.
    pub(super) fn note_sent(&mut self, outcome: Outcome) -> Result<(), End> {
        let Some(UnderWay { is_refresh, .. }) = self.under_way.pop_front() else { return Ok(()) };
        let response = outcome.ok_or(End::FlowLost)?;
        let is_over = [Status::NO_SUCH_DIALOG, Status::REQUEST_TIMEOUT, Status::REQUEST_TERMINATED];
        if is_over.contains(&response.status) {
            // RFC 5057 §5.1; pidgin-sipe says 487 when it has another dialog meanwhile.
            return Err(End::Forgotten);
        }
        if !response.status.is_success() {
            debug!(status = %response.status, "the client refused what it was told");
        }
        if is_refresh {
            // Whoever refuses to be refreshed, as clients do that do not know UPDATE, is there all the same.
            let same = Agreement { refresher: Role::Uac, ..self.upkeep.agreement() };
            let agreed = Agreement::answered(&response.headers, POLICY).ok().flatten();
            self.upkeep.refresh(agreed.unwrap_or(same), Role::Uac, Instant::now());
        }
        Ok(())
    }
}

/// What became of the first of them.
pub(super) async fn outcome(under_way: &mut VecDeque<UnderWay>) -> Outcome {
    match under_way.front_mut() {
        Some(first) => (&mut first.outcome).await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Requests without an answer: a client far away is told of as many posts a second as it has round trips times this.
const UNDER_WAY_MAX: usize = 16;
