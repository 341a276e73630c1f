//! What a joiner is told of the lists of affiliations, where his client keeps them (XEP-0463).

use crate::chat::affiliation::Affiliation;
use crate::chat::command::Actor;
use crate::chat::event::AffiliationSet;
use crate::chat::id::SessionId;
use crate::chat::snapshot::Standing;
use crate::fanout::audience::Listing;
use crate::fanout::version::Versions;
use crate::room::rights::lists;
use crate::room::state::Room;

impl Room {
    /// All that the asker may see, or what has changed of it after the version that he has. In the order of its coming:
    /// whoever got only the first part of it has the lists as of the version of its last item.
    pub(super) fn listing(&self, by: &Actor, since: &str) -> Listing {
        let lists = lists(self.rank(by), &self.settings);
        if lists.is_empty() {
            return Listing::Forbidden;
        }
        let standings = &self.standings;
        let known = Versions::new(&self.secret, self.epoch).read(since, lists);
        // Who is on a list that the asker may not see, or on none, may have been on one that he may see, or not: the
        // change would tell him either too little or too much.
        let tells_enough =
            |&version: &i64| lists.are_all() || standings.since(version).all(|s| lists.has(s.affiliation));
        let since = known.filter(|&version| version <= standings.version()).filter(tells_enough);
        let mut items: Vec<Standing> = match since {
            Some(version) => standings.since(version).cloned().collect(),
            None => standings.since(0).filter(|s| lists.has(s.affiliation)).cloned().collect(),
        };
        items.sort_by_key(|standing| standing.version);
        Listing::Shown { lists, since, items, until: standings.version() }
    }

    /// The affiliation that an entry of the lists has.
    pub(super) fn listed(&self, set: &AffiliationSet) -> Affiliation {
        self.standings.get(&set.jid).map_or(Affiliation::None, |standing| standing.affiliation)
    }

    /// Who is told by a message of a change to someone who is not in the room, and what (XEP-0045 §9.3, §10.3 …): those
    /// who may see the lists. Who sees only the list from which someone disappeared is told just that.
    pub(super) fn listeners(&self, was: Affiliation, is: Affiliation) -> Vec<(SessionId, Affiliation)> {
        let mut listeners = Vec::new();
        for occupant in self.occupants.iter() {
            let lists = lists((&**occupant).into(), &self.settings);
            let shown = if lists.has(is) {
                is
            } else if lists.has(was) {
                Affiliation::None
            } else {
                continue;
            };
            listeners.extend(occupant.seats.iter().map(|seat| (seat.session, shown)));
        }
        listeners
    }
}

#[cfg(test)]
mod tests;
