//! The new process' side: taking over from the one before it.

use std::env;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;

use super::channel::Channel;
use super::channel::Message;
use super::sockets::Given;

/// Set for a process that takes another's place: its standard input is the channel.
pub(super) const VARIABLE: &str = "SILVERBACK_TAKES_OVER";

/// How long the old process may take for what it does at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The process that this one takes the place of.
#[derive(Debug)]
pub struct Predecessor {
    channel: Channel,
}

impl Predecessor {
    /// The one that has started this process to be replaced by it, and its sockets.
    pub(super) fn find() -> io::Result<Option<(Self, Given)>> {
        if env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        let channel = Channel::of(socket);
        let given = sockets(&channel).map_err(|error| {
            let said = format!("{VARIABLE} is set, but nothing is handed over: {error}");
            io::Error::new(error.kind(), said)
        })?;
        Ok(Some((Self { channel }, given)))
    }

    /// Waits until it has closed the store. If it has ended, nobody has the store any more.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn take_store(&self) -> io::Result<()> {
        match self.ask(&Message::WantStore) {
            Ok(Message::Store) => Ok(()),
            Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            Err(error) if is_over(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says that every worker serves, and waits until it has let go of the sockets. However that goes, the sockets are
    /// ours from now on.
    pub fn take_over(&self) {
        match self.ask(&Message::Ready) {
            Ok(Message::Taken) => {}
            Ok(_) => tracing::warn!("the process before this one says what nobody understands"),
            Err(error) => tracing::warn!("the process before this one is gone: {error}"),
        }
    }

    /// Says why this process gives up.
    pub fn fail(&self, why: &str) {
        let why = why.to_owned();
        // If it is gone nobody wants to know.
        let _ = self.channel.send(&Message::Failed { why }, &[]);
    }

    fn ask(&self, message: &Message) -> io::Result<Message> {
        self.channel.send(message, &[])?;
        Ok(self.channel.receive(PATIENCE)?.0)
    }
}

fn is_over(error: &io::Error) -> bool {
    use io::ErrorKind::BrokenPipe;
    use io::ErrorKind::ConnectionReset;
    use io::ErrorKind::UnexpectedEof;
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn sockets(channel: &Channel) -> io::Result<Given> {
    let mut given = Given::default();
    loop {
        let (message, sockets) = channel.receive(PATIENCE)?;
        let Message::Sockets { names, more } = message else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if names.len() != sockets.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        for (name, socket) in names.into_iter().zip(sockets) {
            given.push(name, TcpListener::from(socket));
        }
        if !more {
            return Ok(given);
        }
    }
}
