//! Who checks the checker: histories of a correct server pass, and forty of an incorrect one are each found, by name and
//! without a second accusation.

mod bad;
mod good;
mod notation;

/// Checks a history against the violations, in words, that it must be found to have.
#[track_caller]
fn check(history: &str, expected: &[&str]) {
    let report = perch_checker::check("by hand", &notation::history(history));
    let found: Vec<String> =
        report.violations().iter().map(|one| format!("{}. {one}", one.invariant())).collect();
    assert_eq!(found, expected, "in{history}");
    assert_eq!(report.is_clean(), expected.is_empty());
}
