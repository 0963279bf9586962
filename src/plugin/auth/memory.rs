//! What a core remembers of the credentials that it has verified, so that an expensive check is made once.
//!
//! Whatever was presented is remembered as a hash under a key that the core has drawn and tells nobody. Where what it
//! was checked against is part of the hash, a changed credential needs no invalidation: its old marks are never
//! looked for again and make room for others.

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use uuid::Uuid;

use crate::base::limits;
use crate::plugin::Credential;

use super::recent::Mark;
use super::recent::Recent;

/// One core's memory for the plugins that authenticate.
#[derive(Debug)]
pub(in crate::plugin) struct Memory {
    /// Drawn when first needed.
    key: Option<hmac::Key>,
    passwords: Recent<()>,
    tokens: Recent<Verified>,
    /// The second that `failures` counts in, since the Unix epoch.
    second: u64,
    /// The credentials that the wrong ones were for.
    failures: Vec<Uuid>,
}

/// A token whose signature is good.
#[derive(Clone, Debug)]
pub(in crate::plugin) struct Verified {
    /// The credential it was verified with, as it was then.
    pub(in crate::plugin) credential: Arc<Credential>,
    /// The claim `exp`, if it is a number.
    pub(in crate::plugin) exp: Option<f64>,
    /// The claim `nbf`, if it is a number.
    pub(in crate::plugin) nbf: Option<f64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            key: None,
            passwords: Recent::new(limits::AUTH_PASSWORDS_KEPT),
            tokens: Recent::new(limits::AUTH_TOKENS_KEPT),
            second: 0,
            failures: Vec::new(),
        }
    }
}

impl Memory {
    /// The mark of these parts in this order; none if the system has no randomness for a key, and then nothing is
    /// remembered.
    pub(in crate::plugin) fn mark(&mut self, parts: &[&[u8]]) -> Option<Mark> {
        if self.key.is_none() {
            let mut secret = [0; 32];
            rand::fill(&mut secret).ok()?;
            self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, &secret));
        }
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        context.sign().as_ref().first_chunk().copied()
    }

    /// Whether the password with this mark was found good.
    pub(in crate::plugin) fn knows_password(&mut self, mark: &Mark) -> bool {
        self.passwords.get(mark).is_some()
    }

    /// Remembers that it is good.
    pub(in crate::plugin) fn keep_password(&mut self, mark: Mark) {
        self.passwords.put(mark, ());
    }

    /// What is known of the token with this mark.
    pub(in crate::plugin) fn token(&mut self, mark: &Mark) -> Option<&Verified> {
        self.tokens.get(mark)
    }

    /// Remembers a token.
    pub(in crate::plugin) fn keep_token(&mut self, mark: Mark, token: Verified) {
        self.tokens.put(mark, token);
    }

    /// Whether this core may spend time on a password of a credential that may be wrong: in each second only so many
    /// may be, and fewer of one credential.
    pub(in crate::plugin) fn may_fail(&mut self, credential: Uuid, now_secs: u64) -> bool {
        if self.second != now_secs {
            self.second = now_secs;
            self.failures.clear();
        }
        let same = self.failures.iter().filter(|failed| **failed == credential);
        same.count() < limits::AUTH_FAILURES_EACH_PER_SEC
            && self.failures.len() < limits::AUTH_FAILURES_PER_SEC
    }

    /// Counts a password that was wrong, after it [may have been](Self::may_fail).
    pub(in crate::plugin) fn failed(&mut self, credential: Uuid) {
        self.failures.push(credential);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_parts_apart_and_cores_too() {
        let (mut memory, mut other) = (Memory::default(), Memory::default());
        let mark = memory.mark(&[b"ab", b"c"]).unwrap();
        assert_eq!(memory.mark(&[b"ab", b"c"]), Some(mark));
        assert_ne!(memory.mark(&[b"a", b"bc"]), Some(mark));
        assert_ne!(memory.mark(&[b"abc"]), Some(mark));
        assert_ne!(other.mark(&[b"ab", b"c"]), Some(mark));
        assert!(!memory.knows_password(&mark));
        memory.keep_password(mark);
        assert!(memory.knows_password(&mark));
    }

    #[test]
    fn failures_are_bounded_by_the_second() {
        let mut memory = Memory::default();
        let mut taken = 0;
        for user in 0..limits::AUTH_FAILURES_PER_SEC as u128 {
            while memory.may_fail(Uuid::from_u128(user), 5) {
                memory.failed(Uuid::from_u128(user));
                taken += 1;
            }
            assert!(taken <= limits::AUTH_FAILURES_EACH_PER_SEC * (user as usize + 1));
        }
        assert_eq!(taken, limits::AUTH_FAILURES_PER_SEC);
        assert!(!memory.may_fail(Uuid::from_u128(99), 5));
        assert!(memory.may_fail(Uuid::from_u128(0), 6));
    }
}
