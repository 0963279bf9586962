//! How the rest of control's thread (the Admin API) asks the loop for something.

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::reload::Outcome;
use super::status::Status;
use crate::cache;

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
    /// Do or look up something in the caches of all workers.
    Cache(cache::Question, oneshot::Sender<cache::Told>),
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

    /// Does or looks up something in the caches of all workers: what the workers together say; `None` once the loop has
    /// ended.
    pub async fn cache(&self, question: cache::Question) -> Option<cache::Told> {
        self.ask(|answer| Request::Cache(question, answer)).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.ok()?;
        answered.await.ok()
    }
}
