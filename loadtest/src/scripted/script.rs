//! What the scripted origin does with a request: a list of steps, by the name of a fault.
//!
//! The names in a request's `X-Fault` field. Each stands for a row of the faults that an origin can have.

use std::time::Duration;

/// The field that names a fault.
pub(crate) const FIELD: &str = "X-Fault";
/// Waits between the bytes of a head that drips.
const DRIP: Duration = Duration::from_millis(100);
/// Pauses of a body that is slow, but comes.
const SLOW: Duration = Duration::from_millis(20);
/// Before a reset, so that what was sent is on its way.
const SHORT: Duration = Duration::from_millis(5);

/// An answer that arrives whole, whatever reads it.
const TOGETHER: usize = 4096;

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    Close,
    Reset,
    /// Nothing more until the other side leaves.
    Hang,
    /// What comes is sent back, until the other side leaves.
    Echo,
    /// Sent only while no request is there, which it would answer.
    Surplus(Vec<u8>),
    /// The connection carries an answer that nobody asked for: it is fit for nothing more.
    Spoil,
}

/// A fault by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Its row in the list of faults.
    pub(crate) row: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Close,
    Reset,
    HalfStatus,
    HalfField,
    DripHead,
    Hang,
    CutLength,
    ResetLength,
    CutChunks,
    CutInChunk,
    CutInSize,
    ResetUntilClose,
    SlowBody,
    StallBody,
    BadSize,
    BadEnd,
    Short,
    Long,
    Unsolicited,
    HugeHead,
    NulHead,
    ManyInterim,
    Switch,
    Early,
    EarlyReset,
}

const fn fault(name: &'static str, row: &'static str, kind: Kind) -> Fault {
    Fault { name, row, kind }
}

/// Every fault there is.
pub(crate) const FAULTS: [Fault; 25] = [
    fault("close", "FU4", Kind::Close),
    fault("reset", "FU4", Kind::Reset),
    fault("half-status", "FU7", Kind::HalfStatus),
    fault("half-field", "FU7", Kind::HalfField),
    fault("drip-head", "FU8", Kind::DripHead),
    fault("hang", "FU9", Kind::Hang),
    fault("cut-length", "FU10", Kind::CutLength),
    fault("reset-length", "FU10", Kind::ResetLength),
    fault("cut-chunks", "FU11", Kind::CutChunks),
    fault("cut-in-chunk", "FU11", Kind::CutInChunk),
    fault("cut-in-size", "FU11", Kind::CutInSize),
    fault("reset-until-close", "FU12", Kind::ResetUntilClose),
    fault("slow-body", "FU13", Kind::SlowBody),
    fault("stall-body", "FU14", Kind::StallBody),
    fault("bad-size", "FU15", Kind::BadSize),
    fault("bad-end", "FU15", Kind::BadEnd),
    fault("short", "FU16", Kind::Short),
    fault("long", "FU16", Kind::Long),
    fault("unsolicited", "FU17", Kind::Unsolicited),
    fault("huge-head", "FU18", Kind::HugeHead),
    fault("nul-head", "FU18", Kind::NulHead),
    fault("many-interim", "FU19", Kind::ManyInterim),
    fault("switch", "FU20", Kind::Switch),
    fault("early", "FU21", Kind::Early),
    fault("early-reset", "FU22", Kind::EarlyReset),
];

/// The fault of that name.
pub(super) fn named(name: &[u8]) -> Option<Fault> {
    let mut all = FAULTS.iter();
    all.find(|fault| fault.name.as_bytes() == name).copied()
}

impl Fault {
    /// Whether the answer comes before the request's body was read.
    pub(super) const fn is_early(self) -> bool {
        matches!(self.kind, Kind::Early | Kind::EarlyReset)
    }

    /// The steps of the answer whose body would be `body`.
    pub(super) fn steps(self, body: &[u8]) -> Vec<Step> {
        let sized = head(&format!("Content-Length: {}\r\n", body.len()));
        let half = &body[..body.len() / 2];
        let chunks = head("Transfer-Encoding: chunked\r\n");
        let send = |pieces: &[&[u8]]| Step::Send(pieces.concat());
        let reset = |text: Step| vec![text, Step::Wait(SHORT), Step::Reset];
        match self.kind {
            Kind::Close => vec![Step::Close],
            Kind::Reset => vec![Step::Reset],
            Kind::HalfStatus => vec![send(&[b"HTTP/1.1 2"]), Step::Close],
            Kind::HalfField => vec![send(&[b"HTTP/1.1 200 OK\r\nContent-Le"]), Step::Close],
            Kind::DripHead => drip(&sized),
            Kind::Hang => vec![Step::Hang],
            Kind::CutLength => vec![send(&[&sized, half]), Step::Close],
            Kind::ResetLength => reset(send(&[&sized, half])),
            Kind::CutChunks => vec![send(&[&chunks, &chunk(half)]), Step::Close],
            Kind::CutInChunk => {
                let whole = chunk(body);
                vec![send(&[&chunks, &whole[..whole.len() / 2]]), Step::Close]
            }
            Kind::CutInSize => vec![send(&[&chunks, &chunk(half), b"1"]), Step::Close],
            Kind::ResetUntilClose => reset(send(&[&head("Connection: close\r\n"), half])),
            Kind::SlowBody => slow(&sized, body),
            Kind::StallBody => vec![send(&[&sized, half]), Step::Hang],
            Kind::BadSize => vec![send(&[&chunks, b"zz\r\n"]), Step::Close],
            Kind::BadEnd => vec![send(&[&chunks, &chunk(half), b"3\r\nabcdef"]), Step::Close],
            Kind::Short => vec![
                send(&[&sized, &body[..body.len().saturating_sub(1)]]),
                Step::Close,
            ],
            // What fits one segment comes together, and its surplus is seen with it.
            Kind::Long if body.len() <= TOGETHER => vec![send(&[&sized, body, &second()])],
            Kind::Long => vec![send(&[&sized, body, &second()]), Step::Spoil],
            Kind::Unsolicited => {
                vec![
                    send(&[&sized, body]),
                    Step::Wait(SHORT),
                    Step::Surplus(second()),
                ]
            }
            Kind::HugeHead => {
                let field = format!("X-Huge: {}\r\n", "x".repeat(64 * 1024));
                vec![Step::Send(head(&field)), Step::Close]
            }
            Kind::NulHead => vec![Step::Send(head("X-Nul: a\0b\r\n")), Step::Close],
            Kind::ManyInterim => {
                let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(200);
                vec![send(&[&interim, &sized, body])]
            }
            Kind::Switch => {
                let text = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
                vec![send(&[text]), Step::Close]
            }
            Kind::Early => vec![Step::Send(too_large())],
            Kind::EarlyReset => reset(Step::Send(too_large())),
        }
    }
}

/// A good answer.
pub(super) fn good(body: &[u8]) -> Vec<Step> {
    let sized = head(&format!("Content-Length: {}\r\n", body.len()));
    vec![Step::Send([&sized, body].concat())]
}

/// A WebSocket's handshake, as far as a gateway looks at it, then an echo of bytes.
pub(super) fn tunnel() -> Vec<Step> {
    let text =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    vec![Step::Send(text.to_vec()), Step::Echo]
}

/// A failure of the origin itself.
pub(super) fn error() -> Vec<Step> {
    let text = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nerror";
    vec![Step::Send(text.to_vec())]
}

fn head(fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{fields}\r\n").into_bytes()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// An answer that nobody asked for.
fn second() -> Vec<u8> {
    let text =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nsmuggledxx";
    text.to_vec()
}

fn too_large() -> Vec<u8> {
    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n".to_vec()
}

fn drip(head: &[u8]) -> Vec<Step> {
    let each = head.iter().map(|byte| Step::Send(vec![*byte]));
    let mut steps: Vec<Step> = each.flat_map(|send| [send, Step::Wait(DRIP)]).collect();
    steps.push(Step::Close);
    steps
}

fn slow(head: &[u8], body: &[u8]) -> Vec<Step> {
    let pieces = body.chunks(body.len().div_ceil(4).max(1));
    let mut steps = vec![Step::Send(head.to_vec())];
    for piece in pieces {
        steps.push(Step::Wait(SLOW));
        steps.push(Step::Send(piece.to_vec()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::FAULTS;
    use super::Step;
    use super::named;

    #[test]
    fn every_fault_has_its_name_and_its_steps() {
        for fault in FAULTS {
            assert_eq!(named(fault.name.as_bytes()), Some(fault));
            assert!(!fault.steps(b"0123456789").is_empty() && !fault.steps(b"").is_empty());
        }
        assert_eq!(named(b"none such"), None);
    }

    #[test]
    fn a_slow_body_is_whole() {
        let fault = named(b"slow-body").expect("a fault");
        let sent: Vec<u8> = fault
            .steps(b"0123456789")
            .into_iter()
            .flat_map(|step| match step {
                Step::Send(bytes) => bytes,
                _ => Vec::new(),
            })
            .collect();
        assert!(sent.ends_with(b"\r\n\r\n0123456789"));
    }
}
