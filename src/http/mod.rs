//! What a message *is*: methods, field names, heads as spans over the received bytes, replies of our own.
//!
//! Nothing here knows the wire: `http1` reads bytes into these types and writes them out again.

pub mod accept;
pub mod answer;
pub mod cause;
pub mod date;
pub mod forwarded;
pub mod head;
mod ip_set;
pub mod method;
pub mod name;
pub mod path;
pub mod reply;
pub mod request_id;

pub use answer::Answer;
pub use cause::Cause;
pub use head::Field;
pub use head::Fields;
pub use head::Framing;
pub use head::RequestHead;
pub use head::ResponseHead;
pub use head::Reuse;
pub use head::Span;
pub use head::Target;
pub use head::TargetForm;
pub use head::Version;
pub use ip_set::IpSet;
pub use method::Method;
pub use name::Name;
pub use path::PathFault;
pub use reply::Reply;
