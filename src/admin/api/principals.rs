//! Principals: groups and units are made, changed and looked at here; those of a directory are changed there.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use perch_address::BareJid;
use serde_json::json;

use super::{Admin, AdminError, PAGE_MAX, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::principal::{Change, Kind, Principal, Standing, new_address};
use crate::store::administration::Deed;
use crate::store::administration::act::Act;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::principal::PrincipalQuery;

/// Some principals, in the order of their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalPage {
    pub principals: Vec<Principal>,
    /// The address behind which the next page begins, if there is more.
    pub next: Option<String>,
}

/// Some addresses, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPage {
    pub addresses: Vec<BareJid>,
    pub next: Option<String>,
}

/// A principal, and all that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub principal: Principal,
    pub belongs: Vec<String>,
}

/// Somebody who is to be in a group or unit, which is made if there is none of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub kind: Kind,
    /// Of the group or unit: its name, or its address.
    pub parent: String,
    /// The address, or the name of an account; nobody, to have the group or unit alone.
    pub member: Option<String>,
    /// What `member` is the name of, where it is a group or unit.
    pub member_kind: Option<Kind>,
}

/// Groups and units that are made for those who are to be in them.
#[derive(Debug, Default)]
struct Made {
    addresses: Vec<BareJid>,
    changes: Vec<Change>,
}

impl Enrolment {
    fn parent_key(&self) -> (Kind, &str) {
        (self.kind, &self.parent)
    }

    fn member_key(&self) -> Option<(Kind, &str)> {
        Some((self.member_kind?, self.member.as_deref()?))
    }
}

impl Admin {
    /// Groups and units, and those users of whom there is something to say: whose name or address has those words in it,
    /// from the one behind `after` on, at most `limit`.
    pub async fn principals(
        &self,
        caller: &Caller,
        query: PrincipalQuery<'_>,
    ) -> Result<PrincipalPage, AdminError> {
        self.may_see(caller, Operation::ListPrincipals, Target::Pool).await?;
        let limit = query.limit.clamp(1, PAGE_MAX);
        let found = self.directory.store().principals(PrincipalQuery { limit: limit + 1, ..query }).await?;
        Ok(page(found, limit))
    }

    pub async fn principal(&self, caller: &Caller, address: &str) -> Result<Placed, AdminError> {
        self.may_see(caller, Operation::ListPrincipals, Target::Pool).await?;
        let address = self.principal_address(address)?;
        let principal = self.find(&address).await?;
        let view = self.directory.view();
        let belongs = view.belongs(&address).addresses().map(str::to_owned).collect();
        Ok(Placed { principal, belongs })
    }

    /// Those who are directly in a group or unit.
    pub async fn members_of(
        &self,
        caller: &Caller,
        group: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<PrincipalPage, AdminError> {
        self.may_see(caller, Operation::ListPrincipals, Target::Pool).await?;
        let group = self.find(&self.principal_address(group)?).await?.address;
        let limit = limit.clamp(1, PAGE_MAX);
        let found = self.directory.store().members_of(&group, after.unwrap_or_default(), limit + 1).await?;
        Ok(page(found, limit))
    }

    /// The users who belong to a principal, by whatever way: to whom what is given to it is given.
    pub async fn users_of(
        &self,
        caller: &Caller,
        principal: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<AddressPage, AdminError> {
        self.may_see(caller, Operation::ListPrincipals, Target::Pool).await?;
        let address = self.principal_address(principal)?;
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        if address == *self.directory.domain() {
            return self.accounts_in(after, limit).await;
        }
        let view = self.directory.view();
        let mut users: Vec<&BareJid> = match Kind::of(&address, view.domain()) {
            Kind::User => view.belongs(&address).is_somebody().then_some(&address).into_iter().collect(),
            Kind::Group | Kind::Unit | Kind::Domain => {
                let is_later = |user: &&BareJid| after.is_none_or(|after| user.as_str() > after);
                view.users_of(&address).filter(is_later).collect()
            }
        };
        users.sort_unstable();
        let has_more = users.len() > limit;
        users.truncate(limit);
        let next = users.last().filter(|_| has_more).map(|last| last.to_string());
        Ok(AddressPage { addresses: users.into_iter().cloned().collect(), next })
    }

    /// Whoever has an account belongs to its domain, also who has no record.
    async fn accounts_in(&self, after: Option<&str>, limit: usize) -> Result<AddressPage, AdminError> {
        let after = after.and_then(|after| after.split_once('@')).map(|(name, _)| name);
        let entries = self.accounts.page(after, limit as u32 + 1).await?;
        let address = |name: &str| BareJid::from_parts(Some(name), self.domain());
        let next = match entries.get(limit) {
            Some(_) => Some(address(&entries[limit - 1].name)?.to_string()),
            None => None,
        };
        let counting = entries.iter().take(limit).filter(|entry| !entry.is_disabled);
        let addresses = counting.map(|entry| address(&entry.name)).collect::<Result<_, _>>()?;
        Ok(AddressPage { addresses, next })
    }

    /// Makes a group or unit. Its address is made from the name, and stays.
    pub async fn make_principal(
        &self,
        caller: &Caller,
        kind: Kind,
        name: &str,
    ) -> Result<Principal, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, name).await?;
        check_name(name)?;
        if !matches!(kind, Kind::Group | Kind::Unit) {
            return Err(AdminError::NotMade);
        }
        for attempt in 1..ATTEMPTS_MAX {
            let address = new_address(kind, name, attempt, self.domain())?;
            let became = json!({ "made": kind.as_str(), "address": address });
            let act = Act { became: Some(became.to_string().into()), ..act.clone() };
            match self.change_principals(vec![make(&address, kind, name)], act).await {
                Ok(()) => {
                    let standing = Standing::Present;
                    return Ok(Principal { address, kind, name: name.into(), standing, entry: None });
                }
                Err(AdminError::AddressTaken) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AdminError::AddressTaken)
    }

    /// Gives a group or unit another name. Its address, and what it may, stay.
    pub async fn rename_principal(
        &self,
        caller: &Caller,
        address: &str,
        name: &str,
    ) -> Result<Principal, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, address).await?;
        check_name(name)?;
        let principal = self.own(address).await?;
        let called = |name: &str| Some(json!({ "name": name }).to_string().into());
        let act = Act { was: called(&principal.name), became: called(name), ..act };
        let change = Change::Rename { address: principal.address.clone(), name: name.into() };
        self.change_principals(vec![change], act).await?;
        Ok(Principal { name: name.into(), ..principal })
    }

    /// Removes a group or unit: nobody belongs to it any more, and no other gets its address.
    pub async fn remove_principal(&self, caller: &Caller, address: &str) -> Result<BareJid, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, address).await?;
        let address = self.own(address).await?.address;
        let act = Act { became: Some(json!({ "removed": true }).to_string().into()), ..act };
        self.change_principals(vec![Change::Remove { address: address.clone() }], act).await?;
        Ok(address)
    }

    /// Takes somebody into a group or unit.
    pub async fn admit(&self, caller: &Caller, group: &str, member: &str) -> Result<BareJid, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, group).await?;
        let into = self.own(group).await?.address;
        let member = self.member(member).await?;
        let act = Act { became: Some(json!({ "admitted": member }).to_string().into()), ..act };
        self.change_principals(vec![Change::Admit { member: member.clone(), into }], act).await?;
        Ok(member)
    }

    /// Takes somebody out of a group or unit. When this returns, nobody has a right by it any more.
    pub async fn dismiss(&self, caller: &Caller, group: &str, member: &str) -> Result<BareJid, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, group).await?;
        let from = self.own(group).await?.address;
        let member = self.principal_address(member)?;
        let act = Act { became: Some(json!({ "dismissed": member }).to_string().into()), ..act };
        self.change_principals(vec![Change::Dismiss { member: member.clone(), from }], act).await?;
        Ok(member)
    }

    /// Many at once, all in one line of the audit log. What is so already is left so; what cannot be does not keep the
    /// others from being done: given back are the places of those that came to nothing, and why. They are in effect on
    /// every member when `is_last` was done.
    pub async fn enroll(
        &self,
        caller: &Caller,
        enrolments: &[Enrolment],
        is_last: bool,
    ) -> Result<Vec<(usize, AdminError)>, AdminError> {
        let act = self.may_do(caller, Operation::ChangePrincipal, Target::Pool, "enrolments").await?;
        let is_trial = act.is_trial;
        let mut made = Made::default();
        let mut groups = HashMap::new();
        for enrolment in enrolments {
            for (kind, name) in [Some(enrolment.parent_key()), enrolment.member_key()].into_iter().flatten() {
                if let Entry::Vacant(unknown) = groups.entry((kind, name)) {
                    unknown.insert(self.group(kind, name, &mut made).await);
                }
            }
        }
        let member = |enrolment: &Enrolment| match enrolment.member_key() {
            Some(key) => Some(groups[&key].clone()),
            None => enrolment.member.as_deref().map(|text| self.member_address(text)),
        };
        let members: Vec<_> = enrolments.iter().map(member).collect();
        let asked: Vec<BareJid> = members.iter().flatten().flatten().cloned().collect();
        let known = self.directory.store().known_accounts(&asked).await?.into_iter();
        let known: HashSet<BareJid> = known.chain(made.addresses.iter().cloned()).collect();
        let mut refused = Vec::new();
        let mut admitted = Vec::new();
        for (place, (enrolment, member)) in enrolments.iter().zip(members).enumerate() {
            let parent = match &groups[&enrolment.parent_key()] {
                Ok(parent) => parent,
                Err(refusal) => {
                    refused.push((place, *refusal));
                    continue;
                }
            };
            match member {
                None => {}
                Some(Ok(member)) => match self.fits(&member, enrolment.kind, &known).await {
                    Ok(()) => admitted.push((member, parent.clone())),
                    Err(refusal) => refused.push((place, refusal)),
                },
                Some(Err(refusal)) => refused.push((place, refusal)),
            }
        }
        let became = json!({ "made": made.addresses, "admitted": admitted });
        let admit = |(member, into)| Change::Admit { member, into };
        let changes: Vec<_> = made.changes.into_iter().chain(admitted.into_iter().map(admit)).collect();
        if !changes.is_empty() {
            let act = Act { became: Some(became.to_string().into()), ..act };
            self.administer(Deed::ChangePrincipals(changes), act).await?;
        }
        if is_last && !is_trial {
            self.directory.settle().await?;
        }
        Ok(refused)
    }

    async fn change_principals(&self, changes: Vec<Change>, act: Act) -> Result<(), AdminError> {
        self.administer_rights(Deed::ChangePrincipals(changes), act).await.map(drop)
    }

    /// The group or unit of a name or address; to be made, where there is none of the name.
    async fn group(&self, kind: Kind, text: &str, made: &mut Made) -> Result<BareJid, AdminError> {
        if text.contains('@') {
            let parent = self.own(text).await?;
            return if parent.kind == kind { Ok(parent.address) } else { Err(AdminError::NoSuchPrincipal) };
        }
        check_name(text)?;
        for attempt in 1..ATTEMPTS_MAX {
            let address = new_address(kind, text, attempt, self.domain())?;
            match self.directory.store().principal(&address).await? {
                Some(known)
                    if known.standing == Standing::Present
                        && *known.name == *text
                        && known.entry.is_none() =>
                {
                    return Ok(address);
                }
                None if !made.addresses.contains(&address) => {
                    made.changes.push(make(&address, kind, text));
                    made.addresses.push(address.clone());
                    return Ok(address);
                }
                Some(_) | None => {}
            }
        }
        Err(AdminError::AddressTaken)
    }

    /// A group or unit that is changed here.
    async fn own(&self, address: &str) -> Result<Principal, AdminError> {
        let principal = self.find(&self.principal_address(address)?).await?;
        match principal.kind {
            Kind::User | Kind::Domain => Err(AdminError::NotMade),
            Kind::Group | Kind::Unit if principal.entry.is_some() => Err(AdminError::OfDirectory),
            Kind::Group | Kind::Unit => Ok(principal),
        }
    }

    async fn find(&self, address: &BareJid) -> Result<Principal, AdminError> {
        let found = self.directory.store().principal(address).await?;
        if let Some(found) = found {
            let is_there = found.standing != Standing::Removed;
            return is_there.then_some(found).ok_or(AdminError::NoSuchPrincipal);
        }
        let kind = Kind::of(address, self.domain());
        let is_one = match kind {
            Kind::Group | Kind::Unit => false,
            Kind::Domain => true,
            Kind::User if address.domain() == self.domain() => self.has_account(address).await?,
            Kind::User => true,
        };
        let standing = Standing::Present;
        let principal = Principal { address: address.clone(), kind, name: "".into(), standing, entry: None };
        is_one.then_some(principal).ok_or(AdminError::NoSuchPrincipal)
    }

    /// Somebody who can be in a group: an account, a user of another domain, a group or unit.
    async fn member(&self, text: &str) -> Result<BareJid, AdminError> {
        let member = self.member_address(text)?;
        Ok(self.find(&member).await?.address)
    }

    /// The same, where it is known of some that they are there: of all accounts that are.
    async fn fits(&self, member: &BareJid, parent: Kind, known: &HashSet<BareJid>) -> Result<(), AdminError> {
        let kind = Kind::of(member, self.domain());
        if !parent.may_hold(kind) {
            return Err(AdminError::CannotHold);
        }
        match kind {
            _ if known.contains(member) => Ok(()),
            Kind::User if member.domain() == self.domain() => Err(AdminError::NoSuchAccount),
            Kind::User => Ok(()),
            Kind::Group | Kind::Unit | Kind::Domain => self.find(member).await.map(drop),
        }
    }

    async fn has_account(&self, address: &BareJid) -> Result<bool, AdminError> {
        let known = self.directory.store().known_accounts(std::slice::from_ref(address)).await?;
        Ok(!known.is_empty())
    }

    fn domain(&self) -> &str {
        self.directory.domain().as_str()
    }

    fn principal_address(&self, text: &str) -> Result<BareJid, AdminError> {
        Ok(BareJid::new(text)?)
    }

    /// A name alone is that of an account.
    fn member_address(&self, text: &str) -> Result<BareJid, AdminError> {
        match text.contains('@') {
            true => Ok(BareJid::new(text)?),
            false => Ok(BareJid::from_parts(Some(text), self.domain())?),
        }
    }
}

fn page(mut principals: Vec<Principal>, limit: u32) -> PrincipalPage {
    let has_more = principals.len() > limit as usize;
    principals.truncate(limit as usize);
    let next = principals.last().filter(|_| has_more).map(|last| last.address.to_string());
    PrincipalPage { principals, next }
}

fn make(address: &BareJid, kind: Kind, name: &str) -> Change {
    Change::Make { address: address.clone(), kind, name: name.into(), entry: None }
}

fn check_name(name: &str) -> Result<(), AdminError> {
    let is_good = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    is_good.then_some(()).ok_or(AdminError::BadName)
}

impl From<PrincipalError> for AdminError {
    fn from(error: PrincipalError) -> Self {
        match error {
            PrincipalError::AddressTaken(_) | PrincipalError::EntryTaken(_) => Self::AddressTaken,
            PrincipalError::NoSuchPrincipal(_) => Self::NoSuchPrincipal,
            PrincipalError::CannotHold { .. } => Self::CannotHold,
            PrincipalError::OffDuty => Self::Store(StoreError::Fenced),
            PrincipalError::Store(error) => Self::Store(error),
        }
    }
}

/// The name of a group or unit, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// Groups of one name.
const ATTEMPTS_MAX: u32 = 100;
