//! Principals: whoever rights can be given to. Each has an address, so that any client can show it in a list and set it.
//!
//! | principal | address |
//! |---|---|
//! | user | `alice@example.org`: an account here, or a user of another domain |
//! | group | `engineering@groups.example.org` |
//! | organisational unit | `munich@units.example.org` |
//! | whole domain | `example.org` |
//!
//! The address of a group or unit is made from its name when it is made, stays when the name changes, and is never given
//! to another: rights are keyed by addresses.

use perch_address::{AddressError, BareJid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a principal is. Its address shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    User,
    Group,
    Unit,
    Domain,
}

/// Whether a principal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    #[default]
    Present,
    /// An account that may not sign in.
    Disabled,
    /// An account, group or unit that is no more.
    Removed,
}

/// A principal that has a record: each group and unit, and those users of whom there is something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub address: BareJid,
    pub kind: Kind,
    /// For people to read; it may change, and another may have the same.
    pub name: Box<str>,
    pub standing: Standing,
    pub entry: Option<Entry>,
}

/// The entry of a directory that a principal stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The directory's own, which the entry has for ever: entryUUID, objectGUID.
    pub id: Box<str>,
    /// Where it was last seen: its distinguished name.
    pub dn: Box<str>,
}

/// What is to be different. Changes that are asked for together come true together, or not at all; what is so already
/// is left so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Makes a group or unit, or notes down a user.
    Make {
        address: BareJid,
        kind: Kind,
        name: Box<str>,
        entry: Option<Entry>,
    },
    /// Gives it another name, the address stays.
    Rename {
        address: BareJid,
        name: Box<str>,
    },
    /// Says which entry of the directory it stands for.
    Bind {
        address: BareJid,
        entry: Option<Entry>,
    },
    /// Ends a group or unit: nobody belongs to it any more.
    Remove {
        address: BareJid,
    },
    /// The entry that it stands for is in the directory again: so is what it was.
    Restore {
        address: BareJid,
    },
    /// Takes a member into a group or unit. A user need not have been noted down.
    Admit {
        member: BareJid,
        into: BareJid,
    },
    Dismiss {
        member: BareJid,
        from: BareJid,
    },
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::User, Self::Group, Self::Unit, Self::Domain];

    /// What an address stands for where the accounts are those of `domain`.
    pub fn of(address: &BareJid, domain: &str) -> Self {
        if address.local().is_none() {
            return Self::Domain;
        }
        let within = |kind: Self| {
            let prefix = address.domain().strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
            kind.host().is_some_and(|host| prefix == Some(host))
        };
        [Self::Group, Self::Unit].into_iter().find(|kind| within(*kind)).unwrap_or(Self::User)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Unit => "unit",
            Self::Domain => "domain",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Groups nest, and hold users. Units hold users, groups and units.
    pub fn may_hold(self, member: Self) -> bool {
        match self {
            Self::Group => matches!(member, Self::User | Self::Group),
            Self::Unit => matches!(member, Self::User | Self::Group | Self::Unit),
            Self::User | Self::Domain => false,
        }
    }

    /// The first label of the domain that addresses of this kind have.
    fn host(self) -> Option<&'static str> {
        match self {
            Self::Group => Some("groups"),
            Self::Unit => Some("units"),
            Self::User | Self::Domain => None,
        }
    }
}

impl Standing {
    const ALL: [Self; 3] = [Self::Present, Self::Disabled, Self::Removed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }
}

/// The address that a new group or unit of that name gets; where it was given before, `attempt` 2, 3 … give others.
pub fn new_address(kind: Kind, name: &str, attempt: u32, domain: &str) -> Result<BareJid, AddressError> {
    let mut local = slug(name);
    if local.is_empty() {
        local.push_str(kind.as_str());
    }
    if attempt > 1 {
        local.push_str(&format!("-{attempt}"));
    }
    let host = kind.host().map_or_else(|| domain.to_owned(), |host| format!("{host}.{domain}"));
    BareJid::from_parts(Some(&local), &host)
}

/// Letters and digits as they are, in small letters; one hyphen for whatever stands between them.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for part in name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(part.chars().flat_map(char::to_lowercase));
    }
    let cut = slug.char_indices().nth(SLUG_MAX).map_or(slug.len(), |(place, _)| place);
    slug.truncate(cut);
    slug.trim_end_matches('-').to_owned()
}

/// Letters of an address that are made from a name.
const SLUG_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_it_stands_for() {
        for (address, expected) in [
            ("alice@example.org", Kind::User),
            ("alice@elsewhere.example", Kind::User),
            ("a@groups.example.org", Kind::Group),
            ("a@units.example.org", Kind::Unit),
            ("a@groups.elsewhere.example", Kind::User),
            ("a@notgroups.example.org", Kind::User),
            ("a@groups.sub.example.org", Kind::User),
            ("example.org", Kind::Domain),
            ("groups.example.org", Kind::Domain),
        ] {
            assert_eq!(Kind::of(&BareJid::new(address).unwrap(), "example.org"), expected, "{address}");
        }
    }

    #[test]
    fn addresses_are_made_from_names() {
        for (kind, name, attempt, expected) in [
            (Kind::Group, "Engineering", 1, "engineering@groups.example.org"),
            (Kind::Group, "  R&D / Süd (old) ", 1, "r-d-süd-old@groups.example.org"),
            (Kind::Unit, "Engineering", 2, "engineering-2@units.example.org"),
            (Kind::Group, "***", 1, "group@groups.example.org"),
            (Kind::Unit, "", 3, "unit-3@units.example.org"),
        ] {
            let made = new_address(kind, name, attempt, "example.org").unwrap();
            assert_eq!(made.as_str(), expected, "{name:?}");
            assert_eq!(Kind::of(&made, "example.org"), kind);
        }
        let long = new_address(Kind::Group, &"ä".repeat(2000), 1, "example.org").unwrap();
        assert_eq!(long.local().map(|local| local.chars().count()), Some(SLUG_MAX));
    }
}
