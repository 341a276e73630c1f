//! PostgreSQL for a run: one alone, a pair whose standby takes over when it is told to, or three that Patroni looks
//! after. All of them child processes of this one, or of those.

use std::path::Path;

use super::node::Node;
use super::patroni::Patroni;
use crate::problem::Problem;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Alone,
    Pair,
    Patroni,
}

pub(crate) enum Database {
    Nodes(Nodes),
    Patroni(Patroni),
}

pub(crate) struct Nodes {
    nodes: Vec<Node>,
    /// Which of the nodes takes writes.
    primary: usize,
}

impl Database {
    pub(crate) async fn start(folder: &Path, layout: Layout) -> Result<Self, Problem> {
        Ok(match layout {
            Layout::Patroni => Self::Patroni(Patroni::start(folder).await?),
            Layout::Alone => Self::Nodes(Nodes::alone(folder).await?),
            Layout::Pair => Self::Nodes(Nodes::pair(folder).await?),
        })
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        match self {
            Self::Nodes(nodes) => nodes.nodes.iter().map(|node| node.port).collect(),
            Self::Patroni(patroni) => patroni.ports(),
        }
    }

    pub(crate) fn has_standby(&self) -> bool {
        self.ports().len() > 1
    }

    /// The primary ends without a word to anybody.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        match self {
            Self::Nodes(nodes) => nodes.nodes[nodes.primary].end(),
            Self::Patroni(patroni) => patroni.end(),
        }
    }

    pub(crate) async fn begin_again(&mut self) -> Result<(), Problem> {
        match self {
            Self::Nodes(nodes) => nodes.nodes[nodes.primary].begin().await,
            // It is started again where it was, or another takes over; either way all of them are there in the end.
            Self::Patroni(patroni) => patroni.until_whole().await,
        }
    }

    /// The primary goes for good, and a standby takes its place. [`Database::follow`] makes a new standby.
    pub(crate) async fn promote(&mut self) -> Result<(), Problem> {
        match self {
            Self::Nodes(nodes) => nodes.promote(),
            Self::Patroni(patroni) => patroni.promote().await,
        }
    }

    pub(crate) async fn follow(&mut self) -> Result<(), Problem> {
        match self {
            Self::Nodes(nodes) => nodes.follow().await,
            Self::Patroni(patroni) => patroni.follow().await,
        }
    }

    /// What the primary answers, columns separated by bars.
    pub(crate) fn ask(&self, statement: &str) -> Result<String, Problem> {
        match self {
            Self::Nodes(nodes) => nodes.nodes[nodes.primary].ask(statement),
            Self::Patroni(patroni) => patroni.ask(statement),
        }
    }
}

impl Nodes {
    async fn alone(folder: &Path) -> Result<Self, Problem> {
        let mut node = Node::prepare(folder, "postgres-1", &[])?;
        node.make().await?;
        Ok(Self { nodes: vec![node], primary: 0 })
    }

    async fn pair(folder: &Path) -> Result<Self, Problem> {
        // One takes the other's place without loss, and says so.
        let node = |name| Node::prepare(folder, name, &["perch.site=one"]);
        let mut pair = Self { nodes: vec![node("postgres-1")?, node("postgres-2")?], primary: 0 };
        pair.nodes[0].make().await?;
        // Set once: the copies have it too, and whichever is promoted waits for the other from the beginning. By the
        // name of whoever follows: a copy in the making (pg_basebackup) would count as any.
        pair.nodes[0].ask("ALTER SYSTEM SET synchronous_standby_names = 'walreceiver'")?;
        pair.nodes[0].ask("SELECT pg_reload_conf()")?;
        pair.follow().await?;
        Ok(pair)
    }

    fn promote(&mut self) -> Result<(), Problem> {
        self.nodes[self.primary].end()?;
        self.primary = 1 - self.primary;
        self.nodes[self.primary].promote()
    }

    /// Makes the other node a copy of the primary, which waits for it from then on.
    async fn follow(&mut self) -> Result<(), Problem> {
        let port = self.nodes[self.primary].port;
        self.nodes[1 - self.primary].copy(port).await?;
        let followers = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.nodes[self.primary].until(followers, "1").await
    }
}
