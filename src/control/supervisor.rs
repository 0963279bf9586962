//! What a service manager (systemd) is told of reloads, the end, and that the workers turn. Without one, nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::base::clock::Instant;
use crate::base::limits;
use crate::bus::Sockets;

/// The end of control that speaks to the service manager.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// It wants to hear from us within this time, or it ends the process (`WatchdogSec=`).
    patience: Option<Duration>,
    next: Instant,
    /// The workers turn, as far as was last said.
    turning: bool,
    /// It was told of a reload and not of its end.
    reloading: bool,
    /// It has copies of the listening sockets, for the process after this one (`$FDSTORE`, sd_pid_notify_with_fds(3)).
    keeps_sockets: bool,
}

impl Supervisor {
    /// As the environment has it.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            patience: sd_notify::watchdog_enabled(),
            next: now,
            turning: true,
            reloading: false,
            keeps_sockets: std::env::var("FDSTORE").is_ok_and(|most| most != "0"),
        }
    }

    /// What becomes of the listening sockets when the gateway ends. Those that the service manager keeps have to stay
    /// alive: who comes during a restart waits in their queues.
    pub(super) fn at_the_end(&self, sockets: Sockets) -> Sockets {
        match self.keeps_sockets {
            true => Sockets::HandedOver,
            false => sockets,
        }
    }

    /// A worker that has been silent for longer does not turn: nothing that a request can ask takes a worker so long.
    pub(super) fn silence(&self) -> Duration {
        match self.patience {
            Some(patience) => limits::WORKER_SILENCE.min(patience / 2),
            None => limits::WORKER_SILENCE,
        }
    }

    /// Tells the service manager that all is well, if it is and if it is time.
    pub(super) fn turn(&mut self, now: Instant, silent: Option<u16>) {
        match (silent, self.turning) {
            (Some(core), true) => {
                tracing::error!("worker {core} has not turned for {:?}", self.silence());
                self.turning = false;
            }
            (None, false) => {
                tracing::warn!("all workers turn again");
                self.turning = true;
            }
            (Some(_), false) | (None, true) => {}
        }
        let Some(patience) = self.patience else {
            return;
        };
        if self.turning && now >= self.next {
            self.next = now.plus(patience / 4);
            say(&[NotifyState::Watchdog]);
        }
    }

    /// The configuration is read again.
    pub(super) fn reloading(&mut self) {
        self.reloading = true;
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!("no time can be told: {error}"),
        }
    }

    /// That is over.
    pub(super) fn reloaded(&mut self) {
        if std::mem::take(&mut self.reloading) {
            say(&[NotifyState::Ready]);
        }
    }

    /// The process is about to end.
    pub(super) fn stopping(&self) {
        say(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    }
}

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager does not hear: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_worker_is_told_of_once() {
        let now = Instant(0);
        let mut supervisor = Supervisor {
            patience: Some(Duration::from_secs(4)),
            next: now,
            turning: true,
            reloading: false,
            keeps_sockets: false,
        };
        assert_eq!(supervisor.silence(), Duration::from_secs(2));
        supervisor.turn(now, None);
        assert_eq!(supervisor.next, now.plus(Duration::from_secs(1)));
        supervisor.turn(supervisor.next, Some(1));
        assert!(!supervisor.turning);
        assert_eq!(supervisor.next, now.plus(Duration::from_secs(1)), "no ping");
        supervisor.turn(supervisor.next, None);
        assert!(supervisor.turning);
    }
}
