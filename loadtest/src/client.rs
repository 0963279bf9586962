//! A small blocking HTTP/1.1 client for the behaviour cases, which must see what wrk hides:
//! whether a close was announced, which bytes came, when exactly something broke.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::time::Duration;

/// Longest head and body read; more is an error.
const REPLY_BYTES_MAX: usize = 64 << 20;
/// Longest wait for any bytes.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A kept connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The server announced that it will close the connection.
    pub(crate) close: bool,
    pub(crate) body: Vec<u8>,
    /// The `Date` field.
    pub(crate) date: String,
}

enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddrV4) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        stream.set_write_timeout(Some(WAIT_MAX))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// One request without a body.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.exchange("GET", "localhost", path, "", b"")
    }

    /// Sends a request; `fields` are whole lines, each with its CRLF.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        host: &str,
        path: &str,
        fields: &str,
        body: &[u8],
    ) -> io::Result<Reply> {
        let length = match (method, body.len()) {
            ("GET", 0) => String::new(),
            (_, bytes) => format!("Content-Length: {bytes}\r\n"),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes)?;
        self.reply()
    }

    /// Sends a request and gives the socket away, its response unread.
    pub(crate) fn send_only(mut self, path: &str) -> io::Result<TcpStream> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.stream.write_all(head.as_bytes())?;
        Ok(self.stream)
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let head_bytes = loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let rest = self.buffer.split_off(head_bytes);
        let head = std::mem::replace(&mut self.buffer, rest);
        let head = String::from_utf8_lossy(&head);
        let (status, close, framing) = read_head(&head)?;
        let dates = head.lines().filter_map(|line| line.split_once(':'));
        let date = dates.filter(|(name, _)| name.eq_ignore_ascii_case("date"));
        let date = date
            .map(|(_, value)| value.trim().to_owned())
            .next()
            .unwrap_or_default();
        let body = self.body(&framing)?;
        let close = close || matches!(framing, Framing::UntilClose);
        Ok(Reply {
            status,
            close,
            body,
            date,
        })
    }

    fn body(&mut self, framing: &Framing) -> io::Result<Vec<u8>> {
        match framing {
            Framing::Length(bytes) => self.take(*bytes),
            Framing::UntilClose => {
                while self.more()? > 0 {}
                Ok(std::mem::take(&mut self.buffer))
            }
            Framing::Chunked => {
                let mut body = Vec::new();
                loop {
                    let line = self.line()?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
                    if size == 0 {
                        while !self.line()?.is_empty() {}
                        return Ok(body);
                    }
                    body.extend(self.take(size)?);
                    self.line()?;
                }
            }
        }
    }

    fn take(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < bytes {
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.buffer.split_off(bytes);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.take(at + 1)?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut piece = [0u8; 16 * 1024];
        let bytes = self.stream.read(&mut piece)?;
        if self.buffer.len() + bytes > REPLY_BYTES_MAX {
            return Err(io::Error::other("reply too long"));
        }
        self.buffer.extend_from_slice(&piece[..bytes]);
        Ok(bytes)
    }
}

fn read_head(head: &str) -> io::Result<(u16, bool, Framing)> {
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status: u16 = status.ok_or_else(|| io::Error::other("no status line"))?;
    let mut close = false;
    let mut framing = Framing::UntilClose;
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "connection" => close |= value.split(',').any(|token| token.trim() == "close"),
            "transfer-encoding" if value.ends_with("chunked") => framing = Framing::Chunked,
            "content-length" => {
                framing = Framing::Length(value.parse().map_err(io::Error::other)?);
            }
            _ => {}
        }
    }
    if matches!(status, 204 | 304) {
        framing = Framing::Length(0);
    }
    Ok((status, close, framing))
}
