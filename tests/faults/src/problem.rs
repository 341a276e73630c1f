//! Why a test could not go on, or a client's stream did not.

/// What went wrong, seen from the clients' side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the server closed the stream")]
    StreamClosed,
    #[error("the connection was cut by the test")]
    Cut,
    #[error("the server sent what is not XML: {0}")]
    Xml(String),
    #[error("the server refused {what}: {why}")]
    Refused { what: &'static str, why: String },
    #[error("no {0} in time")]
    Late(&'static str),
    #[error("{0}")]
    Setup(String),
    #[error("{0}")]
    Verdict(String),
    #[error("this machine does not allow the test: {0}")]
    NotHere(String),
}
