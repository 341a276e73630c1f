//! What clients can do, by the hash that they announce (XEP-0115). One client's answer serves everybody who runs it.

use std::collections::HashSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dashmap::DashMap;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::account::session::Capabilities;

/// Known capabilities, reduced to what the server acts on: the nodes to be notified of (`+notify`).
#[derive(Debug, Default)]
pub(super) struct CapabilityCache(DashMap<Capabilities, Arc<[Box<str>]>>);

/// Different clients that are remembered. Beyond them each session is asked.
const KNOWN_MAX: usize = 10_000;
/// Interests of one client.
const INTERESTS_MAX: usize = 256;
const NOTIFY: &str = "+notify";

impl CapabilityCache {
    pub(super) fn interests(&self, capabilities: &Capabilities) -> Option<Arc<[Box<str>]>> {
        self.0.get(capabilities).map(|known| known.clone())
    }

    /// Takes a client's answer to disco#info. It is kept for others only if the hash proves it (XEP-0115 §5.4):
    /// otherwise one client could speak for all.
    pub(super) fn learn(&self, capabilities: &Capabilities, info: &Element) -> Arc<[Box<str>]> {
        let interests: Arc<[Box<str>]> = features(info)
            .filter_map(|feature| feature.strip_suffix(NOTIFY))
            .take(INTERESTS_MAX)
            .map(Into::into)
            .collect();
        if self.0.len() < KNOWN_MAX
            && verification(info, &capabilities.hash).as_deref() == Some(&*capabilities.version)
        {
            self.0.insert(capabilities.clone(), interests.clone());
        }
        interests
    }
}

/// The verification string's hash (XEP-0115 §5.1), or none for what §5.4 calls ill-formed and for unknown hashes.
pub(crate) fn verification(info: &Element, hash: &str) -> Option<String> {
    let algorithm = match hash {
        "sha-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha-256" => &digest::SHA256,
        "sha-512" => &digest::SHA512,
        _ => return None,
    };
    let mut text = String::new();
    let mut identities: Vec<String> = children(info, "identity").map(identity).collect();
    let mut sorted_features: Vec<&str> = features(info).collect();
    let mut forms: Vec<(String, String)> =
        info.children().filter(|child| child.is("x", namespace::DATA_FORM)).filter_map(form).collect();
    for list_has_twins in [
        has_twins(identities.iter().map(String::as_str)),
        has_twins(sorted_features.iter().copied()),
        has_twins(forms.iter().map(|(kind, _)| kind.as_str())),
    ] {
        if list_has_twins {
            return None;
        }
    }
    identities.sort();
    sorted_features.sort_unstable();
    forms.sort();
    for part in identities.iter().map(String::as_str).chain(sorted_features) {
        text.push_str(part);
        text.push('<');
    }
    for (_, fields) in forms {
        text.push_str(&fields);
    }
    Some(STANDARD.encode(digest::digest(algorithm, text.as_bytes())))
}

fn identity(identity: &Element) -> String {
    let part = |name: &str| identity.attribute(name).unwrap_or_default();
    format!("{}/{}/{}/{}", part("category"), part("type"), part("xml:lang"), part("name"))
}

/// A form's type, and all of it as the string wants it; forms without a hidden type are left out (§5.4 rule 3.6).
fn form(form: &Element) -> Option<(String, String)> {
    let values = |field: &Element| {
        let mut values: Vec<String> =
            field.children().filter(|v| v.name() == "value").map(Element::text).collect();
        values.sort();
        values
    };
    let fields: Vec<&Element> = form.children().filter(|child| child.name() == "field").collect();
    let kind = fields.iter().find(|field| {
        field.attribute("var") == Some("FORM_TYPE") && field.attribute("type") == Some("hidden")
    })?;
    let kind = values(kind).into_iter().next()?;
    let mut others: Vec<(&str, Vec<String>)> = fields
        .iter()
        .filter_map(|field| Some((field.attribute("var")?, values(field))))
        .filter(|(var, _)| *var != "FORM_TYPE")
        .collect();
    others.sort();
    let mut text = format!("{kind}<");
    for (var, values) in others {
        text.push_str(var);
        text.push('<');
        for value in values {
            text.push_str(&value);
            text.push('<');
        }
    }
    Some((kind, text))
}

fn features(info: &Element) -> impl Iterator<Item = &str> {
    children(info, "feature").filter_map(|feature| feature.attribute("var"))
}

fn children<'a>(info: &'a Element, name: &'a str) -> impl Iterator<Item = &'a Element> {
    info.children().filter(move |child| child.is(name, namespace::DISCO_INFO))
}

fn has_twins<'a>(parts: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = HashSet::new();
    parts.into_iter().any(|part| !seen.insert(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(content: &str) -> Element {
        let text = format!("<query xmlns='{}'>{content}</query>", namespace::DISCO_INFO);
        Element::parse(text.as_bytes(), namespace::CLIENT).unwrap()
    }

    #[test]
    fn the_examples_of_xep_0115_hash_to_what_it_says() {
        let features = "<feature var='http://jabber.org/protocol/caps'/>\
            <feature var='http://jabber.org/protocol/disco#info'/>\
            <feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>";
        let simple = format!("<identity category='client' name='Exodus 0.9.1' type='pc'/>{features}");
        assert_eq!(verification(&info(&simple), "sha-1").as_deref(), Some("QgayPKawpkPSDYmwT/WM94uAlu0="));
        let complex = format!(
            "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
             <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>{features}\
             <x xmlns='jabber:x:data' type='result'>\
             <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>\
             <field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field>\
             <field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>\
             <field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field>\
             </x>"
        );
        assert_eq!(verification(&info(&complex), "sha-1").as_deref(), Some("q07IKJEyjvHSyhy//CH0CxmKi8w="));
    }

    #[test]
    fn an_answer_that_the_hash_does_not_prove_is_nobody_elses() {
        let cache = CapabilityCache::default();
        let content =
            "<identity category='client' type='pc'/><feature var='urn:xmpp:avatar:metadata+notify'/>";
        let proven = verification(&info(content), "sha-1").unwrap();
        let check = |version: &str, is_kept: bool| {
            let capabilities =
                Capabilities { node: "x".into(), hash: "sha-1".into(), version: version.into() };
            assert_eq!(&*cache.learn(&capabilities, &info(content)), ["urn:xmpp:avatar:metadata".into()]);
            assert_eq!(cache.interests(&capabilities).is_some(), is_kept, "{version}");
        };
        check("forged", false);
        check(&proven, true);
    }

    #[test]
    fn twins_make_an_answer_ill_formed() {
        let check = |content: &str| assert_eq!(verification(&info(content), "sha-1"), None, "{content}");
        check("<feature var='a'/><feature var='a'/>");
        check("<identity category='client' type='pc'/><identity category='client' type='pc'/>");
    }
}
