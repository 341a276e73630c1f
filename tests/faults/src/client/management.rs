//! Stream management (XEP-0198): what the server has taken over, and the resumption of a cut session.

use std::collections::VecDeque;

use perch_checker::Event;

use super::Client;
use crate::problem::Problem;
use crate::xmpp::{CLIENT, Element, STREAM_MANAGEMENT, Stream, escape};

/// A session that the server counts the stanzas of.
pub(super) struct Management {
    id: String,
    /// Sent, and not known to be taken over; the numbers of those that are posts.
    unacknowledged: VecDeque<(String, Option<u64>)>,
    acknowledged: u32,
    received: u32,
}

impl Client {
    /// Asks for management, if this client likes it and the server offers it.
    pub(super) async fn manage(&mut self, stream: &mut Stream, features: &Element) -> Result<(), Problem> {
        if !self.habits.stream_management || features.child("sm", STREAM_MANAGEMENT).is_none() {
            return Ok(());
        }
        stream.send(&format!("<enable xmlns='{STREAM_MANAGEMENT}' resume='true'/>")).await?;
        let enabled = stream.expect("enabled", STREAM_MANAGEMENT).await?;
        let id = enabled.attribute("id").unwrap_or_default().to_owned();
        let unacknowledged = VecDeque::new();
        self.management = Some(Management { id, unacknowledged, acknowledged: 0, received: 0 });
        Ok(())
    }

    /// Takes the cut session up again; `false` when there is none, or the server does not know it any more.
    pub(super) async fn resume(&mut self, stream: &mut Stream) -> Result<bool, Problem> {
        let Some(management) = &self.management else { return Ok(false) };
        let (id, received) = (escape(&management.id), management.received);
        stream.send(&format!("<resume xmlns='{STREAM_MANAGEMENT}' previd='{id}' h='{received}'/>")).await?;
        let answer = stream.next().await?;
        if !answer.is("resumed", STREAM_MANAGEMENT) && !answer.is("failed", STREAM_MANAGEMENT) {
            return Err(Problem::Refused { what: "an answer to a resumption", why: answer.name });
        }
        // A refusal may tell the count too; a resumption must.
        if answer.name == "failed" {
            // A member that knows the logs alone may count less than the one before it has told. Nothing is lost by
            // that, since what is not acknowledged is looked for in the archive; it is counted.
            if answer.attribute("h").is_some() && self.acknowledge(&answer).is_err() {
                self.progress.send_modify(|progress| progress.setbacks += 1);
            }
            return Ok(false);
        }
        self.acknowledge(&answer)?;
        self.note(|client, session| Event::Resume { client, session });
        self.world.recorder.pulse.note_resumed(&self.session, &self.doors[self.door].mark);
        self.send_again(stream).await?;
        Ok(true)
    }

    async fn send_again(&self, stream: &mut Stream) -> Result<(), Problem> {
        let Some(management) = &self.management else { return Ok(()) };
        for (stanza, number) in management.unacknowledged.clone() {
            if let Some(post) = number.and_then(|number| self.outstanding.get(&number)) {
                self.note_attempt(post);
            }
            stream.send(&stanza).await?;
        }
        stream.send(&format!("<r xmlns='{STREAM_MANAGEMENT}'/>")).await
    }

    /// Sends a stanza, counted if the session is managed; a post asks for its acknowledgement at once.
    pub(super) async fn send(
        &mut self,
        stream: &mut Stream,
        stanza: String,
        post: Option<u64>,
    ) -> Result<(), Problem> {
        let Some(management) = &mut self.management else { return stream.send(&stanza).await };
        let asks = if post.is_some() { format!("<r xmlns='{STREAM_MANAGEMENT}'/>") } else { String::new() };
        let bytes = format!("{stanza}{asks}");
        management.unacknowledged.push_back((stanza, post));
        stream.send(&bytes).await
    }

    /// Counts what came, answers and takes acknowledgements.
    pub(super) async fn count(&mut self, stream: &mut Stream, element: &Element) -> Result<(), Problem> {
        let Some(management) = &mut self.management else { return Ok(()) };
        if element.namespace == CLIENT {
            management.received = management.received.wrapping_add(1);
        } else if element.is("r", STREAM_MANAGEMENT) {
            let received = management.received;
            stream.send(&format!("<a xmlns='{STREAM_MANAGEMENT}' h='{received}'/>")).await?;
        } else if element.is("a", STREAM_MANAGEMENT) {
            self.acknowledge(element)?;
        }
        Ok(())
    }

    fn acknowledge(&mut self, element: &Element) -> Result<(), Problem> {
        let Some(management) = &mut self.management else { return Ok(()) };
        let refused = |why: &str| Problem::Refused { what: "a true count", why: why.to_owned() };
        let handled = element.attribute("h").and_then(|h| h.parse::<u32>().ok());
        let new = handled.ok_or_else(|| refused("h is not a number"))?.wrapping_sub(management.acknowledged);
        if new as usize > management.unacknowledged.len() {
            return Err(refused("h is more than was sent"));
        }
        management.acknowledged = management.acknowledged.wrapping_add(new);
        for (_, number) in management.unacknowledged.drain(..new as usize) {
            // A refused post is no longer outstanding: its error came first.
            if let Some(post) = number.and_then(|number| self.outstanding.get_mut(&number)) {
                post.is_acknowledged = true;
            }
        }
        Ok(())
    }
}
