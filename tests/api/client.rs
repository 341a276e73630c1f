//! A server in this process, and a client that speaks to its HTTPS by hand, so that it can also speak badly.

use std::net::SocketAddr;
use std::sync::Arc;

use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server::{self, Server};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::schema::Document;

pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    tls: Arc<ClientConfig>,
    document: Option<Document>,
    directory: TempDir,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings, as the environment names them.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let quiet = [
            ("PERCH_LISTEN__XMPP", "off"),
            ("PERCH_LISTEN__XMPP_TLS", "off"),
            ("PERCH_LISTEN__HTTPS", "127.0.0.1:0"),
            ("PERCH_LISTEN__SIP_TLS", "off"),
        ];
        let environment = quiet.iter().chain(settings).map(|(name, value)| ((*name).into(), (*value).into()));
        let config = Config::load(Sources {
            data_dir: Some(directory.path().join("data")),
            environment: environment.collect(),
            ..Sources::default()
        })
        .unwrap();
        let server = server::start(config).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(server.tls().certificate_path()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = server.address(Kind::Https).unwrap();
        let mut scene = Self { server, address, tls: Arc::new(tls), document: None, directory };
        let document = scene.ask("GET", "/api/v1/openapi.json", "", None).await;
        scene.document = Some(Document::new(document.body));
        scene
    }

    pub(crate) fn document(&self) -> &Document {
        self.document.as_ref().expect("it was fetched at the start")
    }

    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.unwrap()
    }

    /// Runs `perch` against the socket of this server, and gives what it prints as JSON.
    pub(crate) async fn run(&self, arguments: &str) -> Value {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_perch"));
        command.args(arguments.split_whitespace()).arg("--json").env_clear();
        command.arg("--data-dir").arg(self.directory.path().join("data"));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Where the certificate of this server is.
    pub(crate) fn certificate(&self) -> String {
        self.server.tls().certificate_path().display().to_string()
    }

    /// A token of that account, which is added if it has a role that is no user's.
    pub(crate) async fn token(&self, holder: &str, scopes: &str) -> String {
        let made = self.run(&format!("token new {holder} --scope {scopes}")).await;
        format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap())
    }

    /// One request on a connection of its own. The answer is one that the document allows.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: Option<Value>) -> Answer {
        let content = Line::content(body);
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{content}");
        let answer = self.send(request.as_bytes()).await.expect("an answer");
        if let Some(document) = &self.document {
            document.check(method, path, &answer);
        }
        answer
    }

    /// Whatever bytes; None where the server hangs up without a word.
    pub(crate) async fn send(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = self.connect().await;
        // A server that refuses early need not read to the end.
        let _ = stream.write_all(request).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        Answer::read(&bytes)
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

/// A connection that is kept for the next request, where the server keeps it.
pub(crate) struct Line<'s> {
    scene: &'s Scene,
    stream: Option<TlsStream<TcpStream>>,
}

impl<'s> Line<'s> {
    pub(crate) fn new(scene: &'s Scene) -> Self {
        Self { scene, stream: None }
    }

    /// The end of a request: what tells of its body, and that.
    fn content(body: Option<Value>) -> String {
        let text = body.map_or_else(String::new, |body| body.to_string());
        let kind = if text.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        format!("{kind}Content-Length: {}\r\n\r\n{text}", text.len())
    }

    /// One request, whatever the document says of it.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: Option<Value>,
    ) -> Answer {
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}{}", Self::content(body));
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.scene.connect().await,
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = Answer::whole(&bytes) {
                if answer.header("connection") != Some("close") {
                    self.stream = Some(stream);
                }
                return answer;
            }
            let read = stream.read_buf(&mut bytes).await.unwrap();
            assert!(read > 0, "{method} {target}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}

impl Answer {
    /// The answer, if all of it has come.
    fn whole(bytes: &[u8]) -> Option<Self> {
        let answer = Self::read(bytes)?;
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let length: usize = answer.header("content-length")?.parse().ok()?;
        (bytes.len() >= head + length).then_some(answer)
    }

    /// The first answer in what came.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        Some(Self { status, head: head.to_lowercase(), body })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The name of the problem that it tells of.
    pub(crate) fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().strip_prefix("urn:perch:problem:").unwrap_or_default()
    }
}
