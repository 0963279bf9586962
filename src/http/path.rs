//! The canonical path: one spelling for each resource, which routing, authentication, cache key and log share.
//!
//! Kong's normal form. Escapes of reserved characters stay, in upper case, because undoing them changes
//! what a path means (`%2F` is no separator); every other escape is undone; dot segments are resolved and
//! repeated slashes merged. [`escape_into`] spells the form for the wire again, so that what is forwarded
//! is what was matched. A canonical path may hold any byte but NUL, so it never goes on the wire as it is.

use std::fmt;

/// Why a path has no canonical form; each is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// It does not begin with a slash.
    NotAbsolute,
    /// A percent sign is not followed by two hexadecimal digits.
    BadEscape,
    /// It holds a NUL, escaped or not.
    Nul,
    /// Its `..` segments climb above the root.
    AboveRoot,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "path does not begin with a slash",
            Self::BadEscape => "path has a percent sign without two hexadecimal digits",
            Self::Nul => "path holds a nul",
            Self::AboveRoot => "path climbs above the root",
        })
    }
}

impl std::error::Error for PathFault {}

/// The canonical form of `raw`, the path of a request target without its query; an empty one is `/`.
///
/// A path that is canonical already is returned as it is, after one vectorised scan; any other is
/// written into `scratch`.
///
/// # Errors
/// [`PathFault`] if there is no canonical form.
pub fn canonicalize<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], PathFault> {
    match raw.first() {
        None => return Ok(b"/"),
        Some(b'/') => {}
        Some(_) => return Err(PathFault::NotAbsolute),
    }
    if is_plain(raw) {
        return Ok(raw);
    }
    scratch.clear();
    scratch.push(b'/');
    let mut segment = 1;
    let mut rest = &raw[1..];
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'/' => {
                segment = close_segment(scratch, segment)?;
                if segment < scratch.len() {
                    scratch.push(b'/');
                    segment = scratch.len();
                }
            }
            b'%' => rest = unescape(tail, scratch)?,
            0 => return Err(PathFault::Nul),
            _ => scratch.push(byte),
        }
    }
    close_segment(scratch, segment)?;
    Ok(scratch)
}

/// Appends the spelling of a canonical path that is safe in a request line: bytes outside of RFC 3986's
/// reserved and unreserved characters are escaped, escapes stay as they are.
#[inline]
pub fn escape_into(out: &mut Vec<u8>, canonical: &[u8]) {
    let unsafe_bytes = any_block(canonical, |block: &[u8; LANES]| {
        block
            .iter()
            .fold(false, |found, &byte| found | !is_wire_safe(byte))
    });
    if unsafe_bytes {
        escape_where(out, canonical, |byte| !is_wire_safe(byte));
    } else {
        out.extend_from_slice(canonical);
    }
}

/// Appends a canonical path with its control bytes escaped and all else as it is: the spelling for a
/// field value, where Kong sends the decoded bytes and RFC 9110 section 5.5 forbids control bytes.
pub fn escape_controls_into(out: &mut Vec<u8>, canonical: &[u8]) {
    escape_where(out, canonical, |byte| byte.is_ascii_control());
}

/// Whether no byte of `raw`, which begins with a slash, needs the slow pass. A segment that begins with
/// a dot does, most often in vain; such paths are rare.
fn is_plain(raw: &[u8]) -> bool {
    // A block holds one byte more than there are lanes: each lane looks at a pair of neighbours.
    !any_block(raw, |block: &[u8; LANES + 1]| {
        let pairs = block[..LANES].iter().zip(&block[1..]);
        pairs.fold(false, |found, (&byte, &next)| {
            found
                | (next == b'%')
                | (next == 0)
                | ((byte == b'/') & ((next == b'/') | (next == b'.')))
        })
    })
}

/// Bytes that one vector instruction takes on every machine that we know.
const LANES: usize = 16;

/// Whether `test` holds for any block of `bytes`. The blocks begin `LANES` bytes apart, the last one
/// ends where `bytes` end; fewer bytes than a block are filled up with letters. A branchless test over a
/// block of fixed size becomes vector instructions, about two a byte.
fn any_block<const BLOCK: usize>(bytes: &[u8], test: impl Fn(&[u8; BLOCK]) -> bool) -> bool {
    let Some(last) = bytes.last_chunk::<BLOCK>() else {
        let mut block = [b'a'; BLOCK];
        block[..bytes.len()].copy_from_slice(bytes);
        return test(&block);
    };
    let mut rest = bytes;
    while let Some(block) = rest.first_chunk::<BLOCK>() {
        if test(block) {
            return true;
        }
        rest = &rest[LANES..];
    }
    test(last)
}

/// Resolves the segment that begins at `start` if it is `.` or `..`, and returns where the open segment
/// begins; it is empty unless an ordinary segment was closed.
fn close_segment(out: &mut Vec<u8>, start: usize) -> Result<usize, PathFault> {
    match &out[start..] {
        b"." => {
            out.truncate(start);
            Ok(start)
        }
        b".." => {
            let parent = out[..start - 1].iter().rposition(|&byte| byte == b'/');
            let parent = parent.ok_or(PathFault::AboveRoot)? + 1;
            out.truncate(parent);
            Ok(parent)
        }
        _ => Ok(start),
    }
}

/// Takes the two digits after a percent sign and returns what follows them.
fn unescape<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], PathFault> {
    let [high, low, rest @ ..] = digits else {
        return Err(PathFault::BadEscape);
    };
    let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) else {
        return Err(PathFault::BadEscape);
    };
    match high << 4 | low {
        0 => return Err(PathFault::Nul),
        byte if is_reserved(byte) => push_escape(out, byte),
        byte => out.push(byte),
    }
    Ok(rest)
}

fn escape_where(out: &mut Vec<u8>, bytes: &[u8], escaped: impl Fn(u8) -> bool) {
    for &byte in bytes {
        if escaped(byte) {
            push_escape(out, byte);
        } else {
            out.push(byte);
        }
    }
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'%');
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The characters whose escapes stay: RFC 3986's reserved ones and the percent sign.
fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'*'
            | b'\''
            | b'('
            | b')'
            | b';'
            | b':'
            | b'@'
            | b'&'
            | b'='
            | b'+'
            | b'$'
            | b','
            | b'/'
            | b'?'
            | b'%'
            | b'#'
            | b'['
            | b']'
    )
}

/// Whether a byte of a canonical path stands for itself on the wire: printable ASCII without the
/// characters that RFC 3986 gives no place in a URI.
fn is_wire_safe(byte: u8) -> bool {
    let printable = (byte > b' ') & (byte < 0x7f);
    let outside = (byte == b'"')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'\\')
        | (byte == b'^')
        | (byte == b'`')
        | (byte == b'{')
        | (byte == b'|')
        | (byte == b'}');
    printable & !outside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PathFault;
    use super::canonicalize;
    use super::escape_controls_into;
    use super::escape_into;

    fn canonical(raw: &str) -> Result<String, PathFault> {
        let mut scratch = Vec::new();
        let bytes = canonicalize(raw.as_bytes(), &mut scratch)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    #[test]
    fn canonical_form_is_kongs() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a//b", "/a/b"),
            ("//", "/"),
            ("/a//", "/a/"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/./b/../c", "/a/c"),
            ("/a//../b", "/b"),
            ("/.a/..b/c..", "/.a/..b/c.."),
            ("/%61/%7e", "/a/~"),
            ("/a/%2e%2E/b", "/b"),
            ("/es%2fx", "/es%2Fx"),
            ("/%2561", "/%2561"),
            ("/en%20c", "/en c"),
            ("/caf%C3%A9", "/café"),
            ("/a%3b;%23", "/a%3B;%23"),
            ("/a/%5c", "/a/\\"),
        ];
        for (raw, expected) in cases {
            assert_eq!(canonical(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn paths_without_a_canonical_form_are_refused() {
        let cases = [
            ("a", PathFault::NotAbsolute),
            ("*", PathFault::NotAbsolute),
            ("/..", PathFault::AboveRoot),
            ("/../a", PathFault::AboveRoot),
            ("/a/../../b", PathFault::AboveRoot),
            ("/%2e%2e/", PathFault::AboveRoot),
            ("/a/%zz", PathFault::BadEscape),
            ("/a/%4", PathFault::BadEscape),
            ("/a/%", PathFault::BadEscape),
            ("/a/%00", PathFault::Nul),
            ("/a\0", PathFault::Nul),
        ];
        for (raw, fault) in cases {
            assert_eq!(canonical(raw), Err(fault), "{raw}");
        }
    }

    #[test]
    fn canonical_input_is_borrowed() {
        let (raw, mut scratch) = (b"/v1/orders;a=b".as_slice(), Vec::new());
        let path = canonicalize(raw, &mut scratch).unwrap();
        assert!(std::ptr::eq(path, raw));
    }

    #[test]
    fn wire_spelling_escapes_what_is_unsafe() {
        let mut out = Vec::new();
        escape_into(&mut out, "/a b\\é\r\n%2F;=x".as_bytes());
        assert_eq!(out, b"/a%20b%5C%C3%A9%0D%0A%2F;=x");
        out.clear();
        escape_controls_into(&mut out, "/a é\r\n".as_bytes());
        assert_eq!(out, "/a é%0D%0A".as_bytes());
    }

    proptest! {
        #[test]
        fn canonical_form_survives_the_wire(raw in "/([a-c./%;\\\\ é]|%2[0-9a-fA-F]|%[4-7C][0-9A-D]){0,12}") {
            let mut scratch = Vec::new();
            let Ok(path) = canonicalize(raw.as_bytes(), &mut scratch) else { return Ok(()) };
            let path = path.to_vec();
            prop_assert!(path.starts_with(b"/"));
            prop_assert!(!path.windows(2).any(|pair| pair == b"//"));
            let dotted = |segment: &[u8]| segment == b"." || segment == b"..";
            prop_assert!(!path.split(|&byte| byte == b'/').any(dotted));
            let mut wire = Vec::new();
            escape_into(&mut wire, &path);
            prop_assert!(wire.iter().all(u8::is_ascii_graphic));
            let mut again = Vec::new();
            prop_assert_eq!(canonicalize(&wire, &mut again), Ok(path.as_slice()));
        }
    }
}
