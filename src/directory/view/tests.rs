//! Who belongs where, over small organisations; and what a large one takes.

use std::time::Instant;

use super::*;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// `alice < staff, munich` says what she is directly in. A name says by its first letter what it is: `G…` a group, `U…` a
/// unit; behind `!` one that was removed, behind `-` one that is disabled.
fn view(lines: &[&str]) -> View {
    let address = |name: &str| {
        let kind = match name.as_bytes()[0] {
            b'G' => Kind::Group,
            b'U' => Kind::Unit,
            _ => Kind::User,
        };
        let host = ["", "groups.", "units."][kind as usize];
        (bare(&format!("{name}@{host}example.org")), kind)
    };
    let parse = |line: &&str| {
        let (name, parents) = line.split_once('<').unwrap_or((line, ""));
        let name = name.trim();
        let standing = match name.as_bytes()[0] {
            b'!' => Standing::Removed,
            b'-' => Standing::Disabled,
            _ => Standing::Present,
        };
        let parents: Vec<String> =
            parents.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        (name.trim_start_matches(['!', '-']).to_owned(), standing, parents)
    };
    let lines: Vec<_> = lines.iter().map(parse).collect();
    let place = |name: &String| lines.iter().position(|line| line.0 == *name).unwrap() as Place;
    let records: Vec<Record> = lines
        .iter()
        .map(|(name, standing, parents)| {
            let (address, kind) = address(name);
            Record { address, kind, standing: *standing, parents: parents.iter().map(place).collect() }
        })
        .collect();
    View::new(7, "example.org", &records, Arc::default())
}

fn check(view: &View, who: &str, expected: &[&str]) {
    let who = bare(who);
    let belonging = view.belongs(&who);
    let mut found: Vec<_> = belonging.addresses().map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, expected, "{who}");
    for address in expected {
        assert!(belonging.includes(&bare(address)), "{who} belongs to {address}");
    }
    assert_eq!(belonging.is_somebody(), !expected.is_empty());
    for other in ["nobody@example.org", "Gnone@groups.example.org", "third.example"] {
        assert!(!belonging.includes(&bare(other)), "{who} {other}");
    }
}

#[test]
fn a_user_belongs_to_himself_his_domain_and_all_above() {
    let view = view(&["alice < Gdev", "Gdev < Gstaff, Umunich", "Gstaff", "Umunich < Ugermany", "Ugermany"]);
    let above = ["gdev@groups.example.org", "gstaff@groups.example.org"];
    let units = ["ugermany@units.example.org", "umunich@units.example.org"];
    check(&view, "alice@example.org", &[&["alice@example.org", "example.org"], &above[..], &units].concat());
    check(&view, "gdev@groups.example.org", &[&["example.org"], &above[..], &units].concat());
    check(&view, "umunich@units.example.org", &[&["example.org"], &units[..]].concat());
    check(&view, "bob@example.org", &["bob@example.org", "example.org"]);
    check(&view, "bob@elsewhere.example", &["bob@elsewhere.example", "elsewhere.example"]);
    check(&view, "elsewhere.example", &["elsewhere.example"]);
    check(&view, "gother@groups.example.org", &[]);
}

#[test]
fn circles_do_no_harm() {
    let view = view(&["alice < Ga", "Ga < Gb", "Gb < Gc, Ga", "Gc < Ga, Gc"]);
    let all = ["ga@groups.example.org", "gb@groups.example.org", "gc@groups.example.org"];
    check(&view, "alice@example.org", &[&["alice@example.org", "example.org"], &all[..]].concat());
    for group in all {
        check(&view, group, &[&["example.org"], &all[..]].concat());
    }
}

#[test]
fn who_does_not_count_belongs_to_nothing() {
    let view = view(&["-alice < Ga", "!bob < Ga", "carol < Gold, Ga", "Ga", "!Gold < Gabove", "Gabove"]);
    check(&view, "alice@example.org", &[]);
    check(&view, "bob@example.org", &[]);
    check(&view, "carol@example.org", &["carol@example.org", "example.org", "ga@groups.example.org"]);
    check(&view, "gold@groups.example.org", &[]);
    assert!(view.is_given(&bare("gold@groups.example.org")) && !view.has(&bare("gold@groups.example.org")));
    assert!(!view.is_given(&bare("gnew@groups.example.org")) && !view.is_given(&bare("bob@example.org")));
    let (group, domain) = (bare("ga@groups.example.org"), bare("example.org"));
    let users = |principal| view.users_of(principal).map(BareJid::as_str).collect::<Vec<_>>();
    assert_eq!(users(&group), ["carol@example.org"]);
    assert_eq!(users(&domain), ["carol@example.org"]);
}

#[test]
fn the_policy_is_about_people() {
    let check = |is_enabled, who: &str, expected| {
        let view = view(&["Ga"]).under_policy(is_enabled, &["alice"]);
        assert_eq!(view.is_enabled(&bare(who)), expected, "{is_enabled} {who}");
    };
    for is_enabled in [true, false] {
        check(is_enabled, "alice@example.org", !is_enabled);
        check(is_enabled, "bob@example.org", is_enabled);
        check(is_enabled, "alice@elsewhere.example", is_enabled);
        for listed in ["ga@groups.example.org", "uany@units.example.org", "example.org"] {
            check(is_enabled, listed, true);
        }
    }
}

/// The organisation of the original's capacity model, and twice its groups for each user.
#[test]
fn a_large_organisation_fits() {
    const USERS: u32 = 150_000;
    const GROUPS: u32 = 16_000;
    let group = |number: u32| Record {
        address: bare(&format!("group-{number}@groups.example.org")),
        kind: Kind::Group,
        standing: Standing::Present,
        parents: if number < 100 { [].into() } else { [number % 100].into() },
    };
    let user = |number: u32| Record {
        address: bare(&format!("user-{number}@example.org")),
        kind: Kind::User,
        standing: Standing::Present,
        parents: (1..=16).map(|step| number.wrapping_mul(step * 7919) % GROUPS).collect(),
    };
    let records: Vec<_> = (0..GROUPS).map(group).chain((0..USERS).map(user)).collect();
    let begun = Instant::now();
    let view = View::new(1, "example.org", &records, Arc::default());
    let built = begun.elapsed();
    let text: usize = view.people.iter().map(|person| person.address.as_str().len() + 16).sum();
    let bytes = text
        + view.people.len() * size_of::<Person>()
        + view.places.capacity() * (size_of::<(BareJid, Place)>() + 1)
        + (view.sets.places.len() + view.sets.starts.len()) * size_of::<Place>();
    let users: Vec<_> = (0..USERS).map(|number| bare(&format!("user-{number}@example.org"))).collect();
    let begun = Instant::now();
    let found: usize = users.iter().map(|user| view.belongs(user).above.len()).sum();
    let each = begun.elapsed() / USERS;
    assert!(found > 16 * USERS as usize, "{found}");
    assert!(bytes < 60_000_000, "{bytes} bytes");
    println!("built in {built:?}, {bytes} bytes, {each:?} a question");
}
