//! HTTP/1.1 as it is: nothing is added to a request, nothing is taken from an answer.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A connection that stays open.
pub(crate) struct Client {
    stream: TcpStream,
    address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, address }
    }

    /// Sends a request with these fields besides `Host` and `Content-Length`.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        // An answer may come before the request has been read to its end.
        let _ = self.stream.write_all(&bytes);
        self.answer(method == "HEAD")
    }

    /// Sends JSON.
    pub(crate) fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let headers = [("Content-Type", "application/json")];
        self.send(method, path, &headers, Some(body.as_bytes()))
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    fn answer(&mut self, is_head: bool) -> Answer {
        let mut bytes = Vec::new();
        let mut chunk = [0; 16_384];
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            let mut parsed = httparse::Response::new(&mut fields);
            if let Ok(httparse::Status::Complete(start)) = parsed.parse(&bytes) {
                let field = |field: &httparse::Header<'_>| {
                    let value = String::from_utf8_lossy(field.value).into_owned();
                    (field.name.to_owned(), value)
                };
                let mut answer = Answer {
                    status: parsed.code.unwrap(),
                    headers: parsed.headers.iter().map(field).collect(),
                    body: bytes[start..].to_vec(),
                };
                let bodiless = is_head || matches!(answer.status, 204 | 304);
                let length = answer.header("content-length").filter(|_| !bodiless);
                let length = length.map_or(0, |length| length.parse().unwrap());
                while answer.body.len() < length {
                    let read = self.stream.read(&mut chunk).unwrap();
                    assert!(read > 0, "the connection ended within a body");
                    answer.body.extend_from_slice(&chunk[..read]);
                }
                assert_eq!(answer.body.len(), length);
                return answer;
            }
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the connection ended within a head");
            bytes.extend_from_slice(&chunk[..read]);
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| self.text().into())
    }
}
