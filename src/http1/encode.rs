pub fn field(out: &mut Vec<u8>, n: &[u8], v: &[u8]) {
    out.reserve(n.len() + v.len() + 4);
    out.extend_from_slice(n);
    out.extend_from_slice(b": ");
    out.extend_from_slice(v);
    out.extend_from_slice(b"\r\n");
}
pub fn content_length(out: &mut Vec<u8>, n: u64) {
    field(
        out,
        b"Content-Length",
        itoa::Buffer::new().format(n).as_bytes(),
    )
}
pub fn status_line(out: &mut Vec<u8>, s: u16, r: &[u8]) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(s).as_bytes());
    out.push(b' ');
    out.extend_from_slice(r);
    out.extend_from_slice(b"\r\n");
}
pub fn chunk_size(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(format!("{n:x}\r\n").as_bytes())
}
pub fn chunk_size_before(room: &mut [u8], n: usize) -> usize {
    let s = format!("{n:x}\r\n");
    let at = room.len() - s.len();
    room[at..].copy_from_slice(s.as_bytes());
    at
}
