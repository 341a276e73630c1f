//! An account's own nodes (XEP-0163 over XEP-0060): publishing, configuring, subscribing. Items lie in the store; what
//! is decided on is here.

mod access;
mod avatar;
mod notify;
mod settings;

use std::sync::Arc;

use perch_address::{BareJid, Jid};
use perch_xmpp::namespace;

pub(super) use self::access::{is_sent_late, may_read};
pub(crate) use self::avatar::Photo;
pub(crate) use self::settings::{Field, fields_of};
use self::settings::{configure, has_settings};
use crate::account::handle::Answer;
use crate::account::state::{Account, Decision};
use crate::chat::account::entry::AccountChange;
use crate::chat::account::node::{
    AccessModel, Item, Node, NodeAffiliation, NodeSettings, NodeSubscription, PublishModel, SendLastItem,
};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;

/// What is asked of an account's nodes. Items are read from the store, and who may is in [`may_read`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PepCommand {
    Publish(Publication),
    Retract {
        node: Box<str>,
        ids: Vec<Box<str>>,
        is_told: bool,
    },
    Create {
        node: Box<str>,
        fields: Vec<Field>,
    },
    Configure {
        node: Box<str>,
        fields: Vec<Field>,
    },
    Delete {
        node: Box<str>,
    },
    Purge {
        node: Box<str>,
    },
    /// `None` takes the affiliation away.
    SetAffiliations {
        node: Box<str>,
        affiliations: Vec<(BareJid, Option<NodeAffiliation>)>,
    },
    /// `id` is fresh: the subscription's, if it is a new one.
    Subscribe {
        node: Box<str>,
        jid: Jid,
        id: Box<str>,
    },
    Unsubscribe {
        node: Box<str>,
        jid: Jid,
    },
    /// The owner lets in (or keeps) or puts out.
    SetSubscriptions {
        node: Box<str>,
        subscriptions: Vec<(Jid, bool)>,
    },
    /// All bookmarks at once, as old clients set them (XEP-0402 §6.3): what is new, what is gone, and the rest of the
    /// old element.
    SetBookmarks {
        published: Vec<(Box<str>, Payload)>,
        retracted: Vec<Box<str>>,
        rest: Payload,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub node: Box<str>,
    /// The publisher's, or a fresh one.
    pub id: Box<str>,
    pub payload: Option<Payload>,
    /// What the node has to be configured as, and is if it does not exist yet (XEP-0060 §7.1.5).
    pub options: Option<Vec<Field>>,
}

/// Nodes of one account.
const NODES_MAX: usize = 512;
/// Subscriptions of one node.
const SUBSCRIPTIONS_MAX: usize = 1024;
/// Affiliations of one node.
const AFFILIATIONS_MAX: usize = 1024;
/// Bytes of a node's name or an item's id.
const NAME_BYTES_MAX: usize = 1023;

type Decided = Result<(Answer, Decision), AccountRefusal>;

impl Account {
    /// For one of the account's own sessions.
    pub(super) fn decide_pep(&self, session: SessionId, command: PepCommand, now: Timestamp) -> Decided {
        let by = self.sessions.by_id(session).map_or(self.jid.as_jid(), |session| session.jid.as_jid());
        self.decide_pep_by(by, command, now)
    }

    /// For anybody.
    pub(crate) fn decide_pep_by(&self, by: &Jid, command: PepCommand, now: Timestamp) -> Decided {
        if by.bare() != self.jid && self.blocked.covers(by) {
            return Err(AccountRefusal::Unreachable);
        }
        let done = |changes: Vec<AccountChange>| Ok((Answer::Done, Decision::of(changes)));
        match command {
            PepCommand::Publish(publication) => self.publish(by, publication, now),
            PepCommand::Retract { node, ids, is_told } => {
                let known = self.node_for_publisher(by, &node)?;
                let is_told = is_told || known.settings.notify_retract;
                let mut changes = vec![AccountChange::ItemsRetracted { node, ids, is_told }];
                changes.extend(self.photo_after_retraction(known));
                done(changes)
            }
            PepCommand::Create { node, fields } => {
                self.own(by)?;
                if self.nodes.contains_key(&node) {
                    return Err(AccountRefusal::Exists);
                }
                done(vec![AccountChange::NodeSet(self.new_node(node, &fields)?)])
            }
            PepCommand::Configure { node, fields } => {
                let known = self.node_for_owner(by, &node)?;
                let settings = configure(known.settings.clone(), &fields)?;
                done(vec![AccountChange::NodeSet(Node { settings, ..known.clone() })])
            }
            PepCommand::Delete { node } => {
                let known = self.node_for_owner(by, &node)?;
                let photo = self.photo_after_retraction(known);
                done([AccountChange::NodeDeleted { node }].into_iter().chain(photo).collect())
            }
            PepCommand::Purge { node } => {
                let known = self.node_for_owner(by, &node)?;
                if !known.settings.persist_items {
                    return Err(AccountRefusal::NotOffered);
                }
                let photo = self.photo_after_retraction(known);
                done([AccountChange::NodePurged { node }].into_iter().chain(photo).collect())
            }
            PepCommand::SetAffiliations { node, affiliations } => {
                let known = self.node_for_owner(by, &node)?.clone();
                done(vec![AccountChange::NodeSet(self.affiliate(known, affiliations)?)])
            }
            PepCommand::Subscribe { node, jid, id } => self.subscribe(by, &node, jid, id),
            PepCommand::Unsubscribe { node, jid } => self.unsubscribe(by, &node, &jid),
            PepCommand::SetSubscriptions { node, subscriptions } => {
                let mut known = self.node_for_owner(by, &node)?.clone();
                for (jid, is_let_in) in subscriptions {
                    let subscription = known.subscriptions.iter_mut().find(|known| known.jid == jid);
                    let subscription = subscription.ok_or(AccountRefusal::NoSuchItem)?;
                    subscription.is_pending = !is_let_in;
                    if !is_let_in {
                        known.subscriptions.retain(|known| known.jid != jid);
                    }
                }
                done(vec![AccountChange::NodeSet(known)])
            }
            PepCommand::SetBookmarks { published, retracted, rest } => {
                self.own(by)?;
                self.set_bookmarks(by, published, retracted, rest, now)
            }
        }
    }

    fn publish(&self, by: &Jid, publication: Publication, now: Timestamp) -> Decided {
        let Publication { node: name, id, payload, options } = publication;
        if id.is_empty() || id.len() > NAME_BYTES_MAX {
            return Err(AccountRefusal::ItemRequired);
        }
        let mut changes = Vec::new();
        let settings = match self.nodes.get(&name) {
            Some(_) => {
                let node = self.node_for_publisher(by, &name)?;
                if options.is_some_and(|options| !has_settings(&node.settings, &options)) {
                    return Err(AccountRefusal::PreconditionNotMet);
                }
                node.settings.clone()
            }
            None => {
                self.own(by).map_err(|_| AccountRefusal::NoSuchItem)?;
                let node = self.new_node(name.clone(), &options.unwrap_or_default())?;
                let settings = node.settings.clone();
                changes.push(AccountChange::NodeSet(node));
                settings
            }
        };
        if payload.is_none() && (settings.persist_items || settings.deliver_payloads) {
            return Err(AccountRefusal::ItemRequired);
        }
        let item =
            Item { id: id.clone(), payload: payload.unwrap_or_default(), publisher: by.clone(), at: now };
        changes.extend(self.photo_of_publication(&name, &item));
        changes.push(AccountChange::ItemPublished { node: name, item });
        Ok((Answer::Published(id), Decision::of(changes)))
    }

    fn set_bookmarks(
        &self,
        by: &Jid,
        published: Vec<(Box<str>, Payload)>,
        retracted: Vec<Box<str>>,
        rest: Payload,
        now: Timestamp,
    ) -> Decided {
        let node: Box<str> = namespace::BOOKMARKS.into();
        let mut changes = Vec::new();
        if !self.nodes.contains_key(&node) {
            changes.push(AccountChange::NodeSet(self.new_node(node.clone(), &[])?));
        }
        changes.extend(published.into_iter().map(|(id, payload)| AccountChange::ItemPublished {
            node: node.clone(),
            item: Item { id, payload, publisher: by.clone(), at: now },
        }));
        if !retracted.is_empty() {
            changes.push(AccountChange::ItemsRetracted { node, ids: retracted, is_told: true });
        }
        let (namespace, name) = (namespace::BOOKMARKS_PRIVATE.into(), "storage".into());
        changes.push(AccountChange::PrivateSet { namespace, name, payload: rest });
        Ok((Answer::Done, Decision::of(changes)))
    }

    fn new_node(&self, name: Box<str>, fields: &[Field]) -> Result<Node, AccountRefusal> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(AccountRefusal::NodeRequired);
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(AccountRefusal::TooMany);
        }
        let settings = configure(defaults(&name), fields)?;
        Ok(Node { name, settings, ..Node::default() })
    }

    fn affiliate(
        &self,
        mut node: Node,
        affiliations: Vec<(BareJid, Option<NodeAffiliation>)>,
    ) -> Result<Node, AccountRefusal> {
        for (jid, affiliation) in affiliations {
            if jid == self.jid {
                return Err(AccountRefusal::NotAllowed);
            }
            node.affiliations.retain(|(known, _)| *known != jid);
            node.affiliations.extend(affiliation.map(|affiliation| (jid, affiliation)));
        }
        if node.affiliations.len() > AFFILIATIONS_MAX { Err(AccountRefusal::TooMany) } else { Ok(node) }
    }

    fn subscribe(&self, by: &Jid, name: &str, jid: Jid, id: Box<str>) -> Decided {
        if jid.bare() != by.bare() {
            return Err(AccountRefusal::InvalidJid);
        }
        let node = self.nodes.get(name).ok_or(AccountRefusal::NoSuchItem)?;
        if let Some(known) = node.subscriptions.iter().find(|known| known.jid == jid) {
            let answer = Answer::Subscribed { id: known.id.clone(), is_pending: known.is_pending };
            return Ok((answer, Decision::default()));
        }
        let is_pending = match may_read(node, &self.jid, self.roster.contact(&by.bare()), &by.bare()) {
            Ok(()) => false,
            Err(AccountRefusal::ApprovalRequired) => true,
            Err(refusal) => return Err(refusal),
        };
        if node.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(AccountRefusal::TooMany);
        }
        let mut node = node.clone();
        node.subscriptions.push(NodeSubscription { jid, id: id.clone(), is_pending });
        Ok((Answer::Subscribed { id, is_pending }, Decision::of([AccountChange::NodeSet(node)])))
    }

    fn unsubscribe(&self, by: &Jid, name: &str, jid: &Jid) -> Decided {
        if jid.bare() != by.bare() {
            return Err(AccountRefusal::Forbidden);
        }
        let mut node = self.nodes.get(name).ok_or(AccountRefusal::NoSuchItem)?.clone();
        let before = node.subscriptions.len();
        node.subscriptions.retain(|known| known.jid != *jid);
        if node.subscriptions.len() == before {
            return Err(AccountRefusal::NotSubscribed);
        }
        Ok((Answer::Done, Decision::of([AccountChange::NodeSet(node)])))
    }

    fn own(&self, by: &Jid) -> Result<(), AccountRefusal> {
        if by.bare() == self.jid { Ok(()) } else { Err(AccountRefusal::Forbidden) }
    }

    fn node_for_owner(&self, by: &Jid, name: &str) -> Result<&Node, AccountRefusal> {
        let node = self.nodes.get(name).ok_or(AccountRefusal::NoSuchItem)?;
        if access::affiliation(node, &self.jid, &by.bare()) == Some(NodeAffiliation::Owner) {
            return Ok(node);
        }
        Err(AccountRefusal::Forbidden)
    }

    fn node_for_publisher(&self, by: &Jid, name: &str) -> Result<&Node, AccountRefusal> {
        let node = self.nodes.get(name).ok_or(AccountRefusal::NoSuchItem)?;
        let viewer = by.bare();
        let may = match access::affiliation(node, &self.jid, &viewer) {
            Some(NodeAffiliation::Owner | NodeAffiliation::Publisher | NodeAffiliation::PublishOnly) => true,
            Some(NodeAffiliation::Outcast) => false,
            Some(NodeAffiliation::Member) | None => match node.settings.publishers {
                PublishModel::Publishers => false,
                PublishModel::Subscribers => {
                    node.subscriptions.iter().any(|known| known.jid.bare() == viewer && !known.is_pending)
                }
                PublishModel::Open => true,
            },
        };
        if may { Ok(node) } else { Err(AccountRefusal::Forbidden) }
    }
}

/// Applying.
impl Account {
    pub(super) fn keep_node(&mut self, node: &Node) {
        Arc::make_mut(&mut self.nodes).insert(node.name.clone(), node.clone());
    }

    pub(super) fn forget_node(&mut self, name: &str) -> Option<Node> {
        Arc::make_mut(&mut self.nodes).remove(name)
    }
}

/// What a node is without being told: bookmarks, and what somebody looks for, are nobody else's business (XEP-0223),
/// whatever the client forgot.
fn defaults(name: &str) -> NodeSettings {
    match name {
        namespace::BOOKMARKS | namespace::BOOKMARKS_PRIVATE | namespace::FEEDS => NodeSettings {
            access: AccessModel::Whitelist,
            items_max: NodeSettings::ITEMS_LIMIT,
            send_last_item: SendLastItem::Never,
            ..NodeSettings::default()
        },
        _ => NodeSettings::default(),
    }
}
