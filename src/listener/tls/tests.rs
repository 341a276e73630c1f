//! Handshakes with a real client, and certificates that change under a running server.

use std::fs;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ProtocolVersion};
use tempfile::TempDir;
use tokio::io::duplex;
use tokio_rustls::TlsConnector;

use super::*;

const TLS12: &[&rustls::SupportedProtocolVersion] = &[&version::TLS12];

struct Scene {
    directory: TempDir,
    clock: Clock,
}

/// What both ends saw of a handshake.
#[derive(Debug)]
struct Seen {
    certificate: CertificateDer<'static>,
    version: ProtocolVersion,
    protocol: Option<Vec<u8>>,
    client_certificates: usize,
}

impl Scene {
    fn new() -> Self {
        // The certificate must be valid for the client's verifier, which looks at the real time.
        Self { directory: tempfile::tempdir().unwrap(), clock: Clock::manual(Clock::system().now()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn self_signed(&self, domains: &[&str]) -> Source {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        let directory = self.directory.path().to_owned();
        Source { identity: IdentitySource::SelfSigned { directory, domains }, client_authorities: None }
    }

    fn load(&self, source: &Source) -> Tls {
        Tls::load(source, &self.clock).unwrap()
    }

    /// Connects as a client that trusts exactly the certificate in `certificate.pem`.
    async fn handshake(&self, tls: &Tls, kind: Kind, name: &str, client: Client) -> Result<Seen, String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("certificate.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(client.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match client.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = client.protocols;
        let (near, far) = duplex(1 << 16);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let served = tls.current();
        let (accepted, connected) = tokio::join!(
            served.acceptor(kind).accept(far),
            TlsConnector::from(Arc::new(config)).connect(name, near)
        );
        let connected = connected.map_err(|error| error.to_string())?;
        let accepted = accepted.map_err(|error| error.to_string())?;
        let (_, client) = connected.get_ref();
        let (_, server) = accepted.get_ref();
        Ok(Seen {
            certificate: client.peer_certificates().unwrap()[0].clone(),
            version: server.protocol_version().unwrap(),
            protocol: server.alpn_protocol().map(<[u8]>::to_vec),
            client_certificates: server.peer_certificates().map_or(0, <[_]>::len),
        })
    }
}

/// What a client brings along.
struct Client {
    versions: &'static [&'static rustls::SupportedProtocolVersion],
    protocols: Vec<Vec<u8>>,
    identity: Option<(Vec<CertificateDer<'static>>, rustls::pki_types::PrivateKeyDer<'static>)>,
}

impl Default for Client {
    fn default() -> Self {
        Self { versions: rustls::ALL_VERSIONS, protocols: Vec::new(), identity: None }
    }
}

#[tokio::test]
async fn a_new_server_shows_a_certificate_for_both_of_its_domains() {
    let scene = Scene::new();
    let tls = scene.load(&scene.self_signed(&["perch.example", "rooms.perch.example"]));
    for name in ["perch.example", "rooms.perch.example"] {
        let seen = scene.handshake(&tls, Kind::StartTls, name, Client::default()).await.unwrap();
        assert_eq!(&seen.certificate, tls.current().leaf());
        assert_eq!(seen.version, ProtocolVersion::TLSv1_3);
    }
    assert!(scene.handshake(&tls, Kind::StartTls, "other.example", Client::default()).await.is_err());
}

#[tokio::test]
async fn names_beyond_ascii_and_addresses_are_certified_too() {
    let scene = Scene::new();
    let tls = scene.load(&scene.self_signed(&["bücher.example", "192.0.2.7", "[2001:db8::7]"]));
    for name in ["xn--bcher-kva.example", "192.0.2.7", "2001:db8::7"] {
        scene.handshake(&tls, Kind::StartTls, name, Client::default()).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_protocol_of_clients_is_spoken_inside_direct_tls() {
    let scene = Scene::new();
    let tls = scene.load(&scene.self_signed(&["localhost"]));
    for (offered, expected) in [
        (vec![], Some(None)),
        (vec![b"xmpp-client".to_vec()], Some(Some(b"xmpp-client".to_vec()))),
        (vec![b"h2".to_vec()], None),
    ] {
        let client = Client { protocols: offered.clone(), ..Client::default() };
        let seen = scene.handshake(&tls, Kind::DirectTls, "localhost", client).await;
        assert_eq!(seen.ok().map(|seen| seen.protocol), expected, "{offered:?}");
    }
}

#[tokio::test]
async fn old_clients_of_tls_1_2_are_served() {
    let scene = Scene::new();
    let tls = scene.load(&scene.self_signed(&["localhost"]));
    let client = Client { versions: TLS12, ..Client::default() };
    let seen = scene.handshake(&tls, Kind::StartTls, "localhost", client).await.unwrap();
    assert_eq!(seen.version, ProtocolVersion::TLSv1_2);
}

#[test]
fn the_certificate_is_kept_while_it_fits() {
    let scene = Scene::new();
    let leaf = |domains: &[&str]| scene.load(&scene.self_signed(domains)).current().leaf().clone();
    let first = leaf(&["localhost", "rooms.localhost"]);
    assert_eq!(leaf(&["localhost", "rooms.localhost"]), first);
    assert_eq!(leaf(&["localhost"]), first, "it names more than is needed");
    let wider = leaf(&["localhost", "chat.localhost"]);
    assert_ne!(wider, first);
    scene.clock.advance(Duration::from_secs(11 * 365 * 24 * 60 * 60));
    assert_ne!(leaf(&["localhost", "chat.localhost"]), wider, "its time is over");
}

#[test]
fn the_key_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    scene.load(&scene.self_signed(&["localhost"]));
    let mode = fs::metadata(scene.path("key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let scene = Scene::new();
    let source = scene.self_signed(&["localhost"]);
    let tls = scene.load(&source);
    let before = tls.current();

    fs::write(scene.path("certificate.pem"), "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Identity(IdentityError::NoCertificate { .. }))));
    assert_eq!(tls.current().leaf(), before.leaf());

    fs::remove_file(scene.path("certificate.pem")).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Identity(IdentityError::Unreadable { .. }))));

    scene.load(&source);
    tls.reload().unwrap();
    assert_ne!(tls.current().leaf(), before.leaf());
    let seen = scene.handshake(&tls, Kind::StartTls, "localhost", Client::default()).await.unwrap();
    assert_eq!(&seen.certificate, tls.current().leaf());
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let scene = Scene::new();
    scene.load(&scene.self_signed(&["localhost"]));
    let other = Scene::new();
    other.load(&other.self_signed(&["localhost"]));
    let identity =
        IdentitySource::Files { certificate: scene.path("certificate.pem"), key: other.path("key.pem") };
    let error = Tls::load(&Source { identity, client_authorities: None }, &scene.clock).unwrap_err();
    assert!(matches!(error, TlsError::Identity(IdentityError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let scene = Scene::new();
    let source = scene.self_signed(&["localhost"]);
    let tls = scene.load(&source);
    let before = tls.current().leaf().clone();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(tls.clone().watch(Duration::from_millis(1), stop.clone()));
    // The watcher has looked at the files once it waits.
    tokio::task::yield_now().await;
    fs::remove_file(scene.path("key.pem")).unwrap();
    scene.load(&source);
    let renewed = async {
        while tls.current().leaf() == &before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("noticed");
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn clients_may_show_a_certificate_of_a_known_authority() {
    let scene = Scene::new();
    let mut source = scene.self_signed(&["localhost"]);
    let authority = authority("authority");
    fs::write(scene.path("ca.pem"), authority.pem()).unwrap();
    source.client_authorities = Some(scene.path("ca.pem"));
    let tls = scene.load(&source);

    let seen = scene.handshake(&tls, Kind::DirectTls, "localhost", Client::default()).await.unwrap();
    assert_eq!(seen.client_certificates, 0, "nobody has to");
    let client = Client { identity: Some(client_of(&authority)), ..Client::default() };
    let seen = scene.handshake(&tls, Kind::DirectTls, "localhost", client).await.unwrap();
    assert_eq!(seen.client_certificates, 1);
    // TLS 1.2, because there a client learns during the handshake that it was refused.
    let stranger = client_of(&self::authority("stranger"));
    let client = Client { identity: Some(stranger), versions: TLS12, ..Client::default() };
    scene.handshake(&tls, Kind::DirectTls, "localhost", client).await.unwrap_err();
}

/// A certificate authority of a test's own.
fn authority(name: &str) -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

fn client_of(
    authority: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>,
) -> (Vec<CertificateDer<'static>>, rustls::pki_types::PrivateKeyDer<'static>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, authority).unwrap();
    (vec![certificate.der().clone()], key.into())
}
