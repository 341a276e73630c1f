//! One stream of one client: TCP, TLS, and the elements that come.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use perch_xmpp::namespace;
use perch_xmpp::xml::{Element, Framer, Item, Limits};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::host::Address;
use super::pattern::indented;

type Tls = TlsStream<TcpStream>;

pub(super) struct Connection {
    writer: WriteHalf<Tls>,
    incoming: mpsc::Receiver<Incoming>,
    /// What has come and was not looked at.
    waiting: VecDeque<Incoming>,
    reader: tokio::task::AbortHandle,
}

/// What can come.
#[derive(Clone)]
pub(super) enum Incoming {
    /// The stream's header.
    Header,
    Element(Element),
    /// The stream, or the connection, ended.
    End(String),
}

impl fmt::Display for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("a stream\n"),
            Self::Element(element) => f.write_str(&indented(element, 2)),
            Self::End(reason) => writeln!(f, "{reason}"),
        }
    }
}

impl Connection {
    pub(super) async fn open(address: &Address) -> io::Result<Self> {
        let socket = TcpStream::connect(address.socket).await?;
        socket.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&address.tls));
        let name = ServerName::try_from(address.domain.clone()).map_err(io::Error::other)?;
        let (reader, writer) = tokio::io::split(connector.connect(name, socket).await?);
        let (sender, incoming) = mpsc::channel(WAITING_MAX);
        let reader = tokio::spawn(read(reader, sender)).abort_handle();
        Ok(Self { writer, incoming, waiting: VecDeque::new(), reader })
    }

    pub(super) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes()).await?;
        self.writer.flush().await
    }

    /// What came first and was not looked at. `None`: nothing came in time.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        match self.waiting.pop_front() {
            Some(waiting) => Some(waiting),
            None => self.receive().await,
        }
    }

    /// What comes now, behind all that waits.
    pub(super) async fn receive(&mut self) -> Option<Incoming> {
        tokio::time::timeout(PATIENCE, self.incoming.recv()).await.ok().map(|received| {
            received.unwrap_or_else(|| Incoming::End("the stream had ended before".to_owned()))
        })
    }

    /// Puts what was received back behind all that waits.
    pub(super) fn keep(&mut self, incoming: Incoming) {
        self.waiting.push_back(incoming);
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Incoming> {
        self.waiting.iter()
    }

    /// Drops what waits and is such.
    pub(super) fn forget(&mut self, is_such: impl Fn(&Incoming) -> bool) {
        self.waiting.retain(|incoming| !is_such(incoming));
    }

    /// Cuts the connection: no end of the stream, none of TLS.
    pub(super) fn cut(self) {
        self.reader.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(mut socket: ReadHalf<Tls>, sender: mpsc::Sender<Incoming>) {
    let mut framer = Framer::new(LIMITS);
    loop {
        let end = match socket.read_buf(framer.buffer()).await {
            Ok(0) => Some("the connection was closed".to_owned()),
            Ok(_) => None,
            Err(error) => Some(format!("the connection was closed: {error}")),
        };
        let end = match end {
            Some(end) => Some(end),
            None => pass(&mut framer, &sender).await,
        };
        if let Some(end) = end {
            let _ = sender.send(Incoming::End(end)).await;
            return;
        }
    }
}

/// Passes on what is whole; returns why the stream has ended.
async fn pass(framer: &mut Framer, sender: &mpsc::Sender<Incoming>) -> Option<String> {
    loop {
        let incoming = match framer.next() {
            Ok(None) => return None,
            Ok(Some(Item::Open(_))) => Incoming::Header,
            Ok(Some(Item::Element(element))) => {
                if element.is("success", namespace::SASL) {
                    framer.reset();
                }
                Incoming::Element(element)
            }
            Ok(Some(Item::Stanza(stanza))) => {
                let bytes = stanza.to_element().to_bytes(namespace::CLIENT);
                let element = Element::parse(&bytes, namespace::CLIENT);
                Incoming::Element(element.expect("what passed the gate passes it again"))
            }
            Ok(Some(Item::Close)) => return Some("the stream was closed".to_owned()),
            Err(error) => return Some(format!("what came is no stream: {error}")),
        };
        sender.send(incoming).await.ok()?;
    }
}

/// A server may send more at once than it would take.
const LIMITS: Limits = Limits { stanza_bytes_max: 4 << 20, ..Limits::SERVER };

/// Far more than any transcript leaves unread.
const WAITING_MAX: usize = 4096;

/// Nothing takes that long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(10);
