//! The certificate that the server makes for itself, so that TLS works before anybody has thought of it.
//!
//! It is made once and kept: clients that were told to trust it must not be asked again at every start. It is made
//! anew only when it no longer fits the domains or its time is over.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, OtherNameValue,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use tracing::{info, warn};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::identity::{Files, IdentityError, read_chain};
use crate::chat::id::Timestamp;

/// The files in `directory`, made if they are missing or do not serve `domains` now.
pub(super) fn ensure(directory: &Path, domains: &[String], now: Timestamp) -> Result<Files, IdentityError> {
    let files = Files { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") };
    if files.certificate.exists() && files.key.exists() {
        match read_chain(&files.certificate)?.first() {
            Some(leaf) if serves(leaf, domains, now) => return Ok(files),
            _ => warn!(
                certificate = %files.certificate.display(),
                "the self-signed certificate no longer fits and is made anew; clients have to trust the new one"
            ),
        }
    }
    make(&files, domains, now)?;
    info!(certificate = %files.certificate.display(), "a self-signed certificate was made");
    Ok(files)
}

fn make(files: &Files, domains: &[String], now: Timestamp) -> Result<(), IdentityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    if let Some(domain) = domains.first() {
        params.distinguished_name.push(DnType::CommonName, domain.as_str());
    }
    for domain in domains {
        params.subject_alt_names.push(host_name(domain)?);
        // RFC 6120 §13.7.1.4: the name as XMPP writes it, which a host name in ASCII may only resemble.
        let name = OtherNameValue::Utf8String(domain.clone());
        params.subject_alt_names.push(SanType::OtherName((XMPP_ADDRESS.to_vec(), name)));
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = instant(now);
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + LIFETIME;
    let certificate = params.self_signed(&key)?;
    // The key first: a certificate without its key would be taken for complete after a power cut in between.
    write(&files.key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&files.certificate, certificate.pem().as_bytes(), 0o644)
}

/// Whether `leaf` names every domain and is valid now.
fn serves(leaf: &CertificateDer<'_>, domains: &[String], now: Timestamp) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return false };
    let validity = certificate.validity();
    let is_current =
        (validity.not_before.timestamp()..validity.not_after.timestamp()).contains(&(now.0 / 1000));
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let is_named = |domain: &String| {
        names.value.general_names.iter().any(|name| match name {
            GeneralName::DNSName(name) => ascii(domain).as_deref() == Some(*name),
            GeneralName::IPAddress(octets) => address_of(domain).is_some_and(|address| match address {
                IpAddr::V4(address) => address.octets() == *octets,
                IpAddr::V6(address) => address.octets() == *octets,
            }),
            _ => false,
        })
    };
    is_current && domains.iter().all(is_named)
}

fn host_name(domain: &str) -> Result<SanType, IdentityError> {
    if let Some(address) = address_of(domain) {
        return Ok(SanType::IpAddress(address));
    }
    let ascii = ascii(domain).unwrap_or_else(|| domain.to_owned());
    Ok(SanType::DnsName(Ia5String::try_from(ascii)?))
}

/// The domain as DNS and certificates spell it.
fn ascii(domain: &str) -> Option<String> {
    idna::domain_to_ascii(domain).ok()
}

fn address_of(domain: &str) -> Option<IpAddr> {
    domain.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn instant(timestamp: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(timestamp.0 / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Writes beside the file and renames, so that nobody reads half of it.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), IdentityError> {
    let beside = path.with_extension("pem.new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| IdentityError::Unwritable { path: path.into(), source })
}

/// id-on-xmppAddr (RFC 6120 §13.7.1.4).
const XMPP_ADDRESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// Clients whose clock is slow must not find the certificate in their future.
const CLOCK_SKEW: Duration = Duration::DAY;

/// Whoever trusts a self-signed certificate does so by hand, once.
const LIFETIME: Duration = Duration::days(3650);
