//! Why an exchange stops before its answer is relayed, and what of it the client can still be told.

use crate::http::Cause;
use crate::http::reply::Reply;
use crate::net::tls::Failure;
use crate::net::tls::upstream::Trouble;

/// An exchange's early end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nothing has been sent to the client yet: answer with this.
    Reply(Box<Reply>),
    /// The gateway's own answer to a failure, its text and status by the cause's row.
    Failure(Cause),
    /// The answer's head is out, or the client is gone: there is nobody to tell, the connection is cut.
    Cut(Cause),
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::ClientClosed | Cause::ClientStalled => Self::Cut(cause),
            _ => Self::Failure(cause),
        }
    }
}

/// Why an attempt to connect failed, TLS included.
pub(super) fn connect_cause(failure: &Failure) -> Cause {
    let error = match failure {
        Failure::Io(error) => error,
        Failure::Tls(error) => {
            return match Trouble::of(error) {
                Trouble::Certificate => Cause::TlsCertificate,
                Trouble::Alert => Cause::TlsAlert,
                Trouble::Protocol => Cause::TlsProtocol,
            };
        }
    };
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Cause::ConnectRefused,
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EACCES | libc::EPERM) => {
            Cause::ConnectUnroutable
        }
        Some(libc::ETIMEDOUT) => Cause::ConnectTimeout,
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL) => {
            Cause::ConnectionLimit
        }
        _ => Cause::ConnectFailed,
    }
}
