//! What the scripted origin reads of a request.

use memchr::memmem;

use super::script;
use super::script::Fault;
use crate::origin::LEDGER_HEADER;

/// Bytes of an answer to a path that asks for no size, and the most that is answered.
const ANSWER_BYTES: usize = 128;
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Digits of a number that is echoed.
const DIGITS: usize = 10;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) fault: Option<Fault>,
    pub(super) number: Option<u32>,
    pub(super) post: bool,
    /// Bytes of its body.
    pub(super) body: u64,
    /// Bytes that its answer is to have.
    answer: usize,
    pub(super) stats: bool,
    /// It asks for a WebSocket.
    pub(super) tunnel: bool,
    /// What is to be changed.
    pub(super) set: Option<String>,
}

/// Reads a head at the front of `bytes`, and how long it is; `None` while it is incomplete.
pub(super) fn read(bytes: &[u8], finder: &memmem::Finder<'_>) -> Option<(Asked, usize)> {
    let end = finder.find(bytes)? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let size = path
        .strip_prefix("/bytes/")
        .and_then(|rest| rest.split('/').next()?.parse().ok());
    let mut asked = Asked {
        fault: None,
        number: None,
        post: method == "POST",
        body: 0,
        answer: size.unwrap_or(ANSWER_BYTES).min(ANSWER_BYTES_MAX),
        stats: path == "/_stats",
        tunnel: false,
        set: (path == "/_set").then(|| query.to_owned()),
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            asked.body = value.parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case(LEDGER_HEADER) {
            asked.number = value.parse().ok();
        } else if name.eq_ignore_ascii_case("upgrade") {
            asked.tunnel = value.eq_ignore_ascii_case("websocket");
        } else if name.eq_ignore_ascii_case(script::FIELD) {
            asked.fault = script::named(value.as_bytes());
        }
    }
    Some((asked, end))
}

impl Asked {
    /// The number, again and again.
    pub(super) fn body_of_answer(&self) -> Vec<u8> {
        let digits = format!("{:0DIGITS$}", self.number.unwrap_or(0)).into_bytes();
        digits.iter().copied().cycle().take(self.answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::memmem;
    use super::read;

    #[test]
    fn a_request_names_its_number_its_fault_and_its_answer() {
        let text = b"POST /bytes/12/?x=1 HTTP/1.1\r\nx-ledger-id: 0000000042\r\nX-FAULT: hang\r\n\
                     Content-Length: 3\r\n\r\nabc";
        let (asked, head) = read(text, &memmem::Finder::new(b"\r\n\r\n")).expect("complete");
        assert_eq!(head, text.len() - 3);
        assert_eq!((asked.number, asked.body, asked.post), (Some(42), 3, true));
        assert_eq!(asked.fault.map(|fault| fault.name), Some("hang"));
        assert_eq!(asked.body_of_answer(), b"000000004200");
    }
}
