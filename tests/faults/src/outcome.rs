//! What a test says at its end.

use perch_checker::Report;
use serde::Serialize;

use crate::problem::Problem;

/// One line of figures, and whether nothing was found.
pub(crate) struct Outcome {
    pub(crate) json: String,
    pub(crate) is_clean: bool,
    /// The same for people.
    pub(crate) words: &'static str,
}

impl Outcome {
    /// Figures of a test that has no history, with what was found wrong.
    pub(crate) fn new(figures: &impl Serialize, is_clean: bool) -> Self {
        let json = serde_json::to_string(figures).expect("figures are numbers and texts");
        Self { json, is_clean, words: words(is_clean) }
    }

    /// A run in which a fault was planted has to find what it does.
    pub(crate) fn planted(report: &Report) -> Result<Self, Problem> {
        if report.lost() == 0 {
            return Err(Problem::Verdict("a fault was planted, and nothing was found to be lost".to_owned()));
        }
        Ok(Self { json: report.to_json(), is_clean: true, words: "the planted fault was found" })
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        let is_clean = report.is_clean();
        Self { json: report.to_json(), is_clean, words: words(is_clean) }
    }
}

const fn words(is_clean: bool) -> &'static str {
    if is_clean { "nothing found" } else { "FAULTS FOUND" }
}
