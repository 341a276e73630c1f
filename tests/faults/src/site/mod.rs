//! A pool over two sites. In the first, commits wait for a standby; the second one's database only follows. The first
//! site is lost, the second takes over, and gives it back: each step as `docs/pool.md` has it, with people that talk
//! before, in between and after.
//!
//! What was acknowledged in the end and had not arrived is lost: that is what such a layout promises, and is measured.
//! No id may be given twice, and nothing else may be lost.

mod histories;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::client::{Door, Habits, Stage};
use crate::crowd::{Crowd, Size};
use crate::outcome::Outcome;
use crate::pool::bus::Bus;
use crate::pool::line::{Line, Passage};
use crate::pool::member::Member;
use crate::pool::node::Node;
use crate::pool::stored_archives;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::StoredArchive;

use self::histories::{Ids, lost};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long people talk before, in between and after, in seconds
    #[arg(long, default_value_t = 8)]
    talk: u64,
    /// How far the second site is behind when the first is lost, in milliseconds
    #[arg(long, default_value_t = 1500)]
    behind_ms: u64,
}

#[derive(Debug, Default, Serialize)]
struct Figures {
    name: &'static str,
    clients: usize,
    /// Acknowledged at the first site, and what was not there at the second.
    acknowledged: usize,
    lost: usize,
    /// From the first acknowledgement that was lost to the loss of the site.
    recovery_point_ms: u64,
    behind_ms: u64,
    /// From the loss of the site: its database takes writes, its members take clients, all clients are in their rooms.
    promoted_ms: u64,
    members_ms: u64,
    clients_ms: u64,
    /// From the end of the last member of the second site until those of the first take clients.
    failback_ms: u64,
    /// The epochs that there were.
    epochs: Vec<String>,
    findings: Vec<String>,
}

/// One site: its members and its bus.
struct Site {
    members: Vec<Member>,
    bus: Bus,
}

struct Sites {
    a1: Node,
    a2: Node,
    b1: Node,
    /// From the database of the first site to that of the second.
    between: Line,
    a: Site,
    b: Site,
}

pub(crate) async fn run(arguments: &Arguments, folder: &Path, size: Size) -> Result<Outcome, Problem> {
    let mut figures =
        Figures { name: "site", clients: size.clients, behind_ms: arguments.behind_ms, ..Figures::default() };
    let mut ids = Ids::default();
    let talk = Duration::from_secs(arguments.talk);
    let mut pool = Sites::start(folder, size).await?;

    // At the first site.
    let crowd = gather(&pool.a, size, folder, "before").await?;
    sleep(talk).await;
    pool.between.set(CUT);
    sleep(Duration::from_millis(arguments.behind_ms)).await;
    let loss = Instant::now();
    let lost_at = pool.lose_a()?;
    let before = crowd.recorder().finish()?.to_owned();
    drop(crowd);

    // Over to the second.
    pool.b1.promote()?;
    figures.promoted_ms = ms(loss);
    pool.b.until_at_work(&mut figures.findings).await?;
    for member in &pool.b.members {
        member.server.ask(&format!("pool activate {}", member.name))?;
    }
    figures.members_ms = ms(loss);
    let crowd = gather(&pool.b, size, folder, "between").await?;
    figures.clients_ms = ms(loss);
    let survived = stored_archives(|statement| pool.b1.ask(statement))?;
    (figures.acknowledged, figures.lost, figures.recovery_point_ms) = lost(&before, &survived, lost_at)?;
    sleep(talk).await;
    judge(crowd, &pool.b1, "between", &mut figures.findings).await?;
    let between = stored_archives(|statement| pool.b1.ask(statement))?;

    // And back.
    let since = Instant::now();
    pool.fail_back().await?;
    figures.failback_ms = ms(since);
    same(&between, &stored_archives(|statement| pool.a1.ask(statement))?, &mut figures.findings);
    let crowd = gather(&pool.a, size, folder, "after").await?;
    sleep(talk).await;
    judge(crowd, &pool.a1, "after", &mut figures.findings).await?;

    for name in ["before", "between", "after"] {
        ids.take_history(name, &history(folder, name))?;
    }
    let stored = stored_archives(|statement| pool.a1.ask(statement))?;
    figures.findings.extend(ids.given_twice());
    figures.epochs = histories::epochs(&stored);
    if figures.epochs.len() != 3 {
        figures.findings.push("not every promotion has begun an epoch".to_owned());
    }
    if figures.behind_ms > 0 && figures.lost == 0 {
        figures.findings.push("nothing was lost: that no id is given twice was not tried".to_owned());
    }
    if figures.recovery_point_ms > arguments.behind_ms + SLACK_MS {
        figures.findings.push("more was lost than the second site was behind".to_owned());
    }
    let is_clean = figures.findings.is_empty();
    Ok(Outcome::new(&figures, is_clean))
}

impl Sites {
    async fn start(folder: &Path, size: Size) -> Result<Self, Problem> {
        let of_a = |name: &str| {
            let name_setting = format!("cluster_name={name}");
            Node::prepare(
                folder,
                name,
                &["perch.site=a", "synchronous_standby_names=FIRST 1 (a1, a2)", &name_setting],
            )
        };
        let (mut a1, mut a2) = (of_a("a1")?, of_a("a2")?);
        let mut b1 = Node::prepare(folder, "b1", &["cluster_name=b1"])?;
        a1.make().await?;
        a2.copy(a1.port).await?;
        let between = Line::to(a1.port).await?;
        b1.copy(between.port).await?;
        let ports = [a1.port, a2.port, b1.port];
        let [bus_a, bus_b] = Bus::start_two(folder, ["a", "b"]).await?;
        let a = Site::start(folder, ["a-1", "a-2"], &ports, bus_a).await?;
        let b = Site::start(folder, ["b-1", "b-2"], &ports, bus_b).await?;
        a.members[0].server.add_accounts(&size.accounts())?;
        for member in &b.members {
            member.server.ask(&format!("pool deactivate {}", member.name))?;
        }
        Ok(Self { a1, a2, b1, between, a, b })
    }

    /// All of the first site goes at once. Says when, on the clock of the histories.
    fn lose_a(&mut self) -> Result<u64, Problem> {
        let at = histories::now_ns();
        self.a1.end()?;
        self.a2.end()?;
        self.a.bus.kill()?;
        self.a.members.iter_mut().try_for_each(|member| member.server.kill())?;
        // What was held back is gone with it: the line stays cut.
        self.between.break_all();
        Ok(at)
    }

    /// Nobody writes while the database moves, so that nothing is lost.
    async fn fail_back(&mut self) -> Result<(), Problem> {
        self.b.members.iter_mut().try_for_each(|member| member.server.stop())?;
        self.a1.copy(self.b1.port).await?;
        let written = self.b1.ask("SELECT pg_current_wal_lsn()")?;
        self.a1.until(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'"), "t").await?;
        self.b1.stop()?;
        self.a1.promote()?;
        self.a2.copy(self.a1.port).await?;
        self.a.bus.begin_again().await?;
        for member in &mut self.a.members {
            member.server.start().await?;
        }
        // The second site follows again.
        self.between.set(Passage::OPEN);
        self.b1.copy(self.between.port).await?;
        for member in &mut self.b.members {
            member.server.start().await?;
            member.server.ask(&format!("pool deactivate {}", member.name))?;
        }
        Ok(())
    }
}

impl Site {
    async fn start(
        folder: &Path,
        names: [&'static str; 2],
        ports: &[u16],
        bus: Bus,
    ) -> Result<Self, Problem> {
        let mut members = Vec::new();
        for name in names {
            let mut member = Member::prepare(name, folder, ports, bus.port).await?;
            member.server.start().await?;
            members.push(member);
        }
        Ok(Self { members, bus })
    }

    fn doors(&self) -> Result<Vec<Door>, Problem> {
        self.members.iter().map(Member::door).collect()
    }

    /// Waits until all are at work in a new epoch. Whoever was at work before ends by himself, and is started again, as
    /// whatever looks after servers does.
    async fn until_at_work(&mut self, findings: &mut Vec<String>) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        for member in &mut self.members {
            while !is_at_work(member) {
                if let Some(status) = member.server.ended()? {
                    if status.code() != Some(1) {
                        findings.push(format!("{} ended by itself, {status}", member.name));
                    }
                    member.server.launch()?;
                }
                if Instant::now() > deadline {
                    return Err(Problem::Setup(format!("{}: {}", member.name, member.server.tail())));
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

/// Whether it finds itself alive, in an epoch that is not the first.
fn is_at_work(member: &Member) -> bool {
    let Ok(status) = member.server.ask("pool status --json") else { return false };
    let Ok(status) = serde_json::from_str::<Value>(&status) else { return false };
    let is_alive = |row: &Value| row["asked"] == true && row["alive"] == true;
    status["database"]["epoch"].as_u64() > Some(1)
        && status["members"].as_array().is_some_and(|members| members.iter().any(is_alive))
}

/// Clients that have never seen another site: all that they know is what the pool tells them.
async fn gather(site: &Site, size: Size, folder: &Path, name: &str) -> Result<Crowd, Problem> {
    let habits = Habits {
        history: 0,
        reads: false,
        asks_archive: false,
        rooms: ROOMS_EACH.min(size.rooms),
        ..size.habits
    };
    let recorder = Recorder::create(&history(folder, name))?;
    Crowd::gather(site.doors()?, Size { habits, ..size }, recorder).await
}

fn history(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("history-{name}.jsonl"))
}

/// The checker's verdict on what they saw, beside what the store has of their time.
async fn judge(
    mut crowd: Crowd,
    database: &Node,
    name: &str,
    findings: &mut Vec<String>,
) -> Result<(), Problem> {
    crowd.until(Stage::Present, PATIENCE).await?;
    crowd.fall_silent().await?;
    crowd.read_and_leave().await?;
    let mut stored = stored_archives(|statement| database.ask(statement))?;
    let epoch = histories::epochs(&stored).pop().unwrap_or_default();
    for archive in &mut stored {
        archive.items.retain(|item| item.stanza_id.starts_with(&epoch));
    }
    let report = crowd.judge(name, stored)?;
    if !report.is_clean() {
        findings.push(report.to_json());
    }
    Ok(())
}

/// What was there before it moved is there afterwards, under the same ids.
fn same(before: &[StoredArchive], after: &[StoredArchive], findings: &mut Vec<String>) {
    if histories::items(before) != histories::items(after) {
        findings.push("the way back has lost or changed something".to_owned());
    }
}

fn ms(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

const CUT: Passage = Passage { there: true, back: false };
const ROOMS_EACH: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);
/// Until the line that is cut is seen to be, and from the last look to the end of the site.
const SLACK_MS: u64 = 500;
