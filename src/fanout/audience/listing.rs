//! The lists of affiliations as clients keep them (XEP-0463): whole, what changed, and from which version to which.

use super::{Audience, Step, View};
use crate::chat::affiliation::{Affiliation, Lists};
use crate::chat::event::Change;
use crate::chat::id::SessionId;
use crate::chat::occupant::Occupant;
use crate::chat::snapshot::Standing;
use crate::fanout::frame::Frame;
use crate::fanout::render::xmpp::listing::{self, Span};

/// What a joiner is told of the lists.
pub enum Listing {
    /// He did not ask.
    Unasked,
    /// There is none that he may see.
    Forbidden,
    Shown {
        lists: Lists,
        /// The version that he has; `None` where this is all of it.
        since: Option<i64>,
        until: i64,
        /// In the order of their versions.
        items: Vec<Standing>,
    },
}

/// A change that no presence shows, since the person is not in the room; and who is told what of it.
pub struct ListNotice {
    pub to: Vec<(SessionId, Affiliation)>,
}

/// Items of one message: it stays well below what any client takes as a stanza.
const ITEMS_MAX: usize = 100;

impl Listing {
    /// Whoever was not shown them knows none of them.
    pub(super) fn lists(&self) -> Lists {
        match self {
            Self::Shown { lists, .. } => *lists,
            Self::Unasked | Self::Forbidden => Lists::default(),
        }
    }
}

impl Step {
    /// Does it change the very entry of that occupant, and not that of his whole domain?
    pub(super) fn is_about_entry_of(&self, occupant: &Occupant) -> bool {
        match &self.event.change {
            Change::AffiliationSet(set) => set.jid == occupant.jid,
            _ => true,
        }
    }
}

impl Audience {
    /// The messages for a joiner: none where he has the current version.
    pub(super) fn listing(&self, listing: &Listing) -> Vec<Frame> {
        let (lists, since, until, items) = match listing {
            Listing::Unasked => return Vec::new(),
            Listing::Forbidden => return vec![listing::forbidden(&self.room)],
            Listing::Shown { lists, since, until, items } => (*lists, *since, *until, items),
        };
        if since == Some(until) {
            return Vec::new();
        }
        // A whole list that is empty is said, too.
        let mut parts: Vec<&[Standing]> = items.chunks(ITEMS_MAX).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        let mut since = since;
        let mut frames = Vec::with_capacity(parts.len());
        for (number, part) in parts.into_iter().enumerate() {
            let reached = part.last().filter(|_| number < last).map_or(until, |item| item.version);
            let span = Span {
                since: since.map(|version| self.versions.write(version, lists)),
                until: self.versions.write(reached, lists),
            };
            frames.push(listing::part(&self.room, &span, part));
            since = Some(reached);
        }
        frames
    }

    /// From which version of the lists to which an event leads, for someone who knows those of `lists`.
    pub(super) fn change_of_lists(&self, list_version: Option<i64>, lists: Lists) -> Option<Span> {
        let until = list_version?;
        Some(Span {
            since: Some(self.versions.write(until - 1, lists)),
            until: self.versions.write(until, lists),
        })
    }

    /// What a self-presence says: also without a change, the version that there is.
    pub(super) fn own_lists(&self, list_version: Option<i64>, view: View, lists: Lists) -> Option<Span> {
        let now = || Span { since: None, until: self.versions.write(view.list_version, lists) };
        Some(self.change_of_lists(list_version, lists).unwrap_or_else(now))
    }

    /// XEP-0045 §9.3, §10.3 …: a message of the room, where nobody's presence shows the change.
    pub(super) fn tell_lists(&self, step: &Step, notice: &ListNotice) {
        let Change::AffiliationSet(set) = &step.event.change else { return };
        for (session, affiliation) in &notice.to {
            let Some(member) = self.members.get(session) else { continue };
            if let Some(span) = self.change_of_lists(Some(set.version), member.lists) {
                super::deliver(&member.mailbox, &listing::change(&self.room, &span, set, *affiliation));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::event::Extent;
    use crate::chat::id::Epoch;
    use crate::fanout::version::Versions;

    const SECRET: [u8; 32] = [7; 32];

    fn standing(version: i64) -> Standing {
        Standing {
            extent: Extent::default(),
            jid: format!("p{version}@verona.example").parse().unwrap(),
            affiliation: Affiliation::Member,
            nick: None,
            reason: "".into(),
            version,
        }
    }

    /// Each message as `since -> until (items)`.
    fn check(since: Option<i64>, until: i64, versions: impl Iterator<Item = i64>, expected: &[&str]) {
        let lists: Lists = Lists::ALL.into_iter().collect();
        let items = versions.map(standing).collect();
        let audience = Audience::new("tea@rooms.example", &SECRET, Epoch(1));
        let versions = Versions::new(&SECRET, Epoch(1));
        let frames = audience.listing(&Listing::Shown { lists, since, until, items });
        let told: Vec<String> = frames
            .iter()
            .map(|frame| {
                let mut bytes = Vec::new();
                frame.write(b"", &mut bytes);
                let text = String::from_utf8(bytes).unwrap();
                let value = |name: &str| {
                    let value = text.split(&format!(" {name}='")).nth(1)?.split('\'').next()?;
                    Some(versions.read(value, lists).expect("a version of ours").to_string())
                };
                let since = value("since").unwrap_or_else(|| "all".into());
                format!("{since} -> {} ({})", value("until").unwrap(), text.matches("<item ").count())
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_long_list_is_told_in_parts_that_join() {
        check(None, 5, 1..=5, &["all -> 5 (5)"]);
        check(None, 5, std::iter::empty(), &["all -> 5 (0)"]);
        check(Some(5), 5, std::iter::empty(), &[]);
        // Every second entry is one that this asker does not see.
        let parts = ["all -> 200 (100)", "200 -> 400 (100)", "400 -> 451 (25)"];
        check(None, 451, (1..=225).map(|n| n * 2), &parts);
        check(Some(10), 120, 11..=120, &["10 -> 110 (100)", "110 -> 120 (10)"]);
    }
}
