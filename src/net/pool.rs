//! One core's buffers, in a few sizes, handed out empty and taken back.
//!
//! A buffer is a plain `Vec<u8>` whose capacity tells its size class. The pool keeps a bounded number of each,
//! so that a burst's memory goes back to the allocator when the burst is over.

use std::cell::RefCell;

use crate::base::limits;

/// The sizes that buffers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Scratch for a piece of a head.
    Small,
    /// What holds a head while it is built, or a response's first bytes.
    Medium,
    /// What a TLS record is received into.
    Record,
    /// What relays bodies.
    Large,
    /// What a large buffer is encrypted into.
    Sealed,
}

impl Size {
    /// The capacity of this size, in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => limits::BUFFER_SMALL_BYTES,
            Self::Medium => limits::BUFFER_MEDIUM_BYTES,
            Self::Record => limits::BUFFER_RECORD_BYTES,
            Self::Large => limits::BUFFER_LARGE_BYTES,
            Self::Sealed => limits::BUFFER_SEALED_BYTES,
        }
    }

    /// How many idle buffers of this size a core keeps.
    const fn kept(self) -> usize {
        match self {
            Self::Small => limits::BUFFERS_SMALL_KEPT,
            Self::Medium => limits::BUFFERS_MEDIUM_KEPT,
            Self::Large => limits::BUFFERS_LARGE_KEPT,
            Self::Record | Self::Sealed => limits::BUFFERS_TLS_KEPT,
        }
    }

    /// All of them, the smallest first.
    const ALL: [Self; 5] = [
        Self::Small,
        Self::Medium,
        Self::Record,
        Self::Large,
        Self::Sealed,
    ];

    fn of(capacity: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.bytes() == capacity)
    }

    /// The smallest size that holds so many bytes, or the largest.
    pub(super) fn holding(bytes: usize) -> Self {
        let mut sizes = Self::ALL.into_iter();
        sizes
            .find(|size| size.bytes() >= bytes)
            .unwrap_or(Self::Sealed)
    }
}

/// The idle buffers of one core.
#[derive(Debug, Default)]
pub struct Pool {
    idle: [RefCell<Vec<Vec<u8>>>; Size::ALL.len()],
}

impl Pool {
    /// An empty buffer of the given size.
    pub fn take(&self, size: Size) -> Vec<u8> {
        let idle = self.idle[size as usize].borrow_mut().pop();
        idle.unwrap_or_else(|| Vec::with_capacity(size.bytes()))
    }

    /// Takes a buffer back and hands out an empty one of another size.
    pub fn swap(&self, buffer: Vec<u8>, size: Size) -> Vec<u8> {
        self.give(buffer);
        self.take(size)
    }

    /// Takes a buffer back. One that grew past its size, or of which enough are kept, is freed.
    pub fn give(&self, mut buffer: Vec<u8>) {
        let Some(size) = Size::of(buffer.capacity()) else {
            return;
        };
        let mut idle = self.idle[size as usize].borrow_mut();
        if idle.len() < size.kept() {
            buffer.clear();
            idle.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use super::Size;

    #[test]
    fn a_buffer_comes_back_empty_and_a_grown_one_does_not() {
        let pool = Pool::default();
        let mut buffer = pool.take(Size::Small);
        buffer.extend_from_slice(b"bytes");
        let address = buffer.as_ptr();
        pool.give(buffer);
        let mut again = pool.take(Size::Small);
        assert_eq!((again.len(), again.as_ptr()), (0, address));
        again.reserve(Size::Small.bytes() + 1);
        pool.give(again);
        assert!(pool.idle[Size::Small as usize].borrow().is_empty());
    }
}
