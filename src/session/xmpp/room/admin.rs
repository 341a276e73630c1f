//! Lists of roles and affiliations (XEP-0045 §8, §9, §10.3–§10.8; rules for iq in §17.4): `muc#admin` both ways.

use perch_address::{BareJid, Jid};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::answer::RoleEntry;
use crate::chat::command::{AffiliationItem, Command, Person, Query, RoleItem};
use crate::chat::refusal::Refusal;
use crate::chat::snapshot::Standing;

/// The list that is asked for.
pub fn query(query: &Element) -> Result<Query, Refusal> {
    let mut items = items(query);
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(Refusal::BadRequest("one list at a time"));
    };
    match (affiliation(item)?, role(item)?) {
        (Some(affiliation), None) => Ok(Query::Affiliations(affiliation)),
        (None, Some(role)) => Ok(Query::Roles(role)),
        (Some(_), Some(_)) | (None, None) => Err(EITHER),
    }
}

/// The changes of a list. Roles go by nick and affiliations by address; one list is of one of them.
pub fn command(query: &Element) -> Result<Command, Refusal> {
    let (mut roles, mut affiliations) = (Vec::new(), Vec::new());
    for item in items(query) {
        let reason = item.child_text("reason", namespace::MUC_ADMIN).unwrap_or_default().into();
        match (affiliation(item)?, role(item)?) {
            (Some(affiliation), None) => {
                let (who, nick) = person(item)?;
                affiliations.push(AffiliationItem { who, affiliation, extent: None, nick, reason });
            }
            (None, Some(role)) => {
                let nick = item.attribute("nick").ok_or(Refusal::BadRequest("a role goes by nick"))?.into();
                roles.push(RoleItem { nick, role, reason });
            }
            (Some(_), Some(_)) | (None, None) => return Err(EITHER),
        }
    }
    match (roles.is_empty(), affiliations.is_empty()) {
        (false, true) => Ok(Command::SetRoles { items: roles }),
        (true, false) => Ok(Command::SetAffiliations { items: affiliations }),
        (true, true) => Err(Refusal::BadRequest("the list is empty")),
        (false, false) => Err(Refusal::BadRequest("one list has roles and affiliations")),
    }
}

/// §17.4: without roles, and without nicks for those who are out.
pub fn affiliation_list(standings: &[Standing]) -> Element {
    Element::new("query", namespace::MUC_ADMIN).with_children(standings.iter().map(|standing| {
        let nick = standing.nick.as_deref().filter(|_| standing.affiliation > Affiliation::Outcast);
        let reason = (!standing.reason.is_empty())
            .then(|| Element::new("reason", namespace::MUC_ADMIN).with_text(&standing.reason));
        Element::new("item", namespace::MUC_ADMIN)
            .with_attribute("affiliation", standing.affiliation.as_str())
            .with_attribute("jid", standing.jid.as_str())
            .with_optional("nick", nick)
            .with_children(reason)
    }))
}

/// §17.4: with everything, the full address too.
pub fn role_list(entries: &[RoleEntry]) -> Element {
    Element::new("query", namespace::MUC_ADMIN).with_children(entries.iter().map(|entry| {
        Element::new("item", namespace::MUC_ADMIN)
            .with_attribute("affiliation", entry.affiliation.as_str())
            .with_attribute("jid", entry.jid.as_str())
            .with_attribute("nick", &*entry.nick)
            .with_attribute("role", entry.role.as_str())
    }))
}

fn items(query: &Element) -> impl Iterator<Item = &Element> {
    query.children().filter(|child| child.is("item", namespace::MUC_ADMIN))
}

fn affiliation(item: &Element) -> Result<Option<Affiliation>, Refusal> {
    let word = item.attribute("affiliation");
    word.map(|word| Affiliation::parse(word).ok_or(Refusal::BadRequest("an affiliation is not known")))
        .transpose()
}

fn role(item: &Element) -> Result<Option<Role>, Refusal> {
    let word = item.attribute("role");
    word.map(|word| Role::parse(word).ok_or(Refusal::BadRequest("a role is not known"))).transpose()
}

/// Who is meant, and the nick to be reserved for him. A full address stands for its bare one (§10.3); a nick alone is
/// that of an occupant.
fn person(item: &Element) -> Result<(Person, Option<Box<str>>), Refusal> {
    let nick = item.attribute("nick").map(Box::from);
    match item.attribute("jid") {
        Some(jid) => Ok((Person::Jid(bare(jid)?), nick)),
        None => Ok((Person::Nick(nick.ok_or(Refusal::BadRequest("an affiliation goes by address"))?), None)),
    }
}

fn bare(text: &str) -> Result<BareJid, Refusal> {
    Jid::new(text).map(|jid| jid.bare()).map_err(|_malformed| Refusal::BadRequest("an address is malformed"))
}

const EITHER: Refusal = Refusal::BadRequest("an item has either a role or an affiliation");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::event::Extent;

    fn parse(inner: &str) -> Element {
        let xml = format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{inner}</query>");
        Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap()
    }

    fn jid(text: &str) -> BareJid {
        text.parse().unwrap()
    }

    #[test]
    fn lists_are_asked_for_by_what_they_have_in_common() {
        let check = |inner: &str, expected| assert_eq!(query(&parse(inner)), expected, "{inner}");
        check("<item affiliation='outcast'/>", Ok(Query::Affiliations(Affiliation::Outcast)));
        check("<item role='participant'/>", Ok(Query::Roles(Role::Participant)));
        check("<item affiliation='owner' role='moderator'/>", Err(EITHER));
        check("<item/>", Err(EITHER));
        check("<item affiliation='king'/>", Err(Refusal::BadRequest("an affiliation is not known")));
        check("<item role='king'/>", Err(Refusal::BadRequest("a role is not known")));
        check("", Err(Refusal::BadRequest("one list at a time")));
        check(
            "<item affiliation='owner'/><item affiliation='admin'/>",
            Err(Refusal::BadRequest("one list at a time")),
        );
    }

    #[test]
    fn roles_are_set_by_nick() {
        let check = |inner: &str, expected: Result<&[(&str, Role, &str)], Refusal>| {
            let item = |&(nick, role, reason): &(&str, Role, &str)| RoleItem {
                nick: nick.into(),
                role,
                reason: reason.into(),
            };
            let expected =
                expected.map(|items| Command::SetRoles { items: items.iter().map(item).collect() });
            assert_eq!(command(&parse(inner)), expected, "{inner}");
        };
        check("<item nick='pistol' role='none'/>", Ok(&[("pistol", Role::None, "")]));
        check(
            "<item nick='a' role='visitor'><reason>loud</reason></item><item nick='b' role='moderator'/>",
            Ok(&[("a", Role::Visitor, "loud"), ("b", Role::Moderator, "")]),
        );
        check("<item jid='a@x' role='none'/>", Err(Refusal::BadRequest("a role goes by nick")));
        check("<item nick='a' jid='a@x' affiliation='none' role='none'/>", Err(EITHER));
        check("", Err(Refusal::BadRequest("the list is empty")));
        check(
            "<item nick='a' role='none'/><item jid='a@x' affiliation='none'/>",
            Err(Refusal::BadRequest("one list has roles and affiliations")),
        );
    }

    #[test]
    fn affiliations_are_set_by_bare_address() {
        let check = |inner: &str, expected: Result<(Person, Affiliation, Option<&str>, &str), Refusal>| {
            let expected = expected.map(|(who, affiliation, nick, reason)| {
                let (nick, reason) = (nick.map(Into::into), reason.into());
                Command::SetAffiliations {
                    items: vec![AffiliationItem { who, affiliation, extent: None, nick, reason }],
                }
            });
            assert_eq!(command(&parse(inner)), expected, "{inner}");
        };
        check(
            "<item jid='a@x' affiliation='outcast'><reason>Treason</reason></item>",
            Ok((Person::Jid(jid("a@x")), Affiliation::Outcast, None, "Treason")),
        );
        check(
            "<item jid='a@x/phone' affiliation='owner'/>",
            Ok((Person::Jid(jid("a@x")), Affiliation::Owner, None, "")),
        );
        check(
            "<item jid='a@x' affiliation='member' nick='Hecate'/>",
            Ok((Person::Jid(jid("a@x")), Affiliation::Member, Some("Hecate"), "")),
        );
        check(
            "<item jid='a@x' affiliation='member' nick=''/>",
            Ok((Person::Jid(jid("a@x")), Affiliation::Member, Some(""), "")),
        );
        check(
            "<item jid='x' affiliation='outcast'/>",
            Ok((Person::Jid(jid("x")), Affiliation::Outcast, None, "")),
        );
        check(
            "<item nick='Hecate' affiliation='none'/>",
            Ok((Person::Nick("Hecate".into()), Affiliation::None, None, "")),
        );
        check("<item affiliation='none'/>", Err(Refusal::BadRequest("an affiliation goes by address")));
        check("<item jid='@x' affiliation='none'/>", Err(Refusal::BadRequest("an address is malformed")));
    }

    #[test]
    fn lists_are_told_as_business_rules_want_them() {
        let check = |element: Element, expected: &str| {
            let bytes = element.to_bytes(namespace::MUC_ADMIN);
            assert_eq!(str::from_utf8(&bytes).unwrap(), expected);
        };
        let standing = |affiliation, nick: Option<&str>, reason: &str| Standing {
            extent: Extent::default(),
            jid: jid("a@x"),
            affiliation,
            nick: nick.map(Into::into),
            reason: reason.into(),
            version: 1,
        };
        check(affiliation_list(&[]), "<query/>");
        check(
            affiliation_list(&[
                standing(Affiliation::Member, Some("Hecate"), ""),
                standing(Affiliation::Outcast, Some("Hecate"), "Treason"),
            ]),
            "<query><item affiliation='member' jid='a@x' nick='Hecate'/>\
             <item affiliation='outcast' jid='a@x'><reason>Treason</reason></item></query>",
        );
        let entry = RoleEntry {
            nick: "Polo".into(),
            role: Role::Participant,
            affiliation: Affiliation::None,
            jid: "a@x/globe".parse().unwrap(),
        };
        check(
            role_list(&[entry]),
            "<query><item affiliation='none' jid='a@x/globe' nick='Polo' role='participant'/></query>",
        );
    }
}
