//! `perch completions SHELL`: what a shell needs to complete commands.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::CommandError;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    shell: Shell,
}

pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "perch", &mut io::stdout());
    Ok(())
}
