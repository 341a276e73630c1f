//! `perch check-config FILE`: every fault, with its line and key.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Place, output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration to check
    file: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let name = arguments.file.display().to_string();
    let place = Place { config: Some(arguments.file), data_dir: None };
    let config = place.load()?;
    output::print(format_args!(
        "{name} is good: accounts of {}, rooms of {}, data in {}",
        config.domain,
        config.rooms_domain,
        config.data_dir.display()
    ));
    Ok(())
}
