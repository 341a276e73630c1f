//! What a person makes of a stanza that he is sent.

use perch::fanout::frame::Frame;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Something that was said to all.
    Message { room: Box<str>, id: Box<str>, is_past: bool, stanza_id: Option<Box<str>> },
    /// The reader's own presence: he is in.
    In { room: Box<str> },
    /// He is out.
    Out { room: Box<str>, statuses: Vec<u16> },
    /// Somebody else, or something that is not kept.
    Other,
}

impl Sight {
    pub(crate) fn of(frame: &Frame) -> Self {
        let mut bytes = Vec::new();
        frame.write(b"", &mut bytes);
        read(std::str::from_utf8(&bytes).expect("stanzas are UTF-8"))
    }
}

fn read(stanza: &str) -> Sight {
    let (head, rest) = stanza.split_once('>').unwrap_or((stanza, ""));
    let Some(room) = attribute(head, "from").and_then(|from| from.split('@').next()) else {
        return Sight::Other;
    };
    let room = Box::from(room);
    if head.starts_with("<message") {
        let is_for_all = attribute(head, "type") == Some("groupchat");
        return match attribute(head, "id").filter(|id| is_for_all && is_kept_for_a_while(id)) {
            Some(id) => Sight::Message {
                room,
                id: id.into(),
                is_past: rest.contains("<delay "),
                stanza_id: rest
                    .split_once("<stanza-id")
                    .and_then(|(_, of)| attribute(of, "id"))
                    .map(Into::into),
            },
            None => Sight::Other,
        };
    }
    let statuses: Vec<u16> =
        rest.split("<status code='").skip(1).filter_map(|code| code.get(..3)?.parse().ok()).collect();
    let is_own = statuses.contains(&OWN);
    match attribute(head, "type") {
        None if is_own => Sight::In { room },
        // Who is called otherwise stays.
        Some("unavailable") if is_own && !statuses.contains(&RENAMED) => Sight::Out { room, statuses },
        _ if rest.contains("<destroy") => Sight::Out { room, statuses },
        _ => Sight::Other,
    }
}

/// Posts and subjects: what is in the log and shown to all. The rest is named otherwise by who sends it.
fn is_kept_for_a_while(id: &str) -> bool {
    id.starts_with("post-") || id.starts_with("subject-")
}

fn attribute<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = head.split_once(&format!(" {name}='"))?;
    rest.split('\'').next()
}

const OWN: u16 = 110;
const RENAMED: u16 = 303;
