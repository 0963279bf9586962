//! The bound that plugins put on a request's body whose length nobody knew when they were asked.

use crate::http::Cause;
use crate::plugin::request_size_limiting::DEFINITION;
use crate::plugin::request_size_limiting::refusal;
use crate::proxy::admit::Watched;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::forward::Missed;

impl Exchange<'_> {
    /// Most bytes that the request's body may have.
    pub(super) fn body_bytes_max(&self) -> u64 {
        let own = self.instance.snapshot.request_body_bytes;
        let plugins = self.scratch.verdicts.rewrite.body_limit;
        plugins.map_or(own, |limit| limit.min(own))
    }

    /// How an attempt failed; if it was a plugin's bound that ended it, in the plugin's words.
    pub(super) fn in_the_plugins_words(&self, missed: Missed) -> Missed {
        match missed {
            Missed::Final(Stop::Failure(Cause::RequestBodyTooLarge)) => {
                Missed::Final(self.body_too_large())
            }
            missed => missed,
        }
    }

    /// What a client is told whose body has more: in the words of the plugin, if the bound is its own.
    fn body_too_large(&self) -> Stop {
        if self.body_bytes_max() < self.instance.snapshot.request_body_bytes {
            self.cx.shard.metrics.refuse(DEFINITION.name, false);
            return Stop::Reply(Box::new(refusal(&self.scratch.request)));
        }
        Cause::RequestBodyTooLarge.into()
    }

    /// Notes that a plugin which only observes would have refused as much of the body as has come.
    pub(super) fn watch_body(&mut self) {
        let verdicts = &mut self.scratch.verdicts;
        if let Some(Watched { bytes, plugin }) = verdicts.watched
            && self.body.decoded > bytes
        {
            verdicts.would_deny.note(plugin, &self.cx.shard.metrics);
        }
    }

    /// Holds what has come of the body with the head against the bounds that plugins have put on it.
    pub(super) fn measure_body(&mut self) -> Result<(), Stop> {
        self.watch_body();
        match self.scratch.verdicts.rewrite.body_limit {
            Some(limit) if self.body.decoded > limit => Err(self.body_too_large()),
            Some(_) | None => Ok(()),
        }
    }
}
