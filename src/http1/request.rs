use super::HeadLimits;
use crate::http::*;
#[derive(Default)]
pub struct Progress(());
pub enum Parsed {
    Partial,
    Complete,
}
#[derive(Debug)]
pub struct RequestFault;
impl RequestFault {
    pub fn cause(self) -> Cause {
        Cause::RequestMalformed
    }
}
pub(super) fn span(base: &[u8], part: &[u8]) -> Span {
    let s = part.as_ptr() as usize - base.as_ptr() as usize;
    Span {
        start: s as u16,
        end: (s + part.len()) as u16,
    }
}
pub fn parse(
    bytes: &[u8],
    _l: &HeadLimits,
    _p: &mut Progress,
    head: &mut RequestHead,
) -> Result<Parsed, RequestFault> {
    let mut hs = [httparse::EMPTY_HEADER; 100];
    let mut r = httparse::Request::new(&mut hs);
    let n = match r.parse(bytes) {
        Ok(httparse::Status::Complete(n)) => n,
        Ok(_) => return Ok(Parsed::Partial),
        Err(_) => return Err(RequestFault),
    };
    head.fields.clear();
    let m = r.method.unwrap();
    head.method = Method::of(m.as_bytes());
    head.method_span = span(bytes, m.as_bytes());
    let p = r.path.unwrap().as_bytes();
    let ps = span(bytes, p);
    head.target_span = ps;
    let q = p.iter().position(|&b| b == b'?');
    head.target = Target {
        form: TargetForm::Origin,
        path: Span {
            start: ps.start,
            end: q.map_or(ps.end, |q| ps.start + q as u16),
        },
        query: q.map(|q| Span {
            start: ps.start + q as u16 + 1,
            end: ps.end,
        }),
    };
    head.version = if r.version == Some(1) {
        Version::Http11
    } else {
        Version::Http10
    };
    head.framing = Framing::Empty;
    head.reuse = if head.version == Version::Http11 {
        Reuse::Keep
    } else {
        Reuse::Close
    };
    head.expects_continue = false;
    for h in r.headers.iter() {
        let known = Name::of(h.name.as_bytes());
        head.fields.push(Field {
            name: span(bytes, h.name.as_bytes()),
            value: span(bytes, h.value),
            known,
        });
        match known {
            Name::ContentLength => {
                let n: u64 = std::str::from_utf8(h.value)
                    .ok()
                    .and_then(|v| v.parse().ok())
                    .ok_or(RequestFault)?;
                head.framing = if n == 0 {
                    Framing::Empty
                } else {
                    Framing::Length(n)
                };
            }
            Name::TransferEncoding => head.framing = Framing::Chunked,
            Name::Connection => {
                if h.value.eq_ignore_ascii_case(b"close") {
                    head.reuse = Reuse::Close
                } else if h.value.eq_ignore_ascii_case(b"keep-alive") {
                    head.reuse = Reuse::Keep
                }
            }
            Name::Expect => head.expects_continue = true,
            Name::Host => {
                head.authority = span(bytes, h.value);
                let c = h.value.iter().rposition(|&b| b == b':');
                head.host = head.authority;
                if let Some(c) = c {
                    head.host.end = head.host.start + c as u16;
                    head.port = std::str::from_utf8(&h.value[c + 1..])
                        .ok()
                        .and_then(|v| v.parse().ok());
                } else {
                    head.port = None
                }
            }
            _ => {}
        }
    }
    head.length = n;
    Ok(Parsed::Complete)
}
