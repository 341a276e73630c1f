//! What an owner may configure of a room (XEP-0045 §10.2), and the defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chat::administration::ActNumber;
use crate::chat::affiliation::Role;
use crate::chat::category::CategoryId;

/// A room's configuration. Stored as it stands here: fields are only ever added, each with a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub name: String,
    pub description: String,
    /// The room's language, as in `xml:lang`; empty for none.
    pub lang: String,
    /// `Some` makes the room password-protected.
    pub password: Option<String>,
    /// Occupants at a time; `None` for no limit.
    pub occupants_max: Option<u32>,
    pub public: bool,
    pub members_only: bool,
    pub moderated: bool,
    pub persistent: bool,
    pub whois: Whois,
    pub private_messages: PrivateMessages,
    /// May members (members-only room) or occupants (open room) who are not admins invite?
    pub invitations: bool,
    /// May participants, and not only moderators, set the subject?
    pub subject_by_participants: bool,
    /// Roles whose presence is told to others (`muc#roomconfig_presencebroadcast`).
    pub presence_broadcast: Vec<Role>,
    /// Roles that may see the list of members (`muc#roomconfig_getmemberlist`).
    pub member_list: Vec<Role>,
    /// Is the conversation kept in the archive (`muc#roomconfig_enablelogging`)?
    pub archived: bool,
    /// Messages sent at most as history to who joins (`muc#maxhistoryfetch`).
    pub history_max: u32,
    /// Days that messages are kept; `None` for ever.
    pub retention_days: Option<u32>,
    /// Contact addresses (`muc#roomconfig` contactjid).
    pub contacts: Vec<String>,
    /// Who the room is for. `None`: made before there were categories, and bounded by none.
    pub category: Option<CategoryId>,
    pub kind: Kind,
    /// Nobody is inside, nobody enters, nobody finds it; all that it holds is kept.
    pub disabled: bool,
    /// Are new members invited, where the category lets its rooms do so?
    pub invites_members: bool,
    /// The add-in that is shown beside the conversation.
    pub addin: Option<ActNumber>,
}

/// What a room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whoever is a member may speak.
    #[default]
    Normal,
    /// Presenters speak, members listen.
    Auditorium,
}

/// Who finds a room and who may enter it, of those in the scope of its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// All find it, all enter.
    Open,
    /// All find it, members enter.
    Closed,
    /// Members find it and enter.
    Secret,
    /// Nobody finds it, but who knows of it enters: the hidden room of XEP-0045, which the original did not have.
    Unlisted,
}

/// Who may see the real addresses of occupants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whois {
    /// Semi-anonymous.
    Moderators,
    /// Non-anonymous.
    Anyone,
}

/// Who may send private messages (`muc#roomconfig_allowpm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateMessages {
    Anyone,
    Participants,
    Moderators,
    None,
}

impl Privacy {
    pub const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::Secret, Self::Unlisted];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Secret => "secret",
            Self::Unlisted => "unlisted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|privacy| privacy.as_str() == text)
    }
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Normal, Self::Auditorium];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Auditorium => "auditorium",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Settings {
    /// Messages that a joiner gets unless he asks for fewer, or the room allows fewer.
    pub const HISTORY_MAX: u32 = 50;

    pub fn privacy(&self) -> Privacy {
        match (self.public, self.members_only) {
            (true, false) => Privacy::Open,
            (true, true) => Privacy::Closed,
            (false, true) => Privacy::Secret,
            (false, false) => Privacy::Unlisted,
        }
    }

    pub fn set_privacy(&mut self, privacy: Privacy) {
        self.public = matches!(privacy, Privacy::Open | Privacy::Closed);
        self.members_only = matches!(privacy, Privacy::Closed | Privacy::Secret);
    }

    /// Whether those who look for rooms find it.
    pub fn is_listed(&self) -> bool {
        self.public && !self.disabled
    }

    pub fn is_auditorium(&self) -> bool {
        self.kind == Kind::Auditorium
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            lang: String::new(),
            password: None,
            occupants_max: None,
            public: true,
            members_only: false,
            moderated: false,
            persistent: true,
            whois: Whois::Moderators,
            private_messages: PrivateMessages::Anyone,
            invitations: true,
            subject_by_participants: false,
            presence_broadcast: vec![Role::Moderator, Role::Participant, Role::Visitor],
            member_list: vec![Role::Moderator, Role::Participant],
            archived: true,
            history_max: Self::HISTORY_MAX,
            retention_days: None,
            contacts: Vec::new(),
            category: None,
            kind: Kind::Normal,
            disabled: false,
            invites_members: true,
            addin: None,
        }
    }
}
