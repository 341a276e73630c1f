//! The nats-server of a run.

use std::fs::OpenOptions;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::problem::Problem;
use crate::server::free_port;

pub(crate) struct Bus {
    pub(crate) port: u16,
    /// Beside where it listens.
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Bus {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Problem> {
        let mut bus =
            Self { port: free_port()?, arguments: Vec::new(), log: folder.join("nats.log"), child: None };
        bus.begin_again().await?;
        Ok(bus)
    }

    /// Two that pass on to each other what they hear.
    pub(crate) async fn start_two(folder: &Path, names: [&str; 2]) -> Result<[Self; 2], Problem> {
        let [one, other] = [free_port()?, free_port()?].map(|port| format!("nats://127.0.0.1:{port}"));
        let bus = |name: &str, cluster: &str, route: &str| {
            let arguments = ["--cluster_name", "perch", "--cluster", cluster, "--routes", route];
            let arguments = arguments.map(str::to_owned).to_vec();
            let log = folder.join(format!("nats-{name}.log"));
            Ok::<_, Problem>(Self { port: free_port()?, arguments, log, child: None })
        };
        let mut two = [bus(names[0], &one, &other)?, bus(names[1], &other, &one)?];
        for bus in &mut two {
            bus.begin_again().await?;
        }
        Ok(two)
    }

    pub(crate) async fn begin_again(&mut self) -> Result<(), Problem> {
        let program = PROGRAMS.iter().find(|path| Path::new(path).exists());
        let program = program
            .ok_or_else(|| Problem::NotHere("no nats-server; apt-get install nats-server".to_owned()))?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(program);
        command
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string()])
            .args(&self.arguments)
            .stdin(Stdio::null());
        self.child = Some(command.stdout(log.try_clone()?).stderr(log).spawn()?);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            if self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
                return Err(Problem::Setup(format!("nats-server ended, see {}", self.log.display())));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub(crate) fn kill(&mut self) -> Result<(), Problem> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // As with the servers under test.
        let _ = self.kill();
    }
}

const PROGRAMS: [&str; 3] = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];
