//! Does to the pool what the schedule says, and sees how it takes it.

use std::collections::BTreeMap;
use std::time::Duration;

use perch_checker::Phase;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::Arguments;
use super::bus::Bus;
use super::database::Database;
use super::line::Passage;
use super::member::{Member, To};
use super::schedule::{Deck, Kind};
use crate::crowd::Crowd;
use crate::problem::Problem;
use crate::pulse::Sign;

/// The times of the rooms, for each fault of a kind.
type Kinds = BTreeMap<&'static str, Vec<Vec<Duration>>>;

pub(super) struct Nemesis {
    pub(super) database: Database,
    bus: Bus,
    members: Vec<Member>,
    pub(super) recovery: Kinds,
    pub(super) heard: Kinds,
    pub(super) deposed: u32,
    pub(super) findings: Vec<String>,
}

/// A fault whose consequences are still watched.
struct Watched {
    kind: Kind,
    works: u64,
    is_heard: u64,
}

impl Nemesis {
    pub(super) fn new(database: Database, bus: Bus, members: Vec<Member>) -> Self {
        let (recovery, heard) = (Kinds::new(), Kinds::new());
        Self { database, bus, members, recovery, heard, deposed: 0, findings: Vec::new() }
    }

    /// One fault after the other.
    pub(super) async fn torment(
        &mut self,
        crowd: &Crowd,
        arguments: &Arguments,
        seed: u64,
    ) -> Result<(), Problem> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut deck = Deck::new(&arguments.only, self.database.has_standby());
        for _ in 0..arguments.faults {
            let kind = deck.deal(&mut random);
            let kind = kind.ok_or_else(|| Problem::Setup("there is no such kind of fault".to_owned()))?;
            let victim = self.victim(&mut random).await?;
            let works = crowd.recorder().pulse.watch(Sign::Works);
            crowd.recorder().nemesis(kind.name(), Phase::Start);
            self.strike(crowd, (kind, victim), &mut random).await?;
            crowd.recorder().nemesis(kind.name(), Phase::Stop);
            let is_heard = crowd.recorder().pulse.watch(Sign::IsHeard);
            // One fault in four comes before all have got over the one before it.
            let watched = Watched { kind, works, is_heard };
            let patience = if random.random_bool(0.75) { RECOVERY_PATIENCE } else { Duration::ZERO };
            self.outlive(crowd, &watched, patience).await?;
            sleep(random.random_range(Duration::ZERO..TALK_MAX)).await;
        }
        Ok(())
    }

    /// A member that is at work; it is never the only one.
    async fn victim(&mut self, random: &mut StdRng) -> Result<usize, Problem> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            self.revive()?;
            let mut at_work = Vec::new();
            for (n, member) in self.members.iter().enumerate() {
                if member.server.listens().await {
                    at_work.push(n);
                }
            }
            if at_work.len() > 1 {
                return Ok(at_work[random.random_range(0..at_work.len())]);
            }
            if Instant::now() > deadline {
                return Err(Problem::Setup(format!("members do not start: {}", self.tails())));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn strike(
        &mut self,
        crowd: &Crowd,
        (kind, victim): (Kind, usize),
        random: &mut StdRng,
    ) -> Result<(), Problem> {
        let duration = kind.duration(random);
        match kind {
            Kind::Kill => {
                self.members[victim].server.kill()?;
                self.members[victim].server.launch()
            }
            Kind::Freeze => self.freeze(crowd, victim, duration).await,
            Kind::Restart => {
                self.database.end()?;
                // Away for as long as a lease, it may leave everybody dead.
                self.members.iter_mut().for_each(|member| member.may_end |= duration > LONG);
                sleep(duration).await;
                self.database.begin_again().await
            }
            Kind::Promote => {
                self.database.promote().await?;
                self.database.follow().await
            }
            Kind::Bus => {
                self.bus.kill()?;
                sleep(duration).await;
                self.bus.begin_again().await
            }
            Kind::Cut(to, passage) => self.cut(crowd, victim, (to, passage), duration, random).await,
        }
    }

    /// Taken for dead meanwhile, it must write nothing when it wakes, and end.
    async fn freeze(&mut self, crowd: &Crowd, victim: usize, duration: Duration) -> Result<(), Problem> {
        let name = self.members[victim].name;
        let life = self.incarnation(name)?;
        self.members[victim].server.signal(Signal::STOP)?;
        sleep(duration).await;
        let is_dead = self.incarnation(name)? != life;
        self.members[victim].may_end = true;
        crowd.recorder().pulse.begin_quarantine(&self.members[victim].mark());
        self.members[victim].server.signal(Signal::CONT)?;
        self.see_it_end(crowd, victim, is_dead).await
    }

    /// While it does not reach the database, or is not answered, a member must not acknowledge anything.
    async fn cut(
        &mut self,
        crowd: &Crowd,
        victim: usize,
        (to, passage): (To, Passage),
        duration: Duration,
        random: &mut StdRng,
    ) -> Result<(), Problem> {
        let name = self.members[victim].name;
        let life = self.incarnation(name)?;
        self.members[victim].cut(to, passage);
        if to == To::Database {
            // What passes until the line notices is none of the fault's.
            sleep(Duration::from_millis(100)).await;
            crowd.recorder().pulse.begin_quarantine(&self.members[victim].mark());
            self.members[victim].may_end = true;
        }
        sleep(duration).await;
        let is_dead = self.incarnation(name)? != life;
        // One that does not reach the bus alone is not dead: should it end, `revive` says so.
        if !is_dead && to == To::Database {
            self.end_quarantine(crowd, name);
        }
        self.members[victim].heal(to, random.random_bool(0.5));
        if to == To::Database { self.see_it_end(crowd, victim, is_dead).await } else { Ok(()) }
    }

    async fn see_it_end(&mut self, crowd: &Crowd, victim: usize, is_dead: bool) -> Result<(), Problem> {
        let member = &mut self.members[victim];
        let name = member.name;
        if !is_dead {
            self.end_quarantine(crowd, name);
            return Ok(());
        }
        let status = member.end(ZOMBIE_PATIENCE).await?;
        if status.is_none() {
            self.findings.push(format!("{name} was taken for dead and goes on"));
        }
        self.end_quarantine(crowd, name);
        self.revive()
    }

    fn end_quarantine(&mut self, crowd: &Crowd, name: &str) {
        for id in crowd.recorder().pulse.end_quarantine() {
            self.findings.push(format!("{name} acknowledged {id} when it could not know"));
        }
    }

    /// Starts again who has ended.
    fn revive(&mut self) -> Result<(), Problem> {
        for member in &mut self.members {
            let Some(status) = member.server.ended()? else { continue };
            let tail = member.server.tail();
            if std::mem::take(&mut member.may_end) && status.code() == Some(1) {
                self.deposed += 1;
            } else if !tail
                .lines()
                .last()
                .is_some_and(|line| START_FAILED.iter().any(|way| line.starts_with(way)))
            {
                self.findings.push(format!("{} ended by itself, {status}: {tail}", member.name));
            }
            member.server.launch()?;
        }
        Ok(())
    }

    /// Waits until all rooms are of use again to all.
    async fn outlive(&mut self, crowd: &Crowd, watched: &Watched, patience: Duration) -> Result<(), Problem> {
        let pulse = &crowd.recorder().pulse;
        let deadline = Instant::now() + patience;
        let name = watched.kind.name();
        loop {
            self.revive()?;
            let (works, is_heard) = (pulse.times(watched.works), pulse.times(watched.is_heard));
            if Instant::now() < deadline && (works.is_err() || is_heard.is_err()) {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            let figures = [(&works, &mut self.recovery), (&is_heard, &mut self.heard)];
            for (times, kinds) in figures {
                match times {
                    Ok(times) => kinds.entry(name).or_default().push(times.clone()),
                    Err(rooms) if !patience.is_zero() => {
                        let away = crowd.troubles().join("; ");
                        let what = format!("{name}: not of use again: {}; away: {away}", rooms.join("; "));
                        self.findings.push(what);
                    }
                    Err(_) => {}
                }
            }
            pulse.end_watches();
            return Ok(());
        }
    }

    /// Everybody is at work again, and everything is heard.
    pub(super) async fn heal(&mut self, crowd: &Crowd) -> Result<(), Problem> {
        let deadline = Instant::now() + START_PATIENCE;
        for n in 0..self.members.len() {
            while !self.members[n].server.listens().await {
                self.revive()?;
                if Instant::now() > deadline {
                    return Err(Problem::Setup(format!("members do not start: {}", self.tails())));
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        let deadline = Instant::now() + RECOVERY_PATIENCE;
        let watch = crowd.recorder().pulse.watch(Sign::IsHeard);
        while let Err(rooms) = crowd.recorder().pulse.times(watch) {
            if Instant::now() > deadline {
                let away = crowd.troubles().join("; ");
                self.findings.push(format!("at the end: not of use: {}; away: {away}", rooms.join("; ")));
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.revive()
    }

    /// All members end, as they should when they are asked to.
    pub(super) async fn stop(&mut self) -> Result<(), Problem> {
        self.revive()?;
        for member in &mut self.members {
            member.server.signal(Signal::TERM)?;
        }
        for member in &mut self.members {
            match member.end(ZOMBIE_PATIENCE).await? {
                Some(status) if status.success() => {}
                ended => self.findings.push(format!("{} did not stop well: {ended:?}", member.name)),
            }
        }
        Ok(())
    }

    fn incarnation(&self, name: &str) -> Result<String, Problem> {
        self.database.ask(&format!("SELECT incarnation FROM member WHERE name = '{name}'"))
    }

    fn tails(&self) -> String {
        let tails = self.members.iter().map(|member| format!("{}: {}", member.name, member.server.tail()));
        tails.collect::<Vec<_>>().join("\n")
    }
}

/// How long the talk goes on between a recovery and the next fault.
const TALK_MAX: Duration = Duration::from_millis(1500);
const RECOVERY_PATIENCE: Duration = Duration::from_secs(45);
/// The name of one that was killed is free when its lease has expired.
const START_PATIENCE: Duration = Duration::from_secs(45);
const ZOMBIE_PATIENCE: Duration = Duration::from_secs(10);
/// What a member says that was being started when the database went: whatever looks after it starts it again.
const START_FAILED: [&str; 4] = [
    "perch: the store cannot be opened: ",
    "perch: the store cannot be used: ",
    "perch: the database at ",
    "perch: none of ",
];
/// A lease is six seconds and renewed every two.
const LONG: Duration = Duration::from_secs(3);
