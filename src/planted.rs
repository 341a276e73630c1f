//! Bugs that are planted to try whether the checks find them. One at a time is switched on by its name, in builds with
//! the feature `planted-bugs`; in every other build they are not there.

use std::sync::atomic::{AtomicU8, Ordering};

macro_rules! bugs {
    ($($bug:ident = $name:literal,)*) => {
        /// What is wrong, where `planted!` stands in the code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($bug,)*
        }

        impl Bug {
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// What it does wrong.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }
        }
    };
}

bugs! {
    AcknowledgedEarly = "acknowledged-before-the-commit",
    NoFence = "no-fence",
    FenceWithoutLock = "fence-by-sub-select-without-lock",
    BusAsTruth = "hint-applied-without-looking-at-its-seq",
    LastHintLost = "logs-never-compared-after-a-lost-hint",
    OwnOutOfOrder = "own-commit-applied-out-of-order",
    KeyIgnored = "key-of-origin-ignored",
    StaleApplied = "stale-decision-applied",
    ReturnedIsParted = "claimed-seat-parted-though-its-client-is-back",
    PageSkipped = "catch-up-skips-a-page-boundary",
    UnknownIsRefused = "unknown-outcome-of-a-fenced-member-counted-as-handled",
    NickUnchecked = "nick-not-checked-in-the-append",
}

/// The number of the bug that is on, counted from one.
static PLANTED: AtomicU8 = AtomicU8::new(0);

impl Bug {
    /// Switches it on, for the whole process, and whichever was on off.
    pub fn plant(bug: Option<Self>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u8 + 1), Ordering::Relaxed);
    }

    pub fn is_on(self) -> bool {
        PLANTED.load(Ordering::Relaxed) == self as u8 + 1
    }
}
