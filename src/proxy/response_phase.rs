//! The plugins' say about an answer: before its head goes to the client, and when its whole body is here.

use std::ops::ControlFlow;
use std::rc::Rc;

use crate::http::reply::Reply;
use crate::plugin;
use crate::plugin::BodyWish;
use crate::plugin::Chain;
use crate::plugin::Interrupt;
use crate::plugin::Needs;
use crate::proxy::admit::Verdicts;
use crate::proxy::exchange::Exchange;
use crate::shard::Instance;
use crate::snapshot::RoutePlan;

/// What plugins make of an origin's answer.
pub(super) enum Reviewed {
    /// It goes on, with this status; the body as wished.
    Pass(u16, BodyWish),
    /// This goes in its place.
    Replace(Box<Reply>),
}

impl Exchange<'_> {
    /// The plan of the exchange's route, if its plugins take part in something that they `need`.
    #[inline]
    pub(super) fn plan_with<'i>(
        &self,
        instance: &'i Instance,
        need: Needs,
    ) -> Option<&'i RoutePlan> {
        let plan = instance.snapshot.route(self.tally.route?);
        plan.chain.needs().has(need).then_some(plan)
    }

    /// Asks the plugins about the origin's answer in the scratch, whose head stands in `bytes`.
    #[inline]
    pub(super) fn review(&mut self, bytes: &[u8]) -> Reviewed {
        let instance = Rc::clone(&self.instance);
        let status = self.scratch.response.status;
        match self.plan_with(&instance, Needs::RESPONSE) {
            Some(plan) => self.review_by(&instance, plan, status, Some(bytes)),
            None => Reviewed::Pass(status, BodyWish::Nothing),
        }
    }

    /// Asks the plugins about an answer of our own; they may change its status and its fields.
    pub(super) fn review_own(&mut self, reply: &mut Reply) {
        let instance = Rc::clone(&self.instance);
        if let Some(plan) = self.plan_with(&instance, Needs::RESPONSE)
            && let Reviewed::Pass(status, _) = self.review_by(&instance, plan, reply.status, None)
        {
            reply.status = status;
        }
        let edits = &self.scratch.verdicts.downstream;
        if !edits.is_empty() {
            reply.fields.retain(|(name, _)| {
                let name = name.as_bytes();
                !edits.removes(crate::http::Name::of(name), name)
            });
        }
    }

    fn review_by(
        &mut self,
        instance: &Instance,
        plan: &RoutePlan,
        status: u16,
        origin: Option<&[u8]>,
    ) -> Reviewed {
        let mut verdicts = std::mem::take(&mut self.scratch.verdicts);
        let reviewed = self.review_each(instance, plan, status, origin, &mut verdicts);
        self.scratch.verdicts = verdicts;
        reviewed
    }

    fn review_each(
        &self,
        instance: &Instance,
        plan: &RoutePlan,
        status: u16,
        origin: Option<&[u8]>,
        verdicts: &mut Verdicts,
    ) -> Reviewed {
        let shard = &self.cx.shard;
        let snapshot = &instance.snapshot;
        let mut response = plugin::Response {
            status,
            origin: origin.map(|bytes| (&self.scratch.response, bytes)),
            method: self.scratch.request.method,
            request: (&self.scratch.request, self.input),
            path: self.canonical_path(),
            route: Some(&plan.named),
            service: plan.service.map(|index| &snapshot.service(index).named),
            identity: &verdicts.identity,
            directory: &snapshot.directory,
            edits: &mut verdicts.downstream,
            body: BodyWish::Nothing,
            notes: &mut verdicts.notes,
            core: &shard.plugins,
            unix_micros: shard.unix_micros_at(shard.lately()),
        };
        let mut wish = BodyWish::Nothing;
        for configured in plan.chain.plugins(verdicts.identity.consumer) {
            response.body = BodyWish::Nothing;
            match configured.plugin.on_response(&mut response) {
                ControlFlow::Break(Interrupt::Reply(reply)) if !configured.observes => {
                    return Reviewed::Replace(reply);
                }
                ControlFlow::Break(_) | ControlFlow::Continue(()) => {}
            }
            wish = wish.max(response.body);
        }
        Reviewed::Pass(response.status, wish)
    }

    /// Shows the whole body to the plugins. `bytes` holds the origin's head.
    pub(super) fn review_body(&mut self, bytes: &[u8], body: &mut Vec<u8>) {
        let instance = Rc::clone(&self.instance);
        let Some(plan) = self.plan_with(&instance, Needs::RESPONSE_BODY) else {
            return;
        };
        let chain: &Chain = &plan.chain;
        let mut verdicts = std::mem::take(&mut self.scratch.verdicts);
        let shard = &self.cx.shard;
        let mut seen = plugin::ResponseBody {
            bytes: body,
            status: self.tally.status,
            origin: (&self.scratch.response, bytes),
            edits: &mut verdicts.downstream,
            notes: &mut verdicts.notes,
            core: &shard.plugins,
            unix_micros: shard.unix_micros_at(shard.lately()),
        };
        for configured in chain.plugins(verdicts.identity.consumer) {
            configured.plugin.on_response_body(&mut seen);
        }
        self.scratch.verdicts = verdicts;
    }

    /// Tells the plugins how the exchange has ended.
    pub(super) fn tell_plugins(&mut self, total_ns: u64) {
        let instance = Rc::clone(&self.instance);
        let Some(plan) = self.plan_with(&instance, Needs::LOG) else {
            return;
        };
        let shard = &self.cx.shard;
        let snapshot = &instance.snapshot;
        let verdicts = &self.scratch.verdicts;
        let log = plugin::Log {
            status: self.tally.status,
            proxied: self.moments.answered.is_some(),
            route: Some(&plan.named),
            service: plan.service.map(|index| &snapshot.service(index).named),
            identity: &verdicts.identity,
            directory: &snapshot.directory,
            notes: &verdicts.notes,
            core: &shard.plugins,
            unix_micros: shard.unix_micros_at(self.moments.received),
            total_ns,
        };
        for configured in plan.chain.plugins(verdicts.identity.consumer) {
            configured.plugin.on_log(&log);
        }
    }
}
