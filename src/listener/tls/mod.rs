//! The server's certificate and how TLS is spoken with it.
//!
//! The files are watched: a renewed certificate serves the next handshake, a broken one leaves the last good one in
//! place. Configuration and certificate change as one value, so that the leaf which a stream binds its channel to
//! is the leaf that its handshake showed.

mod identity;
mod self_signed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::aws_lc_rs::digest;
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{CipherSuite, RootCertStore, ServerConfig, version};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Kind;
use crate::clock::Clock;

pub use identity::IdentityError;

use identity::{Files, Identity};

/// Where the parts of the server's TLS come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub identity: IdentitySource,
    /// The authorities whose clients may sign in by certificate (SASL EXTERNAL); without them none is asked for.
    pub client_authorities: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    /// A certificate of our own making, kept in `directory`, for all of `domains`.
    SelfSigned {
        directory: PathBuf,
        domains: Vec<String>,
    },
}

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{path}: {reason}", path = path.display())]
    ClientAuthorities { path: PathBuf, reason: String },
    #[error("a TLS configuration cannot be made: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The TLS of the server as it is now; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    files: Arc<Files>,
    client_authorities: Option<PathBuf>,
    current: Arc<RwLock<Arc<Served>>>,
}

/// One certificate and the configurations that serve it.
#[derive(Debug)]
pub struct Served {
    upgrade: Arc<ServerConfig>,
    direct: Arc<ServerConfig>,
    https: Arc<ServerConfig>,
    leaf: CertificateDer<'static>,
}

impl Tls {
    /// Reads the certificate, or makes one at the first start.
    pub fn load(source: &Source, clock: &Clock) -> Result<Self, TlsError> {
        let files = match &source.identity {
            IdentitySource::Files { certificate, key } => {
                Files { certificate: certificate.clone(), key: key.clone() }
            }
            IdentitySource::SelfSigned { directory, domains } => {
                self_signed::ensure(directory, domains, clock.now())?
            }
        };
        let served = serve(&files, source.client_authorities.as_deref())?;
        Ok(Self {
            files: Arc::new(files),
            client_authorities: source.client_authorities.clone(),
            current: Arc::new(RwLock::new(Arc::new(served))),
        })
    }

    /// What the next handshake uses.
    pub fn current(&self) -> Arc<Served> {
        Arc::clone(&self.current.read())
    }

    /// Takes what the files hold now; when that is no good, what was served stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let served = serve(&self.files, self.client_authorities.as_deref())?;
        *self.current.write() = Arc::new(served);
        Ok(())
    }

    /// Looks at the files every `interval` and reloads when they changed, until `stop`.
    pub async fn watch(self, interval: Duration, stop: CancellationToken) {
        let mut seen = self.files.versions();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            // Read before the files are: a change in between is seen as one more change.
            let versions = self.files.versions();
            if versions != seen {
                seen = versions;
                self.renew();
            }
        }
    }

    /// Reloads and says in the log how that went.
    pub fn renew(&self) {
        let certificate = self.files.certificate.display();
        match self.reload() {
            Ok(()) => info!(%certificate, "the certificate was read again"),
            Err(error) => error!(%error, "the new certificate is not used; the last good one is"),
        }
    }

    /// Where the certificate is, for whoever wants to trust it.
    pub fn certificate_path(&self) -> &Path {
        &self.files.certificate
    }
}

impl Served {
    /// Accepts the handshake of a connection that began as `kind`.
    pub fn acceptor(&self, kind: Kind) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(match kind {
            Kind::DirectTls => &self.direct,
            Kind::Https => &self.https,
            // SIP has no name of its own among the protocols of RFC 7301.
            Kind::StartTls | Kind::Plain | Kind::SipTls | Kind::SipTcp => &self.upgrade,
        }))
    }

    /// The SHA-256 of the certificate, as clients show it to whoever shall trust it.
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.leaf);
        let bytes: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// The certificate that handshakes of this configuration show (RFC 5929 §4, tls-server-end-point).
    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.leaf
    }
}

fn serve(files: &Files, client_authorities: Option<&Path>) -> Result<Served, TlsError> {
    let provider = Arc::new(provider());
    let identity = Identity::read(files, &provider)?;
    let leaf = identity.leaf().clone();
    let key = Arc::new(SingleCertAndKey::from(identity.into_key()));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
    // No certificate proves anything to the administration, and a browser would ask its user for one.
    let mut https = builder.clone().with_no_client_auth().with_cert_resolver(key.clone());
    https.alpn_protocols = vec![ALPN_HTTP.to_vec()];
    let builder = match client_authorities {
        Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut upgrade = builder.with_cert_resolver(key);
    settle(&mut https)?;
    settle(&mut upgrade)?;
    let mut direct = upgrade.clone();
    direct.alpn_protocols = vec![ALPN_CLIENT.to_vec()];
    Ok(Served { upgrade: Arc::new(upgrade), direct: Arc::new(direct), https: Arc::new(https), leaf })
}

/// What holds for TLS of all kinds.
fn settle(config: &mut ServerConfig) -> Result<(), rustls::Error> {
    // Tickets keep the state of resumption with the client. Each certificate has keys of its own for them: a
    // session resumed across a renewal would bind its channel to a certificate that this side has forgotten.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // The shorter keys first, whatever the client says: the handshake's hash is the one that processors have built in.
    config.ignore_client_order = true;
    // A request sent early can be replayed, and the first thing that a client sends is who it is.
    config.max_early_data_size = 0;
    Ok(())
}

/// AES with 128 bits and SHA-256 before the rest, for both versions of TLS: what is ample for the strength of the
/// certificates and key exchanges, and saves a twentieth of a sign-in.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS13_AES_256_GCM_SHA384 | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => 1,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 2,
        _ => 3,
    });
    provider
}

/// Asks clients for a certificate and checks the one that is shown, but takes clients without one.
fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let failed = |reason: String| TlsError::ClientAuthorities { path: path.into(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in identity::read_chain(path)? {
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| failed(error.to_string()))
}

/// XEP-0368 §3: the protocol of a client's stream.
const ALPN_CLIENT: &[u8] = b"xmpp-client";

/// RFC 7301 §6: HTTP/1.1, and no other.
const ALPN_HTTP: &[u8] = b"http/1.1";

/// A renewal is months ahead of the need for it: a few seconds are soon enough, and cost two look-ups.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
