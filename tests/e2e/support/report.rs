//! A test's failure as one text: the message, where it happened, and what the gateway said meanwhile.

use std::any::Any;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;

thread_local! {
    /// Where and why this thread panicked last, and what was attached since.
    static STORY: RefCell<String> = const { RefCell::new(String::new()) };
    /// Whether a case runs on this thread (and not a helper thread of one).
    static CASE: RefCell<bool> = const { RefCell::new(false) };
}

/// Panics of a case are kept for its report; those of helper threads are printed as ever.
pub(crate) fn install_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CASE.with_borrow(|case| *case) {
            attach(&info.to_string());
        } else {
            default(info);
        }
    }));
}

/// Adds to the report of the case that runs on this thread.
pub(crate) fn attach(text: &str) {
    STORY.with_borrow_mut(|story| {
        story.push_str(text);
        story.push('\n');
    });
}

/// Runs a case; the error is its whole story.
pub(crate) fn run(case: impl FnOnce()) -> Result<(), String> {
    CASE.set(true);
    STORY.take();
    let outcome: Result<(), Box<dyn Any + Send>> = std::panic::catch_unwind(AssertUnwindSafe(case));
    CASE.set(false);
    outcome.map_err(|_| STORY.take())
}
