//! Policies: whether somebody may use persistent chat at all.

use thiserror::Error;

use super::Versioned;
use super::level::{Here, Level};

/// What one policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub level: Level,
    /// May those whom it concerns use rooms?
    pub is_enabled: bool,
    pub description: Box<str>,
}

/// Why something is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the description of a policy has 1000 characters at most")]
pub struct DescriptionTooLong;

/// All policies of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// What the global policy says as long as nobody has set it.
    pub is_enabled_by_default: bool,
    pub set: Vec<Versioned<Policy>>,
}

impl Policy {
    pub fn new(level: Level, is_enabled: bool, description: &str) -> Result<Self, DescriptionTooLong> {
        if description.chars().count() > Self::DESCRIPTION_MAX {
            return Err(DescriptionTooLong);
        }
        Ok(Self { level, is_enabled, description: description.into() })
    }

    /// Characters of a description at most.
    pub const DESCRIPTION_MAX: usize = 1000;
}

impl Policies {
    /// The policy of somebody to whom `granted` was granted: that one, else the pool's, the site's, the global one. A
    /// granted one that is no more is as none.
    pub fn effective(&self, granted: Option<&Level>, here: &Here) -> Policy {
        let granted = granted.cloned().into_iter();
        granted.chain(Level::near(here)).find_map(|level| self.at(&level)).unwrap_or_else(|| self.global())
    }

    fn at(&self, level: &Level) -> Option<Policy> {
        self.set.iter().find(|policy| policy.value.level == *level).map(|policy| policy.value.clone())
    }

    /// The global policy that nobody has set.
    pub fn global(&self) -> Policy {
        Policy { level: Level::Global, is_enabled: self.is_enabled_by_default, description: Box::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::administration::ActNumber;

    /// The level of the policy that is in force, among those that are set.
    fn check(set: &[&str], granted: Option<&str>, expected: &str) {
        let here = Here { pool: "one".into(), site: Some("berlin".into()) };
        let policy = |text: &&str| Versioned {
            version: ActNumber(1),
            value: Policy::new(Level::parse(text).unwrap(), true, text).unwrap(),
        };
        let policies = Policies { is_enabled_by_default: false, set: set.iter().map(policy).collect() };
        let granted = granted.map(|text| Level::parse(text).unwrap());
        let found = policies.effective(granted.as_ref(), &here);
        assert_eq!(found.level.to_string(), expected, "{set:?} {granted:?}");
        assert_eq!(found.is_enabled, !set.is_empty() && set.contains(&expected), "{set:?} {granted:?}");
    }

    #[test]
    fn the_nearest_policy_is_in_force() {
        let all = ["global", "site:berlin", "pool:one", "tag:a"];
        check(&all, Some("tag:a"), "tag:a");
        check(&all, None, "pool:one");
        check(&all, Some("tag:gone"), "pool:one");
        check(&all[..2], Some("tag:a"), "site:berlin");
        check(&all[..1], None, "global");
        check(&[], None, "global");
        check(&["site:rome", "pool:two", "tag:b"], Some("tag:a"), "global");
    }
}
