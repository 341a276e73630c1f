//! Reads `[directory]`: where users and groups come from that others keep.

use std::net::IpAddr;
use std::time::Duration;

use super::file::{Sheet, Value};
use super::section::{PEM, path, positive};
use crate::auth::Registration;
use crate::directory::ldap::Options;
use crate::directory::ldap::options::{Attributes, Bind, Schema, Search};

/// None where there is no directory: then no other key of the section has a meaning.
pub(super) fn directory(sheet: &mut Sheet, registration: Registration) -> Option<Options> {
    let urls = sheet.take("directory", "url", SERVERS, servers);
    let schema =
        sheet.take("directory", "schema", "\"openldap\" or \"active-directory\"", |value| {
            match value.text()? {
                "openldap" => Some(Schema::OpenLdap),
                "active-directory" => Some(Schema::ActiveDirectory),
                _ => None,
            }
        });
    let schema = schema.map_or(Schema::OpenLdap, |given| given.value);
    let starts_tls = sheet.take("directory", "starttls", "true or false", Value::flag);
    let authorities = sheet.take("directory", "tls_ca", PEM, path);
    let bind_dn = text(sheet, "bind_dn", DN);
    let password_file = sheet.take("directory", "bind_password_file", "the path of a file", path);
    let has_half_a_bind = bind_dn.is_some() != password_file.is_some();
    let base = text(sheet, "base", DN);
    let users = search(sheet, base.as_deref(), ["user_base", "user_filter"], schema.user_filter());
    let groups = search(sheet, base.as_deref(), ["group_base", "group_filter"], schema.group_filter());
    let units = search(sheet, base.as_deref(), ["unit_base", "unit_filter"], schema.unit_filter());
    let attributes = attributes(sheet, schema);
    let expected = "a number of seconds from 10 to 86400";
    let interval = sheet.take("directory", "interval_seconds", expected, |value| {
        positive(value, 86_400).filter(|seconds| *seconds >= 10)
    });
    let page =
        sheet.take("directory", "page_size", "a number from 1 to 10000", |value| positive(value, 10_000));

    let urls = urls?;
    let options = Options {
        servers: urls.value,
        starts_tls: starts_tls.is_none_or(|given| given.value),
        authorities: authorities.map(|given| given.value),
        bind: bind_dn.zip(password_file).map(|(dn, file)| Bind { dn, password_file: file.value }),
        users,
        groups,
        units,
        attributes,
        interval: Duration::from_secs(interval.map_or(300, |given| given.value).into()),
        page: page.map_or(500, |given| given.value),
    };
    let has_bases = ![&options.users, &options.groups, &options.units].iter().any(|one| one.base.is_empty());
    let is_open = |url: &String| !options.starts_tls && !is_encrypted(url) && !is_loopback(url);
    for (is_refused, key, reason) in [
        (
            options.servers.iter().any(is_open),
            "starttls",
            "passwords go to a directory in the clear on a loopback address only",
        ),
        (has_half_a_bind, "bind_dn", "bind_dn and bind_password_file are needed together"),
        (!has_bases, "base", "is needed: under which name the users, groups and units are"),
        (
            registration == Registration::Open,
            "url",
            "who may register could take the name of a user of the directory: set accounts.registration = \"off\"",
        ),
    ] {
        if is_refused {
            sheet.refuse(&urls.place, &format!("directory.{key}"), reason);
        }
    }
    Some(options)
}

fn search(sheet: &mut Sheet, base: Option<&str>, names: [&'static str; 2], otherwise: &str) -> Search {
    let [own_base, filter] = names;
    let own_base = text(sheet, own_base, DN);
    // Whether it can be a filter is for the parser of filters to say.
    let expected = "a filter such as \"(objectClass=inetOrgPerson)\"";
    let filter = sheet.take("directory", filter, expected, |value| {
        value.text().filter(|text| ldap3::parse_filter(text).is_ok()).map(str::to_owned)
    });
    Search {
        base: own_base.unwrap_or_else(|| base.unwrap_or_default().to_owned()),
        filter: filter.map_or_else(|| otherwise.to_owned(), |given| given.value),
    }
}

fn attributes(sheet: &mut Sheet, schema: Schema) -> Attributes {
    let mut attributes = schema.attributes();
    for (name, attribute) in [
        ("id_attribute", &mut attributes.id),
        ("user_attribute", &mut attributes.user),
        ("display_attribute", &mut attributes.display),
        ("group_attribute", &mut attributes.group),
        ("unit_attribute", &mut attributes.unit),
    ] {
        if let Some(given) = sheet.take("directory", name, "the name of an attribute", attribute_name) {
            *attribute = given.value;
        }
    }
    let expected = "names of attributes such as \"member,uniqueMember\", or \"off\"";
    let members = sheet.take("directory", "member_attribute", expected, |value| match value.text()? {
        "off" => Some(Vec::new()),
        names => names.split(',').map(|name| attribute_name(&Value::Text(name.trim().to_owned()))).collect(),
    });
    if let Some(given) = members {
        attributes.member = given.value;
    }
    let expected = "the name of an attribute, or \"off\"";
    let member_of = sheet.take("directory", "member_of_attribute", expected, |value| match value.text()? {
        "off" => Some(None),
        _ => attribute_name(value).map(Some),
    });
    if let Some(given) = member_of {
        attributes.member_of = given.value;
    }
    attributes
}

fn text(sheet: &mut Sheet, name: &'static str, expected: &str) -> Option<String> {
    let given = sheet.take("directory", name, expected, |value| {
        value.text().filter(|text| !text.is_empty()).map(str::to_owned)
    });
    given.map(|given| given.value)
}

fn servers(value: &Value) -> Option<Vec<String>> {
    let text = value.text()?;
    let urls: Vec<String> = text.split(',').map(|url| url.trim().to_owned()).collect();
    let is_one = |url: &String| {
        let host = url.strip_prefix("ldap://").or_else(|| url.strip_prefix("ldaps://"));
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', ' ']))
    };
    urls.iter().all(is_one).then_some(urls)
}

fn is_encrypted(url: &str) -> bool {
    url.starts_with("ldaps://")
}

fn is_loopback(url: &str) -> bool {
    let place = url.trim_start_matches("ldap://");
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn attribute_name(value: &Value) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ';' || c == '.';
    value.text().filter(|text| !text.is_empty() && text.chars().all(is_plain)).map(str::to_owned)
}

const SERVERS: &str = "servers such as \"ldaps://one.example.org,ldaps://two.example.org\"";
const DN: &str = "a distinguished name such as \"dc=example,dc=org\"";
