//! Where an attempt goes: a member of the upstream, and its place there where places are counted. A request that
//! finds all of them taken waits in line.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::http::Cause;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::forward::Missed;
use crate::resilience::Outcome;
use crate::telemetry::Counter;
use crate::upstream::Absence;
use crate::upstream::Care;
use crate::upstream::Choice;
use crate::upstream::Group;
use crate::upstream::Turn;

/// A member, and what is held of it while it is tried.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) member: usize,
    /// None where nobody looks after the upstream's members.
    turn: Option<Turn>,
}

impl Place {
    /// A place at a member.
    #[inline]
    pub(super) fn at(exchange: &Exchange<'_>, group: &Group, member: usize) -> Self {
        let care = group.care.as_ref();
        let begin = |care: &Rc<Care>| care.begin(member, exchange.cx.shard.lately());
        Self {
            member,
            turn: care.map(begin),
        }
    }

    /// Takes note of how the attempt went, where anybody wants to know.
    #[inline]
    pub(super) fn settle<T>(self, exchange: &Exchange<'_>, result: &Result<T, Missed>) {
        if let Some(turn) = self.turn
            && let Some(outcome) = outcome(exchange, result)
        {
            let shard = &exchange.cx.shard;
            let rng = &mut shard.rng.borrow_mut();
            if turn.ended(outcome, shard.lately(), &shard.wards, rng) {
                shard.metrics.count(Counter::BreakersOpened, 1);
            }
        }
    }
}

/// A place for the next attempt, waited for if need be.
#[inline]
pub(super) async fn place(
    exchange: &mut Exchange<'_>,
    group: &Group,
    choice: &Choice,
    last: Option<Cause>,
) -> Result<Place, Stop> {
    let shard = &exchange.cx.shard;
    let cause = match group.pick(choice, shard.lately(), &shard.rng) {
        Ok(member) => return Ok(Place::at(exchange, group, member)),
        Err(Absence::None(cause)) => cause,
        Err(Absence::Unhealthy) => Cause::TargetsUnhealthy,
        Err(Absence::Full) => {
            // Rare, and none of its state should be part of every exchange.
            return Box::pin(wait(exchange, group)).await;
        }
    };
    Err(last.unwrap_or(cause).into())
}

/// Waits in line for a place at any member, unless the client leaves or too much time passes.
async fn wait(exchange: &mut Exchange<'_>, group: &Group) -> Result<Place, Stop> {
    let metrics = &exchange.cx.shard.metrics;
    let joined = group
        .care
        .as_ref()
        .and_then(|care| Some((care, care.join()?)));
    let Some((care, waiting)) = joined else {
        metrics.count(Counter::QueueRefusals, 1);
        return Err(Cause::TargetsBusy.into());
    };
    metrics.count(Counter::QueueWaits, 1);
    exchange.arm(care.patience());
    let waited = poll_fn(|cx| {
        let now = exchange.cx.shard.lately();
        if let Poll::Ready(turn) = care.poll_place(&waiting, now, cx) {
            return Poll::Ready(Ok(turn));
        }
        if exchange.poll_client_gone(cx) {
            return Poll::Ready(Err(Cause::ClientClosed));
        }
        match exchange.guard.poll_expired(cx) {
            true => Poll::Ready(Err(Cause::TargetsBusy)),
            false => Poll::Pending,
        }
    });
    let turn = waited.await.inspect_err(|cause| {
        if *cause == Cause::TargetsBusy {
            exchange.cx.shard.metrics.count(Counter::QueueTimeouts, 1);
        }
    })?;
    Ok(Place {
        member: turn.member(),
        turn: Some(turn),
    })
}

/// What an attempt says of the health of its member; nothing if somebody else is to blame.
fn outcome<T>(exchange: &Exchange<'_>, result: &Result<T, Missed>) -> Option<Outcome> {
    let cause = match result {
        Ok(_) | Err(Missed::Final(Stop::Reply(_))) => {
            exchange.moments.answered?;
            return Some(Outcome::Status(exchange.scratch.response.status));
        }
        Err(Missed::Unwanted(status)) => return Some(Outcome::Status(*status)),
        Err(Missed::Stale) => return None,
        Err(Missed::Unsent(cause) | Missed::Unanswered(cause)) => *cause,
        Err(Missed::Final(Stop::Failure(cause) | Stop::Cut(cause))) => *cause,
    };
    match cause {
        Cause::ConnectTimeout
        | Cause::ResponseTimeout
        | Cause::ResponseBodyTimeout
        | Cause::RequestWriteTimeout => Some(Outcome::Timeout),
        Cause::ConnectRefused
        | Cause::ConnectUnroutable
        | Cause::ConnectFailed
        | Cause::TlsProtocol
        | Cause::TlsCertificate
        | Cause::TlsAlert
        | Cause::ConnectionTerminated
        | Cause::ResponseIncomplete
        | Cause::ResponseMalformed
        | Cause::ResponseHeadTooLarge
        | Cause::ResponseCodingInvalid
        | Cause::UpgradeFailed => Some(Outcome::TcpFailure),
        _ => None,
    }
}
