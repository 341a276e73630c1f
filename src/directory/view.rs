//! Who belongs where, as of one version of the rights. Immutable, so that whoever decides something decides all of it by
//! one version.
//!
//! Principals are numbers here, and the sets of groups and units that users are in are kept once: an organisation of
//! 150,000 users with 16 groups each takes some 40 MB, and a question to it is one look into a hash map.

use std::collections::HashMap;
use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::administration::configuration::Values;
use crate::chat::category::{Category, CategoryId};
use crate::chat::principal::{Kind, Standing};
use crate::directory::enabled::Enabled;

/// The place of a principal in a view, and in no other view.
pub(super) type Place = u32;

/// The rights outside of rooms, as of one version.
#[derive(Debug)]
pub struct View {
    version: i64,
    /// Where the accounts are.
    domain: Box<str>,
    places: HashMap<BareJid, Place>,
    people: Box<[Person]>,
    sets: Sets,
    /// In the order in which they were made.
    categories: Arc<[Category]>,
    enabled: Enabled,
    values: Values,
}

/// A principal that has a record.
#[derive(Debug, Clone)]
struct Person {
    address: BareJid,
    kind: Kind,
    standing: Standing,
    /// Of the groups and units above.
    set: Place,
}

/// All that one principal belongs to. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Belonging<'a> {
    view: &'a View,
    /// Himself, unless he counts for nothing.
    own: Option<&'a BareJid>,
    above: &'a [Place],
}

/// Lists of places, each in order and each kept once.
#[derive(Debug)]
pub(super) struct Sets {
    /// Where each begins, and where the last one ends.
    starts: Vec<u32>,
    places: Vec<Place>,
}

/// What a view is made of, in the order of the places.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) address: BareJid,
    pub(super) kind: Kind,
    pub(super) standing: Standing,
    /// What it is directly in.
    pub(super) parents: Box<[Place]>,
}

impl View {
    pub(super) fn new(version: i64, domain: &str, records: &[Record], categories: Arc<[Category]>) -> Self {
        let mut closure = Closure::new(records);
        let mut sets = Sets::default();
        let mut known = HashMap::new();
        let people = records.iter().enumerate().map(|(place, record)| {
            let above = closure.above(place as Place);
            let set = match known.get(above.as_slice()) {
                Some(set) => *set,
                None => {
                    let set = sets.add(&above);
                    known.insert(above.into_boxed_slice(), set);
                    set
                }
            };
            Person { address: record.address.clone(), kind: record.kind, standing: record.standing, set }
        });
        let people: Box<[Person]> = people.collect();
        let places = people.iter().zip(0..).map(|(person, place)| (person.address.clone(), place)).collect();
        let (enabled, values) = (Enabled::everybody(), Values::default());
        Self { version, domain: domain.into(), places, people, sets, categories, enabled, values }
    }

    /// For whom persistent chat is enabled, and what is configured for all rooms.
    pub(super) fn with(self, enabled: Enabled, values: Values) -> Self {
        Self { enabled, values, ..self }
    }

    /// The version of the rights that this is.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Where the accounts are, and below which groups and units have their addresses.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// All that a principal belongs to: a user to himself, his domain, and the groups and units above; a group or unit to
    /// itself, the domain here, and those above it. Accounts that are disabled, and whatever was removed, belong to nothing. A user without
    /// a record belongs to himself and his domain, a group without one is none.
    pub fn belongs<'a>(&'a self, principal: &'a BareJid) -> Belonging<'a> {
        let (own, above) = match self.person(principal) {
            Some(person) if person.standing == Standing::Present => {
                (Some(principal), self.sets.at(person.set))
            }
            Some(_) => (None, &[][..]),
            None => {
                let is_one = matches!(Kind::of(principal, &self.domain), Kind::User | Kind::Domain);
                (is_one.then_some(principal), &[][..])
            }
        };
        Belonging { view: self, own, above }
    }

    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.categories.iter()
    }

    pub fn category(&self, id: CategoryId) -> Option<&Category> {
        self.categories
            .binary_search_by_key(&id, |category| category.id)
            .ok()
            .map(|place| &self.categories[place])
    }

    /// Whether a room of that category is for somebody. Without a category it is for all, and one that is not known here,
    /// or no longer, is for nobody.
    pub fn is_in_scope(&self, category: Option<CategoryId>, who: Belonging<'_>) -> bool {
        let Some(id) = category else { return true };
        self.category(id).is_some_and(|category| category.admits(|principal| who.includes(principal)))
    }

    /// Whether the policy in force lets somebody use rooms. Groups, units and domains use none, and may stand in lists.
    pub fn is_enabled(&self, who: &BareJid) -> bool {
        match who.local() {
            _ if !self.is_person(who) => true,
            Some(name) if who.domain() == &*self.domain => self.enabled.includes(name),
            _ => self.enabled.includes_strangers(),
        }
    }

    /// What is configured for all rooms.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Whether somebody may make rooms in it.
    pub fn lets_create(&self, category: CategoryId, creator: &BareJid) -> bool {
        let who = self.belongs(creator);
        self.is_enabled(creator)
            && self
                .category(category)
                .is_some_and(|category| category.lets_create(|principal| who.includes(principal)))
    }

    /// Whether an address is that of one person.
    pub fn is_person(&self, address: &BareJid) -> bool {
        Kind::of(address, &self.domain) == Kind::User
    }

    /// Whether the address is, or was, one of a group or unit: then it is given to no other.
    pub fn is_given(&self, address: &BareJid) -> bool {
        self.person(address).is_some_and(|person| person.kind != Kind::User)
    }

    /// Whether there is such a group or unit.
    pub fn has(&self, group: &BareJid) -> bool {
        let there = |person: &Person| person.kind != Kind::User && person.standing == Standing::Present;
        self.person(group).is_some_and(there)
    }

    /// Users with a record who belong to a principal, by whatever way, in no particular order.
    pub fn users_of<'a>(&'a self, principal: &'a BareJid) -> impl Iterator<Item = &'a BareJid> {
        let users = self.people.iter().filter(|person| person.kind == Kind::User);
        users.map(|person| &person.address).filter(|user| self.belongs(user).includes(principal))
    }

    fn person(&self, address: &BareJid) -> Option<&Person> {
        self.places.get(address).map(|place| &self.people[*place as usize])
    }
}

impl<'a> Belonging<'a> {
    /// Whether it is somebody to whom rights may apply at all.
    pub fn is_somebody(self) -> bool {
        self.own.is_some()
    }

    /// The addresses of all of them: own, domain, groups and units.
    pub fn addresses(self) -> impl Iterator<Item = &'a str> {
        let address = |place: &Place| self.view.people[*place as usize].address.as_str();
        let domain = self.domain();
        let own = self.own.map(BareJid::as_str);
        own.into_iter().chain(domain).chain(self.above.iter().map(address))
    }

    /// Whether that principal is one of them.
    pub fn includes(self, principal: &BareJid) -> bool {
        let Some(own) = self.own else { return false };
        if principal == own || self.domain() == Some(principal.as_str()) {
            return true;
        }
        let place = self.view.places.get(principal);
        place.is_some_and(|place| self.above.binary_search(place).is_ok())
    }

    fn domain(self) -> Option<&'a str> {
        let own = self.own?;
        match Kind::of(own, &self.view.domain) {
            Kind::User => Some(own.domain()),
            Kind::Group | Kind::Unit => Some(&self.view.domain),
            Kind::Domain => None,
        }
    }
}

impl Sets {
    fn add(&mut self, set: &[Place]) -> Place {
        self.places.extend_from_slice(set);
        self.starts.push(self.places.len() as u32);
        (self.starts.len() - 2) as Place
    }

    fn at(&self, set: Place) -> &[Place] {
        let place = set as usize;
        &self.places[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

impl Default for View {
    fn default() -> Self {
        Self::new(0, "", &[], Arc::default())
    }
}

impl Default for Sets {
    fn default() -> Self {
        Self { starts: vec![0], places: Vec::new() }
    }
}

/// Walks up from a principal. Circles end where they began.
struct Closure<'a> {
    records: &'a [Record],
    /// In which walk each was last come across.
    seen: Vec<u32>,
    walk: u32,
}

impl<'a> Closure<'a> {
    fn new(records: &'a [Record]) -> Self {
        Self { records, seen: vec![0; records.len()], walk: 0 }
    }

    /// All groups and units above, but for itself, in order; those that were removed do not count, nor what lies above them.
    fn above(&mut self, from: Place) -> Vec<Place> {
        self.walk += 1;
        self.seen[from as usize] = self.walk;
        let mut found = Vec::new();
        let mut next = from;
        let mut walked = 0;
        loop {
            for parent in &self.records[next as usize].parents {
                let place = *parent as usize;
                let is_new = std::mem::replace(&mut self.seen[place], self.walk) != self.walk;
                if is_new && self.records[place].standing == Standing::Present {
                    found.push(*parent);
                }
            }
            let Some(further) = found.get(walked) else { break };
            (next, walked) = (*further, walked + 1);
        }
        found.sort_unstable();
        found
    }
}

/// What all members of a simulation go by.
#[cfg(feature = "simulation")]
pub fn view_of_everybody() -> Arc<View> {
    use crate::store::model::{DOMAIN, everybody};
    Arc::new(View::new(1, DOMAIN, &[], vec![everybody()].into()))
}

#[cfg(test)]
impl View {
    /// Groups with their members, and categories, for whoever tries what follows from them.
    pub(crate) fn sketch(version: i64, groups: &[(&str, &[&str])], categories: Vec<Category>) -> Self {
        let address = |text: &str| BareJid::new(text).expect("an address");
        let mut records: Vec<Record> = Vec::new();
        let record = |text: &str, parents| Record {
            address: address(text),
            kind: Kind::of(&address(text), "example.org"),
            standing: Standing::Present,
            parents,
        };
        for (place, (group, _)) in groups.iter().enumerate() {
            debug_assert_eq!(place, records.len());
            records.push(record(group, Box::default()));
        }
        let mut members: Vec<&str> = groups.iter().flat_map(|(_, members)| *members).copied().collect();
        members.sort_unstable();
        members.dedup();
        for member in members {
            let holds = |(_, (_, members)): &(Place, &(&str, &[&str]))| members.contains(&member);
            let parents = (0..).zip(groups).filter(holds).map(|(place, _)| place).collect();
            records.push(record(member, parents));
        }
        Self::new(version, "example.org", &records, categories.into())
    }

    /// The same where that is configured.
    pub(crate) fn under_configuration(self, values: Values) -> Self {
        Self { values, ..self }
    }

    /// The same under a policy for all, or for nobody, but for these accounts.
    pub(crate) fn under_policy(self, is_enabled: bool, exceptions: &[&str]) -> Self {
        let enabled = Enabled::sketch(is_enabled, exceptions);
        Self { enabled, ..self }
    }
}

#[cfg(test)]
mod tests;
