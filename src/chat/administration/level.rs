//! How far a setting reaches: everybody, a site, a pool, or those to whom it is given by name.

use std::fmt;

/// Where a policy or a configuration is in force. As text: `global`, `site:NAME`, `pool:NAME`, `tag:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Where nothing nearer is.
    Global,
    Site(Box<str>),
    Pool(Box<str>),
    /// For the users to whom it was granted.
    Tag(Box<str>),
}

/// Which pool and site a server belongs to: which levels are near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    pub pool: Box<str>,
    pub site: Option<Box<str>>,
}

impl Level {
    /// Reads what [`fmt::Display`] writes. A name has 1 to 64 letters and digits of ASCII, `.`, `_` and `-`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "global" {
            return Some(Self::Global);
        }
        let (kind, name) = text.split_once(':')?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=Self::NAME_MAX).contains(&name.len()) || !name.bytes().all(is_plain) {
            return None;
        }
        match kind {
            "site" => Some(Self::Site(name.into())),
            "pool" => Some(Self::Pool(name.into())),
            "tag" => Some(Self::Tag(name.into())),
            _ => None,
        }
    }

    /// The levels that are in force here for everybody, the nearest first.
    pub(super) fn near(here: &Here) -> impl Iterator<Item = Self> {
        let site = here.site.clone().map(Self::Site);
        [Some(Self::Pool(here.pool.clone())), site, Some(Self::Global)].into_iter().flatten()
    }

    /// Characters of a name at most.
    pub const NAME_MAX: usize = 64;
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Site(name) => write!(f, "site:{name}"),
            Self::Pool(name) => write!(f, "pool:{name}"),
            Self::Tag(name) => write!(f, "tag:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["global", "site:Berlin", "pool:p-1", "tag:no_chat.2"] {
            assert_eq!(Level::parse(text).unwrap().to_string(), text);
        }
        let long = format!("tag:{}", "x".repeat(65));
        for text in ["", "Global", "global:x", "tag:", "tag", "user:x", "tag:a b", "tag:a/b", "tag:ä", &long]
        {
            assert_eq!(Level::parse(text), None, "{text}");
        }
    }
}
