//! What a test says at its end.

use perch_checker::Report;
use serde::Serialize;

use crate::problem::Problem;

/// One line of figures, and whether nothing was found.
pub(crate) struct Outcome {
    pub(crate) json: String,
    pub(crate) is_clean: bool,
}

impl Outcome {
    /// Figures of a test that has no history, with what was found wrong.
    pub(crate) fn new(figures: &impl Serialize, is_clean: bool) -> Self {
        let json = serde_json::to_string(figures).expect("figures are numbers and texts");
        Self { json, is_clean }
    }

    /// A run in which a fault was planted has to find what it does.
    pub(crate) fn planted(report: &Report) -> Result<Self, Problem> {
        if report.lost() == 0 {
            return Err(Problem::Verdict("a fault was planted, and nothing was found to be lost".to_owned()));
        }
        Ok(Self { json: report.to_json(), is_clean: true })
    }
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        Self { json: report.to_json(), is_clean: report.is_clean() }
    }
}
