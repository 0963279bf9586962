//! Finding where a run of allowed bytes ends, which is most of the work of parsing a head.
//!
//! Four classes of bytes, two ways to look for the first byte outside of one: 32 bytes at a time with AVX2
//! where the processor has it, else by table in plain Rust. Names and targets are looked up by nibble (the
//! low half picks a byte of a table in a register, the high half one of its bits), so any set of ASCII bytes
//! costs the same handful of instructions. Measured on a browser's request (`bench/parse.rs`), AVX2 takes a
//! third of the instructions of the tables.
//!
//! This is the one file of the parser that may hold `unsafe`: calling what was compiled for AVX2, and loading
//! a vector from memory.

use crate::http::Name;

/// Looks for the ends of runs from `at` on. Where nothing is returned, what stands there is rare or wrong or
/// not complete, and needs a closer look.
pub(super) trait Scan: Copy {
    /// The place of the colon behind the field name at `at`, and which name it is. An underscore is not taken
    /// for a part of a name here: it is legal, rare, and suspicious.
    fn name(self, bytes: &[u8], at: usize) -> Option<(usize, Name)>;
    /// The place of the CR and LF that end a run of field-value bytes. A tab is not taken for one here.
    fn line_end(self, bytes: &[u8], at: usize) -> Option<usize>;
    /// The end of a run of request-target bytes, at most the end of `bytes`. `?` and `%` end it too, because
    /// they mean something.
    fn target_end(self, bytes: &[u8], at: usize) -> usize;
    /// The end of a run of registered-name bytes, the comma left out (RFC 3986 section 3.2.2).
    fn host_end(self, bytes: &[u8], at: usize) -> usize;
}

/// Something to do with whichever scanner is best here.
pub(super) trait Job {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run<S: Scan>(self, scan: S) -> Self::Output;
}

/// Runs `job` with the best scanner that this processor has.
#[inline]
pub(super) fn with_best<J: Job>(job: J) -> J::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(scan) = avx2::Avx2::detect() {
        return avx2::run(job, scan);
    }
    job.run(Tables)
}

/// A byte of a field name (RFC 9110 section 5.6.2), underscore left out.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Whether a byte may stand in a token.
#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & (NAME | UNDERSCORE) != 0
}

/// A byte of a field value or a reason phrase (RFC 9110 section 5.5).
pub(super) const fn is_text(byte: u8) -> bool {
    is_value(byte) || byte == b'\t'
}

/// The same, tab left out.
const fn is_value(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f
}

/// A visible ASCII byte of a request target. More than RFC 3986 allows: what browsers send unescaped is no
/// ambiguity, and it is forwarded escaped in the path.
const fn is_target(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'%' | b'?')
}

/// A byte of a host name.
const fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

/// The portable scanner: one table, one bit of it for each class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables;

const NAME: u8 = 1;
const VALUE: u8 = 2;
const TARGET: u8 = 4;
const HOST: u8 = 8;
const UNDERSCORE: u8 = 16;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let bits = &mut classes[byte as usize];
        if is_name(byte) {
            *bits |= NAME;
        }
        if is_value(byte) {
            *bits |= VALUE;
        }
        if is_target(byte) {
            *bits |= TARGET;
        }
        if is_host(byte) {
            *bits |= HOST;
        }
        if byte == b'_' {
            *bits |= UNDERSCORE;
        }
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

impl Tables {
    #[inline]
    fn end(bytes: &[u8], at: usize, class: u8) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let outside = |&byte: &u8| CLASSES[usize::from(byte)] & class == 0;
        rest.iter()
            .position(outside)
            .map_or(bytes.len(), |run| at + run)
    }
}

impl Scan for Tables {
    #[inline]
    fn name(self, bytes: &[u8], at: usize) -> Option<(usize, Name)> {
        let end = Self::end(bytes, at, NAME);
        let ends_well = end > at && bytes.get(end) == Some(&b':');
        ends_well.then(|| (end, Name::of(bytes.get(at..end).unwrap_or_default())))
    }

    #[inline]
    fn line_end(self, bytes: &[u8], at: usize) -> Option<usize> {
        let end = Self::end(bytes, at, VALUE);
        (bytes.get(end..end + 2) == Some(b"\r\n")).then_some(end)
    }

    #[inline]
    fn target_end(self, bytes: &[u8], at: usize) -> usize {
        Self::end(bytes, at, TARGET)
    }

    #[inline]
    fn host_end(self, bytes: &[u8], at: usize) -> usize {
        Self::end(bytes, at, HOST)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! 32 bytes at a time.

    #![expect(
        unsafe_code,
        reason = "vector loads, and calling what is compiled for AVX2"
    )]

    use std::arch::x86_64::__m256i;
    use std::arch::x86_64::_mm_loadu_si128;
    use std::arch::x86_64::_mm256_and_si256;
    use std::arch::x86_64::_mm256_broadcastsi128_si256;
    use std::arch::x86_64::_mm256_cmpeq_epi8;
    use std::arch::x86_64::_mm256_loadu_si256;
    use std::arch::x86_64::_mm256_min_epu8;
    use std::arch::x86_64::_mm256_movemask_epi8;
    use std::arch::x86_64::_mm256_or_si256;
    use std::arch::x86_64::_mm256_set1_epi8;
    use std::arch::x86_64::_mm256_setzero_si256;
    use std::arch::x86_64::_mm256_shuffle_epi8;
    use std::arch::x86_64::_mm256_srli_epi16;

    use super::HOST;
    use super::Job;
    use super::NAME;
    use super::Scan;
    use super::TARGET;
    use super::Tables;
    use super::VALUE;
    use super::classes;
    use crate::http::Name;

    const LANES: usize = 32;

    /// Proof that the processor has what this module is compiled for; only [`Avx2::detect`] makes one.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Avx2(());

    impl Avx2 {
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            let found = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            found.then_some(Self(()))
        }
    }

    /// Runs `job`, compiled for this processor as a whole.
    #[inline]
    pub(super) fn run<J: Job>(job: J, scan: Avx2) -> J::Output {
        // SAFETY: `scan` is proof that the processor has the features.
        unsafe { compiled(job, scan) }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn compiled<J: Job>(job: J, scan: Avx2) -> J::Output {
        job.run(scan)
    }

    impl Scan for Avx2 {
        #[inline(always)]
        fn name(self, bytes: &[u8], at: usize) -> Option<(usize, Name)> {
            // SAFETY: `self` is proof that the processor has the features.
            unsafe { name(bytes, at) }
        }

        #[inline(always)]
        fn line_end(self, bytes: &[u8], at: usize) -> Option<usize> {
            // SAFETY: `self` is proof that the processor has the features.
            unsafe { line_end(bytes, at) }
        }

        #[inline(always)]
        fn target_end(self, bytes: &[u8], at: usize) -> usize {
            // SAFETY: `self` is proof that the processor has the features.
            unsafe { target_end(bytes, at) }
        }

        #[inline(always)]
        fn host_end(self, bytes: &[u8], at: usize) -> usize {
            // SAFETY: `self` is proof that the processor has the features.
            unsafe { host_end(bytes, at) }
        }
    }

    /// For each low nibble the high nibbles with which it makes an allowed byte, a bit each. Bytes beyond
    /// ASCII are never allowed: the shuffle gives zero for them.
    type Set = [u8; 16];

    const NAMES: Set = set(NAME);
    const TARGETS: Set = set(TARGET);
    const HOSTS: Set = set(HOST);

    const fn set(class: u8) -> Set {
        let classes = classes();
        let mut set = [0; 16];
        let mut byte = 0;
        while byte < 128 {
            if classes[byte] & class != 0 {
                set[byte & 15] |= 1 << (byte >> 4);
            }
            byte += 1;
        }
        set
    }

    /// The bit of each high nibble.
    const ROWS: Set = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0];

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn load(bytes: &[u8; LANES]) -> __m256i {
        // SAFETY: a reference to 32 bytes is what is read; the load needs no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn both_halves(set: &Set) -> __m256i {
        // SAFETY: a reference to 16 bytes is what is read; the load needs no alignment.
        let half = unsafe { _mm_loadu_si128(set.as_ptr().cast()) };
        _mm256_broadcastsi128_si256(half)
    }

    /// A bit for each byte that is not in the set.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn outside(block: __m256i, set: &Set) -> u32 {
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(block), _mm256_set1_epi8(15));
        let row = _mm256_shuffle_epi8(both_halves(&ROWS), high);
        let rows = _mm256_shuffle_epi8(both_halves(set), block);
        let shared = _mm256_and_si256(row, rows);
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(shared, _mm256_setzero_si256())) as u32
    }

    /// A bit for each control byte, tab and delete included.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn control(block: __m256i) -> u32 {
        let low = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(31)), block);
        let delete = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(0x7f));
        _mm256_movemask_epi8(_mm256_or_si256(low, delete)) as u32
    }

    /// The block at `at`, if there are as many bytes.
    #[inline]
    fn block(bytes: &[u8], at: usize) -> Option<&[u8; LANES]> {
        let last = bytes.len().checked_sub(LANES)?;
        if at > last {
            return None;
        }
        // SAFETY: `at` is no more than the length, so the pointer stays in the slice.
        let start = unsafe { bytes.as_ptr().add(at) };
        // SAFETY: `LANES` bytes of the slice begin at `at`, and they live as long as it does.
        Some(unsafe { &*start.cast() })
    }

    /// The first byte at or after `at` for which `stops` has a bit; block by block, the last block so that it
    /// ends where the bytes end.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn end(bytes: &[u8], mut at: usize, class: u8, stops: impl Fn(__m256i) -> u32) -> usize {
        while let Some(block) = block(bytes, at) {
            let stops = stops(load(block));
            if stops != 0 {
                return at + stops.trailing_zeros() as usize;
            }
            at += LANES;
        }
        end_in_last_block(bytes, at, class, stops)
    }

    /// The same where fewer bytes than a block are left. Kept apart so that the loop has the registers.
    #[cold]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn end_in_last_block(
        bytes: &[u8],
        at: usize,
        class: u8,
        stops: impl Fn(__m256i) -> u32,
    ) -> usize {
        match bytes.last_chunk() {
            Some(block) if at < bytes.len() => {
                let left = bytes.len() - at;
                let stops = stops(load(block)) >> (LANES - left);
                at + (stops.trailing_zeros() as usize).min(left)
            }
            Some(_) => bytes.len(),
            None => Tables::end(bytes, at, class),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
        let end = end(bytes, at, VALUE, |block| control(block));
        (bytes.get(end..end + 2) == Some(b"\r\n")).then_some(end)
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn target_end(bytes: &[u8], at: usize) -> usize {
        end(bytes, at, TARGET, |block| outside(block, &TARGETS))
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn host_end(bytes: &[u8], at: usize) -> usize {
        end(bytes, at, HOST, |block| outside(block, &HOSTS))
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn name(bytes: &[u8], at: usize) -> Option<(usize, Name)> {
        match block(bytes, at) {
            Some(start) => match stops_of_name(start) {
                0 => long_name(bytes, at),
                stops => name_in(start, stops, at),
            },
            None => name_in_last_block(bytes, at),
        }
    }

    /// The same where fewer bytes than a block are left: it is filled up with zeros, which end a name. Kept
    /// apart so that the loop has the registers.
    #[cold]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn name_in_last_block(bytes: &[u8], at: usize) -> Option<(usize, Name)> {
        let left = bytes.len().checked_sub(at)?;
        let mut padded = [0; 2 * LANES];
        let start = if let Some(last) = bytes.last_chunk::<LANES>() {
            *padded.first_chunk_mut()? = *last;
            padded.get(LANES - left..)?.first_chunk()?
        } else {
            padded.get_mut(..left)?.copy_from_slice(bytes.get(at..)?);
            padded.first_chunk()?
        };
        name_in(start, stops_of_name(start), at)
    }

    /// A name that is longer than a block is none that we know.
    #[cold]
    fn long_name(bytes: &[u8], at: usize) -> Option<(usize, Name)> {
        Tables.name(bytes, at)
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn stops_of_name(start: &[u8; LANES]) -> u32 {
        outside(load(start), &NAMES)
    }

    /// The name at the front of a block, whose bytes at `stops`, one at least, are none of a name. Every name
    /// that is known fits into a block with its colon.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn name_in(start: &[u8; LANES], stops: u32, at: usize) -> Option<(usize, Name)> {
        let block = load(start);
        let length = stops.trailing_zeros() as usize;
        if length == 0 || start[length % LANES] != b':' {
            return None;
        }
        // A name of one byte looks for its last but one in the wrong place, and is compared all the same.
        let candidate = Name::candidate(length, start[0], start[length.wrapping_sub(2) % LANES]);
        let folded = _mm256_or_si256(block, _mm256_set1_epi8(0x20));
        let same = _mm256_cmpeq_epi8(folded, load(candidate.line_start()));
        let same = _mm256_movemask_epi8(same) as u32;
        // Folding moves no token byte but letters onto a letter, a digit or the hyphen, and the colon is
        // compared along, so as many equal bytes as the name and its colon have mean the name.
        let needed = (2_u32 << length).wrapping_sub(1);
        let known = if same & needed == needed {
            candidate
        } else {
            Name::Other
        };
        Some((at + length, known))
    }
}

#[cfg(test)]
mod tests;
