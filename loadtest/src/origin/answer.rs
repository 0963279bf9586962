//! Prepared responses: built once per size, alive for ever, so that answering is one send.
//!
//! A body longer than `BLOCK_BYTES` repeats one block; the origin therefore serves a response of
//! 200 MiB from 1 MiB of memory.

use std::collections::HashMap;

/// The longest body kept whole, and the unit of longer ones.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;
/// Bytes of the answer to a path that asks for no size.
const DEFAULT_BYTES: u64 = 128;
/// The longest body served; more is cut, so that a mistyped path cannot run for ever.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// Sizes kept prepared; beyond it the default is served.
const SIZES_MAX: usize = 1024;

/// A response: a first piece that is sent whole, then `rest` bytes of the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) first: &'static [u8],
    pub(crate) rest: u64,
}

/// All responses asked for so far.
pub(crate) struct Answers {
    block: &'static [u8],
    ready: HashMap<(u64, bool), Answer>,
    default: [Answer; 2],
}

impl Answers {
    pub(crate) fn new() -> Self {
        let block = (0..BLOCK_BYTES)
            .map(|at| b'a' + (at % 26) as u8)
            .collect::<Vec<u8>>();
        let block: &'static [u8] = block.leak();
        let default = [
            build(block, DEFAULT_BYTES, false),
            build(block, DEFAULT_BYTES, true),
        ];
        Self {
            block,
            ready: HashMap::new(),
            default,
        }
    }

    /// The response with a body of `bytes`, announcing the close when `close`.
    pub(crate) fn get(&mut self, bytes: Option<u64>, close: bool) -> Answer {
        let default = self.default[usize::from(close)];
        let Some(bytes) = bytes else { return default };
        let bytes = bytes.min(ANSWER_BYTES_MAX);
        if let Some(answer) = self.ready.get(&(bytes, close)) {
            return *answer;
        }
        if self.ready.len() >= SIZES_MAX {
            return default;
        }
        let answer = build(self.block, bytes, close);
        self.ready.insert((bytes, close), answer);
        answer
    }

    /// The next piece of a long body.
    pub(crate) fn piece(&self, rest: u64) -> &'static [u8] {
        &self.block[..rest.min(BLOCK_BYTES as u64) as usize]
    }
}

fn build(block: &[u8], bytes: u64, close: bool) -> Answer {
    let close = if close { "Connection: close\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {bytes}\r\n{close}\r\n"
    );
    let kept = bytes.min(BLOCK_BYTES as u64) as usize;
    let mut first = head.into_bytes();
    first.extend_from_slice(&block[..kept]);
    Answer {
        first: first.leak(),
        rest: bytes - kept as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use super::BLOCK_BYTES;

    #[test]
    fn a_long_body_is_one_block_and_a_rest() {
        let mut answers = Answers::new();
        let answer = answers.get(Some(BLOCK_BYTES as u64 + 5), false);
        assert_eq!(answer.rest, 5);
        assert_eq!(answers.piece(answer.rest).len(), 5);
        assert!(answer.first.len() > BLOCK_BYTES);
    }

    #[test]
    fn the_default_has_128_bytes() {
        let answer = Answers::new().get(None, true);
        let text = String::from_utf8_lossy(answer.first);
        assert!(text.contains("Content-Length: 128\r\nConnection: close\r\n\r\n"));
    }
}
