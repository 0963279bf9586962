//! The admin listener: `/status` in Kong's shape, `/metrics` for Prometheus, and numbers that add up.

use crate::support::Client;
use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::message::text;

cases! {
    status_has_kongs_shape: [];
    metrics_are_prometheus_text: [];
    counters_add_up: [];
    connections_are_counted: [];
    unknown_paths_are_404: [];
    wrong_methods_are_405: [];
    admin_and_proxy_are_apart: [];
    the_log_says_less_for_a_while: [];
}

fn the_log_says_less_for_a_while() {
    let gateway = Config::empty().start();
    let path = "/debug/node/log-level";
    let level = || gateway.admin("GET", path).expect(200).text();
    assert_eq!(level(), r#"{"message":"log level: notice"}"#);
    let put = |level: &str| gateway.admin("PUT", &format!("{path}/{level}")).expect(200);
    put("error?timeout=0");
    assert_eq!(level(), r#"{"message":"log level: error"}"#);
    // Whoever makes the log silent cannot hide it.
    gateway.wait_log_count("entity=log-level", 1);
    put("debug?timeout=1");
    assert_eq!(level(), r#"{"message":"log level: debug"}"#);
    gateway.wait_log_count("entity=log-level", 2);
    eventually("the level is what it was at first", || {
        level().contains("notice").then_some(())
    });
}

fn status_has_kongs_shape() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        client.get("/").response().expect(200);
    }
    let status = eventually("the requests are counted", || {
        let response = gateway.admin("GET", "/status").expect(200);
        let status: serde_json::Value = serde_json::from_str(&response.text()).unwrap();
        (status["server"]["total_requests"].as_u64() >= Some(3)).then_some(status)
    });
    for key in [
        "connections_accepted",
        "connections_active",
        "connections_handled",
        "connections_reading",
        "connections_waiting",
        "connections_writing",
        "total_requests",
    ] {
        assert!(status["server"][key].is_u64(), "server.{key}: {status}");
    }
    assert!(status["configuration_hash"].is_string(), "{status}");
    assert!(status["memory"].is_object(), "{status}");
}

fn metrics_are_prometheus_text() {
    let gateway = Config::empty().start();
    gateway.get("/").expect(404);
    let response = gateway.admin("GET", "/metrics").expect(200);
    let media = response.head.one("content-type").unwrap();
    assert!(media.starts_with("text/plain"), "{media}");
    let mut typed = std::collections::HashSet::new();
    for line in response.text().lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name.to_owned()), "{name} is declared twice");
        } else if !line.starts_with('#') && !line.is_empty() {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix).filter(|n| typed.contains(*n)))
                .unwrap_or(name);
            assert!(typed.contains(family), "{line} has no type");
        }
    }
    for name in [
        "silverback_http_requests_total",
        "silverback_gateway_overhead_seconds",
        "silverback_upstream_latency_seconds",
        "silverback_connections_active",
        "silverback_upstream_connections_reused_total",
        "silverback_config_last_reload_success",
        "silverback_driver_info",
        "silverback_core_longest_turn_seconds",
        "silverback_build_info",
    ] {
        assert!(typed.contains(name), "{name} is not exported");
    }
}

fn counters_add_up() {
    let origin = Origin::echo();
    let gateway = Config::empty()
        .service(origin.port(), "", "paths = [\"/here\"]")
        .start();
    let mut client = gateway.client();
    for _ in 0..20 {
        client.post("/here", b"12345").response().expect(200);
    }
    for _ in 0..5 {
        client.get("/nowhere").response().expect(404);
    }
    eventually("every request is counted once", || {
        let all = gateway.metric("silverback_http_requests_total");
        (all == 25.0).then_some(())
    });
    let two = gateway
        .metric("silverback_http_requests_total{service=\"s0\",route=\"r0\",status_class=\"2xx\"}");
    assert_eq!(two, 20.0);
    assert_eq!(
        gateway.metric("silverback_failures_total{cause=\"route_not_found\"}"),
        5.0
    );
    assert_eq!(
        gateway.metric("silverback_upstream_connections_opened_total"),
        1.0
    );
    assert_eq!(
        gateway.metric("silverback_upstream_connections_reused_total"),
        19.0
    );
    assert_eq!(
        gateway.metric("silverback_gateway_overhead_seconds_count"),
        25.0
    );
    assert!(gateway.metric("silverback_upstream_sent_bytes_total") > 100.0);
    assert!(gateway.metric("silverback_received_bytes_total") > 100.0);
    assert_eq!(gateway.metric("silverback_panics_total"), 0.0);
}

fn connections_are_counted() {
    let origin = Origin::hello();
    let gateway = Gateway::to(&origin);
    let mut open: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    for client in &mut open {
        client.get("/").response().expect(200);
    }
    eventually("five are active", || {
        (gateway.metric("silverback_connections_active") == 5.0).then_some(())
    });
    drop(open);
    eventually("none is active", || {
        (gateway.metric("silverback_connections_active") == 0.0).then_some(())
    });
    assert_eq!(gateway.metric("silverback_connections_accepted_total"), 5.0);
}

fn unknown_paths_are_404() {
    let gateway = Config::empty().start();
    let response = gateway.admin("GET", "/nothing").expect(404);
    let body: serde_json::Value = serde_json::from_str(&response.text()).unwrap();
    assert_eq!(body["message"], "Not found");
}

fn wrong_methods_are_405() {
    let gateway = Config::empty().start();
    let response = gateway.admin("DELETE", "/status").expect(405);
    let body: serde_json::Value = serde_json::from_str(&response.text()).unwrap();
    assert_eq!(body["message"], "Method not allowed");
    gateway.admin("GET", "/reload").expect(405);
}

fn admin_and_proxy_are_apart() {
    let gateway = Config::empty().start();
    gateway.get("/status").expect(404);
    let mut client = Client::connect(gateway.admin);
    client.send("NONSENSE\r\n\r\n");
    let (bytes, _) = client.wire.read_to_end();
    assert!(
        text(&bytes).starts_with("HTTP/1.1 400"),
        "{:?}",
        text(&bytes)
    );
    gateway.admin("GET", "/status").expect(200);
}
