//! The origin behind `silverback demo`: it echoes requests and misbehaves on demand, in Mockbin's
//! manner.
//!
//! It runs on a thread of its own, binds a free port of 127.0.0.1, and needs nothing of the
//! gateway, so that what a newcomer sees went through a real connection. Everything a request can
//! ask for is bounded.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::thread;

use axum::Router;
use axum::routing::any;
use tokio::sync::oneshot;

mod echo;
mod make;
#[cfg(test)]
mod tests;

/// A running mock origin; it stops when dropped.
#[derive(Debug)]
pub struct MockOrigin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl MockOrigin {
    /// Binds a free port and starts to serve.
    ///
    /// # Errors
    /// When the port, the runtime or the thread cannot be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let app = router().into_make_service_with_connect_info::<SocketAddr>();
                tokio::select! {
                    _ = axum::serve(listener, app) => {}
                    _ = stopped => {}
                }
            });
            // Whatever is still in flight ends with the runtime: a delay must not hold up the
            // process.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new()
            .name("mock-origin".to_owned())
            .spawn(serve)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MockOrigin {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Refused only by a thread that has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Every method is served everywhere; what has no place of its own is echoed.
fn router() -> Router {
    Router::new()
        .route("/", any(echo::welcome))
        .route("/status/{code}", any(make::status))
        .route("/status/{code}/{*reason}", any(make::status_with_reason))
        .route("/delay/{ms}", any(make::delay))
        .route("/bytes/{n}", any(make::bytes))
        .route("/stream/{n}", any(make::stream))
        .route("/redirect/{status}", any(make::redirect))
        .route("/headers", any(echo::headers))
        .route("/ip", any(echo::ip))
        .route("/cookies", any(echo::cookies))
        .fallback(echo::echo)
}
