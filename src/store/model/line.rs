//! What can happen to a member's process and to its line to the database, for a simulation to do.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A member as the world around it sees it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<Shared>);

/// No watch channel: that wakes those who wait in an order of its own.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    process: Process,
    is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Process {
    #[default]
    Running,
    /// Nothing gets in or out until it is woken. What it does by itself meanwhile nobody can tell from what it did
    /// before or will do afterwards.
    Frozen,
    /// For ever.
    Dead,
}

impl Line {
    pub fn freeze(&self) {
        self.become_if_alive(Process::Frozen);
    }

    pub fn wake(&self) {
        self.become_if_alive(Process::Running);
    }

    pub fn kill(&self) {
        self.become_if_alive(Process::Dead);
    }

    /// Takes the database out of its reach, or puts it back.
    pub fn cut(&self, is_cut: bool) {
        self.0.state.lock().is_cut = is_cut;
    }

    pub fn process(&self) -> Process {
        self.0.state.lock().process
    }

    pub fn is_cut(&self) -> bool {
        self.0.state.lock().is_cut
    }

    /// Returns when the process runs: with a dead one, never.
    pub async fn runs(&self) {
        self.becomes(Process::Running).await;
    }

    /// Returns when the process is dead.
    pub async fn dies(&self) {
        self.becomes(Process::Dead).await;
    }

    async fn becomes(&self, process: Process) {
        loop {
            let changed = self.0.changed.notified();
            if self.process() == process {
                return;
            }
            changed.await;
        }
    }

    fn become_if_alive(&self, process: Process) {
        let mut state = self.0.state.lock();
        if state.process != Process::Dead {
            state.process = process;
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}
