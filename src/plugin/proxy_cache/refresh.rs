//! Refreshing in the background: the stale answer is given at once, and the gateway makes the same request once more by
//! itself, from this plugin on. Whom it is from is known and limits have counted it already; it goes the ordinary way from
//! here, and its answer is stored and given to nobody.

use std::cell::RefCell;

use crate::cache::Micros;
use crate::http::Method;
use crate::plugin::Repeat;
use crate::plugin::Request;

use super::flights::Lead;

/// The note by which the plugin knows a refresh that it has ordered: it fetches, whatever is stored.
#[derive(Debug)]
struct Ticket {
    lead: RefCell<Option<Lead>>,
}

/// Has what stands under a key refreshed that answers to `method`, unless that is under way or of no use now.
pub(super) fn order(request: &mut Request<'_>, key: &[u8], method: Method, now: Micros) {
    let Some(lead) = request.core.flights.lead(key, now) else {
        return;
    };
    let mut repeat = Repeat {
        as_get: method == Method::Get,
        ..Repeat::default()
    };
    repeat.notes.put(Ticket {
        lead: RefCell::new(Some(lead)),
    });
    *request.repeat = Some(repeat);
}

/// The lead of the fetch that this request was made for, if it is a refresh.
pub(super) fn lead(request: &Request<'_>) -> Option<Lead> {
    request.notes.find::<Ticket>(|_| true)?.lead.take()
}
