//! Asks the running server, over the socket in its data directory.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::net::UnixStream;

use crate::admin::socket;
use crate::admin::wire::messages::{
    Cleared, Clearing, MessagePage, MessageQuery, MessageRemoval, Removed, RoomPage, RoomQuery,
};
use crate::admin::wire::principals::{
    AddressPage, Enrolled, Enrolments, NewPrincipal, PlacedPrincipal, Principal, PrincipalChange,
    PrincipalPage, PrincipalQuery,
};
use crate::admin::wire::{
    Address, MemberWish, NewUser, PoolMember, PoolStatus, Problem, Secret, User, UserChange, UserPage,
};

/// The way to a server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    socket: PathBuf,
}

/// One open connection to it.
#[derive(Debug)]
pub(super) struct Conversation {
    sender: SendRequest<Full<Bytes>>,
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
    #[error("the server broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the server's answer is not understood")]
    NotUnderstood,
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl Client {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { socket: data_dir.join(socket::FILE_NAME) }
    }

    pub(super) async fn connect(&self) -> Result<Conversation, ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| self.unreachable(source))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The connection's own failure also fails the request that waits for it.
        tokio::spawn(connection);
        Ok(Conversation { sender })
    }

    fn unreachable(&self, source: io::Error) -> ClientError {
        let directory = self.socket.parent().unwrap_or(Path::new(".")).to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { directory }
            }
            _ => ClientError::Unreachable { directory, source },
        }
    }
}

impl Conversation {
    pub(super) async fn users(&mut self, after: Option<&str>) -> Result<UserPage, ClientError> {
        let path = match after {
            Some(after) => format!("/v1/users?after={}", escape(after)),
            None => "/v1/users".to_owned(),
        };
        read(self.ask(Method::GET, &path, None::<&()>).await?)
    }

    pub(super) async fn add_user(&mut self, new: &NewUser) -> Result<User, ClientError> {
        read(self.ask(Method::POST, "/v1/users", Some(new)).await?)
    }

    pub(super) async fn change_secret(
        &mut self,
        address: &str,
        secret: &Secret,
    ) -> Result<Address, ClientError> {
        let path = format!("/v1/users/{}/secret", escape(address));
        read(self.ask(Method::PUT, &path, Some(secret)).await?)
    }

    pub(super) async fn change_user(
        &mut self,
        address: &str,
        change: &UserChange,
    ) -> Result<User, ClientError> {
        read(self.ask(Method::PATCH, &format!("/v1/users/{}", escape(address)), Some(change)).await?)
    }

    pub(super) async fn remove_user(&mut self, address: &str) -> Result<Address, ClientError> {
        read(self.ask(Method::DELETE, &format!("/v1/users/{}", escape(address)), None::<&()>).await?)
    }

    pub(super) async fn principals(&mut self, query: &PrincipalQuery) -> Result<PrincipalPage, ClientError> {
        let mut path = "/v1/principals?".to_owned();
        let kind = query.kind.map(|kind| kind.as_str().to_owned());
        for (name, value) in [("kind", &kind), ("words", &query.words), ("after", &query.after)] {
            if let Some(value) = value {
                path.push_str(&format!("{name}={}&", escape(value)));
            }
        }
        read(self.ask(Method::GET, &path, None::<&()>).await?)
    }

    pub(super) async fn principal(&mut self, address: &str) -> Result<PlacedPrincipal, ClientError> {
        read(self.ask(Method::GET, &principal_path(address, ""), None::<&()>).await?)
    }

    pub(super) async fn members_of(
        &mut self,
        group: &str,
        after: Option<&str>,
    ) -> Result<PrincipalPage, ClientError> {
        let path = principal_path(group, &format!("/members{}", after_query(after)));
        read(self.ask(Method::GET, &path, None::<&()>).await?)
    }

    pub(super) async fn users_of(
        &mut self,
        principal: &str,
        after: Option<&str>,
    ) -> Result<AddressPage, ClientError> {
        let path = principal_path(principal, &format!("/users{}", after_query(after)));
        read(self.ask(Method::GET, &path, None::<&()>).await?)
    }

    pub(super) async fn make_principal(&mut self, new: &NewPrincipal) -> Result<Principal, ClientError> {
        read(self.ask(Method::POST, "/v1/principals", Some(new)).await?)
    }

    pub(super) async fn rename_principal(
        &mut self,
        address: &str,
        change: &PrincipalChange,
    ) -> Result<Principal, ClientError> {
        read(self.ask(Method::PATCH, &principal_path(address, ""), Some(change)).await?)
    }

    pub(super) async fn remove_principal(&mut self, address: &str) -> Result<Address, ClientError> {
        read(self.ask(Method::DELETE, &principal_path(address, ""), None::<&()>).await?)
    }

    pub(super) async fn admit(&mut self, group: &str, member: &str) -> Result<Address, ClientError> {
        let path = principal_path(group, &format!("/members/{}", escape(member)));
        read(self.ask(Method::PUT, &path, None::<&()>).await?)
    }

    pub(super) async fn dismiss(&mut self, group: &str, member: &str) -> Result<Address, ClientError> {
        let path = principal_path(group, &format!("/members/{}", escape(member)));
        read(self.ask(Method::DELETE, &path, None::<&()>).await?)
    }

    pub(super) async fn enroll(&mut self, enrolments: &Enrolments) -> Result<Enrolled, ClientError> {
        read(self.ask(Method::POST, "/v1/enrolments", Some(enrolments)).await?)
    }

    pub(super) async fn search_messages(&mut self, query: &MessageQuery) -> Result<MessagePage, ClientError> {
        read(self.ask(Method::POST, "/v1/messages/search", Some(query)).await?)
    }

    pub(super) async fn remove_messages(&mut self, removal: &MessageRemoval) -> Result<Removed, ClientError> {
        read(self.ask(Method::POST, "/v1/messages/remove", Some(removal)).await?)
    }

    pub(super) async fn search_rooms(&mut self, query: &RoomQuery) -> Result<RoomPage, ClientError> {
        read(self.ask(Method::POST, "/v1/rooms/search", Some(query)).await?)
    }

    pub(super) async fn clear_room(
        &mut self,
        room: &str,
        clearing: &Clearing,
    ) -> Result<Cleared, ClientError> {
        read(self.ask(Method::POST, &format!("/v1/rooms/{}/clear", escape(room)), Some(clearing)).await?)
    }

    pub(super) async fn pool(&mut self) -> Result<PoolStatus, ClientError> {
        read(self.ask(Method::GET, "/v1/pool", None::<&()>).await?)
    }

    pub(super) async fn change_member(
        &mut self,
        name: &str,
        wish: &MemberWish,
    ) -> Result<PoolMember, ClientError> {
        read(self.ask(Method::PATCH, &format!("/v1/pool/{}", escape(name)), Some(wish)).await?)
    }

    /// The body of a good answer.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Bytes, ClientError> {
        let body = body.map_or_else(Vec::new, |body| {
            serde_json::to_vec(body).expect("the types of the wire have text for keys")
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .expect("the path was escaped");
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
            return Ok(body);
        }
        Err(ClientError::Refused(read(body)?))
    }
}

fn read<T: DeserializeOwned>(body: Bytes) -> Result<T, ClientError> {
    serde_json::from_slice(&body).map_err(|_| ClientError::NotUnderstood)
}

fn principal_path(address: &str, rest: &str) -> String {
    format!("/v1/principals/{}{rest}", escape(address))
}

fn after_query(after: Option<&str>) -> String {
    after.map_or_else(String::new, |after| format!("?after={}", escape(after)))
}

/// Percent-encodes whatever may mean something in a URI.
fn escape(text: &str) -> String {
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
    }
}
