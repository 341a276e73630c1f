use std::collections::BTreeSet;

use super::*;

/// Operation, then who may: o(perator), a(dministrator), u(ser administrator), r(eading auditor), s(omebody), each for what is
/// his own, another's, and that of somebody with a role.
const TABLE: &str = "
    user.list       oaur- oaur- oaur-
    user.add        oa--- oau-- oa---
    user.change     oa--- oau-- oa---
    user.password   oa--- oau-- oa---
    user.remove     oa--- oau-- oa---
    pool.show       oa-r- oa-r- oa-r-
    pool.change     oa--- oa--- oa---
    token.list      oa-rs oa-r- oa-r-
    token.add       oa--s oa--- oa---
    token.revoke    oa--s oa--- oa---
    role.list       oa-r- oa-r- oa-r-
    role.grant      oa--- oa--- oa---
    role.revoke     oa--- oa--- oa---
    audit.read      oa-r- oa-r- oa-r-
    policy.list     oaur- oaur- oaur-
    policy.show     oaurs oaur- oaur-
    policy.change   oa--- oa--- oa---
    policy.grant    oau-- oau-- oau--
    config.show     oa-r- oa-r- oa-r-
    config.change   oa--- oa--- oa---
    addin.list      oa-r- oa-r- oa-r-
    addin.change    oa--- oa--- oa---
    principal.list  oaur- oaur- oaur-
    principal.change oau-- oau-- oau--
    category.list   oa-r- oa-r- oa-r-
    category.change oa--- oa--- oa---
    room.list       oa-rs oa-rs oa-rs
    room.add        oa--s oa--s oa--s
    room.change     oa--s oa--s oa--s
    room.remove     oa--- oa--- oa---
    room.read_all   oa-r- oa-r- oa-r-
    message.search  oa-rs oa-rs oa-rs
    message.remove  oa--- oa--- oa---";

const RANKS: [(Rank, char); 5] = [
    (Rank::Operator, 'o'),
    (Rank::Role(Role::Administrator), 'a'),
    (Rank::Role(Role::UserAdministrator), 'u'),
    (Rank::Role(Role::Auditor), 'r'),
    (Rank::User, 's'),
];

#[test]
fn every_cell_of_the_table_holds() {
    let mut told = BTreeSet::new();
    for line in TABLE.trim().lines() {
        let mut cells = line.split_whitespace();
        let name = cells.next().unwrap();
        let operation = Operation::ALL.into_iter().find(|operation| operation.as_str() == name).expect(name);
        told.insert(operation);
        for whose in [Whose::Own, Whose::Other, Whose::Privileged] {
            let cell = cells.next().unwrap();
            for (rank, letter) in RANKS {
                let expected = cell.contains(letter);
                assert_eq!(permits(rank, operation, whose), expected, "{rank:?} {operation:?} {whose:?}");
            }
        }
    }
    assert_eq!(told.len(), Operation::ALL.len());
}

#[test]
fn who_only_reads_needs_no_scope_that_writes() {
    for operation in Operation::ALL {
        let scope = operation.scope().as_str();
        if scope != "admin" {
            assert_eq!(scope.ends_with(":read"), operation.only_reads(), "{operation:?}");
        }
    }
}
