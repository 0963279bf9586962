//! The chunked coding, decoded once more from whole text.

use silverback::http1::chunked::ChunkFault;
use silverback::http1::chunked::Decoder;

use super::LIMITS;
use super::Lines;
use super::lines;
use super::rules;

/// A message that was decoded to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) payload: Vec<u8>,
    /// Wire bytes used.
    pub(crate) consumed: usize,
    pub(crate) trailers: Lines,
}

/// Our decoding of `wire` that arrives in pieces which end at `cuts`; nothing while it has not ended.
pub(crate) fn ours(wire: &[u8], cuts: &[usize]) -> Result<Option<Message>, ChunkFault> {
    let mut decoder = Decoder::default();
    decoder.reset(&LIMITS);
    let (mut payload, mut from) = (Vec::new(), 0);
    for &cut in cuts.iter().chain([&wire.len()]) {
        let mut piece = wire[from..cut].to_vec();
        let decoded = decoder.decode_in_place(&mut piece)?;
        payload.extend_from_slice(&piece[..decoded.data]);
        if decoded.done {
            let (fields, bytes) = decoder.trailers();
            return Ok(Some(Message {
                payload,
                consumed: from + decoded.consumed,
                trailers: lines(fields, bytes),
            }));
        }
        assert_eq!(
            decoded.consumed,
            cut - from,
            "what is not the end is used up"
        );
        from = cut;
    }
    Ok(None)
}

/// Compares our decoding with the second opinion.
pub(crate) fn check(wire: &[u8]) {
    let ours = ours(wire, &[]);
    match (naive(wire), ours) {
        (Ok(expected), Ok(ours)) => assert_eq!(ours, expected),
        (Err(_), Err(_)) => {}
        // What is not complete may be beyond repair already.
        (Ok(None), Err(_)) => {}
        (expected, ours) => panic!("{ours:?}, but the rules say {expected:?}"),
    }
}

/// The coding is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

fn naive(wire: &[u8]) -> Result<Option<Message>, Broken> {
    let (mut at, mut payload, mut extensions) = (0, Vec::new(), 0);
    loop {
        let Some(line) = line(wire, at) else {
            return Ok(None);
        };
        let size = size(line, &mut extensions)?;
        if let Ok(httparse::Status::Complete((length, theirs))) =
            httparse::parse_chunk_size(&wire[at..])
        {
            assert_eq!((length, theirs), (line.len() + 2, size));
        } else {
            panic!("httparse refuses the size line {:?}", rules::latin1(line));
        }
        at += line.len() + 2;
        if size == 0 {
            break;
        }
        let Some(end) = usize::try_from(size)
            .ok()
            .and_then(|size| at.checked_add(size))
        else {
            return Ok(None);
        };
        match wire.get(end..end.saturating_add(2)) {
            Some(b"\r\n") => payload.extend_from_slice(&wire[at..end]),
            Some(_) => return Err(Broken),
            None => return Ok(None),
        }
        at = end + 2;
    }
    let Some(trailers) = trailers(&wire[at..])? else {
        return Ok(None);
    };
    Ok(Some(Message {
        payload,
        consumed: at + trailers.0,
        trailers: trailers.1,
    }))
}

/// The line at `at` without its end, if it has one.
fn line(wire: &[u8], at: usize) -> Option<&[u8]> {
    let rest = &wire[at..];
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some(&rest[..end])
}

fn size(line: &[u8], extensions: &mut usize) -> Result<u64, Broken> {
    let text = rules::latin1(line);
    let (digits, extension) = match text.split_once(';') {
        Some((digits, extension)) => (digits, Some(extension)),
        None => (text.as_str(), None),
    };
    *extensions += text.len() - digits.len();
    let hexadecimal = digits.chars().all(|c| c.is_ascii_hexdigit());
    let well_formed = extension.is_none_or(is_extension);
    if !hexadecimal || !(1..=16).contains(&digits.len()) || !well_formed || *extensions > 4_096 {
        return Err(Broken);
    }
    u64::from_str_radix(digits, 16).map_err(|_| Broken)
}

/// Whether `text` is what may stand behind a semicolon: a name, a value perhaps, and more of the same.
fn is_extension(text: &str) -> bool {
    let blank = [' ', '\t'];
    let text = text.trim_start_matches(blank);
    let end = text
        .find(|c: char| !rules::is_token(&c.to_string()))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let behind = rest.trim_start_matches(blank);
    if name.is_empty() {
        return false;
    }
    match behind.chars().next() {
        None => rest.is_empty(),
        Some(';') => is_extension(&behind[1..]),
        Some('=') => value_end(behind[1..].trim_start_matches(blank)).is_some_and(|rest| {
            let behind = rest.trim_start_matches(blank);
            rest.is_empty() || behind.strip_prefix(';').is_some_and(is_extension)
        }),
        Some(_) => false,
    }
}

/// What stands behind a token or a quoted string.
fn value_end(text: &str) -> Option<&str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| !rules::is_token(&c.to_string()))
            .unwrap_or(text.len());
        return (end > 0).then(|| &text[end..]);
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        let byte = u32::from(c);
        if byte < 0x20 && c != '\t' || byte == 0x7f {
            return None;
        }
        match c {
            '"' if !escaped => return Some(&quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

/// The trailer section and its length.
fn trailers(section: &[u8]) -> Result<Option<(usize, Lines)>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; super::LINES];
    let within = &section[..section.len().min(LIMITS.head_bytes)];
    // A line is judged when it is complete.
    let lines_end = within.iter().rposition(|&byte| byte == b'\n');
    let complete = &within[..lines_end.map_or(0, |end| end + 1)];
    let (length, headers) = match httparse::parse_headers(complete, &mut headers) {
        Ok(httparse::Status::Complete(found)) => found,
        Ok(httparse::Status::Partial) if within.len() == section.len() => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Broken),
    };
    let lines = super::tokenised(headers);
    let shadowed = lines
        .iter()
        .any(|(name, _)| super::request::shadows(&rules::latin1(name)));
    if rules::has_bare_line_end(&section[..length]) || lines.len() > LIMITS.fields || shadowed {
        return Err(Broken);
    }
    Ok(Some((length, lines)))
}
