//! Bytes that a peer chose, made harmless for a log line: nothing that ends a line, moves a cursor or
//! turns the reading direction leaves as itself.
//!
//! Two notations: JSON's, where valid UTF-8 reads back as the same value and each invalid byte becomes the four
//! characters `\xNN`; and nginx's, where everything but printable ASCII becomes `\xNN`.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends the inside of a JSON string.
pub(super) fn json(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut plain = bytes;
    while !plain.is_empty() {
        let safe = plain.iter().take_while(|byte| json_safe(**byte)).count();
        out.extend_from_slice(&plain[..safe]);
        plain = &plain[safe..];
        plain = &plain[json_step(out, plain)..];
    }
}

/// Whether a byte stands for itself in a JSON string, whatever follows.
fn json_safe(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

/// Appends the first character of `bytes` escaped where needed; returns its length.
fn json_step(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let Some(&first) = bytes.first() else {
        return 0;
    };
    match first {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', first]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..0x80 => unicode(out, u32::from(first)),
        _ => return json_wide(out, bytes),
    }
    1
}

/// The same for a character beyond ASCII, or a byte that begins none.
fn json_wide(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let window = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    let Some(character) = valid.chars().next() else {
        let byte = usize::from(bytes[0]);
        out.extend_from_slice(&[b'\\', b'\\', b'x', HEX[byte >> 4], HEX[byte & 15]]);
        return 1;
    };
    let length = character.len_utf8();
    if is_hostile(character) {
        unicode(out, u32::from(character));
    } else {
        out.extend_from_slice(&bytes[..length]);
    }
    length
}

/// C1 controls, line and paragraph separators, bidirectional controls, the byte order mark.
fn is_hostile(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Appends `\uNNNN`; all that is escaped lies below U+10000.
fn unicode(out: &mut Vec<u8>, code: u32) {
    let digit = |shift: u32| HEX[(code >> shift) as usize & 15];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Appends bytes in the way of nginx: printable ASCII but `"` and `\` as it is, all else as `\xNN`.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        if json_safe(byte) {
            out.push(byte);
        } else {
            let byte = usize::from(byte);
            out.extend_from_slice(&[b'\\', b'x', HEX[byte >> 4], HEX[byte & 15]]);
        }
    }
}

/// Appends a logfmt value: bare where it can be, else quoted with JSON's escapes.
pub(super) fn logfmt(out: &mut Vec<u8>, bytes: &[u8]) {
    let bare = |byte: &u8| json_safe(*byte) && *byte != b' ' && *byte != b'=';
    if !bytes.is_empty() && bytes.iter().all(bare) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    json(out, bytes);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;

    use super::hex;
    use super::json;
    use super::logfmt;

    fn escaped(escape: fn(&mut Vec<u8>, &[u8]), bytes: &[u8]) -> String {
        let mut out = Vec::new();
        escape(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_hostile_character_is_named() {
        let hostile = "\0\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}";
        let text = escaped(json, hostile.as_bytes());
        assert!(text.is_ascii());
        assert_eq!(text.matches("\\u").count(), 11);
        assert_eq!(escaped(json, "a\"\\é\n".as_bytes()), "a\\\"\\\\é\\n");
        assert_eq!(escaped(json, b"a\xff\xe2\x80b"), r"a\\xff\\xe2\\x80b");
        assert_eq!(escaped(hex, "a\"é\n".as_bytes()), r"a\x22\xc3\xa9\x0a");
        assert_eq!(escaped(logfmt, b"a/b"), "a/b");
        assert_eq!(escaped(logfmt, b"a=b c"), "\"a=b c\"");
        assert_eq!(escaped(logfmt, b""), "\"\"");
    }

    proptest! {
        #[test]
        fn json_reads_back_as_the_same_text(text in any::<String>()) {
            let quoted = format!("\"{}\"", escaped(json, text.as_bytes()));
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }

        #[test]
        fn no_notation_lets_a_control_through(bytes in any::<Vec<u8>>()) {
            for escape in [json, hex, logfmt] {
                let text = escaped(escape, &bytes);
                assert!(!text.chars().any(|c| c.is_control() || super::is_hostile(c)));
            }
            let quoted = format!("\"{}\"", escaped(json, &bytes));
            assert!(serde_json::from_str::<String>(&quoted).is_ok());
        }
    }
}
