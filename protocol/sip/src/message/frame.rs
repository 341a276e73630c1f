//! A message on a stream, between the end of its head and the end of its body.

use bytes::Bytes;

use super::head::{self, Head};
use super::{Fault, Message, Rejection};
use crate::limits::Limits;

/// A message whose head was read.
#[derive(Debug)]
pub(crate) struct Frame {
    head: Head,
    head_length: usize,
    body_length: Result<usize, Fault>,
}

impl Frame {
    /// Reads the head at the beginning of `bytes`, if it has come to its end; `searched` bytes were looked at.
    pub(crate) fn begin(bytes: &[u8], searched: usize, limits: Limits) -> Result<Option<Self>, Fault> {
        let reach = bytes.len().min(limits.head_bytes_max);
        let Some(head_length) = head::length(&bytes[..reach], searched) else {
            return if reach == limits.head_bytes_max { Err(Fault::HeadTooLong) } else { Ok(None) };
        };
        let head = Head::read(&bytes[..head_length])?;
        let length = head.body_length(limits.body_bytes_max);
        let body_length = length.and_then(|length| length.ok_or(Fault::NoContentLength));
        Ok(Some(Self { head, head_length, body_length }))
    }

    /// How many bytes the message has. One whose end is not known does not wait for its body.
    pub(crate) fn length(&self) -> usize {
        self.head_length + self.body_length.unwrap_or(0)
    }

    /// Whether it is known where the next message begins.
    pub(crate) fn has_end(&self) -> bool {
        self.body_length.is_ok()
    }

    /// The message, of exactly that many bytes.
    pub(crate) fn end(self, bytes: Bytes) -> Result<Message, Rejection> {
        Message::assemble(bytes, self.head_length, self.head, self.body_length)
    }
}
