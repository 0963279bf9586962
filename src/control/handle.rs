//! How the rest of control's thread (the Admin API) asks the loop for something.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::cached::CacheAnswer;
use super::cached::CacheQuestion;
use super::health::View;
use super::reload::Outcome;
use super::status::Status;
use crate::cache;
use crate::config::Model;
use crate::config::Places;
use crate::plugin::mock;
use crate::snapshot::Resolved;

/// Questions that may wait for control's loop.
const REQUESTS_QUEUED: usize = 256;

/// A question with the place for its answer.
#[derive(Debug)]
pub enum Request {
    /// How everything is.
    Status(oneshot::Sender<Status>),
    /// All metrics, in Prometheus' text format.
    Metrics(oneshot::Sender<String>),
    /// Read the configuration again.
    Reload(Until, oneshot::Sender<Outcome>),
    /// What the workers serve by.
    Running(oneshot::Sender<Arc<Model>>),
    /// The same, and where what of it stands in files stands.
    Placed(oneshot::Sender<(Arc<Model>, Places)>),
    /// What each of these host names resolves to.
    Addresses(Vec<String>, oneshot::Sender<Vec<Resolved>>),
    /// How the targets of an upstream are; `None` if nobody checks them.
    Health(Uuid, oneshot::Sender<Option<View>>),
    /// Somebody says how targets are; whether they are checked.
    Mark(Mark, oneshot::Sender<bool>),
    /// Do or look up something in the caches of all workers.
    Cache(cache::Question, oneshot::Sender<cache::Told>),
    /// What a mock has logged on all workers, the oldest first; `None` if it keeps no log.
    MockLog(Uuid, oneshot::Sender<Option<Vec<mock::Entry>>>),
    /// A great deal of memory was freed.
    Freed,
}

/// What somebody says of some targets of an upstream.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Of which upstream.
    pub upstream: Uuid,
    /// Their addresses.
    pub addresses: Vec<SocketAddr>,
    /// How they are.
    pub healthy: bool,
}

/// When a reload is answered that goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is known to be right.
    Accepted,
    /// When every worker serves by it.
    Installed,
}

/// A cheap handle on control's loop.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl Handle {
    /// A handle, and the loop's end of it.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(REQUESTS_QUEUED);
        (Self { requests }, received)
    }

    /// How everything is; `None` once the loop has ended.
    pub async fn status(&self) -> Option<Status> {
        self.ask(Request::Status).await
    }

    /// All metrics, in Prometheus' text format; `None` once the loop has ended.
    pub async fn metrics(&self) -> Option<String> {
        self.ask(Request::Metrics).await
    }

    /// Reloads and waits so long; `None` once the loop has ended.
    pub async fn reload(&self, until: Until) -> Option<Outcome> {
        self.ask(|answer| Request::Reload(until, answer)).await
    }

    /// Has memory given back that was freed, or will be in a moment.
    pub fn freed(&self) {
        // If the queue is full there will be other occasions.
        drop(self.requests.try_send(Request::Freed));
    }

    /// What the workers serve by; `None` once the loop has ended.
    pub async fn running(&self) -> Option<Arc<Model>> {
        self.ask(Request::Running).await
    }

    /// The same, and where what of it stands in files stands; `None` once the loop has ended.
    pub async fn placed(&self) -> Option<(Arc<Model>, Places)> {
        self.ask(Request::Placed).await
    }

    /// What each of these host names resolves to; `None` once the loop has ended.
    pub async fn addresses(&self, hosts: Vec<String>) -> Option<Vec<Resolved>> {
        self.ask(|answer| Request::Addresses(hosts, answer)).await
    }

    /// How the targets of an upstream are, if anybody checks them; `None` once the loop has ended.
    pub async fn health(&self, upstream: Uuid) -> Option<Option<View>> {
        self.ask(|answer| Request::Health(upstream, answer)).await
    }

    /// Says how targets are; whether they are checked, `None` once the loop has ended.
    pub async fn mark(&self, mark: Mark) -> Option<bool> {
        self.ask(|answer| Request::Mark(mark, answer)).await
    }

    /// What the response caches say; `None` once the loop has ended.
    pub async fn cache(&self, question: CacheQuestion) -> Option<CacheAnswer> {
        let Some(asked) = question.for_workers() else {
            return Some(CacheAnswer::Missing);
        };
        Some(question.sum_up(&self.ask_caches(asked).await?))
    }

    /// The same in the workers' own words.
    pub(super) async fn ask_caches(&self, question: cache::Question) -> Option<cache::Told> {
        self.ask(|answer| Request::Cache(question, answer)).await
    }

    /// What a mock has logged on all workers, the oldest first; `None` once the loop has ended.
    pub async fn mock_log(&self, plugin: Uuid) -> Option<Option<Vec<mock::Entry>>> {
        self.ask(|answer| Request::MockLog(plugin, answer)).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.ok()?;
        answered.await.ok()
    }
}
