//! After a 101: bytes both ways, neither read nor changed, until each side has ended.
//!
//! One direction's end is passed on as a half-close, so that the other may finish (RFC 9110 section 9.3.6). The
//! tunnel ends when both have, or when neither has moved a byte for the idle time.

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::net::Guard;
use crate::net::Pool;
use crate::net::Reader;
use crate::net::Writer;
use crate::net::pool::Size;

/// Bytes moved by a tunnel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    /// From the client to the upstream.
    pub(super) up: u64,
    /// From the upstream to the client.
    pub(super) down: u64,
}

/// One end of a tunnel.
pub(super) struct End<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) writer: &'a mut Writer,
    pub(super) guard: &'a Guard,
}

/// Moves bytes until both directions have ended.
pub(super) async fn tunnel(
    client: End<'_>,
    upstream: End<'_>,
    pool: &Pool,
    idle: Duration,
) -> Moved {
    let last = Cell::new(clock::now());
    let up = flow(
        client.reader,
        upstream.writer,
        client.guard,
        pool,
        idle,
        &last,
    );
    let down = flow(
        upstream.reader,
        client.writer,
        upstream.guard,
        pool,
        idle,
        &last,
    );
    let (up, down) = join(up, down).await;
    Moved { up, down }
}

/// Moves one direction until its sender ends; then passes the end on.
async fn flow(
    from: &mut Reader,
    to: &mut Writer,
    guard: &Guard,
    pool: &Pool,
    idle: Duration,
    last: &Cell<Instant>,
) -> u64 {
    let mut moved = 0;
    loop {
        guard.arm(last.get(), idle);
        match guard.limit(pin!(from.readable())).await {
            Ok(()) => {}
            Err(_expired) if clock::now().nanos_since(last.get()) < nanos(idle) => continue,
            Err(_expired) => break,
        }
        last.set(clock::now());
        let mut buffer = pool.take(Size::Medium);
        match from.receive(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => pool.give(buffer),
            Ok(received) if received > 0 => {
                guard.arm(last.get(), idle);
                let Ok((Ok(()), buffer)) = guard.limit(pin!(to.write_all(buffer))).await else {
                    break;
                };
                pool.give(buffer);
                moved += received as u64;
            }
            Ok(_) | Err(_) => {
                pool.give(buffer);
                break;
            }
        }
    }
    // The other side may be gone already; its own direction will find out.
    let _ = to.shutdown().await;
    moved
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
