//! LDIF (RFC 2849), as `slapcat` and `ldapsearch` write it: entries are read one after the other, twice. The first time
//! what each is called is noted by its distinguished name, the second time who is in what.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::import::{Import, Line};
use crate::admin::wire::principals::Enrolment;
use crate::chat::principal::Kind;
use crate::cli::CommandError;

pub(super) async fn import(import: &mut Import<'_>, user_attribute: &str) -> Result<(), CommandError> {
    let mut names = HashMap::new();
    let (source, bar) = import.open("names")?;
    let mut entries = Entries::new(source);
    while let Some(entry) = entries.next_entry().map_err(|error| import.unreadable(&error))? {
        if let Some(kind) = entry.kind()
            && let Some(name) = entry.name(kind, user_attribute)
        {
            names.insert(canonical(&entry.dn), Named { kind, name: name.into() });
        }
    }
    bar.finish_and_clear();
    let (source, bar) = import.open("members")?;
    let mut entries = Entries::new(source);
    while let Some(entry) = entries.next_entry().map_err(|error| import.unreadable(&error))? {
        for line in enrolments(&entry, &names) {
            match line {
                Ok(enrolment) => import.take(Line { number: entry.line, enrolment }).await?,
                Err(text) => import.fail(entry.line, text),
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// What an entry is called.
struct Named {
    kind: Kind,
    name: Box<str>,
}

/// Attributes of an entry, their names in small letters.
#[derive(Debug, Default)]
struct Entry {
    line: u64,
    dn: String,
    attributes: Vec<(String, String)>,
}

impl Entry {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.attributes.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    fn kind(&self) -> Option<Kind> {
        let has = |class: &str| self.values("objectclass").any(|known| known.eq_ignore_ascii_case(class));
        if GROUPS.into_iter().any(has) {
            Some(Kind::Group)
        } else if has("organizationalUnit") {
            Some(Kind::Unit)
        } else if USERS.into_iter().any(has) {
            Some(Kind::User)
        } else {
            None
        }
    }

    fn name<'a>(&'a self, kind: Kind, user_attribute: &'a str) -> Option<&'a str> {
        let attribute = match kind {
            Kind::Group => "cn",
            Kind::Unit => "ou",
            Kind::User | Kind::Domain => user_attribute,
        };
        self.values(attribute).next()
    }
}

/// Who the entry says is in what: a group its members, any entry the unit nearest above it.
fn enrolments(entry: &Entry, names: &HashMap<String, Named>) -> Vec<Result<Enrolment, String>> {
    let dn = canonical(&entry.dn);
    let Some(named) = names.get(&dn) else { return Vec::new() };
    let mut found = Vec::new();
    let one = |kind: Kind, parent: &str, member: Option<&Named>| {
        Ok(Enrolment {
            kind,
            parent: parent.to_owned(),
            member: member.map(|member| member.name.to_string()),
            member_kind: member.map(|member| member.kind).filter(|kind| *kind != Kind::User),
        })
    };
    match named.kind {
        Kind::Group | Kind::Unit => found.push(one(named.kind, &named.name, None)),
        Kind::User | Kind::Domain => {}
    }
    for member in MEMBERS.into_iter().flat_map(|attribute| entry.values(attribute)) {
        match names.get(&canonical(member)) {
            Some(member) => found.push(one(named.kind, &named.name, Some(member))),
            None => found.push(Err(format!("{member} is not in the file"))),
        }
    }
    let mut above = dn.as_str();
    while let Some((_, rest)) = above.split_once(',') {
        if let Some(unit) = names.get(rest).filter(|unit| unit.kind == Kind::Unit) {
            found.push(one(Kind::Unit, &unit.name, Some(named)));
            break;
        }
        above = rest;
    }
    found
}

/// Reads entries: lines that begin with a space go on with the one before (RFC 2849, note 2).
struct Entries<R> {
    lines: BufReader<R>,
    number: u64,
    /// The line that is looked at already.
    ahead: Option<Vec<u8>>,
}

impl<R: Read> Entries<R> {
    fn new(source: R) -> Self {
        Self { lines: BufReader::new(source), number: 0, ahead: None }
    }

    fn next_entry(&mut self) -> std::io::Result<Option<Entry>> {
        let mut entry = Entry::default();
        while let Some(line) = self.logical_line()? {
            if line.is_empty() {
                if entry.dn.is_empty() { continue } else { return Ok(Some(entry)) }
            }
            if line.starts_with(b"#") {
                continue;
            }
            let Some((name, value)) = attribute(&line) else { continue };
            if name.eq_ignore_ascii_case("dn") {
                entry.line = self.number - u64::from(self.ahead.is_some());
                entry.dn = value;
            } else if entry.attributes.len() < ATTRIBUTES_MAX {
                entry.attributes.push((name, value));
            }
        }
        Ok((!entry.dn.is_empty()).then_some(entry))
    }

    fn logical_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let Some(mut line) = self.ahead.take().map_or_else(|| self.line(), |line| Ok(Some(line)))? else {
            return Ok(None);
        };
        while let Some(next) = self.line()? {
            if !next.starts_with(b" ") {
                self.ahead = Some(next);
                break;
            }
            line.extend_from_slice(&next[1..]);
        }
        Ok(Some(line))
    }

    fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if self.lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        while line.last().is_some_and(|end| matches!(end, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// `name: text`, or `name:: base64`. What is no text is of no use here.
fn attribute(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = str::from_utf8(&line[..colon]).ok()?.to_owned();
    let value = &line[colon + 1..];
    let value = match value.strip_prefix(b":") {
        Some(encoded) => BASE64.decode(encoded.trim_ascii()).ok()?,
        None => value.trim_ascii_start().to_owned(),
    };
    Some((name, String::from_utf8(value).ok()?))
}

/// One spelling of a distinguished name: small letters, no spaces behind commas.
fn canonical(dn: &str) -> String {
    dn.split(',').map(|part| part.trim().to_lowercase()).collect::<Vec<_>>().join(",")
}

const GROUPS: [&str; 3] = ["groupOfNames", "groupOfUniqueNames", "group"];
const USERS: [&str; 3] = ["inetOrgPerson", "person", "user"];
const MEMBERS: [&str; 2] = ["member", "uniqueMember"];
/// A group of 150,000 members is one entry.
const ATTRIBUTES_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "version: 1\n\n# people\ndn: ou=People,dc=x\nobjectClass: organizationalUnit\nou: People\n\n\
        dn: uid=alice,ou=People,dc=x\nobjectClass: inetOrgPerson\nuid: al\n ice\n\n\
        dn: cn=staff,dc=x\nobjectClass: groupOfNames\ncn:: U3RhZmY=\nmember: UID=Alice, OU=people,dc=x\n\
        member: uid=bob,dc=x\n\ndn: cn=crew,ou=People,dc=x\nobjectClass: groupOfNames\ncn: Crew\nmember: cn=Staff,dc=x\n";

    #[test]
    fn entries_are_read_as_they_are_written() {
        let mut entries = Entries::new(FILE.as_bytes());
        let mut names = HashMap::new();
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let kind = entry.kind().unwrap();
            names.insert(canonical(&entry.dn), Named { kind, name: entry.name(kind, "uid").unwrap().into() });
            all.push(entry);
        }
        let told: Vec<_> = all
            .iter()
            .flat_map(|entry| enrolments(entry, &names))
            .map(|found| match found {
                Ok(Enrolment { parent, member, member_kind, .. }) => (parent, member, member_kind),
                Err(text) => (text, None, None),
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("People".to_owned(), None, None),
                ("People".to_owned(), some("alice"), None),
                ("Staff".to_owned(), None, None),
                ("Staff".to_owned(), some("alice"), None),
                ("uid=bob,dc=x is not in the file".to_owned(), None, None),
                ("Crew".to_owned(), None, None),
                ("Crew".to_owned(), some("Staff"), Some(Kind::Group)),
                ("People".to_owned(), some("Crew"), Some(Kind::Group)),
            ]
        );
    }
}
