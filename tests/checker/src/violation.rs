//! What a correct server would not have shown.

use crate::record::Source;

/// One breach of an invariant, in the names of the history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("{room}: {id} was acknowledged and is not in the archive")]
    Lost { room: String, id: String },
    #[error("{room}: {id} is in the archive {times} times")]
    Duplicated { room: String, id: String, times: usize },
    #[error("{room}: {id} is in the archive, but nobody sent it there")]
    Invented { room: String, id: String },
    #[error("{room}: {client} heard {id}, which nobody sent there")]
    HeardInvention { room: String, client: String, id: String },
    #[error("{room}: {id} was refused and is in the archive all the same")]
    KeptThoughRefused { room: String, id: String },
    #[error("{room}: {client} heard {id} after {after}, the archive has them the other way round")]
    OutOfOrder { room: String, client: String, id: String, after: String },
    #[error("{room}: {later} was sent when {earlier} was already known, yet stands before it")]
    AgainstRealTime { room: String, earlier: String, later: String },
    #[error("{room}: {session} sent {first} before {second}, the archive has them the other way round")]
    SenderOrder { room: String, session: String, first: String, second: String },
    #[error("{room}: {client} missed {id} within one occupancy")]
    Gap { room: String, client: String, id: String },
    #[error("{room}: {client} heard {id}, which is not in the archive")]
    HeardButNotKept { room: String, client: String, id: String },
    #[error("{room}: {client} heard {id} twice in one occupancy")]
    Repeated { room: String, client: String, id: String },
    #[error("{room}: {client} heard {id} live in two occupancies")]
    LiveAgain { room: String, client: String, id: String },
    #[error("{room}: {id} goes by two stanza ids, {first} and {second}")]
    TwoStanzaIds { room: String, id: String, first: String, second: String },
    #[error("{room}: stanza id {stanza_id} stands for both {first} and {second}")]
    SharedStanzaId { room: String, stanza_id: String, first: String, second: String },
    #[error("{room}: sequence number {seq} does not come after {before}")]
    SeqNotRising { room: String, before: u64, seq: u64 },
    #[error("{room}: sequence numbers jump from {before} to {seq}")]
    SeqGap { room: String, before: u64, seq: u64 },
    #[error("{room}: the stamp of {id} is earlier than that of the message before it")]
    StampFalls { room: String, id: String },
    #[error("{room}: {client} heard {id}, which was sent after his ban")]
    HeardAfterBan { room: String, client: String, id: String },
    #[error("{room}: {client} heard {id} without being there")]
    HeardOutside { room: String, client: String, id: String },
    #[error("{room}: {first} and {second} do not see the same occupants")]
    OccupantsDiffer { room: String, first: String, second: String },
    #[error("{room}: no whole archive was read at the end, so nothing is shown")]
    Unread { room: String },
    #[error("{room}: {what} of the archive, read by {reader} from {source_name:?}, differs at {id}")]
    CopiesDiffer { room: String, what: Copy, source_name: Source, reader: String, id: String },
}

/// How much of an archive a differing copy claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    Whole,
    Part,
}

impl std::fmt::Display for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole => "a whole copy",
            Self::Part => "a part",
        })
    }
}

impl Violation {
    /// The number of the invariant, as the crate's documentation lists them.
    pub const fn invariant(&self) -> u8 {
        match self {
            Self::Lost { .. } | Self::Duplicated { .. } => 1,
            Self::Invented { .. } | Self::HeardInvention { .. } => 2,
            Self::KeptThoughRefused { .. } => 3,
            Self::OutOfOrder { .. } => 4,
            Self::AgainstRealTime { .. } => 5,
            Self::SenderOrder { .. } => 6,
            Self::Gap { .. } | Self::HeardButNotKept { .. } => 7,
            Self::Repeated { .. }
            | Self::LiveAgain { .. }
            | Self::TwoStanzaIds { .. }
            | Self::SharedStanzaId { .. } => 8,
            Self::SeqNotRising { .. } | Self::SeqGap { .. } | Self::StampFalls { .. } => 9,
            Self::HeardAfterBan { .. } | Self::HeardOutside { .. } | Self::OccupantsDiffer { .. } => 10,
            Self::Unread { .. } | Self::CopiesDiffer { .. } => 11,
        }
    }
}
