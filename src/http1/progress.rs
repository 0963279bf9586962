//! What is remembered of a head that has not arrived whole, so that a head that comes byte by byte costs no
//! more than a few times one that comes at once.

use crate::http1::HeadLimits;

/// What came of parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// More bytes are needed.
    Partial,
    /// The head is complete.
    Complete,
}

/// How far a head has been looked at. Begins anew with each head; while it goes on, the bytes already seen
/// must stand where they stood, and the head that is filled must be the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Where the first line that is not complete begins.
    line: usize,
    /// How many bytes have been searched for the end of that line.
    searched: usize,
    /// The first line has been read.
    pub(super) started: bool,
}

impl Progress {
    /// The bytes that a head may have, and where to go on in them. Nothing, if the line that was not complete
    /// still is not and may become so.
    #[inline]
    pub(super) fn resume<'b>(
        &mut self,
        bytes: &'b [u8],
        limits: &HeadLimits,
    ) -> Option<(&'b [u8], usize)> {
        let most = limits.head_bytes.min(usize::from(u16::MAX));
        let window = bytes.get(..most).unwrap_or(bytes);
        if self.searched > 0 && window.len() < most {
            let new = window.get(self.searched..).unwrap_or_default();
            let in_line = window.len() - self.line;
            if memchr::memchr(b'\n', new).is_none()
                && (self.started || in_line <= limits.line_bytes)
            {
                self.searched = window.len();
                return None;
            }
        }
        Some((window, self.line))
    }

    /// Notes that the line at `line` is not complete in the first `length` bytes of a head.
    #[inline]
    pub(super) fn keep(&mut self, line: usize, length: usize) {
        (self.line, self.searched) = (line, length);
    }
}
