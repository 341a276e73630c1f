//! What an owner does with his nodes (XEP-0060 §8), and what everybody may know of his own standing (§5.6, §5.7).

use perch_address::{BareJid, Jid};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::{affiliation_jid, configuration_form, fields, owned, perform};
use crate::account::PepCommand;
use crate::chat::account::node::{Node, NodeAffiliation, NodeSettings};
use crate::chat::account::refusal::AccountRefusal;
use crate::session::xmpp::account::{Answered, Asker};

pub(super) async fn answer(asker: &Asker<'_>, owner: &BareJid, pubsub: &Element, is_set: bool) -> Answered {
    let Some(request) = pubsub.children().next() else {
        return Err(AccountRefusal::BadRequest("nothing is asked for").into());
    };
    let command = match (request.name(), is_set) {
        ("default", false) => {
            let form = configuration_form(&NodeSettings::default());
            return Ok(wrapped(Element::new("default", namespace::PUBSUB_OWNER).with_child(form)));
        }
        ("configure", false) => {
            let (face, name) = owned(asker, owner, request).await?;
            let settings = face.nodes.get(&name).map(|node| node.settings.clone()).unwrap_or_default();
            return Ok(wrapped(named("configure", &name).with_child(configuration_form(&settings))));
        }
        ("affiliations", false) => {
            let (face, name) = owned(asker, owner, request).await?;
            let list = face.nodes.get(&name).map(|node| affiliations(owner, node));
            return Ok(wrapped(named("affiliations", &name).with_children(list.into_iter().flatten())));
        }
        ("subscriptions", false) => {
            let (face, name) = owned(asker, owner, request).await?;
            let list =
                face.nodes.get(&name).map(|node| subscriptions(node, namespace::PUBSUB_OWNER, |_| true));
            return Ok(wrapped(named("subscriptions", &name).with_children(list.into_iter().flatten())));
        }
        ("configure", true) => {
            let (_, node) = owned(asker, owner, request).await?;
            let form = request
                .child("x", namespace::DATA_FORM)
                .ok_or(AccountRefusal::BadRequest("the form is missing"))?;
            if form.attribute("type") == Some("cancel") {
                return Ok(None);
            }
            PepCommand::Configure { node, fields: fields(form, namespace::PUBSUB_NODE_CONFIG)? }
        }
        ("delete", true) => PepCommand::Delete { node: super::node_name(request)? },
        ("purge", true) => PepCommand::Purge { node: super::node_name(request)? },
        ("affiliations", true) => set_affiliations(request)?,
        ("subscriptions", true) => set_subscriptions(request)?,
        _ => return Err(AccountRefusal::NotOffered.into()),
    };
    perform(asker, owner, command).await?;
    Ok(None)
}

/// The asker's own subscriptions to the owner's nodes.
pub(super) async fn own_subscriptions(asker: &Asker<'_>, owner: &BareJid, wanted: &Element) -> Answered {
    let face = asker.face(owner).await?.ok_or(AccountRefusal::Unreachable)?;
    let own = asker.bare();
    let nodes =
        face.nodes.values().filter(|node| wanted.attribute("node").is_none_or(|name| name == &*node.name));
    let list = nodes.flat_map(|node| subscriptions(node, namespace::PUBSUB, |jid| jid.bare() == own));
    let list: Vec<Element> = list.collect();
    let answer = Element::new("subscriptions", namespace::PUBSUB).with_children(list);
    Ok(Some(Element::new("pubsub", namespace::PUBSUB).with_child(answer)))
}

/// The asker's own affiliations with the owner's nodes.
pub(super) async fn own_affiliations(asker: &Asker<'_>, owner: &BareJid, wanted: &Element) -> Answered {
    let face = asker.face(owner).await?.ok_or(AccountRefusal::Unreachable)?;
    let own = asker.bare();
    let nodes =
        face.nodes.values().filter(|node| wanted.attribute("node").is_none_or(|name| name == &*node.name));
    let affiliation = |node: &Node| {
        let listed =
            node.affiliations.iter().find(|(jid, _)| *jid == own).map(|(_, affiliation)| *affiliation);
        let affiliation = if own == *owner { Some(NodeAffiliation::Owner) } else { listed };
        Some(
            Element::new("affiliation", namespace::PUBSUB)
                .with_attribute("node", &*node.name)
                .with_attribute("affiliation", affiliation?.as_str()),
        )
    };
    let answer = Element::new("affiliations", namespace::PUBSUB).with_children(nodes.filter_map(affiliation));
    Ok(Some(Element::new("pubsub", namespace::PUBSUB).with_child(answer)))
}

fn set_affiliations(request: &Element) -> Result<PepCommand, AccountRefusal> {
    let node = super::node_name(request)?;
    let items = request.children().filter(|child| child.is("affiliation", namespace::PUBSUB_OWNER));
    let affiliation = |item: &Element| {
        let affiliation = match item.attribute("affiliation") {
            Some("none") => None,
            Some(word) => {
                Some(NodeAffiliation::parse(word).ok_or(AccountRefusal::NotAcceptable("affiliation"))?)
            }
            None => return Err(AccountRefusal::BadRequest("the affiliation is missing")),
        };
        Ok((affiliation_jid(item)?, affiliation))
    };
    Ok(PepCommand::SetAffiliations { node, affiliations: items.map(affiliation).collect::<Result<_, _>>()? })
}

fn set_subscriptions(request: &Element) -> Result<PepCommand, AccountRefusal> {
    let node = super::node_name(request)?;
    let items = request.children().filter(|child| child.is("subscription", namespace::PUBSUB_OWNER));
    let subscription = |item: &Element| {
        let jid =
            item.attribute("jid").and_then(|jid| Jid::new(jid).ok()).ok_or(AccountRefusal::InvalidJid)?;
        match item.attribute("subscription") {
            Some("subscribed") => Ok((jid, true)),
            Some("none") => Ok((jid, false)),
            _ => Err(AccountRefusal::NotAcceptable("subscription")),
        }
    };
    Ok(PepCommand::SetSubscriptions {
        node,
        subscriptions: items.map(subscription).collect::<Result<_, _>>()?,
    })
}

fn affiliations(owner: &BareJid, node: &Node) -> Vec<Element> {
    let owner = (owner, NodeAffiliation::Owner);
    let listed = node.affiliations.iter().map(|(jid, affiliation)| (jid, *affiliation));
    let element = |(jid, affiliation): (&BareJid, NodeAffiliation)| {
        Element::new("affiliation", namespace::PUBSUB_OWNER)
            .with_attribute("jid", jid.as_str())
            .with_attribute("affiliation", affiliation.as_str())
    };
    std::iter::once(owner).chain(listed).map(element).collect()
}

fn subscriptions(node: &Node, namespace: &str, is_wanted: impl Fn(&Jid) -> bool) -> Vec<Element> {
    let wanted = node.subscriptions.iter().filter(|subscription| is_wanted(&subscription.jid));
    wanted
        .map(|subscription| {
            Element::new("subscription", namespace)
                .with_attribute("node", &*node.name)
                .with_attribute("jid", subscription.jid.as_str())
                .with_attribute("subid", &*subscription.id)
                .with_attribute(
                    "subscription",
                    if subscription.is_pending { "pending" } else { "subscribed" },
                )
        })
        .collect()
}

fn named(name: &str, node: &str) -> Element {
    Element::new(name, namespace::PUBSUB_OWNER).with_attribute("node", node)
}

fn wrapped(content: Element) -> Option<Element> {
    Some(Element::new("pubsub", namespace::PUBSUB_OWNER).with_child(content))
}
