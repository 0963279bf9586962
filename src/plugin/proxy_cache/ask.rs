//! The request's side: what is stored is given, what is missing is fetched or waited for.

use std::cell::Cell;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::cache::Slot;
use crate::cache::Status;
use crate::cache::Use;
use crate::cache::Wishes;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::Reply;
use crate::plugin::Interrupt;
use crate::plugin::Request;

use super::config::Config;
use super::digest;
use super::flights::Joined;
use super::flights::Lead;
use super::flights::Waits;
use super::give;
use super::hints::Hints;
use super::key;
use super::pending::Clock;
use super::pending::Outdates;
use super::pending::Pending;
use super::refresh;

/// What is stored for a request.
struct Seen {
    slot: Option<Rc<Slot>>,
    /// How much of the key is the URL's own.
    primary: usize,
    /// The method that the key has.
    method: Method,
}

/// On whose behalf an origin is asked.
enum Fetch {
    /// A client's; others may wait for it.
    Asked(Option<Lead>),
    /// The store's own.
    Repeat(Lead),
}

pub(super) fn ask(config: &Config, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
    let (head, bytes, core) = (request.head, request.bytes, request.core);
    let hints = Hints::of(head, bytes);
    let wishes = if config.obeys && hints.cache_control.is_some() {
        Wishes::of(head.fields.all_named(b"cache-control", bytes))
    } else {
        Wishes::default()
    };
    if !may_be_answered(config, request, &hints, &wishes) {
        note_outdated(config, request, &hints);
        pass_by(config, request);
        return ControlFlow::Continue(());
    }
    let mut key = core.cache.key();
    let seen = look(config, request, &hints, &mut key);
    if let Some(lead) = refresh::lead(request) {
        fetch(config, request, &hints, seen, Fetch::Repeat(lead), &key);
        // What the client takes is no matter of what is stored.
        request.upstream.remove(b"Cache-Control");
        return ControlFlow::Continue(());
    }
    let now = request.received.micros();
    let usable = seen.slot.as_ref().and_then(|slot| slot.entry.filed());
    match (
        usable.map(|filed| filed.times.judge(now, &wishes)),
        &seen.slot,
    ) {
        (Some(Use::Give), Some(slot)) => return give(config, request, slot, Status::Hit, &hints),
        (Some(Use::GiveAndRefresh), Some(slot)) if is_safe(head.method) => {
            refresh::order(request, &key, seen.method, now);
            return give(config, request, slot, Status::Stale, &hints);
        }
        (Some(_) | None, _) => {}
    }
    if wishes.only_if_cached {
        core.cache.count(Status::Miss);
        return ControlFlow::Break(Reply::empty(504).into());
    }
    if hints.range.is_some() && seen.slot.is_none() {
        // A part of what is not here is no reason to fetch the whole.
        pass_by(config, request);
        return ControlFlow::Continue(());
    }
    let mut lead = None;
    if is_safe(head.method) {
        let waits = request.notes.find::<Waits>(|_| true);
        match core.flights.join(&key, now, waits) {
            Joined::Lead(first) => lead = Some(first),
            Joined::Alone => {}
            Joined::Wait(signal) => {
                note_wait(request, &key);
                return ControlFlow::Break(Interrupt::Wait(signal));
            }
            Joined::StandIn => {
                if let Some(slot) = &seen.slot
                    && usable.is_some_and(|filed| filed.times.stands_in(now))
                {
                    return give(config, request, slot, Status::Stale, &hints);
                }
            }
        }
    }
    fetch(config, request, &hints, seen, Fetch::Asked(lead), &key);
    ControlFlow::Continue(())
}

/// Has nothing to do with a request.
fn pass_by(config: &Config, request: &mut Request<'_>) {
    request.core.cache.count(Status::Bypass);
    config.show_status(request.downstream, Status::Bypass);
}

/// Whether a request may be answered from the store and its answer stored.
fn may_be_answered(
    config: &Config,
    request: &Request<'_>,
    hints: &Hints<'_>,
    wishes: &Wishes,
) -> bool {
    let head = request.head;
    let has_body = head.framing != Framing::Empty;
    if !config.methods.have(head.method) || wishes.no_store || wishes.no_cache {
        return false;
    }
    if config.obeys && request.field(b"authorization").is_some() {
        return false;
    }
    // A body belongs to the key, so it must be here; that of a GET means nothing to anybody.
    if has_body && (is_safe(head.method) || request.body.is_none()) {
        return false;
    }
    !hints.precondition && !head.fields.has(Name::Upgrade) && request.rewrite.method.is_none()
}

/// Whether asking twice is as good as asking once, and changes nothing.
fn is_safe(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head)
}

/// Looks the request up. A HEAD is answered by what was stored for a GET, too.
fn look(config: &Config, request: &Request<'_>, hints: &Hints<'_>, key: &mut Vec<u8>) -> Seen {
    let method = request.head.method;
    if method == Method::Head {
        let seen = look_as(config, request, hints, Method::Get, key);
        if seen.slot.is_some() {
            return seen;
        }
    }
    look_as(config, request, hints, method, key)
}

fn look_as(
    config: &Config,
    request: &Request<'_>,
    hints: &Hints<'_>,
    method: Method,
    key: &mut Vec<u8>,
) -> Seen {
    key::write(config, request, hints, method, key);
    let primary = key.len();
    let find = |key: &[u8]| {
        let store = &request.core.cache;
        store.find(config.dictionary.id, key, request.received.micros())
    };
    let mut slot = find(key);
    if let Some(variants) = slot.as_ref().and_then(|slot| slot.entry.variants()) {
        let (head, bytes, edits) = (request.head, request.bytes, &*request.upstream);
        variants.extend(key, |name, out| key::values(head, bytes, edits, name, out));
        slot = find(key).filter(|slot| slot.answer.is_some());
    }
    Seen {
        slot,
        primary,
        method,
    }
}

/// Answers with what is stored.
fn give(
    config: &Config,
    request: &mut Request<'_>,
    slot: &Slot,
    status: Status,
    hints: &Hints<'_>,
) -> ControlFlow<Interrupt> {
    let (Some(answer), Some(filed)) = (&slot.answer, slot.entry.filed()) else {
        return ControlFlow::Continue(());
    };
    request.core.cache.count(status);
    let age = filed.times.age(request.received.micros());
    config.show(request.downstream, status, &slot.entry.digest, age);
    ControlFlow::Break(give::reply(answer, request.head.method, hints).into())
}

/// Sends the request to its origin, as one that asks for all that can be stored.
fn fetch(
    config: &Config,
    request: &mut Request<'_>,
    hints: &Hints<'_>,
    seen: Seen,
    fetch: Fetch,
    key: &[u8],
) {
    let (lead, counts) = match fetch {
        Fetch::Asked(lead) => (lead, true),
        Fetch::Repeat(lead) => (Some(lead), false),
    };
    let digest = digest::of(config, request);
    let status = match seen.slot {
        Some(_) => Status::Refresh,
        None => Status::Miss,
    };
    let upstream = request.upstream.clone();
    let safe = is_safe(request.head.method);
    let conditional = safe && condition(request, hints, seen.slot.as_deref());
    config.show_status(request.downstream, status);
    config.show_key(request.downstream, &digest);
    let mut url = key.get(..seen.primary).unwrap_or_default().to_vec();
    if request.head.method == Method::Head {
        // What comes back has no body, so it is not what a GET would get.
        key::write(config, request, hints, Method::Head, &mut url);
    }
    request.notes.put(Pending {
        plugin: request.own.id,
        route: request.route.id,
        key: url.into(),
        digest,
        method: request.head.method,
        clock: Clock::of(request),
        upstream,
        stale: seen.slot.filter(|_| safe),
        conditional,
        lead: RefCell::new(lead),
        status: Cell::new(status),
        counts,
        reviewed: Cell::new(false),
        plan: RefCell::default(),
    });
}

/// Takes the client's conditions off the request, and puts those of the stored answer on it; whether it has any.
fn condition(request: &mut Request<'_>, hints: &Hints<'_>, stale: Option<&Slot>) -> bool {
    for (name, there) in [
        (&b"If-None-Match"[..], hints.if_none_match.is_some()),
        (b"If-Modified-Since", hints.if_modified_since.is_some()),
        (b"Range", hints.range.is_some()),
        (b"If-Range", hints.if_range.is_some()),
    ] {
        if there {
            request.upstream.remove(name);
        }
    }
    let Some(answer) = stale.and_then(|slot| slot.answer.as_ref()) else {
        return false;
    };
    if let Some(tag) = answer.field(b"etag") {
        request.upstream.set(b"If-None-Match", tag);
        true
    } else if let Some(date) = answer.field(b"last-modified") {
        request.upstream.set(b"If-Modified-Since", date);
        true
    } else {
        false
    }
}

fn note_wait(request: &mut Request<'_>, key: &[u8]) {
    if request.notes.find::<Waits>(|_| true).is_none() {
        request.notes.put(Waits::default());
    }
    if let Some(waits) = request.notes.find::<Waits>(|_| true) {
        request.core.flights.note(key, waits);
    }
}

/// Notes what a request outdates that may change what its URL stands for.
fn note_outdated(config: &Config, request: &mut Request<'_>, hints: &Hints<'_>) {
    let changes_nothing = matches!(
        request.head.method,
        Method::Get | Method::Head | Method::Options | Method::Trace | Method::Connect
    );
    if !config.obeys || changes_nothing {
        return;
    }
    let keys = [Method::Get, Method::Head].map(|method| {
        let mut key = Vec::new();
        key::write(config, request, hints, method, &mut key);
        key.into_boxed_slice()
    });
    request.notes.put(Outdates {
        clock: Clock::of(request),
        keys,
    });
}
