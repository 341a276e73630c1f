//! What is to be done so that the store has what a directory has. Pure: two states come in, changes come out.
//!
//! A principal stands for an entry by the entry's immutable id, so that one that is renamed or moved stays who it is, and
//! whoever gets the name of another is somebody else. An address is given once, and stays.

use std::collections::{BTreeSet, HashMap, HashSet};

use perch_address::BareJid;

use crate::chat::principal::{Change, Entry, Kind, Principal, Standing, new_address};

/// All that a directory has: every entry, to the last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    pub entries: Vec<FoundEntry>,
}

/// A user, group or unit of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntry {
    pub kind: Kind,
    /// For people to read.
    pub name: Box<str>,
    /// Of a user: what is before the `@`.
    pub local: Option<Box<str>>,
    pub entry: Entry,
    /// The places of the groups and units that it is directly in.
    pub parents: Vec<usize>,
}

/// What the store has of the directory.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Each principal that stands for an entry.
    pub principals: Vec<Principal>,
    /// Member and parent, of those parents.
    pub memberships: Vec<(BareJid, BareJid)>,
    /// Which of the users that were found have accounts.
    pub accounts: HashSet<BareJid>,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Accounts of people who are gone, whose names others have now.
    pub removed_accounts: Vec<BareJid>,
    /// What principals there are, and which entries they stand for.
    pub records: Vec<Change>,
    pub new_accounts: Vec<BareJid>,
    /// Who is in what.
    pub memberships: Vec<Change>,
    /// Users who are gone from the directory, and those who are back.
    pub disabled: Vec<BareJid>,
    pub enabled: Vec<BareJid>,
    /// Users who get no account, each with the reason.
    pub passed_over: Vec<(Box<str>, PassedOver)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedOver {
    /// It cannot be part of an address.
    BadName,
    /// An account that is not the directory's has the name: whoever made it would become this user.
    LocalAccount,
    /// Another entry has the name, or had it when its account was made.
    NameTaken,
}

impl PassedOver {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadName => "the name cannot be part of an address",
            Self::LocalAccount => "an account of the name is not the directory's",
            Self::NameTaken => "another user of the directory has the name",
        }
    }
}

/// `is_given`: whether an address is, or was, that of another group or unit.
pub fn plan(found: &Found, known: &Known, domain: &str, is_given: impl Fn(&BareJid) -> bool) -> Plan {
    let mut planner = Planner {
        found,
        domain,
        is_given: &is_given,
        by_entry: known.principals.iter().filter_map(|one| Some((&*one.entry.as_ref()?.id, one))).collect(),
        by_address: known.principals.iter().map(|one| (&one.address, one)).collect(),
        live: found.entries.iter().map(|one| &*one.entry.id).collect(),
        taken: HashSet::new(),
        plan: Plan::default(),
    };
    let addresses: Vec<Option<BareJid>> =
        found.entries.iter().map(|entry| planner.settle(entry, &known.accounts)).collect();
    planner.say_goodbye(&known.principals);
    planner.relate(&addresses, &known.memberships);
    planner.plan
}

struct Planner<'a> {
    found: &'a Found,
    domain: &'a str,
    is_given: &'a dyn Fn(&BareJid) -> bool,
    by_entry: HashMap<&'a str, &'a Principal>,
    by_address: HashMap<&'a BareJid, &'a Principal>,
    /// The ids of all entries.
    live: HashSet<&'a str>,
    /// Addresses that this plan gives.
    taken: HashSet<BareJid>,
    plan: Plan,
}

impl Planner<'_> {
    /// The address of an entry; None for one that gets none.
    fn settle(&mut self, found: &FoundEntry, accounts: &HashSet<BareJid>) -> Option<BareJid> {
        if let Some(known) = self.by_entry.get(&*found.entry.id).copied() {
            self.keep(known, found);
            // Its account was to be made, and whoever was to make it did not come to that.
            if known.kind == Kind::User && !accounts.contains(&known.address) {
                self.plan.new_accounts.push(known.address.clone());
            }
            return Some(known.address.clone());
        }
        let address = match found.kind {
            Kind::User => self.new_user(found, accounts)?,
            kind => self.new_group(kind, &found.name)?,
        };
        self.taken.insert(address.clone());
        self.plan.records.push(Change::Make {
            address: address.clone(),
            kind: found.kind,
            name: found.name.clone(),
            entry: Some(found.entry.clone()),
        });
        Some(address)
    }

    fn keep(&mut self, known: &Principal, found: &FoundEntry) {
        let address = known.address.clone();
        // Without a name is who was gone.
        let was_gone = known.entry.as_ref().is_some_and(|entry| entry.dn.is_empty());
        match known.kind {
            Kind::User if was_gone => self.plan.enabled.push(address.clone()),
            Kind::Group | Kind::Unit if known.standing == Standing::Removed => {
                self.plan.records.push(Change::Restore { address: address.clone() });
            }
            _ => {}
        }
        if known.name != found.name {
            self.plan.records.push(Change::Rename { address: address.clone(), name: found.name.clone() });
        }
        if known.entry.as_ref() != Some(&found.entry) {
            self.plan.records.push(Change::Bind { address, entry: Some(found.entry.clone()) });
        }
    }

    fn new_user(&mut self, found: &FoundEntry, accounts: &HashSet<BareJid>) -> Option<BareJid> {
        let name = found.local.as_deref().unwrap_or_default();
        let Ok(address) = BareJid::from_parts(Some(name), self.domain) else {
            return self.pass_over(found, PassedOver::BadName);
        };
        let holder = self.by_address.get(&address).and_then(|one| one.entry.as_ref());
        match holder {
            _ if self.taken.contains(&address) => self.pass_over(found, PassedOver::NameTaken),
            Some(entry) if self.live.contains(&*entry.id) => self.pass_over(found, PassedOver::NameTaken),
            // Somebody else now: nothing of the former one is his.
            Some(_) => {
                self.plan.removed_accounts.push(address.clone());
                self.plan.new_accounts.push(address.clone());
                Some(address)
            }
            None if accounts.contains(&address) => self.pass_over(found, PassedOver::LocalAccount),
            None => {
                self.plan.new_accounts.push(address.clone());
                Some(address)
            }
        }
    }

    fn pass_over(&mut self, found: &FoundEntry, reason: PassedOver) -> Option<BareJid> {
        self.plan.passed_over.push((found.entry.dn.clone(), reason));
        None
    }

    fn new_group(&self, kind: Kind, name: &str) -> Option<BareJid> {
        let mut attempts = (1..).map_while(|attempt| new_address(kind, name, attempt, self.domain).ok());
        attempts.find(|address| !self.taken.contains(address) && !(self.is_given)(address))
    }

    /// What is not in the directory any more.
    fn say_goodbye(&mut self, principals: &[Principal]) {
        for principal in principals {
            let Some(entry) = principal.entry.as_ref().filter(|entry| !self.live.contains(&*entry.id)) else {
                continue;
            };
            let address = principal.address.clone();
            match principal.kind {
                Kind::User => {
                    let is_new = !entry.dn.is_empty() && !self.plan.removed_accounts.contains(&address);
                    if is_new {
                        let entry = Some(Entry { id: entry.id.clone(), dn: "".into() });
                        self.plan.records.push(Change::Bind { address: address.clone(), entry });
                        self.plan.disabled.push(address);
                    }
                }
                Kind::Group | Kind::Unit if principal.standing != Standing::Removed => {
                    self.plan.records.push(Change::Remove { address });
                }
                _ => {}
            }
        }
    }

    /// Who is in what: those who left first, so that nobody has more than he should meanwhile.
    fn relate(&mut self, addresses: &[Option<BareJid>], memberships: &[(BareJid, BareJid)]) {
        let mut wanted = BTreeSet::new();
        for (entry, address) in self.found.entries.iter().zip(addresses) {
            let parents = entry.parents.iter().filter_map(|parent| addresses[*parent].as_ref());
            wanted.extend(
                address.iter().flat_map(|address| parents.clone().map(move |parent| (address, parent))),
            );
        }
        let known: BTreeSet<_> = memberships.iter().map(|(member, parent)| (member, parent)).collect();
        let left = known.difference(&wanted);
        self.plan.memberships.extend(
            left.map(|(member, from)| Change::Dismiss { member: (*member).clone(), from: (*from).clone() }),
        );
        let came = wanted.difference(&known);
        self.plan.memberships.extend(
            came.map(|(member, into)| Change::Admit { member: (*member).clone(), into: (*into).clone() }),
        );
    }
}

#[cfg(test)]
mod tests;
