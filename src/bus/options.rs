//! What the configuration says of the bus.

use std::fmt;
use std::path::PathBuf;

use async_nats::ServerAddr;

/// Which carrier, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// No other members.
    Local,
    Nats(Box<Nats>),
    /// LISTEN/NOTIFY of the database that is the store.
    Postgres,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nats {
    pub servers: Vec<ServerAddr>,
    pub is_tls: bool,
    pub login: Option<Login>,
    /// A PEM file with those who may vouch for the servers; without it, those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// By which this member shows who it is, where the servers ask for that.
    pub identity: Option<Identity>,
    /// A `.creds` file of NATS: a token and the key to sign with.
    pub credentials: Option<PathBuf>,
}

/// From the URL: a name and a password, or a token alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Option<Password>,
}

/// Stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Options {
    /// Reads `local`, `postgres`, or `nats://[user[:password]@]host[:port][,host[:port]…]`, with `tls://` for TLS.
    pub fn parse(url: &str) -> Option<Self> {
        match url {
            "local" => return Some(Self::Local),
            "postgres" => return Some(Self::Postgres),
            _ => {}
        }
        let (scheme, rest) = url.split_once("://")?;
        let is_tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return None,
        };
        let (login, hosts) = match rest.rsplit_once('@') {
            Some((login, hosts)) => (Some(Login::parse(login)?), hosts),
            None => (None, rest),
        };
        let server = |host: &str| {
            let is_address = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
            is_address.then(|| format!("{scheme}://{host}").parse().ok())?
        };
        let servers = hosts.trim_end_matches('/').split(',').map(server).collect::<Option<_>>()?;
        let nats = Nats { servers, is_tls, login, authorities: None, identity: None, credentials: None };
        Some(Self::Nats(Box::new(nats)))
    }
}

impl Nats {
    /// The servers, as a person wants to read them.
    pub(super) fn hosts(&self) -> String {
        let host = |server: &ServerAddr| match (server.host(), server.port()) {
            (host, port) if host.contains(':') => format!("[{host}]:{port}"),
            (host, port) => format!("{host}:{port}"),
        };
        self.servers.iter().map(host).collect::<Vec<_>>().join(", ")
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = match text.split_once(':') {
            Some((user, password)) => (user, Some(Password(unescaped(password)?))),
            None => (text, None),
        };
        Some(Self { user: unescaped(user).filter(|user| !user.is_empty())?, password })
    }
}

impl Password {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Text of a URL without its percent signs.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let (byte, others) = match (first, others) {
            (b'%', [high, low, others @ ..]) => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?, others)
            }
            (b'%', _) => return None,
            _ => (*first, others),
        };
        bytes.push(byte);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nats(url: &str) -> Nats {
        match Options::parse(url) {
            Some(Options::Nats(nats)) => *nats,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(Options::parse("local"), Some(Options::Local));
        assert_eq!(Options::parse("postgres"), Some(Options::Postgres));
        let several = nats("nats://ann:p%40ss%3aword@one:4223,[::1],two.example/");
        assert_eq!(several.hosts(), "one:4223, [::1]:4222, two.example:4222");
        let login = several.login.unwrap();
        assert_eq!((login.user.as_str(), login.password.unwrap().reveal()), ("ann", "p@ss:word"));
        let token = nats("tls://t0ken@host");
        assert!(token.is_tls && token.login.unwrap().password.is_none());
        assert!(!format!("{:?}", nats("nats://ann:secret@one")).contains("secret"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "",
            "nats",
            "nats:",
            "nats://",
            "nats://,",
            "nats://a,",
            "nats://@a",
            "nats://%4@a",
            "ws://a",
            "postgres://a",
            "nats://a/b",
            "nats://a b",
            "nats://a:port",
        ] {
            assert_eq!(Options::parse(url), None, "{url}");
        }
    }
}
