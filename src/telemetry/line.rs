//! From a record to one line: each value taken once, secrets hidden, then written in the notation of the
//! format. A line holds exactly one newline, its last byte, whatever a peer sent; `log_writer` counts on it.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;

use crate::http::Version;

use super::civil;
use super::escape;
use super::format::Format;
use super::format::Piece;
use super::mask::Mask;
use super::record::AccessRecord;
use super::variable::Variable;

/// What a variable says about one record.
enum Value<'a> {
    /// Nothing; JSON and logfmt leave the key out, a template writes `-`.
    Absent,
    /// Bytes that a peer or the configuration chose.
    Text(Cow<'a, [u8]>),
    /// A word of ours that needs no escape.
    Word(&'static str),
    Number(u64),
    /// Microseconds, written as seconds.
    Seconds(u64),
    /// Microseconds since the epoch, written as a date.
    Time(u64),
    Ip(IpAddr),
    Address(std::net::SocketAddr),
    True,
}

impl Format {
    /// Appends the record as one line, the newline included.
    pub fn write_line(&self, record: &AccessRecord<'_>, mask: &Mask, out: &mut Vec<u8>) {
        match self {
            Self::Json => json(record, mask, out),
            Self::Logfmt => logfmt(record, mask, out),
            Self::Combined => combined(record, mask, out),
            Self::Template(template) => {
                for piece in &template.pieces {
                    match piece {
                        Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                        Piece::Value(variable) => dashed(&value(*variable, record, mask), out),
                    }
                }
            }
        }
        out.push(b'\n');
    }
}

fn json(record: &AccessRecord<'_>, mask: &Mask, out: &mut Vec<u8>) {
    let mut separator = b'{';
    for (key, value) in pairs(record, mask) {
        out.extend_from_slice(&[separator, b'"']);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        separator = b',';
        if value.is_quoted() {
            out.push(b'"');
            value.write(out, escape::json);
            out.push(b'"');
        } else {
            value.write(out, escape::json);
        }
    }
    out.push(b'}');
}

fn logfmt(record: &AccessRecord<'_>, mask: &Mask, out: &mut Vec<u8>) {
    for (number, (key, value)) in pairs(record, mask).enumerate() {
        if number > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        value.write(out, escape::logfmt);
    }
}

/// `remote_addr - - [time] "method uri protocol" status bytes_sent "referer" "user_agent"`.
fn combined(record: &AccessRecord<'_>, mask: &Mask, out: &mut Vec<u8>) {
    let mut put = |variable| dashed(&value(variable, record, mask), out);
    put(Variable::RemoteAddr);
    out.extend_from_slice(b" - - [");
    civil::common_log(out, record.unix_micros);
    out.extend_from_slice(b"] \"");
    for (variable, after) in [
        (Variable::RequestMethod, &b" "[..]),
        (Variable::RequestUri, b" "),
        (Variable::Protocol, b"\" "),
        (Variable::Status, b" "),
        (Variable::BytesSent, b" \""),
        (Variable::Referer, b"\" \""),
        (Variable::UserAgent, b"\""),
    ] {
        dashed(&value(variable, record, mask), out);
        out.extend_from_slice(after);
    }
}

/// Every variable that has a key and something to say.
fn pairs<'a>(
    record: &'a AccessRecord<'a>,
    mask: &'a Mask,
) -> impl Iterator<Item = (&'static str, Value<'a>)> {
    let keyed = Variable::ALL.into_iter().filter_map(move |variable| {
        let key = variable.row().key;
        (!key.is_empty()).then(|| (key, value(variable, record, mask)))
    });
    keyed.filter(|(_, value)| !matches!(value, Value::Absent))
}

/// As in nginx: escaped to ASCII, `-` for nothing.
fn dashed(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Absent => out.push(b'-'),
        value => value.write(out, escape::hex),
    }
}

fn value<'a>(variable: Variable, record: &'a AccessRecord<'a>, mask: &'a Mask) -> Value<'a> {
    match variable {
        Variable::TimeIso8601 => Value::Time(record.unix_micros),
        Variable::TimeUnix => Value::Seconds(record.unix_micros),
        Variable::RemoteAddr => Value::Ip(record.client_ip),
        Variable::RemotePort => Value::Number(record.client_port.into()),
        Variable::RequestMethod => text(record.method),
        Variable::Scheme => Value::Word(if record.secure { "https" } else { "http" }),
        Variable::Host => text(record.host),
        Variable::RequestUri => uri(record, mask),
        Variable::Path => text(record.path),
        Variable::Query => record
            .query
            .map_or(Value::Absent, |query| Value::Text(mask.query(query))),
        Variable::Protocol => Value::Word(match record.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }),
        Variable::Status => Value::Number(record.status.into()),
        Variable::BytesSent => Value::Number(record.bytes_sent),
        Variable::BytesReceived => Value::Number(record.bytes_received),
        Variable::RequestTime => Value::Seconds(record.total_ns / 1_000),
        Variable::UpstreamTime => record
            .upstream_ns
            .map_or(Value::Absent, |nanos| Value::Seconds(nanos / 1_000)),
        Variable::GatewayTime => Value::Seconds(record.gateway_ns / 1_000),
        Variable::Service => text(record.service),
        Variable::Route => text(record.route),
        Variable::UpstreamAddr => record.upstream_addr.map_or(Value::Absent, Value::Address),
        Variable::Retries => Value::Number(record.retries.into()),
        Variable::Cause => record
            .cause
            .map_or(Value::Absent, |cause| Value::Word(cause.code())),
        Variable::WouldDeny => text(record.would_deny),
        Variable::RequestId => text(record.request_id),
        Variable::UserAgent => text(record.user_agent),
        Variable::Referer if record.referer.is_empty() => Value::Absent,
        Variable::Referer => Value::Text(mask.url(record.referer)),
        Variable::ConnectionRequests => Value::Number(record.connection_requests.into()),
        Variable::Core => Value::Number(record.core.0.into()),
        Variable::Truncated if record.truncated => Value::True,
        Variable::Truncated => Value::Absent,
    }
}

fn text(bytes: &[u8]) -> Value<'_> {
    match bytes {
        [] => Value::Absent,
        bytes => Value::Text(Cow::Borrowed(bytes)),
    }
}

/// Path and query in one; only templates ask for it.
fn uri<'a>(record: &'a AccessRecord<'a>, mask: &Mask) -> Value<'a> {
    match record.query {
        None => text(record.path),
        Some(query) => {
            let query = mask.query(query);
            Value::Text(Cow::Owned([record.path, b"?", &query].concat()))
        }
    }
}

impl Value<'_> {
    /// Whether JSON wants quotation marks around it.
    fn is_quoted(&self) -> bool {
        match self {
            Self::Absent | Self::Number(_) | Self::Seconds(_) | Self::True => false,
            Self::Text(_) | Self::Word(_) | Self::Time(_) | Self::Ip(_) | Self::Address(_) => true,
        }
    }

    /// Appends the value; `escape` is for what others chose. Writing to memory cannot fail.
    fn write(&self, out: &mut Vec<u8>, escape: fn(&mut Vec<u8>, &[u8])) {
        match self {
            Self::Absent => {}
            Self::Text(bytes) => escape(out, bytes),
            Self::Word(word) => out.extend_from_slice(word.as_bytes()),
            Self::Number(number) => {
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            Self::Seconds(micros) => civil::seconds(out, *micros),
            Self::Time(micros) => civil::iso8601(out, *micros),
            Self::Ip(ip) => write!(out, "{ip}").unwrap_or_default(),
            Self::Address(address) => write!(out, "{address}").unwrap_or_default(),
            Self::True => out.extend_from_slice(b"true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;

    use crate::http::Cause;
    use crate::telemetry::format::Format;
    use crate::telemetry::mask::Mask;
    use crate::telemetry::record::AccessRecord;
    use crate::telemetry::record::tests::sample;
    use crate::telemetry::variable::Variable;

    fn line(format: &str, record: &AccessRecord<'_>) -> String {
        let mut out = Vec::new();
        let format = Format::parse(format).unwrap();
        format.write_line(record, &Mask::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Every variable in one template, a comma between.
    fn everything() -> String {
        let names = Variable::ALL.map(|v| format!("${{{}}}", v.row().name));
        names.join(",")
    }

    #[test]
    fn each_format_writes_the_sample() {
        let mut record = sample();
        record.cause = Some(Cause::ConnectRefused);
        record.query = Some(b"token=C&page=2");
        assert_eq!(
            line("combined", &record),
            "192.0.2.7 - - [21/Sep/2026:14:13:20 +0000] \"GET /v1/orders/7?token=***&page=2 \
             HTTP/1.1\" 200 456 \"-\" \"curl/8.5.0\"\n"
        );
        assert_eq!(
            line("json", &record),
            "{\"time\":\"2026-09-21T14:13:20.123456Z\",\"client_ip\":\"192.0.2.7\",\
             \"client_port\":40000,\"method\":\"GET\",\"scheme\":\"http\",\
             \"host\":\"api.example.com\",\"path\":\"/v1/orders/7\",\
             \"query\":\"token=***&page=2\",\"protocol\":\"HTTP/1.1\",\"status\":200,\
             \"bytes_sent\":456,\"bytes_received\":123,\"duration\":0.001234,\
             \"upstream_duration\":0.001200,\"gateway_duration\":0.000034,\
             \"service\":\"orders\",\"route\":\"orders-v1\",\"upstream\":\"10.0.0.1:9000\",\
             \"retries\":0,\"cause\":\"connect_refused\",\
             \"request_id\":\"0123456789abcdef0123456789abcdef\",\
             \"user_agent\":\"curl/8.5.0\",\"connection_requests\":3,\"core\":1}\n"
        );
        let logfmt = line("logfmt", &record);
        assert!(logfmt.contains(" query=\"token=***&page=2\" protocol=HTTP/1.1 status=200 "));
        let template = line("$time_unix $upstream_time $referer $request_uri", &sample());
        assert_eq!(
            template,
            "1790000000.123456 0.001200 - /v1/orders/7?page=2\n"
        );
    }

    #[test]
    fn a_canary_key_appears_in_no_format() {
        let mut record = sample();
        record.query = Some(b"a=1&%61pikey=CANARY");
        record.referer = b"https://x/?access_token=CANARY";
        for format in ["json", "logfmt", "combined", &everything()] {
            let line = line(format, &record);
            assert!(!line.contains("CANARY") && line.contains("***"), "{line}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_stays_inside_its_field(fields in any::<[String; 6]>()) {
            let mut record = sample();
            let [method, host, path, agent, id, referer] = &fields;
            record.method = method.as_bytes();
            record.host = host.as_bytes();
            record.path = path.as_bytes();
            record.user_agent = agent.as_bytes();
            record.request_id = id.as_bytes();
            record.referer = referer.as_bytes();
            let read: serde_json::Value = serde_json::from_str(&line("json", &record)).unwrap();
            let masked = Mask::new().url(referer.as_bytes()).into_owned();
            for (key, value) in [
                ("method", method),
                ("host", host),
                ("path", path),
                ("user_agent", agent),
                ("request_id", id),
                ("referer", &String::from_utf8(masked).unwrap()),
            ] {
                assert_eq!(read.get(key).and_then(|v| v.as_str()).unwrap_or_default(), value);
            }
            assert_eq!(read["status"], 200);
        }

        #[test]
        fn hostile_bytes_make_exactly_one_line(bytes in any::<Vec<u8>>(), which in 0..7_usize) {
            let mut record = sample();
            match which {
                0 => record.method = &bytes,
                1 => record.host = &bytes,
                2 => record.path = &bytes,
                3 => record.query = Some(&bytes),
                4 => record.request_id = &bytes,
                5 => record.user_agent = &bytes,
                _ => record.referer = &bytes,
            }
            for format in ["json", "logfmt", "combined", &everything()] {
                let line = line(format, &record);
                assert!(line.ends_with('\n'));
                assert!(!line[..line.len() - 1].chars().any(char::is_control));
            }
            let json = line("json", &record);
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        }
    }
}
