//! The affiliations of a room: by principal, with the nicks reserved for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use perch_address::{BareJid, nickname_key};

use crate::chat::affiliation::Affiliation;
use crate::chat::category::CategoryId;
use crate::chat::event::{AffiliationSet, Extent};
use crate::chat::snapshot::Standing;
use crate::directory::View;
use crate::room::affiliation::Grant;

/// All standings of a room. One that was taken away stays as `None`, so that deltas of the list can tell (XEP-0463).
///
/// An entry speaks of a principal: a person, or all who belong to a group, a unit or a domain. What somebody is follows
/// from the entries of all that he belongs to, within the scope of the room's category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    /// Boxed, as a node of the tree holds room for many, and most lists are short.
    by_jid: BTreeMap<BareJid, Box<Standing>>,
    /// Reserved nicks by the key under which nicks are compared.
    by_nick_key: HashMap<Box<str>, BareJid>,
    version: i64,
    scope: Scope,
}

/// By what people are known.
#[derive(Debug, Clone, Default)]
struct Scope {
    view: Arc<View>,
    category: Option<CategoryId>,
}

/// What somebody is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub affiliation: Affiliation,
    pub extent: Extent,
    /// The room's category is for him too.
    pub is_in_scope: bool,
    /// The policy in force lets him use rooms.
    pub is_enabled: bool,
}

/// What an entry of the lists says.
pub(super) type Entry = (Affiliation, Extent);

impl Place {
    /// What the entries of a room's lists make of somebody, by what he belongs to in that view. `entry` gives that of a
    /// principal. One that was taken away is none.
    pub(super) fn by(
        view: &View,
        category: Option<CategoryId>,
        who: &BareJid,
        entry: impl Fn(&str) -> Option<Entry>,
    ) -> Self {
        let belonging = view.belongs(who);
        let entry = |principal| entry(principal).filter(|(affiliation, _)| *affiliation != Affiliation::None);
        let own = entry(who.as_str()).filter(|_| belonging.is_somebody());
        let others = belonging.addresses().filter(|address| *address != who.as_str());
        let place = Self {
            affiliation: NOTHING.0,
            extent: NOTHING.1,
            is_in_scope: view.is_in_scope(category, belonging),
            is_enabled: view.is_enabled(who),
        };
        place.listed(own, others.filter_map(entry))
    }

    /// A ban of his own puts a person out. One of a group or of his whole domain does not, where he has an entry of his
    /// own (XEP-0045 §9.2). For the rest he is the most of what his entries make him; but whom the room is not for, no
    /// entry gives anything.
    fn listed(self, own: Option<Entry>, others: impl Iterator<Item = Entry>) -> Self {
        let mut is_banned = own.is_some_and(|(affiliation, _)| affiliation == Affiliation::Outcast);
        let mut best = own.unwrap_or(NOTHING);
        for (affiliation, extent) in others {
            if affiliation == Affiliation::Outcast {
                is_banned |= own.is_none();
            } else {
                best.0 = best.0.max(affiliation);
                best.1.attends |= extent.attends;
                best.1.presents |= extent.presents;
            }
        }
        let (affiliation, extent) = match (is_banned, self.admitted().is_ok()) {
            (true, _) => (Affiliation::Outcast, NOTHING.1),
            (false, true) => best,
            (false, false) => NOTHING,
        };
        Self { affiliation, extent, ..self }
    }
}

/// Of whom no entry speaks.
const NOTHING: Entry = (Affiliation::None, Extent { attends: false, presents: false });

/// An entry of the list as it is not yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Supposed<'a> {
    entry: &'a BareJid,
    affiliation: Affiliation,
    extent: Extent,
}

impl Standings {
    pub(super) fn load(standings: Vec<Standing>, version: i64) -> Self {
        let mut loaded = Self { version, ..Self::default() };
        for standing in standings {
            loaded.put(standing);
        }
        loaded
    }

    /// By this people are known from now on.
    pub(super) fn see(&mut self, view: Arc<View>, category: Option<CategoryId>) {
        self.scope = Scope { view, category };
    }

    pub(super) fn view(&self) -> &Arc<View> {
        &self.scope.view
    }

    pub fn of(&self, jid: &BareJid) -> Affiliation {
        self.place(jid).affiliation
    }

    /// What the entry of a principal says, whatever he is by others, and also while it gives him nothing.
    pub(super) fn listed_as(&self, principal: &BareJid) -> Affiliation {
        self.get(principal).map_or(Affiliation::None, |standing| standing.affiliation)
    }

    pub fn place(&self, jid: &BareJid) -> Place {
        self.place_if(jid, None)
    }

    /// What a person would be, were one entry of the list another.
    pub(super) fn place_if(&self, jid: &BareJid, supposed: Option<Supposed<'_>>) -> Place {
        Place::by(&self.scope.view, self.scope.category, jid, |principal| match supposed {
            Some(supposed) if supposed.entry.as_str() == principal => {
                Some((supposed.affiliation, supposed.extent))
            }
            _ => self.by_jid.get(principal).map(|standing| (standing.affiliation, standing.extent)),
        })
    }

    /// Whether a ban of that principal would put the person out.
    pub(super) fn would_ban(&self, jid: &BareJid, entry: &BareJid) -> bool {
        let supposed = Supposed { entry, affiliation: Affiliation::Outcast, extent: Extent::default() };
        self.place_if(jid, Some(supposed)).affiliation == Affiliation::Outcast
    }

    /// Whether an entry of the list speaks of a person.
    pub(super) fn concerns(&self, entry: &BareJid, person: &BareJid) -> bool {
        entry == person || self.scope.view.belongs(person).includes(entry)
    }

    pub fn get(&self, jid: &BareJid) -> Option<&Standing> {
        self.by_jid.get(jid).map(|standing| &**standing)
    }

    /// Whose nick this is, whether he is in the room or not.
    pub fn reserved_for(&self, nick_key: &str) -> Option<&BareJid> {
        self.by_nick_key.get(nick_key)
    }

    pub fn with(&self, affiliation: Affiliation) -> impl Iterator<Item = &Standing> {
        self.by_jid
            .values()
            .map(|standing| &**standing)
            .filter(move |standing| standing.affiliation == affiliation)
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = &Standing> {
        self.by_jid.values().map(|standing| &**standing)
    }

    /// What changed after a version of the list, removals included.
    pub fn since(&self, version: i64) -> impl Iterator<Item = &Standing> {
        self.by_jid.values().map(|standing| &**standing).filter(move |standing| standing.version > version)
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn set(&mut self, set: &AffiliationSet) {
        self.version = self.version.max(set.version);
        self.put(Standing {
            jid: set.jid.clone(),
            affiliation: set.affiliation,
            nick: set.nick.clone(),
            reason: set.reason.clone(),
            extent: set.extent,
            version: set.version,
        });
    }

    fn put(&mut self, standing: Standing) {
        let new_key = key_of(&standing);
        let jid = standing.jid.clone();
        if let Some(old_key) = self.by_jid.insert(jid.clone(), Box::new(standing)).as_deref().and_then(key_of)
        {
            self.by_nick_key.remove(&old_key);
        }
        if let Some(key) = new_key {
            self.by_nick_key.insert(key, jid);
        }
    }
}

impl<'a> From<&'a Grant> for Supposed<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self { entry: &grant.jid, affiliation: grant.affiliation, extent: grant.extent }
    }
}

/// How people are known is no part of what a room is: its log does not say it.
impl PartialEq for Scope {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Scope {}

fn key_of(standing: &Standing) -> Option<Box<str>> {
    nickname_key(standing.nick.as_deref()?).ok().map(Into::into)
}
