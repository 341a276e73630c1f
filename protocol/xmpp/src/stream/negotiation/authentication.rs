//! SASL on a stream (RFC 6120 §6.4): base64 around the exchange, and a bound on attempts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::{Negotiation, Output, State};
use crate::namespace;
use crate::sasl::{Credentials, Exchange, Mechanism, SaslFailure, Step};
use crate::stream::error::{StreamCondition, StreamFailure};
use crate::xml::Element;

impl Negotiation {
    /// Takes what the store knows of the account that [`Output::Lookup`] named; `None` where there is no such account.
    ///
    /// Where that output `is_costly`, this call derives keys from a password: milliseconds that belong on a thread of
    /// their own.
    pub fn handle_credentials(&mut self, credentials: Option<&Credentials>) -> Vec<Output> {
        match self.take_state() {
            State::ExpectCredentials(mut exchange) => {
                let step = exchange.handle_credentials(credentials);
                self.follow(exchange, step)
            }
            state => self.misused(&state),
        }
    }

    /// The password that the client says, where [`Output::Lookup`] named an account whose keys others keep.
    pub fn claimed_password(&self) -> Option<&str> {
        match &self.state {
            State::ExpectCredentials(exchange) => exchange.claimed_password(),
            _ => None,
        }
    }

    /// Takes what others said of that password.
    pub fn handle_verdict(&mut self, is_right: bool, is_disabled: bool) -> Vec<Output> {
        match self.take_state() {
            State::ExpectCredentials(mut exchange) => {
                let step = exchange.handle_verdict(is_right, is_disabled);
                self.follow(exchange, step)
            }
            state => self.misused(&state),
        }
    }

    /// Takes that the store could not be asked.
    pub fn handle_lookup_failed(&mut self) -> Vec<Output> {
        match self.take_state() {
            State::ExpectCredentials(_) => self.fail_attempt(SaslFailure::TemporaryAuthFailure),
            state => self.misused(&state),
        }
    }

    pub(super) fn begin_attempt(&mut self, auth: &Element) -> Vec<Output> {
        if self.demands_tls() {
            return self.fail_attempt(SaslFailure::EncryptionRequired);
        }
        let mechanism = auth.attribute("mechanism").and_then(Mechanism::from_name);
        let Some(mechanism) = mechanism.filter(|mechanism| self.offer.mechanisms.contains(mechanism)) else {
            return self.fail_attempt(SaslFailure::InvalidMechanism);
        };
        let text = auth.text();
        let initial = if text.is_empty() { Ok(None) } else { decode(&text).map(Some) };
        match initial {
            Ok(initial) => {
                let nonce = self.fresh();
                let mut exchange = Exchange::new(mechanism, Arc::clone(&self.offer), nonce);
                let step = exchange.begin(initial.as_deref());
                self.follow(exchange, step)
            }
            Err(failure) => self.fail_attempt(failure),
        }
    }

    pub(super) fn handle_response(&mut self, mut exchange: Exchange, element: &Element) -> Vec<Output> {
        if element.is("abort", namespace::SASL) {
            return self.fail_attempt(SaslFailure::Aborted);
        }
        if !element.is("response", namespace::SASL) {
            return self.fail(StreamCondition::NotAuthorized.into());
        }
        match decode(&element.text()) {
            Ok(response) => {
                let step = exchange.handle_response(&response);
                self.follow(exchange, step)
            }
            Err(failure) => self.fail_attempt(failure),
        }
    }

    fn follow(&mut self, exchange: Exchange, step: Step) -> Vec<Output> {
        match step {
            Step::Challenge(data) => {
                self.state = State::ExpectResponse(exchange);
                vec![Output::Send(sasl("challenge", &BASE64.encode(data)))]
            }
            Step::NeedCredentials { account } => {
                let is_costly = exchange.mechanism() == Mechanism::Plain;
                self.state = State::ExpectCredentials(exchange);
                vec![Output::Lookup { account, is_costly }]
            }
            Step::Success { account, data } => {
                self.state = State::ExpectHeader;
                self.is_open = false;
                self.account = Some(account.clone());
                let success = sasl("success", &BASE64.encode(data));
                let mechanism = exchange.mechanism();
                vec![Output::Send(success), Output::Authenticated { account, mechanism }, Output::Restart]
            }
            Step::Failure(failure) => self.fail_attempt(failure),
        }
    }

    /// RFC 6120 §6.4.5 lets the client try again, and §13.12 bounds how often.
    pub(super) fn fail_attempt(&mut self, failure: SaslFailure) -> Vec<Output> {
        self.failed_attempts += 1;
        self.state = State::ExpectStartTlsOrAuth;
        let condition = Element::new(failure.as_str(), namespace::SASL);
        let failed =
            Element::new("failure", namespace::SASL).with_child(condition).to_bytes(namespace::CLIENT);
        let mut outputs = vec![Output::Send(failed), Output::Rejected(failure)];
        if self.failed_attempts >= MAX_ATTEMPTS {
            let failure = StreamFailure::new(StreamCondition::PolicyViolation);
            outputs.extend(self.fail(failure.with_text("too many attempts to authenticate")));
        }
        outputs
    }
}

fn sasl(name: &str, text: &str) -> Bytes {
    Element::new(name, namespace::SASL).with_text(text).to_bytes(namespace::CLIENT)
}

/// Data of no length is a single equals sign, since nothing at all would mean no data (RFC 6120 §6.4.2).
fn decode(text: &str) -> Result<Vec<u8>, SaslFailure> {
    if text == "=" { Ok(Vec::new()) } else { BASE64.decode(text).map_err(|_| SaslFailure::IncorrectEncoding) }
}

/// How often one stream may fail to authenticate before it is closed.
const MAX_ATTEMPTS: u8 = 5;
