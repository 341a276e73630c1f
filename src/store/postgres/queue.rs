//! What waits to be written, in order: who comes for work is given all that nobody else is in the middle of.
//!
//! Appends to one log are written in the order in which they were handed in. So while a writer has one of a log, the
//! others wait for it.
//!
//! One writer takes all there is while the ones before wait for their commit: whatever waits together costs one statement
//! and one commit. Another one comes in where that takes long, as with a row that somebody holds, or a standby far away.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::chat::id::Origin;

/// Something to be appended to one or several logs.
pub(super) trait Logged {
    /// The ids of the logs.
    fn logs(&self) -> impl Iterator<Item = i64> + '_;

    /// The keys by which it is found again, each with its log.
    fn keys(&self) -> impl Iterator<Item = (i64, Origin)> + '_;
}

#[derive(Debug)]
pub(super) struct Waiting<J> {
    pub(super) job: J,
    pub(super) since: Instant,
}

#[derive(Debug)]
pub(super) struct Queue<J> {
    waiting: VecDeque<Waiting<J>>,
    /// Logs that a writer has a job of.
    busy: HashSet<i64>,
    /// Writers that have jobs.
    writing: usize,
    /// A writer waits until what is in front has waited for long.
    pub(super) is_watched: bool,
    pub(super) is_closing: bool,
}

/// When a writer that is idle is to take what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    /// Unless another one has taken it by then.
    At(Instant),
    /// Somebody sees to it.
    Never,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            busy: HashSet::new(),
            writing: 0,
            is_watched: false,
            is_closing: false,
        }
    }
}

impl<J: Logged> Queue<J> {
    /// Whether a writer has to be told.
    pub(super) fn push(&mut self, job: J, now: Instant) -> bool {
        let is_free = !job.logs().any(|log| self.busy.contains(&log));
        self.waiting.push_back(Waiting { job, since: now });
        is_free && (self.writing == 0 || !self.is_watched)
    }

    /// Whether something waits that nobody looks after.
    pub(super) fn needs_watch(&self) -> bool {
        !self.waiting.is_empty() && !self.is_watched
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        match self.waiting.front() {
            _ if self.writing == 0 || self.is_closing => Due::Now,
            Some(first) if now >= first.since + HELD_UP => Due::Now,
            Some(first) if !self.is_watched => Due::At(first.since + HELD_UP),
            _ => Due::Never,
        }
    }

    /// All that can be written now, at most `max`, in order. Their logs are busy until they are given back.
    pub(super) fn take(&mut self, max: usize) -> Vec<Waiting<J>> {
        let mut group = Vec::new();
        let mut left = VecDeque::with_capacity(self.waiting.len());
        let mut logs = HashSet::new();
        let mut keys = HashSet::new();
        // Logs of which an earlier job stays: the later ones stay behind it.
        let mut passed = HashSet::new();
        while group.len() < max
            && let Some(waiting) = self.waiting.pop_front()
        {
            let job = &waiting.job;
            let is_free = !job.logs().any(|log| self.busy.contains(&log) || passed.contains(&log))
                // What is said twice is told apart by what is written already.
                && !job.keys().any(|(log, key)| keys.contains(&(log, key.session, key.number)));
            if is_free {
                logs.extend(job.logs());
                keys.extend(job.keys().map(|(log, key)| (log, key.session, key.number)));
                group.push(waiting);
            } else {
                passed.extend(job.logs());
                left.push_back(waiting);
            }
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        self.busy.extend(logs);
        self.writing += usize::from(!group.is_empty());
        group
    }

    /// A writer has done what it took.
    pub(super) fn give_back(&mut self, logs: impl Iterator<Item = i64>) {
        self.writing -= 1;
        for log in logs {
            self.busy.remove(&log);
        }
    }
}

/// A commit that nothing is in the way of is done by then.
const HELD_UP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::SessionId;

    struct Of(Vec<i64>, Option<i64>);

    impl Logged for Of {
        fn logs(&self) -> impl Iterator<Item = i64> + '_ {
            self.0.iter().copied()
        }

        fn keys(&self) -> impl Iterator<Item = (i64, Origin)> + '_ {
            let key = |number| Origin { session: SessionId(1), number, settled: 0 };
            self.1.map(|number| (self.0[0], key(number))).into_iter()
        }
    }

    fn taken(queue: &mut Queue<Of>, max: usize) -> Vec<Vec<i64>> {
        queue.take(max).into_iter().map(|waiting| waiting.job.0).collect()
    }

    #[test]
    fn what_concerns_a_log_waits_for_what_came_before_it() {
        let mut queue = Queue::default();
        let now = Instant::now();
        assert!(queue.push(Of(vec![1], None), now));
        assert_eq!(taken(&mut queue, 9), [vec![1]]);
        assert!(!queue.push(Of(vec![1, 2], None), now));
        assert!(queue.push(Of(vec![2], None), now), "nobody is in the middle of it");
        assert!(queue.push(Of(vec![3], None), now));
        assert!(queue.push(Of(vec![3], None), now));
        assert_eq!(taken(&mut queue, 9), [vec![3], vec![3]], "2 waits behind what waits for 1");
        queue.give_back([1].into_iter());
        assert_eq!(taken(&mut queue, 1), [vec![1, 2]]);
        queue.give_back([1, 2].into_iter());
        assert_eq!(taken(&mut queue, 9), [vec![2]]);
    }

    #[test]
    fn one_key_is_not_in_a_group_twice() {
        let mut queue = Queue::default();
        for key in [7, 8, 7] {
            queue.push(Of(vec![1], Some(key)), Instant::now());
        }
        assert_eq!(taken(&mut queue, 9).len(), 2);
        queue.give_back([1].into_iter());
        assert_eq!(taken(&mut queue, 9).len(), 1);
    }

    #[test]
    fn a_second_writer_comes_in_where_the_first_is_held_up() {
        let mut queue = Queue::default();
        let now = Instant::now();
        queue.push(Of(vec![1], None), now);
        assert_eq!(queue.due(now), Due::Now);
        queue.take(9);
        assert_eq!(queue.due(now), Due::Never, "nothing waits");
        assert!(queue.push(Of(vec![2], None), now));
        assert_eq!(queue.due(now), Due::At(now + HELD_UP));
        assert!(queue.needs_watch());
        queue.is_watched = true;
        assert!(!queue.needs_watch());
        assert!(!queue.push(Of(vec![3], None), now + HELD_UP), "who watches takes it too");
        assert_eq!(queue.due(now), Due::Never);
        assert_eq!(queue.due(now + HELD_UP), Due::Now);
        queue.give_back([1].into_iter());
        assert_eq!(queue.due(now), Due::Now);
        assert!(queue.push(Of(vec![4], None), now), "nobody writes, and who watches would sleep on");
    }
}
