//! Add-ins: pages that clients show beside a room.

use thiserror::Error;

use super::web::is_web_address;
use crate::chat::words::name_key;

/// A page that rooms may have. Its name is unique in the pool, whatever its capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addin {
    pub name: Box<str>,
    pub url: Box<str>,
}

/// Why something is no add-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddinError {
    #[error("the name of an add-in has 1 to 50 characters, and none that is invisible")]
    Name,
    #[error("the address of an add-in begins with http:// or https://, and has 255 characters at most")]
    Url,
}

impl Addin {
    pub fn new(name: &str, url: &str) -> Result<Self, AddinError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > Self::NAME_MAX || name.chars().any(char::is_control) {
            return Err(AddinError::Name);
        }
        if url.len() > Self::URL_MAX || !is_web_address(url) {
            return Err(AddinError::Url);
        }
        Ok(Self { name: name.into(), url: url.into() })
    }

    /// What two names have in common that are the same.
    pub fn key(name: &str) -> String {
        name_key(name)
    }

    /// Characters of a name at most.
    pub const NAME_MAX: usize = 50;

    /// Characters of an address at most.
    pub const URL_MAX: usize = 255;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        let url = |bytes: usize| format!("https://a/{}", "x".repeat(bytes - 10));
        for (name, url, expected) in [
            ("Weather".to_owned(), url(255), None),
            ("ü".repeat(50), url(20), None),
            ("ü".repeat(51), url(20), Some(AddinError::Name)),
            (" \t".to_owned(), url(20), Some(AddinError::Name)),
            ("a\nb".to_owned(), url(20), Some(AddinError::Name)),
            ("Weather".to_owned(), url(256), Some(AddinError::Url)),
            ("Weather".to_owned(), "ftp://a/".to_owned(), Some(AddinError::Url)),
        ] {
            assert_eq!(Addin::new(&name, &url).err(), expected, "{name} {url}");
        }
    }
}
