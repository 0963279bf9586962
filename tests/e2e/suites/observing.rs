//! Plugins that can refuse requests, told to refuse and told to look on.

use serde_json::Value;

use silverback::plugin::registry;

use crate::support::Config;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;

cases! {
    whoever_refuses_can_be_told_to_look_on: [];
    whoever_would_have_refused_is_named_once: [];
    a_body_of_unknown_length_is_looked_at: [];
}

/// A kind of plugin, a configuration of it, and how it refuses the last of three requests.
const REFUSERS: [(&str, &str, u16); 10] = [
    ("acl", "allow = [\"admins\"]", 401),
    ("basic-auth", "", 401),
    ("bot-detection", "deny = [\"^test\"]", 403),
    ("hmac-auth", "", 401),
    ("ip-restriction", "deny = [\"127.0.0.1\"]", 403),
    ("jwt", "", 401),
    ("key-auth", "", 401),
    ("rate-limiting", "year = 2", 429),
    (
        "request-size-limiting",
        "allowed_payload_size = 4, size_unit = \"bytes\"",
        413,
    ),
    (
        "response-ratelimiting",
        "limits = { a = { year = 2 } }",
        429,
    ),
];

const MODES: [&str; 2] = ["enforce", "observe"];

/// A gateway with a route for each plugin and mode.
fn gateway(origin: &Origin) -> Gateway {
    let mut entities = format!(
        "[[services]]\nname = \"s\"\nurl = \"http://127.0.0.1:{}\"\n",
        origin.port()
    );
    for (plugin, config, _) in REFUSERS {
        for mode in MODES {
            let rest = if config.is_empty() { "" } else { ", " };
            entities.push_str(&format!(
                "[[services.routes]]\nname = \"{plugin}.{mode}\"\npaths = [\"/{plugin}/{mode}\"]\n\
                 [[services.routes.plugins]]\nname = \"{plugin}\"\n\
                 config = {{ mode = \"{mode}\"{rest}{config} }}\n"
            ));
        }
    }
    Config::empty()
        .sections("[access_log]\npath = \"stdout\"\nformat = \"json\"\n")
        .entities(&entities)
        .start()
}

/// An origin whose answers cost something.
fn costly() -> Origin {
    Origin::answering("HTTP/1.1 200 OK\r\nX-Kong-Limit: a=1\r\nContent-Length: 2\r\n\r\nok")
}

/// The lines of the access log, so many.
fn lines(gateway: &Gateway, count: usize) -> Vec<Value> {
    eventually("all is logged", || {
        let text = gateway.stdout();
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let lines: Vec<Value> = lines.filter_map(Result::ok).collect();
        (lines.len() >= count).then_some(lines)
    })
}

fn refusals(gateway: &Gateway, plugin: &str, mode: &str) -> u32 {
    let series = format!("silverback_plugin_refusals_total{{plugin=\"{plugin}\",mode=\"{mode}\"}}");
    gateway.metric(&series) as u32
}

fn whoever_refuses_can_be_told_to_look_on() {
    let can_refuse = registry::ALL.iter().filter(|plugin| plugin.denies);
    let can_refuse: Vec<&str> = can_refuse.map(|plugin| plugin.name).collect();
    assert_eq!(can_refuse, REFUSERS.map(|(plugin, ..)| plugin));
    let origin = costly();
    let gateway = gateway(&origin);
    let mut statuses = Vec::new();
    for (plugin, _, refused) in REFUSERS {
        for mode in MODES {
            let mut client = gateway.client();
            let mut last = 0;
            for _ in 0..3 {
                client.send(format!(
                    "POST /{plugin}/{mode} HTTP/1.1\r\nHost: a\r\nUser-Agent: test/1\r\n\
                     Content-Length: 5\r\nConnection: close\r\n\r\nhello"
                ));
                last = client.response().status();
                client = gateway.client();
            }
            let expected = if mode == "enforce" { refused } else { 200 };
            statuses.push((plugin, mode, last, expected));
        }
    }
    for (plugin, mode, status, expected) in statuses {
        assert_eq!(status, expected, "{plugin} told to {mode}");
    }
    let lines = lines(&gateway, REFUSERS.len() * MODES.len() * 3);
    for (plugin, _, refused) in REFUSERS {
        let of = |mode: &str| {
            let route = format!("{plugin}.{mode}");
            lines.iter().filter(move |line| line["route"] == *route)
        };
        let denied = of("enforce")
            .filter(|line| line["status"] == refused)
            .count();
        let noted = of("observe")
            .filter(|line| line["would_deny"] == plugin)
            .count();
        assert!(denied > 0, "{plugin} refuses");
        assert_eq!(denied, noted, "{plugin} looks on as it refuses");
        assert!(of("enforce").all(|line| line.get("would_deny").is_none()));
        for mode in MODES {
            eventually("it is counted", || {
                (refusals(&gateway, plugin, mode) as usize == denied).then_some(())
            });
        }
    }
    for gauge in [
        "silverback_limit_counters",
        "silverback_limit_cells{core=\"0\"}",
    ] {
        // Two plugins count in each mode, by the client's address.
        eventually(gauge, || (gateway.metric(gauge) == 4.0).then_some(()));
    }
}

fn whoever_would_have_refused_is_named_once() {
    let origin = costly();
    let gateway = Config::to(origin.port())
        .sections("[access_log]\npath = \"stdout\"\nformat = \"$status $would_deny\"\n")
        .entities(
            "[[plugins]]\nname = \"key-auth\"\nconfig = { mode = \"observe\" }\n\
             [[plugins]]\nname = \"ip-restriction\"\n\
             config = { mode = \"observe\", deny = [\"127.0.0.1\"] }\n\
             [[plugins]]\nname = \"acl\"\nconfig = { mode = \"observe\", allow = [\"a\"] }\n",
        )
        .start();
    gateway.get("/").expect(200);
    let line = eventually("it is logged", || {
        let text = gateway.stdout();
        text.ends_with('\n').then_some(text)
    });
    assert_eq!(line, "200 key-auth,ip-restriction,acl\n");
}

fn a_body_of_unknown_length_is_looked_at() {
    let origin = Origin::echo();
    let gateway = gateway(&origin);
    for (mode, status) in [("enforce", 413), ("observe", 200)] {
        let mut client = gateway.client();
        client.send(format!(
            "POST /request-size-limiting/{mode} HTTP/1.1\r\nHost: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        ));
        client.send("3\r\ndef\r\n0\r\n\r\n");
        client.response().expect(status);
        eventually("it is counted", || {
            (refusals(&gateway, "request-size-limiting", mode) == 1).then_some(())
        });
    }
}
