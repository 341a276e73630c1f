//! A node's configuration as a form has it (XEP-0060 §16.4.4): read, checked against, and shown.

use crate::chat::account::node::{AccessModel, NodeSettings, PublishModel, SendLastItem};
use crate::chat::account::refusal::AccountRefusal;

/// One field of a form that was filled in, named without its `pubsub#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: Box<str>,
    pub values: Vec<Box<str>>,
}

/// Settings changed as the fields say. What is not known is left out: forms of newer services have more fields.
pub(super) fn configure(
    mut settings: NodeSettings,
    fields: &[Field],
) -> Result<NodeSettings, AccountRefusal> {
    for field in fields {
        let value = field.values.first().map_or("", |value| &**value);
        match &*field.name {
            "title" => settings.title = value.to_owned(),
            "description" => settings.description = value.to_owned(),
            "type" => settings.payload_type = value.to_owned(),
            "access_model" => {
                settings.access = AccessModel::parse(value).ok_or(unknown("access_model"))?;
            }
            "roster_groups_allowed" => {
                settings.groups = field.values.iter().map(|group| group.to_string()).collect();
            }
            "publish_model" => {
                settings.publishers = PublishModel::parse(value).ok_or(unknown("publish_model"))?
            }
            "send_last_published_item" => {
                settings.send_last_item =
                    SendLastItem::parse(value).ok_or(unknown("send_last_published_item"))?;
            }
            "max_items" => settings.items_max = items_max(value)?,
            "persist_items" => settings.persist_items = boolean(value)?,
            "deliver_notifications" => settings.deliver_notifications = boolean(value)?,
            "deliver_payloads" => settings.deliver_payloads = boolean(value)?,
            "notify_retract" => settings.notify_retract = boolean(value)?,
            "notify_delete" => settings.notify_delete = boolean(value)?,
            "notify_config" => settings.notify_config = boolean(value)?,
            _ => {}
        }
    }
    Ok(settings)
}

/// Whether a node is configured as a publisher demands (XEP-0060 §7.1.5). A demand that is not known is not met.
pub(super) fn has_settings(settings: &NodeSettings, demands: &[Field]) -> bool {
    let known = fields_of(settings);
    demands.iter().all(|demand| {
        let Ok(wanted) = configure(settings.clone(), std::slice::from_ref(demand)) else { return false };
        known.iter().any(|field| field.name == demand.name) && wanted == *settings
    })
}

/// The whole form, filled in.
pub(crate) fn fields_of(settings: &NodeSettings) -> Vec<Field> {
    let field = |name: &str, value: &str| Field { name: name.into(), values: vec![value.into()] };
    let flag = |name: &str, value: bool| field(name, if value { "1" } else { "0" });
    let items_max = if settings.items_max >= NodeSettings::ITEMS_LIMIT {
        "max".to_owned()
    } else {
        settings.items_max.to_string()
    };
    vec![
        field("title", &settings.title),
        field("description", &settings.description),
        field("type", &settings.payload_type),
        field("access_model", settings.access.as_str()),
        Field {
            name: "roster_groups_allowed".into(),
            values: settings.groups.iter().map(|group| group.as_str().into()).collect(),
        },
        field("publish_model", settings.publishers.as_str()),
        field("send_last_published_item", settings.send_last_item.as_str()),
        field("max_items", &items_max),
        flag("persist_items", settings.persist_items),
        flag("deliver_notifications", settings.deliver_notifications),
        flag("deliver_payloads", settings.deliver_payloads),
        flag("notify_retract", settings.notify_retract),
        flag("notify_delete", settings.notify_delete),
        flag("notify_config", settings.notify_config),
    ]
}

/// `max` is as many as the service keeps; more than that is cut to it.
fn items_max(value: &str) -> Result<u32, AccountRefusal> {
    if value == "max" {
        return Ok(NodeSettings::ITEMS_LIMIT);
    }
    let count: u32 = value.parse().map_err(|_| unknown("max_items"))?;
    Ok(count.clamp(1, NodeSettings::ITEMS_LIMIT))
}

fn boolean(value: &str) -> Result<bool, AccountRefusal> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(AccountRefusal::NotAcceptable("a yes or no is neither")),
    }
}

fn unknown(field: &'static str) -> AccountRefusal {
    AccountRefusal::NotAcceptable(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field { name: name.into(), values: vec![value.into()] }
    }

    #[test]
    fn a_form_shows_what_was_set() {
        let set = [
            field("access_model", "whitelist"),
            field("max_items", "max"),
            field("persist_items", "false"),
            field("send_last_published_item", "never"),
            field("unheard_of", "x"),
        ];
        let settings = configure(NodeSettings::default(), &set).unwrap();
        let shown = fields_of(&settings);
        let check = |name: &str, value: &str| assert!(shown.contains(&field(name, value)), "{name}={value}");
        check("access_model", "whitelist");
        check("max_items", "max");
        check("persist_items", "0");
        check("send_last_published_item", "never");
        assert_eq!(configure(NodeSettings::default(), &shown).unwrap(), settings);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let check = |name: &str, value: &str| {
            assert!(configure(NodeSettings::default(), &[field(name, value)]).is_err(), "{name}={value}");
        };
        check("access_model", "anyone");
        check("max_items", "many");
        check("persist_items", "");
        check("publish_model", "closed");
    }

    #[test]
    fn a_demand_is_met_by_what_is_set_and_by_nothing_else() {
        let settings = NodeSettings { items_max: NodeSettings::ITEMS_LIMIT, ..NodeSettings::default() };
        let check = |name: &str, value: &str, expected: bool| {
            assert_eq!(has_settings(&settings, &[field(name, value)]), expected, "{name}={value}");
        };
        check("access_model", "presence", true);
        check("access_model", "open", false);
        check("persist_items", "true", true);
        check("persist_items", "1", true);
        check("max_items", "max", true);
        check("max_items", "1", false);
        check("unheard_of", "1", false);
    }
}
