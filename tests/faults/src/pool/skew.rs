//! Members whose machines' clocks are wrong, by as much and in both directions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::member::Member;
use crate::problem::Problem;
use crate::server::{StoredArchive, run};

pub(super) struct Skew {
    seconds: i64,
    library: PathBuf,
    began_ms: i64,
}

impl Skew {
    pub(super) fn prepare(seconds: i64, folder: &Path) -> Result<Self, Problem> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, include_str!("clock.c"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library).arg(&source);
        run(compiler.arg("-ldl"), "")?;
        Ok(Self { seconds, library, began_ms: now_ms() })
    }

    /// Of three members, one is behind, one is right, one is ahead.
    pub(super) fn put_on(&self, member: &mut Member, place: usize) {
        let ahead = self.seconds * (place as i64 - 1);
        member.server.environment.extend([
            ("SERVER_PRELOAD", self.library.to_string_lossy().into_owned()),
            ("CLOCK_AHEAD", ahead.to_string()),
        ]);
    }

    /// What is stamped with a time that was not.
    pub(super) fn findings(&self, stored: &[StoredArchive]) -> Vec<String> {
        let (first, last) = (self.began_ms - SLACK_MS, now_ms() + SLACK_MS);
        let wrong = |at: &i64| !(first..=last).contains(at);
        let stamps = stored.iter().flat_map(|archive| &archive.items).filter_map(|item| item.stamp_ms);
        let count = stamps.filter(wrong).count();
        if count == 0 {
            Vec::new()
        } else {
            vec![format!("{count} messages are stamped with another time than that of the run")]
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is compared with what servers take for the time of day")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// As far as members may stray from the database's clock, and as long as a look at it may take.
const SLACK_MS: i64 = 2_000;
