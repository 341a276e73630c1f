//! What the client was sent and has not acknowledged.

use std::collections::VecDeque;

use thiserror::Error;

use crate::namespace;
use crate::stream::error::{StreamCondition, StreamFailure};
use crate::xml::Element;

/// The stanzas of one session that went out, in order, until the client acknowledges them.
#[derive(Debug, Clone)]
pub struct Outbound<F> {
    queue: VecDeque<(F, usize)>,
    /// The bytes of the queue.
    bytes: usize,
    /// The count that the client acknowledged last.
    acknowledged: u32,
    bounds: Bounds,
}

/// How much may wait for an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Stanzas.
    pub count_max: usize,
    /// Their bytes, as the caller counts them.
    pub bytes_max: usize,
}

/// The client acknowledges too little: its session ends, and what it missed stays in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too much waits to be acknowledged")]
pub struct QueueFull;

/// The client acknowledged what it was never sent (XEP-0198 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{h} stanzas were acknowledged, and {sent} were sent")]
pub struct HandledCountTooHigh {
    /// What the client says it handled.
    pub h: u32,
    /// What it was sent.
    pub sent: u32,
}

impl<F> Outbound<F> {
    /// An empty queue, at `<enabled/>`.
    pub fn new(bounds: Bounds) -> Self {
        Self::resume(0, bounds)
    }

    /// An empty queue behind `acknowledged` stanzas; what was not acknowledged is pushed anew.
    pub fn resume(acknowledged: u32, bounds: Bounds) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, acknowledged, bounds }
    }

    /// Keeps a stanza of that many bytes until it is acknowledged. A refused one is not counted.
    pub fn push(&mut self, frame: F, bytes: usize) -> Result<(), QueueFull> {
        if self.queue.len() >= self.bounds.count_max
            || self.bytes.saturating_add(bytes) > self.bounds.bytes_max
        {
            return Err(QueueFull);
        }
        self.queue.push_back((frame, bytes));
        self.bytes += bytes;
        Ok(())
    }

    /// Lets go of everything up to `h` and returns how many stanzas that were. Counts are taken modulo 2³²: an `h` that
    /// lies behind what was sent lies, modulo that, before what was acknowledged.
    pub fn acknowledge(&mut self, h: u32) -> Result<usize, HandledCountTooHigh> {
        let count = self.check(h)?;
        self.bytes -= self.queue.drain(..count).map(|(_, bytes)| bytes).sum::<usize>();
        if self.queue.is_empty() {
            // Most sessions are silent most of the time: a burst leaves nothing behind.
            self.queue = VecDeque::new();
        }
        self.acknowledged = h;
        Ok(count)
    }

    /// How many stanzas [`acknowledge`](Self::acknowledge) would let go of.
    pub fn check(&self, h: u32) -> Result<usize, HandledCountTooHigh> {
        let too_high = HandledCountTooHigh { h, sent: self.sent() };
        let count = usize::try_from(h.wrapping_sub(self.acknowledged)).map_err(|_| too_high)?;
        if count > self.queue.len() { Err(too_high) } else { Ok(count) }
    }

    /// Takes one out that was never received: the `place`th of those that wait, from zero.
    pub fn remove(&mut self, place: usize) -> Option<F> {
        let (frame, bytes) = self.queue.remove(place)?;
        self.bytes -= bytes;
        Some(frame)
    }

    /// What to send again on resumption, oldest first.
    pub fn unacknowledged(&self) -> impl ExactSizeIterator<Item = &F> {
        self.queue.iter().map(|(frame, _)| frame)
    }

    /// Everything that was not acknowledged, oldest first, for another to take over.
    pub fn into_unacknowledged(self) -> impl ExactSizeIterator<Item = F> {
        self.queue.into_iter().map(|(frame, _)| frame)
    }

    /// How many stanzas wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The count that the client acknowledged last.
    pub fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// How many stanzas were sent, modulo 2³².
    pub fn sent(&self) -> u32 {
        let waiting =
            u32::try_from(self.queue.len()).expect("a queue of four thousand million is beyond any bound");
        self.acknowledged.wrapping_add(waiting)
    }
}

impl From<HandledCountTooHigh> for StreamFailure {
    fn from(fault: HandledCountTooHigh) -> Self {
        let detail = Element::new("handled-count-too-high", namespace::STREAM_MANAGEMENT)
            .with_attribute("h", fault.h.to_string())
            .with_attribute("send-count", fault.sent.to_string());
        Self::new(StreamCondition::UndefinedCondition).with_text(fault.to_string()).with_detail(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { count_max: 5, bytes_max: 100 };

    fn waiting(outbound: &Outbound<u32>) -> Vec<u32> {
        outbound.unacknowledged().copied().collect()
    }

    #[test]
    fn acknowledged_stanzas_are_let_go() {
        let mut outbound = Outbound::new(BOUNDS);
        for frame in 1..=4 {
            outbound.push(frame, 10).unwrap();
        }
        assert_eq!(outbound.acknowledge(0), Ok(0));
        assert_eq!(outbound.acknowledge(3), Ok(3));
        assert_eq!((waiting(&outbound), outbound.bytes(), outbound.sent()), (vec![4], 10, 4));
        assert_eq!(outbound.acknowledge(3), Ok(0));
        assert_eq!(outbound.acknowledge(4), Ok(1));
        assert!(outbound.is_empty());
        assert_eq!(outbound.bytes(), 0);
    }

    #[test]
    fn a_count_that_was_not_sent_is_refused_and_changes_nothing() {
        let mut outbound = Outbound::new(BOUNDS);
        outbound.push(1, 10).unwrap();
        outbound.push(2, 10).unwrap();
        outbound.acknowledge(1).unwrap();
        for h in [3, 0, u32::MAX, 1 << 31] {
            assert_eq!(outbound.acknowledge(h), Err(HandledCountTooHigh { h, sent: 2 }));
        }
        assert_eq!(waiting(&outbound), [2]);
    }

    #[test]
    fn the_count_wraps_at_2_to_the_32() {
        let mut outbound = Outbound::resume(u32::MAX - 1, BOUNDS);
        for frame in 1..=4 {
            outbound.push(frame, 1).unwrap();
        }
        assert_eq!(outbound.sent(), 2);
        assert_eq!(outbound.acknowledge(3), Err(HandledCountTooHigh { h: 3, sent: 2 }));
        assert_eq!(outbound.acknowledge(u32::MAX), Ok(1));
        assert_eq!(outbound.acknowledge(0), Ok(1));
        assert_eq!(waiting(&outbound), [3, 4]);
        assert_eq!(outbound.acknowledge(2), Ok(2));
        assert_eq!(outbound.acknowledge(u32::MAX), Err(HandledCountTooHigh { h: u32::MAX, sent: 2 }));
    }

    #[test]
    fn the_queue_is_bounded_by_count_and_by_bytes() {
        let mut outbound = Outbound::new(BOUNDS);
        outbound.push(1, 60).unwrap();
        assert_eq!(outbound.push(2, 41), Err(QueueFull));
        outbound.push(2, 40).unwrap();
        assert_eq!(outbound.push(3, 1), Err(QueueFull));
        outbound.acknowledge(2).unwrap();
        for frame in 3..8 {
            outbound.push(frame, 0).unwrap();
        }
        assert_eq!(outbound.push(8, 0), Err(QueueFull));
        assert_eq!(outbound.sent(), 7);
        assert_eq!(outbound.into_unacknowledged().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn the_stream_error_names_both_counts() {
        let failure = StreamFailure::from(HandledCountTooHigh { h: 10, sent: 8 });
        assert_eq!(
            failure.to_bytes(),
            "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>\
             10 stanzas were acknowledged, and 8 were sent</text>\
             <handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error></stream:stream>"
        );
    }
}
