//! All that a directory has, in pages. What cannot be read to its end is no answer at all: who is missing in half an answer
//! is not gone.

use std::collections::HashMap;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, Scope, SearchEntry};

use crate::chat::principal::{Entry, Kind};
use crate::directory::ldap::connection::ANSWER_TIME;
use crate::directory::ldap::options::{Attributes, Options, Search};
use crate::directory::ldap::{DirectoryError, SUCCESS, dn};
use crate::directory::plan::{Found, FoundEntry};

pub(super) async fn read(client: &mut Ldap, options: &Options) -> Result<Found, DirectoryError> {
    let mut sweep =
        Sweep { options, names: HashMap::new(), places: Vec::new(), entries: Vec::new(), links: Vec::new() };
    for (kind, search) in
        [(Kind::Unit, &options.units), (Kind::Group, &options.groups), (Kind::User, &options.users)]
    {
        sweep.search(client, kind, search).await?;
    }
    Ok(sweep.resolve())
}

/// The number of a distinguished name. An organisation has many memberships, each of two of few names.
type Name = u32;

struct Sweep<'a> {
    options: &'a Options,
    /// By their one spelling.
    names: HashMap<Box<str>, Name>,
    /// The entry of each name, if it was found.
    places: Vec<Option<usize>>,
    entries: Vec<FoundEntry>,
    /// Member and parent.
    links: Vec<(Name, Name)>,
}

impl Sweep<'_> {
    async fn search(&mut self, client: &mut Ldap, kind: Kind, search: &Search) -> Result<(), DirectoryError> {
        let adapters: Vec<Box<dyn Adapter<'_, String, Vec<String>>>> = vec![
            Box::new(EntriesOnly::new()),
            Box::new(PagedResults::new(i32::try_from(self.options.page).unwrap_or(i32::MAX))),
        ];
        let wanted = wanted(kind, &self.options.attributes);
        let mut answer = client
            .with_timeout(ANSWER_TIME)
            .streaming_search_with(adapters, &search.base, Scope::Subtree, &search.filter, wanted)
            .await?;
        while let Some(entry) = answer.next().await? {
            self.take(kind, &SearchEntry::construct(entry));
        }
        let end = answer.finish().await;
        if end.rc == SUCCESS { Ok(()) } else { Err(DirectoryError::CutShort(end.to_string())) }
    }

    fn take(&mut self, kind: Kind, entry: &SearchEntry) {
        let attributes = &self.options.attributes;
        let Some(id) = id(entry, &attributes.id) else { return };
        let display = match kind {
            Kind::Group => &attributes.group,
            Kind::Unit => &attributes.unit,
            Kind::User | Kind::Domain => &attributes.display,
        };
        let user = first(entry, &attributes.user).filter(|_| kind == Kind::User);
        // A user who has no name to sign in with is none.
        if kind == Kind::User && user.is_none() {
            return;
        }
        let found = FoundEntry {
            kind,
            name: first(entry, display).or(user).unwrap_or(&entry.dn).into(),
            local: user.map(Into::into),
            entry: Entry { id, dn: entry.dn.as_str().into() },
            parents: Vec::new(),
        };
        let name = self.name(&entry.dn);
        self.places[name as usize] = Some(self.entries.len());
        self.entries.push(found);
        for parent in values(entry, attributes.member_of.as_deref()) {
            let parent = self.name(parent);
            self.links.push((name, parent));
        }
        let members = attributes.member.iter().filter(|_| kind == Kind::Group);
        for member in members.flat_map(|attribute| values(entry, Some(attribute))) {
            let member = self.name(member);
            self.links.push((member, name));
        }
    }

    fn name(&mut self, dn: &str) -> Name {
        let canonical = dn::canonical(dn);
        let next = self.places.len() as Name;
        let name = *self.names.entry(canonical).or_insert(next);
        if name == next {
            self.places.push(None);
        }
        name
    }

    /// Puts places where names were. What is not among the entries is no member of anything here.
    fn resolve(mut self) -> Found {
        for (member, parent) in std::mem::take(&mut self.links) {
            self.link(self.places[member as usize], self.places[parent as usize]);
        }
        for place in 0..self.entries.len() {
            let above = self.unit_above(&self.entries[place].entry.dn);
            self.link(Some(place), above);
        }
        for entry in &mut self.entries {
            entry.parents.sort_unstable();
            entry.parents.dedup();
        }
        Found { entries: self.entries }
    }

    fn link(&mut self, member: Option<usize>, parent: Option<usize>) {
        if let (Some(member), Some(parent)) = (member, parent)
            && self.entries[parent].kind.may_hold(self.entries[member].kind)
        {
            self.entries[member].parents.push(parent);
        }
    }

    /// The unit that an entry is in: the nearest above it.
    fn unit_above(&self, dn: &str) -> Option<usize> {
        let canonical = dn::canonical(dn);
        let mut names = std::iter::successors(dn::above(&canonical), |name| dn::above(name));
        names.find_map(|name| {
            let place = self.places[*self.names.get(name)? as usize]?;
            (self.entries[place].kind == Kind::Unit).then_some(place)
        })
    }
}

fn wanted(kind: Kind, attributes: &Attributes) -> Vec<String> {
    let mut wanted = vec![attributes.id.clone()];
    match kind {
        Kind::Unit => wanted.push(attributes.unit.clone()),
        Kind::Group => {
            wanted.push(attributes.group.clone());
            wanted.extend(attributes.member.clone());
            wanted.extend(attributes.member_of.clone());
        }
        Kind::User | Kind::Domain => {
            wanted.extend([attributes.user.clone(), attributes.display.clone()]);
            wanted.extend(attributes.member_of.clone());
        }
    }
    wanted
}

/// Values of an attribute, whatever the case of its name.
fn values<'a>(entry: &'a SearchEntry, name: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let named = entry
        .attrs
        .iter()
        .filter(move |(known, _)| name.is_some_and(|name| known.eq_ignore_ascii_case(name)));
    named.flat_map(|(_, values)| values).map(String::as_str)
}

fn first<'a>(entry: &'a SearchEntry, name: &'a str) -> Option<&'a str> {
    values(entry, Some(name)).find(|value| !value.is_empty())
}

/// As text; one that is bytes, as objectGUID is, in hexadecimal digits. Sixteen bytes may also happen to be text.
fn id(entry: &SearchEntry, name: &str) -> Option<Box<str>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    let is_binary = name.eq_ignore_ascii_case("objectGUID");
    if let Some(text) = first(entry, name) {
        return Some(if is_binary { hex(text.as_bytes()) } else { text.into() });
    }
    let bytes = entry.bin_attrs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    bytes.1.first().map(|bytes| hex(bytes))
}
