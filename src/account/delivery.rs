//! Which of an account's sessions a message is for: the table of RFC 6121 §8.5.4.

use perch_address::Jid;
use smallvec::SmallVec;

use crate::account::face::Resource;
use crate::chat::account::packet::MessageKind;
use crate::chat::id::SessionId;

/// Where a message to a local account goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// To these, never none.
    Sessions(SmallVec<[SessionId; 4]>),
    /// To whoever comes next.
    Offline,
    /// To nobody, and the sender is told.
    Refused,
    /// To nobody, silently.
    Nowhere,
}

/// Where the table leaves a choice: to a bare address, all sessions of non-negative priority get what the "most
/// available" may get, since people look at several devices; a full address that is gone refuses "normal" and
/// "groupchat" instead of swallowing them, and a headline is swallowed.
pub(crate) fn route(to: &Jid, kind: MessageKind, resources: &[Resource]) -> Route {
    if let Some(exact) = resources.iter().find(|resource| resource.jid.as_jid() == to) {
        return Route::Sessions(SmallVec::from_slice(&[exact.session]));
    }
    match (kind, to.is_bare()) {
        (MessageKind::Error, _) | (MessageKind::Headline, false) => Route::Nowhere,
        (MessageKind::Groupchat, _) | (MessageKind::Normal, false) => Route::Refused,
        (MessageKind::Headline, true) => everybody(resources).unwrap_or(Route::Nowhere),
        (MessageKind::Chat, _) | (MessageKind::Normal, true) => {
            everybody(resources).unwrap_or(Route::Offline)
        }
    }
}

fn everybody(resources: &[Resource]) -> Option<Route> {
    let sessions: SmallVec<_> = resources
        .iter()
        .filter(|resource| resource.is_non_negative())
        .map(|resource| resource.session)
        .collect();
    (!sessions.is_empty()).then_some(Route::Sessions(sessions))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use MessageKind::{Chat, Error, Groupchat, Headline, Normal};
    use perch_address::FullJid;

    use super::*;
    use crate::account::face::Availability;
    use crate::chat::id::Timestamp;
    use crate::chat::message::Payload;

    /// Sessions 1, 2, … at `/1`, `/2`, … with these priorities; `None` is connected and has sent no presence.
    fn resources(priorities: &[Option<i8>]) -> Vec<Resource> {
        let resource = |(index, priority): (usize, &Option<i8>)| Resource {
            session: SessionId(index as i64 + 1),
            jid: FullJid::new(&format!("juliet@capulet.example/{}", index + 1)).unwrap(),
            availability: priority.map(|priority| {
                Arc::new(Availability { priority, payload: Payload::default(), at: Timestamp(0) })
            }),
        };
        priorities.iter().enumerate().map(resource).collect()
    }

    const KINDS: [MessageKind; 5] = [Normal, Chat, Groupchat, Headline, Error];

    /// One row of §8.5.4, with a column for errors (§8.5.2.1.1): digits are sessions, `O` offline, `E` an error to the
    /// sender, `S` silently ignored.
    fn check(priorities: &[Option<i8>], resource: &str, row: [&str; 5]) {
        let to = Jid::new(&format!("juliet@capulet.example{resource}")).unwrap();
        for (kind, cell) in KINDS.into_iter().zip(row) {
            let expected = match cell {
                "O" => Route::Offline,
                "E" => Route::Refused,
                "S" => Route::Nowhere,
                digits => Route::Sessions(digits.bytes().map(|b| SessionId(i64::from(b - b'0'))).collect()),
            };
            assert_eq!(route(&to, kind, &resources(priorities)), expected, "{kind:?} to {to} {priorities:?}");
        }
    }

    #[test]
    fn no_active_resources() {
        check(&[], "", ["O", "O", "E", "S", "S"]);
        check(&[], "/gone", ["E", "O", "E", "S", "S"]);
        check(&[None], "", ["O", "O", "E", "S", "S"]);
        check(&[None], "/gone", ["E", "O", "E", "S", "S"]);
        check(&[None], "/1", ["1", "1", "1", "1", "1"]);
    }

    #[test]
    fn only_negative_resources() {
        check(&[Some(-1), Some(-128)], "", ["O", "O", "E", "S", "S"]);
        check(&[Some(-1), Some(-128)], "/2", ["2", "2", "2", "2", "2"]);
        check(&[Some(-1), Some(-128)], "/gone", ["E", "O", "E", "S", "S"]);
    }

    #[test]
    fn one_non_negative_resource() {
        check(&[Some(-1), Some(0)], "", ["2", "2", "E", "2", "S"]);
        check(&[Some(-1), Some(0)], "/1", ["1", "1", "1", "1", "1"]);
        check(&[Some(-1), Some(0)], "/gone", ["E", "2", "E", "S", "S"]);
    }

    #[test]
    fn several_non_negative_resources() {
        check(&[Some(5), Some(-1), Some(0)], "", ["13", "13", "E", "13", "S"]);
        check(&[Some(5), Some(-1), Some(0)], "/3", ["3", "3", "3", "3", "3"]);
        check(&[Some(5), Some(-1), Some(0)], "/gone", ["E", "13", "E", "S", "S"]);
    }
}
