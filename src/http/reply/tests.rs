//! Every form of every reply, against what was recorded of Kong.

use super::Body;
use super::Latency;
use super::Reply;
use super::ReplyContext;
use super::render;
use crate::http::Cause;
use crate::http::date::DateText;
use crate::http::request_id::RequestId;

const ID: &RequestId = b"0123456789abcdef0123456789abcdef";
const DATE: &DateText = b"Sun, 06 Nov 1994 08:49:37 GMT";

fn context() -> ReplyContext<'static> {
    ReplyContext {
        accept: None,
        content_type: None,
        request_id: ID,
        head_only: false,
        close: false,
        latency: Latency::Own(3),
        date: DATE,
        lines: b"",
    }
}

fn rendered(reply: &Reply, context: &ReplyContext<'_>) -> (String, String) {
    let mut out = Vec::new();
    render(reply, context, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let line = |line: &'h str| line.strip_prefix(name)?.strip_prefix(": ");
    head.split("\r\n").find_map(line)
}

#[test]
fn missing_route_is_answered_as_recorded() {
    let (head, body) = rendered(&Reply::of(Cause::RouteNotFound), &context());
    assert_eq!(
        head,
        "HTTP/1.1 404 Not Found\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Content-Type: application/json; charset=utf-8\r\n\
         Content-Length: 103\r\n\
         Connection: keep-alive\r\n\
         Proxy-Status: silverback; error=destination_not_found; details=\"route_not_found\"\r\n\
         X-Kong-Response-Latency: 3\r\n\
         Server: silverback\r\n\
         X-Kong-Request-Id: 0123456789abcdef0123456789abcdef"
    );
    assert_eq!(
        body,
        "{\n  \"message\":\"no Route matched with those values\",\n  \
         \"request_id\":\"0123456789abcdef0123456789abcdef\"\n}"
    );
}

/// Content type, length and body's first bytes of Kong 3.9.1's recorded answers.
#[test]
fn each_form_has_kongs_type_and_length() {
    use Cause as C;
    let json = "application/json; charset=utf-8";
    let plain = "text/plain; charset=utf-8";
    for (cause, accept, content_type, length) in [
        (
            C::RouteNotFound,
            Some("text/html"),
            "text/html; charset=utf-8",
            243,
        ),
        (
            C::RouteNotFound,
            Some("application/xml"),
            "application/xml; charset=utf-8",
            170,
        ),
        (C::RouteNotFound, Some("text/plain"), plain, 80),
        (C::RouteNotFound, Some("image/png"), json, 103),
        (C::ServiceMissing, None, json, 103),
        (C::TargetMissing, None, json, 113),
        (C::HttpsRequired, None, json, 94),
        (C::ConnectRefused, None, plain, 103),
        (
            C::ConnectRefused,
            Some("text/html"),
            "text/html; charset=utf-8",
            266,
        ),
        (C::ResponseTimeout, None, plain, 79),
        (C::RequestMalformed, None, plain, 57),
        (C::RequestHeadTooLarge, None, plain, 80),
        (C::RequestLineTooLong, None, plain, 58),
        (C::RequestMethodRefused, None, plain, 64),
    ] {
        let accept = accept.map(str::as_bytes);
        let (head, body) = rendered(
            &Reply::of(cause),
            &ReplyContext {
                accept,
                ..context()
            },
        );
        assert_eq!(
            field(&head, "Content-Type"),
            Some(content_type),
            "{cause:?}"
        );
        assert_eq!(
            field(&head, "Content-Length"),
            Some(&*length.to_string()),
            "{cause:?}"
        );
        assert_eq!(body.len(), length);
        assert!(body.contains(cause.row().message));
    }
}

#[test]
fn html_and_xml_pages_are_kongs() {
    let html = ReplyContext {
        accept: Some(b"text/html"),
        ..context()
    };
    assert_eq!(
        rendered(&Reply::of(Cause::RouteNotFound), &html).1,
        "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    \
         <title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    \
         <p>no Route matched with those values.</p>\n    \
         <p>request_id: 0123456789abcdef0123456789abcdef</p>\n  </body>\n</html>\n"
    );
    let xml = ReplyContext {
        accept: Some(b"application/xml"),
        ..context()
    };
    assert_eq!(
        rendered(&Reply::of(Cause::RouteNotFound), &xml).1,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  \
         <message>no Route matched with those values</message>\n  \
         <requestid>0123456789abcdef0123456789abcdef</requestid>\n</error>\n"
    );
}

#[test]
fn edge_failures_follow_the_content_type_where_accept_is_silent() {
    let posted = ReplyContext {
        content_type: Some(b"application/json"),
        ..context()
    };
    let (head, _) = rendered(&Reply::of(Cause::ConnectRefused), &posted);
    assert_eq!(
        field(&head, "Content-Type"),
        Some("application/json; charset=utf-8")
    );
}

#[test]
fn upgrade_is_asked_for_in_its_own_connection_line() {
    let (head, _) = rendered(&Reply::of(Cause::HttpsRequired), &context());
    assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    assert_eq!(field(&head, "Upgrade"), Some("TLS/1.2, HTTP/1.1"));
    assert!(head.contains("\r\nConnection: keep-alive\r\n"));
    assert!(head.contains("\r\nConnection: Upgrade\r\n"));
}

#[test]
fn redirect_has_the_recorded_page() {
    let reply = Reply::redirect(301, &b"https://abc.test/https301/a?b=c"[..]);
    let (head, body) = rendered(&reply, &context());
    assert_eq!(
        field(&head, "Location"),
        Some("https://abc.test/https301/a?b=c")
    );
    assert_eq!(field(&head, "Content-Type"), Some("text/html"));
    assert_eq!(field(&head, "Content-Length"), Some("134"));
    assert_eq!(field(&head, "Proxy-Status"), None);
    assert_eq!(
        body,
        "<html>\r\n<head><title>301 Moved Permanently</title></head>\r\n<body>\r\n\
         <center><h1>301 Moved Permanently</h1></center>\r\n</body>\r\n</html>\r\n"
    );
}

#[test]
fn head_gets_the_same_head_and_no_body() {
    let reply = Reply::of(Cause::RouteNotFound);
    let (full, _) = rendered(&reply, &context());
    let head_only = ReplyContext {
        head_only: true,
        ..context()
    };
    assert_eq!(rendered(&reply, &head_only), (full, String::new()));
}

#[test]
fn options_asterisk_has_neither_body_nor_length() {
    let (head, body) = rendered(&Reply::options_asterisk(), &context());
    assert!(head.starts_with("HTTP/1.1 204 No Content\r\n"));
    assert_eq!(field(&head, "Content-Length"), None);
    assert_eq!(field(&head, "Allow"), Some(super::ALLOW));
    assert_eq!(body, "");
    let (head, _) = rendered(&Reply::empty(200), &context());
    assert_eq!(field(&head, "Content-Length"), Some("0"));
    assert_eq!(field(&head, "Content-Type"), None);
}

#[test]
fn refusal_names_the_methods_and_overload_the_time_to_wait() {
    let (head, _) = rendered(&Reply::of(Cause::RequestMethodRefused), &context());
    assert_eq!(field(&head, "Allow"), Some(super::ALLOW));
    let (head, _) = rendered(&Reply::of(Cause::ConnectionLimit), &context());
    assert_eq!(field(&head, "Retry-After"), Some("1"));
    assert!(head.starts_with("HTTP/1.1 503 Service Temporarily Unavailable\r\n"));
}

#[test]
fn failure_after_an_attempt_shows_both_latencies_and_via() {
    let tried = Latency::Tried {
        upstream_ms: 12,
        gateway_ms: 1,
    };
    let context = ReplyContext {
        latency: tried,
        close: true,
        ..context()
    };
    let (head, _) = rendered(&Reply::of(Cause::ConnectTimeout), &context);
    assert_eq!(field(&head, "X-Kong-Upstream-Latency"), Some("12"));
    assert_eq!(field(&head, "X-Kong-Proxy-Latency"), Some("1"));
    assert_eq!(field(&head, "Via"), Some("1.1 silverback"));
    assert_eq!(field(&head, "X-Kong-Response-Latency"), None);
    assert_eq!(field(&head, "Connection"), Some("close"));
}

#[test]
fn message_is_escaped_for_its_form() {
    let reply = Reply::error(403, "a<b>&\"c\"\\'\u{1}\né");
    for (accept, expected) in [
        ("application/json", "a<b>&\\\"c\\\"\\\\'\\ufffd\\né"),
        (
            "text/html",
            "a&lt;b&gt;&amp;&quot;c&quot;\\&#39;\u{fffd}\né",
        ),
        (
            "application/xml",
            "a&lt;b&gt;&amp;&quot;c&quot;\\&#39;\u{fffd}\né",
        ),
        ("text/plain", "a<b>&\"c\"\\'\u{1}\né"),
    ] {
        let accept = Some(accept.as_bytes());
        let (head, body) = rendered(
            &reply,
            &ReplyContext {
                accept,
                ..context()
            },
        );
        assert!(body.contains(expected), "{body}");
        assert_eq!(
            field(&head, "Content-Length"),
            Some(&*body.len().to_string())
        );
    }
    assert_eq!(
        rendered(&Reply::exit(401, "a\"b"), &context()).1,
        "{\"message\":\"a\\\"b\"}"
    );
}

#[test]
fn no_value_splits_the_answer_and_no_field_reframes_it() {
    let reply = Reply::error(400, "x")
        .with("X-Echo", &b"a\r\nSet-Cookie: b\0"[..])
        .with("Content-Length", &b"0"[..])
        .with("transfer-encoding", &b"chunked"[..])
        .with("Connection", &b"close"[..]);
    let (head, _) = rendered(&reply, &context());
    assert_eq!(field(&head, "X-Echo"), Some("a  Set-Cookie: b "));
    assert_eq!(head.matches("Content-Length").count(), 1);
    assert_eq!(head.matches("Connection").count(), 1);
    assert_eq!(field(&head, "transfer-encoding"), None);
}

#[test]
fn details_are_a_structured_string() {
    let reply = Reply::of(Cause::DnsError).with_detail("no \"A\" for é\\");
    let (head, _) = rendered(&reply, &context());
    assert_eq!(
        field(&head, "Proxy-Status"),
        Some("silverback; error=dns_error; details=\"dns_error: no \\\"A\\\" for ??\\\\\"")
    );
    let (head, _) = rendered(&Reply::of(Cause::DnsError), &context());
    assert_eq!(
        field(&head, "Proxy-Status"),
        Some("silverback; error=dns_error")
    );
}

#[test]
fn raw_body_is_sent_as_it_is() {
    let body = Body::Raw {
        content_type: "image/gif".into(),
        bytes: b"GIF89a"[..].into(),
    };
    let reply = Reply {
        body,
        ..Reply::empty(200)
    };
    let (head, body) = rendered(&reply, &context());
    assert_eq!(field(&head, "Content-Type"), Some("image/gif"));
    assert_eq!(body, "GIF89a");
}

#[test]
fn every_cause_renders_a_complete_answer() {
    for cause in Cause::ALL {
        let (head, body) = rendered(&Reply::of(cause), &context());
        assert_eq!(
            field(&head, "Content-Length"),
            Some(&*body.len().to_string())
        );
        let status = cause.row().status;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{cause:?}"
        );
        assert_ne!(super::reason(status), "", "{cause:?}");
    }
}

#[test]
fn reply_of_constants_allocates_nothing_beyond_the_output() {
    let reply = Reply::of(Cause::RequestMalformed);
    assert_eq!(reply.fields.capacity(), 0);
    assert!(matches!(reply.message, std::borrow::Cow::Borrowed(_)));
    let mut out = Vec::with_capacity(1024);
    let room = out.as_ptr();
    render(&reply, &context(), &mut out);
    assert_eq!(out.as_ptr(), room);
}

mod stored {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::base::limits;
    use crate::http::answer::Lines;
    use crate::http::reply::Held;
    use crate::http::reply::Part;
    use crate::http::reply::Stored;
    use crate::http::reply::render_first;

    fn reply(body: &[u8], part: Part) -> Reply {
        let mut lines = Lines::default();
        lines.push(b"Content-Type", b"text/plain");
        lines.push(b"ETag", b"\"1\"");
        lines.push(b"Via", b"1.1 silverback");
        let answer = lines.finish(200, Bytes::copy_from_slice(body));
        Reply::stored(Stored {
            answer: Arc::new(Held(Arc::new(answer.unwrap()))),
            part,
        })
    }

    #[test]
    fn a_stored_answer_is_written_like_a_proxied_one() {
        let (head, body) = rendered(&reply(b"hello", Part::Whole), &context());
        assert_eq!(
            head,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: text/plain\r\n\
             ETag: \"1\"\r\n\
             Via: 1.1 silverback\r\n\
             Content-Length: 5\r\n\
             Connection: keep-alive\r\n\
             X-Kong-Upstream-Latency: 0\r\n\
             X-Kong-Proxy-Latency: 3\r\n\
             X-Kong-Request-Id: 0123456789abcdef0123456789abcdef"
        );
        assert_eq!(body, "hello");
    }

    #[test]
    fn a_part_says_which_and_a_304_says_nothing_of_the_body() {
        let (head, body) = rendered(&reply(b"hello", Part::Range(1..3)), &context());
        assert!(head.starts_with("HTTP/1.1 206 "));
        assert_eq!(field(&head, "Content-Range"), Some("bytes 1-2/5"));
        assert_eq!(field(&head, "Content-Length"), Some("2"));
        assert_eq!(body, "el");
        let (head, body) = rendered(&reply(b"hello", Part::Nothing), &context());
        assert!(head.starts_with("HTTP/1.1 304 "));
        assert_eq!(field(&head, "ETag"), Some("\"1\""));
        assert_eq!(field(&head, "Content-Type"), None);
        assert_eq!(field(&head, "Content-Length"), None);
        assert_eq!(body, "");
    }

    #[test]
    fn a_long_body_is_not_copied_at_once() {
        let body = vec![b'x'; 3 * limits::BUFFER_LARGE_BYTES];
        let reply = reply(&body, Part::Whole);
        let mut out = Vec::new();
        let rest = render_first(&reply, &context(), &mut out).len();
        assert_eq!(out.len(), limits::BUFFER_LARGE_BYTES);
        assert!(rest > 2 * limits::BUFFER_LARGE_BYTES);
        let whole = rendered(&reply, &context()).1;
        assert_eq!(whole.len(), body.len());
    }
}
