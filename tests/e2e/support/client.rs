//! The client of the suites: raw bytes out, and a reader of responses that understands framing and reports
//! an aborted message as such instead of hiding it.

use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use super::message::Body;
use super::message::Head;
use super::message::text;
use super::wire::Broken;
use super::wire::End;
use super::wire::PATIENCE;
use super::wire::Wire;

/// One connection to the gateway.
pub(crate) struct Client {
    pub(crate) wire: Wire,
}

/// A complete response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Body,
    /// Whether the body's end was the connection's.
    pub(crate) until_close: bool,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn text(&self) -> String {
        text(&self.body.bytes)
    }

    /// Whether the gateway announced that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.head.has_token("connection", "close")
    }

    /// Fails unless the status is the expected one; the response is in the message.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "\n{}{}", self.head, self.text());
        self
    }

    /// Fails unless `Proxy-Status` names the error type.
    #[track_caller]
    pub(crate) fn expect_cause(self, token: &str) -> Self {
        let all = self.head.all("proxy-status").join(", ");
        assert!(
            all.contains(&format!("error={token}")),
            "Proxy-Status lacks error={token}\n{}{}",
            self.head,
            self.text()
        );
        self
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|error| panic!("connect to {address}: {error}"));
        Self {
            wire: Wire::new(stream),
        }
    }

    /// Sends bytes; a gateway that has already closed is no failure here, what it answered is.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.wire.write(bytes.as_ref());
        self
    }

    /// Sends a plain GET for the path.
    pub(crate) fn get(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
    }

    /// Sends a plain POST with a body.
    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> &mut Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send([head.as_bytes(), body].concat())
    }

    /// The next response, 1xx included, to a request that was not HEAD.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        match self.try_response("GET") {
            Ok(response) => response,
            Err(broken) => panic!(
                "no complete response ({:?}):\n{}{}",
                broken.end,
                broken.head.map(|head| head.to_string()).unwrap_or_default(),
                text(&broken.body[..broken.body.len().min(2_000)])
            ),
        }
    }

    /// The next response to a request with this method.
    pub(crate) fn try_response(&mut self, method: &str) -> Result<Response, Broken> {
        let head = self.wire.read_head()?;
        let status = head.status();
        let empty = method == "HEAD" || status < 200 || status == 204 || status == 304;
        let chunked = head.has_token("transfer-encoding", "chunked");
        assert!(
            !(chunked && head.length().is_some()),
            "both framing headers in a response\n{head}"
        );
        let mut until_close = false;
        let body = if empty {
            Ok(Body::default())
        } else if chunked {
            self.wire.read_chunked()
        } else if let Some(length) = head.length() {
            self.wire.read_sized(length)
        } else {
            until_close = true;
            match self.wire.read_to_end() {
                (bytes, End::Eof) => Ok(Body::plain(bytes)),
                (bytes, end) => Err((bytes, end)),
            }
        };
        match body {
            Ok(body) => Ok(Response {
                head,
                body,
                until_close,
            }),
            Err((body, end)) => Err(Broken {
                head: Some(head),
                body,
                end,
            }),
        }
    }

    /// The response must be cut off after its head: what came of the body.
    #[track_caller]
    pub(crate) fn aborted(&mut self) -> Broken {
        match self.try_response("GET") {
            Err(broken) => {
                assert_ne!(
                    broken.end,
                    End::Timeout,
                    "the connection hangs instead of ending"
                );
                assert!(
                    broken.head.is_some(),
                    "the connection ended before a head: {:?}",
                    text(&broken.body)
                );
                broken
            }
            Ok(response) => panic!(
                "a broken answer was completed:\n{}{}",
                response.head,
                response.text()
            ),
        }
    }

    /// The first byte of an answer must come; it stays unread.
    #[track_caller]
    pub(crate) fn expect_first(&mut self) {
        assert_eq!(self.wire.wait_readable(), Ok(()), "no answer begins");
    }

    /// The connection must end without another byte.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) -> End {
        let (bytes, end) = self.wire.read_to_end();
        assert!(bytes.is_empty(), "unexpected bytes: {:?}", text(&bytes));
        assert_ne!(end, End::Timeout, "the connection stays open");
        end
    }

    /// The connection must end with a FIN and without another byte.
    #[track_caller]
    pub(crate) fn expect_eof(&mut self) {
        assert_eq!(self.expect_end(), End::Eof);
    }

    /// Nothing must come for the span.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, span: Duration) {
        let patience = std::mem::replace(&mut self.wire.patience, span);
        let outcome = self.wire.wait_readable();
        self.wire.patience = patience;
        assert_eq!(
            outcome,
            Err(End::Timeout),
            "unexpected bytes: {:?}",
            text(&self.wire.unread)
        );
    }
}
