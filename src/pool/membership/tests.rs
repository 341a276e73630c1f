use proptest::prelude::*;

use super::*;
use crate::store::member::Showing;

fn row(name: &str, incarnation: i64, lease: Option<u64>) -> Member {
    Member {
        name: name.into(),
        incarnation,
        showing: Showing { state: MemberState::Active, rights: 0 },
        wanted: MemberState::Active,
        address: None,
        lease: lease.map(Duration::from_millis),
    }
}

fn gone(name: &str, incarnation: i64) -> Member {
    let showing = Showing { state: MemberState::Gone, rights: 0 };
    Member { showing, ..row(name, incarnation, None) }
}

fn life(name: &str, incarnation: i64) -> note::Member {
    note::Member { name: name.into(), incarnation }
}

fn membership(name: &str) -> Membership {
    Membership::new(life(name, 1), MemberState::Active)
}

fn at(ms: u64) -> Moment {
    Duration::from_millis(ms)
}

fn fence(name: &str, incarnation: i64) -> Step {
    Step::Fence { name: name.into(), incarnation }
}

fn sweep(name: &str, up_to: i64) -> Step {
    Step::Sweep { name: name.into(), up_to }
}

/// At which times, up to `until`, a step is due.
fn times(
    members: &mut Membership,
    step: &Step,
    until: u64,
    mut each: impl FnMut(&mut Membership, Moment),
) -> Vec<u64> {
    let mut times = Vec::new();
    for ms in (0..=until).step_by(100) {
        each(members, at(ms));
        if members.tick(at(ms)).contains(step) {
            times.push(ms);
        }
    }
    times
}

#[test]
fn who_is_alone_looks_and_claims_and_compares_nothing() {
    let mut members = membership("a");
    members.looked(at(0), &[row("a", 1, Some(5000))]);
    assert_eq!(times(&mut members, &Step::Look, 3000, |_, _| {}), [0, 1000, 2000, 3000]);
    assert_eq!(times(&mut membership("a"), &Step::Claim, 2000, |_, _| {}), [0, 1000, 2000]);
    assert_eq!(times(&mut membership("a"), &Step::Compare, 20_000, |_, _| {}), [0; 0]);
}

#[test]
fn logs_are_compared_now_and_then_in_silence_often_and_after_a_gap_at_once() {
    let rows = [row("a", 1, Some(5000)), row("b", 7, Some(5000))];
    let mut members = membership("a");
    members.looked(at(0), &rows);
    let hears = |members: &mut Membership, now: Moment| members.heard(now, &life("b", 7));
    assert_eq!(times(&mut members, &Step::Compare, 11_000, hears), [5000, 10_000]);

    let mut members = membership("a");
    members.looked(at(0), &rows);
    assert_eq!(times(&mut members, &Step::Compare, 4000, |_, _| {}), [2100, 3100]);

    let mut members = membership("a");
    members.looked(at(0), &rows);
    let gaps = |members: &mut Membership, now: Moment| {
        hears(members, now);
        if (1000..1300).contains(&now.as_millis()) {
            members.gap();
        }
    };
    assert_eq!(times(&mut members, &Step::Compare, 2000, gaps), [1000, 1200]);
}

#[test]
fn an_unknown_voice_is_looked_for() {
    let mut members = membership("a");
    let speaks = |members: &mut Membership, now: Moment| {
        if now == at(400) {
            members.heard(now, &life("b", 1));
        }
    };
    assert_eq!(times(&mut members, &Step::Look, 1500, speaks), [0, 400, 1400]);
}

#[test]
fn silence_kills_nobody_and_an_expired_lease_does() {
    let mut members = membership("a");
    members.swept("b", 6);
    let alive = [row("a", 1, Some(5000)), row("b", 7, Some(1))];
    assert_eq!(members.looked(at(0), &alive), [sweep("b", 6)]);
    members.swept("b", 6);
    for now in (0..61_000).step_by(1000) {
        assert_eq!(members.looked(at(now), &alive), []);
    }
    let dead = [row("a", 1, Some(5000)), row("b", 7, None)];
    assert_eq!(members.looked(at(61_000), &dead), [fence("b", 7)]);
    // It may have failed.
    assert_eq!(members.looked(at(61_500), &dead), []);
    assert_eq!(members.looked(at(62_000), &dead), [fence("b", 7)]);
    assert_eq!(members.looked(at(63_000), &[row("a", 1, Some(5000)), gone("b", 8)]), [sweep("b", 7)]);
    members.swept("b", 7);
    assert_eq!(members.looked(at(64_000), &[row("a", 1, Some(5000)), gone("b", 8)]), []);
}

#[test]
fn survivors_take_turns() {
    let dead = [row("a", 1, Some(5000)), row("b", 1, Some(5000)), row("c", 1, Some(5000)), row("d", 4, None)];
    let mut third = membership("c");
    for name in ["a", "b", "d"] {
        third.looked(at(0), &dead);
        third.swept(name, 100);
    }
    for now in [1000, 2000, 3000, 4000, 4900] {
        assert_eq!(third.looked(at(now), &dead), []);
    }
    assert_eq!(third.looked(at(5000), &dead), [fence("d", 4)]);
    let mut first = membership("a");
    for now in [0, 1000, 2000, 3000] {
        first.looked(at(now), &dead);
    }
    assert_eq!(first.looked(at(4000), &dead).last(), Some(&fence("d", 4)));
}

#[test]
fn a_member_that_was_started_anew_has_lost_what_it_held() {
    let mut members = membership("a");
    members.looked(at(0), &[row("a", 1, Some(1)), row("b", 7, Some(1))]);
    members.swept("b", 6);
    assert_eq!(members.looked(at(1), &[row("a", 1, Some(1)), row("b", 8, Some(1))]), [sweep("b", 7)]);
    // Until it is done.
    assert_eq!(members.looked(at(2), &[row("a", 1, Some(1)), row("b", 8, Some(1))]), [sweep("b", 7)]);
}

#[test]
fn who_was_fenced_steps_down_once_and_does_nothing_more() {
    let mut members = membership("a");
    assert_eq!(members.looked(at(0), &[row("a", 2, None), row("b", 7, None)]), [Step::Retire]);
    assert_eq!(members.looked(at(9000), &[row("a", 2, None), row("b", 7, None)]), []);
    assert_eq!(members.tick(at(9000)), []);
    assert_eq!(members.deposed(), []);
}

#[test]
fn what_the_operator_wants_is_followed() {
    let mut members = membership("a");
    let wanted = Member { wanted: MemberState::Draining, ..row("a", 1, Some(1)) };
    assert_eq!(members.looked(at(0), std::slice::from_ref(&wanted)), [Step::Become(MemberState::Draining)]);
    assert_eq!(members.looked(at(0), &[wanted]), []);
}

/// A pool in small: rows, leases and what the lives of members hold, on one clock, with members that may stand still.
struct World {
    now: u64,
    rows: Vec<WorldRow>,
    members: Vec<Actor>,
    /// Lives that were fenced.
    fenced: Vec<(usize, i64)>,
    /// Until then the store answers nobody.
    away_until: u64,
}

struct WorldRow {
    incarnation: i64,
    lease_until: u64,
    is_gone: bool,
    /// Lives that hold something that nobody has detached.
    holding: Vec<i64>,
}

struct Actor {
    membership: Membership,
    incarnation: i64,
    /// When its lease is to be renewed.
    renewal: u64,
    is_serving: bool,
    /// Neither renews nor looks until then.
    still_until: u64,
    /// Hears nobody, and is not heard, until then.
    deaf_until: u64,
    is_crashed: bool,
    was_ever_still: bool,
    /// Since when it has worked without a pause.
    up_since: u64,
    started: u64,
}

#[derive(Debug, Clone, Copy)]
enum Mishap {
    Freeze { who: usize, ms: u64 },
    Deafen { who: usize, ms: u64 },
    Crash { who: usize },
    Restart { who: usize },
    Away { ms: u64 },
    Nothing { ms: u64 },
}

impl World {
    fn new(members: usize) -> Self {
        let mut world =
            Self { now: 0, rows: Vec::new(), members: Vec::new(), fenced: Vec::new(), away_until: 0 };
        for (who, name) in NAMES.into_iter().enumerate().take(members) {
            world.rows.push(WorldRow { incarnation: 0, lease_until: 0, is_gone: false, holding: Vec::new() });
            let membership = Membership::new(life(name, 0), MemberState::Active);
            world.members.push(Actor {
                membership,
                incarnation: 0,
                renewal: 0,
                is_serving: false,
                still_until: 0,
                deaf_until: 0,
                is_crashed: true,
                was_ever_still: false,
                up_since: 0,
                started: 0,
            });
            world.restart(who);
        }
        world
    }

    /// A process starts, if none runs and the name is free.
    fn restart(&mut self, who: usize) {
        let (row, member) = (&mut self.rows[who], &mut self.members[who]);
        let is_running = member.is_serving && !member.is_crashed;
        if is_running || row.lease_until > self.now || self.away_until > self.now {
            return;
        }
        row.incarnation += 1;
        row.lease_until = self.now + LEASE;
        row.is_gone = false;
        // A start detaches what the lives before it held.
        row.holding = vec![row.incarnation];
        member.incarnation = row.incarnation;
        member.membership = Membership::new(life(NAMES[who], row.incarnation), MemberState::Active);
        (member.renewal, member.is_serving, member.is_crashed) = (self.now + 200 * who as u64, true, false);
        (member.still_until, member.was_ever_still) = (0, false);
        (member.up_since, member.started) = (self.now, self.now);
    }

    fn rows(&self) -> Vec<Member> {
        let as_seen = |(stored, name): (&WorldRow, &&str)| {
            let lease = stored.lease_until.checked_sub(self.now).filter(|left| *left > 0);
            match stored.is_gone {
                true => gone(name, stored.incarnation),
                false => row(name, stored.incarnation, lease),
            }
        };
        self.rows.iter().zip(&NAMES).map(as_seen).collect()
    }

    /// A tenth of a second passes.
    fn step(&mut self) {
        self.now += 100;
        for who in 0..self.members.len() {
            if self.now.is_multiple_of(1000) {
                self.beat(who);
            }
        }
        for who in 0..self.members.len() {
            self.act(who);
        }
    }

    fn beat(&mut self, who: usize) {
        let now = self.now;
        let Some(from) = self.members.get(who).filter(|member| member.works(now) && member.deaf_until <= now)
        else {
            return;
        };
        let from = life(NAMES[who], from.incarnation);
        for (_, other) in self.members.iter_mut().enumerate().filter(|(place, _)| *place != who) {
            if other.works(now) && other.deaf_until <= now {
                other.membership.heard(at(now), &from);
            }
        }
    }

    fn act(&mut self, who: usize) {
        let now = self.now;
        if !self.members[who].works(now) {
            return;
        }
        let member = &mut self.members[who];
        if now < self.away_until {
            // Each goes on trying at times of its own.
            while member.renewal <= now {
                member.renewal += 1000;
            }
            return;
        }
        if now >= member.renewal {
            member.renewal = now + 1000;
            let row = &mut self.rows[who];
            if row.incarnation == member.incarnation {
                row.lease_until = now + LEASE;
            } else {
                let steps = member.membership.deposed();
                self.follow(who, steps);
            }
        }
        let steps = self.members[who].membership.tick(at(now));
        self.follow(who, steps);
    }

    fn follow(&mut self, who: usize, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Look => {
                    let rows = self.rows();
                    let steps = self.members[who].membership.looked(at(self.now), &rows);
                    self.follow(who, steps);
                }
                Step::Fence { name, incarnation } => {
                    let victim = NAMES.iter().position(|other| **other == *name).unwrap();
                    assert_ne!(victim, who, "nobody fences himself");
                    let row = &mut self.rows[victim];
                    assert!(row.lease_until <= self.now, "{name} lives and was to be fenced");
                    if row.incarnation == incarnation {
                        self.fenced.push((victim, incarnation));
                        (row.incarnation, row.is_gone) = (incarnation + 1, true);
                    }
                }
                Step::Sweep { name, up_to } => {
                    let place = NAMES.iter().position(|other| **other == *name).unwrap();
                    let row = &mut self.rows[place];
                    assert!(up_to < row.incarnation, "what a living member holds is left to it");
                    row.holding.retain(|life| *life > up_to);
                    self.members[who].membership.swept(&name, up_to);
                }
                Step::Retire => self.members[who].is_serving = false,
                Step::Compare | Step::Claim | Step::Become(_) => {}
            }
        }
    }

    /// What must hold at any time.
    fn check(&self) {
        for (who, member) in self.members.iter().enumerate() {
            if !member.is_crashed && !member.was_ever_still {
                assert!(member.is_serving, "{} never failed and was deposed", NAMES[who]);
            }
        }
        // Somebody has worked long enough to have found out about all that is older.
        let watched =
            self.members.iter().filter(|member| member.works(self.now)).map(|member| member.up_since).min();
        let watched = watched.map(|watched| watched.max(self.away_until));
        for (row, member) in self.rows.iter().zip(&self.members) {
            let Some(watched) = watched else { continue };
            let dead_since = watched.max(row.lease_until);
            if !member.works(self.now) && self.now > dead_since + NOTICED_WITHIN {
                assert_eq!(row.holding, [0; 0], "what a dead member held is detached in time");
                assert!(row.is_gone);
            }
        }
    }
}

impl Actor {
    fn works(&self, now: u64) -> bool {
        self.is_serving && !self.is_crashed && self.still_until <= now
    }
}

fn mishaps(members: usize) -> impl Strategy<Value = Vec<Mishap>> {
    let who = 0..members;
    let mishap = prop_oneof![
        2 => (who.clone(), 100..20_000_u64).prop_map(|(who, ms)| Mishap::Freeze { who, ms }),
        1 => (who.clone(), 100..20_000_u64).prop_map(|(who, ms)| Mishap::Deafen { who, ms }),
        1 => who.clone().prop_map(|who| Mishap::Crash { who }),
        2 => who.prop_map(|who| Mishap::Restart { who }),
        1 => (100..15_000_u64).prop_map(|ms| Mishap::Away { ms }),
        3 => (100..15_000_u64).prop_map(|ms| Mishap::Nothing { ms }),
    ];
    prop::collection::vec(mishap, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Members freeze, die, come back, lose the bus and the store: whoever works is never deposed, what the dead held is detached in
    /// time, no life is fenced twice, and who was fenced knows as soon as it moves.
    #[test]
    fn the_dead_are_found_and_the_living_left_alone(members in 2..5_usize, mishaps in mishaps(4)) {
        let mut world = World::new(members);
        for mishap in mishaps {
            let pause = match mishap {
                Mishap::Freeze { who, ms } if who < members => {
                    let (now, member) = (world.now, &mut world.members[who]);
                    member.still_until = member.still_until.max(now + ms);
                    (member.was_ever_still, member.up_since) = (true, member.still_until);
                    0
                }
                Mishap::Deafen { who, ms } if who < members => {
                    world.members[who].deaf_until = world.now + ms;
                    0
                }
                Mishap::Crash { who } if who < members => {
                    world.members[who].is_crashed = true;
                    0
                }
                Mishap::Restart { who } if who < members => {
                    world.restart(who);
                    0
                }
                Mishap::Away { ms } => {
                    world.away_until = world.away_until.max(world.now + ms);
                    0
                }
                Mishap::Nothing { ms } => ms,
                _ => 0,
            };
            for _ in 0..pause / 100 + 1 {
                world.step();
                world.check();
            }
        }
        let mut lives = world.fenced.clone();
        lives.sort_unstable();
        lives.dedup();
        prop_assert_eq!(lives.len(), world.fenced.len(), "a life ends once");
        for _ in 0..400 {
            world.step();
            world.check();
        }
        for (row, member) in world.rows.iter().zip(&world.members) {
            let is_alone = !world.members.iter().any(|other| other.works(world.now));
            let holds: Vec<_> = if member.works(world.now) { vec![member.incarnation] } else { Vec::new() };
            prop_assert!(is_alone || row.holding == holds, "{:?} is held by {}", row.holding, member.incarnation);
            prop_assert!(member.is_crashed || !member.is_serving || row.incarnation == member.incarnation);
        }
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

const LEASE: u64 = 5000;

/// To let all come back to the store, to look, to take one's turn, to try again, and to look for what that led to.
const NOTICED_WITHIN: u64 = 4000 + 1000 + 4 * 500 + 1000 + 1000;

#[test]
fn who_has_not_seen_for_a_while_who_lives_takes_nobody_for_dead_at_once() {
    let expired = [row("a", 1, Some(5000)), row("b", 7, None)];
    let renewed = [row("a", 1, Some(5000)), row("b", 7, Some(5000))];
    let mut members = membership("a");
    assert_eq!(members.looked(at(0), &expired), [sweep("b", 6)]);
    members.swept("b", 6);
    assert_eq!(members.looked(at(1000), &expired), [], "he has just come");
    assert_eq!(members.looked(at(2000), &renewed), []);
    assert_eq!(members.looked(at(3000), &expired), []);
    assert_eq!(members.looked(at(4000), &expired), [fence("b", 7)], "who does not come back is");
    assert_eq!(members.looked(at(4100), &renewed), []);
    assert_eq!(members.looked(at(20_000), &expired), [], "the store was away");
    assert_eq!(members.looked(at(21_000), &expired), []);
    assert_eq!(members.looked(at(23_000), &expired), [], "and again");
    for now in [24_000, 25_000, 26_000] {
        assert_eq!(members.looked(at(now), &expired), []);
    }
    assert_eq!(members.looked(at(27_000), &expired), [fence("b", 7)]);
}
