//! What can happen to a member's process and to its line to the database, for a simulation to do.

use std::sync::Arc;

use tokio::sync::watch;

/// A member as the world around it sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Line(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy)]
struct State {
    process: Process,
    is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    Running,
    /// Nothing gets in or out until it is woken. What it does by itself meanwhile nobody can tell from what it did
    /// before or will do afterwards.
    Frozen,
    /// For ever.
    Dead,
}

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State { process: Process::Running, is_cut: false })))
    }
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
        self.0.send_modify(|state| state.is_cut = is_cut);
    }

    pub fn process(&self) -> Process {
        self.0.borrow().process
    }

    pub fn is_cut(&self) -> bool {
        self.0.borrow().is_cut
    }

    /// Returns when the process runs: with a dead one, never.
    pub async fn runs(&self) {
        if self.process() != Process::Running {
            // The sender is as old as this: it cannot be gone.
            let _ = self.0.subscribe().wait_for(|state| state.process == Process::Running).await;
        }
    }

    /// Returns when the process is dead.
    pub async fn dies(&self) {
        let _ = self.0.subscribe().wait_for(|state| state.process == Process::Dead).await;
    }

    fn become_if_alive(&self, process: Process) {
        self.0.send_if_modified(|state| {
            let is_alive = state.process != Process::Dead;
            if is_alive {
                state.process = process;
            }
            is_alive
        });
    }
}
