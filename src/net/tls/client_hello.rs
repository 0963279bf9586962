//! What a client says first, read before anything is decided about its connection: the name that it asks for.
//!
//! The message may come in several records, and these in pieces (RFC 8446 sections 4.1.2 and 5.1). Nothing is taken:
//! the bytes are rustls' to read again, or another server's. What is wrong with them beyond this reader's need is
//! rustls' to say.

use crate::base::limits;

/// How far the bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// More is needed.
    Partial,
    /// The message is complete.
    Complete(Hello),
}

/// What the message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name that the client wants to reach, in lower case and without a final dot.
    pub sni: Option<Box<str>>,
    /// The protocols that it offers to speak on top, the preferred first.
    pub alpn: Vec<Box<[u8]>>,
}

/// Why the bytes are no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are no TLS at all: the first byte says so.
    NotTls,
    /// They break the protocol.
    Malformed,
    /// The message is longer than any that a client needs.
    TooLong,
}

/// Handshake record, client hello, the extensions that are read.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// Reads the message at the start of `bytes`, the first bytes of a connection.
///
/// # Errors
/// [`Fault`] as soon as no continuation of `bytes` could be such a message.
pub fn parse(bytes: &[u8]) -> Result<Step, Fault> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        match rest.first() {
            Some(&HANDSHAKE) => {}
            Some(_) if rest.len() == bytes.len() => return Err(Fault::NotTls),
            Some(_) => return Err(Fault::Malformed),
            None => return partial(bytes),
        }
        if rest.get(1).is_some_and(|major| *major != 3) {
            return Err(Fault::Malformed);
        }
        let Some((header, behind)) = rest.split_first_chunk::<5>() else {
            return partial(bytes);
        };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if length == 0 || length > limits::TLS_RECORD_PLAIN_BYTES {
            return Err(Fault::Malformed);
        }
        let piece = behind.get(..length.min(behind.len())).unwrap_or_default();
        message.extend_from_slice(piece);
        if let Some(body) = body(&message)? {
            return Ok(Step::Complete(hello(body).ok_or(Fault::Malformed)?));
        }
        if piece.len() < length {
            return partial(bytes);
        }
        rest = behind.get(length..).unwrap_or_default();
    }
}

fn partial(bytes: &[u8]) -> Result<Step, Fault> {
    if bytes.len() >= limits::CLIENT_HELLO_BYTES {
        return Err(Fault::TooLong);
    }
    Ok(Step::Partial)
}

/// The message without its header, once it is there.
fn body(message: &[u8]) -> Result<Option<&[u8]>, Fault> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(Fault::Malformed);
    }
    let Some((header, body)) = message.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes([0, header[1], header[2], header[3]]));
    match length {
        Ok(length) if length <= limits::CLIENT_HELLO_BYTES => Ok(body.get(..length)),
        _ => Err(Fault::TooLong),
    }
}

/// Bytes that are read from their start.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        let taken = self.bytes(2)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*taken))
    }

    /// What stands behind a length of one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    /// What stands behind a length of two bytes.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }
}

fn hello(body: &[u8]) -> Option<Hello> {
    let mut cursor = Cursor(body);
    let (_version, _random) = (cursor.u16()?, cursor.bytes(32)?);
    let (_session, _suites, _compressions) = (cursor.short()?, cursor.long()?, cursor.short()?);
    let mut hello = Hello::default();
    if cursor.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Cursor(cursor.long()?);
    while !extensions.0.is_empty() {
        let (kind, content) = (extensions.u16()?, extensions.long()?);
        match kind {
            SERVER_NAME => hello.sni = server_name(content)?,
            ALPN => hello.alpn = protocols(content)?,
            _ => {}
        }
    }
    Some(hello)
}

/// The first host name of the list (RFC 6066 section 3). A name that is none is not passed on.
fn server_name(content: &[u8]) -> Option<Option<Box<str>>> {
    let mut names = Cursor(Cursor(content).long()?);
    while !names.0.is_empty() {
        let (kind, name) = (names.u8()?, names.long()?);
        if kind != 0 {
            continue;
        }
        let name = name.strip_suffix(b".").unwrap_or(name);
        let fits = !name.is_empty()
            && name.len() <= 253
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        let name = str::from_utf8(name).ok().filter(|_| fits);
        return Some(name.map(|name| name.to_ascii_lowercase().into()));
    }
    Some(None)
}

fn protocols(content: &[u8]) -> Option<Vec<Box<[u8]>>> {
    let mut list = Cursor(Cursor(content).long()?);
    let mut protocols = Vec::new();
    while !list.0.is_empty() {
        protocols.push(list.short()?.into());
    }
    Some(protocols)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with these extensions, in records of at most so many bytes.
    fn records(extensions: &[u8], most: usize) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend_from_slice(&[7; 32]);
        body.extend_from_slice(&[0, 0, 2, 0x13, 1, 1, 0]);
        body.extend_from_slice(&u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend_from_slice(extensions);
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend_from_slice(&body);
        let mut out = Vec::new();
        for piece in message.chunks(most) {
            out.extend_from_slice(&[HANDSHAKE, 3, 1]);
            out.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
            out.extend_from_slice(piece);
        }
        out
    }

    const NAMED: &[u8] = b"\0\0\0\x0d\0\x0b\0\0\x08A.test.x\0\x10\0\x0b\0\x09\x08http/1.1";

    #[test]
    fn name_and_protocols_however_they_are_cut() {
        for most in [1, 2, 5, 50, 16_384] {
            let bytes = records(NAMED, most);
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(Step::Partial), "{most} {end}");
            }
            let Ok(Step::Complete(hello)) = parse(&bytes) else {
                panic!("it is complete");
            };
            assert_eq!(hello.sni.as_deref(), Some("a.test.x"));
            assert_eq!(hello.alpn, [Box::from(b"http/1.1".as_slice())]);
        }
    }

    #[test]
    fn what_is_none_is_refused_at_its_first_wrong_byte() {
        assert_eq!(parse(b"GET / HTTP/1.1\r\n"), Err(Fault::NotTls));
        assert_eq!(parse(b"\x16\x02"), Err(Fault::Malformed));
        assert_eq!(parse(b"\x16\x03\x01\0\0"), Err(Fault::Malformed));
        assert_eq!(parse(b"\x16\x03\x01\0\x01\x02"), Err(Fault::Malformed));
        assert_eq!(
            parse(b"\x16\x03\x01\0\x04\x01\x01\0\0"),
            Err(Fault::TooLong)
        );
        let mut cut = records(NAMED, 16_384);
        cut.truncate(cut.len() - 1);
        cut[4] -= 1;
        cut[8] -= 1;
        assert_eq!(parse(&cut), Err(Fault::Malformed));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut rng = crate::base::rng::Rng::seeded(5);
        for _ in 0..20_000 {
            let mut bytes = records(NAMED, rng.below(60) + 1);
            for _ in 0..=rng.below(3) {
                let place = rng.below(bytes.len());
                bytes[place] = u8::try_from(rng.below(256)).unwrap();
            }
            let _ = parse(&bytes);
        }
    }
}
