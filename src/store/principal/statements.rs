//! The statements by which principals are changed. `$1` is an array in JSON, `$2` the version of the rights; engines differ
//! in how they take an array apart.

use crate::store::principal::change::{Obstacle, Verb};

/// As one engine has them.
#[derive(Debug)]
pub(in crate::store) struct Statements {
    pub(in crate::store) make: Statement,
    pub(in crate::store) rename: Statement,
    pub(in crate::store) bind: Statement,
    pub(in crate::store) remove: Statement,
    pub(in crate::store) restore: Statement,
    pub(in crate::store) admit: Statement,
    pub(in crate::store) dismiss: Statement,
    /// Finds whoever had one of those accounts before.
    pub(in crate::store) had_account: &'static str,
    pub(in crate::store) stand_again: &'static str,
}

/// What one verb comes to.
#[derive(Debug)]
pub(in crate::store) struct Statement {
    /// Each finds what is in the way.
    pub(in crate::store) obstacles: &'static [(Obstacle, &'static str)],
    pub(in crate::store) changes: &'static [&'static str],
}

impl Statements {
    pub(super) fn of(&self, verb: Verb) -> &Statement {
        match verb {
            Verb::Make => &self.make,
            Verb::Rename => &self.rename,
            Verb::Bind => &self.bind,
            Verb::Remove => &self.remove,
            Verb::Restore => &self.restore,
            Verb::Admit => &self.admit,
            Verb::Dismiss => &self.dismiss,
        }
    }
}

/// All of them, for an engine that has the elements of `$1` by these words as rows with a `value`.
macro_rules! statements {
    ($elements:literal) => {{
        use $crate::store::principal::change::Obstacle::{AddressTaken, EntryTaken, NoSuchPrincipal};
        use $crate::store::principal::statements::{Statement, Statements};

        const ADDRESS_TAKEN: &str = concat!(
            "SELECT address FROM ", $elements, " AS new JOIN principal ON address = new.value ->> 0
            WHERE kind <> 'user' OR new.value ->> 1 <> 'user' LIMIT 1"
        );
        const MADE_ENTRY_TAKEN: &str = concat!(
            "SELECT address FROM ", $elements, " AS new JOIN principal ON entry = new.value ->> 3
            WHERE address <> new.value ->> 0 LIMIT 1"
        );
        const BOUND_ENTRY_TAKEN: &str = concat!(
            "SELECT address FROM ", $elements, " AS new JOIN principal ON entry = new.value ->> 1
            WHERE address <> new.value ->> 0 LIMIT 1"
        );
        const UNKNOWN: &str = concat!(
            "SELECT value ->> 0 FROM ", $elements, "
            WHERE NOT EXISTS (SELECT 1 FROM principal WHERE address = value ->> 0) LIMIT 1"
        );
        const NO_PARENT: &str = concat!(
            "SELECT value ->> 1 FROM ", $elements, " WHERE NOT EXISTS (SELECT 1 FROM principal
            WHERE address = value ->> 1 AND kind <> 'user' AND standing = 'present') LIMIT 1"
        );
        const NO_MEMBER: &str = concat!(
            "SELECT value ->> 0 FROM ", $elements, " LEFT JOIN principal ON address = value ->> 0
            WHERE standing = 'removed' OR (principal.id IS NULL AND value ->> 2 <> 'user') LIMIT 1"
        );

        const MAKE: &str = concat!(
            "INSERT INTO principal (address, kind, name, standing, entry, dn, name_key, version)
            SELECT value ->> 0, value ->> 1, value ->> 2, 'present', value ->> 3, value ->> 4, value ->> 5,
                CAST($2 AS bigint)
            FROM ", $elements, " WHERE true
            ON CONFLICT (address) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
                entry = excluded.entry, dn = excluded.dn, version = excluded.version
            WHERE (principal.name, principal.entry, principal.dn)
                IS DISTINCT FROM (excluded.name, excluded.entry, excluded.dn)"
        );
        const RENAME: &str = concat!(
            "UPDATE principal SET name = value ->> 1, name_key = value ->> 2, version = CAST($2 AS bigint)
            FROM ", $elements, "
            WHERE address = value ->> 0 AND name <> value ->> 1"
        );
        const BIND: &str = concat!(
            "UPDATE principal SET entry = value ->> 1, dn = value ->> 2, version = CAST($2 AS bigint)
            FROM ", $elements, "
            WHERE address = value ->> 0 AND (entry, dn) IS DISTINCT FROM (value ->> 1, value ->> 2)"
        );
        const REMOVE: &str = concat!(
            "UPDATE principal SET standing = 'removed', version = CAST($2 AS bigint) FROM ", $elements, "
            WHERE address = value ->> 0 AND kind <> 'user' AND standing <> 'removed'"
        );
        const REMOVE_BELOW: &str = concat!(
            "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND parent IN
            (SELECT principal.id FROM ", $elements, " JOIN principal ON address = value ->> 0
            WHERE kind <> 'user')"
        );
        const REMOVE_ABOVE: &str = concat!(
            "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND member IN
            (SELECT principal.id FROM ", $elements, " JOIN principal ON address = value ->> 0
            WHERE kind <> 'user')"
        );
        const RESTORE: &str = concat!(
            "UPDATE principal SET standing = 'present', version = CAST($2 AS bigint) FROM ", $elements, "
            WHERE address = value ->> 0 AND kind <> 'user' AND standing = 'removed'"
        );
        const NOTE_DOWN_USERS: &str = concat!(
            "INSERT INTO principal (address, kind, name, name_key, standing, version)
            SELECT DISTINCT value ->> 0, 'user', '', '', 'present', CAST($2 AS bigint)
            FROM ", $elements, " WHERE value ->> 2 = 'user'
            ON CONFLICT (address) DO NOTHING"
        );
        const ADMIT: &str = concat!(
            "INSERT INTO belongs (parent, member, version)
            SELECT DISTINCT parent.id, member.id, CAST($2 AS bigint) FROM ", $elements, " AS new
            JOIN principal AS parent ON parent.address = new.value ->> 1
            JOIN principal AS member ON member.address = new.value ->> 0
            WHERE true
            ON CONFLICT (parent, member) DO UPDATE SET gone = false, version = excluded.version
            WHERE belongs.gone"
        );
        const DISMISS: &str = concat!(
            "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND (parent, member) IN
            (SELECT parent.id, member.id FROM ", $elements, " AS old
            JOIN principal AS parent ON parent.address = old.value ->> 1
            JOIN principal AS member ON member.address = old.value ->> 0)"
        );

        const HAD_ACCOUNT: &str = concat!(
            "SELECT principal.id FROM ", $elements, " AS new JOIN principal ON address = new.value ->> 0
            WHERE standing = 'removed' AND kind = 'user' LIMIT 1"
        );
        const STAND_AGAIN: &str = concat!(
            "UPDATE principal SET standing = 'present', name = '', name_key = '', version = CAST($2 AS bigint)
            FROM ", $elements, "
            WHERE address = value ->> 0 AND standing = 'removed' AND kind = 'user'"
        );

        Statements {
            make: Statement {
                obstacles: &[(AddressTaken, ADDRESS_TAKEN), (EntryTaken, MADE_ENTRY_TAKEN)],
                changes: &[MAKE],
            },
            rename: Statement { obstacles: &[(NoSuchPrincipal, UNKNOWN)], changes: &[RENAME] },
            bind: Statement {
                obstacles: &[(NoSuchPrincipal, UNKNOWN), (EntryTaken, BOUND_ENTRY_TAKEN)],
                changes: &[BIND],
            },
            remove: Statement {
                obstacles: &[(NoSuchPrincipal, UNKNOWN)],
                changes: &[REMOVE, REMOVE_BELOW, REMOVE_ABOVE],
            },
            restore: Statement { obstacles: &[(NoSuchPrincipal, UNKNOWN)], changes: &[RESTORE] },
            admit: Statement {
                obstacles: &[(NoSuchPrincipal, NO_PARENT), (NoSuchPrincipal, NO_MEMBER)],
                changes: &[NOTE_DOWN_USERS, ADMIT],
            },
            dismiss: Statement { obstacles: &[], changes: &[DISMISS] },
            had_account: HAD_ACCOUNT,
            stand_again: STAND_AGAIN,
        }
    }};
}
pub(in crate::store) use statements;
