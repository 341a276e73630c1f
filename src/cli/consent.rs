//! What is asked before something is destroyed, and how one sees beforehand what would happen.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use super::CommandError;

/// What every verb takes that changes something.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Trial {
    /// Only see whether it can be done, and change nothing
    #[arg(long)]
    pub(super) what_if: bool,
}

/// What every verb takes that destroys something.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Consent {
    /// Do not ask whether it is meant
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    pub(super) trial: Trial,
}

impl Trial {
    pub(super) const NO: Self = Self { what_if: false };
    pub(super) const YES: Self = Self { what_if: true };

    /// For the query of a request.
    pub(super) fn parameter(self) -> (&'static str, Option<String>) {
        ("dry_run", self.what_if.then(|| "true".to_owned()))
    }

    /// What was done, or would be.
    pub(super) fn words(self, done: &str) -> String {
        if self.what_if { format!("what if: {done}") } else { done.to_owned() }
    }
}

impl Consent {
    /// Asks on a terminal, unless consent was given. Where nobody can be asked, whoever wrote the command has decided.
    pub(super) fn obtain(self, question: &str) -> Result<(), CommandError> {
        if self.yes || self.trial.what_if || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(());
        }
        let ask = || {
            let mut terminal = io::stderr().lock();
            write!(terminal, "{question} [y/N] ")?;
            terminal.flush()?;
            let mut answer = String::new();
            io::stdin().lock().read_line(&mut answer)?;
            io::Result::Ok(answer)
        };
        let answer = ask().map_err(|error| CommandError::Failed(format!("nobody answers: {error}")))?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CommandError::Failed("nothing was done".to_owned())),
        }
    }
}
