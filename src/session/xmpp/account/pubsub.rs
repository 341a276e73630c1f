//! Personal eventing on the wire (XEP-0163, XEP-0060).

mod manage;

use perch_address::{BareJid, Jid};
use perch_xmpp::extension::form::{Field as FormField, FieldKind, Form, FormKind};
use perch_xmpp::extension::paging::{PageRequest, page_of};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::disco::named_jid;
use super::{Answered, Asker, Fault, bookmarks};
use crate::account::{Answer, Command, Face, Field, PepCommand, Publication, fields_of, wire};
use crate::chat::account::node::{Item, NodeSettings};
use crate::chat::account::refusal::AccountRefusal;
use crate::store::account_log::ItemChoice;

/// Items in one answer, unless fewer are asked for.
const ITEMS_MAX: u32 = 1000;

/// The one item that all bookmarks are to clients of XEP-0048, which publish them as a node too (XEP-0402 §6).
const OLD_BOOKMARKS_ITEM: &str = "current";

/// A request to the nodes of `owner`.
pub(super) async fn answer(asker: &Asker<'_>, owner: &BareJid, pubsub: &Element, is_set: bool) -> Answered {
    if pubsub.namespace() == namespace::PUBSUB_OWNER {
        return manage::answer(asker, owner, pubsub, is_set).await;
    }
    let child = |name: &str| pubsub.child(name, namespace::PUBSUB);
    if !is_set {
        if let Some(items) = child("items") {
            return read_items(asker, owner, items, PageRequest::of(pubsub).ok().flatten()).await;
        }
        if let Some(wanted) = child("subscriptions") {
            return manage::own_subscriptions(asker, owner, wanted).await;
        }
        if let Some(wanted) = child("affiliations") {
            return manage::own_affiliations(asker, owner, wanted).await;
        }
    } else if let Some(publish) = child("publish") {
        return self::publish(asker, owner, publish, child("publish-options")).await;
    } else if let Some(retract) = child("retract") {
        return self::retract(asker, owner, retract).await;
    } else if let Some(create) = child("create") {
        return self::create(asker, owner, create, child("configure")).await;
    } else if let Some(subscribe) = child("subscribe") {
        return self::subscribe(asker, owner, subscribe).await;
    } else if let Some(unsubscribe) = child("unsubscribe") {
        let node = node_name(unsubscribe)?;
        let jid = named_jid(unsubscribe, asker.jid).ok_or(AccountRefusal::InvalidJid)?;
        perform(asker, owner, PepCommand::Unsubscribe { node, jid }).await?;
        return Ok(None);
    }
    Err(AccountRefusal::NotOffered.into())
}

async fn read_items(
    asker: &Asker<'_>,
    owner: &BareJid,
    items: &Element,
    page: Option<PageRequest>,
) -> Answered {
    let name = node_name(items)?;
    let is_own = *owner == asker.bare();
    if is_own && *name == *namespace::BOOKMARKS_PRIVATE {
        let storage = Element::new("item", namespace::PUBSUB)
            .with_attribute("id", OLD_BOOKMARKS_ITEM)
            .with_child(bookmarks::read(asker).await?);
        return Ok(Some(pubsub_element(items_element(&name, [storage]))));
    }
    let face = asker.face(owner).await?.ok_or(AccountRefusal::NoSuchItem)?;
    let Some(node) = face.nodes.get(&name) else {
        // Who has no bookmarks yet has none, in this form as in the old one: Dino takes an error here for a server that
        // keeps none, and never adds the first.
        let is_empty = is_own && *name == *namespace::BOOKMARKS;
        let none = is_empty.then(|| pubsub_element(items_element(&name, [])));
        return none.map(Some).ok_or(AccountRefusal::NoSuchItem.into());
    };
    face.may_read_node(node, &asker.bare())?;
    let ids: Vec<Box<str>> = items
        .children()
        .filter(|child| child.is("item", namespace::PUBSUB))
        .filter_map(|item| item.attribute("id"))
        .map(Into::into)
        .collect();
    let newest = items.attribute("max_items").and_then(|max| max.parse().ok()).unwrap_or(ITEMS_MAX);
    let choice =
        if ids.is_empty() { ItemChoice::Newest(newest.min(ITEMS_MAX)) } else { ItemChoice::Ids(ids) };
    let found = asker.services.accounts.store().node_items(face.id, &name, &choice).await?;
    let items_of = |shown: &[Item]| pubsub_element(items_element(&name, shown.iter().map(item_element)));
    let Some(request) = &page else { return Ok(Some(items_of(&found))) };
    let (shown, page) = page_of(&found, |item| &item.id, request).ok_or(AccountRefusal::NoSuchItem)?;
    Ok(Some(items_of(shown).with_child(page.to_element())))
}

fn items_element(node: &str, items: impl IntoIterator<Item = Element>) -> Element {
    Element::new("items", namespace::PUBSUB).with_attribute("node", node).with_children(items)
}

fn item_element(item: &Item) -> Element {
    let payload = Element::parse(&item.payload.0, namespace::CLIENT).ok();
    Element::new("item", namespace::PUBSUB).with_attribute("id", &*item.id).with_children(payload)
}

fn pubsub_element(content: Element) -> Element {
    Element::new("pubsub", namespace::PUBSUB).with_child(content)
}

async fn publish(
    asker: &Asker<'_>,
    owner: &BareJid,
    publish: &Element,
    options: Option<&Element>,
) -> Answered {
    let node = node_name(publish)?;
    let mut items = publish.children().filter(|child| child.is("item", namespace::PUBSUB));
    let (item, None) = (items.next(), items.next()) else {
        return Err(AccountRefusal::BadRequest("one item at a time").into());
    };
    let mut contents = item.into_iter().flat_map(Element::children);
    let (content, None) = (contents.next(), contents.next()) else {
        return Err(AccountRefusal::InvalidPayload.into());
    };
    let id = match item.and_then(|item| item.attribute("id")) {
        Some(id) => id.into(),
        None => fresh_id().ok_or(AccountRefusal::TemporarilyUnavailable)?,
    };
    if *owner == asker.bare() && *node == *namespace::BOOKMARKS_PRIVATE {
        // Kept, and for nobody else, whatever the options say: it is the node of the new form that is written to.
        let storage = content.filter(|content| content.is("storage", namespace::BOOKMARKS_PRIVATE));
        bookmarks::write(asker, storage.ok_or(AccountRefusal::InvalidPayload)?).await?;
        return Ok(Some(published(&node, &id)));
    }
    let options = options.and_then(|options| options.child("x", namespace::DATA_FORM));
    let publication = Publication {
        node: node.clone(),
        id,
        payload: content.map(wire::payload),
        options: options.map(|form| fields(form, namespace::PUBSUB_PUBLISH_OPTIONS)).transpose()?,
    };
    let Answer::Published(id) = perform(asker, owner, PepCommand::Publish(publication)).await? else {
        return Ok(None);
    };
    Ok(Some(published(&node, &id)))
}

fn published(node: &str, id: &str) -> Element {
    let item = Element::new("item", namespace::PUBSUB).with_attribute("id", id);
    pubsub_element(Element::new("publish", namespace::PUBSUB).with_attribute("node", node).with_child(item))
}

async fn retract(asker: &Asker<'_>, owner: &BareJid, retract: &Element) -> Answered {
    let node = node_name(retract)?;
    let items = retract.children().filter(|child| child.is("item", namespace::PUBSUB));
    let ids: Vec<Box<str>> = items.filter_map(|item| item.attribute("id")).map(Into::into).collect();
    if ids.is_empty() {
        return Err(AccountRefusal::ItemRequired.into());
    }
    let face = asker.face(owner).await?.ok_or(AccountRefusal::NoSuchItem)?;
    let choice = ItemChoice::Ids(ids.clone());
    if asker.services.accounts.store().node_items(face.id, &node, &choice).await?.is_empty() {
        return Err(AccountRefusal::NoSuchItem.into());
    }
    let is_told = matches!(retract.attribute("notify"), Some("1" | "true"));
    perform(asker, owner, PepCommand::Retract { node, ids, is_told }).await?;
    Ok(None)
}

async fn create(
    asker: &Asker<'_>,
    owner: &BareJid,
    create: &Element,
    configure: Option<&Element>,
) -> Answered {
    let (node, is_instant) = match create.attribute("node").filter(|node| !node.is_empty()) {
        Some(node) => (node.into(), false),
        None => (fresh_id().ok_or(AccountRefusal::TemporarilyUnavailable)?, true),
    };
    if *node == *namespace::BOOKMARKS_PRIVATE {
        return Err(AccountRefusal::Exists.into());
    }
    let form = configure.and_then(|configure| configure.child("x", namespace::DATA_FORM));
    let fields =
        form.map(|form| fields(form, namespace::PUBSUB_NODE_CONFIG)).transpose()?.unwrap_or_default();
    perform(asker, owner, PepCommand::Create { node: node.clone(), fields }).await?;
    if !is_instant {
        return Ok(None);
    }
    // Its name is news to the one who asked (XEP-0060 §8.1.2).
    let create = Element::new("create", namespace::PUBSUB).with_attribute("node", &*node);
    Ok(Some(Element::new("pubsub", namespace::PUBSUB).with_child(create)))
}

async fn subscribe(asker: &Asker<'_>, owner: &BareJid, subscribe: &Element) -> Answered {
    let node = node_name(subscribe)?;
    let jid = named_jid(subscribe, asker.jid).ok_or(AccountRefusal::InvalidJid)?;
    let id = fresh_id().ok_or(AccountRefusal::TemporarilyUnavailable)?;
    let command = PepCommand::Subscribe { node: node.clone(), jid: jid.clone(), id };
    let Answer::Subscribed { id, is_pending } = perform(asker, owner, command).await? else {
        return Ok(None);
    };
    let subscription = Element::new("subscription", namespace::PUBSUB)
        .with_attribute("node", &*node)
        .with_attribute("jid", jid.as_str())
        .with_attribute("subid", &*id)
        .with_attribute("subscription", if is_pending { "pending" } else { "subscribed" });
    Ok(Some(Element::new("pubsub", namespace::PUBSUB).with_child(subscription)))
}

/// One's own account is asked by the session, another's by its address.
async fn perform(asker: &Asker<'_>, owner: &BareJid, command: PepCommand) -> Result<Answer, AccountRefusal> {
    if *owner == asker.bare() {
        return asker.command(Command::Pep(command)).await;
    }
    asker.services.accounts.ask_nodes(owner, asker.jid.clone(), command).await
}

/// The node, for who owns it.
async fn owned(
    asker: &Asker<'_>,
    owner: &BareJid,
    element: &Element,
) -> Result<(std::sync::Arc<Face>, Box<str>), Fault> {
    let name = node_name(element)?;
    let face = asker.face(owner).await?.ok_or(AccountRefusal::NoSuchItem)?;
    if !face.nodes.contains_key(&name) {
        return Err(AccountRefusal::NoSuchItem.into());
    }
    if *owner != asker.bare() {
        return Err(AccountRefusal::Forbidden.into());
    }
    Ok((face, name))
}

fn node_name(element: &Element) -> Result<Box<str>, AccountRefusal> {
    let name = element.attribute("node").filter(|node| !node.is_empty());
    name.map(Into::into).ok_or(AccountRefusal::NodeRequired)
}

/// The fields of a submitted form of that type, without their prefix.
fn fields(form: &Element, form_type: &str) -> Result<Vec<Field>, AccountRefusal> {
    let form = Form::read(form).map_err(|_| AccountRefusal::BadRequest("the form cannot be read"))?;
    if form.form_type().is_some_and(|given| given != form_type) {
        return Err(AccountRefusal::BadRequest("the form is of another type"));
    }
    let named = form.fields.iter().filter_map(|field| {
        let name = field.var.strip_prefix("pubsub#")?.into();
        Some(Field { name, values: field.values.iter().map(|value| value.as_str().into()).collect() })
    });
    Ok(named.collect())
}

/// A node's configuration as a form to fill in (XEP-0060 §8.2.1).
fn configuration_form(settings: &NodeSettings) -> Element {
    let form = fields_of(settings).into_iter().fold(
        Form::new(FormKind::Form, namespace::PUBSUB_NODE_CONFIG),
        |form, field| {
            let shown = FormField::new(
                kind_of(&field.name),
                &format!("pubsub#{}", field.name),
                label_of(&field.name),
            );
            let shown = shown.with_values(&field.values);
            form.with_field(
                choices_of(&field.name).iter().fold(shown, |shown, word| shown.with_option(word, word)),
            )
        },
    );
    form.to_element()
}

fn kind_of(name: &str) -> FieldKind {
    match name {
        "access_model" | "publish_model" | "send_last_published_item" => FieldKind::ListSingle,
        "roster_groups_allowed" => FieldKind::TextMulti,
        "title" | "description" | "type" | "max_items" => FieldKind::TextSingle,
        _ => FieldKind::Boolean,
    }
}

fn label_of(name: &str) -> &'static str {
    match name {
        "title" => "Name",
        "description" => "Description",
        "type" => "Namespace of the payload",
        "access_model" => "Who may read",
        "roster_groups_allowed" => "Groups that may read",
        "publish_model" => "Who may publish",
        "send_last_published_item" => "When the last item is sent",
        "max_items" => "Items that are kept",
        "persist_items" => "Keep items",
        "deliver_notifications" => "Tell of new items",
        "deliver_payloads" => "Tell their content too",
        "notify_retract" => "Tell of removed items",
        "notify_delete" => "Tell when the node is deleted",
        _ => "Tell of a new configuration",
    }
}

fn choices_of(name: &str) -> &'static [&'static str] {
    match name {
        "access_model" => &["open", "presence", "roster", "whitelist", "authorize"],
        "publish_model" => &["publishers", "subscribers", "open"],
        "send_last_published_item" => &["never", "on_sub", "on_sub_and_presence"],
        _ => &[],
    }
}

/// For what has no name of its own yet.
fn fresh_id() -> Option<Box<str>> {
    let mut bytes = [0; 12];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

fn affiliation_jid(element: &Element) -> Result<BareJid, AccountRefusal> {
    let jid = element.attribute("jid").and_then(|jid| Jid::new(jid).ok());
    jid.map(|jid| jid.bare()).ok_or(AccountRefusal::InvalidJid)
}
