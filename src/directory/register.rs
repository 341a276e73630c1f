//! What views are made of, as it was read from the store so far: takes in what has changed since.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::administration::Versioned;
use crate::chat::administration::configuration::Configuration;
use crate::chat::administration::level::Here;
use crate::chat::administration::policy::{Policies, Policy};
use crate::chat::category::Category;
use crate::directory::enabled::Enabled;
use crate::directory::view::{Place, Record, View};
use crate::store::Store;
use crate::store::administration::policy::PolicyGrant;
use crate::store::error::StoreError;
use crate::store::principal::{BelongsRow, PrincipalRow, RightsPage};

#[derive(Debug, Default)]
pub(super) struct Register {
    version: i64,
    records: Vec<Record>,
    /// By the ids of the rows.
    places: HashMap<i64, Place>,
    categories: Arc<[Category]>,
    policies: Vec<Versioned<Policy>>,
    grants: Vec<PolicyGrant>,
    configurations: Vec<Versioned<Configuration>>,
}

impl Register {
    /// Reads what has changed. When it fails, some of it may have been taken in, and is again by the next reading.
    pub(super) async fn read(&mut self, store: &Store) -> Result<(), StoreError> {
        let since = self.version;
        // The first reading brings what belongs together in one go: each record is then as long as it has to be.
        let mut parents = HashMap::<Place, Vec<Place>>::new();
        let version = {
            let mut take = |page| match page {
                RightsPage::Principals(rows) => rows.into_iter().for_each(|row| self.note(row)),
                RightsPage::Categories(categories) => self.categories = categories.into(),
                RightsPage::Policies(policies) => {
                    self.policies = policies;
                    self.grants.clear();
                }
                RightsPage::Grants(grants) => self.grants.extend(grants),
                RightsPage::Configurations(configurations) => self.configurations = configurations,
                RightsPage::Belongs(rows) => {
                    for row in rows {
                        self.move_member(row, &mut parents);
                    }
                }
            };
            store.read_rights(since, &mut take).await?
        };
        for (member, parents) in parents {
            self.records[member as usize].parents = parents.into();
        }
        self.version = version;
        Ok(())
    }

    pub(super) fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn view(&self, domain: &str, here: &Here, is_enabled_by_default: bool) -> View {
        let policies = Policies { is_enabled_by_default, set: self.policies.clone() };
        let enabled = Enabled::by(&policies, &self.grants, here);
        let values = Configuration::effective(&self.configurations, here).values;
        View::new(self.version, domain, &self.records, self.categories.clone()).with(enabled, values)
    }

    fn note(&mut self, row: PrincipalRow) {
        let PrincipalRow { id, address, kind, standing } = row;
        match self.places.get(&id) {
            Some(place) => self.records[*place as usize].standing = standing,
            None => {
                self.places.insert(id, self.records.len() as Place);
                self.records.push(Record { address, kind, standing, parents: Box::default() });
            }
        }
    }

    fn move_member(&self, row: BelongsRow, changed: &mut HashMap<Place, Vec<Place>>) {
        // Both have been read before: a row names none that is not there.
        let (Some(member), Some(parent)) = (self.places.get(&row.member), self.places.get(&row.parent))
        else {
            return;
        };
        let known = || self.records[*member as usize].parents.to_vec();
        let parents = changed.entry(*member).or_insert_with(known);
        parents.retain(|known| known != parent);
        if !row.is_gone {
            parents.push(*parent);
        }
    }
}
