//! A client of SIP that is nothing but its connection: what it sends is written out, what comes is text.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA512_256, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Client<S = TcpStream> {
    socket: S,
    rest: Vec<u8>,
    user: String,
    /// Requests that came while something else was waited for.
    put_aside: VecDeque<String>,
    sent: u32,
    /// How it answers the messages that come.
    pub(crate) verdict: &'static str,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, user: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), user)
    }

    /// Connects, and registers.
    pub(crate) async fn register(address: SocketAddr, user: &str) -> Self {
        let mut client = Self::connect(address, user).await;
        let response = client.ask_proven("REGISTER", "sip:localhost", &client.contact(600)).await;
        assert!(response.starts_with("SIP/2.0 200"), "{response}");
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn over(socket: S, user: &str) -> Self {
        let (rest, put_aside) = (Vec::new(), VecDeque::new());
        Self { socket, rest, user: user.to_owned(), put_aside, sent: 0, verdict: "200 OK" }
    }

    pub(crate) fn contact(&self, seconds: u32) -> String {
        format!("Contact: <sip:{}@192.0.2.7:40000;transport=tcp>;expires={seconds}\r\n", self.user)
    }

    /// Sends a request, and gives its final response.
    pub(crate) async fn ask(&mut self, method: &str, uri: &str, headers: &str, body: &str) -> String {
        self.sent += 1;
        let (user, number) = (&self.user, self.sent);
        let to = if method == "REGISTER" { format!("sip:{user}@localhost") } else { uri.to_owned() };
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7:40000;branch=z9hG4bK{user}{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@localhost>;tag=t\r\nTo: <{to}>\r\nCall-ID: c-{user}\r\n\
             CSeq: {number} {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send(&text).await;
        loop {
            let message = self.next().await;
            if message.starts_with("SIP/2.0 1") {
                continue;
            }
            if message.starts_with("SIP/2.0") {
                assert_eq!(header(&message, "CSeq"), Some(&*format!("{number} {method}")), "{message}");
                return message;
            }
            self.take(message).await;
        }
    }

    /// Sends a request that is answered with a challenge, and again with what it asks for.
    pub(crate) async fn ask_proven(&mut self, method: &str, uri: &str, headers: &str) -> String {
        let challenge = self.ask(method, uri, headers, "").await;
        let proof = self.proof(&challenge, method, uri, "secret");
        self.ask(method, uri, &format!("{headers}{proof}"), "").await
    }

    /// The answer to the first, and so the strongest, challenge of a response.
    pub(crate) fn proof(&self, challenge: &str, method: &str, uri: &str, password: &str) -> String {
        assert!(challenge.starts_with("SIP/2.0 401"), "{challenge}");
        let first = header(challenge, "WWW-Authenticate").unwrap();
        assert!(first.contains("SHA-512-256"), "{first}");
        let nonce = first.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let hash = |text: String| -> String {
            digest(&SHA512_256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let user = &self.user;
        let key = hash(format!("{user}:localhost:{password}"));
        let asked = hash(format!("{method}:{uri}"));
        let response = hash(format!("{key}:{nonce}:00000001:c:auth:{asked}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"localhost\", nonce=\"{nonce}\", uri=\"{uri}\", \
             algorithm=SHA-512-256, qop=auth, nc=00000001, cnonce=\"c\", response=\"{response}\"\r\n"
        )
    }

    /// Sends a text, and gives the status line.
    pub(crate) async fn say(&mut self, to: &str, text: &str) -> String {
        let response = self.ask("MESSAGE", to, "Content-Type: text/plain\r\n", text).await;
        response.lines().next().unwrap().to_owned()
    }

    /// The next MESSAGE that comes, which is answered.
    pub(crate) async fn message(&mut self) -> String {
        while self.put_aside.is_empty() {
            let message = self.next().await;
            self.take(message).await;
        }
        self.put_aside.pop_front().unwrap()
    }

    async fn take(&mut self, request: String) {
        assert!(request.starts_with("MESSAGE "), "{request}");
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", header(&request, name).unwrap()));
        let answer = format!("SIP/2.0 {}\r\n{}Content-Length: 0\r\n\r\n", self.verdict, copied.concat());
        self.send(&answer).await;
        self.put_aside.push_back(request);
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next message of either kind.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some(length) = whole(&self.rest) {
                return String::from_utf8(self.rest.drain(..length).collect()).unwrap();
            }
            assert_ne!(self.read().await, 0, "ended behind {}", String::from_utf8_lossy(&self.rest));
        }
    }

    /// Waits for exactly these bytes.
    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        while self.rest.len() < bytes.len() {
            assert_ne!(self.read().await, 0);
        }
        let rest = self.rest.split_off(bytes.len());
        assert_eq!(std::mem::replace(&mut self.rest, rest), bytes);
    }

    /// Waits until the other side closes.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.read().await, 0, "{}", String::from_utf8_lossy(&self.rest));
    }

    async fn read(&mut self) -> usize {
        timeout(PATIENCE, self.socket.read_buf(&mut self.rest)).await.expect("nothing comes").unwrap()
    }
}

/// The value of the first header of that name.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// How long the first message is, if all of it has come.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let length = head + header(text, "Content-Length").unwrap().parse::<usize>().unwrap();
    (bytes.len() >= length).then_some(length)
}

/// Nothing takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);
