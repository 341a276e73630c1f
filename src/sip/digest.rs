//! Digest access authentication (RFC 7616, as RFC 8760 has it for SIP): challenges, and whether an answer is right.
//!
//! A nonce is good on the flow that it was given on, for a while, and once for each of its counts: what was overheard
//! proves nothing a second time.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use perch_address::BareJid;
use perch_sip::Method;
use perch_sip::header::{Challenge, Credentials};
use perch_sip::uri::Uri;
use tokio::time::Instant;

use crate::auth::{DigestAlgorithm, DigestKeys};

/// What somebody on one flow was asked to answer.
#[derive(Debug)]
pub(super) struct Nonce {
    text: String,
    given: Instant,
    /// The highest count that was used.
    count: u32,
}

/// What somebody says to prove who he is, before anybody looks whether it is true.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    algorithm: DigestAlgorithm,
    user: String,
    count: u32,
    credentials: Credentials<'a>,
}

/// Which proofs are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Strong,
    /// MD5 too, where the operator takes it.
    Any,
    /// MD5 alone: of clients that are known to understand nothing else.
    Weak,
}

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// The password is right, but the nonce is too old, was used with that count, or was given to somebody else.
    Stale,
}

impl Nonce {
    pub(super) fn new(now: Instant) -> Self {
        Self { text: BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; 18]>()), given: now, count: 0 }
    }

    /// What to ask for proofs of that strength, the strongest first (RFC 8760 §2.3).
    pub(super) fn challenges<'a>(
        &'a self,
        realm: &'a str,
        strength: Strength,
        is_stale: bool,
    ) -> impl Iterator<Item = Challenge<'a>> {
        let challenge = move |(_, algorithm): &(_, &'static str)| Challenge {
            realm,
            nonce: &self.text,
            algorithm,
            is_stale,
        };
        strength.algorithms().iter().map(challenge)
    }

    /// Whether the nonce may be used with that count, which is then used.
    fn takes(&mut self, nonce: &str, count: u32, now: Instant) -> bool {
        let is_good = self.text == nonce && count > self.count && now < self.given + LIFETIME;
        if is_good {
            self.count = count;
        }
        is_good
    }
}

impl Strength {
    fn algorithms(self) -> &'static [(DigestAlgorithm, &'static str)] {
        match self {
            Self::Strong => &ALGORITHMS[..2],
            Self::Any => &ALGORITHMS,
            Self::Weak => &ALGORITHMS[2..],
        }
    }
}

impl<'a> Claim<'a> {
    /// Reads what is claimed for this realm. `None`: it answers none of our challenges.
    pub(super) fn read(credentials: Credentials<'a>, realm: &str, strength: Strength) -> Option<Self> {
        let find = |name| credentials.find(name);
        // Who does not say means MD5 (RFC 2617 §3.2.2).
        let named = find("algorithm").unwrap_or("MD5".into());
        let mut algorithms = strength.algorithms().iter();
        let (algorithm, _) = *algorithms.find(|(_, name)| named.eq_ignore_ascii_case(name))?;
        let is_ours = credentials.is_digest() && find("realm")? == realm && find("qop")? == QOP;
        let (user, count) = (find("username")?.into_owned(), credentials.nonce_count()?);
        is_ours.then_some(Self { algorithm, user, count, credentials })
    }

    /// Whose account it claims. Clients that know MD5 alone give their user's whole address, where he has told them no
    /// other name.
    pub(super) fn account(&self, realm: &str) -> Option<BareJid> {
        match self.is_md5() && self.user.contains('@') {
            true => BareJid::new(&self.user).ok(),
            false => BareJid::from_parts(Some(&self.user), realm).ok(),
        }
    }

    pub(super) fn is_md5(&self) -> bool {
        self.algorithm == DigestAlgorithm::Md5
    }

    /// Whether the account can be proved so: whether it has a key for that algorithm.
    pub(super) fn has_key(&self, keys: &DigestKeys) -> bool {
        self.algorithm.key(keys, &self.user).is_some()
    }

    /// Whether the claim holds for a request of this method to this address.
    pub(super) fn verify(
        &self,
        method: &Method,
        address: &Uri<'_>,
        keys: &DigestKeys,
        nonce: Option<&mut Nonce>,
        now: Instant,
    ) -> Verdict {
        let text = |name| self.credentials.find(name).unwrap_or_default();
        let (uri, given) = (text("uri"), text("nonce"));
        let Some(key) = self.algorithm.key(keys, &self.user) else { return Verdict::Wrong };
        let expected =
            response(self.algorithm, key, [method.as_str(), &uri, &given, &text("nc"), &text("cnonce")]);
        let is_same = verify_slices_are_equal(expected.as_bytes(), text("response").as_bytes()).is_ok();
        if !is_same || !self.is_about(&uri, address) {
            return Verdict::Wrong;
        }
        let is_fresh = nonce.is_some_and(|nonce| nonce.takes(&given, self.count, now));
        if is_fresh { Verdict::Right } else { Verdict::Stale }
    }

    /// Whether the address that it names is the request's.
    fn is_about(&self, named: &str, address: &Uri<'_>) -> bool {
        let is_none = self.is_md5() && named == NO_ADDRESS;
        is_none || Uri::parse(named).is_ok_and(|named| named.is_equivalent(address))
    }
}

/// RFC 7616 §3.4.1.
fn response(algorithm: DigestAlgorithm, key: &[u8], proven: [&str; 5]) -> String {
    let [method, uri, nonce, nc, cnonce] = proven;
    let hash = |text: String| hex(&algorithm.hash(&text));
    let asked = hash(format!("{method}:{uri}"));
    hash(format!("{}:{nonce}:{nc}:{cnonce}:{QOP}:{asked}", hex(key)))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// The strongest first.
const ALGORITHMS: [(DigestAlgorithm, &str); 3] = [
    (DigestAlgorithm::Sha512Truncated256, "SHA-512-256"),
    (DigestAlgorithm::Sha256, "SHA-256"),
    (DigestAlgorithm::Md5, "MD5"),
];

/// COMPAT: pidgin-sipe looks for the address of its request in the response to it, finds none, and proves this.
const NO_ADDRESS: &str = "(null)";

/// What a proof protects: the request line.
const QOP: &str = "auth";

/// How long a nonce is good. A client that comes with an older one is told so, and need not ask its user again.
const LIFETIME: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use perch_sip::message::{Message, Request};

    use super::*;
    use crate::auth::Md5Keys;

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        // RFC 7616 §3.9.1.
        let secret = "Mufasa:http-auth@example.org:Circle of Life";
        let proven = [
            "GET",
            "/dir/index.html",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "00000001",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        ];
        for (algorithm, expected) in [
            (DigestAlgorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            assert_eq!(response(algorithm, &algorithm.hash(secret), proven), expected);
        }
    }

    const KEYS: DigestKeys = DigestKeys {
        sha256: [1; 32],
        sha512_256: [2; 32],
        md5: Some(Md5Keys { of_name: [3; 16], of_address: [4; 16] }),
    };

    fn request(nonce: &str, nc: &str, uri: &str) -> Request {
        proven(
            "a",
            "algorithm=SHA-512-256, ",
            (DigestAlgorithm::Sha512Truncated256, &[2; 32]),
            [nonce, nc, uri],
        )
    }

    /// A request with a proof by that key.
    fn proven(
        user: &str,
        named: &str,
        (algorithm, key): (DigestAlgorithm, &[u8]),
        [nonce, nc, uri]: [&str; 3],
    ) -> Request {
        let response = response(algorithm, key, ["REGISTER", uri, nonce, nc, "c"]);
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"{user}\", realm=\"h\", nonce=\"{nonce}\", \
             uri=\"{uri}\", {named}qop=auth, nc={nc}, cnonce=\"c\", response=\"{response}\"\r\n\r\n"
        );
        match Message::parse(text.into(), perch_sip::limits::Limits::PEER) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_nonce_is_good_once_for_each_count_and_for_a_while() {
        let now = Instant::now();
        let mut nonce = Nonce::new(now);
        let text = nonce.text.clone();
        let mut check = |nonce_text: &str, nc: &str, uri: &str, now: Instant, expected| {
            let request = request(nonce_text, nc, uri);
            let credentials = request.headers.credentials(perch_sip::header::Name::Authorization).next();
            let claim = Claim::read(credentials.unwrap().unwrap(), "h", Strength::Strong).unwrap();
            let address = request.uri().unwrap();
            let verdict = claim.verify(&request.method, &address, &KEYS, Some(&mut nonce), now);
            assert_eq!(verdict, expected, "{nonce_text} {nc} {uri}");
        };
        check(&text, "00000001", "sip:h", now, Verdict::Right);
        check(&text, "00000001", "sip:h", now, Verdict::Stale);
        check(&text, "0000000a", "sip:h", now, Verdict::Right);
        check(&text, "00000002", "sip:h", now, Verdict::Stale);
        check("another", "0000000b", "sip:h", now, Verdict::Stale);
        check(&text, "0000000b", "sip:elsewhere", now, Verdict::Wrong);
        check(&text, "0000000b", "(null)", now, Verdict::Wrong);
        check(&text, "0000000b", "sip:h", now + LIFETIME, Verdict::Stale);
    }

    #[test]
    fn a_weak_proof_is_one_where_it_is_taken() {
        let now = Instant::now();
        let check = |user: &str, named: &str, key: [u8; 16], uri: &str, expected: Option<Verdict>| {
            let mut nonce = Nonce::new(now);
            let text = nonce.text.clone();
            let request = proven(user, named, (DigestAlgorithm::Md5, &key), [&text, "00000001", uri]);
            let credentials = || {
                let read = request.headers.credentials(perch_sip::header::Name::Authorization).next();
                read.unwrap().unwrap()
            };
            assert!(Claim::read(credentials(), "h", Strength::Strong).is_none());
            let claim = Claim::read(credentials(), "h", Strength::Any).unwrap();
            let is_own = claim.account("h").is_some_and(|account| account.as_str() == "a@h");
            let address = request.uri().unwrap();
            let verdict = claim.verify(&request.method, &address, &KEYS, Some(&mut nonce), now);
            assert_eq!(is_own.then_some(verdict), expected, "{user} {named} {uri}");
            let none = DigestKeys { md5: None, ..KEYS };
            assert!(claim.has_key(&KEYS) && !claim.has_key(&none));
            assert_eq!(claim.verify(&request.method, &address, &none, Some(&mut nonce), now), Verdict::Wrong);
        };
        check("a", "", [3; 16], "sip:h", Some(Verdict::Right));
        check("a", "algorithm=md5, ", [3; 16], "(null)", Some(Verdict::Right));
        check("a@h", "", [4; 16], "(null)", Some(Verdict::Right));
        check("a@h", "", [3; 16], "(null)", Some(Verdict::Wrong));
        check("a", "", [3; 16], "sip:elsewhere", Some(Verdict::Wrong));
        check("a@elsewhere", "", [4; 16], "(null)", None);
    }

    #[test]
    fn a_claim_of_another_kind_is_none() {
        let check = |credentials: &str| {
            let text = format!("REGISTER sip:h SIP/2.0\r\nAuthorization: {credentials}\r\n\r\n");
            let Ok(Message::Request(request)) = Message::parse(text.into(), perch_sip::limits::Limits::PEER)
            else {
                panic!("{credentials}")
            };
            let read = request.headers.credentials(perch_sip::header::Name::Authorization).next();
            assert!(Claim::read(read.unwrap().unwrap(), "h", Strength::Strong).is_none(), "{credentials}");
        };
        let rest = "username=\"a\", nonce=\"n\", uri=\"sip:h\", cnonce=\"c\", response=\"r\"";
        check(&format!("Digest realm=\"h\", qop=auth, nc=00000001, {rest}"));
        check(&format!("Digest realm=\"h\", algorithm=MD5, qop=auth, nc=00000001, {rest}"));
        check(&format!("Digest realm=\"other\", algorithm=SHA-256, qop=auth, nc=00000001, {rest}"));
        check(&format!("Digest realm=\"h\", algorithm=SHA-256, nc=00000001, {rest}"));
        check(&format!("Digest realm=\"h\", algorithm=SHA-256, qop=auth, {rest}"));
        check("Basic realm=\"h\"");
    }
}
