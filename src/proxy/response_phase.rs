//! The plugins' say about an answer: before its head goes to the client, and when its whole body is here.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use crate::http::Answer;
use crate::http::Name;
use crate::http::reply::Body;
use crate::http::reply::Held;
use crate::http::reply::Reply;
use crate::plugin;
use crate::plugin::BodyWish;
use crate::plugin::Chain;
use crate::plugin::Interrupt;
use crate::plugin::Needs;
use crate::proxy::admit::Verdicts;
use crate::proxy::denials;
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

/// What plugins see an answer's fields in.
#[derive(Clone, Copy)]
enum Seen<'a> {
    /// The head in the scratch, which stands in these bytes.
    Origin(&'a [u8]),
    /// What an origin said some time ago.
    Stored(&'a Answer),
    /// Nothing: the answer is the gateway's.
    Own,
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
            Some(plan) => self.review_by(&instance, plan, status, Seen::Origin(bytes)),
            None => Reviewed::Pass(status, BodyWish::Nothing),
        }
    }

    /// Asks the plugins about an answer of our own; they may change its status and its fields, or give another in
    /// its place. A stored answer of an origin is shown to them like one that has just come.
    pub(super) fn review_own(&mut self, reply: &mut Reply) {
        let instance = Rc::clone(&self.instance);
        if let Some(plan) = self.plan_with(&instance, Needs::RESPONSE) {
            let seen = match &reply.body {
                Body::Stored(stored) => Seen::Stored(&stored.answer),
                Body::Empty | Body::Error | Body::Exit | Body::Page | Body::Raw { .. } => Seen::Own,
            };
            match self.review_by(&instance, plan, reply.status, seen) {
                Reviewed::Pass(status, _) if status == reply.status => {}
                Reviewed::Pass(status, _) => {
                    reply.status = status;
                    reply.reason = None;
                }
                Reviewed::Replace(other) => *reply = *other,
            }
        }
        let edits = &self.scratch.verdicts.downstream;
        if edits.is_empty() {
            return;
        }
        reply.fields.retain(|(name, _)| {
            let name = name.as_bytes();
            !edits.removes(Name::of(name), name)
        });
        if let Body::Stored(stored) = &mut reply.body
            && let Some(less) = stored
                .answer
                .without(|known, name| edits.removes(known, name))
        {
            stored.answer = Arc::new(Held(Arc::new(less)));
        }
    }

    fn review_by(
        &mut self,
        instance: &Instance,
        plan: &RoutePlan,
        status: u16,
        seen: Seen<'_>,
    ) -> Reviewed {
        let mut verdicts = std::mem::take(&mut self.scratch.verdicts);
        let reviewed = self.review_each(instance, plan, status, seen, &mut verdicts);
        self.scratch.verdicts = verdicts;
        reviewed
    }

    fn review_each(
        &self,
        instance: &Instance,
        plan: &RoutePlan,
        status: u16,
        seen: Seen<'_>,
        verdicts: &mut Verdicts,
    ) -> Reviewed {
        let shard = &self.cx.shard;
        let snapshot = &instance.snapshot;
        let mut response = plugin::Response {
            status,
            origin: match seen {
                Seen::Origin(bytes) => Some((&self.scratch.response, bytes)),
                Seen::Stored(answer) => Some((answer.head(), answer.lines())),
                Seen::Own => None,
            },
            method: self.scratch.request.method,
            request: (&self.scratch.request, self.input),
            path: self.canonical_path(),
            route: Some(&plan.named),
            service: plan.service().map(|index| snapshot.service(index)),
            identity: &verdicts.identity,
            directory: &snapshot.directory,
            edits: &mut verdicts.downstream,
            body: BodyWish::Nothing,
            notes: &mut verdicts.notes,
            core: &shard.plugins,
            unix_micros: shard.unix_micros_at(shard.lately()),
        };
        let mut wish = BodyWish::Nothing;
        for link in plan.chain.plugins(verdicts.identity.consumer_index()) {
            response.body = BodyWish::Nothing;
            match link.compiled.plugin.on_response(&mut response) {
                ControlFlow::Break(Interrupt::Reply(_)) if link.compiled.observes => {
                    let name = link.compiled.definition.name;
                    verdicts.would_deny.note(name, &shard.metrics);
                }
                ControlFlow::Break(Interrupt::Reply(reply)) => {
                    denials::count(&link.compiled, &shard.metrics);
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
        for link in chain.plugins(verdicts.identity.consumer_index()) {
            link.compiled.plugin.on_response_body(&mut seen);
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
            service: plan.service().map(|index| snapshot.service(index)),
            identity: &verdicts.identity,
            directory: &snapshot.directory,
            notes: &verdicts.notes,
            core: &shard.plugins,
            unix_micros: shard.unix_micros_at(self.moments.received),
            total_ns,
        };
        for link in plan.chain.plugins(verdicts.identity.consumer_index()) {
            link.compiled.plugin.on_log(&log);
        }
    }
}
