//! How the rest of control's thread (the Admin API) asks the loop for something.

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::reload::Outcome;
use super::status::Status;

/// Questions that may wait for control's loop.
const REQUESTS_QUEUED: usize = 256;

/// A question with the place for its answer.
#[derive(Debug)]
pub enum Request {
    /// How everything is.
    Status(oneshot::Sender<Status>),
    /// All metrics, in Prometheus' text format.
    Metrics(oneshot::Sender<String>),
    /// Read the configuration again; the answer comes when every worker serves by it.
    Reload(oneshot::Sender<Outcome>),
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

    /// Reloads and waits for the end of it; `None` once the loop has ended.
    pub async fn reload(&self) -> Option<Outcome> {
        self.ask(Request::Reload).await
    }

    /// Asks for a reload and does not wait for it.
    pub async fn request_reload(&self) {
        let (answer, _) = oneshot::channel();
        // Without a loop there is nothing to reload.
        let _ = self.requests.send(Request::Reload(answer)).await;
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.ok()?;
        answered.await.ok()
    }
}
