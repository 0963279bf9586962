use super::HeadLimits;
use super::request::span;
pub use super::request::{Parsed, Progress};
use crate::http::*;
#[derive(Debug)]
pub struct ResponseFault;
impl ResponseFault {
    pub fn cause(self) -> Cause {
        Cause::ResponseMalformed
    }
}
pub fn parse(
    bytes: &[u8],
    _l: &HeadLimits,
    _p: &mut Progress,
    m: Method,
    head: &mut ResponseHead,
) -> Result<Parsed, ResponseFault> {
    let mut hs = [httparse::EMPTY_HEADER; 100];
    let mut r = httparse::Response::new(&mut hs);
    let n = match r.parse(bytes) {
        Ok(httparse::Status::Complete(n)) => n,
        Ok(_) => return Ok(Parsed::Partial),
        Err(_) => return Err(ResponseFault),
    };
    head.fields.clear();
    head.status = r.code.unwrap();
    head.reason = span(bytes, r.reason.unwrap().as_bytes());
    head.version = if r.version == Some(1) {
        Version::Http11
    } else {
        Version::Http10
    };
    head.framing = Framing::UntilClose;
    head.reuse = if head.version == Version::Http11 {
        Reuse::Keep
    } else {
        Reuse::Close
    };
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
                    .ok_or(ResponseFault)?;
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
                }
            }
            _ => {}
        }
    }
    if m == Method::Head || head.status < 200 || head.status == 204 || head.status == 304 {
        head.framing = Framing::Empty
    }
    head.length = n;
    Ok(Parsed::Complete)
}
