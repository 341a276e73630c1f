//! How rooms and categories are named: `ma-chan://DOMAIN/ID`, `ma-cat://DOMAIN/ID`.
//!
//! Clients take the parts between the slashes for what they are, so an id that has other characters than a URI may have
//! between slashes (RFC 3986 §3.3) is escaped by percent signs.

use std::fmt::Write;

/// A room, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomAddress {
    /// The domain of the rooms.
    pub domain: Box<str>,
    /// Which of them, without escapes.
    pub id: Box<str>,
    /// How the client named it, if it did otherwise: whoever may not know of the room is told no more.
    pub named: Option<Box<str>>,
}

impl RoomAddress {
    /// Reads `ma-chan://DOMAIN/ID`.
    pub fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let (domain, id) = rest.split_once('/')?;
        scheme.eq_ignore_ascii_case(ROOM).then(|| Self::of_parts(domain, id)).flatten()
    }

    /// Takes the parts apart that a client has; the id has its escapes.
    pub fn of_parts(domain: &str, id: &str) -> Option<Self> {
        let id = unescape(id)?;
        let is_whole = !domain.is_empty() && !domain.contains('/') && !id.is_empty();
        is_whole.then(|| Self { domain: domain.into(), id: id.into(), named: None })
    }

    /// The address as a URI.
    pub fn to_uri(&self) -> String {
        format!("{ROOM}://{}/{}", self.domain, self.escaped_id())
    }

    /// The last part of the URI.
    pub fn escaped_id(&self) -> String {
        escape(&self.id)
    }

    /// The last part of the URI that the client gave.
    pub fn escaped_name(&self) -> String {
        escape(self.named.as_deref().unwrap_or(&self.id))
    }
}

/// The URI of a category, by its name.
pub fn category_uri(domain: &str, name: &str) -> String {
    format!("ma-cat://{domain}/{}", escape(name))
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => escaped.push(byte.into()),
            byte => write!(escaped, "%{byte:02X}").expect("a string takes everything"),
        }
        escaped
    })
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'/' => return None,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

const ROOM: &str = "ma-chan";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_by_its_parts() {
        let check = |uri: &str, expected: Option<(&str, &str)>| {
            let read = RoomAddress::parse(uri);
            let parts = read.as_ref().map(|room| (&*room.domain, &*room.id));
            assert_eq!(parts, expected, "{uri}");
        };
        check("ma-chan://rooms.example/tea", Some(("rooms.example", "tea")));
        check("MA-CHAN://rooms.example/t%C3%A9%2Fa", Some(("rooms.example", "té/a")));
        check("ma-cat://rooms.example/tea", None);
        check("ma-chan://rooms.example", None);
        check("ma-chan://rooms.example/", None);
        check("ma-chan:///tea", None);
        check("ma-chan://rooms.example/tea/pot", None);
        check("ma-chan://rooms.example/%zz", None);
        check("ma-chan://rooms.example/%ff", None);
        check("ma-chan://rooms.example/%4", None);
        assert_eq!(RoomAddress::of_parts("rooms/example", "tea"), None, "it would be read as another room");
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for id in ["tea", "té/a", "50%", "a b"] {
            let room = RoomAddress { domain: "rooms.example".into(), id: id.into(), named: None };
            assert_eq!(RoomAddress::parse(&room.to_uri()), Some(room), "{id}");
        }
        assert_eq!(
            category_uri("rooms.example", "Trading & Co"),
            "ma-cat://rooms.example/Trading%20%26%20Co"
        );
    }
}
