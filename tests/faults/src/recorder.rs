//! Writes the history of a run: what each client did and saw, on one clock.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use perch_checker::{Event, Line, Phase};
use rustix::time::{ClockId, clock_gettime};

use crate::problem::Problem;
use crate::pulse::Pulse;

/// The one file that all clients of this process write to.
pub(crate) struct Recorder {
    file: Mutex<BufWriter<File>>,
    path: PathBuf,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    reasons: Mutex<BTreeSet<String>>,
    last_heard_ns: AtomicU64,
    pub(crate) pulse: Pulse,
}

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self, Problem> {
        Ok(Self {
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            path: path.to_owned(),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            reasons: Mutex::default(),
            last_heard_ns: AtomicU64::new(0),
            pulse: Pulse::default(),
        })
    }

    /// Notes what happens now. An attempt is noted before it is made, all else after it was seen.
    pub(crate) fn note(&self, event: Event<'_>) {
        self.count(&event);
        self.pulse.see(&event);
        let mut file = self.file.lock().expect("no writer panics while it holds the file");
        // Under the lock, so that lines stand in the order of their times.
        let line = Line { at: now_ns(), event };
        let json = serde_json::to_string(&line).expect("an event holds only numbers and texts");
        writeln!(file, "{json}").expect("the folder of the run has room for its history");
    }

    fn count(&self, event: &Event<'_>) {
        match event {
            Event::Ok { .. } => _ = self.acknowledged.fetch_add(1, Relaxed),
            Event::Fail { reason, .. } => {
                self.refused.fetch_add(1, Relaxed);
                self.reasons.lock().expect("no one panics while he holds the set").insert(reason.to_string());
            }
            Event::Recv { .. } => self.last_heard_ns.store(now_ns(), Relaxed),
            _ => {}
        }
    }

    pub(crate) fn nemesis(&self, what: &'static str, phase: Phase) {
        self.note(Event::Nemesis { what: what.into(), phase });
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// All reasons that were given for refusals.
    pub(crate) fn reasons(&self) -> BTreeSet<String> {
        self.reasons.lock().expect("no one panics while he holds the set").clone()
    }

    /// For how long nobody has heard anything.
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_nanos(now_ns().saturating_sub(self.last_heard_ns.load(Relaxed)))
    }

    /// Writes out what is buffered and says where it stands.
    pub(crate) fn finish(&self) -> Result<&Path, Problem> {
        self.file.lock().expect("no writer panics while it holds the file").flush()?;
        Ok(&self.path)
    }
}

/// The machine's own monotonic clock, so that recorders in several processes agree.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let nanoseconds = now.tv_sec * 1_000_000_000 + now.tv_nsec;
    u64::try_from(nanoseconds).expect("the machine's clock begins at its start")
}
