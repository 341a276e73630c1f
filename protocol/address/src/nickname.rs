//! The key by which two nicknames are one (PRECIS Nickname, RFC 8266), and passwords before they are hashed.

use std::borrow::Cow;

use precis_profiles::Nickname;
use precis_profiles::precis_core::profile::{Profile, Rules};
use thiserror::Error;

use crate::preparation::{AddressError, is_newly_assigned, prepare_resource};

/// Why a text is no nickname.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NicknameError {
    /// The nickname could not even be the resource of an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The nickname holds what RFC 8266 refuses, or nothing but spaces.
    #[error("the nickname is blank or holds a character that is not allowed there")]
    Prohibited,
}

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// There is nothing in it, or nothing that is left after preparation.
    #[error("the password is empty")]
    Empty,
    /// SASLprep refuses a character.
    #[error("the password holds a character that is not allowed there")]
    Prohibited,
}

/// The comparison key of a nickname: equal for nicknames that differ only in case, width, spacing, or the way in
/// which accents are composed. It is compared and stored, never shown. Letters of different scripts that merely
/// resemble each other stay apart: RFC 8266 has no rule for them.
pub fn nickname_key(nickname: &str) -> Result<String, NicknameError> {
    let mut key = prepare_resource(nickname)?.into_owned();
    // The string class is that of Unicode 6.3; what is newer was judged by the preparation above.
    let known: String = key.chars().filter(|&c| !is_newly_assigned(c)).collect();
    let profile = Nickname::new();
    if !known.is_empty() {
        profile.prepare(known).map_err(|_| NicknameError::Prohibited)?;
    }
    // RFC 8266 §2.3: the rules are applied until the text no longer changes, at most three more times.
    for _ in 0..=3 {
        let mapped = compare_rules(profile, &key)?;
        if mapped == key {
            return if key.is_empty() { Err(NicknameError::Prohibited) } else { Ok(key) };
        }
        key = mapped;
    }
    Err(NicknameError::Prohibited)
}

/// Prepares a password with SASLprep (RFC 4013), as SCRAM demands (RFC 5802 §2.2).
pub fn prepare_password(password: &str) -> Result<Cow<'_, str>, PasswordError> {
    let prepared = stringprep::saslprep(password).map_err(|_| PasswordError::Prohibited)?;
    if prepared.is_empty() { Err(PasswordError::Empty) } else { Ok(prepared) }
}

fn compare_rules(profile: Nickname, text: &str) -> Result<String, NicknameError> {
    profile
        .additional_mapping_rule(text)
        .and_then(|text| profile.case_mapping_rule(text))
        .and_then(|text| profile.normalization_rule(text))
        .map(Cow::into_owned)
        .map_err(|_| NicknameError::Prohibited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_nickname_in_many_spellings_has_one_key() {
        let check = |spellings: &[&str]| {
            let keys: Vec<_> = spellings.iter().map(|nickname| nickname_key(nickname).unwrap()).collect();
            assert!(keys.iter().all(|key| *key == keys[0]), "{spellings:?} -> {keys:?}");
        };
        check(&["Bob", "bob", "BOB", " bob ", "Ｂｏｂ"]);
        check(&["Foo Bar", "foo   bar", "FOO BAR "]);
        check(&["Zoë", "zoe\u{308}", "ZOË"]);
        check(&["\u{1f914} thinks", "\u{1f914}  Thinks"]);
        check(&["\u{1fae0}"]);
        check(&["Ⅳ", "iv"]);
    }

    #[test]
    fn different_nicknames_have_different_keys() {
        let check = |one: &str, other: &str| assert_ne!(nickname_key(one), nickname_key(other));
        check("bob", "rob");
        check("foo bar", "foobar");
        check("\u{1f914}", "\u{1f915}");
    }

    #[test]
    fn what_is_no_nickname_has_no_key() {
        let check = |nickname: &str| assert!(nickname_key(nickname).is_err(), "{nickname:?}");
        check("");
        check("   ");
        check("\u{200b}");
        check("a\u{7}b");
        check("a\u{202e}b");
        check("\u{e000}");
        check("\u{10ffff}");
    }

    #[test]
    fn passwords_are_prepared_by_the_vectors_of_rfc_4013() {
        let check = |input: &str, expected: Result<&str, PasswordError>| {
            assert_eq!(prepare_password(input).as_deref().map_err(|&error| error), expected, "{input:?}");
        };
        check("I\u{ad}X", Ok("IX"));
        check("user", Ok("user"));
        check("USER", Ok("USER"));
        check("\u{aa}", Ok("a"));
        check("\u{2168}", Ok("IX"));
        check("\u{7}", Err(PasswordError::Prohibited));
        check("\u{627}1", Err(PasswordError::Prohibited));
        check("", Err(PasswordError::Empty));
        check("\u{ad}", Err(PasswordError::Empty));
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_its_own_key(nickname in "\\PC{0,24}") {
            if let Ok(key) = nickname_key(&nickname) {
                proptest::prop_assert_eq!(nickname_key(&key).unwrap(), key);
            }
        }
    }
}
