//! Appending the parts of a message to a buffer.

/// Appends a field line.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
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
    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for size in [1, 15, 16, 255, 65_536, usize::MAX] {
            let mut out = Vec::new();
            super::chunk_size(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        }
    }
}
