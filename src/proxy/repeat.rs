//! Requests that the gateway makes once more because a plugin wants it: an exchange like any other, but for its
//! client.
//!
//! It runs by the snapshot of the request that it repeats and begins at the plugin that wants it, with what the plugins before
//! have made of that request: who it is from is known, and limits count it once. Its answer passes all plugins and
//! goes nowhere. It needs no connection to the gateway itself, so it takes no place among the clients' and
//! nobody can forge it.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::task::Waker;

use crate::base::limits;
use crate::http::Method;
use crate::http::forwarded::ClientText;
use crate::http1::request;
use crate::plugin;
use crate::proxy::admit::Verdicts;
use crate::proxy::answer::answer;
use crate::proxy::body::RequestBody;
use crate::proxy::connection::Rest;
use crate::proxy::exchange::Client;
use crate::proxy::exchange::Downstream;
use crate::proxy::exchange::Exchange;
use crate::proxy::exchange::Own;
use crate::proxy::record::record;
use crate::proxy::serve::Context;
use crate::shard::Instance;
use crate::shard::Listening;
use crate::telemetry::Counter;

/// A request to be made once more.
#[derive(Debug)]
pub struct Repeat {
    instance: Rc<Instance>,
    head: Vec<u8>,
    /// Where in the chain it begins.
    place: usize,
    verdicts: Verdicts,
    client: SocketAddr,
    text: ClientText,
    listening: Listening,
    _room: Room,
}

/// One core's repeats, those that wait to be begun and those that run.
#[derive(Default)]
pub(super) struct Repeats {
    waiting: RefCell<VecDeque<Repeat>>,
    /// Of whoever begins them.
    waker: Cell<Option<Waker>>,
    open: Rc<Cell<usize>>,
}

/// The place of one repeat within the bound.
#[derive(Debug)]
struct Room(Rc<Cell<usize>>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Repeats {
    /// A place for one more, if there is room.
    fn room(&self) -> Option<Room> {
        let open = self.open.get();
        (open < limits::REPEATS).then(|| {
            self.open.set(open + 1);
            Room(Rc::clone(&self.open))
        })
    }
}

impl Context {
    /// Waits for the next request that is to be made once more.
    pub async fn next_repeat(&self) -> Repeat {
        poll_fn(|cx| match self.repeats.waiting.borrow_mut().pop_front() {
            Some(repeat) => Poll::Ready(repeat),
            None => {
                self.repeats.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

impl Exchange<'_> {
    /// Has the request made once more, as a plugin wants it, if there is room and the gateway stays.
    pub(super) fn repeat(&self, place: usize, wanted: plugin::Repeat) {
        let repeats = &self.cx.repeats;
        if !self.body.complete || self.cx.shard.draining.get() {
            return;
        }
        let Some(room) = repeats.room() else { return };
        let head = &self.scratch.request;
        let mut bytes = Vec::with_capacity(head.length);
        let mut start = 0;
        if wanted.as_get && head.method == Method::Head {
            bytes.extend_from_slice(b"GET");
            start = head.method_span.of(self.input).len();
        }
        bytes.extend_from_slice(self.input.get(start..head.length).unwrap_or_default());
        repeats.waiting.borrow_mut().push_back(Repeat {
            instance: Rc::clone(&self.instance),
            head: bytes,
            place,
            verdicts: self.scratch.verdicts.again(wanted.notes),
            client: self.client.address,
            text: *self.client.text,
            listening: *self.client.listening,
            _room: room,
        });
        if let Some(waker) = repeats.waker.take() {
            waker.wake();
        }
    }
}

/// Makes a request once more. It is recorded like any other, as request number 0 of its connection.
pub async fn repeat(cx: Rc<Context>, repeat: Repeat) {
    let Repeat {
        instance,
        head: mut input,
        place,
        verdicts,
        client: address,
        text,
        listening,
        _room,
    } = repeat;
    let received = cx.shard.now();
    cx.shard.metrics.count(Counter::Repeats, 1);
    let mut own = Own::new(&cx);
    let limits = instance.snapshot.head_limits;
    let mut progress = request::Progress::default();
    match request::parse(&input, &limits, &mut progress, &mut own.scratch.request) {
        Ok(request::Parsed::Complete) => {}
        // What was read once is read again.
        Ok(request::Parsed::Partial) | Err(_) => return,
    }
    let body = RequestBody::begin(&mut own.scratch, &mut input, &limits);
    let guard = cx.shard.deadlines.guard();
    let (mut ahead, mut pinned, mut rest) = (None, None, Rest::No);
    let side = Downstream {
        client: Client {
            address,
            text: &text,
            listening: &listening,
            requests: 0,
            ahead: &mut ahead,
            rest: &mut rest,
            pinned: &mut pinned,
            secured: None,
        },
        reader: None,
        writer: None,
        guard: &guard,
    };
    let mut exchange = Exchange::new(&cx, instance, side, &mut own, &mut input, body, received);
    exchange.tally.bytes_in = 0;
    exchange.scratch.verdicts = verdicts;
    if let Err(stop) = exchange.pipeline(place).await {
        answer(&mut exchange, stop).await;
    }
    record(&mut exchange);
}
