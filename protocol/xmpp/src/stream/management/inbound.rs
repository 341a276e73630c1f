//! What the client sent, and how much of it this server has taken responsibility for.

use std::collections::VecDeque;

/// The stanzas of one session that came in: numbered as they come, settled in any order, acknowledged in theirs.
///
/// Invariant: everything up to and including `handled` is settled, and `handled + 1` is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inbound {
    handled: u64,
    /// For each stanza behind `handled`, whether it is settled.
    pending: VecDeque<bool>,
    /// The number after which the client began to count.
    origin: u64,
}

impl Inbound {
    /// Goes on where a session stood: `handled` stanzas, of which the client counts those behind `origin`.
    pub fn resume(handled: u64, origin: u64) -> Self {
        Self { handled, pending: VecDeque::new(), origin }
    }

    /// Numbers the next stanza, from one. The number never wraps: it is part of the key that keeps a stanza from being
    /// written twice.
    pub fn receive(&mut self) -> u64 {
        self.pending.push_back(false);
        self.received()
    }

    /// Notes that this server is now responsible for a stanza: it was committed, answered, or dropped on purpose.
    /// Settling one twice changes nothing.
    pub fn settle(&mut self, number: u64) {
        let place = number.checked_sub(self.handled + 1).and_then(|offset| usize::try_from(offset).ok());
        if let Some(is_settled) = place.and_then(|place| self.pending.get_mut(place)) {
            *is_settled = true;
        }
        while self.pending.front() == Some(&true) {
            self.pending.pop_front();
            self.handled += 1;
        }
    }

    /// Forgets the stanzas that are not settled and those behind them: the client sends them again, and they are numbered
    /// as they were.
    pub fn take_back(&mut self) {
        self.pending.clear();
    }

    /// Begins the client's count at `<enable/>`: what came before it is not acknowledged.
    pub fn enable(&mut self) {
        self.origin = self.received();
    }

    /// What to acknowledge as `h`: the stanzas since `<enable/>` that are settled without a gap, modulo 2³².
    pub fn handled(&self) -> u32 {
        let handled = self.handled.saturating_sub(self.origin);
        u32::try_from(handled & u64::from(u32::MAX)).expect("the upper half is masked")
    }

    /// The number of the last stanza that came in.
    pub fn received(&self) -> u64 {
        self.handled + self.pending.len() as u64
    }

    /// Whether that stanza is settled, be it among those handled or behind them.
    pub fn is_settled(&self, number: u64) -> bool {
        let place = |offset| usize::try_from(offset).ok().and_then(|place: usize| self.pending.get(place));
        number.checked_sub(self.handled + 1).is_none_or(|offset| place(offset) == Some(&true))
    }

    /// How many stanzas are not settled.
    pub fn unsettled(&self) -> usize {
        self.pending.iter().filter(|is_settled| !**is_settled).count()
    }

    /// How many stanzas wait to be settled: where it passes the caller's bound, the caller stops reading.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What [`resume`](Self::resume) needs: the number of the last settled stanza, and the client's origin.
    pub fn position(&self) -> (u64, u64) {
        (self.handled, self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_out_of_order_is_acknowledged_in_order() {
        let mut inbound = Inbound::default();
        inbound.enable();
        assert_eq!([inbound.receive(), inbound.receive(), inbound.receive()], [1, 2, 3]);
        let mut check = |number, expected, pending| {
            inbound.settle(number);
            assert_eq!((inbound.handled(), inbound.pending()), (expected, pending), "after {number}");
            assert_eq!(inbound.is_settled(number), number <= 3, "after {number}");
        };
        check(3, 0, 3);
        check(1, 1, 2);
        check(1, 1, 2);
        check(0, 1, 2);
        check(9, 1, 2);
        check(2, 3, 0);
    }

    #[test]
    fn the_count_begins_at_enable_and_the_numbers_do_not() {
        let mut inbound = Inbound::default();
        let before = inbound.receive();
        inbound.enable();
        assert_eq!(inbound.handled(), 0);
        let behind = inbound.receive();
        assert_eq!((before, behind), (1, 2));
        inbound.settle(before);
        assert_eq!(inbound.handled(), 0);
        inbound.settle(behind);
        assert_eq!(inbound.handled(), 1);
    }

    #[test]
    fn what_is_taken_back_comes_again_under_its_number() {
        let mut inbound = Inbound::default();
        assert_eq!([inbound.receive(), inbound.receive(), inbound.receive()], [1, 2, 3]);
        inbound.settle(1);
        inbound.settle(3);
        inbound.take_back();
        assert_eq!((inbound.handled(), inbound.pending(), inbound.receive()), (1, 0, 2));
    }

    #[test]
    fn the_count_wraps_and_the_numbers_do_not() {
        let mut inbound = Inbound::resume((1 << 32) + 6, 7);
        assert_eq!(inbound.handled(), u32::MAX);
        let number = inbound.receive();
        assert_eq!(number, (1 << 32) + 7);
        inbound.settle(number);
        assert_eq!(inbound.handled(), 0);
        assert_eq!(inbound.position(), ((1 << 32) + 7, 7));
        assert_eq!(inbound, Inbound::resume((1 << 32) + 7, 7));
    }
}
