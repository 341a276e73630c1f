//! For whom persistent chat is enabled: what the policies come to.

use std::collections::HashSet;

use crate::chat::administration::level::Here;
use crate::chat::administration::policy::Policies;
use crate::store::administration::policy::PolicyGrant;

/// The accounts that may use rooms at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enabled {
    /// What holds for whoever is no exception.
    usually: bool,
    /// The localparts of those for whom the opposite holds.
    exceptions: HashSet<Box<str>>,
}

impl Enabled {
    pub(super) fn by(policies: &Policies, grants: &[PolicyGrant], here: &Here) -> Self {
        let usually = policies.effective(None, here).is_enabled;
        let differs =
            |grant: &&PolicyGrant| policies.effective(Some(&grant.level), here).is_enabled != usually;
        let exceptions = grants.iter().filter(differs).map(|grant| grant.name.clone()).collect();
        Self { usually, exceptions }
    }

    pub(super) fn everybody() -> Self {
        Self { usually: true, exceptions: HashSet::new() }
    }

    #[cfg(test)]
    pub(super) fn sketch(usually: bool, exceptions: &[&str]) -> Self {
        Self { usually, exceptions: exceptions.iter().map(|name| (*name).into()).collect() }
    }

    /// Whether it is enabled for the account of that name.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.usually != self.exceptions.contains(name)
    }

    /// Whether it is for who has no account here, to whom nothing can be granted.
    pub(super) fn includes_strangers(&self) -> bool {
        self.usually
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::administration::level::Level;
    use crate::chat::administration::policy::Policy;
    use crate::chat::administration::{ActNumber, Versioned};

    /// `global+` enables, `global-` does not. Alice has `tag:on`, bob `tag:off`, carol one that is no more, dan none.
    fn check(is_enabled_by_default: bool, set: &[&str], expected: &[&str]) {
        let policy = |text: &&str| {
            let (level, is_enabled) = (&text[..text.len() - 1], text.ends_with('+'));
            let value = Policy::new(Level::parse(level).unwrap(), is_enabled, "").unwrap();
            Versioned { version: ActNumber(1), value }
        };
        let policies = Policies { is_enabled_by_default, set: set.iter().map(policy).collect() };
        let grants = [("alice", "tag:on"), ("bob", "tag:off"), ("carol", "tag:gone")]
            .map(|(name, level)| PolicyGrant { name: name.into(), level: Level::parse(level).unwrap() });
        let here = Here { pool: "one".into(), site: Some("berlin".into()) };
        let enabled = Enabled::by(&policies, &grants, &here);
        let everybody = ["alice", "bob", "carol", "dan"];
        let found: Vec<_> = everybody.into_iter().filter(|name| enabled.includes(name)).collect();
        assert_eq!(found, expected, "{is_enabled_by_default} {set:?}");
        assert_eq!(enabled.includes_strangers(), found.contains(&"dan"), "{set:?}");
    }

    #[test]
    fn the_policy_in_force_says_for_whom() {
        let all = ["alice", "bob", "carol", "dan"];
        check(true, &[], &all);
        check(false, &[], &[]);
        check(false, &["tag:on+"], &["alice"]);
        check(true, &["tag:off-"], &["alice", "carol", "dan"]);
        check(false, &["global+"], &all);
        check(false, &["global+", "tag:on+", "tag:off-"], &["alice", "carol", "dan"]);
        check(true, &["global+", "site:berlin-"], &[]);
        check(true, &["global-", "site:berlin-", "pool:one+"], &all);
        check(true, &["global-", "pool:two+", "site:rome+", "tag:on+"], &["alice"]);
    }
}
