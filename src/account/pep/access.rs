//! Who may read a node (XEP-0060 §4.5).

use perch_address::BareJid;

use crate::account::face::Face;
use crate::chat::account::contact::Contact;
use crate::chat::account::node::{AccessModel, Node, NodeAffiliation, SendLastItem};
use crate::chat::account::refusal::AccountRefusal;
use crate::store::account_log::LastItem;

/// Whether `viewer` may subscribe to a node of `owner` and read its items. `contact`: what the owner knows of him.
pub(crate) fn may_read(
    node: &Node,
    owner: &BareJid,
    contact: Option<&Contact>,
    viewer: &BareJid,
) -> Result<(), AccountRefusal> {
    match affiliation(node, owner, viewer) {
        Some(NodeAffiliation::Owner | NodeAffiliation::Publisher | NodeAffiliation::Member) => return Ok(()),
        Some(NodeAffiliation::Outcast | NodeAffiliation::PublishOnly) => {
            return Err(AccountRefusal::Forbidden);
        }
        None => {}
    }
    let contact = contact.filter(|contact| contact.subscription.from);
    let (is_let_in, refusal) = match node.settings.access {
        AccessModel::Open => (true, AccountRefusal::Forbidden),
        AccessModel::Presence => (contact.is_some(), AccountRefusal::PresenceRequired),
        AccessModel::Roster => {
            let groups = contact.map(|contact| &contact.groups[..]).unwrap_or_default();
            let is_in = groups.iter().any(|group| node.settings.groups.iter().any(|name| **name == **group));
            (is_in, AccountRefusal::GroupRequired)
        }
        AccessModel::Whitelist => (false, AccountRefusal::ClosedNode),
        AccessModel::Authorize => {
            let mut agreed = node.subscriptions.iter().filter(|subscription| !subscription.is_pending);
            (agreed.any(|subscription| subscription.jid.bare() == *viewer), AccountRefusal::ApprovalRequired)
        }
    };
    if is_let_in { Ok(()) } else { Err(refusal) }
}

/// The account itself owns its nodes, without standing in a list.
pub(super) fn affiliation(node: &Node, owner: &BareJid, who: &BareJid) -> Option<NodeAffiliation> {
    if who == owner {
        return Some(NodeAffiliation::Owner);
    }
    node.affiliations.iter().find(|(jid, _)| jid == who).map(|(_, affiliation)| *affiliation)
}

/// Whether a last item is to be sent to who comes (XEP-0163 §4.3.4). `owner` is its address in full.
pub(crate) fn is_sent_late(last: &LastItem, owner: &BareJid, viewer: &BareJid) -> bool {
    let settings = &last.node.settings;
    settings.send_last_item == SendLastItem::OnSubAndPresence
        && settings.deliver_notifications
        && !last.is_blocked
        && may_read(&last.node, owner, last.contact.as_ref(), viewer).is_ok()
}

impl Face {
    /// Whether `viewer` may read a node of this account; one that is blocked finds nothing.
    pub(crate) fn may_read_node(&self, node: &Node, viewer: &BareJid) -> Result<(), AccountRefusal> {
        if *viewer != self.jid && self.blocks(viewer.as_jid()) {
            return Err(AccountRefusal::Unreachable);
        }
        may_read(node, &self.jid, self.roster.contact(viewer), viewer)
    }
}

#[cfg(test)]
mod tests {
    use perch_address::Jid;

    use super::*;
    use crate::account::roster::Roster;
    use crate::chat::account::contact::{Contact, Subscription};
    use crate::chat::account::node::{NodeSettings, NodeSubscription};

    fn jid(text: &str) -> BareJid {
        BareJid::new(text).unwrap()
    }

    fn roster() -> Roster {
        let contact = |address: &str, from: bool, group: &str| Contact {
            subscription: Subscription { from, to: true, ..Subscription::default() },
            groups: vec![group.into()],
            is_listed: true,
            ..Contact::stranger(jid(address))
        };
        Roster::new(
            vec![contact("friend@x", true, "Friends"), contact("idol@x", false, "Friends")],
            Vec::new(),
            1,
        )
    }

    #[test]
    fn the_access_model_decides_who_reads() {
        use AccountRefusal as R;
        let check = |access, cells: [(&str, Result<(), R>); 6]| {
            let node = Node {
                name: "n".into(),
                settings: NodeSettings { access, groups: vec!["Friends".into()], ..NodeSettings::default() },
                affiliations: vec![
                    (jid("member@x"), NodeAffiliation::Member),
                    (jid("outcast@x"), NodeAffiliation::Outcast),
                ],
                subscriptions: vec![NodeSubscription {
                    jid: Jid::new("stranger@x/1").unwrap(),
                    id: "1".into(),
                    is_pending: true,
                }],
            };
            let roster = roster();
            for (viewer, expected) in cells {
                let viewer = jid(viewer);
                let found = may_read(&node, &jid("owner@x"), roster.contact(&viewer), &viewer);
                assert_eq!(found, expected, "{access:?} {viewer}");
            }
        };
        let cells = |friend, idol, stranger| {
            [
                ("owner@x", Ok(())),
                ("member@x", Ok(())),
                ("outcast@x", Err(R::Forbidden)),
                ("friend@x", friend),
                ("idol@x", idol),
                ("stranger@x", stranger),
            ]
        };
        check(AccessModel::Open, cells(Ok(()), Ok(()), Ok(())));
        let refusal = Err(R::PresenceRequired);
        check(AccessModel::Presence, cells(Ok(()), refusal, refusal));
        let refusal = Err(R::GroupRequired);
        check(AccessModel::Roster, cells(Ok(()), refusal, refusal));
        let refusal = Err(R::ClosedNode);
        check(AccessModel::Whitelist, cells(refusal, refusal, refusal));
        let refusal = Err(R::ApprovalRequired);
        check(AccessModel::Authorize, cells(refusal, refusal, refusal));
    }
}
