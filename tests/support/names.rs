//! What the addresses in transcripts stand for.
//!
//! On a server of our own they are what they say. On another one, whose domains `TRANSCRIPTS_DOMAIN` and
//! `TRANSCRIPTS_ROOMS` name, every transcript gets accounts and rooms that nobody else has.

#[derive(Debug, Clone)]
pub(crate) struct Names {
    domain: String,
    rooms: String,
    /// Stands behind the local part of every address.
    suffix: String,
}

impl Names {
    /// The names for the transcript of that number.
    pub(crate) fn of(number: usize) -> Self {
        let suffix = variable("SERVER").map(|_| format!(".{}-{number}", std::process::id()));
        let rooms = variable("ROOMS").unwrap_or_else(|| format!("rooms.{}", domain()));
        Self { domain: domain(), rooms, suffix: suffix.unwrap_or_default() }
    }

    /// The text with those names in place of `localhost` and `rooms.localhost`.
    pub(crate) fn apply(&self, text: &str) -> String {
        let Self { domain, rooms, suffix } = self;
        let marked = text.replace("rooms.localhost", ROOMS).replace("localhost", DOMAIN);
        let suffixed = marked.replace(&format!("@{ROOMS}"), &format!("{suffix}@{ROOMS}"));
        let suffixed = suffixed.replace(&format!("@{DOMAIN}"), &format!("{suffix}@{DOMAIN}"));
        suffixed.replace(ROOMS, rooms).replace(DOMAIN, domain)
    }

    pub(crate) fn rooms(&self) -> &str {
        &self.rooms
    }
}

pub(super) fn domain() -> String {
    variable("DOMAIN").unwrap_or_else(|| "localhost".to_owned())
}

/// What the environment says about another server.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(format!("TRANSCRIPTS_{name}")).ok()
}

/// Marks that no transcript contains.
const ROOMS: &str = "\u{1}";
const DOMAIN: &str = "\u{2}";
