//! Categories: who rooms are for. A category is the scope within which its rooms give rights, and says who may make rooms
//! in it; it holds no conversation of its own.

use perch_address::BareJid;
use serde::{Deserialize, Serialize};

/// A category's row in the store; it keeps it when it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CategoryId(pub i64);

/// Principals count with all who belong to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub id: CategoryId,
    /// No two categories have the same.
    pub name: Box<str>,
    pub description: Box<str>,
    /// Who may find its rooms, be put into them, and enter those that are open.
    pub allowed: Vec<BareJid>,
    /// Who may not, whatever allows it: the ethical wall.
    pub denied: Vec<BareJid>,
    /// Who may make rooms, of those in scope.
    pub creators: Vec<BareJid>,
    pub rules: Rules,
    /// Of the act that changed it last: who changes what he saw is told if it is no longer so.
    pub version: i64,
}

/// A category but for what the store gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryText {
    pub name: Box<str>,
    pub description: Box<str>,
    pub allowed: Vec<BareJid>,
    pub denied: Vec<BareJid>,
    pub creators: Vec<BareJid>,
    pub rules: Rules,
}

/// What holds for all rooms of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// May files be put into its rooms?
    pub file_upload: bool,
    /// Do its rooms invite those who become members? A room may go without, but not do so where this is off.
    pub invitations: bool,
    /// Is what is said kept for its members to read? Compliance has it in any case.
    pub history: bool,
    /// May a room's managers destroy it, as XEP-0045 §10.9 has it, or only disable it?
    pub managers_destroy: bool,
}

/// Letters of a name, and of a description.
pub const TEXT_MAX: usize = 256;
/// Entries of one list.
pub const LIST_MAX: usize = 10_000;

impl Category {
    /// Whether someone is in scope, by all that he belongs to.
    pub fn admits(&self, belongs_to: impl Fn(&BareJid) -> bool) -> bool {
        self.allowed.iter().any(&belongs_to) && !self.denied.iter().any(&belongs_to)
    }

    /// Whether someone may make rooms in it.
    pub fn lets_create(&self, belongs_to: impl Fn(&BareJid) -> bool) -> bool {
        self.creators.iter().any(&belongs_to) && self.admits(&belongs_to)
    }
}

impl CategoryText {
    /// Under that id, as of that version.
    pub fn with(self, id: CategoryId, version: i64) -> Category {
        let Self { name, description, allowed, denied, creators, rules } = self;
        Category { id, name, description, allowed, denied, creators, rules, version }
    }
}

impl From<Category> for CategoryText {
    fn from(category: Category) -> Self {
        let Category { name, description, allowed, denied, creators, rules, .. } = category;
        Self { name, description, allowed, denied, creators, rules }
    }
}

impl Default for Rules {
    /// As the original's: history is kept, files and invitations are switched on by who wants them.
    fn default() -> Self {
        Self { file_upload: false, invitations: false, history: true, managers_destroy: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jids(texts: &[&str]) -> Vec<BareJid> {
        texts.iter().map(|text| BareJid::new(text).unwrap()).collect()
    }

    #[test]
    fn who_is_denied_is_out_of_scope_whatever_allows_him() {
        let category = Category {
            id: CategoryId(1),
            name: "Trading".into(),
            description: "".into(),
            allowed: jids(&["example.org"]),
            denied: jids(&["analysts@groups.example.org"]),
            creators: jids(&["alice@example.org", "analysts@groups.example.org"]),
            rules: Rules::default(),
            version: 1,
        };
        for (belongs_to, is_in_scope, may_create) in [
            (jids(&["alice@example.org", "example.org"]), true, true),
            (jids(&["bob@example.org", "example.org"]), true, false),
            (jids(&["carol@example.org", "example.org", "analysts@groups.example.org"]), false, false),
            (jids(&["alice@example.org", "example.org", "analysts@groups.example.org"]), false, false),
            (jids(&["dan@elsewhere.example", "elsewhere.example"]), false, false),
        ] {
            let holds = |principal: &BareJid| belongs_to.contains(principal);
            assert_eq!((category.admits(holds), category.lets_create(holds)), (is_in_scope, may_create));
        }
    }
}
