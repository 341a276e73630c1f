//! Reads the sections, one function each: the default, what is expected, and what cannot stand together.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use perch_address::BareJid;

use super::file::{Given, Place, Sheet, Value};
use super::{Creation, Limits, Listen, Pool, Rooms};
use crate::auth::{self, Registration};
use crate::bus;
use crate::chat::administration::level::Level;
use crate::chat::settings::Settings;
use crate::listener;
use crate::listener::tls;
use crate::sip;
use crate::telemetry;

pub(super) fn domains(sheet: &mut Sheet) -> (BareJid, BareJid) {
    let expected = "a domain name such as \"example.org\"";
    let domain = sheet.take("server", "domain", expected, domain_name);
    let rooms = sheet.take("server", "rooms_domain", expected, domain_name);
    let domain = domain.map_or_else(|| prepared("localhost"), |given| given.value);
    match rooms {
        Some(rooms) if rooms.value == domain => {
            sheet.refuse(
                &rooms.place,
                &rooms.key,
                "rooms need a domain of their own, not that of the accounts",
            );
            (domain, rooms.value)
        }
        Some(rooms) => (domain, rooms.value),
        None => {
            let rooms_domain = domain_name(&Value::Text(format!("rooms.{domain}")));
            if rooms_domain.is_none() {
                let reason = "is needed, because \"rooms.\" cannot be put before server.domain";
                sheet.refuse(&Place::Default, "server.rooms_domain", reason);
            }
            (domain, rooms_domain.unwrap_or_else(|| prepared("rooms.localhost")))
        }
    }
}

pub(super) fn data_dir(sheet: &mut Sheet) -> PathBuf {
    let given = sheet.take("server", "data_dir", "the path of a directory", path);
    given.map_or_else(|| PathBuf::from("./perch-data"), |given| given.value)
}

pub(super) fn listen(sheet: &mut Sheet) -> Listen {
    let proxied = sheet.take("listen", "proxy_protocol", "true or false", Value::flag);
    let proxied = proxied.is_some_and(|given| given.value);
    let plain = sheet.take("listen", "xmpp_plain", ADDRESS, address);
    if let Some(given) = &plain
        && let Some(address) = given.value
        && !proxied
        && !address.ip().to_canonical().is_loopback()
    {
        let reason = "streams without TLS are taken on a loopback address only, or from a proxy that ends TLS \
                      (proxy_protocol = true)";
        sheet.refuse(&given.place, &given.key, reason);
    }
    let sip_tcp = sheet.take("listen", "sip_tcp", ADDRESS, address);
    if let Some(given) = &sip_tcp
        && let Some(address) = given.value
        && !address.ip().to_canonical().is_loopback()
    {
        let reason = "SIP without TLS is taken on a loopback address only";
        sheet.refuse(&given.place, &given.key, reason);
    }
    let open = |socket| listener::Address { socket, proxied: false };
    Listen {
        xmpp: listened(sheet, "xmpp", 5222).map(open),
        xmpp_tls: listened(sheet, "xmpp_tls", 5223).map(open),
        xmpp_plain: plain.and_then(|given| given.value).map(|socket| listener::Address { socket, proxied }),
        https: listened(sheet, "https", 5443).map(open),
        sip_tls: listened(sheet, "sip_tls", 5061).map(open),
        sip_tcp: sip_tcp.and_then(|given| given.value).map(open),
    }
}

fn listened(sheet: &mut Sheet, name: &str, port: u16) -> Option<SocketAddr> {
    let everywhere = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    sheet.take("listen", name, ADDRESS, address).map_or(Some(everywhere), |given| given.value)
}

pub(super) fn tls(sheet: &mut Sheet, data_dir: &Path, domains: [&BareJid; 2]) -> tls::Source {
    let certificate = sheet.take("tls", "certificate", PEM, path);
    let key = sheet.take("tls", "key", PEM, path);
    let client_authorities = sheet.take("tls", "client_ca", PEM, path);
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            tls::IdentitySource::Files { certificate: certificate.value, key: key.value }
        }
        (certificate, key) => {
            if let Some(alone) = certificate.or(key) {
                sheet.refuse(&alone.place, &alone.key, "certificate and key are needed together");
            }
            let domains = domains.map(|domain| domain.domain().to_owned()).into();
            tls::IdentitySource::SelfSigned { directory: data_dir.into(), domains }
        }
    };
    tls::Source { identity, client_authorities: client_authorities.map(|given| given.value) }
}

/// `has_authorities`: whether certificates of clients can be verified at all.
pub(super) fn sip(sheet: &mut Sheet, has_authorities: bool) -> sip::Options {
    let expected = "a list of names of front ends such as [\"fe1.example.org\"]";
    let trusted = sheet.take("sip", "trusted", expected, |value| {
        let names = value.texts()?.into_iter().map(|text| domain_name(&Value::Text(text.to_owned())));
        names.collect::<Option<Vec<_>>>()
    });
    if let Some(given) = &trusted
        && !given.value.is_empty()
        && !has_authorities
    {
        let reason = "needs tls.client_ca, by which the certificates of front ends are verified";
        sheet.refuse(&given.place, &given.key, reason);
    }
    let names = trusted.map_or_else(Vec::new, |given| given.value);
    let expected = "a list of users such as [\"GC-1-PersistentChatService-1\"]";
    let aliases = sheet.take("pool", "contact_object", expected, |value| {
        let is_user = |text: &&str| BareJid::from_parts(Some(text), "localhost").is_ok();
        let aliases: Option<Vec<Box<str>>> =
            value.texts()?.into_iter().map(|text| Some(text).filter(is_user).map(Into::into)).collect();
        aliases.filter(|aliases| !aliases.is_empty())
    });
    let usual = || CONTACT_OBJECT.map(Into::into).to_vec();
    sip::Options {
        trusted: names.iter().map(|name| name.domain().into()).collect(),
        contact_object: aliases.map_or_else(usual, |given| given.value),
    }
}

pub(super) fn store_url(sheet: &mut Sheet, data_dir: &Path) -> String {
    let expected = "\"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE\"";
    let given = sheet.take("store", "url", expected, |value| {
        let (engine, place) = value.text()?.split_once(':')?;
        let is_given = !place.trim_start_matches('/').is_empty();
        let is_known =
            engine == "sqlite" || (["postgres", "postgresql"].contains(&engine) && place.starts_with("//"));
        (is_given && is_known).then(|| format!("{engine}:{place}"))
    });
    given.map_or_else(|| format!("sqlite:{}", data_dir.join("perch.db").display()), |given| given.value)
}

pub(super) fn bus(sheet: &mut Sheet, store_url: &str) -> bus::Options {
    let expected = "\"local\", \"postgres\", or addresses such as \"nats://user:password@one.example:4222,two.example\", \
                    with tls:// for TLS";
    let url = sheet.take("bus", "url", expected, |value| bus::Options::parse(value.text()?));
    let authorities = sheet.take("bus", "tls_ca", PEM, path);
    let certificate = sheet.take("bus", "tls_certificate", PEM, path);
    let key = sheet.take("bus", "tls_key", PEM, path);
    let credentials = sheet.take("bus", "credentials", "the path of a .creds file", path);
    if let Some(given) = &url
        && given.value != bus::Options::Local
        && store_url.starts_with("sqlite:")
    {
        let reason = "members of a pool share a PostgreSQL store, and store.url names another";
        sheet.refuse(&given.place, &given.key, reason);
    }
    let mut options = url.map_or(bus::Options::Local, |given| given.value);
    let bus::Options::Nats(nats) = &mut options else {
        for given in [authorities, certificate, key, credentials].into_iter().flatten() {
            sheet.refuse(&given.place, &given.key, "is for a bus with nats:// or tls:// only");
        }
        return options;
    };
    nats.authorities = authorities.map(|given| given.value);
    nats.credentials = credentials.map(|given| given.value);
    nats.identity = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(bus::options::Identity { certificate: certificate.value, key: key.value })
        }
        (certificate, key) => {
            if let Some(alone) = certificate.or(key) {
                sheet.refuse(&alone.place, &alone.key, "tls_certificate and tls_key are needed together");
            }
            None
        }
    };
    options
}

pub(super) fn pool(sheet: &mut Sheet, bus: &bus::Options) -> Pool {
    let name = |value: &Value| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let fits = |text: &&str| (1..=POOL_NAME_MAX).contains(&text.len()) && text.chars().all(is_plain);
        value.text().filter(fits).map(str::to_owned)
    };
    let expected = "up to 20 small letters, digits, - and _";
    let pool = sheet.take("pool", "name", expected, name);
    let member = sheet.take("pool", "member", expected, name);
    let site = sheet.take("pool", "site", "1 to 64 letters and digits, ., _ and -", |value| {
        let name = value.text()?;
        Level::parse(&format!("site:{name}")).map(|_| name.to_owned())
    });
    let address = sheet.take("pool", "address", "a host, and maybe a port: \"one.example.org:5222\"", host);
    if member.is_none() && *bus != bus::Options::Local {
        let reason = "is needed where there is a bus: a name that no other member of the pool has";
        sheet.refuse(&Place::Default, "pool.member", reason);
    }
    let or_perch =
        |given: Option<Given<String>>| given.map_or_else(|| "perch".to_owned(), |given| given.value);
    Pool {
        name: or_perch(pool),
        member: or_perch(member),
        site: site.map(|given| given.value),
        address: address.map(|given| given.value),
    }
}

pub(super) fn accounts(sheet: &mut Sheet, domain: &BareJid) -> auth::Policy {
    let registration =
        sheet.take("accounts", "registration", "\"off\" or \"open\"", |value| match value.text()? {
            "off" => Some(Registration::Off),
            "open" => Some(Registration::Open),
            _ => None,
        });
    let expected = "a list of addresses such as [\"alice@example.org\"]";
    let admins = sheet.take("accounts", "admins", expected, |value| {
        let addresses: Option<Vec<_>> =
            value.texts()?.into_iter().map(|text| BareJid::new(text).ok()).collect();
        addresses.filter(|addresses| addresses.iter().all(|address| address.local().is_some()))
    });
    if let Some(given) = &admins
        && let Some(stranger) = given.value.iter().find(|address| address.domain() != domain.domain())
    {
        let reason = format!("{stranger} is no account of {domain}");
        sheet.refuse(&given.place, &given.key, &reason);
    }
    let per_minute = |sheet: &mut Sheet, name, default| {
        let given = sheet.take("limits", name, "a number from 1 to 100000", |value| positive(value, 100_000));
        given.map_or(default, |given| given.value)
    };
    auth::Policy {
        registration: registration.map_or(Registration::Off, |given| given.value),
        admins: admins.map_or_else(Vec::new, |given| given.value),
        guesses: auth::GuessLimits {
            per_account_and_minute: per_minute(sheet, "failed_logins_per_account", 10),
            per_address_and_minute: per_minute(sheet, "failed_logins_per_address", 60),
        },
        takes_md5: flag(sheet, "sip", "digest_md5"),
    }
}

pub(super) fn rooms(sheet: &mut Sheet, store_url: &str) -> Rooms {
    let creation = sheet.take("rooms", "creation", "\"anyone\", \"creators\" or \"admins\"", |value| {
        match value.text()? {
            "anyone" => Some(Creation::Anyone),
            "creators" => Some(Creation::Creators),
            "admins" => Some(Creation::Admins),
            _ => None,
        }
    });
    let locking = sheet.take("rooms", "locking", "true or false", Value::flag);
    let history = sheet.take("rooms", "history", "a number from 0 to 1000", |value| {
        value.number(1000).and_then(|number| u32::try_from(number).ok())
    });
    let expected = "a number of days from 1 to 36500, or \"off\"";
    let retention = sheet.take("rooms", "retention_days", expected, |value| match value.text() {
        Some("off") => Some(None),
        _ => positive(value, 36_500).map(Some),
    });
    let fallback = Settings::default();
    // Who sets up a pool decides for whom its rooms are; alone one wants to talk at once.
    let is_alone = store_url.starts_with("sqlite:");
    let usual = if is_alone { Creation::Anyone } else { Creation::Creators };
    Rooms {
        creation: creation.map_or(usual, |given| given.value),
        locking: locking.is_none_or(|given| given.value),
        defaults: Settings {
            history_max: history.map_or(fallback.history_max, |given| given.value),
            retention_days: retention.map_or(fallback.retention_days, |given| given.value),
            ..fallback
        },
    }
}

pub(super) fn limits(sheet: &mut Sheet) -> Limits {
    let mut count = |name, default| {
        let given =
            sheet.take("limits", name, "a number from 1 to 1000000", |value| positive(value, 1_000_000));
        given.map_or(default, |given| given.value as usize)
    };
    let connections = listener::Limits {
        before_login: count("connections_before_login", 4096),
        before_login_per_address: count("connections_before_login_per_address", 256),
    };
    // RFC 6120 §13.12: no limit on the size of a stanza may be below 10,000 bytes.
    let expected = "a number of bytes from 10000 to 16777216";
    let stanza_bytes = sheet.take("limits", "stanza_bytes", expected, |value| {
        value.number(16 << 20).filter(|bytes| *bytes >= 10_000).and_then(|bytes| usize::try_from(bytes).ok())
    });
    Limits { connections, stanza_bytes: stanza_bytes.map_or(256 << 10, |given| given.value) }
}

pub(super) fn journal(sheet: &mut Sheet) -> bool {
    flag(sheet, "compliance", "journal")
}

pub(super) fn log(sheet: &mut Sheet) -> telemetry::Log {
    let expected = "\"error\", \"warn\", \"info\", \"debug\" or \"trace\", for parts of the server too: \
                    \"info,perch::listener=debug\"";
    let filter = sheet.take("log", "level", expected, |value| {
        value.text().filter(|text| telemetry::is_filter(text)).map(str::to_owned)
    });
    let format = sheet.take("log", "format", "\"text\" or \"json\"", |value| match value.text()? {
        "text" => Some(telemetry::Format::Text),
        "json" => Some(telemetry::Format::Json),
        _ => None,
    });
    telemetry::Log {
        filter: filter.map_or_else(|| "info".to_owned(), |given| given.value),
        format: format.map_or(telemetry::Format::Text, |given| given.value),
    }
}

/// Keys whose feature this version lacks. They may say that it is off; that it should be on is refused, because a
/// server that starts without what it was told to do looks as if it did it.
pub(super) fn absent(sheet: &mut Sheet) {
    for (section, name, none, feature) in ABSENT {
        let off = |value: &Value| Some(value.text().is_some_and(|text| text == *none));
        if let Some(given) = sheet.take(section, name, "text", off)
            && !given.value
        {
            let reason = format!("this version has no {feature}; leave the key out, or set it to \"{none}\"");
            sheet.refuse(&given.place, &given.key, &reason);
        }
    }
}

/// Section, key, the value that asks for nothing, the feature.
const ABSENT: &[(&str, &str, &str, &str)] = &[("listen", "xmpp_server", "off", "streams between servers")];

/// What the original calls itself, and where its older clients look for it.
const CONTACT_OBJECT: [&str; 2] = ["GC-1-PersistentChatService-1", "ocschat"];

pub(super) const PEM: &str = "the path of a PEM file";

/// PostgreSQL allows 63 bytes for "perch.POOL.member.MEMBER".
const POOL_NAME_MAX: usize = 20;

const ADDRESS: &str = "an address such as \"[::]:5222\" or \"127.0.0.1:5222\", or \"off\"";

/// What is off unless it is said to be on.
fn flag(sheet: &mut Sheet, section: &str, name: &str) -> bool {
    sheet.take(section, name, "true or false", Value::flag).is_some_and(|given| given.value)
}

fn address(value: &Value) -> Option<Option<SocketAddr>> {
    match value.text()? {
        "off" => Some(None),
        text => text.parse().ok().map(Some),
    }
}

pub(super) fn path(value: &Value) -> Option<PathBuf> {
    value.text().filter(|text| !text.is_empty()).map(PathBuf::from)
}

fn host(value: &Value) -> Option<String> {
    let text = value.text()?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let (name, has_port) = match text.rsplit_once(':') {
        // The colons of a bare IPv6 address do not begin a port.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, is_port(port)),
        _ => (text, true),
    };
    (has_port && domain_name(&Value::Text(name.to_owned())).is_some()).then(|| text.to_owned())
}

fn domain_name(value: &Value) -> Option<BareJid> {
    BareJid::new(value.text()?).ok().filter(|address| address.local().is_none())
}

fn prepared(domain: &'static str) -> BareJid {
    BareJid::new(domain).expect("the default domains are prepared")
}

pub(super) fn positive(value: &Value, max: u32) -> Option<u32> {
    value.number(max.into()).filter(|number| *number > 0).and_then(|number| u32::try_from(number).ok())
}
