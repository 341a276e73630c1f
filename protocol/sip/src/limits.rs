//! How much one message may hold. Every bound is checked before the work it bounds.

/// The bounds of one stream in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line and the headers, line ends included.
    pub head_bytes_max: usize,
    /// Bytes of the body.
    pub body_bytes_max: usize,
}

impl Limits {
    /// Before it is known who sends. RFC 3261 §18.1.1 has everybody take messages as long as a datagram can be; what is
    /// longer than this is no REGISTER and no INVITE.
    pub const STRANGER: Self = Self { head_bytes_max: 16 << 10, body_bytes_max: 16 << 10 };

    /// Somebody who has proved who he is. Other servers may have put many a Via and Record-Route in front.
    pub const PEER: Self = Self { head_bytes_max: 64 << 10, body_bytes_max: 256 << 10 };
}
