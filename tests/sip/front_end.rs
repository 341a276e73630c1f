//! Front ends, which are known by their certificates, and say who their users are.

use std::path::Path;
use std::sync::Arc;

use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server::{self, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::{Client, body};
use super::plain::{self, OPEN_ROOM};

const ROOM: &str = "sip:tea@rooms.localhost";

/// What an authority vouches for.
struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(file: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self(Issuer::new(params, key))
    }

    /// A connection of somebody who has a certificate of that name.
    async fn connect(&self, server: &Server, name: &str) -> Client<TlsStream<TcpStream>> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(server.tls().certificate_path()).unwrap()).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let tcp = TcpStream::connect(server.address(Kind::SipTls).unwrap()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        Client::over(connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap(), "bob")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_end_speaks_for_its_users_and_nobody_else_does() {
    let directory = TempDir::new().unwrap();
    let authority = Authority::new(&directory.path().join("ca.pem"));
    let file = directory.path().join("perch.toml");
    let ca = directory.path().join("ca.pem");
    let text = format!(
        "[listen]\nxmpp = \"off\"\nxmpp_tls = \"off\"\nxmpp_plain = \"127.0.0.1:0\"\nhttps = \"off\"\n\
         sip_tls = \"127.0.0.1:0\"\n[tls]\nclient_ca = \"{}\"\n[sip]\ntrusted = [\"fe1.example.org\"]\n",
        ca.display()
    );
    std::fs::write(&file, text).unwrap();
    let data_dir = Some(directory.path().join("data"));
    let config = Config::load(Sources { file: Some(file), data_dir, environment: Vec::new() }).unwrap();
    plain::add_accounts(&config, &["alice", "bob"]).await;
    let server = server::start(config).await.unwrap();

    let mut stranger = authority.connect(&server, "fe2.example.org").await;
    let asserted = "P-Asserted-Identity: <sip:bob@localhost>\r\nContent-Type: text/plain\r\n";
    let response = stranger.ask("MESSAGE", ROOM, asserted, "#join").await;
    assert!(response.starts_with("SIP/2.0 401 "), "{response}");

    let mut alice = plain::Client::begin(server.address(Kind::Plain).unwrap(), "alice", "desk").await;
    alice.join("tea", "Alice").await;
    alice.send(OPEN_ROOM).await;
    alice.read_until("id='open'").await;
    let mut front_end = authority.connect(&server, "fe1.example.org").await;
    let response = front_end.ask("MESSAGE", ROOM, asserted, "#join").await;
    assert!(response.starts_with("SIP/2.0 200 "), "{response}");
    let unknown = "P-Asserted-Identity: <sip:nobody@localhost>\r\nContent-Type: text/plain\r\n";
    let response = front_end.ask("MESSAGE", ROOM, unknown, "#join").await;
    assert!(response.starts_with("SIP/2.0 403 "), "{response}");
    alice.send("<message to='tea@rooms.localhost' type='groupchat'><body>hi</body></message>").await;
    let message = front_end.message().await;
    assert!(message.starts_with("MESSAGE sip:bob@localhost SIP/2.0\r\n"), "{message}");
    assert_eq!(body(&message), "Alice: hi");
}
