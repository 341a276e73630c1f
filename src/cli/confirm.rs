//! What cannot be undone is asked once more.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use super::CommandError;

/// What every verb that destroys something takes.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Caution {
    /// Say how much it would be, and do nothing
    #[arg(long)]
    pub(super) what_if: bool,
    /// Do not ask first
    #[arg(long, conflicts_with = "what_if")]
    yes: bool,
}

impl Caution {
    /// Goes on when somebody at the terminal says so, or has said so beforehand.
    pub(super) fn confirm(self, question: &str) -> Result<(), CommandError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(CommandError::Failed(
                "nobody is there to confirm it; say --yes beforehand".to_owned(),
            ));
        }
        let answer = ask(question).map_err(|error| CommandError::Failed(error.to_string()))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CommandError::Failed("nothing was done".to_owned())),
        }
    }
}

fn ask(question: &str) -> io::Result<String> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}
