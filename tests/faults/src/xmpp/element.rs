//! Stanzas as trees, read by rxml: a strict parser that shares nothing with the server, so that every byte the server
//! sends in these tests is also proof that its XML is sound.

use rxml::{Event, Parse, Parser};

use crate::problem::Problem;

/// One element of a stream, with all that is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) namespace: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
    text: String,
}

impl Element {
    pub(crate) fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn child(&self, name: &str, namespace: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(name, namespace))
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        self.children.iter()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The condition of a stanza of type `error`, behind its kind: `wait/resource-constraint`.
    pub(crate) fn error(&self) -> Option<String> {
        if self.attribute("type") != Some("error") {
            return None;
        }
        let error = self.children.iter().find(|child| child.name == "error");
        let kind = error.and_then(|error| error.attribute("type")).unwrap_or("no type");
        let condition = error.and_then(|error| error.children.iter().find(|child| child.name != "text"));
        Some(format!("{kind}/{}", condition.map_or("no condition", |condition| &condition.name)))
    }
}

/// Takes the bytes of one stream and gives its elements, whole.
#[derive(Default)]
pub(crate) struct Elements {
    parser: Parser,
    unread: Vec<u8>,
    /// The elements that are open, the stream's own first.
    open: Vec<Element>,
}

impl Elements {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next whole element, `None` when more bytes are needed. The end of the stream is an error.
    pub(crate) fn next(&mut self) -> Result<Option<Element>, Problem> {
        let mut input = self.unread.as_slice();
        let found = loop {
            match self.parser.parse(&mut input, false) {
                Ok(Some(event)) => match take(&mut self.open, event) {
                    Ok(None) => {}
                    found => break found,
                },
                Ok(None) => break Err(Problem::StreamClosed),
                Err(rxml::error::EndOrError::NeedMoreData) => break Ok(None),
                Err(rxml::error::EndOrError::Error(error)) => break Err(Problem::Xml(error.to_string())),
            }
        };
        let read = self.unread.len() - input.len();
        self.unread.drain(..read);
        found
    }
}

/// Adds an event to the elements that are open; an element that is whole comes out.
fn take(open: &mut Vec<Element>, event: Event) -> Result<Option<Element>, Problem> {
    match event {
        Event::XmlDeclaration(..) => {}
        Event::StartElement(_, (namespace, name), attributes) => {
            let attributes = attributes.into_iter().map(|((_, name), value)| (name.to_string(), value));
            open.push(Element {
                name: name.to_string(),
                namespace: namespace.to_string(),
                attributes: attributes.collect(),
                ..Element::default()
            });
        }
        Event::Text(_, text) => {
            if let Some(element) = open.last_mut() {
                element.text.push_str(&text);
            }
        }
        Event::EndElement(_) => {
            let element = open.pop().ok_or(Problem::StreamClosed)?;
            match open.as_mut_slice() {
                [] => return Err(Problem::StreamClosed),
                [_] => return Ok(Some(element)),
                [.., parent] => parent.children.push(element),
            }
        }
    }
    Ok(None)
}

/// Text as it stands in XML, in content and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "<?xml version='1.0'?><s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'>\
        <message type='error'><body>a &amp; b</body><error type='wait'><resource-constraint xmlns='x'/></error></message>\
        <iq id='1'/>";

    #[test]
    fn elements_come_whole_however_the_bytes_are_cut() {
        for size in 1..=STREAM.len() {
            let mut elements = Elements::default();
            let mut found = Vec::new();
            for bytes in STREAM.as_bytes().chunks(size) {
                elements.feed(bytes);
                while let Some(element) = elements.next().unwrap() {
                    found.push(element);
                }
            }
            let [message, iq] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(message.child("body", "jabber:client").unwrap().text(), "a & b");
            assert_eq!(message.error().unwrap(), "wait/resource-constraint");
            assert_eq!(iq.attribute("id"), Some("1"));
        }
    }

    #[test]
    fn what_is_not_xml_is_a_problem() {
        let mut elements = Elements::default();
        elements.feed(STREAM.as_bytes());
        elements.feed(b"<a></b>");
        while elements.next().is_ok_and(|found| found.is_some()) {}
        assert!(matches!(elements.next(), Err(Problem::Xml(_))));
    }
}
