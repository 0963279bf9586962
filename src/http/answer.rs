//! An answer that can be given again: an origin's head, encoded once, with its body, which all that hold it share.
//!
//! Its field lines are what a client is sent: nothing of one hop or of one exchange is among them, and no
//! Content-Length. The head refers to them, so that plugins see it as they see an origin's.

use bytes::Bytes;

use crate::http::Field;
use crate::http::Name;
use crate::http::ResponseHead;
use crate::http::Span;

/// An answer that can be given again.
#[derive(Clone, Debug)]
pub struct Answer {
    head: ResponseHead,
    lines: Box<[u8]>,
    body: Bytes,
    length: Option<u64>,
}

/// An answer's field lines while they are put together.
#[derive(Debug, Default)]
pub struct Lines {
    head: ResponseHead,
    lines: Vec<u8>,
    /// A line did not fit.
    overflown: bool,
}

impl Lines {
    /// Appends a line. A value with a line end in it is cut there, so that it cannot become two.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let clean = value.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).next();
        let value = clean.unwrap_or_default();
        let start = self.lines.len();
        let colon = start + name.len();
        let end = colon + 2 + value.len();
        if end + 2 > usize::from(u16::MAX) {
            self.overflown = true;
            return;
        }
        for part in [name, b": ", value, b"\r\n"] {
            self.lines.extend_from_slice(part);
        }
        self.head.fields.push(Field {
            name: Span::new(start, colon),
            value: Span::new(colon + 2, end),
            known: Name::of(name),
        });
    }

    /// The answer with these lines and a body; none if one of the lines did not fit.
    pub fn finish(self, status: u16, body: Bytes) -> Option<Answer> {
        let length = body.len() as u64;
        self.finish_as(status, body, Some(length))
    }

    /// The same for the answer to a HEAD, which says what the length would be, if anything.
    pub fn finish_bodiless(self, status: u16, length: Option<u64>) -> Option<Answer> {
        self.finish_as(status, Bytes::new(), length)
    }

    fn finish_as(mut self, status: u16, body: Bytes, length: Option<u64>) -> Option<Answer> {
        self.head.status = status;
        (!self.overflown).then(|| Answer {
            head: self.head,
            lines: self.lines.into_boxed_slice(),
            body,
            length,
        })
    }
}

impl Answer {
    /// The head; it refers to [`lines`](Self::lines).
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The field lines, each with its line end.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What Content-Length says, if there is anything to say.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The first value under a name.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields(name).next()
    }

    /// Every value under a name, in order.
    pub fn fields(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.head.fields.all_named(name, &self.lines)
    }

    /// Each line's name and value, in order.
    pub fn each(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.head.fields.lines().iter();
        lines.map(|field| (field.name.of(&self.lines), field.value.of(&self.lines)))
    }

    /// The same answer without the lines that `drops` names; none if there is no such line.
    pub fn without(&self, drops: impl Fn(Name, &[u8]) -> bool) -> Option<Self> {
        let fields = self.head.fields.lines();
        let dropped = |field: &Field| drops(field.known, field.name.of(&self.lines));
        if !fields.iter().any(dropped) {
            return None;
        }
        let mut lines = Lines::default();
        for field in fields.iter().filter(|field| !dropped(field)) {
            lines.push(field.name.of(&self.lines), field.value.of(&self.lines));
        }
        lines.finish_as(self.status(), self.body.clone(), self.length)
    }

    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        let fields = std::mem::size_of_val(self.head.fields.lines());
        size_of::<Self>() + self.lines.len() + fields + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use bytes::Bytes;

    #[test]
    fn lines_can_be_looked_up_and_left_out() {
        let mut lines = Lines::default();
        lines.push(b"Content-Type", b"text/plain");
        lines.push(b"X-A", b"1\r\nX-Evil: 1");
        lines.push(b"x-a", b"2");
        let answer = lines.finish(200, Bytes::from_static(b"body")).unwrap();
        assert_eq!(
            answer.lines(),
            b"Content-Type: text/plain\r\nX-A: 1\r\nx-a: 2\r\n"
        );
        assert_eq!(answer.fields(b"X-a").collect::<Vec<_>>(), [b"1", b"2"]);
        let less = answer
            .without(|_, name| name.eq_ignore_ascii_case(b"x-a"))
            .unwrap();
        assert_eq!(less.lines(), b"Content-Type: text/plain\r\n");
        assert_eq!(less.body().as_ptr(), answer.body().as_ptr());
        assert!(answer.without(|_, _| false).is_none());
        assert_eq!(answer.length(), Some(4));
    }

    #[test]
    fn what_no_span_reaches_is_refused() {
        let mut lines = Lines::default();
        lines.push(b"X-A", &[b'a'; 65_520]);
        lines.push(b"X-B", b"too much");
        assert!(lines.finish(200, Bytes::new()).is_none());
    }
}
