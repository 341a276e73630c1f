//! The language of transcripts. `tests/transcripts/README.md` describes it for who writes one.

mod read;

use std::path::PathBuf;

use perch_xmpp::xml::Element;

/// One transcript.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) path: PathBuf,
    /// The first sentence of the comment at the top.
    pub(crate) title: String,
    /// The clauses of the standards that it shows.
    pub(crate) covers: Vec<Clause>,
    /// Lines for the server's configuration.
    pub(crate) settings: String,
    pub(crate) clients: Vec<Client>,
    /// Every room that is spoken of.
    pub(crate) rooms: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// A clause of a standard: `XEP-0045` and `7.2.8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Clause {
    pub(crate) standard: String,
    pub(crate) section: String,
}

/// Who acts in the transcript.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    /// The full address.
    pub(crate) jid: String,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Something that one client does, by its place among the clients.
    Client(usize, Verb),
    /// The server ends in good order and comes back.
    Restart,
    /// The server ends as if the power had failed, and comes back.
    Kill,
    /// The second member of a pool ends so, and does not come back.
    KillSecond,
    /// A verb of the command line, run against the first member.
    Operate(String),
}

#[derive(Debug)]
pub(crate) enum Verb {
    /// Connects, and no more: the stream's header is up to the transcript.
    OpenConnection,
    /// Opens a stream inside TLS and reads its features.
    OpenStream,
    /// … and proves who it is.
    Authenticate,
    /// … and binds its resource.
    Connect,
    /// … and says that it is available.
    ComeOnline,
    /// Sends the text as it stands.
    Send(String),
    Receive {
        patterns: Vec<Pattern>,
        order: Order,
    },
    ReceiveNothing,
    /// Sends a stanza and gets that outcome for it; what comes meanwhile waits.
    Request {
        stanza: Element,
        outcome: Outcome,
    },
    /// Drops what has come and was not looked at.
    PassOver,
    ReceiveEnd,
    /// Closes the stream.
    Disconnect,
    /// Cuts the connection.
    Drop,
    Create {
        room: String,
        nick: String,
        fields: Vec<Field>,
    },
    Configure {
        room: String,
        fields: Vec<Field>,
    },
    Join {
        room: String,
        nick: String,
    },
    Leave {
        room: String,
    },
}

/// A stanza that is to come, and where it is written.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) line: usize,
    pub(crate) element: Element,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Given,
    Any,
}

/// What is to become of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An empty result.
    Granted,
    /// An error of that condition; of that type, if one is given (RFC 6120 §8.3).
    Refused { type_: Option<String>, condition: String },
}

/// A field of a room's configuration, by the last word of its name.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

impl Client {
    pub(crate) fn bare(&self) -> &str {
        self.jid.split('/').next().unwrap_or(&self.jid)
    }

    pub(crate) fn user(&self) -> &str {
        self.jid.split('@').next().unwrap_or(&self.jid)
    }

    pub(crate) fn resource(&self) -> &str {
        self.jid.split_once('/').map_or("", |(_, resource)| resource)
    }
}
