//! Whether a failed attempt is followed by another: by the request, by what the upstream's rules say, and by what is left
//! of its budget.

use crate::http::Cause;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::forward::Missed;
use crate::telemetry::Counter;
use crate::upstream::Choice;
use crate::upstream::Group;
use crate::upstream::StatusSet;

impl Exchange<'_> {
    /// Which statuses of an answer by this member are no answer yet, because another attempt can follow.
    #[inline]
    pub(super) fn unwanted_from(
        &self,
        group: &Group,
        choice: &Choice,
        member: usize,
        retries: u32,
    ) -> StatusSet {
        let statuses = group.repeats.statuses;
        if statuses.is_empty() {
            return statuses;
        }
        let now = self.cx.shard.lately();
        let can_follow = retries > 0
            && self.may_repeat()
            && group.repeats.has_room(now)
            && group.has_another(choice, member, now);
        if can_follow {
            statuses
        } else {
            StatusSet::default()
        }
    }

    /// The cause of an attempt that another one may follow; else why the exchange stops. Attempts at which nothing
    /// was sent are no part of the budget: no target sees such a request twice.
    pub(super) fn repeatable(
        &self,
        group: &Group,
        missed: Missed,
        retries: u32,
    ) -> Result<Cause, Stop> {
        let (cause, wanted, sent) = match missed {
            Missed::Final(stop) => return Err(stop),
            Missed::Stale => return Err(Cause::ConnectionTerminated.into()),
            Missed::Unsent(cause) => (cause, group.repeats.connect, false),
            Missed::Unwanted(_) => (Cause::TargetsUnhealthy, true, true),
            Missed::Unanswered(cause) => match cause {
                Cause::ResponseTimeout | Cause::RequestWriteTimeout => {
                    (cause, group.repeats.timeout, true)
                }
                _ => (cause, group.repeats.reset, true),
            },
        };
        if !wanted || (sent && !self.may_repeat()) || retries == 0 || self.is_out_of_time() {
            return Err(cause.into());
        }
        let shard = &self.cx.shard;
        if sent && !group.repeats.take(shard.lately()) {
            shard.metrics.count(Counter::RetriesDenied, 1);
            return Err(cause.into());
        }
        Ok(cause)
    }

    /// Whether the request may be sent a second time: all of it is here, and twice means the same as once.
    pub(super) fn may_repeat(&self) -> bool {
        self.body.complete && !self.body.gone && self.upstream_method().is_idempotent()
    }
}
