//! What a reading of a whole document means as a stream, spelled as the gate's items are.

use perch_xmpp::namespace;

use super::oracle::Event;

/// Why a well-formed document is no stream that a server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoStream {
    StreamNamespace,
    StreamName,
    ContentNamespace,
    StanzaText,
    StrayText,
}

/// Spells the events of one document whose stream has that content namespace.
pub(super) fn interpret(events: &[Event], content: &str) -> Result<String, NoStream> {
    let mut spelling =
        Spelling { out: String::new(), text: String::new(), level: 0, is_stanza: false, content };
    for event in events {
        match event {
            Event::Text(text) => spelling.text.push_str(text),
            Event::Start { namespace, name, attributes } => {
                spelling.end_text()?;
                spelling.start(namespace, name, attributes)?;
                spelling.level += 1;
            }
            Event::End => {
                spelling.end_text()?;
                spelling.level -= 1;
                spelling.out.push_str(if spelling.level == 0 { "close\n" } else { "end\n" });
            }
        }
    }
    Ok(spelling.out)
}

struct Spelling<'a> {
    out: String,
    text: String,
    level: usize,
    is_stanza: bool,
    content: &'a str,
}

impl Spelling<'_> {
    fn start(
        &mut self,
        namespace: &str,
        name: &str,
        attributes: &[(String, String, String)],
    ) -> Result<(), NoStream> {
        match self.level {
            0 if namespace != namespace::STREAM => return Err(NoStream::StreamNamespace),
            0 if name != "stream" => return Err(NoStream::StreamName),
            0 => {
                self.out.push_str("open\n");
                self.fields(attributes, ["from", "id", "lang", "to", "version"]);
            }
            1 if matches!(name, "message" | "presence" | "iq") && namespace == self.content => {
                self.is_stanza = true;
                self.out.push_str(&format!("stanza {name}\n"));
                self.fields(attributes, ["from", "id", "lang", "to", "type"]);
            }
            1 if matches!(name, "message" | "presence" | "iq")
                && matches!(namespace, namespace::CLIENT | namespace::SERVER) =>
            {
                return Err(NoStream::ContentNamespace);
            }
            level => {
                self.is_stanza &= level > 1;
                let namespace = self.read_as(namespace);
                self.out.push_str(&format!("element {namespace:?} {name:?}\n"));
                let mut attributes: Vec<_> = attributes
                    .iter()
                    .map(|(namespace, name, value)| (self.read_as(namespace), name, value))
                    .collect();
                attributes.sort_unstable();
                for (namespace, name, value) in attributes {
                    self.out.push_str(&format!("  {namespace:?} {name:?}={value:?}\n"));
                }
            }
        }
        Ok(())
    }

    fn end_text(&mut self) -> Result<(), NoStream> {
        let text = std::mem::take(&mut self.text);
        let is_blank = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        match self.level {
            _ if text.is_empty() => Ok(()),
            0 | 1 if is_blank => Ok(()),
            0 | 1 => Err(NoStream::StrayText),
            2 if self.is_stanza && is_blank => Ok(()),
            2 if self.is_stanza => Err(NoStream::StanzaText),
            _ => {
                self.out.push_str(&format!("text {text:?}\n"));
                Ok(())
            }
        }
    }

    fn fields(&mut self, attributes: &[(String, String, String)], fields: [&str; 5]) {
        for field in fields {
            let namespace = if field == "lang" { namespace::XML } else { "" };
            let found = attributes.iter().find(|(found, name, _)| found == namespace && name == field);
            if let Some((_, _, value)) = found {
                self.out.push_str(&format!("  {field}={value:?}\n"));
            }
        }
    }

    fn read_as<'a>(&self, namespace: &'a str) -> &'a str {
        match (self.content, namespace) {
            (namespace::SERVER, namespace::SERVER) => namespace::CLIENT,
            _ => namespace,
        }
    }
}
