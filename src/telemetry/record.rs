//! An access-log record as a worker leaves it for the log thread: numbers in a fixed block, then the
//! byte strings one after the other. Nothing is formatted, escaped or hidden here; that is the log thread's work.
//!
//! Integers are little-endian. The format never leaves the process, so it has no version.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use crate::base::ids::CoreId;
use crate::base::limits::LOG_FIELD_BYTES;
use crate::base::limits::LOG_TARGET_BYTES;
use crate::http::Cause;
use crate::http::Version;

/// Everything that a line of the access log can say about one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRecord<'a> {
    /// When the request's first byte came, in microseconds since the Unix epoch.
    pub unix_micros: u64,
    /// The client, as trusted forwarding fields tell.
    pub client_ip: IpAddr,
    /// The client's port.
    pub client_port: u16,
    /// Whether the client spoke TLS (or a trusted proxy says so): the scheme is `https`, else `http`.
    pub secure: bool,
    /// The version the client spoke.
    pub version: Version,
    /// The status sent, or zero if none was.
    pub status: u16,
    /// Why the gateway itself ended or answered the exchange.
    pub cause: Option<Cause>,
    /// Bytes received from the client.
    pub bytes_received: u64,
    /// Bytes sent to the client.
    pub bytes_sent: u64,
    /// The whole exchange, in nanoseconds.
    pub total_ns: u64,
    /// What the upstream took, if it was asked.
    pub upstream_ns: Option<u64>,
    /// What the gateway added.
    pub gateway_ns: u64,
    /// The target that answered, or was tried last.
    pub upstream_addr: Option<SocketAddr>,
    /// Attempts beyond the first.
    pub retries: u32,
    /// Which request of its connection this was, from 1.
    pub connection_requests: u32,
    /// The worker.
    pub core: CoreId,
    /// Whether [`AccessRecord::encode`] had to cut a byte string; it sets this itself.
    pub truncated: bool,
    /// The method's token.
    pub method: &'a [u8],
    /// The host asked for, without the port.
    pub host: &'a [u8],
    /// The path, beginning with `/`.
    pub path: &'a [u8],
    /// What followed the first `?`, secrets included.
    pub query: Option<&'a [u8]>,
    /// The service's name, or empty.
    pub service: &'a [u8],
    /// The route's name or id, or empty.
    pub route: &'a [u8],
    /// The request id, or empty.
    pub request_id: &'a [u8],
    /// The User-Agent field, or empty.
    pub user_agent: &'a [u8],
    /// The Referer field, or empty.
    pub referer: &'a [u8],
    /// The names of plugins that would have refused the request, with commas between.
    pub would_deny: &'a [u8],
}

/// Length of the fixed block.
const FIXED: usize = 144;
/// How many byte strings follow it.
const STRINGS: usize = 10;
/// Longest length of each, in the order of the struct.
const BOUNDS: [usize; STRINGS] = [
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
    LOG_TARGET_BYTES,
    LOG_TARGET_BYTES,
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
    LOG_FIELD_BYTES,
];

/// Longest encoded record, which bounds what a batch can grow by at a time.
pub const RECORD_BYTES_MAX: usize = FIXED + 2 * LOG_TARGET_BYTES + 8 * LOG_FIELD_BYTES;

// Bits of the flags byte.
const SECURE: u8 = 1;
const HTTP11: u8 = 2;
const HAS_UPSTREAM_TIME: u8 = 4;
const HAS_QUERY: u8 = 8;
const TRUNCATED: u8 = 16;
const CLIENT_V4: u8 = 32;
const UPSTREAM_V4: u8 = 64;
const HAS_UPSTREAM: u8 = 128;

/// The cause's byte where there is none.
const NO_CAUSE: u8 = u8::MAX;

impl<'a> AccessRecord<'a> {
    /// Appends the record to a batch. Byte strings past their bound are cut.
    pub fn encode(&self, batch: &mut Vec<u8>) {
        let mut strings: [&[u8]; STRINGS] = [
            self.method,
            self.host,
            self.path,
            self.query.unwrap_or_default(),
            self.service,
            self.route,
            self.request_id,
            self.user_agent,
            self.referer,
            self.would_deny,
        ];
        let mut flags = self.flags();
        let mut total = FIXED;
        let mut fixed = [0; FIXED];
        for (at, string) in strings.iter_mut().enumerate() {
            if string.len() > BOUNDS[at] {
                *string = &string[..BOUNDS[at]];
                flags |= TRUNCATED;
            }
            total += string.len();
            let place = LENGTHS + 2 * at;
            fixed[place..place + 2].copy_from_slice(&(string.len() as u16).to_le_bytes());
        }
        self.write_numbers(&mut fixed, flags, total as u32);
        batch.reserve(total);
        batch.extend_from_slice(&fixed);
        for string in strings {
            batch.extend_from_slice(string);
        }
    }

    #[inline]
    fn flags(&self) -> u8 {
        let bit = |condition: bool, bit: u8| if condition { bit } else { 0 };
        let upstream_v4 = matches!(self.upstream_addr, Some(SocketAddr::V4(_)));
        bit(self.secure, SECURE)
            | bit(self.version == Version::Http11, HTTP11)
            | bit(self.upstream_ns.is_some(), HAS_UPSTREAM_TIME)
            | bit(self.query.is_some(), HAS_QUERY)
            | bit(self.truncated, TRUNCATED)
            | bit(self.client_ip.is_ipv4(), CLIENT_V4)
            | bit(upstream_v4, UPSTREAM_V4)
            | bit(self.upstream_addr.is_some(), HAS_UPSTREAM)
    }

    #[inline]
    fn write_numbers(&self, fixed: &mut [u8; FIXED], flags: u8, total: u32) {
        let upstream = self.upstream_addr;
        let upstream_ip = upstream.map_or([0; 16], |address| octets(address.ip()));
        put(fixed, 0, total.to_le_bytes());
        put(fixed, 4, [flags, self.cause.map_or(NO_CAUSE, |c| c as u8)]);
        put(fixed, 6, self.status.to_le_bytes());
        put(fixed, 8, self.unix_micros.to_le_bytes());
        put(fixed, 16, self.bytes_received.to_le_bytes());
        put(fixed, 24, self.bytes_sent.to_le_bytes());
        put(fixed, 32, self.total_ns.to_le_bytes());
        put(fixed, 40, self.upstream_ns.unwrap_or(0).to_le_bytes());
        put(fixed, 48, self.gateway_ns.to_le_bytes());
        put(fixed, 56, octets(self.client_ip));
        put(fixed, 72, upstream_ip);
        put(fixed, 88, self.retries.to_le_bytes());
        put(fixed, 92, self.connection_requests.to_le_bytes());
        put(fixed, 96, self.client_port.to_le_bytes());
        put(fixed, 98, upstream.map_or(0, |a| a.port()).to_le_bytes());
        put(fixed, 100, self.core.0.to_le_bytes());
    }

    /// The first record of `batch` and what follows it; `None` where no whole record stands.
    fn decode_first(batch: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let fixed: &[u8; FIXED] = batch.first_chunk()?;
        let total = u32::from_le_bytes(get(fixed, 0)) as usize;
        let record = batch.get(..total)?;
        let rest = batch.get(total..)?;
        let mut strings = [&[][..]; STRINGS];
        let mut from = FIXED;
        for (at, string) in strings.iter_mut().enumerate() {
            let to = from + usize::from(u16::from_le_bytes(get(fixed, LENGTHS + 2 * at)));
            *string = record.get(from..to)?;
            from = to;
        }
        let [flags, cause] = get(fixed, 4);
        let has = |bit: u8| flags & bit != 0;
        let upstream = SocketAddr::new(
            address(get(fixed, 72), has(UPSTREAM_V4)),
            u16::from_le_bytes(get(fixed, 98)),
        );
        let nanos = u64::from_le_bytes(get(fixed, 40));
        let decoded = Self {
            unix_micros: u64::from_le_bytes(get(fixed, 8)),
            client_ip: address(get(fixed, 56), has(CLIENT_V4)),
            client_port: u16::from_le_bytes(get(fixed, 96)),
            secure: has(SECURE),
            version: if has(HTTP11) {
                Version::Http11
            } else {
                Version::Http10
            },
            status: u16::from_le_bytes(get(fixed, 6)),
            cause: Cause::ALL.get(usize::from(cause)).copied(),
            bytes_received: u64::from_le_bytes(get(fixed, 16)),
            bytes_sent: u64::from_le_bytes(get(fixed, 24)),
            total_ns: u64::from_le_bytes(get(fixed, 32)),
            upstream_ns: has(HAS_UPSTREAM_TIME).then_some(nanos),
            gateway_ns: u64::from_le_bytes(get(fixed, 48)),
            upstream_addr: has(HAS_UPSTREAM).then_some(upstream),
            retries: u32::from_le_bytes(get(fixed, 88)),
            connection_requests: u32::from_le_bytes(get(fixed, 92)),
            core: CoreId(u16::from_le_bytes(get(fixed, 100))),
            truncated: has(TRUNCATED),
            method: strings[0],
            host: strings[1],
            path: strings[2],
            query: has(HAS_QUERY).then_some(strings[3]),
            service: strings[4],
            route: strings[5],
            request_id: strings[6],
            user_agent: strings[7],
            referer: strings[8],
            would_deny: strings[9],
        };
        Some((decoded, rest))
    }
}

/// Where the lengths of the byte strings stand, 16 bits each.
const LENGTHS: usize = 102;

const _: () = assert!(LENGTHS + 2 * STRINGS <= FIXED);
const _: () =
    assert!(LOG_TARGET_BYTES <= u16::MAX as usize && Cause::ALL.len() < NO_CAUSE as usize);

/// The records of a batch in order; ends early where the bytes are not a record.
pub fn decode(batch: &[u8]) -> impl Iterator<Item = AccessRecord<'_>> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        let (record, after) = AccessRecord::decode_first(rest)?;
        rest = after;
        Some(record)
    })
}

#[inline(always)]
fn put<const N: usize>(fixed: &mut [u8; FIXED], at: usize, bytes: [u8; N]) {
    fixed[at..at + N].copy_from_slice(&bytes);
}

#[inline(always)]
fn get<const N: usize>(fixed: &[u8; FIXED], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&fixed[at..at + N]);
    bytes
}

#[inline]
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address(octets: [u8; 16], v4: bool) -> IpAddr {
    let v6 = Ipv6Addr::from(octets);
    match v6.to_ipv4_mapped() {
        Some(address) if v4 => IpAddr::V4(address),
        _ => IpAddr::V6(v6),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::Ipv4Addr;
    use std::net::SocketAddr;

    use proptest::prelude::any;
    use proptest::proptest;

    use super::AccessRecord;
    use super::RECORD_BYTES_MAX;
    use super::decode;
    use crate::base::ids::CoreId;
    use crate::base::limits::LOG_TARGET_BYTES;
    use crate::http::Cause;
    use crate::http::Version;

    /// A record like most.
    pub(in crate::telemetry) fn sample() -> AccessRecord<'static> {
        AccessRecord {
            unix_micros: 1_790_000_000_123_456,
            client_ip: Ipv4Addr::new(192, 0, 2, 7).into(),
            client_port: 40_000,
            secure: false,
            version: Version::Http11,
            status: 200,
            cause: None,
            bytes_received: 123,
            bytes_sent: 456,
            total_ns: 1_234_567,
            upstream_ns: Some(1_200_000),
            gateway_ns: 34_567,
            upstream_addr: Some(SocketAddr::from(([10, 0, 0, 1], 9000))),
            retries: 0,
            connection_requests: 3,
            core: CoreId(1),
            truncated: false,
            method: b"GET",
            host: b"api.example.com",
            path: b"/v1/orders/7",
            query: Some(b"page=2"),
            service: b"orders",
            route: b"orders-v1",
            request_id: b"0123456789abcdef0123456789abcdef",
            user_agent: b"curl/8.5.0",
            referer: b"",
            would_deny: b"",
        }
    }

    #[test]
    fn long_fields_are_cut_and_the_record_says_so() {
        let long = vec![b'a'; 70_000];
        let mut record = sample();
        record.path = &long;
        let mut batch = Vec::new();
        record.encode(&mut batch);
        assert!(batch.len() <= RECORD_BYTES_MAX);
        let decoded: Vec<_> = decode(&batch).collect();
        assert_eq!(decoded[0].path, &long[..LOG_TARGET_BYTES]);
        assert!(decoded[0].truncated);
        assert_eq!(decoded.len(), 1);
    }

    #[test]
    fn a_cause_is_decoded_by_its_number() {
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number);
        }
    }

    proptest! {
        #[test]
        fn records_survive_encoding_one_after_the_other(
            numbers in any::<[u64; 6]>(),
            small in any::<(u16, u16, u32, u32, u16, bool, bool)>(),
            client in any::<std::net::IpAddr>(),
            upstream in any::<Option<std::net::SocketAddrV4>>(),
            upstream_ns in any::<Option<u64>>(),
            query in any::<Option<Vec<u8>>>(),
            strings in any::<[Vec<u8>; 9]>(),
            cause in 0..Cause::ALL.len() + 1,
        ) {
            let record = AccessRecord {
                unix_micros: numbers[0],
                client_ip: client,
                client_port: small.0,
                secure: small.5,
                version: if small.6 { Version::Http11 } else { Version::Http10 },
                status: small.1,
                cause: Cause::ALL.get(cause).copied(),
                bytes_received: numbers[1],
                bytes_sent: numbers[2],
                total_ns: numbers[3],
                upstream_ns,
                gateway_ns: numbers[4],
                upstream_addr: upstream.map(SocketAddr::V4),
                retries: small.2,
                connection_requests: small.3,
                core: CoreId(small.4),
                truncated: false,
                method: &strings[0],
                host: &strings[1],
                path: &strings[2],
                query: query.as_deref(),
                service: &strings[3],
                route: &strings[4],
                request_id: &strings[5],
                user_agent: &strings[6],
                referer: &strings[7],
                would_deny: &strings[8],
            };
            let mut batch = Vec::new();
            sample().encode(&mut batch);
            record.encode(&mut batch);
            sample().encode(&mut batch);
            let decoded: Vec<_> = decode(&batch).collect();
            assert_eq!(decoded, [sample(), record, sample()]);
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in any::<Vec<u8>>(), cut in 0..200_usize) {
            let _ = decode(&bytes).count();
            let mut batch = Vec::new();
            sample().encode(&mut batch);
            batch.truncate(cut);
            batch.extend(bytes);
            assert!(decode(&batch).count() <= 2);
        }
    }
}
