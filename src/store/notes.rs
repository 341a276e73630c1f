//! Accounts' notes, gathered: when thousands of sessions end at once, a statement for each would let the last of them
//! wait for longer than anybody waits.
//!
//! Whoever comes while a group is being written waits for it; the first of those who waited writes the next. So no two
//! groups are written side by side, and a later note of an account is written later.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::chat::id::AccountId;
use crate::store::account_log::AccountNote;
use crate::store::error::StoreError;

/// Notes that are written together: in the order of their accounts, so that no two members wait for each other.
pub(super) type Group = Arc<BTreeMap<AccountId, AccountNote>>;

#[derive(Debug, Default)]
pub(super) struct Notes {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    account: AccountId,
    note: AccountNote,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Notes {
    /// Has it written by `write`, with whatever else waits; a group that fails is tried once more.
    pub(super) async fn write<W>(
        &self,
        account: AccountId,
        note: AccountNote,
        write: impl Fn(Group) -> W,
    ) -> Result<(), StoreError>
    where
        W: Future<Output = Result<(), StoreError>>,
    {
        let (reply, mut answer) = oneshot::channel();
        self.waiting.lock().push(Waiting { account, note, reply });
        let _turn = self.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(outcome) => return outcome,
                // Whoever was writing it is gone.
                Err(TryRecvError::Closed) => return Err(StoreError::Unavailable),
                Err(TryRecvError::Empty) => {}
            }
            let (group, replies) = self.take();
            let outcome = match write(group.clone()).await {
                // An incarnation that has ended stays so.
                Err(error) if error != StoreError::Fenced => write(group).await,
                outcome => outcome,
            };
            for reply in replies {
                // Who asked may have gone.
                let _ = reply.send(outcome);
            }
        }
    }

    /// Those who have waited longest.
    fn take(&self) -> (Group, Vec<oneshot::Sender<Result<(), StoreError>>>) {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(GROUP_MAX);
        let mut group = BTreeMap::new();
        let mut replies = Vec::with_capacity(count);
        for Waiting { account, note, reply } in waiting.drain(..count) {
            // Of two of one account the later knows more.
            group.insert(account, note);
            replies.push(reply);
        }
        (Arc::new(group), replies)
    }
}

/// Notes in one statement: some 2 ms.
const GROUP_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;
    use crate::chat::id::Seq;

    fn note(delivered: i64) -> AccountNote {
        AccountNote { delivered: Seq(delivered), last_seen: None }
    }

    #[tokio::test]
    async fn what_waits_for_one_group_is_the_next() {
        let (notes, written, go_on) = (Notes::default(), Mutex::new(Vec::new()), Notify::new());
        let write = |group: Group| {
            written.lock().push(group);
            go_on.notified()
        };
        let note_of = |account: i64, delivered| {
            let write = |group| {
                let written = write(group);
                async move {
                    written.await;
                    Ok(())
                }
            };
            notes.write(AccountId(account), note(delivered), write)
        };
        let first = note_of(1, 1);
        let others = join_all([(1, 2), (2, 3), (3, 4), (1, 5)].map(|(account, seq)| note_of(account, seq)));
        let release = async {
            for groups in 1..=2 {
                while written.lock().len() < groups {
                    tokio::task::yield_now().await;
                }
                go_on.notify_one();
            }
        };
        let (first, others, ()) = tokio::join!(first, others, release);
        assert!(others.into_iter().chain([first]).all(|outcome| outcome.is_ok()));
        let written = written.into_inner();
        let accounts =
            |group: &Group| group.iter().map(|(account, note)| (account.0, note.delivered.0)).collect();
        let groups: Vec<Vec<(i64, i64)>> = written.iter().map(accounts).collect();
        assert_eq!(groups, [vec![(1, 1)], vec![(1, 5), (2, 3), (3, 4)]]);
    }

    #[tokio::test]
    async fn a_group_that_fails_is_tried_once_more() {
        for (fault, tries) in [(StoreError::Unavailable, 2), (StoreError::Fenced, 1)] {
            let (notes, tried) = (Notes::default(), Mutex::new(0));
            let fail = |_| {
                *tried.lock() += 1;
                async move { Err(fault) }
            };
            assert_eq!(notes.write(AccountId(1), note(1), fail).await, Err(fault));
            assert_eq!(*tried.lock(), tries, "{fault}");
        }
    }

    #[tokio::test]
    async fn who_goes_away_in_the_middle_keeps_nobody_waiting() {
        let notes = Notes::default();
        let goes_after = |ms, account| {
            let never = notes.write(AccountId(account), note(1), |_| std::future::pending());
            timeout(Duration::from_millis(ms), never)
        };
        let written = |account| notes.write(AccountId(account), note(1), |_| async { Ok(()) });
        // The first writes alone; the second writes for the third too.
        let (first, second, third) = tokio::join!(goes_after(50, 1), goes_after(100, 2), written(3));
        assert!(first.is_err() && second.is_err());
        assert_eq!(third, Err(StoreError::Unavailable));
        assert_eq!(written(4).await, Ok(()));
    }
}
