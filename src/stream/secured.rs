//! What a finished handshake tells the stream inside it: what SCRAM can bind to, and whom a certificate names.

use perch_address::BareJid;
use perch_xmpp::sasl::channel_binding::EXPORTER_LABEL;
use perch_xmpp::sasl::{ChannelBindings, server_end_point};
use perch_xmpp::stream::Secured;
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

pub(super) fn secured(tls: &TlsStream<TcpStream>, leaf: &CertificateDer<'_>) -> Secured {
    let connection = tls.get_ref().1;
    // RFC 9266 §4.2: with TLS 1.2 the exporter is unique only under the extended master secret, which rustls does not
    // tell of; so it is offered for TLS 1.3 alone.
    let exporter = (connection.protocol_version() == Some(ProtocolVersion::TLSv1_3))
        .then(|| connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")).ok())
        .flatten();
    let identities = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map_or_else(Vec::new, |certificate| addresses(certificate));
    Secured { bindings: ChannelBindings { exporter, end_point: server_end_point(leaf) }, identities }
}

/// The addresses of a verified client certificate: subjectAltName of type id-on-xmppAddr (RFC 6120 §13.7.1.4). The
/// subject's common name is never read.
fn addresses(certificate: &CertificateDer<'_>) -> Vec<BareJid> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let mut found = Vec::new();
    for extension in parsed.extensions() {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else { continue };
        for name in &names.general_names {
            if let GeneralName::OtherName(oid, value) = name
                && oid.to_id_string() == ID_ON_XMPP_ADDR
            {
                found.extend(utf8_string(value).and_then(|text| text.parse::<BareJid>().ok()));
            }
        }
    }
    found
}

const ID_ON_XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";

/// The value is `[0] EXPLICIT UTF8String`; addresses are short, but lengths up to 64 KiB are read.
fn utf8_string(der: &[u8]) -> Option<&str> {
    let inner = unwrap(der, 0xa0)?;
    std::str::from_utf8(unwrap(inner, 0x0c)?).ok()
}

fn unwrap(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    (rest.len() == length).then_some(rest)
}
