//! Whom an account does not want to hear of (XEP-0191).

use std::collections::BTreeSet;

use perch_address::Jid;

/// The block list. It is shared with the accounts that write to this one, so it is replaced and never changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BlockList {
    jids: BTreeSet<Jid>,
}

impl BlockList {
    pub(super) fn new(jids: impl IntoIterator<Item = Jid>) -> Self {
        Self { jids: jids.into_iter().collect() }
    }

    /// Whether an entry covers the address: it, its account, its resource at the domain, or the domain (XEP-0191 §4).
    pub(crate) fn covers(&self, jid: &Jid) -> bool {
        if self.jids.is_empty() {
            return false;
        }
        let domain_resource = jid.resource().map(|resource| format!("{}/{resource}", jid.domain()));
        self.jids.contains(jid)
            || self.jids.contains(jid.bare().as_str())
            || domain_resource.is_some_and(|address| self.jids.contains(address.as_str()))
            || self.jids.contains(jid.domain())
    }

    pub(super) fn contains(&self, jid: &Jid) -> bool {
        self.jids.contains(jid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Jid> {
        self.jids.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.jids.len()
    }

    pub(super) fn with(&self, jids: &[Jid]) -> Self {
        Self { jids: self.jids.iter().chain(jids).cloned().collect() }
    }

    pub(super) fn without(&self, jids: &[Jid]) -> Self {
        Self { jids: self.jids.iter().filter(|jid| !jids.contains(jid)).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_what_xep_0191_says_it_covers() {
        let check = |entry: &str, address: &str, expected: bool| {
            let list = BlockList::new([Jid::new(entry).unwrap()]);
            assert_eq!(list.covers(&Jid::new(address).unwrap()), expected, "{entry} and {address}");
        };
        check("romeo@montague.example/garden", "romeo@montague.example/garden", true);
        check("romeo@montague.example/garden", "romeo@montague.example/home", false);
        check("romeo@montague.example/garden", "romeo@montague.example", false);
        check("romeo@montague.example", "romeo@montague.example/home", true);
        check("romeo@montague.example", "romeo@montague.example", true);
        check("romeo@montague.example", "benvolio@montague.example", false);
        check("montague.example", "romeo@montague.example/home", true);
        check("montague.example", "montague.example", true);
        check("montague.example/bot", "romeo@montague.example/bot", true);
        check("montague.example/bot", "romeo@montague.example", false);
        check("montague.example", "romeo@sub.montague.example", false);
    }
}
