//! Transcripts: what a client sends, and every output that follows, in order.

use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::sasl::{Credentials, ScramHash};
use crate::stanza::error::StanzaCondition;
use crate::xml::{Framer, Limits};

const DOMAIN: &str = "perch.example";
const OPEN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                    to='perch.example' version='1.0'>";
const PLAIN_AUTH: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABwZW5jaWw=</auth>";
const WRONG_AUTH: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABwZW4=</auth>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const REGISTER: &str = "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>";

/// A client on a stream whose caller acts as outputs ask.
struct Client {
    negotiation: Negotiation,
    framer: Framer,
}

fn config(starttls: StartTls) -> NegotiationConfig {
    NegotiationConfig {
        domain: DOMAIN.to_owned(),
        starttls,
        mechanisms: vec![
            Mechanism::External,
            Mechanism::Scram { hash: ScramHash::Sha256, plus: true },
            Mechanism::Scram { hash: ScramHash::Sha256, plus: false },
            Mechanism::Plain,
        ],
        registration: false,
        decoy: Decoy { secret: [1; 32], iterations: 2 },
        entrance_limits: None,
        session_limits: None,
        session_features: Vec::new(),
    }
}

fn secured() -> Secured {
    Secured {
        bindings: ChannelBindings { exporter: Some([9; 32]), end_point: Some(vec![8; 32]) },
        identities: vec![],
    }
}

fn juliet() -> BareJid {
    BareJid::new("juliet@perch.example").unwrap()
}

fn credentials() -> Credentials {
    Credentials::derive("pencil", b"0123456789abcdef", 2).unwrap()
}

impl Client {
    fn new(config: NegotiationConfig, secured: Option<Secured>) -> Self {
        let negotiation = Negotiation::new(Arc::new(config), secured, [5; 32]);
        Self { negotiation, framer: Framer::new(Limits::PRE_AUTH) }
    }

    /// A client inside TLS that has proved who it is and was offered the features of a session.
    fn authenticated() -> Self {
        let mut client = Self::new(config(StartTls::Required), Some(secured()));
        client.send(OPEN);
        client.send(PLAIN_AUTH);
        client.negotiation.handle_credentials(Some(&credentials()));
        client.framer.reset();
        client.send(OPEN);
        client
    }

    fn send(&mut self, xml: &str) -> Vec<Output> {
        self.framer.buffer().extend_from_slice(xml.as_bytes());
        let mut outputs = Vec::new();
        while self.negotiation.awaits_peer()
            && let Some(item) = self.framer.next().unwrap()
        {
            outputs.extend(self.negotiation.handle_item(item));
        }
        outputs
    }

    /// Sends and expects bytes only, which are returned.
    fn ask(&mut self, xml: &str) -> String {
        sent(&self.send(xml))
    }
}

/// What was sent, each other output by its name between brackets.
fn sent(outputs: &[Output]) -> String {
    let written = outputs.iter().map(|output| match output {
        Output::Send(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Output::StartTls { proceed } => format!("[starttls {}]", str::from_utf8(proceed).unwrap()),
        Output::Lookup { account, is_costly } => format!("[lookup {account} {is_costly}]"),
        Output::Rejected(failure) => format!("[rejected {failure}]"),
        Output::Authenticated { account, mechanism } => format!("[authenticated {account} {mechanism}]"),
        Output::Restart => "[restart]".to_owned(),
        Output::Register(_) => "[register]".to_owned(),
        Output::Bind { account, wanted } => {
            format!("[bind {account} {}]", wanted.as_ref().map_or("any", FullJid::as_str))
        }
        Output::Resume { account, previd, h } => format!("[resume {account} {previd} {h}]"),
        Output::Close(None) => "[close]".to_owned(),
        Output::Close(Some(failure)) => format!("[close {}]", failure.condition()),
    });
    written.collect()
}

fn error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>\
         [close {condition}]"
    )
}

fn sasl_failure(condition: &str) -> String {
    format!(
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>[rejected {condition}]"
    )
}

#[test]
fn from_starttls_to_a_session() {
    let mut client = Client::new(config(StartTls::Required), None);
    let header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams' from='perch.example' id='";
    let opened = client.ask(OPEN);
    assert!(opened.starts_with(header), "{opened}");
    assert!(opened.ends_with(
        "' version='1.0' xml:lang='en'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\
         <required/></starttls></stream:features>"
    ));
    assert_eq!(client.ask(STARTTLS), "[starttls <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>]");
    assert!(!client.negotiation.awaits_peer());
    assert!(!client.framer.reset());

    client.negotiation.handle_secured(secured());
    let reopened = client.ask(OPEN);
    assert_ne!(opened[..header.len() + IDENTIFIER_BYTES], reopened[..header.len() + IDENTIFIER_BYTES]);
    assert!(reopened.ends_with(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256-PLUS</mechanism>\
         <mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism></mechanisms>\
         <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
         <channel-binding type='tls-server-end-point'/></sasl-channel-binding></stream:features>"
    ));
    assert_eq!(client.ask(PLAIN_AUTH), "[lookup juliet@perch.example true]");
    assert_eq!(
        sent(&client.negotiation.handle_credentials(Some(&credentials()))),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>[authenticated juliet@perch.example PLAIN][restart]"
    );
    client.framer.reset();

    let opened = client.ask(&OPEN.replace("to=", "from='Juliet@perch.example/x' xml:lang='de' to="));
    assert!(opened.contains(" to='juliet@perch.example' "), "{opened}");
    assert!(opened.ends_with(
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
         <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/>\
         <ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/></stream:features>"
    ));
    assert_eq!(client.negotiation.lang(), Some("de"));
    let bind = "<iq type='set' id='b&amp;1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                <resource>bal<![CDATA[cony]]></resource></bind></iq>";
    assert_eq!(client.ask(bind), "[bind juliet@perch.example juliet@perch.example/balcony]");
    let bound = client.negotiation.handle_bound(&juliet().with_resource("balcony").unwrap());
    assert_eq!(
        sent(&bound),
        "<iq id='b&amp;1' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>juliet@perch.example/balcony</jid></bind></iq>"
    );
    assert!(client.negotiation.is_established());
    assert_eq!(client.negotiation.account(), Some(&juliet()));
}

#[test]
fn scram_over_the_stream() {
    let mut client = Client::new(config(StartTls::Required), Some(secured()));
    client.send(OPEN);
    let auth = |data: &str| {
        format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{}</auth>",
            BASE64.encode(data)
        )
    };
    assert_eq!(client.ask(&auth("n,,n=juliet,r=abc")), "[lookup juliet@perch.example false]");
    let challenge = sent(&client.negotiation.handle_credentials(Some(&credentials())));
    assert!(challenge.starts_with("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"), "{challenge}");
    let abort = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    assert_eq!(client.ask(abort), sasl_failure("aborted"));

    client.send(&auth("n,,n=juliet,r=abc"));
    let again = sent(&client.negotiation.handle_credentials(None));
    assert_eq!(challenge.len(), again.len());
    assert_ne!(challenge, again);
    let response = BASE64.encode("c=biws,r=abc,p=cHJvb2Y=");
    let response = format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>");
    assert_eq!(client.ask(&response), sasl_failure("not-authorized"));
}

#[test]
fn an_attempt_without_data_is_asked_for_it() {
    let mut client = Client::new(config(StartTls::Required), Some(secured()));
    client.send(OPEN);
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>";
    assert_eq!(client.ask(auth), "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let response = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGp1bGlldABwZW5jaWw=</response>";
    assert_eq!(client.ask(response), "[lookup juliet@perch.example true]");
    let identity = Secured { identities: vec![juliet()], ..secured() };
    let mut client = Client::new(config(StartTls::Required), Some(identity));
    client.send(OPEN);
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    assert_eq!(client.ask(auth), "[lookup juliet@perch.example false]");
}

#[test]
fn headers_that_are_refused() {
    let check = |header: &str, expected: &str| {
        let answer = Client::new(config(StartTls::Off), None).ask(header);
        assert!(answer.starts_with("<?xml version='1.0'?><stream:stream "), "{answer}");
        assert!(
            answer.contains(&error(expected)) || answer.ends_with(&format!("[close {expected}]")),
            "{answer}"
        );
        answer
    };
    check(&OPEN.replace("perch.example", "other.example"), "host-unknown");
    check(&OPEN.replace("perch.example", ""), "host-unknown");
    check(&OPEN.replace("to='perch.example'", ""), "improper-addressing");
    check(&OPEN.replace("jabber:client", "jabber:server"), "invalid-namespace");
    check(&OPEN.replace("version='1.0'", "version='0.9'"), "unsupported-version");
    let answer = check(&OPEN.replace("version='1.0'", ""), "unsupported-version");
    assert!(!answer.contains(" version='1.0' xml:lang"), "{answer}");
    let accepted =
        Client::new(config(StartTls::Off), None).ask(&OPEN.replace("perch", "PERCH").replace("1.0", "1.7"));
    assert!(accepted.contains("version='1.0' xml:lang='en'><stream:features>"), "{accepted}");
}

#[test]
fn a_restart_keeps_domain_and_account() {
    let check = |header: &str, expected: &str| {
        let mut client = Client::new(config(StartTls::Required), Some(secured()));
        client.send(OPEN);
        client.send(PLAIN_AUTH);
        client.negotiation.handle_credentials(Some(&credentials()));
        client.framer.reset();
        assert!(client.ask(header).ends_with(&format!("[close {expected}]")), "{header}");
    };
    check(&OPEN.replace("perch.example", "other.example"), "host-unknown");
    check(&OPEN.replace("to=", "from='romeo@perch.example' to="), "invalid-from");
    check(&OPEN.replace("to=", "from='@' to="), "invalid-from");
}

#[test]
fn without_tls_only_tls_is_offered_and_accepted() {
    let open = || {
        let mut client =
            Client::new(NegotiationConfig { registration: true, ..config(StartTls::Required) }, None);
        assert!(!client.ask(OPEN).contains("iq-register"));
        client
    };
    assert_eq!(open().ask(PLAIN_AUTH), sasl_failure("encryption-required"));
    assert_eq!(open().ask(REGISTER), error("not-authorized"));
    // What came behind the request in the clear stays in the framer, which says so when it is reset.
    let mut client = open();
    client.send(&format!("{STARTTLS}{PLAIN_AUTH}"));
    assert!(client.framer.reset());
    let refused = client.negotiation.close(StreamCondition::PolicyViolation.into());
    assert_eq!(sent(&refused), error("policy-violation"));
    assert_eq!(client.negotiation.close(StreamCondition::PolicyViolation.into()), []);
}

#[test]
fn tls_is_refused_where_it_is_not_offered() {
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>[close]";
    for (starttls, secured) in [(StartTls::Required, Some(secured())), (StartTls::Off, None)] {
        let mut client = Client::new(config(starttls), secured);
        client.send(OPEN);
        assert_eq!(client.ask(STARTTLS), failure);
    }
}

#[test]
fn what_is_offered_without_tls_has_no_password() {
    let check = |starttls, expected: &str| {
        let mut client = Client::new(config(starttls), None);
        let answer = client.ask(OPEN);
        assert!(answer.ends_with(&format!("<stream:features>{expected}</stream:features>")), "{answer}");
        assert_eq!(client.ask(PLAIN_AUTH), sasl_failure("invalid-mechanism"));
    };
    let scram = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism></mechanisms>";
    check(StartTls::Off, scram);
    check(StartTls::Offered, &format!("{STARTTLS}{scram}"));
}

#[test]
fn attempts_are_bounded() {
    let mut client = Client::new(config(StartTls::Required), Some(secured()));
    client.send(OPEN);
    for _ in 1..5 {
        assert_eq!(client.ask(WRONG_AUTH), "[lookup juliet@perch.example true]");
        assert_eq!(
            sent(&client.negotiation.handle_credentials(Some(&credentials()))),
            sasl_failure("not-authorized")
        );
    }
    client.send(WRONG_AUTH);
    let last = sent(&client.negotiation.handle_credentials(Some(&credentials())));
    assert!(last.starts_with(&sasl_failure("not-authorized")), "{last}");
    assert!(last.ends_with("[close policy-violation]"), "{last}");
    assert_eq!(client.ask(WRONG_AUTH), "");
}

#[test]
fn faulty_attempts() {
    let check = |element: &str, expected: &str| {
        let mut client = Client::new(config(StartTls::Required), Some(secured()));
        client.send(OPEN);
        let element = element.replacen(' ', " xmlns='urn:ietf:params:xml:ns:xmpp-sasl' ", 1);
        assert_eq!(client.ask(&element), expected, "{element}");
    };
    check("<auth />", &sasl_failure("invalid-mechanism"));
    check("<auth mechanism='DIGEST-MD5'/>", &sasl_failure("invalid-mechanism"));
    check("<auth mechanism='EXTERNAL'>=</auth>", &sasl_failure("invalid-mechanism"));
    check("<auth mechanism='PLAIN'>AGp1bGlldABwZW5jaWw</auth>", &sasl_failure("incorrect-encoding"));
    check("<auth mechanism='PLAIN'> AGp1bGlldABwZW5jaWw=</auth>", &sasl_failure("incorrect-encoding"));
    check("<auth mechanism='PLAIN'>=</auth>", &sasl_failure("malformed-request"));
    check("<response />", &sasl_failure("malformed-request"));
    check("<abort />", &sasl_failure("aborted"));
    check("<success />", &error("not-authorized"));
}

#[test]
fn a_store_that_fails_is_no_wrong_password() {
    let mut client = Client::new(config(StartTls::Required), Some(secured()));
    client.send(OPEN);
    client.send(PLAIN_AUTH);
    assert_eq!(sent(&client.negotiation.handle_lookup_failed()), sasl_failure("temporary-auth-failure"));
    assert_eq!(client.ask(PLAIN_AUTH), "[lookup juliet@perch.example true]");
}

#[test]
fn nothing_goes_anywhere_before_authentication() {
    for stanza in [
        "<message to='juliet@perch.example'><body>hi</body></message>",
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        REGISTER,
        "<enable xmlns='urn:xmpp:sm:3'/>",
    ] {
        let mut client = Client::new(config(StartTls::Required), Some(secured()));
        client.send(OPEN);
        assert_eq!(client.ask(stanza), error("not-authorized"), "{stanza}");
    }
}

#[test]
fn strangers_may_register_where_that_is_open() {
    let mut client =
        Client::new(NegotiationConfig { registration: true, ..config(StartTls::Required) }, Some(secured()));
    assert!(client.ask(OPEN).contains("<register xmlns='http://jabber.org/features/iq-register'/>"));
    let outputs = client.send(REGISTER);
    let [Output::Register(stanza)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let answer = crate::stanza::iq_result(stanza, None);
    assert_eq!(sent(&client.negotiation.handle_registered(&answer)), "<iq id='r' type='result'/>");
    assert_eq!(client.ask(&REGISTER.replace("id='r'", "id='r' to='PERCH.example'")), "[register]");
    client.negotiation.handle_registered(&answer);
    assert_eq!(client.ask(PLAIN_AUTH), "[lookup juliet@perch.example true]");
    client.negotiation.handle_credentials(None);
    assert_eq!(client.ask(&REGISTER.replace("id='r'", "id='r' to='other.example'")), error("not-authorized"));
}

#[test]
fn a_stream_without_end_ends() {
    let mut client =
        Client::new(NegotiationConfig { registration: true, ..config(StartTls::Required) }, Some(secured()));
    client.send(OPEN);
    for _ in 2..=MAX_ITEMS {
        assert_eq!(client.ask(REGISTER), "[register]");
        client.negotiation.handle_registered(&Element::new("iq", namespace::CLIENT));
    }
    assert!(client.ask(REGISTER).ends_with("[close policy-violation]"));
}

#[test]
fn binding_a_resource() {
    let check = |request: &str, expected: &str| {
        assert_eq!(Client::authenticated().ask(request), expected, "{request}")
    };
    let bind = |inside: &str| {
        format!("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{inside}</bind></iq>")
    };
    let bad = "<iq id='1' type='error'><error type='modify'>\
               <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    check(&bind(""), "[bind juliet@perch.example any]");
    check(&bind("<resource/>"), "[bind juliet@perch.example any]");
    check(&bind("<resource>Ⅳ</resource>"), "[bind juliet@perch.example juliet@perch.example/IV]");
    check(&bind("<resource>\u{202e}</resource>"), bad);
    check(&bind(&format!("<resource>{}</resource>", "x".repeat(1024))), bad);
    check(&bind("").replace("set", "get"), &error("not-authorized"));
    check("<presence/>", &error("not-authorized"));
    check("<active xmlns='urn:xmpp:csi:0'/>", &error("unsupported-stanza-type"));
    check(PLAIN_AUTH, &error("unsupported-stanza-type"));

    let mut client = Client::authenticated();
    client.send(&bind("<resource>x</resource>"));
    assert_eq!(
        sent(&client.negotiation.handle_bind_refused(StanzaCondition::ResourceConstraint)),
        "<iq id='1' type='error'><error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(client.ask(&bind("")), "[bind juliet@perch.example any]");
}

#[test]
fn resuming_a_session() {
    let resume = "<resume xmlns='urn:xmpp:sm:3' previd='some-id' h='4294967295'/>";
    let mut client = Client::authenticated();
    assert_eq!(client.ask(resume), "[resume juliet@perch.example some-id 4294967295]");
    let failed = client.negotiation.handle_resume_failed(StanzaCondition::ItemNotFound, Some(7));
    assert_eq!(
        sent(&failed),
        "<failed xmlns='urn:xmpp:sm:3' h='7'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    assert_eq!(client.ask(resume), "[resume juliet@perch.example some-id 4294967295]");
    let resumed = client.negotiation.handle_resumed(3);
    assert_eq!(sent(&resumed), "<resumed xmlns='urn:xmpp:sm:3' previd='some-id' h='3'/>");
    assert!(client.negotiation.is_established());

    let check = |element: &str, condition: &str| {
        let expected = format!(
            "<failed xmlns='urn:xmpp:sm:3'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        );
        assert_eq!(Client::authenticated().ask(element), expected);
    };
    check("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", "unexpected-request");
    check("<r xmlns='urn:xmpp:sm:3'/>", "unexpected-request");
    check("<resume xmlns='urn:xmpp:sm:3' previd='some-id'/>", "bad-request");
}

#[test]
fn limits_and_features_of_others_are_announced() {
    let announced = |max_bytes, idle_seconds| Some(AnnouncedLimits { max_bytes, idle_seconds });
    let config = NegotiationConfig {
        entrance_limits: announced(16384, None),
        session_limits: announced(262_144, Some(600)),
        session_features: vec![Element::new("c", namespace::CAPS).with_attribute("ver", "x")],
        ..config(StartTls::Required)
    };
    let mut client = Client::new(config, Some(secured()));
    let entrance =
        "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>16384</max-bytes></limits></stream:features>";
    assert!(client.ask(OPEN).ends_with(entrance));
    client.send(PLAIN_AUTH);
    client.negotiation.handle_credentials(Some(&credentials()));
    client.framer.reset();
    assert!(client.ask(OPEN).ends_with(
        "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes><idle-seconds>600</idle-seconds></limits>\
         <c xmlns='http://jabber.org/protocol/caps' ver='x'/></stream:features>"
    ));
}

#[test]
fn a_failure_before_the_header_opens_the_stream_first() {
    let mut client = Client::new(config(StartTls::Required), None);
    let closed = sent(&client.negotiation.close(StreamCondition::NotWellFormed.into()));
    assert!(closed.starts_with("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "), "{closed}");
    assert!(closed.ends_with(&error("not-well-formed")), "{closed}");
    let mut client = Client::authenticated();
    assert_eq!(
        sent(&client.negotiation.close(StreamCondition::SystemShutdown.into())),
        error("system-shutdown")
    );
}

#[test]
fn a_stream_may_end_at_any_time() {
    let mut client = Client::authenticated();
    assert_eq!(client.ask("</stream:stream>"), "</stream:stream>[close]");
    assert!(!client.negotiation.awaits_peer());
}

#[test]
fn answers_that_nobody_asked_for_end_the_stream() {
    let mut client = Client::new(config(StartTls::Required), Some(secured()));
    client.send(OPEN);
    assert_eq!(sent(&client.negotiation.handle_credentials(None)), error("internal-server-error"));
    assert_eq!(client.negotiation.handle_resumed(0), []);
    assert!(!client.negotiation.is_established());
}

/// Whoever checks passwords on a thread of its own moves the negotiation there.
#[test]
fn a_negotiation_can_be_moved_to_another_thread() {
    fn moves<T: Send + 'static>() {}
    moves::<Negotiation>();
}

proptest::proptest! {
    #[test]
    fn nobody_gets_a_session_without_a_proof(steps in proptest::collection::vec(0..30_usize, 0..40)) {
        let config = NegotiationConfig { registration: true, ..config(StartTls::Required) };
        let mut client = Client::new(config, None);
        let (mut is_secured, mut is_proven) = (false, false);
        for step in steps {
            let outputs = client.step(step);
            is_secured |= client.negotiation.is_secured;
            let is_refused = outputs.iter().any(|output| matches!(output, Output::Rejected(_)));
            is_proven |= outputs.iter().any(|output| matches!(output, Output::Authenticated { .. }));
            let opens = outputs.iter().any(|output| matches!(output, Output::Bind { .. } | Output::Resume { .. }));
            proptest::prop_assert!(is_secured || !is_proven);
            proptest::prop_assert!(!(is_proven && is_refused));
            proptest::prop_assert!(is_proven || !(opens || client.negotiation.is_established()));
        }
    }
}

impl Client {
    /// Answers what the negotiation waits for, well or badly as `step` has it; seldom, what it does not wait for.
    fn step(&mut self, step: usize) -> Vec<Output> {
        let negotiation = &mut self.negotiation;
        match (&negotiation.state, step) {
            (_, 29) => negotiation.handle_bound(&juliet().with_resource("x").unwrap()),
            (_, 28) => negotiation.handle_credentials(Some(&credentials())),
            (State::ExpectHeader, _) => {
                self.framer = Framer::new(Limits::PRE_AUTH);
                self.send(OPEN)
            }
            (State::ExpectHandshake, _) => {
                negotiation.handle_secured(secured());
                Vec::new()
            }
            (State::ExpectCredentials(_), 0..7) => negotiation.handle_lookup_failed(),
            (State::ExpectCredentials(_), _) => {
                negotiation.handle_credentials((step < 20).then(credentials).as_ref())
            }
            (State::ExpectBound(_), _) => negotiation.handle_bound(&juliet().with_resource("x").unwrap()),
            (State::ExpectResumed { .. }, 0..20) => {
                negotiation.handle_resume_failed(StanzaCondition::ItemNotFound, None)
            }
            (State::ExpectResumed { .. }, _) => negotiation.handle_resumed(0),
            (State::ExpectRegistered, _) => {
                negotiation.handle_registered(&Element::new("iq", namespace::CLIENT))
            }
            (_, 0..8) => negotiation.handle_item(item(STARTTLS)),
            (_, 8..16) => negotiation.handle_item(item(PLAIN_AUTH)),
            (_, 16..20) => negotiation.handle_item(item(REGISTER)),
            (_, 20..24) => {
                negotiation.handle_item(item("<resume xmlns='urn:xmpp:sm:3' previd='some-id' h='0'/>"))
            }
            (_, _) => negotiation.handle_item(item(
                "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
            )),
        }
    }
}

/// An item as the gate reads it.
fn item(xml: &str) -> Item {
    let mut framer = Framer::new(Limits::CLIENT);
    framer.buffer().extend_from_slice(OPEN.as_bytes());
    framer.buffer().extend_from_slice(xml.as_bytes());
    framer.next().unwrap();
    framer.next().unwrap().unwrap()
}
