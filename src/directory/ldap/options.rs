//! How a directory is reached, and what it calls things.

use std::path::PathBuf;
use std::time::Duration;

/// A directory that speaks LDAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `ldap://HOST[:PORT]` or `ldaps://…`, tried in turn.
    pub servers: Vec<String>,
    /// Is TLS begun on connections to `ldap://`? Off on this machine's own addresses only.
    pub starts_tls: bool,
    /// Authorities that vouch for the servers; those of the system where there are none.
    pub authorities: Option<PathBuf>,
    /// As whom the directory is read; nobody where there is none.
    pub bind: Option<Bind>,
    pub users: Search,
    pub groups: Search,
    pub units: Search,
    pub attributes: Attributes,
    /// From the end of a synchronisation to the next.
    pub interval: Duration,
    /// Entries that are asked for at a time.
    pub page: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    pub dn: String,
    /// Read anew for each connection.
    pub password_file: PathBuf,
}

/// Where entries of one kind are, and which they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub base: String,
    pub filter: String,
}

/// What attributes are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// An entry's own id, which it has for ever.
    pub id: String,
    /// A user's: what is before the `@` of the address.
    pub user: String,
    /// What users, groups and units are called, for people to read.
    pub display: String,
    pub group: String,
    pub unit: String,
    /// In a group: the distinguished names of those in it.
    pub member: Vec<String>,
    /// In a user or group: the distinguished names of the groups that it is in.
    pub member_of: Option<String>,
}

/// What servers of one make have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    OpenLdap,
    ActiveDirectory,
}

impl Schema {
    /// Accounts that are disabled are not there: 2 is ACCOUNTDISABLE of userAccountControl.
    pub fn user_filter(self) -> &'static str {
        match self {
            Self::OpenLdap => "(objectClass=inetOrgPerson)",
            Self::ActiveDirectory => {
                "(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
            }
        }
    }

    pub fn group_filter(self) -> &'static str {
        match self {
            Self::OpenLdap => "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
            Self::ActiveDirectory => "(objectClass=group)",
        }
    }

    pub fn unit_filter(self) -> &'static str {
        "(objectClass=organizationalUnit)"
    }

    /// An Active Directory shows the members of a large group in parts, so that memberships are read at the member.
    pub fn attributes(self) -> Attributes {
        let (id, user, display, group, member) = match self {
            Self::OpenLdap => ("entryUUID", "uid", "cn", "cn", &["member", "uniqueMember"][..]),
            Self::ActiveDirectory => ("objectGUID", "sAMAccountName", "displayName", "cn", &[][..]),
        };
        Attributes {
            id: id.to_owned(),
            user: user.to_owned(),
            display: display.to_owned(),
            group: group.to_owned(),
            unit: "ou".to_owned(),
            member: member.iter().map(|name| (*name).to_owned()).collect(),
            member_of: Some("memberOf".to_owned()),
        }
    }
}
