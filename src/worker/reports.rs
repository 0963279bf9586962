//! A worker's reports: sent without ever waiting, and kept here for the next tick when control's channel is full.

use std::cell::RefCell;
use std::collections::VecDeque;

use crossbeam::channel::Sender;
use crossbeam::channel::TrySendError;

use crate::bus::Report;

/// What one worker has to say. A handful at most waits: an acknowledgement takes the place of an older one, and
/// the worker takes counts out of its metrics only when none wait.
#[derive(Debug)]
pub(super) struct Reports {
    channel: Sender<Report>,
    /// In the order in which they were said.
    waiting: RefCell<VecDeque<Report>>,
}

impl Reports {
    pub(super) fn new(channel: Sender<Report>) -> Self {
        Self {
            channel,
            waiting: RefCell::default(),
        }
    }

    /// Sends a report, or keeps it until there is room.
    pub(super) fn say(&self, report: Report) {
        let mut waiting = self.waiting.borrow_mut();
        if matches!(report, Report::Installed(..)) {
            waiting.retain(|older| !matches!(older, Report::Installed(..)));
        }
        waiting.push_back(report);
        drop(waiting);
        self.pay();
    }

    /// Sends what waits, as far as there is room. When control is gone nobody is left to tell.
    pub(super) fn pay(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(report) = waiting.pop_front() {
            match self.channel.try_send(report) {
                Ok(()) => {}
                Err(TrySendError::Full(report)) => {
                    waiting.push_front(report);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => waiting.clear(),
            }
        }
    }

    /// Whether a report still waits for room.
    pub(super) fn owes(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crossbeam::channel::bounded;

    use super::Reports;
    use crate::base::ids::CoreId;
    use crate::base::ids::Generation;
    use crate::bus::Report;

    const CORE: CoreId = CoreId(3);

    #[test]
    fn full_channel_delays_reports_and_loses_none() {
        let (channel, control) = bounded(1);
        let reports = Reports::new(channel);
        reports.say(Report::Installed(CORE, Generation(1)));
        assert!(!reports.owes());
        for generation in 2..5 {
            reports.say(Report::Installed(CORE, Generation(generation)));
        }
        reports.say(Report::Drained(CORE));
        assert!(reports.owes());
        let mut heard = Vec::new();
        while let Ok(report) = control.try_recv() {
            heard.push(format!("{report:?}"));
            reports.pay();
        }
        let expected = [
            Report::Installed(CORE, Generation(1)),
            Report::Installed(CORE, Generation(4)),
            Report::Drained(CORE),
        ];
        assert_eq!(heard, expected.map(|report| format!("{report:?}")));
        assert!(!reports.owes());
    }

    #[test]
    fn nothing_waits_for_a_control_that_is_gone() {
        let (channel, control) = bounded(1);
        let reports = Reports::new(channel);
        reports.say(Report::Drained(CORE));
        reports.say(Report::Drained(CORE));
        assert!(reports.owes());
        drop(control);
        reports.pay();
        assert!(!reports.owes());
    }
}
