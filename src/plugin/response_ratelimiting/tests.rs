//! What Kong 3.9.1 was recorded to answer, and what an origin may say.

use std::net::IpAddr;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::base::limits;
use crate::http::Method;
use crate::http1::HeadLimits;
use crate::http1::response;
use crate::plugin::BodyWish;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::field as field_of;
use crate::plugin::testing::lines;
use crate::plugin::testing::said;
use crate::plugin::testing::try_compile;

fn quotas(config: Value) -> Arc<dyn Plugin> {
    compile(&DEFINITION, config)
}

fn video() -> Arc<dyn Plugin> {
    quotas(json!({"limits": {"video": {"minute": 2}}}))
}

/// What becomes of an exchange whose origin sends these lines: the refusal, if any, and the lines that plugins add.
fn exchange(
    trial: &mut Trial,
    plugin: &dyn Plugin,
    origin: &[&str],
) -> (Option<Reply>, Vec<String>) {
    trial.downstream.clear();
    trial.notes.clear();
    assert!(trial.passes(plugin));
    let bytes = format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", origin.join("\r\n")).into_bytes();
    let mut head = ResponseHead::default();
    let limits = HeadLimits {
        head_bytes: limits::HEAD_BYTES_CEILING,
        line_bytes: limits::HEAD_BYTES_CEILING,
        fields: limits::HEADERS_CEILING,
    };
    let mut progress = response::Progress::default();
    response::parse(&bytes, &limits, &mut progress, Method::Get, &mut head).unwrap();
    let refusal = answer(trial, plugin, Some((&head, &bytes)));
    (refusal, lines(&trial.downstream))
}

fn answer(
    trial: &mut Trial,
    plugin: &dyn Plugin,
    origin: Option<(&ResponseHead, &[u8])>,
) -> Option<Reply> {
    let mut response = Response {
        status: 200,
        origin,
        method: Method::Get,
        request: (&trial.head, &trial.bytes),
        path: b"/",
        route: Some(&trial.route),
        service: trial.service.as_ref(),
        identity: &trial.identity,
        directory: &trial.directory,
        edits: &mut trial.downstream,
        body: BodyWish::Nothing,
        notes: &mut trial.notes,
        core: &trial.core,
        unix_micros: trial.unix_micros,
    };
    match plugin.on_response(&mut response) {
        ControlFlow::Break(Interrupt::Reply(reply)) => Some(*reply),
        ControlFlow::Break(Interrupt::Wait(_) | Interrupt::Delay(_)) => {
            panic!("an answer does not wait")
        }
        ControlFlow::Continue(()) => None,
    }
}

#[test]
fn a_quota_of_two_is_charged_and_told_as_recorded() {
    let plugin = video();
    let mut trial = Trial::new("GET /rrl", &[]);
    for (before, after) in [("2", "1"), ("1", "0")] {
        let (refusal, lines) = exchange(&mut trial, &*plugin, &["X-Kong-Limit: video=1"]);
        assert_eq!(refusal, None);
        let expected = [
            format!("X-RateLimit-Remaining-video: {before}"),
            "X-RateLimit-Limit-video-minute: 2".to_owned(),
            format!("X-RateLimit-Remaining-video-minute: {after}"),
        ];
        assert_eq!(lines, expected);
        let known = Name::of(b"x-kong-limit");
        assert!(trial.downstream.removes(known, b"X-Kong-Limit"));
    }
    let origin = [
        "X-Kong-Limit: video=1",
        "X-Echo: a",
        "Content-Type: application/json",
        "Content-Length: 3",
        "Connection: X-Hop",
        "X-Hop: 1",
        "Date: now",
    ];
    let (refusal, lines) = exchange(&mut trial, &*plugin, &origin);
    let refusal = refusal.unwrap();
    assert_eq!((refusal.status, said(&refusal)), (429, ""));
    assert_eq!(field_of(&refusal, "X-Echo"), Some("a"));
    assert_eq!(field_of(&refusal, "Content-Type"), Some("application/json"));
    assert_eq!(refusal.fields.len(), 2);
    assert_eq!(lines[2], "X-RateLimit-Remaining-video-minute: 0");
    // The refusal passes through the plugins too, which leaves it as it is.
    let told = trial.downstream.clone();
    assert_eq!(answer(&mut trial, &*plugin, None), None);
    assert_eq!(trial.downstream, told);
}

#[test]
fn the_last_of_a_quota_may_be_overdrawn_and_then_all_is_refused() {
    let plugin = quotas(json!({"limits": {"image": {"day": 9}, "video": {"day": 3, "month": 30}}}));
    let mut trial = Trial::new("GET /", &[]);
    let (refusal, _) = exchange(&mut trial, &*plugin, &["X-Kong-Limit: video=2"]);
    assert_eq!(refusal, None);
    let (refusal, _) = exchange(&mut trial, &*plugin, &["X-Kong-Limit: video=4"]);
    assert_eq!(refusal, None);
    let cost = "X-Kong-Limit: image=1 , video = 1";
    let (refusal, lines) = exchange(&mut trial, &*plugin, &[cost]);
    assert!(refusal.is_some());
    let expected = [
        "X-RateLimit-Remaining-image: 9",
        "X-RateLimit-Remaining-video: 0",
        "X-RateLimit-Limit-image-day: 9",
        "X-RateLimit-Remaining-image-day: 9",
        "X-RateLimit-Limit-video-day: 3",
        "X-RateLimit-Remaining-video-day: 0",
        "X-RateLimit-Limit-video-month: 30",
        "X-RateLimit-Remaining-video-month: 24",
    ];
    assert_eq!(lines, expected);
    let (refusal, lines) = exchange(&mut trial, &*plugin, &["X-Kong-Limit: image=1"]);
    assert_eq!(refusal, None);
    assert!(lines.contains(&"X-RateLimit-Remaining-image-day: 8".to_owned()));
}

#[test]
fn the_first_violation_blocks_if_it_is_to() {
    let config = json!({"limits": {"video": {"minute": 1}}, "block_on_first_violation": true});
    let plugin = quotas(config);
    let mut trial = Trial::new("GET /", &[]);
    let (refusal, _) = exchange(&mut trial, &*plugin, &["X-Kong-Limit: video=1"]);
    assert_eq!(refusal, None);
    trial.downstream.clear();
    let reply = trial.refused_by(&*plugin);
    let said = (reply.status, said(&reply));
    assert_eq!(said, (429, "API rate limit exceeded for 'video'"));
    assert!(trial.downstream.is_empty());
}

#[test]
fn an_answer_of_ones_own_and_one_without_the_field_cost_nothing() {
    let plugin = video();
    let mut trial = Trial::new("GET /", &[]);
    assert!(trial.passes(&*plugin));
    assert_eq!(answer(&mut trial, &*plugin, None), None);
    let remaining = trial
        .downstream
        .added(b"X-RateLimit-Remaining-video-minute");
    assert_eq!(remaining, Some(&b"2"[..]));
    let (_, lines) = exchange(&mut trial, &*plugin, &["X-A: video=1"]);
    assert_eq!(lines[2], "X-RateLimit-Remaining-video-minute: 2");
}

#[test]
fn hidden_quotas_are_charged_and_not_told() {
    let config = json!({"limits": {"v": {"minute": 1}}, "hide_client_headers": true,
        "header_name": "X-Cost", "limit_by": "ip"});
    let plugin = quotas(config);
    let mut trial = Trial::new("GET /", &[]);
    let cost = ["X-Cost: v=1"];
    assert_eq!(exchange(&mut trial, &*plugin, &cost), (None, vec![]));
    assert!(exchange(&mut trial, &*plugin, &cost).0.is_some());
    trial.client = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(exchange(&mut trial, &*plugin, &cost), (None, vec![]));
}

#[test]
fn costs_are_read_as_kong_reads_them() {
    let of_video = |cost: &str| amount_of(b"video", cost.as_bytes());
    assert_eq!(of_video("video=2, image=1"), 2);
    assert_eq!(of_video(" image=1 ,video = 3"), 3);
    assert_eq!(of_video("video=1,video=5"), 5);
    assert_eq!(of_video("video=1.5"), 2);
    for nothing in [
        "",
        "video",
        "video=",
        "video=x",
        "video=-1",
        "video=1=2",
        "Video=1",
        "video=nan",
    ] {
        assert_eq!(of_video(nothing), 0, "{nothing}");
    }
    assert_eq!(of_video("video=1e300"), u32::MAX);
}

#[test]
fn wrong_configurations_are_refused() {
    let Value::Object(limits) = json!({"second": 10, "hour": 5}) else {
        panic!("an object");
    };
    let order = "the limit for hour(5.0) cannot be lower than the limit for second(10.0)";
    assert_eq!(check_order(&limits).unwrap_err().message, order);
    let evil = json!({"limits": {"a\r\nb": {"minute": 1}}});
    assert!(try_compile(&DEFINITION, evil).is_err());
}
