//! The PROXY protocol, versions 1 and 2: what a load balancer says about a connection before its
//! first byte.
//!
//! [`parse`] is a function over the bytes received so far. It is strict, because what it yields is
//! trusted as the client's address: whoever enables it vouches for every peer of that listener. It
//! refuses at the first byte that cannot belong to a header, and never waits for more than
//! `limits::PROXY_HEADER_BYTES`. Reading and deadlines are the caller's.

use std::fmt;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::base::limits::PROXY_HEADER_BYTES;

#[cfg(test)]
mod tests;

/// How far the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A header begins here and is not complete yet.
    Partial,
    /// A header is complete.
    Complete {
        /// Its length; what follows belongs to the connection.
        consumed: usize,
        /// The client's address; none for a health check of the balancer (`LOCAL`), and for a
        /// family without IP addresses (`UNKNOWN`, `UNSPEC`, Unix sockets): then the connection's
        /// own addresses count.
        source: Option<SocketAddr>,
        /// The address that the client connected to.
        destination: Option<SocketAddr>,
    },
}

/// Why the bytes are no PROXY header; the connection is closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first bytes are neither version's signature.
    Signature,
    /// No line end within version 1's 107 bytes, or a version 2 length past our bound.
    TooLong,
    /// A line of version 1 that breaks the grammar.
    Line,
    /// A version 2 command, family or transport that does not exist.
    Unassigned,
    /// A version 2 header too short for the addresses of its family.
    TooShort,
    /// A version 2 extension that runs past the header.
    Extension,
    /// The version 2 checksum is wrong.
    Checksum,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "no PROXY protocol header at the start of the connection",
            Self::TooLong => "PROXY protocol header too long",
            Self::Line => "malformed PROXY protocol line",
            Self::Unassigned => "unassigned PROXY protocol command, family or transport",
            Self::TooShort => "PROXY protocol header too short for its addresses",
            Self::Extension => "malformed PROXY protocol extension",
            Self::Checksum => "wrong PROXY protocol checksum",
        })
    }
}

impl std::error::Error for Fault {}

/// Reads the header at the start of `bytes`, the first bytes of a connection.
///
/// # Errors
/// [`Fault`] as soon as no continuation of `bytes` could be a header.
pub fn parse(bytes: &[u8]) -> Result<Step, Fault> {
    match bytes.first() {
        None => Ok(Step::Partial),
        Some(b'P') => parse_v1(bytes),
        Some(b'\r') => parse_v2(bytes),
        Some(_) => Err(Fault::Signature),
    }
}

/// Version 1: one line of at most 107 bytes.
fn parse_v1(bytes: &[u8]) -> Result<Step, Fault> {
    if !agrees(bytes, V1_SIGNATURE) {
        return Err(Fault::Signature);
    }
    let window = bytes.get(..V1_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr2(b'\r', b'\n', window) else {
        return if bytes.len() < V1_BYTES_MAX {
            Ok(Step::Partial)
        } else {
            Err(Fault::TooLong)
        };
    };
    match window.get(end..end + 2) {
        Some(b"\r\n") => {}
        Some(_) => return Err(Fault::Line),
        None if end + 1 == V1_BYTES_MAX => return Err(Fault::TooLong),
        None if window[end] == b'\r' => return Ok(Step::Partial),
        None => return Err(Fault::Line),
    }
    let line = window.get(V1_SIGNATURE.len()..end).ok_or(Fault::Line)?;
    let line = str::from_utf8(line).map_err(|_| Fault::Line)?;
    let addresses = v1_addresses(line)?;
    Ok(complete(end + 2, addresses))
}

/// Source and destination, where the family has them.
type Addresses = Option<(SocketAddr, SocketAddr)>;

/// What follows `PROXY `: a family, and for two of them two addresses and two ports, one space
/// apart.
fn v1_addresses(line: &str) -> Result<Addresses, Fault> {
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    match family {
        // What may follow UNKNOWN is to be ignored.
        "UNKNOWN" => return Ok(None),
        "TCP4" | "TCP6" => {}
        _ => return Err(Fault::Line),
    }
    let mut parts = rest.split(' ');
    let mut next = || parts.next().ok_or(Fault::Line);
    let (source, destination, source_port, destination_port) = (next()?, next()?, next()?, next()?);
    if parts.next().is_some() {
        return Err(Fault::Line);
    }
    let address = |address, port| match family {
        "TCP4" => Ok(SocketAddr::from((
            number::<Ipv4Addr>(address)?,
            v1_port(port)?,
        ))),
        _ => Ok(SocketAddr::from((
            number::<Ipv6Addr>(address)?,
            v1_port(port)?,
        ))),
    };
    Ok(Some((
        address(source, source_port)?,
        address(destination, destination_port)?,
    )))
}

/// A decimal port without sign or leading zero.
fn v1_port(text: &str) -> Result<u16, Fault> {
    let leads = text.len() > 1 && text.starts_with('0');
    if leads || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Line);
    }
    number(text)
}

fn number<T: FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::Line)
}

/// Version 2: signature, version and command, family and transport, length, addresses, extensions.
fn parse_v2(bytes: &[u8]) -> Result<Step, Fault> {
    if !agrees(bytes, V2_SIGNATURE) {
        return Err(Fault::Signature);
    }
    // Each byte is judged as soon as it is there.
    let local = match bytes.get(12) {
        None => return Ok(Step::Partial),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(Fault::Unassigned),
    };
    let Some(&kind) = bytes.get(13) else {
        return Ok(Step::Partial);
    };
    let (family, transport) = (kind >> 4, kind & 0x0f);
    if !local && (family > UNIX || transport > DATAGRAM) {
        return Err(Fault::Unassigned);
    }
    let Some(&[high, low]) = bytes.get(14..V2_FIXED) else {
        return Ok(Step::Partial);
    };
    let consumed = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if consumed > PROXY_HEADER_BYTES {
        return Err(Fault::TooLong);
    }
    let addresses_end = V2_FIXED + if local { 0 } else { v2_address_bytes(family) };
    if consumed < addresses_end {
        return Err(Fault::TooShort);
    }
    let Some(header) = bytes.get(..consumed) else {
        return Ok(Step::Partial);
    };
    if local {
        // Whatever a LOCAL header carries is to be ignored (section 2.2).
        return Ok(complete(consumed, None));
    }
    check_extensions(header, addresses_end)?;
    let addresses = if transport == STREAM {
        v2_addresses(family, header)
    } else {
        None
    };
    Ok(complete(consumed, addresses))
}

fn v2_address_bytes(family: u8) -> usize {
    match family {
        INET => 2 * 4 + 2 * 2,
        INET6 => 2 * 16 + 2 * 2,
        UNIX => 2 * 108,
        _ => 0,
    }
}

fn v2_addresses(family: u8, header: &[u8]) -> Addresses {
    let (source, destination, ports) = match family {
        INET => {
            let ip = |at| Some(Ipv4Addr::from(array::<4>(header, at)?).into());
            (ip(16)?, ip(20)?, 24)
        }
        INET6 => {
            let ip = |at| Some(Ipv6Addr::from(array::<16>(header, at)?).into());
            (ip(16)?, ip(32)?, 48)
        }
        _ => return None,
    };
    let port = |at| Some(u16::from_be_bytes(array::<2>(header, at)?));
    Some((
        SocketAddr::new(source, port(ports)?),
        SocketAddr::new(destination, port(ports + 2)?),
    ))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// Walks the extensions (type, two bytes of length, value) and verifies the checksum if there is
/// one.
fn check_extensions(header: &[u8], from: usize) -> Result<(), Fault> {
    let mut at = from;
    while at < header.len() {
        let [kind, high, low] = array::<3>(header, at).ok_or(Fault::Extension)?;
        let value = at + 3;
        let end = value + usize::from(u16::from_be_bytes([high, low]));
        if end > header.len() {
            return Err(Fault::Extension);
        }
        if kind == TYPE_CRC32C {
            let stated = array::<4>(header, value).filter(|_| end - value == 4);
            let stated = u32::from_be_bytes(stated.ok_or(Fault::Extension)?);
            if crc32c_without(header, value) != stated {
                return Err(Fault::Checksum);
            }
        }
        at = end;
    }
    Ok(())
}

/// CRC-32C of the header with the four checksum bytes at `hole` taken as zero. Bit by bit: a header
/// is read once a connection, is usually 52 bytes long, and rarely carries a checksum.
fn crc32c_without(header: &[u8], hole: usize) -> u32 {
    let mut crc = u32::MAX;
    for (at, &byte) in header.iter().enumerate() {
        crc ^= if (hole..hole + 4).contains(&at) {
            0
        } else {
            u32::from(byte)
        };
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn complete(consumed: usize, addresses: Addresses) -> Step {
    Step::Complete {
        consumed,
        source: addresses.map(|(source, _)| source),
        destination: addresses.map(|(_, destination)| destination),
    }
}

/// Whether `bytes` begin with `signature` or are the beginning of it.
fn agrees(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(a, b)| a == b)
}

const V1_SIGNATURE: &[u8] = b"PROXY ";
/// The longest line of version 1, its line end included (specification, section 2.1).
const V1_BYTES_MAX: usize = 107;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const V2_FIXED: usize = 16;
const INET: u8 = 1;
const INET6: u8 = 2;
const UNIX: u8 = 3;
const STREAM: u8 = 1;
const DATAGRAM: u8 = 2;
const TYPE_CRC32C: u8 = 0x03;
