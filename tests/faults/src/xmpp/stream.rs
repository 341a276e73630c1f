//! One TLS connection, from the handshake to a stream that is signed in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::element::Elements;
use super::scram::{MECHANISM, Scram};
use super::{BIND, CLIENT, Element, SASL, STREAMS, SaltedPassword, escape};
use crate::problem::Problem;

/// Where the server is and whom to trust.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
    address: SocketAddr,
    domain: String,
}

impl Connector {
    /// Trusts the authority in `authority` alone: a wrong certificate fails every test.
    pub(crate) fn new(address: SocketAddr, domain: &str, authority: &Path) -> Result<Self, Problem> {
        let setup = |error: String| Problem::Setup(format!("{}: {error}", authority.display()));
        let certificate =
            CertificateDer::from_pem_file(authority).map_err(|error| setup(error.to_string()))?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).map_err(|error| setup(error.to_string()))?;
        let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), address, domain: domain.to_owned() })
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// A bare connection, from an address of the loopback network that the caller may choose.
    pub(crate) async fn tcp(&self, from: Ipv4Addr) -> Result<TcpStream, Problem> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        let tcp = socket.connect(self.address).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    /// A connection with TLS from the first byte (XEP-0368).
    pub(crate) async fn tls(&self, from: Ipv4Addr) -> Result<TlsStream<TcpStream>, Problem> {
        let name = ServerName::try_from(self.domain.clone())
            .map_err(|error| Problem::Setup(format!("{}: {error}", self.domain)))?;
        Ok(self.tls.connect(name, self.tcp(from).await?).await?)
    }

    /// A stream that is authenticated, but not yet bound or resumed; with the features it offers then.
    pub(crate) async fn authenticate(
        &self,
        user: &str,
        password: &str,
        cache: &mut SaltedPassword,
    ) -> Result<(Stream, Element), Problem> {
        let tls = self.tls(Ipv4Addr::LOCALHOST).await?;
        let mut stream = Stream { tls, elements: Elements::default(), domain: self.domain.clone() };
        let features = stream.open().await?;
        let mechanisms = features.child("mechanisms", SASL);
        if !mechanisms.is_some_and(|list| list.children().any(|one| one.text() == MECHANISM)) {
            return Err(Problem::Refused { what: "authentication", why: format!("no {MECHANISM}") });
        }
        let mut scram = Scram::new(user);
        let auth = format!("<auth xmlns='{SASL}' mechanism='{MECHANISM}'>{}</auth>", scram.first());
        stream.send(&auth).await?;
        let challenge = stream.expect("challenge", SASL).await?;
        let answer = scram.answer(challenge.text(), password, cache)?;
        stream.send(&format!("<response xmlns='{SASL}'>{answer}</response>")).await?;
        let success = stream.expect("success", SASL).await?;
        scram.verify(success.text())?;
        let features = stream.open().await?;
        Ok((stream, features))
    }
}

/// A stream over TLS.
pub(crate) struct Stream {
    tls: TlsStream<TcpStream>,
    elements: Elements,
    domain: String,
}

impl Stream {
    /// Begins the stream, anew after authentication, and returns the features.
    async fn open(&mut self) -> Result<Element, Problem> {
        self.elements = Elements::default();
        let header = format!(
            "<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='{}' version='1.0'>",
            escape(&self.domain)
        );
        self.send(&header).await?;
        self.expect("features", STREAMS).await
    }

    /// Binds a resource of the server's choice and returns the full address.
    pub(crate) async fn bind(&mut self) -> Result<String, Problem> {
        self.send(&format!("<iq type='set' id='bind'><bind xmlns='{BIND}'/></iq>")).await?;
        let reply = self.expect("iq", CLIENT).await?;
        if let Some(why) = reply.error() {
            return Err(Problem::Refused { what: "a resource", why });
        }
        let address = reply.child("bind", BIND).and_then(|bind| bind.child("jid", BIND));
        address
            .map(|jid| jid.text().to_owned())
            .ok_or(Problem::Refused { what: "a resource", why: "no address in the answer".to_owned() })
    }

    pub(crate) async fn send(&mut self, text: &str) -> Result<(), Problem> {
        let write = async {
            self.tls.write_all(text.as_bytes()).await?;
            self.tls.flush().await
        };
        timeout(PATIENCE, write).await.map_err(|_| Problem::Late("room for what is to be sent"))??;
        Ok(())
    }

    /// The next element, whenever it comes. Safe to be given up and called again.
    pub(crate) async fn next(&mut self) -> Result<Element, Problem> {
        loop {
            if let Some(element) = self.elements.next()? {
                if element.is("error", STREAMS) {
                    let why = element.children().next().map_or(String::new(), |one| one.name.clone());
                    return Err(Problem::Refused { what: "the stream", why });
                }
                return Ok(element);
            }
            let mut bytes = [0; 8192];
            match self.tls.read(&mut bytes).await? {
                0 => return Err(Problem::StreamClosed),
                read => self.elements.feed(&bytes[..read]),
            }
        }
    }

    /// The next element, which must be the one named; a failure in its place is told as a refusal.
    pub(crate) async fn expect(&mut self, name: &'static str, namespace: &str) -> Result<Element, Problem> {
        let element = timeout(PATIENCE, self.next()).await.map_err(|_| Problem::Late(name))??;
        if element.is(name, namespace) {
            return Ok(element);
        }
        let why = element.children().next().map_or(String::new(), |one| format!(" with <{}/>", one.name));
        Err(Problem::Refused { what: name, why: format!("<{}/>{why} in its place", element.name) })
    }
}

/// How long a server may take for a step of signing in.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
