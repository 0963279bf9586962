//! One downstream connection and its exchanges, from bytes read to outcome recorded.
