//! Which conversations an account keeps in its archive (XEP-0441).

use perch_address::{BareJid, Jid};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArchivePreferences {
    pub default: ArchiveDefault,
    pub always: Vec<Jid>,
    pub never: Vec<Jid>,
}

/// What holds for who is in neither list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveDefault {
    #[default]
    Always,
    Never,
    /// Only conversations with contacts of the roster.
    Roster,
}

impl ArchivePreferences {
    /// Whether a message exchanged with `peer` is kept. A full address in a list stands before a bare one, and
    /// `never` before `always`.
    pub fn keeps(&self, peer: &Jid, is_contact: impl FnOnce(&BareJid) -> bool) -> bool {
        let bare = peer.bare();
        for address in [peer, bare.as_jid()] {
            if self.never.contains(address) {
                return false;
            }
            if self.always.contains(address) {
                return true;
            }
        }
        match self.default {
            ArchiveDefault::Always => true,
            ArchiveDefault::Never => false,
            ArchiveDefault::Roster => is_contact(&bare),
        }
    }
}

impl ArchiveDefault {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Roster => "roster",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Always, Self::Never, Self::Roster].into_iter().find(|d| d.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_list_decides_before_the_default() {
        let jid = |text: &str| Jid::new(text).unwrap();
        let preferences = |default| ArchivePreferences {
            default,
            always: vec![jid("romeo@montague.example"), jid("tybalt@capulet.example/sword")],
            never: vec![jid("tybalt@capulet.example"), jid("romeo@montague.example/secret")],
        };
        let check = |default, peer: &str, is_contact: bool, expected: bool| {
            assert_eq!(
                preferences(default).keeps(&jid(peer), |_| is_contact),
                expected,
                "{default:?} {peer}"
            );
        };
        check(ArchiveDefault::Never, "romeo@montague.example/garden", false, true);
        check(ArchiveDefault::Always, "romeo@montague.example/secret", false, false);
        check(ArchiveDefault::Always, "tybalt@capulet.example/home", true, false);
        check(ArchiveDefault::Never, "tybalt@capulet.example/sword", true, true);
        check(ArchiveDefault::Always, "nurse@capulet.example", false, true);
        check(ArchiveDefault::Never, "nurse@capulet.example", true, false);
        check(ArchiveDefault::Roster, "nurse@capulet.example/x", true, true);
        check(ArchiveDefault::Roster, "nurse@capulet.example/x", false, false);
    }
}
