//! Who a request is from, as far as plugins have found out.

use super::Known;

/// The consumer and the credential of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The consumer.
    pub consumer: Option<Known>,
    /// The credential's index in the directory; none for a consumer that is anonymous.
    pub credential: Option<u32>,
    /// The consumer stands in for whoever could not be authenticated.
    pub anonymous: bool,
    /// Groups that an authentication plugin found elsewhere than in the directory.
    pub groups: Vec<Box<str>>,
}

impl Identity {
    /// Forgets it, keeps the memory.
    pub fn clear(&mut self) {
        self.consumer = None;
        self.credential = None;
        self.anonymous = false;
        self.groups.clear();
    }

    /// The consumer's index in the directory.
    #[inline]
    pub fn consumer_index(&self) -> Option<u32> {
        self.consumer.map(|consumer| consumer.index)
    }

    /// Whether a credential was presented and found good.
    pub fn is_authenticated(&self) -> bool {
        self.credential.is_some()
    }
}
