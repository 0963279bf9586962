//! The answer's side: whether it is stored, or what is stored is given in its place.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use crate::base::limits;
use crate::cache::Charge;
use crate::cache::Content;
use crate::cache::Entry;
use crate::cache::Filed;
use crate::cache::Micros;
use crate::cache::Slot;
use crate::cache::Status;
use crate::cache::Target;
use crate::cache::Variants;
use crate::http::Answer;
use crate::http::ResponseHead;
use crate::plugin::BodyWish;
use crate::plugin::Core;
use crate::plugin::Edits;
use crate::plugin::Interrupt;
use crate::plugin::Response;

use super::config::Config;
use super::flights::End;
use super::give;
use super::hints::Hints;
use super::keep;
use super::key;
use super::pending::Outdates;
use super::pending::Pending;
use super::pending::Plan;
use super::terms;

pub(super) fn review(config: &Config, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
    outdate(response);
    let Some(pending) = Pending::of(response.notes) else {
        return ControlFlow::Continue(());
    };
    if pending.reviewed.replace(true) {
        return ControlFlow::Continue(());
    }
    let now = pending.clock.at(response.unix_micros);
    if matches!(response.status, 500 | 502 | 503 | 504) {
        pending.end(End::Failing(now + FAILING));
        let may = |slot: &&Rc<Slot>| {
            slot.entry
                .filed()
                .is_some_and(|filed| filed.times.stands_in(now))
        };
        if let Some(slot) = pending.stale.as_ref().filter(may) {
            let slot = Rc::clone(slot);
            pending.status.set(Status::Stale);
            return give(config, response, &slot, Status::Stale, now);
        }
        show_bypass(config, response.edits, pending);
        return ControlFlow::Continue(());
    }
    let Some((head, bytes)) = response.origin else {
        pending.let_go();
        show_bypass(config, response.edits, pending);
        return ControlFlow::Continue(());
    };
    if head.status == 304
        && pending.conditional
        && let Some(slot) = &pending.stale
    {
        let slot = revalidate(config, response, pending, slot, (head, bytes));
        pending.end(End::Over);
        return give(config, response, &slot, Status::Refresh, now);
    }
    let Some(plan) = plan(config, response, pending, (head, bytes)) else {
        pending.end(End::Passing(now + PASSING));
        forget_outdated(config, response.core, pending, head.status);
        show_bypass(config, response.edits, pending);
        return ControlFlow::Continue(());
    };
    pending.plan.replace(Some(plan));
    let lead = pending.lead.borrow();
    let waited_for = lead.as_ref().is_some_and(|lead| {
        lead.deliver(now);
        lead.is_waited_for()
    });
    // Whoever waits does so for the origin, and not for this client to read.
    response.body = match waited_for {
        true => BodyWish::Whole(config.body_bytes_max()),
        false => BodyWish::Copy(config.body_bytes_max()),
    };
    ControlFlow::Continue(())
}

/// The answer has nothing to do with what is stored after all.
fn show_bypass(config: &Config, edits: &mut Edits, pending: &Pending) {
    pending.status.set(Status::Bypass);
    config.show_status(edits, Status::Bypass);
}

/// Gives what is stored in place of the answer.
fn give(
    config: &Config,
    response: &mut Response<'_>,
    slot: &Slot,
    status: Status,
    now: Micros,
) -> ControlFlow<Interrupt> {
    let (Some(answer), Some(filed)) = (&slot.answer, slot.entry.filed()) else {
        return ControlFlow::Continue(());
    };
    let (head, bytes) = response.request;
    let hints = Hints::of(head, bytes);
    let age = filed.times.age(now);
    config.show(response.edits, status, &slot.entry.digest, age);
    ControlFlow::Break(give::reply(answer, response.method, &hints).into())
}

/// Takes note of the origin's word that what is stored is still right: what is to be given now.
fn revalidate(
    config: &Config,
    response: &Response<'_>,
    pending: &Pending,
    stale: &Rc<Slot>,
    (head, bytes): (&ResponseHead, &[u8]),
) -> Rc<Slot> {
    let (core, unix_secs) = (response.core, response.unix_micros / 1_000_000);
    let now = pending.clock.at(response.unix_micros);
    let filed = stale.entry.filed();
    let Some(answer) = filed.and_then(|filed| keep::updated(&filed.answer, head, bytes)) else {
        return Rc::clone(stale);
    };
    let fields = (&answer.head().fields, answer.lines());
    let times = terms::times(config, fields.0, fields.1, now, unix_secs);
    let Some((times, tags)) = times.zip(terms::tags(fields.0, fields.1)) else {
        core.cache.remove(config.dictionary.id, &stale.entry.key);
        return Rc::clone(stale);
    };
    let entry = |answer: Answer| Entry {
        key: stale.entry.key.clone(),
        digest: stale.entry.digest,
        dictionary: config.dictionary,
        plugin: pending.plugin,
        route: stale.entry.route,
        asked: pending.clock.received,
        content: Content::Answer(Box::new(Filed {
            answer: Arc::new(answer),
            times,
            unix_secs,
            tags: tags.clone(),
        })),
        charge: Charge::default(),
    };
    core.cache.add(entry(answer.clone()));
    Slot::new(Arc::new(entry(answer)))
}

/// How an answer is to be stored, if it is.
fn plan(
    config: &Config,
    response: &Response<'_>,
    pending: &Pending,
    (head, bytes): (&ResponseHead, &[u8]),
) -> Option<Plan> {
    let (core, unix_secs) = (response.core, response.unix_micros / 1_000_000);
    let now = pending.clock.at(response.unix_micros);
    if !terms::is_storable(config, head, bytes) {
        return None;
    }
    let times = terms::times(config, &head.fields, bytes, now, unix_secs)?;
    let names = terms::varying(&head.fields, bytes)?;
    let tags = terms::tags(&head.fields, bytes)?;
    let known = core.cache.find(config.dictionary.id, &pending.key, now);
    let known = known.as_ref().and_then(|slot| slot.entry.variants());
    let fresh = || {
        let number = core.rng.borrow_mut().next_u64();
        Variants::new(names.clone(), now, number)
    };
    let mut added = None;
    let variants = match known {
        Some(known) if known.has(&names) => Some(known),
        Some(known) => Some(&*added.insert(known.merge(&fresh())?)),
        None if names.is_empty() => None,
        None => Some(&*added.insert(fresh())),
    };
    let mut key = pending.key.to_vec();
    if let Some(variants) = variants {
        let (head, bytes) = response.request;
        variants.extend(&mut key, |name, out| {
            key::values(head, bytes, &pending.upstream, name, out);
        });
    }
    Some(Plan {
        key: key.into(),
        variants: added,
        times,
        tags,
    })
}

/// An answer that is not stored, and that is not about this client alone, is the end of what was.
fn forget_outdated(config: &Config, core: &Core, pending: &Pending, status: u16) {
    if let Some(slot) = &pending.stale
        && matches!(status, 200..400 | 404 | 410)
    {
        core.cache.remove(config.dictionary.id, &slot.entry.key);
    }
}

/// Forgets what a request has changed that has succeeded.
fn outdate(response: &Response<'_>) {
    if let Some(outdates) = response.notes.find::<Outdates>(|_| true)
        && response.origin.is_some()
        && matches!(response.status, 200..400)
    {
        let now = outdates.clock.at(response.unix_micros);
        for key in &outdates.keys {
            let target = Target::Key(key.clone());
            response.core.cache.invalidate(target, now);
        }
    }
}

const PASSING: Micros = limits::CACHE_PASS.as_micros() as Micros;
const FAILING: Micros = limits::CACHE_FAILING.as_micros() as Micros;
