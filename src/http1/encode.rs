//! Appending the parts of a message to a buffer.

use crate::http::Field;

/// Appends a field line.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a field as it was received: what comes out is its name and its value, as from [`field`]. Nearly all
/// are spelled that way already, which takes one copy.
#[inline]
pub fn received(out: &mut Vec<u8>, line: &Field, bytes: &[u8]) {
    let end = usize::from(line.value.end) + 2;
    let spelled = bytes.get(usize::from(line.name.start)..end);
    let colon = usize::from(line.name.end - line.name.start);
    if line.value.start == line.name.end + 2
        && let Some(spelled) = spelled
        && spelled.get(colon..colon + 2) == Some(b": ")
        && spelled.ends_with(b"\r\n")
    {
        out.extend_from_slice(spelled);
    } else {
        field(out, line.name.of(bytes), line.value.of(bytes));
    }
}

/// Appends a Content-Length field.
pub fn content_length(out: &mut Vec<u8>, length: u64) {
    field(
        out,
        b"Content-Length",
        itoa::Buffer::new().format(length).as_bytes(),
    );
}

/// Appends a status line.
pub fn status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// Appends a chunk's size line.
pub fn chunk_size(out: &mut Vec<u8>, size: usize) {
    let mut line = [0; 18];
    let start = chunk_size_before(&mut line, size);
    out.extend_from_slice(&line[start..]);
}

/// Writes a chunk's size line to the end of `room`, which holds 18 bytes at least; returns where it begins.
pub fn chunk_size_before(room: &mut [u8], size: usize) -> usize {
    let mut at = room.len() - 2;
    room[at..].copy_from_slice(b"\r\n");
    let mut left = size;
    loop {
        at -= 1;
        room[at] = b"0123456789abcdef"[left & 15];
        left >>= 4;
        if left == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::Name;
    use crate::http::Span;

    #[test]
    fn received_fields_come_out_in_the_usual_spelling() {
        let usual = b"Host: a\r\n";
        for (bytes, start) in [
            (b"Host: a\r\n".as_slice(), 6),
            (b"Host:a\r\n", 5),
            (b"Host: \ta \r\n", 7),
            (b"Host:\ta\r\n", 6),
            (b"Host: a \r\n", 6),
            (b"Host: a", 6),
        ] {
            let line = crate::http::Field {
                name: Span::new(0, 4),
                value: Span::new(start, start + 1),
                known: Name::Host,
            };
            let mut out = Vec::new();
            super::received(&mut out, &line, bytes);
            assert_eq!(out, usual);
        }
    }

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for size in [1, 15, 16, 255, 65_536, usize::MAX] {
            let mut out = Vec::new();
            super::chunk_size(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        }
    }
}
