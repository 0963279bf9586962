//! A socket with a buffer and a deadline on every operation: what both the test's client and its origin
//! read with. It knows HTTP/1.1 framing, and is strict: a byte out of place fails the test that reads it.

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use super::message::Body;
use super::message::Head;

/// How a stream of bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A clean end of stream (FIN).
    Eof,
    /// A reset (RST).
    Reset,
    /// Nothing more came before the deadline: the connection is still open.
    Timeout,
}

/// A message that ended before its framing said so.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The head, where it was complete.
    pub(crate) head: Option<Head>,
    /// What came of the body (decoded), or of the head.
    pub(crate) body: Vec<u8>,
    /// How the stream ended.
    pub(crate) end: End,
}

/// A connected socket, its unread bytes, and the patience of its reader.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    pub(crate) unread: Vec<u8>,
    /// How long one read operation (a head, a body, an end) may take in all.
    pub(crate) patience: Duration,
}

/// Patience of an operation that should succeed: far above any configured timeout of the suites.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            unread: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Sends all bytes; the error is the caller's to judge.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Ends the writing direction, keeps reading.
    pub(crate) fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes with a reset instead of a FIN.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads once more into the buffer.
    fn fill(&mut self, until: Instant) -> Result<(), End> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(End::Timeout);
        }
        self.stream.set_read_timeout(Some(left)).unwrap();
        let mut chunk = [0_u8; 65_536];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(End::Eof),
            Ok(length) => {
                self.unread.extend_from_slice(&chunk[..length]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(End::Timeout),
                ErrorKind::Interrupted => Ok(()),
                _ => Err(End::Reset),
            },
        }
    }

    fn until(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Reads up to and including `needle`.
    pub(crate) fn read_until(&mut self, needle: &[u8]) -> Result<Vec<u8>, End> {
        let until = self.until();
        let mut searched = 0;
        loop {
            let from = searched.min(self.unread.len());
            let found = self.unread[from..]
                .windows(needle.len())
                .position(|window| window == needle);
            if let Some(at) = found {
                return Ok(self.take(from + at + needle.len()));
            }
            searched = self.unread.len().saturating_sub(needle.len());
            self.fill(until)?;
        }
    }

    /// Reads exactly `length` bytes; on an early end they stay in the buffer.
    pub(crate) fn read_exact(&mut self, length: usize) -> Result<Vec<u8>, End> {
        let until = self.until();
        while self.unread.len() < length {
            self.fill(until)?;
        }
        Ok(self.take(length))
    }

    /// Reads until the stream ends, and says how.
    pub(crate) fn read_to_end(&mut self) -> (Vec<u8>, End) {
        let until = self.until();
        loop {
            if let Err(end) = self.fill(until) {
                return (std::mem::take(&mut self.unread), end);
            }
        }
    }

    /// Waits until at least one unread byte is here; an end otherwise.
    pub(crate) fn wait_readable(&mut self) -> Result<(), End> {
        let until = self.until();
        while self.unread.is_empty() {
            self.fill(until)?;
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Reads one head, up to and including its empty line.
    pub(crate) fn read_head(&mut self) -> Result<Head, Broken> {
        match self.read_until(b"\r\n\r\n") {
            Ok(raw) => Ok(Head::parse(raw)),
            Err(end) => Err(Broken {
                head: None,
                body: std::mem::take(&mut self.unread),
                end,
            }),
        }
    }

    /// Reads a body framed by a length.
    pub(crate) fn read_sized(&mut self, length: usize) -> Result<Body, (Vec<u8>, End)> {
        match self.read_exact(length) {
            Ok(bytes) => Ok(Body::plain(bytes)),
            Err(end) => Err((std::mem::take(&mut self.unread), end)),
        }
    }

    /// Reads a chunked body with its trailers.
    pub(crate) fn read_chunked(&mut self) -> Result<Body, (Vec<u8>, End)> {
        let mut body = Body::plain(Vec::new());
        loop {
            let line = match self.read_until(b"\r\n") {
                Ok(line) => line,
                Err(end) => return Err((body.bytes, end)),
            };
            let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| {
                panic!("a chunk size that is not plain hexadecimal: {digits:?}")
            });
            if size == 0 {
                return match self.read_trailers() {
                    Ok(trailers) => {
                        body.trailers = trailers;
                        Ok(body)
                    }
                    Err(end) => Err((body.bytes, end)),
                };
            }
            body.chunks += 1;
            match self.read_exact(size + 2) {
                Ok(data) => {
                    assert!(data.ends_with(b"\r\n"), "chunk data not followed by CRLF");
                    body.bytes.extend_from_slice(&data[..size]);
                }
                Err(end) => {
                    body.bytes.append(&mut self.unread);
                    return Err((body.bytes, end));
                }
            }
        }
    }

    fn read_trailers(&mut self) -> Result<Vec<(String, String)>, End> {
        let mut trailers = Vec::new();
        loop {
            let line = self.read_until(b"\r\n")?;
            if line == b"\r\n" {
                return Ok(trailers);
            }
            trailers.push(super::message::field(&line[..line.len() - 2]));
        }
    }
}
