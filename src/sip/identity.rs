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
use crate::sip::digest::{Claim, Nonce, Strength, Verdict};
use crate::sip::flow::unavailable;
use crate::sip::provisioning;
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
        // They prove themselves to a proxy only, and by MD5.
        let is_of_old = is_registration && provisioning::is_wanted_by(request);
        self.prove(&services.accounts, request, account, is_of_old).await
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
        is_of_old: bool,
    ) -> Result<Known, Answer> {
        let realm = accounts.domain().domain();
        let taken = if accounts.takes_md5() { Strength::Any } else { Strength::Strong };
        let strength = if is_of_old && accounts.takes_md5() { Strength::Weak } else { taken };
        let credentials = [Name::Authorization, Name::ProxyAuthorization]
            .into_iter()
            .flat_map(|name| request.headers.credentials(name))
            .filter_map(Result::ok);
        let mut claims = credentials.filter_map(|credentials| Claim::read(credentials, realm, taken));
        let Some(claim) = claims.next() else {
            return Err(self.challenge(request, realm, strength, false));
        };
        if claim.account(realm).as_ref() != Some(&account) {
            return Err(explained(request, Status::FORBIDDEN, "the proof is another account's").finish());
        }
        let Ok(attempt) = accounts.guesses().attempt(&account, self.peer) else {
            return Err(unavailable(request));
        };
        let found = accounts.sign_in(&account).await.map_err(|error| failed(request, &error))?;
        let Some(found) = found else { return Err(self.refuse_proof(request, realm, strength)) };
        let keys = accounts.digest_keys(found.account).await.map_err(|error| failed(request, &error))?;
        // Who has no key for MD5 has a password from before it was taken. As it is with nearly everybody when it begins to be
        // taken, that tells no more of him than a wrong proof would.
        let Some(keys) = keys.filter(|keys| claim.is_md5() || claim.has_key(keys)) else {
            return Err(explained(request, Status::FORBIDDEN, "set a new password to use SIP").finish());
        };
        let Ok(address) = request.uri() else { return Err(answer(request, Status::BAD_REQUEST).finish()) };
        match claim.verify(&request.method, &address, &keys, self.nonce.as_mut(), Instant::now()) {
            Verdict::Wrong => {
                info!("an attempt to sign in failed");
                Err(self.refuse_proof(request, realm, strength))
            }
            Verdict::Stale => {
                attempt.succeed();
                Err(self.challenge(request, realm, strength, true))
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

    /// What somebody hears whose proof proves nothing.
    fn refuse_proof(&mut self, request: &Request, realm: &str, strength: Strength) -> Answer {
        match strength {
            // COMPAT: asked again, pidgin-sipe answers with the same password, up to thirty times.
            Strength::Weak => {
                let why = "the name or the password is wrong, or the password has to be set anew";
                explained(request, Status::FORBIDDEN, why).finish()
            }
            Strength::Strong | Strength::Any => self.challenge(request, realm, strength, false),
        }
    }

    fn challenge(&mut self, request: &Request, realm: &str, strength: Strength, is_stale: bool) -> Answer {
        if is_stale {
            self.nonce = None;
        }
        let nonce = self.nonce.get_or_insert_with(|| Nonce::new(Instant::now()));
        // COMPAT: pidgin-sipe takes a 401 that is none of Windows' own for the end of it, and answers a 407.
        let (status, name) = match strength {
            Strength::Weak => (Status::PROXY_AUTHENTICATION_REQUIRED, Name::ProxyAuthenticate),
            Strength::Strong | Strength::Any => (Status::UNAUTHORIZED, Name::WwwAuthenticate),
        };
        nonce
            .challenges(realm, strength, is_stale)
            .fold(answer(request, status), |answer, challenge| answer.header(name, challenge))
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
