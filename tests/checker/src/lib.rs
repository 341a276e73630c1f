//! The history checker: reads what clients recorded while a server was being tormented, and says what a correct server
//! would not have shown them.
//!
//! It knows nothing of any protocol and talks to no server: it reads files, so that a failing history can be kept and
//! checked for ever. Message ids are unique, hence every check is a sort and a scan.
//!
//! | # | invariant | where |
//! |---|---|---|
//! | 1 | every acknowledged message is in the archive, exactly once | [`invariant::durability`] |
//! | 2 | nothing is in the archive or heard live that nobody sent | [`invariant::durability`] |
//! | 3 | a refused message is absent; one of unknown outcome is there at most once | [`invariant::durability`] |
//! | 4 | each observer's live order is a subsequence of the archive's | [`invariant::order`] |
//! | 5 | what was acknowledged or heard before another was sent stands before it | [`invariant::order`] |
//! | 6 | the messages of one session keep the order in which it sent them | [`invariant::order`] |
//! | 7 | an unbroken occupancy hears an interval of the archive, without a gap | [`invariant::occupancy`] |
//! | 8 | an occupancy hears nothing twice, a client nothing live twice; ids and messages pair one to one | [`invariant::occupancy`], [`invariant::identity`] |
//! | 9 | sequence numbers rise, and are dense in the store's own copy; stamps do not fall | [`invariant::order`] |
//! | 10 | nobody hears what was sent after his ban, or outside an occupancy; all see the same occupants | [`invariant::occupancy`] |
//! | 11 | all copies of an archive agree: each reader's, the store's, compliance's | [`invariant::copies`] |
//! | 12 | availability: figures, not a verdict | [`availability`] |

mod availability;
mod history;
mod invariant;
mod names;
mod percentile;
mod record;
mod report;
mod violation;

pub use history::{History, HistoryError};
pub use percentile::percentile;
pub use record::{Acknowledgement, Event, Item, Line, Phase, Source};
pub use report::Report;
pub use violation::Violation;

/// Judges a history: its figures, and everything that a correct server would not have shown.
pub fn check(name: &str, history: &History) -> Report {
    let violations = invariant::violations(history);
    Report::new(name, history, violations)
}
