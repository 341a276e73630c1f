//! Identifiers: small, copyable, and each of its own type so that they cannot be confused.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A room's row in the store; a room keeps it when it is renamed, and a re-created name gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoomId(pub i64);

/// What a room is called for good, whatever its address: as the original names rooms. Given with the room (RFC 9562 §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomGuid(pub u128);

impl RoomGuid {
    /// Reads what [`fmt::Display`] wrote, in whatever capitals; anything else is none.
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = text.bytes().zip(0..).filter(|(byte, _)| *byte == b'-').map(|(_, place)| place);
        let is_whole = text.len() == 36 && hyphens.eq([8, 13, 18, 23]);
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = text.replace('-', "");
        (is_whole && is_hex(&digits)).then(|| u128::from_str_radix(&digits, 16).ok().map(Self))?
    }

    /// The room's URI in the scheme of the original; `domain`: of the rooms.
    pub fn uri(self, domain: &str) -> String {
        format!("ma-chan://{domain}/{self}")
    }
}

impl fmt::Display for RoomGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        f.write_str(&parts.join("-"))
    }
}

/// A local account's row in the store; rights hang on it, never on the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub i64);

/// One signed-in device. Random, so that no two members ever give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub i64);

/// The place of an event in its log: 1, 2, 3 … without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Seq(pub i64);

impl Seq {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The version of what a room's decisions rest on (settings, affiliations, roles, locks). An append names the
/// version it was decided against and is refused when the room has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct RulesVersion(pub i64);

/// Raised when a log may have lost its tail (a restore, an asynchronous promotion), so that no id is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Epoch(pub u16);

impl Epoch {
    /// The lives of a pool's members have a range of numbers under each epoch (the schema of PostgreSQL has the same).
    const LIVES: i64 = 1_000_000;

    /// What comes before the first life under it.
    pub fn lives_before(self) -> i64 {
        (i64::from(self.0) - 1) * Self::LIVES
    }

    /// The one under which a member began that life.
    pub fn of_life(incarnation: i64) -> Self {
        Self(((incarnation - 1).div_euclid(Self::LIVES) + 1) as u16)
    }
}

/// The public name of an entry in a log: epoch and seq in 64 bits. One id serves stanza-id, archive, REST and compliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u64);

impl MessageId {
    const SEQ_BITS: u32 = 48;

    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Self(((epoch.0 as u64) << Self::SEQ_BITS) | (seq.0 as u64 & ((1 << Self::SEQ_BITS) - 1)))
    }

    pub fn epoch(self) -> Epoch {
        Epoch((self.0 >> Self::SEQ_BITS) as u16)
    }

    pub fn seq(self) -> Seq {
        Seq((self.0 & ((1 << Self::SEQ_BITS) - 1)) as i64)
    }

    /// Reads what [`fmt::Display`] wrote; anything else is no id of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 16 && text.bytes().all(lower_hex))
            .then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a message id"))
    }
}

/// What makes a change findable when its outcome is unknown: the session and the number of its inbound stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    pub session: SessionId,
    pub number: i64,
    /// The session's stanzas up to this one were settled when this one was handed on. No part of the key: after a crash
    /// it tells how much was handled (see [`resumption`](crate::session::resumption)).
    pub settled: i64,
}

/// Milliseconds since 1970-01-01 UTC. Order never rests on it; within one log it does not fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0 + duration.as_millis() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_as_it_was_written() {
        let check = |text: &str, expected: Option<&str>| {
            let written = RoomGuid::parse(text).map(|guid| guid.to_string());
            assert_eq!(written.as_deref(), expected, "{text}");
        };
        let text = "00f5a6c8-9f5b-4d0e-8a1b-2c3d4e5f6a7b";
        check(text, Some(text));
        check(&text.to_uppercase(), Some(text));
        check(&text.replace('-', ""), None);
        check("00f5a6c8-9f5b-4d0e-8a1b-2c3d4e5f6a7", None);
        check("00f5a6c89-f5b-4d0e-8a1b-2c3d4e5f6a7b", None);
        check("+0f5a6c8-9f5b-4d0e-8a1b-2c3d4e5f6a7b", None);
        let uri = RoomGuid::parse(text).unwrap().uri("rooms.example.org");
        assert_eq!(uri, "ma-chan://rooms.example.org/00f5a6c8-9f5b-4d0e-8a1b-2c3d4e5f6a7b");
    }

    #[test]
    fn a_life_tells_its_epoch() {
        for epoch in [Epoch(1), Epoch(2), Epoch(329)] {
            assert_eq!(Epoch::of_life(epoch.lives_before() + 1), epoch);
            assert_eq!(Epoch::of_life(Epoch(epoch.0 + 1).lives_before()), epoch, "the last of its lives");
        }
    }

    #[test]
    fn message_ids_survive_their_text_form_and_sort_by_epoch_then_seq() {
        let id = MessageId::new(Epoch(3), Seq(77));
        assert_eq!(MessageId::parse(&id.to_string()), Some(id));
        assert_eq!((id.epoch(), id.seq()), (Epoch(3), Seq(77)));
        assert!(MessageId::new(Epoch(4), Seq(1)) > id);
        for wrong in
            ["", "12", "zz00000000000001", "0000000000000001 ", "+000000000000001", "00000000000000AB"]
        {
            assert_eq!(MessageId::parse(wrong), None, "{wrong}");
        }
    }
}
