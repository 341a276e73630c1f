//! Connections to the servers of a directory: verified TLS, and a time for everything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tracing::debug;

use crate::directory::ldap::DirectoryError;

/// TLS to servers that the authorities in that file vouch for.
pub(super) fn tls(authorities: &Path) -> Result<Arc<ClientConfig>, DirectoryError> {
    let unusable = |reason: String| DirectoryError::File { path: authorities.into(), reason };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(authorities).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for certificate in certificates.map_err(|error| unusable(error.to_string()))? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

pub(super) async fn open(
    server: &str,
    starts_tls: bool,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Ldap, LdapError> {
    let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECT_TIME);
    settings = settings.set_starttls(starts_tls && server.starts_with("ldap://"));
    if let Some(tls) = tls {
        settings = settings.set_config(tls);
    }
    // The time for a connection does not include what TLS takes.
    let opened = timeout(CONNECT_TIME, LdapConnAsync::with_settings(settings, server)).await;
    let (connection, client) = opened.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    tokio::spawn(async move {
        if let Err(error) = connection.drive().await {
            debug!(%error, "a connection to the directory broke");
        }
    });
    Ok(client)
}

/// For one that does not answer there may be another.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Between a request and the next part of its answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(30);
