//! Asks the running server: over the socket in its data directory, or over HTTPS with a token.

mod messages;
mod pages;
mod principals;
mod remote;

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, IF_MATCH};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use crate::admin::http::PREFIX;
use crate::admin::socket;
use crate::admin::wire::Problem;

pub(super) use pages::every_page;
pub(super) use remote::{Remote, RemoteError};

/// The way to a server.
#[derive(Debug, Clone)]
pub(super) enum Client {
    /// The socket of a server on this machine.
    Socket(PathBuf),
    Remote(Remote),
}

/// One open connection to it.
#[derive(Debug)]
pub(super) struct Conversation {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: Option<String>,
    /// The version that what is changed has to have.
    version: Option<i64>,
}

/// Why the server was not asked, or did not do it.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    #[error(
        "no server is running in {directory}; start one with `perch serve`, or name its directory with --data-dir",
        directory = directory.display()
    )]
    NotRunning { directory: PathBuf },
    #[error("the server in {directory} cannot be asked: {source}", directory = directory.display())]
    Unreachable { directory: PathBuf, source: io::Error },
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("the server broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the server's answer is not understood")]
    NotUnderstood,
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl Client {
    pub(super) fn of_socket(data_dir: &Path) -> Self {
        Self::Socket(data_dir.join(socket::FILE_NAME))
    }

    pub(super) async fn connect(&self) -> Result<Conversation, ClientError> {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(|source| unreachable(path, source))?;
                Conversation::begin(stream, "localhost".to_owned(), None).await
            }
            Self::Remote(remote) => {
                let stream = remote.connect().await?;
                Conversation::begin(stream, remote.host(), Some(remote.token().to_owned())).await
            }
        }
    }
}

fn unreachable(socket: &Path, source: io::Error) -> ClientError {
    let directory = socket.parent().unwrap_or(Path::new(".")).to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning { directory },
        _ => ClientError::Unreachable { directory, source },
    }
}

impl Conversation {
    async fn begin(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        host: String,
        token: Option<String>,
    ) -> Result<Self, ClientError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The connection's own failure also fails the request that waits for it.
        tokio::spawn(connection);
        Ok(Self { sender, host, token, version: None })
    }

    /// From now on, nothing is changed that has another version.
    pub(super) fn only_if(self, version: Option<i64>) -> Self {
        Self { version, ..self }
    }

    pub(super) async fn look<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, NOTHING).await
    }

    /// Puts a request; `path` is behind the prefix, and escaped.
    pub(super) async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = body.map_or_else(Vec::new, |body| {
            serde_json::to_vec(body).expect("the types of the wire have text for keys")
        });
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(version) = self.version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        let request = request.body(Full::from(body)).expect("the path was escaped, and the token looked at");
        // The connection may still be reading the end of the answer before.
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| match error
            .downcast::<hyper::Error>(
        ) {
            Ok(error) => ClientError::Broken(*error),
            Err(error) => {
                debug_assert!(error.is::<LengthLimitError>());
                ClientError::NotUnderstood
            }
        })?;
        let body = body.to_bytes();
        if head.status.is_success() {
            return read(body);
        }
        Err(ClientError::Refused(read(body)?))
    }
}

impl ClientError {
    /// Whether the server refuses whoever asks, whatever it is that he asks for.
    pub(super) fn is_of_rights(&self) -> bool {
        let statuses = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
        matches!(self, Self::Refused(problem) if statuses.contains(&problem.status))
    }
}

fn read<T: DeserializeOwned>(body: Bytes) -> Result<T, ClientError> {
    serde_json::from_slice(&body).map_err(|_| ClientError::NotUnderstood)
}

/// Percent-encodes whatever may mean something in a URI.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A query of those that are given, with its mark.
pub(super) fn query<const N: usize>(parameters: [(&str, Option<String>); N]) -> String {
    let given =
        parameters.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escape(&value?))));
    let query = given.collect::<Vec<_>>().join("&");
    if query.is_empty() { query } else { format!("?{query}") }
}

/// The body of a request that has none.
pub(super) const NOTHING: Option<&()> = None;

/// A page of a thousand users takes a tenth of this.
const ANSWER_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_paths() {
        for (name, expected) in [
            ("alice", "alice"),
            ("a/../b", "a%2F..%2Fb"),
            ("a?b#c&d", "a%3Fb%23c%26d"),
            ("ü@x", "%C3%BC%40x"),
        ] {
            assert_eq!(escape(name), expected);
        }
        assert_eq!(query([("a", None), ("b", None)]), "");
        assert_eq!(query([("a", Some("x&y".into())), ("b", None), ("c", Some("1".into()))]), "?a=x%26y&c=1");
    }
}
