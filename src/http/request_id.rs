//! The request id: 32 hexadecimal digits from the core's generator, Kong's form.
//!
//! It is a name for finding a request in logs, not a secret: whoever may guess it learns nothing.

use crate::base::rng::Rng;

/// A request id as it is written.
pub type RequestId = [u8; 32];

/// A new id: two numbers of the generator, no loop and no table.
#[inline]
pub fn request_id(rng: &mut Rng) -> RequestId {
    let mut id = [0; 32];
    let (high, low) = id.split_at_mut(16);
    high.copy_from_slice(&hex(rng.next_u64()));
    low.copy_from_slice(&hex(rng.next_u64()));
    id
}

/// The sixteen lower-case hexadecimal digits of `number`, computed side by side in one word.
#[inline]
fn hex(number: u64) -> [u8; 16] {
    let mut nibbles = u128::from(number);
    nibbles = (nibbles | nibbles << 32) & 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f;
    // A nibble above 9 carries into bit 4 when 6 is added; those are 39 further, from `:` to `a`.
    let letters = (nibbles + EACH * 6) >> 4 & EACH;
    (nibbles + EACH * u128::from(b'0') + letters * 39).to_be_bytes()
}

/// One in every byte.
const EACH: u128 = 0x0101_0101_0101_0101_0101_0101_0101_0101;

#[cfg(test)]
mod tests {
    use super::hex;
    use super::request_id;
    use crate::base::rng::Rng;

    #[test]
    fn digits_are_those_of_the_formatter() {
        let mut rng = Rng::seeded(1);
        for number in (0..1000).map(|_| rng.next_u64()).chain([0, u64::MAX, 0x9a]) {
            assert_eq!(hex(number), format!("{number:016x}").as_bytes());
        }
    }

    #[test]
    fn ids_differ() {
        let mut rng = Rng::seeded(2);
        assert_ne!(request_id(&mut rng), request_id(&mut rng));
    }
}
