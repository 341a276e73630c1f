//! A server elsewhere, over TLS that is verified.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[derive(Debug, Clone)]
pub(in crate::cli) struct Remote {
    host: String,
    port: u16,
    name: ServerName<'static>,
    token: String,
    tls: Arc<ClientConfig>,
}

/// Why a server elsewhere was not asked.
#[derive(Debug, Error)]
pub(in crate::cli) enum RemoteError {
    #[error("a server is named as https://HOST or https://HOST:PORT, not as {0}")]
    BadAddress(String),
    #[error("a token is needed beside --server: --token, or PERCH_TOKEN")]
    NoToken,
    #[error("that is no token of a perch server")]
    BadToken,
    #[error("{path}: {reason}", path = path.display())]
    Authorities { path: PathBuf, reason: String },
    #[error("the system has no authorities to trust; name some with --ca")]
    NoAuthorities,
    #[error("{host}:{port} cannot be reached: {source}")]
    Unreachable { host: String, port: u16, source: io::Error },
    #[error("{host}:{port} is not trusted: {source}")]
    NotTrusted { host: String, port: u16, source: io::Error },
    #[error("a TLS configuration cannot be made: {0}")]
    Tls(#[from] rustls::Error),
}

impl Remote {
    /// `authorities`: who vouches for the server; without them, whom the system trusts.
    pub(in crate::cli) fn new(
        address: &str,
        token: Option<String>,
        authorities: Option<&Path>,
    ) -> Result<Self, RemoteError> {
        let bad = || RemoteError::BadAddress(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| bad())?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let host = uri.host().filter(|_| is_bare && uri.scheme_str() == Some("https")).ok_or_else(bad)?;
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned()).map_err(|_| bad())?;
        let token = token.ok_or(RemoteError::NoToken)?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RemoteError::BadToken);
        }
        let roots = match authorities {
            Some(path) => from_file(path)?,
            None => from_system()?,
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let port = uri.port_u16().unwrap_or(HTTPS);
        Ok(Self { host: host.to_owned(), port, name, token, tls: Arc::new(tls) })
    }

    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>, RemoteError> {
        let Self { host, port, .. } = self;
        let reaching = async {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((host, *port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = timeout(PATIENCE, reaching).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        let stream =
            stream.map_err(|source| RemoteError::Unreachable { host: host.clone(), port: *port, source })?;
        let securing = TlsConnector::from(Arc::clone(&self.tls)).connect(self.name.clone(), stream);
        timeout(PATIENCE, securing)
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| RemoteError::NotTrusted { host: host.clone(), port: *port, source })
    }

    /// As a request names it.
    pub(super) fn host(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

fn from_file(path: &Path) -> Result<RootCertStore, RemoteError> {
    let failed = |reason: String| RemoteError::Authorities { path: path.into(), reason };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, RemoteError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(RemoteError::NoAuthorities) } else { Ok(roots) }
}

const HTTPS: u16 = 443;

const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_a_host_name_a_server() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("none.pem");
        for (address, is_good) in [
            ("https://chat.example.org", true),
            ("https://chat.example.org:5443/", true),
            ("https://[::1]:5443", true),
            ("http://chat.example.org", false),
            ("chat.example.org", false),
            ("https://chat.example.org/api", false),
            ("https://", false),
        ] {
            // An address that is good is no reason to stop; the file that is not there is.
            let error = Remote::new(address, Some("perch_x".to_owned()), Some(&file)).unwrap_err();
            assert_eq!(matches!(error, RemoteError::Authorities { .. }), is_good, "{address}: {error}");
        }
    }
}
