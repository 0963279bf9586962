//! The plain counters and gauges that every core keeps, one variant each; what they are called outside is
//! a row of [`catalog`](super::catalog).

use super::catalog::Metric;

/// A number that only grows, counted per core and summed on control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Counter {
    /// Exchanges recorded; counted by `CoreMetrics::record`.
    Requests,
    /// Downstream connections accepted.
    ConnectionsAccepted,
    /// Times that accepting paused, because no descriptor was left or the connection limit was reached.
    AcceptPauses,
    /// Handshakes of TLS that were complete, without an earlier session.
    TlsFull,
    /// Handshakes that took up an earlier session.
    TlsResumed,
    /// Handshakes that the protocol did not permit.
    TlsFailed,
    /// Handshakes that were too slow.
    TlsLate,
    /// Handshakes whose client left.
    TlsGone,
    /// Connections that began with HTTP where TLS is spoken.
    TlsPlain,
    /// Connections that were refused because too many handshakes were in progress.
    TlsRefused,
    /// Panics caught around a connection.
    Panics,
    /// Upstream connections opened.
    UpstreamOpened,
    /// Exchanges on a pooled upstream connection; counted by `CoreMetrics::record`.
    UpstreamReused,
    /// Further attempts after the first; counted by `CoreMetrics::record`.
    Retries,
    /// Bytes received from clients; counted by `CoreMetrics::record`.
    BytesReceived,
    /// Bytes sent to clients; counted by `CoreMetrics::record`.
    BytesSent,
    /// Bytes received from origins; counted by `CoreMetrics::record`.
    UpstreamBytesReceived,
    /// Bytes sent to origins; counted by `CoreMetrics::record`.
    UpstreamBytesSent,
    /// Access-log records made; moved here from [`super::AccessLogSender::take_counts`].
    LogProduced,
    /// Access-log records dropped before they reached the log thread.
    LogDropped,
    /// CPU time of the worker's thread in nanoseconds.
    CpuNanos,
    /// Requests that proxy-cache answered from what is stored; this and the next four are moved here from the store.
    CacheHits,
    /// Requests for which nothing was stored.
    CacheMisses,
    /// Requests for which the origin was asked because what was stored was too old.
    CacheRefreshed,
    /// Requests answered by what is stored, stale as it was.
    CacheStale,
    /// Requests that had nothing to do with what is stored.
    CacheBypassed,
    /// Stored answers that fell out for want of room.
    CacheEvicted,
    /// Requests that the gateway made once more by itself.
    Repeats,
    /// Accepted connections that another core had more time for.
    HandedOver,
    /// Connections closed because their client's address has as many as it may.
    AddressRefusals,
    /// Connections closed, idle the longest, so that others find room.
    IdleEvictions,
    /// Attempts that the retry budget did not allow.
    RetriesDenied,
    /// Circuit breakers of targets that opened.
    BreakersOpened,
    /// Requests that waited for a place at a target.
    QueueWaits,
    /// Requests that waited for it in vain.
    QueueTimeouts,
    /// Requests that found the queue full.
    QueueRefusals,
}

impl Counter {
    /// Every counter, in order.
    pub const ALL: [Self; 36] = [
        Self::Requests,
        Self::ConnectionsAccepted,
        Self::AcceptPauses,
        Self::TlsFull,
        Self::TlsResumed,
        Self::TlsFailed,
        Self::TlsLate,
        Self::TlsGone,
        Self::TlsPlain,
        Self::TlsRefused,
        Self::Panics,
        Self::UpstreamOpened,
        Self::UpstreamReused,
        Self::Retries,
        Self::BytesReceived,
        Self::BytesSent,
        Self::UpstreamBytesReceived,
        Self::UpstreamBytesSent,
        Self::LogProduced,
        Self::LogDropped,
        Self::CpuNanos,
        Self::CacheHits,
        Self::CacheMisses,
        Self::CacheRefreshed,
        Self::CacheStale,
        Self::CacheBypassed,
        Self::CacheEvicted,
        Self::Repeats,
        Self::HandedOver,
        Self::AddressRefusals,
        Self::IdleEvictions,
        Self::RetriesDenied,
        Self::BreakersOpened,
        Self::QueueWaits,
        Self::QueueTimeouts,
        Self::QueueRefusals,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The metric whose one unlabelled sample is the sum of this counter; `None` where the encoder
    /// shows it another way (per core, or together with what the log thread counted).
    pub fn metric(self) -> Option<Metric> {
        match self {
            Self::Requests
            | Self::LogProduced
            | Self::LogDropped
            | Self::CpuNanos
            | Self::TlsFull
            | Self::TlsResumed
            | Self::TlsFailed
            | Self::TlsLate
            | Self::TlsGone
            | Self::TlsPlain
            | Self::TlsRefused
            | Self::CacheHits
            | Self::CacheMisses
            | Self::CacheRefreshed
            | Self::CacheStale
            | Self::CacheBypassed => None,
            Self::RetriesDenied => Some(Metric::RetriesDenied),
            Self::BreakersOpened => Some(Metric::BreakersOpened),
            Self::QueueWaits => Some(Metric::QueueWaits),
            Self::QueueTimeouts => Some(Metric::QueueTimeouts),
            Self::QueueRefusals => Some(Metric::QueueRefusals),
            Self::CacheEvicted => Some(Metric::CacheEvictions),
            Self::Repeats => Some(Metric::CacheRefreshes),
            Self::HandedOver => Some(Metric::HandedOver),
            Self::AddressRefusals => Some(Metric::AddressRefusals),
            Self::IdleEvictions => Some(Metric::IdleEvictions),
            Self::ConnectionsAccepted => Some(Metric::ConnectionsAccepted),
            Self::AcceptPauses => Some(Metric::AcceptPauses),
            Self::Panics => Some(Metric::Panics),
            Self::UpstreamOpened => Some(Metric::UpstreamOpened),
            Self::UpstreamReused => Some(Metric::UpstreamReused),
            Self::Retries => Some(Metric::Retries),
            Self::BytesReceived => Some(Metric::BytesReceived),
            Self::BytesSent => Some(Metric::BytesSent),
            Self::UpstreamBytesReceived => Some(Metric::UpstreamBytesReceived),
            Self::UpstreamBytesSent => Some(Metric::UpstreamBytesSent),
        }
    }
}

/// A number that goes up and down; each core reports its present value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Gauge {
    /// Downstream connections open, waiting ones included.
    ConnectionsActive,
    /// Downstream connections that wait for a request, no byte of it received.
    ConnectionsWaiting,
    /// Handshakes of TLS in progress.
    TlsHandshaking,
    /// Idle upstream connections in the pool.
    UpstreamIdle,
    /// Counters of limits that have a cell on the core.
    LimitCells,
    /// Requests in flight.
    RequestsActive,
    /// The limits of all upstreams that have one, together.
    UpstreamLimit,
    /// Requests in flight at those upstreams.
    UpstreamActive,
    /// Requests that wait for those upstreams.
    UpstreamWaiting,
    /// The share of requests that an overloaded core admits, in thousandths.
    AdmittedShare,
    /// How long the core's last turns took at least, in microseconds.
    QueueDelay,
    /// Circuit breakers of targets that are open, or try with few requests.
    BreakersOpen,
    /// Requests that wait for a place at a target.
    QueueLength,
}

impl Gauge {
    /// Every gauge, in order.
    pub const ALL: [Self; 13] = [
        Self::ConnectionsActive,
        Self::ConnectionsWaiting,
        Self::TlsHandshaking,
        Self::UpstreamIdle,
        Self::LimitCells,
        Self::RequestsActive,
        Self::UpstreamLimit,
        Self::UpstreamActive,
        Self::UpstreamWaiting,
        Self::AdmittedShare,
        Self::QueueDelay,
        Self::BreakersOpen,
        Self::QueueLength,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The metric that shows it: the sum over the cores, or each core's.
    pub fn metric(self) -> Metric {
        match self {
            Self::ConnectionsActive => Metric::ConnectionsActive,
            Self::ConnectionsWaiting => Metric::ConnectionsWaiting,
            Self::TlsHandshaking => Metric::TlsHandshaking,
            Self::UpstreamIdle => Metric::UpstreamIdle,
            Self::LimitCells => Metric::LimitCells,
            Self::RequestsActive => Metric::RequestsActive,
            Self::UpstreamLimit => Metric::UpstreamLimit,
            Self::UpstreamActive => Metric::UpstreamActive,
            Self::UpstreamWaiting => Metric::UpstreamWaiting,
            Self::AdmittedShare => Metric::AdmittedShare,
            Self::QueueDelay => Metric::QueueDelay,
            Self::BreakersOpen => Metric::BreakersOpen,
            Self::QueueLength => Metric::QueueLength,
        }
    }
}
