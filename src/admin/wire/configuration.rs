//! Configuration in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is set at one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Configuration {
    /// `global`, `site:NAME` or `pool:NAME`.
    pub level: String,
    pub values: Values,
    /// Another one after each change; 0 for the global configuration that nobody has set.
    pub version: i64,
}

/// All configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Configurations {
    pub configurations: Vec<Configuration>,
}

/// The values of a configuration. What is left out has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// Messages of the past that a room gives to who comes in, where he does not say how many.
    #[schemars(range(min = 1, max = 500))]
    pub default_history: u32,
    /// In a room with more occupants than this, arrivals and departures are told to whom they concern only.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub participant_update_limit: u32,
    /// The largest file that is taken or given, in units of 1024 bytes.
    #[schemars(range(min = 1, max = 4_194_304))]
    pub file_kb_max: u32,
    /// Where clients send people who want to make or manage a room; null for the server's own page.
    #[schemars(length(max = 255))]
    pub room_management_url: Option<String>,
}

impl Default for Values {
    fn default() -> Self {
        crate::chat::administration::configuration::Values::default().into()
    }
}

impl From<crate::chat::administration::configuration::Values> for Values {
    fn from(values: crate::chat::administration::configuration::Values) -> Self {
        Self {
            default_history: values.default_history,
            participant_update_limit: values.participant_update_limit,
            file_kb_max: values.file_kb_max,
            room_management_url: values.room_management_url.map(Into::into),
        }
    }
}

impl From<Values> for crate::chat::administration::configuration::Values {
    fn from(values: Values) -> Self {
        Self {
            default_history: values.default_history,
            participant_update_limit: values.participant_update_limit,
            file_kb_max: values.file_kb_max,
            room_management_url: values.room_management_url.map(Into::into),
        }
    }
}
