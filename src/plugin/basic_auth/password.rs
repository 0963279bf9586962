//! Stored passwords: how one is made, and whether what a client presents is the one.
//!
//! New ones are hashed with argon2id under a salt of their own, in the PHC string format. Kong's, a SHA-1 of password
//! and consumer id, are accepted as they were imported: fast to check, and as fast to guess for whoever has stolen
//! them.
//!
//! An argon2id hash takes 7 MiB and about 18 ms of one core: the smallest of the settings that OWASP's password
//! storage cheat sheet holds to be of equal strength, because the core that checks one does nothing else meanwhile.

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHash;
use argon2::PasswordHasher;
use argon2::Version;
use aws_lc_rs::digest;
use aws_lc_rs::rand;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// What is stored of a password that is given for a credential.
///
/// What is stored already stays if it is of this password, or if it is itself what is given: whoever writes a
/// credential back as it was shown changes nothing. Any other text is a password, even one that looks like a hash, so
/// that a hash that has leaked can neither be presented nor be given to another credential.
pub fn stored_password(given: &str, stored: Option<&str>) -> String {
    let is_same = |stored: &&str| {
        let of_this = || matches_argon2(stored, given.as_bytes()).unwrap_or(false);
        *stored == given || is_slow(stored) && of_this()
    };
    match stored.filter(is_same) {
        Some(stored) => stored.to_owned(),
        // Where there is no hash to be had, nothing is kept that could be presented.
        None => hash(given.as_bytes()).unwrap_or_else(|_| "!".to_owned()),
    }
}

/// A new hash. There is none where the system has no randomness, or no memory.
fn hash(password: &[u8]) -> Result<String, String> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| "the system has no randomness".to_owned())?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, &salt)
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether checking against this stored password takes long.
pub(super) fn is_slow(stored: &str) -> bool {
    stored.starts_with("$argon2")
}

/// Whether this password is the one that is stored, in a time that does not depend on how much of it is right.
pub(super) fn matches(stored: &str, presented: &[u8], consumer: Uuid) -> bool {
    if is_slow(stored) {
        return matches_argon2(stored, presented).unwrap_or(false);
    }
    let Some(expected) = sha1_of(stored) else {
        return false;
    };
    kong_digest(presented, consumer)
        .as_ref()
        .ct_eq(&expected)
        .into()
}

/// A password as Kong stores it: the SHA-1 of it and its consumer's id, in hexadecimal digits.
pub fn kong_password(password: &str, consumer: Uuid) -> String {
    let digest = kong_digest(password.as_bytes(), consumer);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn kong_digest(password: &[u8], consumer: Uuid) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(password);
    context.update(
        consumer
            .hyphenated()
            .encode_lower(&mut [0; Hyphenated::LENGTH])
            .as_bytes(),
    );
    context.finish()
}

/// None if the text is no argon2 hash, or one that would cost too much.
fn matches_argon2(stored: &str, presented: &[u8]) -> Option<bool> {
    let hash = PasswordHash::new(stored).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = match hash.version {
        Some(version) => Version::try_from(version).ok()?,
        None => Version::default(),
    };
    let params = Params::try_from(&hash).ok()?;
    let blocks = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if blocks > BLOCKS_MAX || params.m_cost() > MEMORY_KIB_MAX {
        return None;
    }
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut computed = [0; argon2::password_hash::phc::Output::MAX_LENGTH];
    let computed = computed.get_mut(..expected.len())?;
    Argon2::new(algorithm, version, params)
        .hash_password_into(presented, &salt, computed)
        .ok()?;
    Some((*computed).ct_eq(expected.as_bytes()).into())
}

/// The bytes of a SHA-1 in hexadecimal digits.
fn sha1_of(text: &str) -> Option<[u8; digest::SHA1_OUTPUT_LEN]> {
    let mut bytes = [0; digest::SHA1_OUTPUT_LEN];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(bytes)
}

const SALT_BYTES: usize = 16;
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
const LANES: u32 = 1;
/// Most memory that an imported hash may take: what other programs use by default.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
/// Most work that an imported hash may make, in KiB times passes: some 100 ms.
const BLOCKS_MAX: u64 = 4 * 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const CONSUMER: Uuid = Uuid::from_u128(0xa1);

    #[test]
    fn a_new_password_is_salted_and_checks() {
        let stored = hash(b"pw").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"),
            "{stored}"
        );
        assert_ne!(hash(b"pw").unwrap(), stored);
        assert!(is_slow(&stored));
        assert!(matches(&stored, b"pw", CONSUMER));
        assert!(!matches(&stored, b"pW", CONSUMER));
        assert!(!matches(&stored, b"", CONSUMER));
    }

    #[test]
    fn what_is_stored_stays_if_it_is_given_back_or_of_the_same_password() {
        let stored = stored_password("pw", None);
        let kong = kong_password("pw", CONSUMER);
        for (given, known, stays) in [
            ("pw", stored.as_str(), true),
            (stored.as_str(), stored.as_str(), true),
            ("other", stored.as_str(), false),
            (kong.as_str(), stored.as_str(), false),
            (kong.as_str(), kong.as_str(), true),
            // Kong's hash gives way to a better one.
            ("pw", kong.as_str(), false),
        ] {
            let kept = stored_password(given, Some(known));
            assert_eq!(kept == known, stays, "{given} {known}");
            assert!(stays || matches(&kept, given.as_bytes(), CONSUMER));
        }
        assert_ne!(stored_password(&stored, None), stored);
    }

    #[test]
    fn kongs_hash_is_of_password_and_consumer() {
        // printf 'pw00000000-0000-0000-0000-0000000000a1' | sha1sum
        let expected = "f1ab18695156e24c6b90b85c329552d63f05bbe8";
        assert!(!is_slow(expected));
        assert!(matches(expected, b"pw", CONSUMER));
        assert!(matches(&expected.to_uppercase(), b"pw", CONSUMER));
        assert!(!matches(expected, b"pw", Uuid::from_u128(0xa2)));
        assert!(!matches(expected, b"pW", CONSUMER));
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_matches_nothing() {
        // The last two would match `password`, but for their cost.
        for stored in [
            "",
            "pw",
            "zz6b64c91c73d2f05f0d9e7cbb8a9d3ba8d0e4a7",
            "$argon2id$",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=262144,t=2,p=1$c29tZXNhbHQ$eP4eyR+zqlZX1y5xCFTkw9m5GYx0L5YWwvCFvtlbLow",
            "$argon2id$v=19$m=1024,t=1000000,p=1$c29tZXNhbHQ$eP4eyR+zqlZX1y5xCFTkw9m5GYx0L5YWwvCFvtlbLow",
        ] {
            assert!(!matches(stored, b"pw", CONSUMER), "{stored}");
            assert!(!matches(stored, b"password", CONSUMER), "{stored}");
        }
    }

    #[test]
    fn hashes_of_other_programs_are_accepted() {
        // A test vector of the reference implementation.
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(matches(stored, b"password", CONSUMER));
    }
}
