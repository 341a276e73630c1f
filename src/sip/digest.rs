//! Digest access authentication (RFC 7616, as RFC 8760 has it for SIP): challenges, and whether an answer is right.
//!
//! A nonce is good on the flow that it was given on, for a while, and once for each of its counts: what was overheard
//! proves nothing a second time.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
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
    pub(super) user: String,
    count: u32,
    credentials: Credentials<'a>,
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

    /// What to ask, the strongest first (RFC 8760 §2.3).
    pub(super) fn challenges<'a>(
        &'a self,
        realm: &'a str,
        is_stale: bool,
    ) -> impl Iterator<Item = Challenge<'a>> {
        let challenge = move |(_, algorithm)| Challenge { realm, nonce: &self.text, algorithm, is_stale };
        ALGORITHMS.into_iter().map(challenge)
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

impl<'a> Claim<'a> {
    /// Reads what is claimed for this realm. `None`: it answers none of our challenges.
    pub(super) fn read(credentials: Credentials<'a>, realm: &str) -> Option<Self> {
        let find = |name| credentials.find(name);
        let named = find("algorithm")?;
        let (algorithm, _) = ALGORITHMS.into_iter().find(|(_, name)| named.eq_ignore_ascii_case(name))?;
        let is_ours = credentials.is_digest() && find("realm")? == realm && find("qop")? == QOP;
        let (user, count) = (find("username")?.into_owned(), credentials.nonce_count()?);
        is_ours.then_some(Self { algorithm, user, count, credentials })
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
        let key = self.algorithm.key(keys);
        let expected =
            response(self.algorithm, key, [method.as_str(), &uri, &given, &text("nc"), &text("cnonce")]);
        let is_same = verify_slices_are_equal(expected.as_bytes(), text("response").as_bytes()).is_ok();
        if !is_same || !Uri::parse(&uri).is_ok_and(|uri| uri.is_equivalent(address)) {
            return Verdict::Wrong;
        }
        let is_fresh = nonce.is_some_and(|nonce| nonce.takes(&given, self.count, now));
        if is_fresh { Verdict::Right } else { Verdict::Stale }
    }
}

/// RFC 7616 §3.4.1.
fn response(algorithm: DigestAlgorithm, key: &[u8], proven: [&str; 5]) -> String {
    let [method, uri, nonce, nc, cnonce] = proven;
    let hash = |text: String| hex(digest::digest(algorithm.function(), text.as_bytes()).as_ref());
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

const ALGORITHMS: [(DigestAlgorithm, &str); 2] =
    [(DigestAlgorithm::Sha512Truncated256, "SHA-512-256"), (DigestAlgorithm::Sha256, "SHA-256")];

/// What a proof protects: the request line.
const QOP: &str = "auth";

/// How long a nonce is good. A client that comes with an older one is told so, and need not ask its user again.
const LIFETIME: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use perch_sip::message::{Message, Request};

    use super::*;

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        // RFC 7616 §3.9.1.
        let key = digest::digest(&digest::SHA256, b"Mufasa:http-auth@example.org:Circle of Life");
        let proven = [
            "GET",
            "/dir/index.html",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "00000001",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        ];
        assert_eq!(
            response(DigestAlgorithm::Sha256, key.as_ref(), proven),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    const KEYS: DigestKeys = DigestKeys { sha256: [1; 32], sha512_256: [2; 32] };

    fn request(nonce: &str, nc: &str, uri: &str) -> Request {
        let proven = ["REGISTER", uri, nonce, nc, "c"];
        let response = response(DigestAlgorithm::Sha512Truncated256, &[2; 32], proven);
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"a\", realm=\"h\", nonce=\"{nonce}\", \
             uri=\"{uri}\", algorithm=SHA-512-256, qop=auth, nc={nc}, cnonce=\"c\", response=\"{response}\"\r\n\r\n"
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
            let claim = Claim::read(credentials.unwrap().unwrap(), "h").unwrap();
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
        check(&text, "0000000b", "sip:h", now + LIFETIME, Verdict::Stale);
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
            assert!(Claim::read(read.unwrap().unwrap(), "h").is_none(), "{credentials}");
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
