//! What the server says about itself: structured lines on standard error.
//!
//! Invariant: no line holds the text of a message, a password or a key; spans carry addresses and ids.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How much is said, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Directives such as `info` or `info,perch::listener=debug`.
    pub filter: String,
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for people, coloured on a terminal.
    Text,
    /// An object a line, for collectors.
    Json,
}

/// Why nothing can be said.
#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error("the log's level is not understood: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log is already set up")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Whether `text` says how much to log.
pub fn is_filter(text: &str) -> bool {
    !text.trim().is_empty() && EnvFilter::try_new(text).is_ok()
}

/// Begins to write to standard error: standard output belongs to what commands print.
pub fn start(log: &Log) -> Result<(), TelemetryError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.filter)?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match log.format {
        Format::Text => lines.finish().try_init()?,
        Format::Json => lines.json().finish().try_init()?,
    }
    Ok(())
}
