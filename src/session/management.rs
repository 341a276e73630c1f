//! Stream management (XEP-0198): nothing is acknowledged before it is committed, and what was sent is kept until the
//! client says that it has it.

use std::collections::VecDeque;
use std::time::Duration;

use aws_lc_rs::rand;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stream::management::element::{acknowledged, enabled, failed, request};
use perch_xmpp::stream::management::{Bounds, Outbound, Request};
use perch_xmpp::stream::{StreamCondition, StreamFailure};
use perch_xmpp::xml::Element;
use serde::{Deserialize, Serialize};

use crate::chat::id::Seq;
use crate::fanout::frame::{Frame, StoredFrame};
use crate::session::Session;

pub(super) struct Management {
    outbound: Outbound<Frame>,
    /// The id under which the session can be resumed, and how long after its connection was lost.
    resumption: Option<(Box<str>, Duration)>,
    /// The client asked, and is answered when everything that came before is settled.
    owes_answer: bool,
    /// We asked, and have no answer yet.
    has_asked: bool,
    /// How many stanzas were acknowledged in all.
    acknowledged: u64,
    /// Messages of the account's log, each with the count of stanzas that an acknowledgement has to reach.
    marks: VecDeque<(u64, Seq)>,
    /// The client's stanzas that could not be taken, in the order of the errors. Until the client knows of them it is not
    /// told that they are handled: should the error be lost with the session, it sends them again.
    refused: VecDeque<Refused>,
    /// Refused, as its client knows, behind something that it may have to send again: this comes again with it, for the
    /// count's sake, and is not meant to be done.
    known: Vec<u64>,
}

/// A stanza of the client that could not be taken.
#[derive(Clone, Serialize, Deserialize)]
struct Refused {
    number: u64,
    /// The count that says that the client has the error.
    count: u64,
    /// It comes too late to be done now.
    is_final: bool,
}

/// What has to be known of it to go on elsewhere: what the client was sent and has not acknowledged.
#[derive(Serialize, Deserialize)]
pub(super) struct Promised {
    frames: Vec<StoredFrame>,
    /// The client's last count.
    h: u32,
    acknowledged: u64,
    marks: VecDeque<(u64, Seq)>,
    refused: VecDeque<Refused>,
    known: Vec<u64>,
    resumption_time: Duration,
}

impl Promised {
    /// Whether the stanza of that number could not be taken, and the client may not know.
    pub(super) fn has_refused(&self, number: u64) -> bool {
        self.refused.iter().any(|refused| refused.number == number)
    }
}

impl Management {
    /// `None`: the session cannot be resumed.
    pub(super) fn promised(&self) -> Option<Promised> {
        let (_, resumption_time) = self.resumption.as_ref()?;
        Some(Promised {
            frames: self.outbound.unacknowledged().map(Frame::stored).collect(),
            h: self.outbound.acknowledged(),
            acknowledged: self.acknowledged,
            marks: self.marks.clone(),
            refused: self.refused.clone(),
            known: self.known.clone(),
            resumption_time: *resumption_time,
        })
    }

    pub(super) fn resume(promised: Promised, id: &str) -> Self {
        let mut outbound = Outbound::resume(promised.h, BOUNDS);
        for frame in promised.frames.into_iter().map(Frame::from) {
            let bytes = frame.size();
            // They fitted where they were.
            let _ = outbound.push(frame, bytes);
        }
        Self {
            outbound,
            resumption: Some((id.into(), promised.resumption_time)),
            owes_answer: false,
            has_asked: false,
            acknowledged: promised.acknowledged,
            marks: promised.marks,
            refused: promised.refused,
            known: promised.known,
        }
    }
}

/// What a client may leave unacknowledged. Beyond that its session ends, and it reads the archive.
const BOUNDS: Bounds = Bounds { count_max: 10_000, bytes_max: 8 << 20 };

impl Session {
    /// Takes what is no stanza. Returns the id of a session that can be resumed from now on.
    pub async fn handle_element(&mut self, element: &Element) -> Result<Option<Box<str>>, StreamFailure> {
        let Some(parsed) = Request::parse(element) else {
            return Err(StreamCondition::UnsupportedStanzaType.into());
        };
        match parsed {
            Ok(Request::Enable { resume, max }) => return Ok(self.enable(resume, max).await),
            Ok(Request::Acknowledge) => self.answer_ask(),
            Ok(Request::Acknowledged { h }) => self.acknowledge(h).await?,
            Ok(Request::Resume { .. }) => self.write_raw(&failed(StanzaCondition::UnexpectedRequest, None)),
            Err(condition) => self.write_raw(&failed(condition, None)),
        }
        Ok(None)
    }

    /// The client has everything up to `h`.
    pub async fn acknowledge(&mut self, h: u32) -> Result<(), StreamFailure> {
        let Some(management) = &mut self.management else { return Ok(()) };
        management.has_asked = false;
        let count = management.outbound.acknowledge(h)?;
        management.acknowledged += count as u64;
        let mut taken = None;
        while let Some((_, seq)) =
            management.marks.pop_front_if(|(count, _)| *count <= management.acknowledged)
        {
            taken = Some(seq);
        }
        while let Some(Refused { number, .. }) =
            management.refused.pop_front_if(|refused| refused.count <= management.acknowledged)
        {
            self.inbound.settle(number);
            management.known.push(number);
            // It may have asked before, and was told less.
            management.owes_answer = true;
        }
        let (handled, _) = self.inbound.position();
        management.known.retain(|number| *number > handled);
        // What was written while the question was under way is asked for now, not with what comes next: that may be
        // long. A client that answers without having got on is not asked in a circle.
        if count > 0 && !management.outbound.is_empty() {
            self.ask_for_acknowledgement();
        }
        if let Some(seq) = taken {
            self.account.acknowledge(seq).await;
        }
        self.acknowledge_if_owed();
        Ok(())
    }

    /// One of the client's stanzas could not be taken, and the error is the last of what it is sent: it is handled when
    /// the client knows. `false`: nobody counts.
    pub(super) fn defer(&mut self, number: u64) -> bool {
        let Some(management) = &mut self.management else { return false };
        let count = management.acknowledged + management.outbound.len() as u64;
        management.refused.push_back(Refused { number, count, is_final: false });
        true
    }

    /// A client that does not acknowledge its errors, and goes on, has its end here.
    pub(super) fn check_backlog(&self) -> Result<(), StreamFailure> {
        if self.inbound.pending() < BOUNDS.count_max {
            return Ok(());
        }
        Err(too_much_unacknowledged())
    }

    /// Passes over a stanza that was refused and comes again for the count's sake. It is handled where its client knows, and
    /// else when that says so.
    pub(super) fn passes_over(&mut self, number: u64) -> bool {
        let Some(management) = &self.management else { return false };
        if management.known.contains(&number) {
            self.done(number);
            return true;
        }
        management.refused.iter().any(|refused| refused.number == number)
    }

    /// How many of the client's stanzas wait until it knows that they could not be taken.
    pub(super) fn deferred(&self) -> usize {
        self.management.as_ref().map_or(0, |management| management.refused.len())
    }

    /// The client is back and does not know yet that these could not be taken. It sends them again, and everything behind
    /// them: what of that was done is found by its number. But where something behind them was done, they would come out
    /// of order: those it gets the error for.
    pub fn take_back_refusals(&mut self) {
        let Some(management) = &mut self.management else { return };
        if management.refused.is_empty() {
            return;
        }
        let (handled, _) = self.inbound.position();
        let is_done = |number: &u64| self.inbound.is_settled(*number) && !management.known.contains(number);
        let last_done = (handled + 1..=self.inbound.received()).rfind(is_done).unwrap_or(handled);
        let refused = std::mem::take(&mut management.refused).into_iter();
        let is_late = |refused: &Refused| refused.is_final || refused.number < last_done;
        let (mut late, taken_back): (VecDeque<_>, VecDeque<_>) = refused.partition(is_late);
        for Refused { count, .. } in taken_back.into_iter().rev() {
            let place = usize::try_from(count - management.acknowledged - 1).unwrap_or(usize::MAX);
            management.outbound.remove(place);
            // Whatever is behind it is reached one earlier.
            for (mark, _) in management.marks.iter_mut().filter(|(mark, _)| *mark >= count) {
                *mark -= 1;
            }
            for refused in late.iter_mut().filter(|refused| refused.count > count) {
                refused.count -= 1;
            }
        }
        late.iter_mut().for_each(|refused| refused.is_final = true);
        management.refused = late;
        self.inbound.take_back();
    }

    /// Whether the client may say that it has so many.
    pub fn check_acknowledged(&self, h: u32) -> Result<(), StreamFailure> {
        match &self.management {
            Some(management) => Ok(management.outbound.check(h).map(drop)?),
            None => Ok(()),
        }
    }

    /// A message of the account's log is among what was sent: the account learns when the client has it.
    pub fn mark(&mut self, seq: Seq) {
        match &mut self.management {
            Some(management) => {
                let sent = management.acknowledged + management.outbound.len() as u64;
                management.marks.push_back((sent, seq));
            }
            None => self.written_mark = Some(seq),
        }
    }

    /// Everything was handed to the system. A client that does not acknowledge is taken at that.
    pub async fn note_written(&mut self) {
        if let Some(seq) = self.written_mark.take() {
            self.account.acknowledge(seq).await;
        }
    }

    /// How many of the client's stanzas are settled.
    pub fn handled(&self) -> u32 {
        self.inbound.handled()
    }

    pub fn is_resumable(&self) -> bool {
        self.resumption_id().is_some()
    }

    pub fn resumption_id(&self) -> Option<&str> {
        self.management.as_ref()?.resumption.as_ref().map(|(id, _)| &**id)
    }

    /// How long the session waits for its client to come back.
    pub fn resumption_time(&self) -> Duration {
        let resumption = self.management.as_ref().and_then(|management| management.resumption.as_ref());
        resumption.map_or(Duration::ZERO, |(_, time)| *time)
    }

    /// Puts everything that the client has not acknowledged before what comes next.
    pub fn resend(&mut self) {
        let Some(management) = &mut self.management else { return };
        management.owes_answer = false;
        management.has_asked = false;
        self.out.clear();
        for frame in management.outbound.unacknowledged() {
            frame.write(&self.to, &mut self.out);
        }
    }

    /// Puts a frame into the next write, and keeps it where the client acknowledges.
    pub fn send(&mut self, frame: &Frame) -> Result<(), StreamFailure> {
        if let Some(management) = &mut self.management
            && management.outbound.push(frame.clone(), frame.size()).is_err()
        {
            return Err(too_much_unacknowledged());
        }
        frame.write(&self.to, &mut self.out);
        Ok(())
    }

    pub fn waiting_bytes(&self) -> usize {
        self.out.len()
    }

    /// What is to be written now. Without a connection nothing is: what counts is in the queue of unacknowledged.
    pub fn take_bytes(&mut self, is_connected: bool) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.out);
        if !is_connected {
            return Vec::new();
        }
        if let Some(management) = &mut self.management
            && !management.has_asked
            && !management.outbound.is_empty()
            && !bytes.is_empty()
        {
            management.has_asked = true;
            bytes.extend_from_slice(&request());
        }
        bytes
    }

    /// Asks a silent client whether it is there: by stream management, or by a ping (XEP-0199).
    pub fn ask_for_life(&mut self) {
        if self.management.is_some() {
            self.ask_for_acknowledgement();
            return;
        }
        let ping = Element::new("iq", namespace::CLIENT)
            .with_attribute("type", "get")
            .with_attribute("from", self.services.domain.as_str())
            .with_attribute("to", self.jid.as_str())
            .with_attribute("id", "alive")
            .with_child(Element::new("ping", namespace::PING));
        self.reply(&ping);
    }

    pub(super) fn acknowledge_if_owed(&mut self) {
        if let Some(management) = &self.management
            && management.owes_answer
        {
            self.answer_ask();
        }
    }

    async fn enable(&mut self, wants_resumption: bool, max: Option<Duration>) -> Option<Box<str>> {
        if self.management.is_some() {
            self.write_raw(&failed(StanzaCondition::UnexpectedRequest, None));
            return None;
        }
        self.inbound.enable();
        let time = self.services.policy.resumption_time.min(max.unwrap_or(Duration::MAX));
        let id = if wants_resumption && !time.is_zero() { self.promise_resumption().await } else { None };
        self.write_raw(&enabled(id.as_deref().map(|id| (id, time))));
        self.management = Some(Management {
            outbound: Outbound::new(BOUNDS),
            resumption: id.clone().map(|id| (id, time)),
            owes_answer: false,
            has_asked: false,
            acknowledged: 0,
            marks: VecDeque::new(),
            refused: VecDeque::new(),
            known: Vec::new(),
        });
        id
    }

    /// An id under which the session will be found, whatever happens.
    async fn promise_resumption(&self) -> Option<Box<str>> {
        let id = random_id()?;
        if !self.save(&id).await {
            return None;
        }
        self.account.outlast().await;
        Some(id)
    }

    fn ask_for_acknowledgement(&mut self) {
        if let Some(management) = &mut self.management {
            management.has_asked = true;
            self.write_raw(&request());
        }
    }

    /// XEP-0198 §4: the answer to `<r/>` counts what is settled. It waits for what is still on its way to the store,
    /// so that a client that asks once learns all, but not for the client's own word that it knows of a refusal.
    fn answer_ask(&mut self) {
        let is_settled = self.is_settled();
        let handled = self.inbound.handled();
        let Some(management) = &mut self.management else { return };
        management.owes_answer = !is_settled;
        if is_settled {
            self.write_raw(&acknowledged(handled));
        }
    }

    fn write_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

fn too_much_unacknowledged() -> StreamFailure {
    StreamFailure::new(StreamCondition::ResourceConstraint)
        .with_text("too much is waiting to be acknowledged")
}

/// 128 random bits, in hexadecimal: nobody guesses another's session.
fn random_id() -> Option<Box<str>> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_le_bytes(bytes)).into())
}
