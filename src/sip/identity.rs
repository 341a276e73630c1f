//! Who sends a request: whoever proved it by Digest on this flow, or whom a trusted front end names (RFC 3325).
//!
//! What is proved holds for the flow, as it does for a stream of XMPP: later requests of the same account need no proof.

use std::net::IpAddr;

use perch_address::BareJid;
use perch_sip::Status;
use perch_sip::header::Name;
use perch_sip::message::{Answer, Request};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::auth::{Accounts, AsOf};
use crate::sip::Services;
use crate::sip::check::{account_of, answer, explained};
use crate::sip::digest::{Claim, Nonce, Verdict};
use crate::sip::flow::unavailable;
use crate::store::error::StoreError;

/// What one flow knows of who is at its other end.
pub(super) struct Guard {
    is_trusted: bool,
    peer: IpAddr,
    nonce: Option<Nonce>,
}

/// Whose request it is.
pub(super) enum Known {
    /// Somebody who is on the flow already.
    Here(BareJid),
    /// Somebody who has just been found out to be who he says, as of then.
    New { account: BareJid, as_of: AsOf },
}

impl Guard {
    pub(super) fn new(is_trusted: bool, peer: IpAddr) -> Self {
        Self { is_trusted, peer, nonce: None }
    }

    /// Whose request it is; or the answer that asks for a proof, or refuses it.
    pub(super) async fn identify(
        &mut self,
        services: &Services,
        request: &Request,
        is_registration: bool,
        is_here: impl Fn(&BareJid) -> bool,
    ) -> Result<Known, Answer> {
        let account = self.claimed(request, services.domain.domain(), is_registration)?;
        if is_here(&account) {
            return Ok(Known::Here(account));
        }
        if self.is_trusted {
            return vouched(&services.accounts, request, account).await;
        }
        self.prove(&services.accounts, request, account).await
    }

    /// Whom the request says it is from. RFC 3261 §10.3: who is registered stands in To.
    pub(super) fn claimed(
        &self,
        request: &Request,
        domain: &str,
        is_registration: bool,
    ) -> Result<BareJid, Answer> {
        let headers = &request.headers;
        let refused =
            || explained(request, Status::FORBIDDEN, "the sender is no account of this domain").finish();
        let asserted = headers.asserted_identities().filter_map(Result::ok);
        let mut asserted = asserted.filter_map(|identity| account_of(&identity.uri, domain));
        if self.is_trusted && !is_registration && headers.has(Name::PAssertedIdentity) {
            return asserted.next().ok_or_else(refused);
        }
        let party = if is_registration { headers.to() } else { headers.from() };
        party.ok().and_then(|party| account_of(&party.uri, domain)).ok_or_else(refused)
    }

    async fn prove(
        &mut self,
        accounts: &Accounts,
        request: &Request,
        account: BareJid,
    ) -> Result<Known, Answer> {
        let realm = accounts.domain().domain();
        let credentials = request.headers.credentials(Name::Authorization).filter_map(Result::ok);
        let Some(claim) = credentials.filter_map(|credentials| Claim::read(credentials, realm)).next() else {
            return Err(self.challenge(request, realm, false));
        };
        let claimed = BareJid::from_parts(Some(&claim.user), realm);
        if claimed.is_err() || claimed.is_ok_and(|claimed| claimed != account) {
            return Err(explained(request, Status::FORBIDDEN, "the proof is another account's").finish());
        }
        let Ok(attempt) = accounts.guesses().attempt(&account, self.peer) else {
            return Err(unavailable(request));
        };
        let found = accounts.sign_in(&account).await.map_err(|error| failed(request, &error))?;
        let Some(found) = found else { return Err(self.challenge(request, realm, false)) };
        let keys = accounts.digest_keys(found.account).await.map_err(|error| failed(request, &error))?;
        let Some(keys) = keys else {
            return Err(explained(request, Status::FORBIDDEN, "set a new password to use SIP").finish());
        };
        let Ok(address) = request.uri() else { return Err(answer(request, Status::BAD_REQUEST).finish()) };
        match claim.verify(&request.method, &address, &keys, self.nonce.as_mut(), Instant::now()) {
            Verdict::Wrong => {
                info!("an attempt to sign in failed");
                Err(self.challenge(request, realm, false))
            }
            Verdict::Stale => {
                attempt.succeed();
                Err(self.challenge(request, realm, true))
            }
            Verdict::Right if found.credentials.is_disabled => {
                attempt.succeed();
                Err(explained(request, Status::FORBIDDEN, "this account is disabled").finish())
            }
            Verdict::Right => {
                attempt.succeed();
                debug!(%account, "signed in");
                Ok(Known::New { account, as_of: found.as_of })
            }
        }
    }

    fn challenge(&mut self, request: &Request, realm: &str, is_stale: bool) -> Answer {
        if is_stale {
            self.nonce = None;
        }
        let nonce = self.nonce.get_or_insert_with(|| Nonce::new(Instant::now()));
        let unauthorized = answer(request, Status::UNAUTHORIZED);
        nonce
            .challenges(realm, is_stale)
            .fold(unauthorized, |answer, challenge| answer.header(Name::WwwAuthenticate, challenge))
            .finish()
    }
}

/// A front end's word is enough, for accounts that there are.
async fn vouched(accounts: &Accounts, request: &Request, account: BareJid) -> Result<Known, Answer> {
    let found = accounts.sign_in(&account).await.map_err(|error| failed(request, &error))?;
    match found {
        Some(found) if !found.credentials.is_disabled => Ok(Known::New { account, as_of: found.as_of }),
        _ => Err(explained(request, Status::FORBIDDEN, "the sender may not sign in").finish()),
    }
}

fn failed(request: &Request, error: &StoreError) -> Answer {
    warn!(%error, "somebody cannot sign in");
    unavailable(request)
}
