//! What happens in a run, as lines: shown when somebody wants to see them, and in any case made into a digest, so that
//! two runs of a seed can be compared.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};
use std::io::Write as _;

use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) struct Trace {
    began: Instant,
    digest: Mutex<Digest>,
    is_shown: bool,
}

#[derive(Default)]
struct Digest(DefaultHasher);

impl Trace {
    pub(crate) fn new(is_shown: bool) -> Self {
        Self { began: Instant::now(), digest: Mutex::default(), is_shown }
    }

    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        let at = self.began.elapsed().as_millis();
        writeln!(self.digest.lock(), "{at} {line}").expect("a digest takes everything");
        if self.is_shown {
            writeln!(std::io::stdout(), "{at:>7} {line}").expect("standard output is open");
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.lock().0.finish()
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
