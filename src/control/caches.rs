//! Questions about the workers' caches of answers, while they are being answered.
//!
//! Control stores nothing of what is cached. A question goes to every worker with a channel for the answers; when the
//! last worker has let go of it, or has taken too long, whoever asked is told what all have said.

use std::sync::Arc;

use crossbeam::channel::Receiver;
use crossbeam::channel::TryRecvError;
use crossbeam::channel::bounded;
use tokio::sync::oneshot;

use crate::base::clock::Instant;
use crate::base::limits;
use crate::cache::Entry;
use crate::cache::Order;
use crate::cache::Question;
use crate::cache::Told;

/// All questions that are open.
#[derive(Debug, Default)]
pub(super) struct Caches {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    answers: Receiver<Told>,
    told: Told,
    due: Instant,
    to: oneshot::Sender<Told>,
}

impl Caches {
    /// Opens a question: what to tell every worker.
    pub(super) fn ask(
        &mut self,
        question: Question,
        to: oneshot::Sender<Told>,
        now: Instant,
    ) -> Order {
        let told = match question {
            Question::Purge(_) => Told::Purged(0),
            Question::Find(..) | Question::List(_) => Told::Found(Vec::new()),
        };
        let (answer, answers) = bounded(usize::from(limits::WORKERS_CEILING));
        self.open.push(Open {
            answers,
            told,
            due: now.plus(limits::CACHE_ASKED),
            to,
        });
        Order::Ask(Arc::new(question), answer)
    }

    /// Whether an answer is waited for.
    pub(super) fn wait(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes what workers have said, and passes on what is complete.
    pub(super) fn turn(&mut self, now: Instant) {
        let mut at = 0;
        while let Some(open) = self.open.get_mut(at) {
            if open.is_answered() || now >= open.due {
                let open = self.open.swap_remove(at);
                // Whoever asked may have gone.
                let _ = open.to.send(open.told);
            } else {
                at += 1;
            }
        }
    }
}

impl Open {
    fn is_answered(&mut self) -> bool {
        loop {
            match self.answers.try_recv() {
                Ok(told) => merge(&mut self.told, told),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }
}

/// What two workers say together. They hold the same entries for the most part, so each is shown once, and of the
/// numbers of forgotten ones the greatest counts.
fn merge(told: &mut Told, more: Told) {
    match (told, more) {
        (Told::Purged(most), Told::Purged(other)) => *most = (*most).max(other),
        (Told::Found(all), Told::Found(more)) => {
            let known = |all: &[Arc<Entry>], entry: &Arc<Entry>| {
                all.iter().any(|other| Arc::ptr_eq(other, entry))
            };
            for entry in more {
                if all.len() < limits::CACHE_LISTED && !known(all, &entry) {
                    all.push(entry);
                }
            }
        }
        (Told::Purged(_), Told::Found(_)) | (Told::Found(_), Told::Purged(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Purge;
    use crate::cache::Target;

    fn question() -> Question {
        Question::Purge(Arc::new(Purge {
            target: Target::Everything,
            until: 0,
        }))
    }

    #[test]
    fn a_question_is_answered_when_the_last_worker_lets_go() {
        let mut caches = Caches::default();
        let (to, mut told) = oneshot::channel();
        let order = caches.ask(question(), to, Instant(0));
        let Order::Ask(_, one) = order.clone() else {
            panic!("a question is asked");
        };
        one.try_send(Told::Purged(2)).unwrap();
        one.try_send(Told::Purged(3)).unwrap();
        drop(one);
        caches.turn(Instant(1));
        assert!(told.try_recv().is_err(), "one worker has not answered");
        drop(order);
        caches.turn(Instant(2));
        assert!(matches!(told.try_recv(), Ok(Told::Purged(3))));
        assert!(!caches.wait());
    }

    #[test]
    fn a_worker_that_does_not_answer_is_not_waited_for() {
        let mut caches = Caches::default();
        let (to, mut told) = oneshot::channel();
        let _order = caches.ask(question(), to, Instant(0));
        caches.turn(Instant(0).plus(limits::CACHE_ASKED));
        assert!(matches!(told.try_recv(), Ok(Told::Purged(0))));
    }
}
