//! The program: its arguments, handed to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    perch::cli::run()
}
