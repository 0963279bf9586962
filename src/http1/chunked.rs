//! The chunked coding (RFC 9112 section 7.1), decoded in place and resumable at any byte. Strict: a size line
//! or a chunk that ends in anything but CR and LF, white space around a size, a size beyond 64 bits and an
//! extension that breaks the grammar are refused, because they are what smuggling is made of.

mod extension;

use crate::base::limits;
use crate::http::Fields;
use crate::http1::HeadLimits;
use crate::http1::chunked::extension::Extension;
use crate::http1::trailers::Trailers;

/// What a step of decoding brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Payload bytes at the front of the input now.
    pub data: usize,
    /// Wire bytes used; fewer than the input's only behind the message's end.
    pub consumed: usize,
    /// The message has ended.
    pub done: bool,
}

/// The coding is broken; nothing after this can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkFault {
    /// It breaks the grammar or a bound of the coding itself.
    Malformed,
    /// Its trailer section passes the bounds of a head.
    TrailersTooLarge,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    Done,
}

/// A decoder of one message at a time.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// The size read so far, then what is left of the chunk.
    left: u64,
    /// Digits of the size.
    digits: usize,
    /// Bytes of extensions in all of the message.
    extension: usize,
    trailers: Trailers,
}

impl Decoder {
    /// Begins another message, whose trailer section has the bounds of a head.
    pub fn reset(&mut self, limits: &HeadLimits) {
        self.state = State::Size;
        (self.left, self.digits, self.extension) = (0, 0, 0);
        self.trailers.reset(limits);
    }

    /// Decodes `bytes`; the payload is moved to their front.
    ///
    /// # Errors
    /// When they break the coding.
    pub fn decode_in_place(&mut self, bytes: &mut [u8]) -> Result<Decoded, ChunkFault> {
        let (mut at, mut data) = (0, 0);
        while at < bytes.len() {
            match self.state {
                State::Data => {
                    let room = usize::try_from(self.left).unwrap_or(usize::MAX);
                    let taken = room.min(bytes.len() - at);
                    bytes.copy_within(at..at + taken, data);
                    (at, data) = (at + taken, data + taken);
                    self.left -= taken as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                }
                State::Trailers => {
                    let section = self.trailers.take(bytes.get(at..).unwrap_or_default())?;
                    at += section.consumed;
                    if section.done {
                        self.state = State::Done;
                    }
                }
                State::Done => break,
                _ => {
                    self.state = self.step(bytes[at]).ok_or(ChunkFault::Malformed)?;
                    at += 1;
                }
            }
        }
        Ok(Decoded {
            data,
            consumed: at,
            done: self.state == State::Done,
        })
    }

    /// The state after one byte outside of a chunk's data.
    fn step(&mut self, byte: u8) -> Option<State> {
        Some(match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => State::SizeLf,
            (State::Size, b';') if self.digits > 0 => self.extend(Extension::default())?,
            (State::Size, _) => self.digit(byte)?,
            (State::Extension(extension), b'\r') if extension.may_end() => State::SizeLf,
            (State::Extension(extension), _) => self.extend(extension.step(byte)?)?,
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailers,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.digits = 0;
                State::Size
            }
            (_, _) => return None,
        })
    }

    fn digit(&mut self, byte: u8) -> Option<State> {
        let digit = char::from(byte).to_digit(16)?;
        self.digits += 1;
        self.left = (self.left << 4) | u64::from(digit);
        (self.digits <= limits::CHUNK_SIZE_DIGITS).then_some(State::Size)
    }

    fn extend(&mut self, extension: Extension) -> Option<State> {
        self.extension += 1;
        (self.extension <= limits::CHUNK_EXTENSION_BYTES).then_some(State::Extension(extension))
    }

    /// The trailers received and the bytes that they refer to; complete once the message is.
    pub fn trailers(&self) -> (&Fields, &[u8]) {
        self.trailers.parts()
    }
}
