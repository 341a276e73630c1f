//! What is understood, what is refused, and in which words.

use super::*;
use crate::auth::Registration;
use crate::listener::tls::IdentitySource;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let mut sheet = Sheet::default();
    sheet.add_file(Path::new("perch.toml"), text);
    sheet.add_environment(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Config::from_sheet(sheet, None).map_err(|faults| faults.0.iter().map(Fault::to_string).collect())
}

fn check_faults(text: &str, expected: &[&str]) {
    let faults = read(text, &[]).expect_err("a faulty configuration");
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault:?} does not begin with {expected:?}");
    }
}

#[test]
fn nothing_said_is_a_server_for_localhost() {
    let config = read("", &[]).unwrap();
    assert_eq!((config.domain.as_str(), config.rooms_domain.as_str()), ("localhost", "rooms.localhost"));
    assert_eq!(config.data_dir, Path::new("./perch-data"));
    assert_eq!(config.listen.xmpp.unwrap().socket.to_string(), "[::]:5222");
    assert_eq!(config.listen.xmpp_tls.unwrap().socket.to_string(), "[::]:5223");
    assert_eq!(config.listen.xmpp_plain, None);
    assert_eq!(config.listen.https.unwrap().socket.to_string(), "[::]:5443");
    assert_eq!(config.listen.sip_tls.unwrap().socket.to_string(), "[::]:5061");
    assert_eq!(config.listen.sip_tcp, None);
    assert_eq!(*config.sip.contact_object, ["GC-1-PersistentChatService-1".into(), "ocschat".into()]);
    assert!(!config.accounts.takes_md5);
    assert_eq!(config.store_url, "sqlite:./perch-data/perch.db");
    let IdentitySource::SelfSigned { domains, .. } = config.tls.identity else {
        panic!("no files were named")
    };
    assert_eq!(domains, ["localhost", "rooms.localhost"]);
    assert_eq!(config.accounts.registration, Registration::Off);
    assert_eq!(config.rooms.defaults, Settings::default());
}

#[test]
fn everything_can_be_said() {
    let config = read(
        r#"
        [server]
        domain = "Example.ORG"
        rooms_domain = "chat.example.org"
        data_dir = "/var/lib/perch"
        [listen]
        xmpp = "127.0.0.1:0"
        xmpp_tls = "off"
        xmpp_plain = "[::1]:5280"
        xmpp_server = "off"
        https = "127.0.0.1:8443"
        sip_tls = "off"
        sip_tcp = "127.0.0.1:5060"
        [sip]
        trusted = ["FE1.example.org"]
        digest_md5 = true
        [tls]
        certificate = "c.pem"
        key = "k.pem"
        client_ca = "ca.pem"
        [store]
        url = "sqlite:/srv/log.db"
        [bus]
        url = "local"
        [accounts]
        registration = "open"
        admins = ["alice@example.org"]
        [rooms]
        creation = "admins"
        locking = false
        history = 20
        retention_days = 365
        [pool]
        contact_object = ["pchat"]
        [limits]
        connections_before_login = 10
        connections_before_login_per_address = 2
        failed_logins_per_account = 3
        failed_logins_per_address = 4
        stanza_bytes = 10_000
        [compliance]
        journal = true
        [log]
        level = "warn,perch::listener=debug"
        format = "json"
        "#,
        &[],
    )
    .unwrap();
    assert_eq!((config.domain.as_str(), config.rooms_domain.as_str()), ("example.org", "chat.example.org"));
    assert_eq!(config.data_dir, Path::new("/var/lib/perch"));
    assert_eq!(config.listen.xmpp.unwrap().socket.port(), 0);
    assert_eq!(config.listen.xmpp_tls, None);
    assert_eq!(config.listen.xmpp_plain.unwrap().socket.to_string(), "[::1]:5280");
    assert_eq!(config.listen.sip_tls, None);
    assert_eq!(config.listen.sip_tcp.unwrap().socket.to_string(), "127.0.0.1:5060");
    assert_eq!(config.sip.trusted, ["fe1.example.org".into()]);
    assert!(config.accounts.takes_md5);
    assert_eq!(config.sip.contact_object, ["pchat".into()]);
    assert_eq!(config.store_url, "sqlite:/srv/log.db");
    assert_eq!(config.tls.client_authorities.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(config.accounts.admins, [BareJid::new("alice@example.org").unwrap()]);
    assert_eq!((config.rooms.creation, config.rooms.defaults.history_max), (Creation::Admins, 20));
    assert!(!config.rooms.locking);
    assert_eq!(config.rooms.defaults.retention_days, Some(365));
    assert_eq!((config.limits.connections.before_login, config.limits.stanza_bytes), (10, 10_000));
    assert!(config.journal);
    assert_eq!(config.log.format, telemetry::Format::Json);
}

#[test]
fn every_fault_is_named_with_its_line_and_what_is_expected() {
    check_faults(
        "[server]\ndomain = \"two words\"\n\n[listen]\nxmpp = 5222\nxmp_tls = \"off\"\n[limits]\nstanza_bytes = 5\n[what]\nx = 1\n",
        &[
            "perch.toml:2: server.domain: expected a domain name such as",
            "perch.toml:5: listen.xmpp: expected an address such as",
            "perch.toml:6: listen.xmp_tls: there is no such key; is listen.xmpp_tls meant?",
            "perch.toml:8: limits.stanza_bytes: expected a number of bytes from 10000",
            "perch.toml:10: what.x: there is no such key",
        ],
    );
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_line() {
    check_faults("[server]\ndomain = \n", &["perch.toml:2: "]);
    check_faults("domain = \"localhost\"", &["perch.toml:1: domain stands outside of any [section]"]);
}

#[test]
fn what_cannot_stand_together_is_refused() {
    for (text, expected) in [
        ("[listen]\nxmpp_plain = \"0.0.0.0:5280\"", "perch.toml:2: listen.xmpp_plain: streams without TLS"),
        ("[listen]\nsip_tcp = \"0.0.0.0:5060\"", "perch.toml:2: listen.sip_tcp: SIP without TLS"),
        ("[sip]\ntrusted = [\"fe.example\"]", "perch.toml:2: sip.trusted: needs tls.client_ca"),
        ("[server]\nrooms_domain = \"localhost\"", "perch.toml:2: server.rooms_domain: rooms need a domain"),
        ("[tls]\ncertificate = \"c.pem\"", "perch.toml:2: tls.certificate: certificate and key are needed"),
        ("[tls]\nkey = \"k.pem\"", "perch.toml:2: tls.key: certificate and key are needed"),
        (
            "[accounts]\nadmins = [\"eve@evil.example\"]",
            "perch.toml:2: accounts.admins: eve@evil.example is no",
        ),
        ("[server]\ndomain = \"[::1]\"", "default: server.rooms_domain: is needed"),
        ("[listen]\nxmpp_server = \"[::]:5269\"", "perch.toml:2: listen.xmpp_server: this version has no"),
        ("[bus]\nurl = \"nats:127.0.0.1\"", "perch.toml:2: bus.url: expected \"local\""),
        (
            "[bus]\nurl = \"nats://127.0.0.1\"\n[pool]\nmember = \"a\"",
            "perch.toml:2: bus.url: members of a pool share a PostgreSQL store",
        ),
        ("[bus]\ntls_ca = \"ca.pem\"", "perch.toml:2: bus.tls_ca: is for a bus with nats://"),
        ("[directory]\nurl = \"http://dc\"", "perch.toml:2: directory.url: expected servers such as"),
        ("[directory]\nurl = \"ldaps://dc\"", "perch.toml:2: directory.base: is needed"),
        (
            "[directory]\nurl = \"ldap://192.0.2.1\"\nbase = \"dc=x\"\nstarttls = false",
            "perch.toml:2: directory.starttls: passwords go to a directory in the clear",
        ),
        (
            "[directory]\nurl = \"ldaps://dc\"\nbase = \"dc=x\"\nbind_dn = \"cn=x\"",
            "perch.toml:2: directory.bind_dn: bind_dn and bind_password_file are needed together",
        ),
        (
            "[directory]\nurl = \"ldaps://dc\"\nbase = \"dc=x\"\n[accounts]\nregistration = \"open\"",
            "perch.toml:2: directory.url: who may register could take the name",
        ),
        (
            "[directory]\nurl = \"ldaps://dc\"\nbase = \"dc=x\"\nuser_filter = \"(uid=\"",
            "perch.toml:4: directory.user_filter: expected a filter",
        ),
        ("[pool]\nmember = \"a.b\"", "perch.toml:2: pool.member: expected up to 20 small letters"),
        ("[pool]\naddress = \"a:b:c\"", "perch.toml:2: pool.address: expected a host"),
        ("[store]\nurl = \"mysql://db/perch\"", "perch.toml:2: store.url: expected \"sqlite:PATH\""),
    ] {
        check_faults(text, &[expected]);
    }
    assert!(read("[listen]\nproxy_protocol = true\nxmpp_plain = \"0.0.0.0:5280\"", &[]).is_ok());
}

#[test]
fn the_environment_stands_over_the_file() {
    let config = read(
        "[server]\ndomain = \"example.org\"\n[compliance]\njournal = true",
        &[
            ("PERCH_SERVER__DOMAIN", "example.net"),
            ("PERCH_COMPLIANCE__JOURNAL", "false"),
            ("PERCH_ROOMS__HISTORY", "7"),
            ("PERCH_ACCOUNTS__ADMINS", "a@example.net, b@example.net"),
            ("PATH", "/bin"),
            ("PERCH_UNRELATED", "1"),
        ],
    )
    .unwrap();
    assert_eq!(config.domain.as_str(), "example.net");
    assert!(!config.journal);
    assert_eq!(config.rooms.defaults.history_max, 7);
    assert_eq!(config.accounts.admins.len(), 2);
}

#[test]
fn a_fault_of_the_environment_names_the_variable() {
    let faults = read("", &[("PERCH_ROOMS__HISTORY", "many"), ("PERCH_ROOM__HISTORY", "1")]).unwrap_err();
    assert!(faults[0].starts_with("environment variable PERCH_ROOMS__HISTORY: rooms.history: expected"));
    assert!(faults[1].ends_with("room.history: there is no such key; is rooms.history meant?"), "{faults:?}");
}

#[test]
fn the_command_line_decides_on_the_data_directory() {
    let sources = Sources { data_dir: Some("elsewhere".into()), ..Sources::default() };
    let config = Config::load(sources).unwrap();
    assert_eq!(config.data_dir, Path::new("elsewhere"));
    assert_eq!(config.store_url, "sqlite:elsewhere/perch.db");
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let sources = Sources { file: Some("/nowhere/perch.toml".into()), ..Sources::default() };
    let faults = Config::load(sources).unwrap_err().to_string();
    assert!(faults.starts_with("/nowhere/perch.toml:1: the file cannot be read"), "{faults}");
}

#[test]
fn the_manual_describes_every_key_and_no_other() {
    let manual = include_str!("../../docs/configuration.md");
    let described: Vec<_> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key))
        .collect();
    let mut sheet = Sheet::default();
    let _ = section::domains(&mut sheet);
    let _ = section::data_dir(&mut sheet);
    let _ = section::listen(&mut sheet);
    let localhost = BareJid::new("localhost").unwrap();
    let _ = section::tls(&mut sheet, Path::new("."), [&localhost, &localhost]);
    let _ = section::sip(&mut sheet, true);
    let _ = section::store_url(&mut sheet, Path::new("."));
    let bus = section::bus(&mut sheet, "sqlite:perch.db");
    let _ = section::pool(&mut sheet, &bus);
    let _ = section::accounts(&mut sheet, &localhost);
    let _ = directory::directory(&mut sheet, Registration::Off);
    let _ = section::rooms(&mut sheet, "sqlite:perch.db");
    let _ = section::limits(&mut sheet);
    let _ = section::journal(&mut sheet);
    let _ = section::log(&mut sheet);
    section::absent(&mut sheet);
    let known: Vec<_> = sheet.known_keys().collect();
    for key in &known {
        assert!(described.contains(&key.as_str()), "docs/configuration.md does not describe {key}");
    }
    for key in described {
        assert!(
            known.iter().any(|known| known == key),
            "docs/configuration.md describes {key}, which is no key"
        );
    }
}

#[test]
fn the_packaged_example_is_a_good_configuration() {
    let example = include_str!("../../packaging/perch.toml");
    read(example, &[]).unwrap();
    // Each line that is commented out is the default, and would be understood.
    let whole: String =
        example.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
    read(&whole, &[]).unwrap();
}
