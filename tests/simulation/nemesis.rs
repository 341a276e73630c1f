//! Who breaks things: members die, freeze and wake, lose the database or each other, and every line is bad in its own
//! way. When the storm is over everything is mended.

use std::sync::Arc;
use std::time::Duration;

use perch::bus::model as bus;
use perch::store::model as store;
use perch::store::model::Process;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::time::sleep;

use crate::member::Member;
use crate::world::World;

pub(crate) struct Nemesis {
    world: Arc<World>,
    random: StdRng,
    /// The names of the members.
    names: Vec<Box<str>>,
}

impl Nemesis {
    pub(crate) fn new(world: Arc<World>, names: Vec<Box<str>>) -> Self {
        let random = world.chance(1);
        Self { world, random, names }
    }

    /// Rages until the storm is over.
    pub(crate) async fn rage(mut self) {
        let world = self.world.clone();
        self.spoil_lines();
        let rage = async {
            loop {
                let pause = self.ms(200..5_000);
                sleep(pause).await;
                self.strike();
            }
        };
        tokio::select! {
            biased;
            () = world.calm() => {}
            () = rage => {}
        }
    }

    fn ms(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(range))
    }

    fn strike(&mut self) {
        let Some(victim) = self.world.members().choose(&mut self.random).cloned() else { return };
        if self.random.random_bool(SUCCESSION) {
            return self.succeed();
        }
        match self.random.random_range(0..12) {
            0 | 1 => self.kill(&victim),
            2..=4 => self.freeze(victim),
            5 | 6 => self.cut_off(vec![victim]),
            7 => self.cut_off(self.world.members()),
            8 | 9 => self.part(victim),
            _ => self.spoil_lines(),
        }
    }

    fn kill(&self, victim: &Member) {
        self.world.trace.note(format_args!("{} is killed", victim.name()));
        victim.line.kill();
    }

    /// Often for about as long as its lease, so that it wakes as a zombie, or while it is being made one.
    fn freeze(&mut self, victim: Arc<Member>) {
        let time = if self.random.random_bool(0.5) { self.ms(4_500..6_500) } else { self.ms(200..9_000) };
        self.world.trace.note(format_args!("{} freezes for {time:?}", victim.name()));
        victim.line.freeze();
        self.later(time, move |_| victim.line.wake());
    }

    /// Takes the database away.
    fn cut_off(&mut self, victims: Vec<Arc<Member>>) {
        let time = self.ms(200..8_000);
        for victim in victims {
            self.world.trace.note(format_args!("{} has no database for {time:?}", victim.name()));
            victim.line.cut(true);
            self.later(time, move |_| victim.line.cut(false));
        }
    }

    /// Takes the bus away, between one and another, both ways or one.
    fn part(&mut self, victim: Arc<Member>) {
        let time = self.ms(200..8_000);
        let is_one_way = self.random.random_bool(0.4);
        for other in self.names.clone().into_iter().filter(|other| **other != *victim.name()) {
            if self.random.random_bool(0.3) {
                continue;
            }
            self.world.trace.note(format_args!("{} is not heard by {other} for {time:?}", victim.name()));
            let me: Box<str> = victim.name().into();
            self.world.network.cut(&me, &other, true);
            if !is_one_way {
                self.world.network.cut(&other, &me, true);
            }
            self.later(time, move |world| {
                world.network.cut(&me, &other, false);
                world.network.cut(&other, &me, false);
            });
        }
    }

    /// Another database takes the place of the one there was.
    fn succeed(&self) {
        self.world.trace.note(format_args!("the database is succeeded"));
        let database = self.world.database.clone();
        tokio::spawn(async move { database.succeed().await });
    }

    fn spoil_lines(&mut self) {
        let mut share = |most: f64| self.random.random_range(0.0..1.0f64).powi(2) * most;
        self.world.database.set_faults(store::Faults {
            lost_requests: share(0.02),
            lost_answers: share(0.06),
            delays: share(0.1),
        });
        self.world.network.set_faults(bus::Faults {
            lost: share(0.3),
            doubled: share(0.2),
            delayed: share(0.15),
            overtaken: share(0.2),
        });
    }

    /// Does something then, or when the storm is over.
    fn later(&self, time: Duration, what: impl FnOnce(&World) + Send + 'static) {
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = world.calm() => {}
                () = sleep(time) => {}
            }
            what(&world);
        });
    }
}

/// The share of blows that strike the database.
const SUCCESSION: f64 = 0.04;

/// Nothing is in a bad state any more.
pub(crate) fn mend(world: &World) {
    world.database.set_faults(store::Faults::default());
    world.network.set_faults(bus::Faults::default());
    for member in world.members() {
        if member.line.process() == Process::Frozen {
            member.line.wake();
        }
        member.line.cut(false);
    }
}
