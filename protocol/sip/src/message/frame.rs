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
        let body_length = match head.content_length {
            Ok(Some(length)) => usize::try_from(length)
                .ok()
                .filter(|length| *length <= limits.body_bytes_max)
                .ok_or(Fault::BodyTooLong),
            Ok(None) => Err(Fault::NoContentLength),
            Err(fault) => Err(fault),
        };
        Ok(Some(Self { head, head_length, body_length }))
    }

    /// How many bytes the message has. One that is to be refused does not wait for its body.
    pub(crate) fn length(&self) -> usize {
        match (&self.head.start, self.body_length) {
            (Ok(_), Ok(body_length)) => self.head_length + body_length,
            _ => self.head_length,
        }
    }

    /// The message, of exactly that many bytes.
    pub(crate) fn end(self, bytes: Bytes) -> Result<Message, Rejection> {
        Message::assemble(bytes, self.head_length, self.head, self.body_length)
    }
}
