//! A directory and a store that follows it, as small worlds.

use std::collections::HashMap;

use super::*;

/// A store that does what plans say.
#[derive(Default)]
struct World {
    principals: HashMap<BareJid, Principal>,
    memberships: BTreeSet<(BareJid, BareJid)>,
    accounts: HashMap<BareJid, bool>,
}

fn entry(kind: Kind, id: &str, name: &str, parents: &[usize]) -> FoundEntry {
    FoundEntry {
        kind,
        name: name.into(),
        local: (kind == Kind::User).then(|| name.to_lowercase().into()),
        entry: Entry { id: id.into(), dn: format!("cn={name}").into() },
        parents: parents.into(),
    }
}

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

impl World {
    fn follow(&mut self, entries: &[FoundEntry]) -> Plan {
        let bound: Vec<_> = self.principals.values().filter(|one| one.entry.is_some()).cloned().collect();
        let is_bound = |address: &BareJid| bound.iter().any(|one| one.address == *address);
        let known = Known {
            memberships: self.memberships.iter().filter(|(_, parent)| is_bound(parent)).cloned().collect(),
            accounts: self.accounts.keys().cloned().collect(),
            principals: bound.clone(),
        };
        let is_given = |address: &BareJid| self.principals.contains_key(address);
        let plan = plan(&Found { entries: entries.to_vec() }, &known, "example.org", is_given);
        self.make_true(&plan);
        plan
    }

    fn make_true(&mut self, plan: &Plan) {
        for address in &plan.removed_accounts {
            self.accounts.remove(address);
            self.principals.remove(address);
            self.memberships.retain(|(member, _)| member != address);
        }
        self.accounts.extend(plan.new_accounts.iter().map(|address| (address.clone(), true)));
        for change in plan.records.iter().chain(&plan.memberships) {
            match change.clone() {
                Change::Make { address, kind, name, entry } => {
                    let one = Principal {
                        address: address.clone(),
                        kind,
                        name,
                        standing: Standing::Present,
                        entry,
                    };
                    assert!(self.principals.insert(address, one).is_none(), "{change:?}");
                }
                Change::Rename { address, name } => self.one(&address).name = name,
                Change::Bind { address, entry } => self.one(&address).entry = entry,
                Change::Remove { address } => {
                    self.one(&address).standing = Standing::Removed;
                    self.memberships.retain(|(member, parent)| *member != address && *parent != address);
                }
                Change::Restore { address } => self.one(&address).standing = Standing::Present,
                Change::Admit { member, into } => {
                    assert!(self.memberships.insert((member, into)), "{change:?}");
                }
                Change::Dismiss { member, from } => drop(self.memberships.remove(&(member, from))),
            }
        }
        for (addresses, is_enabled) in [(&plan.disabled, false), (&plan.enabled, true)] {
            self.accounts.extend(addresses.iter().map(|address| (address.clone(), is_enabled)));
        }
    }

    fn one(&mut self, address: &BareJid) -> &mut Principal {
        self.principals.get_mut(address).unwrap()
    }

    fn check(&self, memberships: &[(&str, &str)]) {
        let found: Vec<_> =
            self.memberships.iter().map(|(member, parent)| (member.as_str(), parent.as_str())).collect();
        assert_eq!(found, memberships);
    }
}

#[test]
fn a_store_follows_and_is_then_left_alone() {
    let mut world = World::default();
    let staff = entry(Kind::Group, "1", "Staff", &[]);
    let alice = entry(Kind::User, "2", "Alice", &[0]);
    world.follow(&[staff.clone(), alice.clone()]);
    world.check(&[("alice@example.org", "staff@groups.example.org")]);
    assert_eq!(world.accounts, HashMap::from([(bare("alice@example.org"), true)]));
    assert_eq!(world.follow(&[staff.clone(), alice]), Plan::default());
    world.follow(&[staff, entry(Kind::User, "2", "Alice", &[])]);
    world.check(&[]);
}

#[test]
fn a_group_stays_what_it_is_whatever_it_is_called() {
    let mut world = World::default();
    let alice = |parents: &[usize]| entry(Kind::User, "2", "Alice", parents);
    world.follow(&[entry(Kind::Group, "1", "Staff", &[]), alice(&[0])]);
    let plan = world.follow(&[entry(Kind::Group, "1", "Crew", &[]), alice(&[0])]);
    assert_eq!((plan.records.len(), plan.memberships.len()), (2, 0), "{plan:?}");
    world.check(&[("alice@example.org", "staff@groups.example.org")]);
    // Another of the old name is another.
    world.follow(&[
        entry(Kind::Group, "1", "Crew", &[]),
        alice(&[0, 2]),
        entry(Kind::Group, "3", "Staff", &[]),
    ]);
    world.check(&[
        ("alice@example.org", "staff-2@groups.example.org"),
        ("alice@example.org", "staff@groups.example.org"),
    ]);
    // What was gone and comes back is what it was; what is made anew is not.
    world.follow(&[alice(&[])]);
    world.check(&[]);
    world.follow(&[
        entry(Kind::Group, "3", "Staff", &[]),
        entry(Kind::Group, "9", "Staff", &[]),
        alice(&[0, 1]),
    ]);
    world.check(&[
        ("alice@example.org", "staff-2@groups.example.org"),
        ("alice@example.org", "staff-3@groups.example.org"),
    ]);
}

#[test]
fn who_is_gone_cannot_sign_in_and_who_has_his_name_is_somebody_else() {
    let mut world = World::default();
    let staff = entry(Kind::Group, "1", "Staff", &[]);
    let alice = entry(Kind::User, "2", "Alice", &[0]);
    let address = bare("alice@example.org");
    world.follow(&[staff.clone(), alice.clone()]);
    let plan = world.follow(std::slice::from_ref(&staff));
    assert_eq!((plan.disabled, world.accounts[&address]), (vec![address.clone()], false));
    world.check(&[]);
    assert_eq!(world.follow(std::slice::from_ref(&staff)), Plan::default());
    let plan = world.follow(&[staff.clone(), alice]);
    assert_eq!((plan.enabled, world.accounts[&address]), (vec![address.clone()], true));

    let plan = world.follow(&[staff, entry(Kind::User, "7", "Alice", &[])]);
    assert_eq!(
        (&plan.removed_accounts[..], &plan.new_accounts[..]),
        (&[address.clone()][..], &[address][..])
    );
    assert!(plan.disabled.is_empty(), "{plan:?}");
}

#[test]
fn nobody_becomes_an_account_that_is_not_his() {
    let mut world = World::default();
    world.accounts.insert(bare("alice@example.org"), true);
    let plan = world.follow(&[
        entry(Kind::User, "1", "Alice", &[]),
        entry(Kind::User, "2", "Bob", &[]),
        entry(Kind::User, "3", "Bob", &[]),
        entry(Kind::User, "4", "b@d", &[]),
    ]);
    let reasons: Vec<_> = plan.passed_over.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [PassedOver::LocalAccount, PassedOver::NameTaken, PassedOver::BadName]);
    assert_eq!(plan.new_accounts, [bare("bob@example.org")]);
    // A user who is renamed keeps his address, and nobody else gets it.
    let plan = world.follow(&[entry(Kind::User, "2", "Robert", &[]), entry(Kind::User, "5", "Bob", &[])]);
    assert_eq!(plan.passed_over.len(), 1);
    assert_eq!(plan.new_accounts, [""; 0].map(bare));
}
