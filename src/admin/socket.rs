//! Serves the administration on a Unix socket in the data directory, to the user that the server runs as.
//!
//! Invariant: nobody else can open the socket, not even for the moment in which it is made.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use thiserror::Error;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// The name of the socket in the data directory.
pub const FILE_NAME: &str = "admin.sock";

/// Why the socket was not made.
#[derive(Debug, Error)]
pub enum SocketError {
    #[error("the path {path} is too long for a socket; choose a data directory with a shorter one", path = path.display())]
    PathTooLong { path: PathBuf },
    #[error("the socket {path} cannot be made: {source}", path = path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

/// The socket, taking connections.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket. The caller holds the lock of the directory: a socket that is there already is left over.
    pub fn bind(directory: &Path) -> Result<Self, SocketError> {
        let path = directory.join(FILE_NAME);
        let private = directory.join(PRIVATE_DIRECTORY);
        if private.join(FILE_NAME).as_os_str().len() > PATH_BYTES_MAX {
            return Err(SocketError::PathTooLong { path });
        }
        let listener =
            open(&private, &path).map_err(|source| SocketError::Unusable { path: path.clone(), source })?;
        Ok(Self { listener, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves until `stop`, then ends what was begun and takes the socket away.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let served = axum::serve(self.listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the administration's socket failed");
        }
        // A socket that nobody serves would only puzzle whoever finds it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds where nobody else can look, closes the socket to others, and only then puts it where clients find it.
fn open(private: &Path, path: &Path) -> io::Result<UnixListener> {
    match fs::remove_dir_all(private) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(private)?;
    let hidden = private.join(FILE_NAME);
    let listener = UnixListener::bind(&hidden)?;
    fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
    fs::rename(&hidden, path)?;
    fs::remove_dir(private)?;
    Ok(listener)
}

/// Where the socket is made.
const PRIVATE_DIRECTORY: &str = "admin.new";

/// What fits into the system's address of a socket, with the zero at its end (Linux: 108).
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_for_its_owner_alone_and_replaces_one_that_was_left() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let socket = Socket::bind(directory.path()).unwrap();
            let mode = fs::metadata(socket.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let names: Vec<_> =
                fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, [FILE_NAME]);
        }
    }

    #[tokio::test]
    async fn a_path_that_no_socket_can_have_is_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(100));
        assert!(matches!(Socket::bind(&deep), Err(SocketError::PathTooLong { .. })));
    }
}
