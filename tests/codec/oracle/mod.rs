//! Second opinions on what the codecs say: httparse for the grammar, and for all that it leaves open rules
//! written down once more, the slow and obvious way. The tests and the fuzz targets share them.

pub(crate) mod chunked;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod rules;

use silverback::http::Fields;
use silverback::http1::HeadLimits;

/// Tight enough to be reached by a fuzzer, wide enough for real heads.
pub(crate) const LIMITS: HeadLimits = HeadLimits {
    head_bytes: 4_096,
    line_bytes: 1_024,
    fields: 64,
};

/// Lines that httparse may tokenise: more than a head of the most bytes can have.
pub(crate) const LINES: usize = 1_100;

/// The field lines as text: names as written, values trimmed.
pub(crate) type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// The lines that our parser found.
pub(crate) fn lines(fields: &Fields, bytes: &[u8]) -> Lines {
    let line = |field: &silverback::http::Field| {
        let known = silverback::http::Name::of(field.name.of(bytes));
        assert_eq!(field.known, known, "a name is recognised or it is not");
        (
            field.name.of(bytes).to_vec(),
            field.value.of(bytes).to_vec(),
        )
    };
    fields.lines().iter().map(line).collect()
}

/// The lines that httparse found.
pub(crate) fn tokenised(headers: &[httparse::Header<'_>]) -> Lines {
    let trim = |value: &[u8]| value.trim_ascii().to_vec();
    headers
        .iter()
        .map(|header| (header.name.as_bytes().to_vec(), trim(header.value)))
        .collect()
}
