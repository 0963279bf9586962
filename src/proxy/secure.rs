//! The beginning of a client's connection where TLS is spoken: the PROXY protocol's header, what the client says first,
//! the handshake. Its future is large and gone afterwards.

use std::pin::pin;
use std::rc::Rc;

use crate::base::limits;
use crate::net::pool::Size;
use crate::net::tls;
use crate::net::tls::ClientCertificate;
use crate::net::tls::client_hello;
use crate::proxy::connection::Connection;
use crate::proxy::head::read_proxy_header;
use crate::proxy::serve::Context;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;

/// What is said to who speaks HTTP without TLS, as nginx and Kong say it.
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 51\r\nConnection: close\r\n\r\nThe plain HTTP request was sent to HTTPS port (400)";

/// What is known of a client that speaks TLS.
#[derive(Debug)]
pub(super) struct Secured {
    /// The name that it asked for.
    pub(super) sni: Option<Box<str>>,
    /// The certificate by which it has shown who it is.
    pub(super) certificate: Option<ClientCertificate>,
}

/// Why there is no TLS on a connection.
enum Fault {
    /// The client said nothing, or left.
    Gone,
    /// It was too slow.
    Late,
    /// It speaks HTTP without TLS.
    Plain,
    /// It breaks the protocol, or has nothing in common with us.
    Refused,
}

/// Brings a connection to where requests come. Whether it got there.
pub(super) async fn secure(cx: &Rc<Context>, conn: &mut Connection) -> bool {
    let metrics = &cx.shard.metrics;
    let Some(_place) = cx.shard.pace.begin() else {
        metrics.count(Counter::TlsRefused, 1);
        conn.writer.reset_on_close();
        return false;
    };
    metrics.adjust(Gauge::TlsHandshaking, 1);
    let shaken = shake(cx, conn).await;
    metrics.adjust(Gauge::TlsHandshaking, -1);
    conn.guard.disarm();
    match shaken {
        Ok(()) => {
            let resumed = conn.reader.is_resumed();
            metrics.count(
                if resumed {
                    Counter::TlsResumed
                } else {
                    Counter::TlsFull
                },
                1,
            );
            return true;
        }
        Err(Fault::Gone) => metrics.count(Counter::TlsGone, 1),
        Err(Fault::Late) => metrics.count(Counter::TlsLate, 1),
        Err(Fault::Refused) => metrics.count(Counter::TlsFailed, 1),
        Err(Fault::Plain) => {
            metrics.count(Counter::TlsPlain, 1);
            tell_plain(cx, conn).await;
        }
    }
    false
}

async fn shake(cx: &Rc<Context>, conn: &mut Connection) -> Result<(), Fault> {
    let shard = &cx.shard;
    let instance = shard.instance();
    let place = conn.listening.tls.map_or(0, usize::from);
    let Some(Some(settings)) = instance.snapshot.tls.get(place) else {
        return Err(Fault::Refused);
    };
    let (begun, patience) = (shard.now(), settings.handshake);
    let mut input = shard.pool.take(Size::Medium);
    if conn.listening.proxy_protocol {
        let read = read_proxy_header(cx, conn, &mut input, begun, patience).await;
        read.map_err(|_head| Fault::Gone)?;
    }
    conn.guard.arm(begun, patience);
    let hello = loop {
        match client_hello::parse(&input) {
            Ok(client_hello::Step::Complete(hello)) => break hello,
            Ok(client_hello::Step::Partial) => {}
            Err(client_hello::Fault::NotTls) => return Err(Fault::Plain),
            // rustls says what is wrong, to the client too.
            Err(client_hello::Fault::Malformed | client_hello::Fault::TooLong) => {
                break client_hello::Hello::default();
            }
        }
        if input.len() == input.capacity() {
            input.reserve_exact(limits::CLIENT_HELLO_BYTES);
        }
        match conn.guard.limit(pin!(conn.reader.read(&mut input))).await {
            Ok(Ok(received)) if received > 0 => {}
            Ok(_) => return Err(Fault::Gone),
            Err(_expired) => return Err(Fault::Late),
        }
    };
    let pace = &shard.pace;
    let accepted = tls::server::accept(
        (&mut conn.reader, &mut conn.writer),
        settings.config.clone(),
        input,
        &shard.pool,
        async || pace.turn().await,
        |took| pace.spend(took),
    );
    match conn.guard.limit(pin!(accepted)).await {
        Ok(Ok(())) => {}
        Ok(Err(tls::Failure::Tls(_))) => return Err(Fault::Refused),
        Ok(Err(tls::Failure::Io(_))) => return Err(Fault::Gone),
        Err(_expired) => return Err(Fault::Late),
    }
    conn.secured = Some(Rc::new(Secured {
        sni: hello.sni,
        certificate: conn.reader.peer_certificate(),
    }));
    Ok(())
}

/// Answers who speaks HTTP to a port for TLS. What is left of the request is not read.
async fn tell_plain(cx: &Context, conn: &mut Connection) {
    let mut answer = cx.shard.pool.take(Size::Small);
    answer.extend_from_slice(PLAIN_ANSWER);
    conn.guard.arm(cx.shard.now(), limits::LINGER);
    let sent = conn.guard.limit(pin!(conn.writer.write_all(answer))).await;
    if let Ok((Ok(()), answer)) = sent {
        cx.shard.pool.give(answer);
        crate::proxy::head::linger(cx, conn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::PLAIN_ANSWER;

    #[test]
    fn the_answer_says_how_long_it_is() {
        let text = str::from_utf8(PLAIN_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
