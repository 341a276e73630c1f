//! What a node's change tells, and whom (XEP-0060 §7.1.2, XEP-0163 §4.3): the account's own interested sessions, the
//! contacts that may read the node, and who subscribed by name.

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::account::pep::access::may_read;
use crate::account::state::{Account, Effect, Notice, Recipients};
use crate::account::wire;
use crate::chat::account::entry::AccountChange;
use crate::chat::account::node::{Item, Node};
use crate::chat::account::packet::{MessageKind, Packet, PacketKind};

impl Account {
    pub(in crate::account) fn apply_node_set(&mut self, node: &Node, effects: &mut Vec<Effect>) {
        let before = self.nodes.get(&node.name).map(|known| known.settings.clone());
        self.keep_node(node);
        if node.settings.notify_config && before.is_some_and(|before| before != node.settings) {
            let event =
                Element::new("configuration", namespace::PUBSUB_EVENT).with_attribute("node", &*node.name);
            self.notify_all(node, &event, effects);
        }
    }

    pub(in crate::account) fn apply_node_deleted(&mut self, name: &str, effects: &mut Vec<Effect>) {
        let Some(node) = self.forget_node(name) else { return };
        if node.settings.notify_delete {
            let event = Element::new("delete", namespace::PUBSUB_EVENT).with_attribute("node", name);
            self.notify_all(&node, &event, effects);
        }
    }

    pub(in crate::account) fn apply_published(&self, name: &str, item: &Item, effects: &mut Vec<Effect>) {
        let Some(node) = self.nodes.get(name) else { return };
        let items = wire::items_element(node, [wire::item_element(item, node.settings.deliver_payloads)]);
        self.notify_all(node, &items, effects);
    }

    pub(in crate::account) fn apply_retracted(
        &self,
        name: &str,
        ids: &[Box<str>],
        is_told: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(node) = self.nodes.get(name).filter(|_| is_told) else { return };
        let retract = |id: &str| Element::new("retract", namespace::PUBSUB_EVENT).with_attribute("id", id);
        let retracts = ids.iter().map(|id| retract(id));
        self.notify_all(node, &wire::items_element(node, retracts), effects);
    }

    pub(in crate::account) fn apply_purged(&self, name: &str, effects: &mut Vec<Effect>) {
        let Some(node) = self.nodes.get(name) else { return };
        let event = Element::new("purge", namespace::PUBSUB_EVENT).with_attribute("node", name);
        self.notify_all(node, &event, effects);
    }

    /// An event of somebody's node that this account may see: for those of its sessions that are interested.
    pub(crate) fn receive_event(&self, packet: Packet, node: &str) -> Vec<Effect> {
        if packet.from.bare() != self.jid && self.blocked.covers(&packet.from) {
            return Vec::new();
        }
        let sessions =
            self.sessions.available().filter(|session| session.wants(node)).map(|session| session.id);
        let notice =
            Notice { kind: packet.kind, from: Some(packet.from), id: packet.id, payload: packet.payload };
        Effect::push(sessions, notice).into_iter().collect()
    }

    /// Sessions that follow other rooms than before, or look for something else in them.
    pub(in crate::account) fn follow_anew(&self, change: &AccountChange) -> Option<Effect> {
        let (AccountChange::ItemPublished { node, .. }
        | AccountChange::ItemsRetracted { node, .. }
        | AccountChange::NodePurged { node }
        | AccountChange::NodeDeleted { node }) = change
        else {
            return None;
        };
        let is_about_rooms = [namespace::BOOKMARKS, namespace::FEEDS].contains(&&**node);
        let sessions: Recipients = self.sessions.available().map(|session| session.id).collect();
        (is_about_rooms && !sessions.is_empty()).then_some(Effect::Follow { sessions })
    }

    fn may_read(&self, node: &Node, viewer: &BareJid) -> bool {
        may_read(node, &self.jid, self.roster.contact(viewer), viewer).is_ok()
    }

    fn notify_all(&self, node: &Node, event: &Element, effects: &mut Vec<Effect>) {
        if !node.settings.deliver_notifications {
            return;
        }
        let event = Element::new("event", namespace::PUBSUB_EVENT).with_child(event.clone());
        let packet = |to| Packet {
            kind: PacketKind::Message(MessageKind::Headline),
            from: self.jid.clone().into(),
            to,
            id: None,
            lang: None,
            payload: wire::payload(&event),
        };
        let by_name: Vec<BareJid> = node
            .subscriptions
            .iter()
            .filter(|subscription| !subscription.is_pending)
            .map(|subscription| subscription.jid.bare())
            .collect();
        let own = packet(self.jid.clone().into());
        effects.push(Effect::Notify { to: self.jid.clone(), node: node.name.clone(), packet: own });
        for contact in self.roster.contacts().filter(|contact| contact.subscription.from) {
            let is_let_in = may_read(node, &self.jid, Some(contact), &contact.jid).is_ok();
            if is_let_in && !by_name.contains(&contact.jid) && !self.blocked.covers(contact.jid.as_jid()) {
                let to = contact.jid.clone();
                let packet = packet(to.clone().into());
                effects.push(Effect::Notify { to, node: node.name.clone(), packet });
            }
        }
        let subscribed = node.subscriptions.iter().filter(|subscription| {
            !subscription.is_pending
                && !self.blocked.covers(&subscription.jid)
                && subscription.jid.bare() != self.jid
                && self.may_read(node, &subscription.jid.bare())
        });
        effects.extend(subscribed.map(|subscription| Effect::Send(packet(subscription.jid.clone()))));
    }
}
