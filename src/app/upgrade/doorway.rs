//! Where a running gateway is asked to be replaced.

use std::io;
use std::os::unix::net;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::runtime;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio::time::timeout;

use super::News;
use super::Succession;
use super::Wish;
use super::succession::Successor;
use super::systemd;

/// Longest wish; it has the path of a program.
const WISH_BYTES: u64 = 8_192;

/// How long somebody may take to say what he wants.
const WISH_WAIT: Duration = Duration::from_secs(5);

/// Time between two looks at how far the drain is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// An open doorway.
#[derive(Debug)]
pub struct Doorway {
    /// None where there is no configuration file that would tell its name, or another gateway has it.
    listener: Option<UnixListener>,
    signals: Signal,
    succession: Arc<Succession>,
    /// The Admin API's, which must not answer any more once there is another.
    admin: Option<AbortHandle>,
}

impl Doorway {
    /// Opens the doorway of the gateway that runs by this file, and hears these signals.
    pub fn open(
        config: Option<&Path>,
        signals: Signal,
        succession: Succession,
        admin: Option<AbortHandle>,
    ) -> Self {
        let listener = config.and_then(|config| match listen(config) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!("`silverback upgrade` will not find this process: {error}");
                None
            }
        });
        Self {
            listener,
            signals,
            succession: Arc::new(succession),
            admin,
        }
    }

    /// Leaves the sockets with the service manager and tells it that the gateway serves; then waits for somebody who
    /// asks for another process, until there is one.
    pub async fn attend(mut self) {
        systemd::keep(self.succession.held());
        systemd::ready();
        loop {
            let (mut asker, wish) = self.next().await;
            match self.carry_out(wish, asker.as_mut()).await {
                Ok(successor) => return self.give_way(successor, asker).await,
                Err(why) => {
                    tracing::error!("not upgraded, this process serves on: {why}");
                    tell(asker.as_mut(), &News::Failed(why)).await;
                }
            }
        }
    }

    async fn next(&mut self) -> (Option<UnixStream>, Wish) {
        loop {
            tokio::select! {
                Some(()) = self.signals.recv() => {
                    tracing::info!("asked to upgrade by SIGUSR2");
                    return (None, Wish::default());
                }
                Some(mut asker) = accept(self.listener.as_ref()) => {
                    match read(&mut asker).await {
                        Ok(wish) => return (Some(asker), wish),
                        Err(error) => tracing::warn!("somebody at the doorway says nothing useful: {error}"),
                    }
                }
            }
        }
    }

    async fn carry_out(
        &self,
        wish: Wish,
        mut asker: Option<&mut UnixStream>,
    ) -> Result<Successor, String> {
        let succession = Arc::clone(&self.succession);
        let runtime = runtime::Handle::current();
        let (lines, mut told) = mpsc::unbounded_channel();
        let carried = spawn_blocking(move || {
            let mut tell = |line| drop(lines.send(line));
            succession.carry_out(&wish, &runtime, &mut tell)
        });
        while let Some(line) = told.recv().await {
            tracing::info!("upgrade: {line}");
            tell(asker.as_deref_mut(), &News::Progress(line)).await;
        }
        carried.await.map_err(|error| error.to_string())?
    }

    /// Leaves everything to the successor, and says how far the drain is until this process ends.
    async fn give_way(self, successor: Successor, mut asker: Option<UnixStream>) {
        if let Some(admin) = &self.admin {
            admin.abort();
        }
        drop(self.listener);
        let pid = successor.pid;
        successor.leave_alone();
        tracing::info!("process {pid} has taken over");
        let ready = News::Ready(format!("process {pid} serves"));
        tell(asker.as_mut(), &ready).await;
        while let Some(status) = self.succession.control().status().await {
            let open = status.server.active;
            let news = News::Draining(format!("{open} connections open in the old process"));
            tell(asker.as_mut(), &news).await;
            sleep(LOOK_EVERY).await;
        }
    }
}

fn listen(config: &Path) -> io::Result<UnixListener> {
    let listener = net::UnixListener::bind_addr(&super::address(config)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Somebody who may ask: the user that this process runs as, or root.
async fn accept(listener: Option<&UnixListener>) -> Option<UnixStream> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let Ok((asker, _)) = listener.accept().await else {
        // Without a descriptor left there is no point in hurry.
        sleep(LOOK_EVERY).await;
        return None;
    };
    let user = asker.peer_cred().ok()?.uid();
    let ours = rustix::process::geteuid().as_raw();
    if user != 0 && user != ours {
        tracing::warn!("user {user} may not ask for an upgrade");
        return None;
    }
    Some(asker)
}

async fn read(asker: &mut UnixStream) -> io::Result<Wish> {
    let mut line = String::new();
    let mut reader = BufReader::new(asker.take(WISH_BYTES));
    timeout(WISH_WAIT, reader.read_line(&mut line)).await??;
    Ok(serde_json::from_str(&line)?)
}

/// Who asked may have gone.
async fn tell(asker: Option<&mut UnixStream>, news: &News) {
    if let (Some(asker), Ok(mut line)) = (asker, serde_json::to_vec(news)) {
        line.push(b'\n');
        let _ = timeout(WISH_WAIT, asker.write_all(&line)).await;
    }
}
