//! One end of a TLS connection with the buffers around it, still without its socket.
//!
//! Both halves of the stream share it; nothing borrows it across a wait. While the connection is idle it holds no
//! buffer. A record that has come in part is kept in the smallest buffer that holds it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rustls::CommonState;

use crate::base::limits;
use crate::net::Pool;
use crate::net::pool::Size;
use crate::net::tls::engine::Engine;
use crate::net::tls::engine::sealed_bytes;

/// A session as the halves of a stream hold it.
#[derive(Debug)]
pub(in crate::net) struct Tls {
    pub(in crate::net) session: RefCell<Session>,
    pub(in crate::net) pool: Rc<Pool>,
}

/// A piece of plaintext encrypted.
#[derive(Debug)]
pub(in crate::net) struct Sealed {
    /// Records to be sent.
    pub(in crate::net) records: Vec<u8>,
    /// How many bytes of the plaintext are in them.
    pub(in crate::net) taken: usize,
}

/// The protocol's state, what came of it and was not taken yet, and what has not come whole.
#[derive(Debug)]
pub(in crate::net) struct Session {
    engine: Engine,
    /// The beginning of the next record; without capacity if there is none.
    incoming: Vec<u8>,
    /// Decrypted and not taken yet; without capacity if there is none.
    plain: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
    /// The connection has failed in this way, for reading.
    failed: Option<io::ErrorKind>,
    /// Records are on their way, maybe in part; nothing else may be sent until they are out.
    sending: bool,
    /// We have said that we are done, or that nobody shall think so.
    over: bool,
}

impl Session {
    /// A session that begins with these bytes of the other end.
    pub(super) fn new(engine: Engine, incoming: Vec<u8>) -> Self {
        Self {
            engine,
            incoming,
            plain: Vec::new(),
            taken: 0,
            failed: None,
            sending: false,
            over: false,
        }
    }

    /// What is known of the connection.
    pub(in crate::net) fn state(&self) -> &CommonState {
        self.engine.state()
    }

    /// Bytes of buffers that it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.incoming.capacity() + self.plain.capacity()
    }

    /// Makes new keys for what we send; the other end is told to do the same.
    #[cfg(test)]
    pub(super) fn refresh_keys(&mut self) -> Result<(), rustls::Error> {
        self.engine.refresh_keys(&mut self.incoming)
    }

    /// Whether a [`receive`](Self::receive) has something to tell without looking at the socket.
    #[inline]
    pub(in crate::net) fn has_pending(&self) -> bool {
        self.taken < self.plain.len() || self.failed.is_some() || self.engine.is_ended()
    }

    /// Whether the connection has failed, other than by ending.
    pub(in crate::net) fn has_failed(&self) -> bool {
        self.failed
            .is_some_and(|kind| kind != io::ErrorKind::UnexpectedEof)
    }

    /// Processes what has come, which decrypts it; whatever is left over of it waits here.
    ///
    /// # Errors
    /// When the other end breaks the protocol.
    pub(in crate::net) fn process(&mut self, pool: &Pool) -> Result<(), rustls::Error> {
        let fed = self.decrypt(pool, &mut Vec::new());
        self.settle(pool);
        fed
    }

    /// Receives more of what has to be processed: the number of bytes, zero at the end of the stream.
    ///
    /// # Errors
    /// As `receive` says; `InvalidData` when what has come is too long to be processed.
    pub(in crate::net) fn fetch(
        &mut self,
        pool: &Pool,
        receive: impl FnOnce(&mut Vec<u8>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.make_room(pool)?;
        let received = receive(&mut self.incoming);
        if !matches!(received, Ok(received) if received > 0) {
            self.settle(pool);
        }
        received
    }

    /// Appends plaintext to `to`, as far as its capacity goes: the number of bytes, zero where the other end has
    /// said that it is done. `receive` receives what is there into a buffer, as far as its capacity goes.
    ///
    /// # Errors
    /// `WouldBlock` when there is no whole record; `UnexpectedEof` when the stream ends although the other end has
    /// not said so; else the connection has failed.
    pub(in crate::net) fn receive(
        &mut self,
        pool: &Pool,
        to: &mut Vec<u8>,
        mut receive: impl FnMut(&mut Vec<u8>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let start = to.len();
        self.give(pool, to);
        // More than a record is left in the kernel until there is room for it.
        while to.len() == start && !self.has_pending() {
            match self.fetch(pool, &mut receive) {
                Ok(0) => self.failed = Some(io::ErrorKind::UnexpectedEof),
                Ok(_) => {
                    // That it has failed is remembered.
                    let _ = self.decrypt(pool, to);
                    self.settle(pool);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) => self.failed = Some(error.kind()),
            }
        }
        match (to.len() - start, self.failed) {
            (0, Some(kind)) if !self.engine.is_ended() => Err(kind.into()),
            (received, _) => Ok(received),
        }
    }

    /// Looks at what has come without taking plaintext: whether the other end is silent and open for all that it
    /// says to us. What the protocol says among itself, as a session ticket, is no noise.
    pub(in crate::net) fn is_silent(
        &mut self,
        pool: &Pool,
        receive: impl FnMut(&mut Vec<u8>) -> io::Result<usize>,
    ) -> bool {
        let mut nothing = Vec::new();
        let received = self.receive(pool, &mut nothing, receive);
        matches!(received, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives plaintext that waits, as far as there is room.
    fn give(&mut self, pool: &Pool, to: &mut Vec<u8>) {
        let waiting = self.plain.get(self.taken..).unwrap_or_default();
        if waiting.is_empty() {
            return;
        }
        let piece = waiting.len().min(to.capacity() - to.len());
        to.extend_from_slice(waiting.get(..piece).unwrap_or_default());
        self.taken += piece;
        if self.taken == self.plain.len() {
            pool.give(std::mem::take(&mut self.plain));
            self.taken = 0;
        }
    }

    /// Decrypts what has come to `to`, and what it has no room for to our own buffer.
    fn decrypt(&mut self, pool: &Pool, to: &mut Vec<u8>) -> Result<(), rustls::Error> {
        let plain = &mut self.plain;
        let fed = self.engine.feed(&mut self.incoming, &mut |bytes| {
            let room = to.capacity() - to.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            to.extend_from_slice(now);
            if !later.is_empty() && plain.capacity() == 0 {
                *plain = pool.take(Size::Record);
            }
            plain.extend_from_slice(later);
        });
        if fed.is_err() {
            self.failed = Some(io::ErrorKind::InvalidData);
        }
        fed
    }

    /// Sees to it that there is room for a whole record, and for a message of a handshake that spans several.
    fn make_room(&mut self, pool: &Pool) -> io::Result<()> {
        let size = if self.incoming.len() < limits::BUFFER_RECORD_BYTES {
            Size::Record
        } else {
            Size::Sealed
        };
        if self.incoming.capacity() >= size.bytes() {
            let full = self.incoming.len() == self.incoming.capacity();
            return if full {
                Err(io::ErrorKind::InvalidData.into())
            } else {
                Ok(())
            };
        }
        let mut larger = pool.take(size);
        larger.extend_from_slice(&self.incoming);
        pool.give(std::mem::replace(&mut self.incoming, larger));
        Ok(())
    }

    /// Holds no more than what is there needs.
    fn settle(&mut self, pool: &Pool) {
        if self.incoming.is_empty() {
            pool.give(std::mem::take(&mut self.incoming));
            return;
        }
        let size = Size::holding(self.incoming.len());
        if size.bytes() < self.incoming.capacity() {
            let mut smaller = pool.take(size);
            smaller.extend_from_slice(&self.incoming);
            pool.give(std::mem::replace(&mut self.incoming, smaller));
        }
    }

    /// Encrypts as much of `plain` as goes into one buffer, with what is due before it.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    pub(in crate::net) fn seal(&mut self, pool: &Pool, plain: &[u8]) -> io::Result<Sealed> {
        if self.over || self.sending {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = plain.len().min(limits::BUFFER_LARGE_BYTES);
        let piece = plain.get(..taken).unwrap_or_default();
        let mut records = pool.take(Size::holding(
            self.engine.due_bytes() + sealed_bytes(piece.len()),
        ));
        match self.engine.seal(piece, &mut self.incoming, &mut records) {
            Ok(()) => {
                self.sending = true;
                Ok(Sealed { records, taken })
            }
            Err(error) => {
                pool.give(records);
                Err(io::Error::other(error))
            }
        }
    }

    /// Encrypts the word that we are done, which is the last. None if it was said, or cannot be.
    pub(in crate::net) fn seal_end(&mut self, pool: &Pool) -> Option<Vec<u8>> {
        if self.over || self.sending {
            return None;
        }
        self.over = true;
        let mut records = pool.take(Size::holding(
            self.engine.due_bytes() + limits::TLS_RECORD_OVERHEAD_BYTES,
        ));
        if self
            .engine
            .seal_end(&mut self.incoming, &mut records)
            .is_ok()
        {
            self.sending = true;
            return Some(records);
        }
        pool.give(records);
        None
    }

    /// What was sealed is out.
    pub(in crate::net) fn sent(&mut self) {
        self.sending = false;
    }

    /// Nobody shall take what was sent for complete: we never say that we are done.
    pub(in crate::net) fn abandon(&mut self) {
        self.over = true;
    }

    /// What the protocol itself has to say, if nothing else is on its way.
    pub(in crate::net) fn take_due(&mut self) -> Option<Vec<u8>> {
        (!self.sending && self.engine.has_due()).then(|| {
            self.sending = true;
            self.engine.take_due()
        })
    }

    /// So many bytes of what was taken as due are out; the others remain due.
    pub(in crate::net) fn due_sent(&mut self, mut due: Vec<u8>, sent: usize) {
        self.sending = false;
        due.drain(..sent.min(due.len()));
        if !due.is_empty() {
            self.engine.put_back_due(due);
        }
    }
}
