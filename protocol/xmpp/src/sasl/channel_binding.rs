//! What ties a SCRAM proof to the TLS session below it, so that nobody can relay it into another.
//!
//! The TLS layer computes two values once the handshake is complete. `tls-exporter` (RFC 9266) is the exported
//! keying material for [`EXPORTER_LABEL`] with an empty context, 32 bytes; it is defined for TLS 1.3, and below
//! that only with the extended master secret. `tls-server-end-point` (RFC 5929 §4) is [`server_end_point`] of the
//! certificate that this session presented.

use aws_lc_rs::digest;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// The channel bindings of one TLS session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-exporter`.
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point`.
    pub end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// Whether there is nothing to bind to.
    pub fn is_empty(&self) -> bool {
        self.exporter.is_none() && self.end_point.is_none()
    }

    /// The registered names of the types that are at hand, strongest first.
    pub fn types(&self) -> impl Iterator<Item = &'static str> {
        let exporter = self.exporter.as_ref().map(|_| TLS_EXPORTER);
        exporter.into_iter().chain(self.end_point.as_ref().map(|_| TLS_SERVER_END_POINT))
    }

    /// The data of the type with that registered name.
    pub fn data(&self, name: &str) -> Option<&[u8]> {
        match name {
            TLS_EXPORTER => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            TLS_SERVER_END_POINT => self.end_point.as_deref(),
            _ => None,
        }
    }
}

/// The secret of a session stays out of logs.
impl std::fmt::Debug for ChannelBindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.types()).finish()
    }
}

/// The `tls-server-end-point` binding of a certificate in DER: its hash by the function of its own signature, or by
/// SHA-256 where that is MD5 or SHA-1. A signature without one hash function (Ed25519) has no such binding.
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signature = &parsed.signature_algorithm;
    let identifier = match SignatureAlgorithm::try_from(signature).ok()? {
        SignatureAlgorithm::RSASSA_PSS(parameters) => parameters.hash_algorithm_oid().to_id_string(),
        _ => signature.algorithm.to_id_string(),
    };
    Some(digest::digest(hash_of(&identifier)?, certificate).as_ref().to_vec())
}

/// The hash function for a signature or, of RSASSA-PSS, for its parameter.
fn hash_of(identifier: &str) -> Option<&'static digest::Algorithm> {
    Some(match identifier {
        // RSA with MD5, RSA with SHA-1, ECDSA with SHA-1, DSA with SHA-1, SHA-1: too weak, so SHA-256 replaces them.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.2.840.10040.4.3"
        | "1.3.14.3.2.26" => &digest::SHA256,
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" | "2.16.840.1.101.3.4.2.4" => &digest::SHA224,
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        _ => return None,
    })
}

/// The label under which the TLS layer exports `tls-exporter`.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
const TLS_EXPORTER: &str = "tls-exporter";
const TLS_SERVER_END_POINT: &str = "tls-server-end-point";

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm as Signature};

    use super::*;

    #[test]
    fn the_end_point_is_hashed_as_the_certificate_was_signed() {
        let check = |signature: &'static Signature, hash: Option<&'static digest::Algorithm>| {
            let key = KeyPair::generate_for(signature).unwrap();
            let parameters = CertificateParams::new(vec!["perch.example".to_owned()]).unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            let expected = hash.map(|hash| digest::digest(hash, certificate.der()).as_ref().to_vec());
            assert_eq!(server_end_point(certificate.der()), expected, "{signature:?}");
        };
        check(&rcgen::PKCS_ECDSA_P256_SHA256, Some(&digest::SHA256));
        check(&rcgen::PKCS_ECDSA_P384_SHA384, Some(&digest::SHA384));
        check(&rcgen::PKCS_ED25519, None);
    }

    #[test]
    fn every_signature_has_its_hash() {
        let check = |identifier: &str, bytes: Option<usize>| {
            assert_eq!(hash_of(identifier).map(|hash| hash.output_len()), bytes, "{identifier}");
        };
        check("1.2.840.113549.1.1.4", Some(32));
        check("1.2.840.113549.1.1.5", Some(32));
        check("1.2.840.113549.1.1.11", Some(32));
        check("1.2.840.113549.1.1.12", Some(48));
        check("1.2.840.113549.1.1.13", Some(64));
        check("1.3.101.112", None);
    }

    #[test]
    fn what_is_no_certificate_has_no_end_point() {
        assert_eq!(server_end_point(b""), None);
        assert_eq!(server_end_point(&[0x30, 0x03, 0x02, 0x01, 0x00]), None);
    }

    #[test]
    fn bindings_are_known_by_their_registered_names() {
        let bindings = ChannelBindings { exporter: Some([1; 32]), end_point: Some(vec![2; 32]) };
        assert_eq!(bindings.types().collect::<Vec<_>>(), ["tls-exporter", "tls-server-end-point"]);
        assert_eq!(bindings.data("tls-exporter"), Some(&[1; 32][..]));
        assert_eq!(bindings.data("tls-server-end-point"), Some(&[2; 32][..]));
        assert_eq!(bindings.data("tls-unique"), None);
        assert_eq!(format!("{bindings:?}"), r#"["tls-exporter", "tls-server-end-point"]"#);
        assert!(ChannelBindings::default().is_empty());
    }
}
