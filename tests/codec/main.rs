//! The codecs of `http1` against second opinions: httparse, and rules written down once more. Every specimen of
//! the end-to-end corpora, whole and cut at every point, as it is and mutated; messages made at random. What
//! the fuzz targets check for ever is checked here for a moment.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allocations;
mod chunked;
#[path = "../e2e/support/corpus.rs"]
#[allow(dead_code, reason = "the end-to-end suites use more of it")]
mod corpus;
mod mutation;
mod oracle;
mod request;
mod response;
