//! Configuration: what holds for all rooms of a pool.

use thiserror::Error;

use super::Versioned;
use super::level::{Here, Level};
use super::web::is_web_address;

/// What is set at one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Any level but a tag: it is no matter of single users.
    pub level: Level,
    pub values: Values,
}

/// The values themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// Messages of the past that a room gives to who comes in, where he does not say how many.
    pub default_history: u32,
    /// In a room with more occupants than this, arrivals and departures are told to whom they concern only.
    pub participant_update_limit: u32,
    /// The largest file that is taken or given, in units of 1024 bytes.
    pub file_kb_max: u32,
    /// Where clients send people who want to make or manage a room; None for the server's own page.
    pub room_management_url: Option<Box<str>>,
}

/// Why something is no configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConfigurationError {
    #[error("a configuration is global, or of a site or a pool")]
    Level,
    #[error("the default history is 1 to 500 messages")]
    DefaultHistory,
    #[error("the participant update limit is 1 to 1000000 occupants")]
    ParticipantUpdateLimit,
    #[error("the largest file has 1 to 4194304 KB")]
    FileSize,
    #[error("the room management address begins with http:// or https://, and has 255 characters at most")]
    RoomManagementUrl,
}

impl Configuration {
    pub fn new(level: Level, values: Values) -> Result<Self, ConfigurationError> {
        if matches!(level, Level::Tag(_)) {
            return Err(ConfigurationError::Level);
        }
        if !(1..=Values::DEFAULT_HISTORY_MAX).contains(&values.default_history) {
            return Err(ConfigurationError::DefaultHistory);
        }
        if !(1..=Values::PARTICIPANT_UPDATE_LIMIT_MAX).contains(&values.participant_update_limit) {
            return Err(ConfigurationError::ParticipantUpdateLimit);
        }
        if !(1..=Values::FILE_KB_MAX).contains(&values.file_kb_max) {
            return Err(ConfigurationError::FileSize);
        }
        let is_good = |url: &str| url.len() <= Values::URL_MAX && is_web_address(url);
        if !values.room_management_url.as_deref().is_none_or(is_good) {
            return Err(ConfigurationError::RoomManagementUrl);
        }
        Ok(Self { level, values })
    }

    /// What is in force here, of all that is set: the pool's, else the site's, the global one, the original's defaults.
    pub fn effective(set: &[Versioned<Self>], here: &Here) -> Self {
        let at = |level: &Level| set.iter().find(|found| found.value.level == *level);
        Level::near(here).find_map(|level| at(&level)).map_or_else(Self::global, |found| found.value.clone())
    }

    /// The global configuration that nobody has set.
    pub fn global() -> Self {
        Self { level: Level::Global, values: Values::default() }
    }
}

impl Values {
    pub const DEFAULT_HISTORY_MAX: u32 = 500;
    pub const PARTICIPANT_UPDATE_LIMIT_MAX: u32 = 1_000_000;
    /// 4 GiB.
    pub const FILE_KB_MAX: u32 = 4 << 20;
    /// Characters of an address at most.
    pub const URL_MAX: usize = 255;
}

impl Default for Values {
    fn default() -> Self {
        Self {
            default_history: 30,
            participant_update_limit: 75,
            file_kb_max: 20_000,
            room_management_url: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::administration::ActNumber;

    #[test]
    fn the_nearest_configuration_is_in_force() {
        let here = Here { pool: "one".into(), site: Some("berlin".into()) };
        let levels = ["global", "site:berlin", "pool:one", "pool:two"];
        let stored = |(number, text): (usize, &&str)| {
            let values = Values { default_history: number as u32 + 100, ..Values::default() };
            let value = Configuration::new(Level::parse(text).unwrap(), values).unwrap();
            Versioned { version: ActNumber(number as i64), value }
        };
        let set: Vec<_> = levels.iter().enumerate().map(stored).collect();
        for (set, expected) in
            [(&set[..], 102), (&set[..2], 101), (&set[..1], 100), (&set[3..], 30), (&[], 30)]
        {
            assert_eq!(Configuration::effective(set, &here).values.default_history, expected);
        }
    }

    #[test]
    fn bounds_hold() {
        let check = |level: &str, change: &dyn Fn(&mut Values), expected| {
            let mut values = Values::default();
            change(&mut values);
            assert_eq!(Configuration::new(Level::parse(level).unwrap(), values).err(), expected);
        };
        check("global", &|_| {}, None);
        check("tag:x", &|_| {}, Some(ConfigurationError::Level));
        for (history, is_good) in [(0, false), (1, true), (500, true), (501, false)] {
            let expected = (!is_good).then_some(ConfigurationError::DefaultHistory);
            check("pool:x", &|values| values.default_history = history, expected);
        }
        let limit = Some(ConfigurationError::ParticipantUpdateLimit);
        check("site:x", &|values| values.participant_update_limit = 0, limit);
        check("site:x", &|values| values.file_kb_max = 0, Some(ConfigurationError::FileSize));
        let url = Some(ConfigurationError::RoomManagementUrl);
        check("site:x", &|values| values.room_management_url = Some("gopher://a".into()), url);
        check("site:x", &|values| values.room_management_url = Some("https://a/rooms".into()), None);
    }
}
