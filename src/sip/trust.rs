//! Whom a connection is from, as its certificate says (RFC 5922): a front end that is trusted to say who its users are.
//!
//! A name is a DNS name, or the host of a SIP URI without a user, among the certificate's subjectAltNames. The common name
//! is never read, and a wildcard is no name.

use perch_sip::uri::{Host, Uri};
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whether a certificate that was verified is one of these front ends'.
pub(super) fn is_trusted(certificate: &CertificateDer<'_>, trusted: &[Box<str>]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    parsed.extensions().iter().any(|extension| {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
            return false;
        };
        names
            .general_names
            .iter()
            .filter_map(name)
            .any(|name| trusted.iter().any(|trusted| trusted.eq_ignore_ascii_case(name)))
    })
}

fn name<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::DNSName(name) => Some(name),
        GeneralName::URI(uri) => match Uri::parse(uri) {
            Ok(Uri::Sip(uri)) if uri.user().is_none() => match uri.host {
                Host::Name(name) => Some(name),
                Host::V4(_) | Host::V6(_) => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn a_front_end_is_known_by_its_alternative_names_alone() {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let uri = |name: &str| SanType::URI(name.try_into().unwrap());
        let check = |names: Vec<SanType>, expected: bool| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, "fe1.example.org");
            params.subject_alt_names = names.clone();
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let trusted = ["fe1.example.org".into()];
            assert_eq!(is_trusted(certificate.der(), &trusted), expected, "{names:?}");
        };
        check(vec![dns("FE1.example.org")], true);
        check(vec![dns("other.example.org"), dns("fe1.example.org")], true);
        check(vec![uri("sip:fe1.example.org")], true);
        check(vec![], false);
        check(vec![dns("*.example.org")], false);
        check(vec![dns("fe1.example.org.evil.example")], false);
        check(vec![uri("sip:user@fe1.example.org")], false);
        check(vec![uri("https://fe1.example.org")], false);
        check(vec![SanType::Rfc822Name("fe1.example.org".try_into().unwrap())], false);
    }
}
