//! The affiliations of a room: by address or whole domain, with the nicks reserved for them.

use std::collections::{BTreeMap, HashMap};

use perch_address::{BareJid, nickname_key};

use crate::chat::affiliation::Affiliation;
use crate::chat::event::AffiliationSet;
use crate::chat::snapshot::Standing;

/// All standings of a room. One that was taken away stays as `None`, so that deltas of the list can tell (XEP-0463).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    /// Boxed, as a node of the tree holds room for many, and most lists are short.
    by_jid: BTreeMap<BareJid, Box<Standing>>,
    /// Reserved nicks by the key under which nicks are compared.
    by_nick_key: HashMap<Box<str>, BareJid>,
    version: i64,
}

impl Standings {
    pub(super) fn load(standings: Vec<Standing>, version: i64) -> Self {
        let mut loaded = Self { version, ..Self::default() };
        for standing in standings {
            loaded.put(standing);
        }
        loaded
    }

    /// A person's own standing goes before that of his whole domain (XEP-0045 §9.2).
    pub fn of(&self, jid: &BareJid) -> Affiliation {
        self.listed_as(jid.as_str())
            .or_else(|| jid.local().and_then(|_| self.listed_as(jid.domain())))
            .unwrap_or_default()
    }

    /// What a person would be, were one entry of the list another.
    pub(super) fn of_if(&self, jid: &BareJid, entry: &BareJid, becomes: Affiliation) -> Affiliation {
        let listed = |name: &str| {
            if name == entry.as_str() {
                Some(becomes).filter(|&affiliation| affiliation != Affiliation::None)
            } else {
                self.listed_as(name)
            }
        };
        listed(jid.as_str()).or_else(|| jid.local().and_then(|_| listed(jid.domain()))).unwrap_or_default()
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
            version: set.version,
        });
    }

    fn listed_as(&self, jid: &str) -> Option<Affiliation> {
        self.by_jid.get(jid).map(|standing| standing.affiliation).filter(|&a| a != Affiliation::None)
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

fn key_of(standing: &Standing) -> Option<Box<str>> {
    nickname_key(standing.nick.as_deref()?).ok().map(Into::into)
}
