//! What an account is loaded from: its projections as of `seq`. The log is read from there.

use perch_address::{BareJid, Jid};

use crate::chat::account::contact::Contact;
use crate::chat::account::node::Node;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::id::{AccountId, Epoch, Seq, Timestamp};

#[derive(Debug, Clone, PartialEq)]
pub struct AccountSnapshot {
    pub id: AccountId,
    pub jid: BareJid,
    pub epoch: Epoch,
    pub seq: Seq,
    /// The time of the last event: stamps do not fall below it.
    pub last_at: Timestamp,
    /// Inputs in the log up to here are answered.
    pub handled: Seq,
    /// Messages in the log up to here have reached a device of the account.
    pub delivered: Seq,
    pub contacts: Vec<Contact>,
    /// Contacts that were removed, and at which version of the roster, for who asks what changed since.
    pub removed_contacts: Vec<(BareJid, i64)>,
    pub roster_version: i64,
    pub blocked: Vec<Jid>,
    pub preferences: ArchivePreferences,
    /// The hash of the photo in the vCard, as presence tells it (XEP-0153).
    pub photo: Option<Box<str>>,
    pub nodes: Vec<Node>,
    /// When its last session ended, and what that said (XEP-0012).
    pub last_seen: Option<(Timestamp, Box<str>)>,
}
