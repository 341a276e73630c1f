use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

const NONCE: &str = "server-nonce";
const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
const SCRAM_PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: true };

fn offer() -> Offer {
    Offer {
        domain: "perch.example".to_owned(),
        mechanisms: Mechanism::ALL.to_vec(),
        bindings: ChannelBindings { exporter: Some([9; 32]), end_point: Some(vec![8; 48]) },
        identities: vec![account("juliet"), account("nurse")],
        decoy: Decoy { secret: [1; 32], iterations: 3 },
    }
}

fn unbound_offer() -> Offer {
    Offer { mechanisms: vec![SCRAM, Mechanism::Plain], bindings: ChannelBindings::default(), ..offer() }
}

fn account(local: &str) -> BareJid {
    BareJid::from_parts(Some(local), "perch.example").unwrap()
}

fn credentials() -> Credentials {
    Credentials::derive("pencil", b"0123456789abcdef", 3).unwrap()
}

fn exchange(mechanism: Mechanism, offer: Offer) -> Exchange {
    Exchange::new(mechanism, Arc::new(offer), NONCE.to_owned())
}

/// The client's half of SCRAM-SHA-256, written apart from the server's.
struct Client {
    header: &'static str,
    username: &'static str,
    password: &'static str,
    binding: Vec<u8>,
}

impl Client {
    fn first(&self) -> String {
        format!("{}n={},r=client-nonce", self.header, self.username)
    }

    fn last(&self, challenge: &str) -> String {
        let field = |index: usize| challenge.split(',').nth(index).unwrap()[2..].to_owned();
        let sign = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        let mut salted = [0; 32];
        let iterations = field(2).parse().unwrap();
        let salt = BASE64.decode(field(1)).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, self.password.as_bytes(), &mut salted);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let binding = BASE64.encode([self.header.as_bytes(), &self.binding].concat());
        let without_proof = format!("c={binding},r={}", field(0));
        let messages = format!("n={},r=client-nonce,{challenge},{without_proof}", self.username);
        let signature = sign(stored_key.as_ref(), messages.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", BASE64.encode(proof))
    }

    /// Runs the whole exchange against an account `juliet` and returns its last step.
    fn authenticate(&self, mechanism: Mechanism, offer: Offer) -> Step {
        let mut exchange = exchange(mechanism, offer);
        let mut step = exchange.begin(Some(self.first().as_bytes()));
        if let Step::NeedCredentials { account: wanted } = &step {
            let known = (*wanted == account("juliet")).then(credentials);
            step = exchange.handle_credentials(known.as_ref());
        }
        match step {
            Step::Challenge(challenge) => {
                exchange.handle_response(self.last(str::from_utf8(&challenge).unwrap()).as_bytes())
            }
            step => step,
        }
    }
}

fn is_success(step: &Step) -> bool {
    matches!(step, Step::Success { account: who, data } if *who == account("juliet") && data.starts_with(b"v="))
}

#[test]
fn scram_with_and_without_channel_binding() {
    let client = Client { header: "n,,", username: "juliet", password: "pencil", binding: vec![] };
    assert!(is_success(&client.authenticate(SCRAM, offer())));
    let client = Client { header: "y,,", ..client };
    assert!(is_success(&client.authenticate(SCRAM, unbound_offer())));
    let client = Client { header: "p=tls-exporter,,", binding: vec![9; 32], ..client };
    assert!(is_success(&client.authenticate(SCRAM_PLUS, offer())));
    let client = Client { header: "p=tls-server-end-point,,", binding: vec![8; 48], ..client };
    assert!(is_success(&client.authenticate(SCRAM_PLUS, offer())));
    let client =
        Client { header: "n,a=juliet@perch.example,", username: "JULIET", binding: vec![], ..client };
    assert!(is_success(&client.authenticate(SCRAM, offer())));
}

#[test]
fn scram_refusals() {
    let check = |mechanism, offer: Offer, client: Client, expected: SaslFailure| {
        let step = client.authenticate(mechanism, offer);
        assert_eq!(step, Step::Failure(expected), "{} {}", client.header, client.username);
    };
    let client = || Client { header: "n,,", username: "juliet", password: "pencil", binding: vec![] };
    // Whoever could bind and was kept from knowing that the server can, was deceived.
    check(SCRAM, offer(), Client { header: "y,,", ..client() }, SaslFailure::NotAuthorized);
    check(SCRAM_PLUS, offer(), Client { header: "n,,", ..client() }, SaslFailure::MalformedRequest);
    check(SCRAM_PLUS, offer(), Client { header: "y,,", ..client() }, SaslFailure::MalformedRequest);
    check(SCRAM, offer(), Client { header: "p=tls-exporter,,", ..client() }, SaslFailure::MalformedRequest);
    check(
        SCRAM_PLUS,
        offer(),
        Client { header: "p=tls-unique,,", ..client() },
        SaslFailure::MalformedRequest,
    );
    // The other side of a relay has another session, and so another binding.
    let relayed = Client { header: "p=tls-exporter,,", binding: vec![7; 32], ..client() };
    check(SCRAM_PLUS, offer(), relayed, SaslFailure::NotAuthorized);
    let authzid = Client { header: "n,a=romeo@perch.example,", ..client() };
    check(SCRAM, offer(), authzid, SaslFailure::InvalidAuthzid);
    check(SCRAM, offer(), Client { header: "n,a=@,", ..client() }, SaslFailure::InvalidAuthzid);
    // Three who fail alike: a wrong password, an account that is not there, a name that no account can have.
    check(SCRAM, offer(), Client { password: "Pencil", ..client() }, SaslFailure::NotAuthorized);
    check(SCRAM, offer(), Client { username: "nobody", ..client() }, SaslFailure::NotAuthorized);
    check(SCRAM, offer(), Client { username: "no body", ..client() }, SaslFailure::NotAuthorized);
}

#[test]
fn an_unknown_account_is_challenged_like_a_known_one() {
    let challenge_of = |username, known: Option<Credentials>| {
        let mut exchange = exchange(SCRAM, offer());
        let first = format!("n,,n={username},r=abc");
        match exchange.begin(Some(first.as_bytes())) {
            Step::NeedCredentials { .. } => match exchange.handle_credentials(known.as_ref()) {
                Step::Challenge(challenge) => String::from_utf8(challenge).unwrap(),
                step => panic!("{step:?}"),
            },
            step => panic!("{step:?}"),
        }
    };
    let real = challenge_of("juliet", Some(credentials()));
    let decoy = challenge_of("nobody", None);
    assert_eq!(real.len(), decoy.len());
    assert_eq!(decoy, challenge_of("NOBODY", None));
    assert_eq!(decoy, challenge_of("nobody", Some(Credentials::default())));
}

#[test]
fn the_challenge_carries_the_downgrade_guard() {
    let plus = |plus| Mechanism::Scram { hash: ScramHash::Sha1, plus };
    let offer = Offer { mechanisms: vec![plus(true), plus(false)], ..offer() };
    assert_eq!(
        offer.advertised(),
        "SCRAM-SHA-1\u{1e}SCRAM-SHA-1-PLUS\u{1f}tls-exporter\u{1e}tls-server-end-point"
    );
    let mut exchange = exchange(plus(false), offer);
    assert!(matches!(exchange.begin(Some(b"n,,n=juliet,r=abc")), Step::NeedCredentials { .. }));
    let Step::Challenge(challenge) = exchange.handle_credentials(Some(&credentials())) else { panic!() };
    // The hash that XEP-0474 prints for this list.
    let expected = "r=abcserver-nonce,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=3,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=";
    assert_eq!(String::from_utf8(challenge).unwrap(), expected);
    assert_eq!(unbound_offer().advertised(), "PLAIN\u{1e}SCRAM-SHA-256");
}

#[test]
fn plain() {
    let check = |message: &[u8], expected: Result<&str, SaslFailure>| {
        let mut exchange = exchange(Mechanism::Plain, offer());
        let mut step = exchange.begin(Some(message));
        if let Step::NeedCredentials { account: wanted } = &step {
            let known = (*wanted == account("juliet")).then(credentials);
            step = exchange.handle_credentials(known.as_ref());
        }
        let expected = match expected {
            Ok(local) => Step::Success { account: account(local), data: vec![] },
            Err(failure) => Step::Failure(failure),
        };
        assert_eq!(step, expected, "{:?}", String::from_utf8_lossy(message));
    };
    check(b"\0juliet\0pencil", Ok("juliet"));
    check(b"juliet@perch.example\0Juliet\0pencil", Ok("juliet"));
    check(b"\0juliet\0Pencil", Err(SaslFailure::NotAuthorized));
    check(b"\0nobody\0pencil", Err(SaslFailure::NotAuthorized));
    check(b"\0no body\0pencil", Err(SaslFailure::NotAuthorized));
    check(b"romeo@perch.example\0juliet\0pencil", Err(SaslFailure::InvalidAuthzid));
    check(b"juliet\0juliet\0pencil", Err(SaslFailure::InvalidAuthzid));
    for malformed in
        [&b""[..], b"juliet", b"\0juliet", b"\0juliet\0", b"\0\0pencil", b"\0juliet\0pen\0cil", b"\0\xff\0x"]
    {
        check(malformed, Err(SaslFailure::MalformedRequest));
    }
}

#[test]
fn external() {
    let check = |identities: &[&str], message: &str, known: bool, expected: Result<&str, SaslFailure>| {
        let identities = identities.iter().map(|local| account(local)).collect();
        let mut exchange = exchange(Mechanism::External, Offer { identities, ..offer() });
        let mut step = exchange.begin(Some(message.as_bytes()));
        if matches!(step, Step::NeedCredentials { .. }) {
            step = exchange.handle_credentials(known.then(Credentials::default).as_ref());
        }
        let expected = match expected {
            Ok(local) => Step::Success { account: account(local), data: vec![] },
            Err(failure) => Step::Failure(failure),
        };
        assert_eq!(step, expected, "{identities:?} {message}", identities = exchange.offer.identities);
    };
    check(&["juliet"], "", true, Ok("juliet"));
    check(&["juliet"], "juliet@perch.example", true, Ok("juliet"));
    check(&["juliet", "nurse"], "nurse@perch.example", true, Ok("nurse"));
    check(&["juliet", "nurse"], "", true, Err(SaslFailure::InvalidAuthzid));
    check(&["juliet"], "romeo@perch.example", true, Err(SaslFailure::InvalidAuthzid));
    check(&["juliet"], "juliet", true, Err(SaslFailure::InvalidAuthzid));
    check(&["juliet"], "", false, Err(SaslFailure::NotAuthorized));
    check(&[], "", true, Err(SaslFailure::InvalidAuthzid));
}

#[test]
fn a_disabled_account_is_named_only_after_the_right_proof() {
    let disabled = Credentials { is_disabled: true, ..credentials() };
    let check = |password: &str, expected| {
        let mut exchange = exchange(Mechanism::Plain, offer());
        exchange.begin(Some(format!("\0juliet\0{password}").as_bytes()));
        assert_eq!(exchange.handle_credentials(Some(&disabled)), Step::Failure(expected));
    };
    check("pencil", SaslFailure::AccountDisabled);
    check("wrong", SaslFailure::NotAuthorized);
}

#[test]
fn an_absent_first_message_is_asked_for() {
    let mut exchange = exchange(Mechanism::Plain, offer());
    assert_eq!(exchange.begin(None), Step::Challenge(vec![]));
    assert!(matches!(exchange.handle_response(b"\0juliet\0pencil"), Step::NeedCredentials { .. }));
}

#[test]
fn whoever_speaks_out_of_turn_fails() {
    let mut exchange = exchange(Mechanism::Plain, offer());
    assert_eq!(exchange.handle_credentials(None), Step::Failure(SaslFailure::MalformedRequest));
    assert_eq!(exchange.handle_response(b"\0juliet\0pencil"), Step::Failure(SaslFailure::MalformedRequest));
}
