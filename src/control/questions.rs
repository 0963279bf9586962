//! Questions to all workers, while they are being answered.
//!
//! A question goes to every worker with a channel for the answers; when the last worker has let go of it, or has taken too
//! long, whoever asked is told what those have said that did. Control keeps nothing of it.

use crossbeam::channel::Receiver;
use crossbeam::channel::Sender;
use crossbeam::channel::TryRecvError;
use crossbeam::channel::bounded;

use crate::base::clock::Instant;
use crate::base::limits;

/// All open questions of one kind.
pub(super) struct Questions<T> {
    open: Vec<Open<T>>,
}

struct Open<T> {
    answers: Receiver<T>,
    /// One for each worker at most, so bounded as each of them is.
    heard: Vec<T>,
    due: Instant,
    tell: Box<dyn FnOnce(Vec<T>)>,
}

impl<T> Default for Questions<T> {
    fn default() -> Self {
        Self { open: Vec::new() }
    }
}

impl<T> Questions<T> {
    /// Opens a question: where each worker answers it. What all have said is told in the end.
    pub(super) fn ask(&mut self, now: Instant, tell: impl FnOnce(Vec<T>) + 'static) -> Sender<T> {
        let (answer, answers) = bounded(usize::from(limits::WORKERS_CEILING));
        self.open.push(Open {
            answers,
            heard: Vec::new(),
            due: now.plus(limits::WORKERS_ASKED),
            tell: Box::new(tell),
        });
        answer
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
                (open.tell)(open.heard);
            } else {
                at += 1;
            }
        }
    }
}

impl<T> Open<T> {
    fn is_answered(&mut self) -> bool {
        loop {
            match self.answers.try_recv() {
                Ok(answer) => self.heard.push(answer),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    type Told = Rc<RefCell<Option<Vec<u32>>>>;

    fn ask(questions: &mut Questions<u32>) -> (Sender<u32>, Told) {
        let told = Told::default();
        let place = Rc::clone(&told);
        let answer = questions.ask(Instant(0), move |heard| *place.borrow_mut() = Some(heard));
        (answer, told)
    }

    #[test]
    fn a_question_is_answered_when_the_last_worker_lets_go() {
        let mut questions = Questions::default();
        let (one, told) = ask(&mut questions);
        let other = one.clone();
        one.try_send(2).unwrap();
        drop(one);
        questions.turn(Instant(1));
        assert_eq!(*told.borrow(), None, "one worker has not answered");
        other.try_send(3).unwrap();
        drop(other);
        questions.turn(Instant(2));
        assert_eq!(*told.borrow(), Some(vec![2, 3]));
        assert!(!questions.wait());
    }

    #[test]
    fn a_worker_that_does_not_answer_is_not_waited_for() {
        let mut questions = Questions::default();
        let (one, told) = ask(&mut questions);
        let _stuck = one.clone();
        one.try_send(2).unwrap();
        questions.turn(Instant(0).plus(limits::WORKERS_ASKED));
        assert_eq!(*told.borrow(), Some(vec![2]));
        assert!(one.try_send(4).is_err(), "nobody listens any more");
    }
}
