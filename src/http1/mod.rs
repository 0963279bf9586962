//! What a message looks like on the wire: parser, framing, chunked coding, encoding; sans-I/O.
