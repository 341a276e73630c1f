//! One member of the pool under test, with the lines to what it needs.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::line::{Line, Passage};
use crate::client::Door;
use crate::problem::Problem;
use crate::server::Server;

pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    database: Vec<Line>,
    bus: Line,
    /// What was done to it may have had it taken for dead: then it is right that it ends.
    pub(crate) may_end: bool,
}

/// Which of its lines a member loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Database,
    Bus,
}

impl Member {
    pub(crate) async fn prepare(
        name: &'static str,
        folder: &Path,
        database: &[u16],
        bus: u16,
    ) -> Result<Self, Problem> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let mut server = Server::prepare("perch", &folder)?;
        let mut lines = Vec::new();
        for port in database {
            lines.push(Line::to(*port).await?);
        }
        let bus = Line::to(bus).await?;
        let hosts: Vec<String> = lines.iter().map(|line| format!("127.0.0.1:{}", line.port)).collect();
        server.environment = vec![
            ("PERCH_STORE__URL", format!("postgres://perch@{}/perch", hosts.join(","))),
            // Clients make the rooms.
            ("PERCH_ROOMS__CREATION", "anyone".to_owned()),
            ("PERCH_BUS__URL", format!("nats://127.0.0.1:{}", bus.port)),
            ("PERCH_POOL__MEMBER", name.to_owned()),
        ];
        Ok(Self { name, server, database: lines, bus, may_end: false })
    }

    pub(crate) fn door(&self) -> Result<Door, Problem> {
        Ok(Door { mark: self.mark(), connector: self.server.connector()? })
    }

    /// Ends the names of the sessions that are here.
    pub(crate) fn mark(&self) -> String {
        format!("@{}", self.name)
    }

    pub(crate) fn cut(&self, to: To, passage: Passage) {
        self.lines(to).iter().for_each(|line| line.set(passage));
    }

    /// What was held back arrives late, or, if the line is `broken`, never.
    pub(crate) fn heal(&self, to: To, broken: bool) {
        for line in self.lines(to) {
            if broken {
                line.break_all();
            }
            line.set(Passage::OPEN);
        }
    }

    fn lines(&self, to: To) -> &[Line] {
        match to {
            To::Database => &self.database,
            To::Bus => std::slice::from_ref(&self.bus),
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn end(&mut self, patience: Duration) -> Result<Option<ExitStatus>, Problem> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.server.ended()?;
            if status.is_some() || Instant::now() > deadline {
                return Ok(status);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}
