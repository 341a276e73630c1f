//! A certificate chain and its private key, read from PEM files and checked to belong together.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;

/// Why files hold no identity.
#[derive(Debug, Error)]
pub enum IdentityError {
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} is no PEM file: {source}", path = path.display())]
    NotPem { path: PathBuf, source: pem::Error },
    #[error("{path} holds no certificate", path = path.display())]
    NoCertificate { path: PathBuf },
    #[error("{path} holds no private key", path = path.display())]
    NoKey { path: PathBuf },
    #[error("{certificate} and {key} do not belong together: {source}", certificate = certificate.display(), key = key.display())]
    Mismatch { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("{path} cannot be written: {source}", path = path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("a certificate cannot be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Where an identity is kept.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What tells two contents of a file apart without reading them.
type Version = Option<(SystemTime, u64)>;

impl Files {
    /// Changes whenever either file does.
    pub(super) fn versions(&self) -> [Version; 2] {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

/// A chain, its leaf first, with the leaf's key.
pub(super) struct Identity(CertifiedKey);

impl Identity {
    pub(super) fn read(files: &Files, provider: &CryptoProvider) -> Result<Self, IdentityError> {
        let chain = read_chain(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| match error {
            pem::Error::NoItemsFound => IdentityError::NoKey { path: files.key.clone() },
            error => pem_error(&files.key, error),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|source| IdentityError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })?;
        Ok(Self(key))
    }

    pub(super) fn leaf(&self) -> &CertificateDer<'static> {
        self.0.cert.first().expect("a chain that was read holds a certificate")
    }

    pub(super) fn into_key(self) -> CertifiedKey {
        self.0
    }
}

/// All certificates of a PEM file, of which there is at least one.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match certificates {
        Ok(chain) if chain.is_empty() => Err(IdentityError::NoCertificate { path: path.into() }),
        Ok(chain) => Ok(chain),
        Err(error) => Err(pem_error(path, error)),
    }
}

fn pem_error(path: &Path, error: pem::Error) -> IdentityError {
    match error {
        pem::Error::Io(source) => IdentityError::Unreadable { path: path.into(), source },
        source => IdentityError::NotPem { path: path.into(), source },
    }
}
