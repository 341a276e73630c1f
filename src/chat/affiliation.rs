//! Affiliations and roles (XEP-0045 §5): the long-lived standing of a person, and the standing during one stay.

use serde::{Deserialize, Serialize};

/// The long-lived standing of a person in a room. Ordered: each includes what those below it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Affiliation {
    Outcast,
    #[default]
    None,
    Member,
    Admin,
    Owner,
}

/// Which of a room's lists of affiliations: those that somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lists(u8);

/// The standing of an occupant during one stay. Ordered like affiliations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    None,
    Visitor,
    Participant,
    Moderator,
}

impl Affiliation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Outcast, Self::None, Self::Member, Self::Admin, Self::Owner]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

impl Lists {
    /// Nobody is listed for having no affiliation.
    pub const ALL: [Affiliation; 4] =
        [Affiliation::Owner, Affiliation::Admin, Affiliation::Member, Affiliation::Outcast];

    pub fn has(self, list: Affiliation) -> bool {
        list != Affiliation::None && self.0 & (1 << list as u8) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn are_all(self) -> bool {
        Self::ALL.into_iter().all(|list| self.has(list))
    }

    pub fn bits(self) -> u8 {
        self.0
    }
}

impl FromIterator<Affiliation> for Lists {
    fn from_iter<I: IntoIterator<Item = Affiliation>>(lists: I) -> Self {
        Self(lists.into_iter().fold(0, |bits, list| bits | (1 << list as u8)))
    }
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Visitor, Self::Participant, Self::Moderator]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}
