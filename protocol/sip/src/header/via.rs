//! Via: the way that a request came, which its response goes back.

use std::fmt;
use std::net::IpAddr;

use nom::Parser;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::params::Params;
use crate::grammar::{Parsed, blanks, fail, mark, port_number, token, word};
use crate::uri::Host;

/// One hop (RFC 3261 §20.42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` or what else there may be. Capitals make no difference.
    pub transport: &'a str,
    /// Where the sender says it is.
    pub host: Host<'a>,
    /// The port that the sender says it has.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let version = (preceded(blanks, word("SIP")), mark(b'/'), word("2.0"), mark(b'/'));
        let sent_by = (preceded(blanks, Host::grammar), opt(preceded(mark(b':'), port_number)));
        let (rest, (_, transport, (host, port), params)) =
            (version, token, sent_by, preceded(blanks, Params::grammar)).parse(input)?;
        if params.token("branch").is_err() {
            return fail();
        }
        Ok((rest, Self { transport, host, port, params }))
    }

    /// What tells the transaction, if the sender goes by RFC 3261: it begins with [`COOKIE`](Self::COOKIE), and there is
    /// something behind it. Any other branch is of RFC 2543, where it says little.
    pub fn branch(&self) -> Option<&'a str> {
        let branch = self.params.token("branch").ok().flatten()?;
        let is_of_3261 =
            branch.get(..Self::COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(Self::COOKIE));
        (is_of_3261 && branch.len() > Self::COOKIE.len()).then_some(branch)
    }

    /// From which address the request came, where that is not what the sender said (§18.2.1).
    pub fn received(&self) -> Option<IpAddr> {
        match Host::received(self.params.raw("received")??)? {
            Host::V4(address) => Some(address.into()),
            Host::V6(address) => Some(address.into()),
            Host::Name(_) => None,
        }
    }

    /// What a branch of RFC 3261 begins with (§8.1.1.7).
    pub const COOKIE: &'static str = "z9hG4bK";
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}
