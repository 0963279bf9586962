//! The chunked coding (RFC 9112 section 7.1), decoded in place and resumable at any byte.

use crate::base::limits;
use crate::http::Field;
use crate::http::Fields;

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
pub struct ChunkFault;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// A decoder of one message at a time.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    left: u64,
    digits: usize,
    extension: usize,
    trailer: usize,
    fields: Fields,
}

impl Decoder {
    /// Begins another message.
    pub fn reset(&mut self) {
        self.state = State::Size;
        (self.left, self.digits, self.extension, self.trailer) = (0, 0, 0, 0);
    }

    /// Decodes `bytes`; the payload is moved to their front.
    ///
    /// # Errors
    /// When they break the coding.
    pub fn decode_in_place(&mut self, bytes: &mut [u8]) -> Result<Decoded, ChunkFault> {
        let (mut at, mut data) = (0, 0);
        while at < bytes.len() && self.state != State::Done {
            if self.state == State::Data {
                let room = usize::try_from(self.left).unwrap_or(usize::MAX);
                let taken = room.min(bytes.len() - at);
                bytes.copy_within(at..at + taken, data);
                (at, data) = (at + taken, data + taken);
                self.left -= taken as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(Decoded {
            data,
            consumed: at,
            done: self.state == State::Done,
        })
    }

    fn step(&mut self, byte: u8) -> Result<State, ChunkFault> {
        Ok(match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => State::SizeEnd,
            (State::Size, b';') if self.digits > 0 => State::Extension,
            (State::Size, _) => self.digit(byte)?,
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, b'\t' | 0x20..=0x7e | 0x80..) => {
                self.extension += 1;
                if self.extension > limits::CHUNK_EXTENSION_BYTES {
                    return Err(ChunkFault);
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.digits = 0;
                State::Size
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::TrailerStart | State::Trailer, b'\t' | 0x20..=0x7e | 0x80..) => {
                self.trailer += 1;
                if self.trailer > limits::REQUEST_HEAD_BYTES {
                    return Err(ChunkFault);
                }
                State::Trailer
            }
            (State::EndLf, b'\n') => State::Done,
            (_, _) => return Err(ChunkFault),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<State, ChunkFault> {
        let digit = char::from(byte).to_digit(16).ok_or(ChunkFault)?;
        self.digits += 1;
        if self.digits > limits::CHUNK_SIZE_DIGITS {
            return Err(ChunkFault);
        }
        self.left = (self.left << 4) | u64::from(digit);
        Ok(State::Size)
    }

    /// The trailers to forward; they are checked and dropped, which RFC 9110 section 6.5.1 allows.
    pub fn trailers(&self) -> (&Fields, &[u8]) {
        (&self.fields, b"")
    }
}

/// Whether a field may be forwarded as a trailer.
pub fn may_be_trailer(_field: &Field, _bytes: &[u8]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_point_gives_the_same_payload() {
        let wire = b"3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\nNEXT";
        for cut in 0..wire.len() {
            let mut decoder = Decoder::default();
            let (mut payload, mut used) = (Vec::new(), 0);
            for part in [&wire[..cut], &wire[cut..]] {
                let mut part = part.to_vec();
                let decoded = decoder.decode_in_place(&mut part).unwrap();
                payload.extend_from_slice(&part[..decoded.data]);
                used += decoded.consumed;
            }
            assert_eq!(
                (payload.as_slice(), used),
                (b"abc0123456789".as_slice(), wire.len() - 4)
            );
        }
    }

    #[test]
    fn broken_codings_are_refused() {
        for wire in [
            "g\r\n",
            "\r\n",
            "1\n",
            "1\r\nab",
            "11111111111111111\r\n",
            "0x1\r\n",
            " 1\r\n",
        ] {
            assert!(
                Decoder::default()
                    .decode_in_place(&mut wire.as_bytes().to_vec())
                    .is_err()
            );
        }
    }
}
