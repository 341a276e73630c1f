//! One attempt to authenticate, from the client's first message to its success or failure.
//!
//! The states are named by what they await. Bytes go in, a [`Step`] comes out; the store is asked by the caller.

use std::sync::Arc;

use perch_address::BareJid;

use super::channel_binding::ChannelBindings;
use super::failure::SaslFailure;
use super::mechanism::Mechanism;
use super::scram::message::{BindingFlag, ClientFinal, ClientFirst};
use super::scram::{Challenge, Credentials, Decoy, ScramHash};

/// What a stream offers to whoever wants to authenticate.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The domain whose accounts these are.
    pub domain: String,
    /// The mechanisms that were announced.
    pub mechanisms: Vec<Mechanism>,
    /// What the TLS session below can be bound by.
    pub bindings: ChannelBindings,
    /// The accounts that the client's verified certificate names.
    pub identities: Vec<BareJid>,
    /// How to answer for accounts that do not exist.
    pub decoy: Decoy,
}

impl Offer {
    /// Whether a mechanism with channel binding was announced.
    pub(crate) fn offers_binding(&self) -> bool {
        self.mechanisms.iter().any(|mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. }))
    }

    /// What was announced, as the downgrade guard hashes it (XEP-0474): mechanisms and binding types, each sorted.
    fn advertised(&self) -> String {
        let mut mechanisms: Vec<_> = self.mechanisms.iter().map(|mechanism| mechanism.as_str()).collect();
        mechanisms.sort_unstable();
        let mut advertised = mechanisms.join("\u{1e}");
        if self.offers_binding() {
            let mut types: Vec<_> = self.bindings.types().collect();
            types.sort_unstable();
            advertised.push('\u{1f}');
            advertised.push_str(&types.join("\u{1e}"));
        }
        advertised
    }
}

/// What the exchange wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes as a challenge, and hand the response to [`Exchange::handle_response`].
    Challenge(Vec<u8>),
    /// Ask the store for that account, and hand the answer to [`Exchange::handle_credentials`].
    NeedCredentials {
        /// The account, by its prepared address.
        account: BareJid,
    },
    /// The client is who it says.
    Success {
        /// Who it is.
        account: BareJid,
        /// What goes along with the success, or nothing.
        data: Vec<u8>,
    },
    /// The attempt is over; another may begin.
    Failure(SaslFailure),
}

/// One attempt to authenticate by one mechanism.
pub struct Exchange {
    mechanism: Mechanism,
    offer: Arc<Offer>,
    nonce: String,
    state: State,
}

enum State {
    ExpectFirst,
    ExpectCredentials(Claim),
    ExpectProof { account: Option<BareJid>, challenge: Box<Challenge>, is_disabled: bool },
    Finished,
}

/// What the client claims while the store is asked.
enum Claim {
    Scram { account: Option<BareJid>, hash: ScramHash, first: Box<ClientFirst> },
    Password { account: BareJid, password: String },
    Certificate { account: BareJid },
}

impl Exchange {
    /// An attempt by `mechanism`. `nonce` is the server's half, fresh and unguessable, of printable ASCII but commas.
    pub fn new(mechanism: Mechanism, offer: Arc<Offer>, nonce: String) -> Self {
        Self { mechanism, offer, nonce, state: State::ExpectFirst }
    }

    /// The mechanism of this attempt.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes what came along with `<auth/>`: every mechanism here begins with the client, so that an absent initial
    /// response is asked for by an empty challenge (RFC 6120 §6.4.2).
    pub fn begin(&mut self, initial: Option<&[u8]>) -> Step {
        initial.map_or_else(|| Step::Challenge(Vec::new()), |data| self.handle_response(data))
    }

    /// Takes what the client says.
    pub fn handle_response(&mut self, data: &[u8]) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectFirst => self.handle_first(data),
            State::ExpectProof { account, challenge, is_disabled } => {
                Self::handle_proof(account, *challenge, is_disabled, data)
            }
            // The caller owes an answer, or the attempt is over: whoever speaks now speaks out of turn.
            State::ExpectCredentials(_) | State::Finished => Err(SaslFailure::MalformedRequest),
        };
        step.unwrap_or_else(Step::Failure)
    }

    /// Takes what the store knows about the account that [`Step::NeedCredentials`] named.
    pub fn handle_credentials(&mut self, credentials: Option<&Credentials>) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectCredentials(Claim::Scram { account, hash, first }) => {
                self.challenge(account, hash, &first, credentials)
            }
            State::ExpectCredentials(Claim::Password { account, password }) => {
                self.check_password(account, &password, credentials)
            }
            State::ExpectCredentials(Claim::Certificate { account }) => match credentials {
                Some(known) => succeed(account, known.is_disabled, Vec::new()),
                None => Err(SaslFailure::NotAuthorized),
            },
            State::ExpectFirst | State::ExpectProof { .. } | State::Finished => {
                Err(SaslFailure::MalformedRequest)
            }
        };
        step.unwrap_or_else(Step::Failure)
    }

    /// The password that the client says, while the store is asked: for an account whose keys others keep. Whoever asks
    /// them answers with [`Exchange::handle_verdict`].
    pub fn claimed_password(&self) -> Option<&str> {
        match &self.state {
            State::ExpectCredentials(Claim::Password { password, .. }) => Some(password),
            _ => None,
        }
    }

    /// Takes what others said of the password, instead of credentials to compare it with.
    pub fn handle_verdict(&mut self, is_right: bool, is_disabled: bool) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectCredentials(Claim::Password { account, .. }) if is_right => {
                succeed(account, is_disabled, Vec::new())
            }
            State::ExpectCredentials(Claim::Password { .. }) => Err(SaslFailure::NotAuthorized),
            _ => Err(SaslFailure::MalformedRequest),
        };
        step.unwrap_or_else(Step::Failure)
    }

    fn handle_first(&mut self, data: &[u8]) -> Result<Step, SaslFailure> {
        match self.mechanism {
            Mechanism::Scram { hash, plus } => self.begin_scram(hash, plus, data),
            Mechanism::Plain => self.begin_plain(data),
            Mechanism::External => self.begin_external(data),
        }
    }

    fn begin_scram(&mut self, hash: ScramHash, plus: bool, data: &[u8]) -> Result<Step, SaslFailure> {
        let first = Box::new(ClientFirst::parse(data)?);
        match &first.binding {
            BindingFlag::Type(name) if plus && self.offer.bindings.data(name).is_some() => {}
            BindingFlag::Unsupported if !plus => {}
            // RFC 5802 §6: a client that can bind and was not told that the server can has met someone in between.
            BindingFlag::Unoffered if !plus && !self.offer.offers_binding() => {}
            BindingFlag::Unoffered if !plus => return Err(SaslFailure::NotAuthorized),
            BindingFlag::Type(_) | BindingFlag::Unsupported | BindingFlag::Unoffered => {
                return Err(SaslFailure::MalformedRequest);
            }
        }
        let account = self.account(&first.username, first.authzid.as_deref())?;
        self.ask(Claim::Scram { account, hash, first })
    }

    /// `[authzid] NUL authcid NUL password` (RFC 4616 §2).
    fn begin_plain(&mut self, data: &[u8]) -> Result<Step, SaslFailure> {
        let text = str::from_utf8(data).map_err(|_| SaslFailure::MalformedRequest)?;
        let mut parts = text.split('\0');
        let (Some(authzid), Some(name), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslFailure::MalformedRequest);
        };
        if name.is_empty() || password.is_empty() {
            return Err(SaslFailure::MalformedRequest);
        }
        // Nothing is computed for a name that no account can have: it gives nothing away, and would cost for nothing.
        let account = self.account(name, Some(authzid).filter(|authzid| !authzid.is_empty()))?;
        let account = account.ok_or(SaslFailure::NotAuthorized)?;
        self.ask(Claim::Password { account, password: password.to_owned() })
    }

    /// The message is the identity that is wanted, or empty for the only one there is (XEP-0178 §2).
    fn begin_external(&mut self, data: &[u8]) -> Result<Step, SaslFailure> {
        let text = str::from_utf8(data).map_err(|_| SaslFailure::MalformedRequest)?;
        let identities = self.offer.identities.as_slice();
        let account = match (text, identities) {
            ("", [account]) => account.clone(),
            ("", _) => return Err(SaslFailure::InvalidAuthzid),
            (authzid, _) => {
                let wanted = BareJid::new(authzid).map_err(|_| SaslFailure::InvalidAuthzid)?;
                identities
                    .iter()
                    .find(|identity| **identity == wanted)
                    .cloned()
                    .ok_or(SaslFailure::InvalidAuthzid)?
            }
        };
        self.ask(Claim::Certificate { account })
    }

    /// The account of a user name; `None` for a name that no account can have. Whoever wants to act as someone else is refused before anything is looked up.
    fn account(&self, name: &str, authzid: Option<&str>) -> Result<Option<BareJid>, SaslFailure> {
        let account = BareJid::from_parts(Some(name), &self.offer.domain).ok();
        match authzid {
            Some(authzid) if BareJid::new(authzid).ok() != account || account.is_none() => {
                Err(SaslFailure::InvalidAuthzid)
            }
            _ => Ok(account),
        }
    }

    fn ask(&mut self, claim: Claim) -> Result<Step, SaslFailure> {
        let account = match &claim {
            Claim::Scram { account, .. } => account.clone(),
            Claim::Password { account, .. } | Claim::Certificate { account } => Some(account.clone()),
        };
        self.state = State::ExpectCredentials(claim);
        match account {
            Some(account) => Ok(Step::NeedCredentials { account }),
            None => Ok(self.handle_credentials(None)),
        }
    }

    fn challenge(
        &mut self,
        account: Option<BareJid>,
        hash: ScramHash,
        first: &ClientFirst,
        credentials: Option<&Credentials>,
    ) -> Result<Step, SaslFailure> {
        let name = account.as_ref().and_then(BareJid::local).unwrap_or(&first.username);
        let known = credentials.and_then(|credentials| credentials.keys(hash));
        let keys = known.cloned().unwrap_or_else(|| self.offer.decoy.keys(hash, name));
        let bound = match &first.binding {
            BindingFlag::Type(name) => self.offer.bindings.data(name).unwrap_or_default(),
            BindingFlag::Unsupported | BindingFlag::Unoffered => &[],
        };
        let (challenge, message) = Challenge::new(first, keys, &self.nonce, bound, &self.offer.advertised());
        let is_disabled = credentials.is_some_and(|credentials| credentials.is_disabled);
        // Without keys nobody is proven, whatever the decoy's keys were said to be.
        let account = account.filter(|_| known.is_some());
        self.state = State::ExpectProof { account, challenge: Box::new(challenge), is_disabled };
        Ok(Step::Challenge(message.into_bytes()))
    }

    fn handle_proof(
        account: Option<BareJid>,
        challenge: Challenge,
        is_disabled: bool,
        data: &[u8],
    ) -> Result<Step, SaslFailure> {
        let verifier = challenge.verify(&ClientFinal::parse(data)?);
        match (account, verifier) {
            (Some(account), Some(verifier)) => succeed(account, is_disabled, verifier.into_bytes()),
            _ => Err(SaslFailure::NotAuthorized),
        }
    }

    fn check_password(
        &self,
        account: BareJid,
        password: &str,
        credentials: Option<&Credentials>,
    ) -> Result<Step, SaslFailure> {
        let name = account.local().unwrap_or_default();
        if !self.offer.decoy.verify_password(name, password, credentials) {
            return Err(SaslFailure::NotAuthorized);
        }
        succeed(account, credentials.is_some_and(|credentials| credentials.is_disabled), Vec::new())
    }
}

fn succeed(account: BareJid, is_disabled: bool, data: Vec<u8>) -> Result<Step, SaslFailure> {
    if is_disabled { Err(SaslFailure::AccountDisabled) } else { Ok(Step::Success { account, data }) }
}

#[cfg(test)]
mod tests;
