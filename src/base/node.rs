//! Which machine and which process this is.

use std::sync::LazyLock;

use uuid::Uuid;

use super::ids::kong_id;

/// A process on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The machine's name.
    pub hostname: Box<str>,
    /// Follows from the name, so it is the same after a restart.
    pub id: Uuid,
    /// The process.
    pub pid: u32,
}

impl Node {
    /// This one; the system is asked once.
    pub fn own() -> &'static Self {
        static OWN: LazyLock<Node> = LazyLock::new(|| {
            let name = rustix::system::uname();
            let hostname: Box<str> = name.nodename().to_string_lossy().into();
            Node {
                id: kong_id("nodes", &hostname),
                hostname,
                pid: std::process::id(),
            }
        });
        &OWN
    }
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn a_node_stays_what_it_is() {
        assert!(!Node::own().hostname.is_empty());
        assert_eq!(Node::own(), Node::own());
    }
}
