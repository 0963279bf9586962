//! Reads one answer as its bytes arrive: its status, whether the connection stays, and whether the body is what was
//! asked for. No body is kept.

use super::tally::End;

/// Longest head put together.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Digits of a request's number.
pub(crate) const ID_DIGITS: usize = 10;

/// What a good answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expect {
    /// Bytes of its body.
    pub(crate) body: Option<u64>,
    /// The body repeats the number of the request.
    pub(crate) echo: bool,
}

/// A piece of what follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    /// In a chunk's size line: what it says so far, and whether its digits are over.
    Size(Option<u64>, bool),
    Chunk(u64),
    /// The line end behind a chunk: bytes still to come.
    Behind(u8),
    /// In the trailers: bytes of the line so far.
    Trailer(u32),
    UntilClose,
    Done,
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Answer {
    state: State,
    head: Vec<u8>,
    status: u16,
    close: bool,
    retry_after: bool,
    body: u64,
    wrong: bool,
}

/// What came of more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done,
    Malformed,
}

impl Answer {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Head,
            head: Vec::new(),
            status: 0,
            close: false,
            retry_after: false,
            body: 0,
            wrong: false,
        }
    }

    /// Ready for the next one; keeps its memory.
    pub(crate) fn reset(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self {
            head,
            ..Self::new()
        };
    }

    /// Whether any byte has come.
    pub(crate) fn began(&self) -> bool {
        self.state != State::Head || !self.head.is_empty()
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection can serve another request.
    pub(crate) const fn keeps(&self) -> bool {
        !self.close
    }

    /// Takes bytes that arrived; `id` is what the body repeats, if that is looked at.
    pub(crate) fn take(&mut self, mut bytes: &[u8], id: Option<&[u8; ID_DIGITS]>) -> Progress {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Head => match self.head(bytes) {
                    Some(used) => used,
                    None => return Progress::Malformed,
                },
                State::Done => {
                    // Bytes that nobody asked for: the connection is not fit for more.
                    self.close = true;
                    return Progress::Done;
                }
                State::Length(left) | State::Chunk(left) => self.content(bytes, left, id),
                State::UntilClose => self.content(bytes, u64::MAX, id),
                State::Size(..) | State::Behind(_) | State::Trailer(_) => {
                    if !self.frame(bytes[0]) {
                        return Progress::Malformed;
                    }
                    1
                }
            };
            bytes = &bytes[used..];
        }
        if self.state == State::Done {
            Progress::Done
        } else {
            Progress::More
        }
    }

    /// The connection ended: whether that completes the answer.
    pub(crate) fn finished_by_close(&self) -> bool {
        self.state == State::UntilClose
    }

    /// What a complete answer is worth.
    pub(crate) fn end(&self, expect: Expect) -> End {
        match self.status {
            429 | 503 => End::Shed {
                retry_after: self.retry_after,
            },
            200..=299 if expect.echo && self.wrong => End::Crossed,
            200..=299 if expect.body.is_some_and(|bytes| bytes != self.body) => End::Length,
            200..=299 => End::Good,
            status => End::Status(status),
        }
    }

    /// Reads on in the head; how many bytes belong to it.
    fn head(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let Some(at) = memchr::memmem::find(&self.head[from..], b"\r\n\r\n") else {
            return (self.head.len() <= HEAD_BYTES_MAX).then_some(bytes.len());
        };
        let end = from + at + 4;
        let head = std::mem::take(&mut self.head);
        let state = self.read_head(head.get(..end)?)?;
        self.head = head;
        self.head.clear();
        self.state = state;
        Some(end - before)
    }

    fn read_head(&mut self, head: &[u8]) -> Option<State> {
        let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        self.status = std::str::from_utf8(status).ok()?.parse().ok()?;
        if (100..200).contains(&self.status) && self.status != 101 {
            return Some(State::Head);
        }
        let mut state = State::UntilClose;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else {
                continue;
            };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let length = std::str::from_utf8(value).ok()?.parse().ok()?;
                if state == State::UntilClose {
                    state = State::Length(length);
                }
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                state = State::Size(None, false);
            } else if name.eq_ignore_ascii_case(b"connection") {
                self.close |= value.eq_ignore_ascii_case(b"close");
            } else if name.eq_ignore_ascii_case(b"retry-after") {
                self.retry_after = true;
            }
        }
        if state == State::UntilClose {
            self.close = true;
        }
        if state == State::Length(0) || matches!(self.status, 204 | 304) {
            state = State::Done;
        }
        Some(state)
    }

    /// Bytes of the body; how many belong to it.
    fn content(&mut self, bytes: &[u8], left: u64, id: Option<&[u8; ID_DIGITS]>) -> usize {
        let used = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if let Some(id) = id {
            let mut place = (self.body % ID_DIGITS as u64) as usize;
            for byte in &bytes[..used] {
                self.wrong |= *byte != id[place];
                place = (place + 1) % ID_DIGITS;
            }
        }
        self.body += used as u64;
        let left = left - used as u64;
        self.state = match self.state {
            State::Length(_) if left == 0 => State::Done,
            State::Length(_) => State::Length(left),
            State::Chunk(_) if left == 0 => State::Behind(2),
            State::Chunk(_) => State::Chunk(left),
            other => other,
        };
        used
    }

    /// One byte of the chunks' framing; whether it may be there.
    fn frame(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::Size(None, _), b'\n') => return false,
            (State::Size(Some(0), _), b'\n') => State::Trailer(0),
            (State::Size(Some(size), _), b'\n') => State::Chunk(size),
            (State::Size(size, _), b'\r') => State::Size(size, true),
            (State::Size(size, false), byte) => match (byte as char).to_digit(16) {
                Some(digit) => {
                    let size = size.unwrap_or(0).saturating_mul(16);
                    State::Size(Some(size.saturating_add(u64::from(digit))), false)
                }
                None if byte == b';' || byte == b' ' => State::Size(size, true),
                None => return false,
            },
            (State::Behind(2), b'\r') => State::Behind(1),
            (State::Behind(1), b'\n') => State::Size(None, false),
            (State::Behind(_), _) => return false,
            (State::Trailer(0), b'\n') => State::Done,
            (State::Trailer(_), b'\n') => State::Trailer(0),
            (State::Trailer(length), b'\r') => State::Trailer(length),
            (State::Trailer(length), _) => State::Trailer(length + 1),
            (other, _) => other,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use super::End;
    use super::Expect;
    use super::Progress;

    const ID: [u8; 10] = *b"0000000042";

    /// The same answer in one piece, in two at every place, and byte by byte.
    fn read(text: &[u8]) -> (Progress, Answer) {
        let whole = |pieces: &[&[u8]]| {
            let mut answer = Answer::new();
            let mut progress = Progress::More;
            for piece in pieces {
                progress = answer.take(piece, Some(&ID));
                if progress == Progress::Malformed {
                    break;
                }
            }
            (progress, answer)
        };
        let all = whole(&[text]);
        for at in 0..text.len() {
            let (first, second) = text.split_at(at);
            assert_eq!(whole(&[first, second]).0, all.0, "cut at {at}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(whole(&single).0, all.0);
        all
    }

    fn end(text: &[u8], body: u64, echo: bool) -> End {
        let (progress, answer) = read(text);
        assert_eq!(progress, Progress::Done);
        answer.end(Expect {
            body: Some(body),
            echo,
        })
    }

    #[test]
    fn a_body_by_length_and_by_chunks_is_the_same() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n000000004200";
        assert_eq!(end(text, 12, true), End::Good);
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                     5\r\n00000\r\n7;x=y\r\n0004200\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(end(text, 12, true), End::Good);
        assert_eq!(end(text, 13, true), End::Length);
    }

    #[test]
    fn another_requests_body_is_crossed() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0000000043";
        assert_eq!(end(text, 10, true), End::Crossed);
        assert_eq!(end(text, 10, false), End::Good);
    }

    #[test]
    fn a_refusal_by_rule_is_no_failure() {
        let text = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(end(text, 5, true), End::Shed { retry_after: true });
        let text = b"HTTP/1.1 502 Bad\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
        let (_, answer) = read(text);
        assert!(!answer.keeps());
        assert_eq!(answer.end(Expect::default()), End::Status(502));
    }

    #[test]
    fn an_interim_answer_is_passed_over() {
        let text =
            b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(end(text, 0, false), End::Good);
    }

    #[test]
    fn what_is_no_answer_is_malformed() {
        assert_eq!(read(b"SSH-2.0-x\r\n\r\n").0, Progress::Malformed);
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
        assert_eq!(read(text).0, Progress::Malformed);
    }

    #[test]
    fn a_body_until_the_close_is_complete_by_it_alone() {
        let (progress, answer) = read(b"HTTP/1.1 200 OK\r\n\r\nabc");
        assert_eq!(progress, Progress::More);
        assert!(answer.finished_by_close() && !answer.keeps());
        let (progress, answer) = read(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc");
        assert_eq!(progress, Progress::More);
        assert!(!answer.finished_by_close() && answer.began());
    }
}
