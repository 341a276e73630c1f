//! A nats-server of a test's own, on a free port of loopback, that can be killed and started again.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use perch::bus::Options;
use perch::bus::options::Nats;

pub(crate) struct NatsServer {
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl NatsServer {
    /// `None`, and a word about it, where no nats-server is installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let mut server = Self::stopped(arguments)?;
        server.restart();
        Some(server)
    }

    pub(crate) fn stopped(arguments: &[&str]) -> Option<Self> {
        if program().is_none() {
            eprintln!("SKIPPED: there is no nats-server; apt-get install nats-server");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Some(Self { port, arguments, process: None })
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        let process = Command::new(program().unwrap())
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string()])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("nats-server does not listen");
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// As the log names it.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How it is reached; `login` stands before the host, with its @.
    pub(crate) fn options(&self, scheme: &str, login: &str) -> Nats {
        let url = format!("{scheme}://{login}127.0.0.1:{}", self.port);
        match Options::parse(&url) {
            Some(Options::Nats(nats)) => *nats,
            other => panic!("{url} is {other:?}"),
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Option<&'static str> {
    ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}
