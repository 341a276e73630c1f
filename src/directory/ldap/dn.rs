//! Distinguished names (RFC 4514), as far as two of them have to be told apart: the same entry is written in several
//! ways.

/// One spelling for all: small letters, no spaces around the signs between the parts. Names that differ in nothing else
/// are taken to be the same, as the matching rules of what names are made of have it (RFC 4517 §4.2.11).
pub(super) fn canonical(dn: &str) -> Box<str> {
    let parts: Vec<String> = parts(dn)
        .map(|part| {
            let (kind, value) = part.split_once('=').unwrap_or((part, ""));
            format!("{}={}", kind.trim().to_lowercase(), value.trim().to_lowercase())
        })
        .collect();
    parts.join(",").into()
}

/// The name of the entry above.
pub(super) fn above(canonical: &str) -> Option<&str> {
    let first = parts(canonical).next()?;
    canonical.get(first.len() + 1..).filter(|rest| !rest.is_empty())
}

/// What stands between the commas, but for those that are escaped.
fn parts(dn: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    dn.split(move |c: char| {
        let separates = c == ',' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        separates
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_has_one_name() {
        for (written, expected) in [
            ("uid=Alice, OU=People , dc=Example,dc=org", "uid=alice,ou=people,dc=example,dc=org"),
            ("CN=Smith\\, John,DC=org", "cn=smith\\, john,dc=org"),
            ("cn=a\\\\,dc=org", "cn=a\\\\,dc=org"),
            ("", "="),
        ] {
            assert_eq!(&*canonical(written), expected, "{written}");
        }
    }

    #[test]
    fn names_are_climbed() {
        assert_eq!(above("cn=smith\\, john,ou=people,dc=org"), Some("ou=people,dc=org"));
        assert_eq!(above("dc=org"), None);
    }
}
