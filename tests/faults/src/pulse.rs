//! How soon the rooms are of use again after a fault, seen while the run goes on.
//!
//! Only what was sent after the fault counts: what was on its way before says nothing of the rooms as they are now.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use perch_checker::{Acknowledgement, Event};

/// What it takes for a room to be of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A post is acknowledged, and somebody else has heard it.
    Works,
    /// Everybody who is there has heard a post.
    IsHeard,
}

/// Follows all clients of a run.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<State>);

#[derive(Default)]
struct State {
    present: HashMap<String, HashSet<String>>,
    watches: Vec<Watch>,
    quarantine: Option<Quarantine>,
    /// Sessions that go on on another member than the one that they began on, which their names tell.
    moved: HashMap<String, String>,
}

struct Watch {
    number: u64,
    sign: Sign,
    since: Instant,
    posts: HashMap<String, Seen>,
    /// For each room that is not of use yet: who has heard nothing.
    waiting: HashMap<String, HashSet<String>>,
    times: Vec<Duration>,
}

#[derive(Default)]
struct Seen {
    is_acknowledged: bool,
    is_heard: bool,
}

/// Sessions whose member is known to be taken for dead: nothing that they send may be acknowledged.
struct Quarantine {
    mark: String,
    posts: HashSet<String>,
    breaches: Vec<String>,
}

impl Pulse {
    /// Begins to watch all rooms that somebody is in; gives the number to ask by.
    pub(crate) fn watch(&self, sign: Sign) -> u64 {
        let mut state = self.state();
        let number = state.watches.last().map_or(0, |watch| watch.number + 1);
        let waiting = state.present.iter().filter(|(_, clients)| !clients.is_empty());
        let waiting = waiting.map(|(room, clients)| (room.clone(), clients.clone())).collect();
        let since = Instant::now();
        state.watches.push(Watch { number, sign, since, posts: HashMap::new(), waiting, times: Vec::new() });
        number
    }

    /// How long each room took. `Err`: those that are not of use yet.
    pub(crate) fn times(&self, number: u64) -> Result<Vec<Duration>, Vec<String>> {
        let state = self.state();
        let watch = state.watches.iter().find(|watch| watch.number == number);
        let watch = watch.expect("a watch is asked for until it is ended");
        if watch.waiting.is_empty() {
            return Ok(watch.times.clone());
        }
        let names = |(room, clients): (&String, &HashSet<String>)| match watch.sign {
            Sign::Works => room.clone(),
            Sign::IsHeard => format!("{room} for {}", clients.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        Err(watch.waiting.iter().map(names).collect())
    }

    pub(crate) fn end_watches(&self) {
        let mut state = self.state();
        // The last one stays, so that numbers are not used again.
        let last = state.watches.pop();
        state.watches.clear();
        state.watches.extend(last);
    }

    /// From now on sessions with this mark must not have anything new acknowledged.
    pub(crate) fn begin_quarantine(&self, mark: &str) {
        let (posts, breaches) = (HashSet::new(), Vec::new());
        self.state().quarantine = Some(Quarantine { mark: mark.to_owned(), posts, breaches });
    }

    /// What was acknowledged all the same.
    pub(crate) fn end_quarantine(&self) -> Vec<String> {
        self.state().quarantine.take().map_or_else(Vec::new, |quarantine| quarantine.breaches)
    }

    /// A session was resumed on the member with this mark.
    pub(crate) fn note_resumed(&self, session: &str, mark: &str) {
        self.state().moved.insert(session.to_owned(), mark.to_owned());
    }

    pub(crate) fn see(&self, event: &Event<'_>) {
        let mut state = self.state();
        let State { present, watches, quarantine, moved } = &mut *state;
        let is_on = |session: &str, mark: &str| match moved.get(session) {
            Some(now) => now == mark,
            None => session.ends_with(mark),
        };
        match event {
            Event::Join { client, room, .. } => {
                present.entry(room.to_string()).or_default().insert(client.to_string());
            }
            Event::Leave { client, room, .. } => {
                if let Some(clients) = present.get_mut(&**room) {
                    clients.remove(&**client);
                }
                watches.iter_mut().for_each(|watch| watch.left(room, client));
            }
            Event::Invoke { session, id, .. } => {
                for watch in watches {
                    watch.posts.entry(id.to_string()).or_default();
                }
                if let Some(quarantine) = quarantine.as_mut().filter(|one| is_on(session, &one.mark)) {
                    quarantine.posts.insert(id.to_string());
                }
            }
            Event::Ok { session, room, id, by, .. } => {
                watches.iter_mut().for_each(|watch| watch.acknowledged(room, id));
                if let Some(quarantine) = quarantine
                    && *by != Acknowledgement::Archive
                    && is_on(session, &quarantine.mark)
                    && quarantine.posts.contains(&**id)
                {
                    quarantine.breaches.push(id.to_string());
                }
            }
            Event::Recv { client, room, id, .. } => {
                watches.iter_mut().for_each(|watch| watch.heard(room, client, id));
            }
            _ => {}
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no one panics while he holds the state")
    }
}

impl Watch {
    fn acknowledged(&mut self, room: &str, id: &str) {
        let Some(post) = self.posts.get_mut(id) else { return };
        post.is_acknowledged = true;
        if self.sign == Sign::Works && post.is_heard {
            self.done(room);
        }
    }

    fn heard(&mut self, room: &str, client: &str, id: &str) {
        let Some(post) = self.posts.get_mut(id) else { return };
        match self.sign {
            Sign::Works => {
                post.is_heard |= id.split(':').next() != Some(client);
                if post.is_heard && post.is_acknowledged {
                    self.done(room);
                }
            }
            Sign::IsHeard => self.waits_no_more(room, client),
        }
    }

    fn left(&mut self, room: &str, client: &str) {
        if self.sign == Sign::IsHeard {
            self.waits_no_more(room, client);
        }
    }

    fn waits_no_more(&mut self, room: &str, client: &str) {
        if let Some(clients) = self.waiting.get_mut(room) {
            clients.remove(client);
            if clients.is_empty() {
                self.done(room);
            }
        }
    }

    fn done(&mut self, room: &str) {
        if self.waiting.remove(room).is_some() {
            self.times.push(self.since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(client: &'static str) -> Event<'static> {
        Event::Join { client: client.into(), session: client.into(), room: "tea".into() }
    }

    fn invoke(id: &'static str) -> Event<'static> {
        Event::Invoke { client: "u1".into(), session: "u1/1@a".into(), room: "tea".into(), id: id.into() }
    }

    fn ok(id: &'static str) -> Event<'static> {
        Event::Ok {
            client: "u1".into(),
            session: "u1/1@a".into(),
            room: "tea".into(),
            id: id.into(),
            stanza_id: None,
            by: Acknowledgement::Reflection,
        }
    }

    fn heard(client: &'static str, id: &'static str) -> Event<'static> {
        Event::Recv {
            client: client.into(),
            session: client.into(),
            room: "tea".into(),
            id: id.into(),
            stanza_id: None,
            delayed: false,
        }
    }

    #[test]
    fn a_room_works_when_a_new_post_is_acknowledged_and_heard() {
        let pulse = Pulse::default();
        [join("u1"), join("u2"), invoke("u1:1")].iter().for_each(|event| pulse.see(event));
        let watch = pulse.watch(Sign::Works);
        [heard("u2", "u1:1"), ok("u1:1"), invoke("u1:2"), heard("u1", "u1:2"), ok("u1:2")]
            .iter()
            .for_each(|event| pulse.see(event));
        assert_eq!(pulse.times(watch), Err(vec!["tea".to_owned()]), "nobody else has heard the new one");
        pulse.see(&heard("u2", "u1:2"));
        assert_eq!(pulse.times(watch).map(|times| times.len()), Ok(1));
    }

    #[test]
    fn a_post_is_heard_by_all_who_have_not_left() {
        let pulse = Pulse::default();
        [join("u1"), join("u2"), join("u3")].iter().for_each(|event| pulse.see(event));
        let watch = pulse.watch(Sign::IsHeard);
        [invoke("u1:1"), heard("u1", "u1:1"), heard("u2", "u1:1")].iter().for_each(|event| pulse.see(event));
        assert_eq!(pulse.times(watch), Err(vec!["tea for u3".to_owned()]));
        let leaves = Event::Leave {
            client: "u3".into(),
            session: "u3".into(),
            room: "tea".into(),
            reason: "cut".into(),
        };
        pulse.see(&leaves);
        assert!(pulse.times(watch).is_ok());
    }

    #[test]
    fn what_the_dead_acknowledge_is_noticed() {
        let pulse = Pulse::default();
        pulse.see(&invoke("u1:1"));
        pulse.begin_quarantine("@a");
        [ok("u1:1"), invoke("u1:2"), ok("u1:2")].iter().for_each(|event| pulse.see(event));
        assert_eq!(pulse.end_quarantine(), ["u1:2"], "the first was sent before");
    }
}
