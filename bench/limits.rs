//! Instructions of rate-limiting in steady state: a request of a known consumer, with its counter found, its lease
//! spent from, and the fields for the client written. With one period and with three, for each window, among few counters
//! and among many, and for a refusal. `cargo bench --bench limits` needs valgrind and `gungraun-runner`.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has no result"
)]
#![expect(
    missing_docs,
    reason = "the harness generates items without documentation"
)]

use std::hint::black_box;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;

use gungraun::prelude::*;
use serde_json::Value;
use serde_json::json;
use silverback::base::clock::Instant;
use silverback::base::ids::CoreId;
use silverback::http::RequestHead;
use silverback::http1::HeadLimits;
use silverback::http1::request;
use silverback::plugin::Blueprint;
use silverback::plugin::Consumer;
use silverback::plugin::Core;
use silverback::plugin::Directory;
use silverback::plugin::Edits;
use silverback::plugin::Identity;
use silverback::plugin::Known;
use silverback::plugin::Named;
use silverback::plugin::Notes;
use silverback::plugin::Own;
use silverback::plugin::Plugin;
use silverback::plugin::Request;
use silverback::plugin::Rewrite;
use silverback::plugin::Shared;
use silverback::plugin::registry;
use uuid::Uuid;

const HEAD: &[u8] = b"GET /v1/orders HTTP/1.1\r\nHost: api.test\r\nX-Tenant: blue\r\n\r\n";
const LIMITS: HeadLimits = HeadLimits {
    head_bytes: 4_096,
    line_bytes: 4_096,
    fields: 100,
};
const NOW: u64 = 1_781_913_600_000_000;

/// All that a request refers to.
struct Setup {
    plugin: Arc<dyn Plugin>,
    core: Core,
    head: RequestHead,
    directory: Directory,
    identity: Identity,
    upstream: Edits,
    rewrite: Rewrite,
    downstream: Edits,
    notes: Notes,
    route: Named,
    now: u64,
}

impl Setup {
    /// A core that has seen each of so many consumers, and a plugin with this configuration.
    fn new(config: Value, consumers: u32) -> Box<Self> {
        let consumer = |n: u32| {
            Arc::new(Consumer {
                id: Uuid::from_u128(u128::from(n) * 0x9e37_79b9_7f4a_7c15_f39c_c060),
                username: None,
                custom_id: None,
                tags: Vec::new(),
                created_at: 0,
            })
        };
        let everybody: Vec<_> = (1..=consumers).map(consumer).collect();
        let blueprint = Blueprint { config: &config };
        let definition = registry::find("rate-limiting").unwrap();
        let mut head = RequestHead::default();
        let mut progress = request::Progress::default();
        request::parse(HEAD, &LIMITS, &mut progress, &mut head).unwrap();
        let mut setup = Box::new(Self {
            plugin: (definition.compile)(&blueprint).unwrap(),
            core: Core::new(
                CoreId(0),
                1,
                Shared {
                    cores: 2,
                    ..Shared::default()
                },
            ),
            head,
            directory: Directory::new(&everybody, &[]),
            identity: Identity::default(),
            upstream: Edits::default(),
            rewrite: Rewrite::default(),
            downstream: Edits::default(),
            notes: Notes::default(),
            route: Named {
                id: Uuid::from_u128(7),
                label: "route".into(),
                is_named: true,
            },
            now: NOW,
        });
        for n in 0..consumers {
            setup.identity.consumer = Some(Known {
                index: n,
                id: everybody[n as usize].id,
            });
            setup.ask();
        }
        // A lease that lasts.
        for _ in 0..64 {
            setup.ask();
        }
        setup
    }

    fn ask(&mut self) -> bool {
        self.now += 1;
        self.downstream.clear();
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut request = Request {
            head: &self.head,
            bytes: HEAD,
            path: b"/v1/orders",
            raw_path: b"/v1/orders",
            body: None,
            received: Instant(self.now * 1_000),
            unix_micros: self.now,
            client,
            peer: (client, 40_000).into(),
            listener: (client, 8_000).into(),
            secure: false,
            connection_requests: 1,
            id: b"0123456789abcdef0123456789abcdef",
            route: &self.route,
            service: None,
            captures: None,
            own: Own::default(),
            identity: &mut self.identity,
            directory: &self.directory,
            upstream: &mut self.upstream,
            rewrite: &mut self.rewrite,
            downstream: &mut self.downstream,
            notes: &mut self.notes,
            repeat: &mut None,
            core: &self.core,
        };
        self.plugin
            .on_request(black_box(&mut request))
            .is_continue()
    }
}

fn minute(consumers: u32) -> Box<Setup> {
    Setup::new(json!({"minute": 1_000_000}), consumers)
}

fn three() -> Box<Setup> {
    let config = json!({"second": 900_000, "minute": 1_000_000, "hour": 9_000_000});
    Setup::new(config, 1)
}

fn window(window: &str) -> Box<Setup> {
    Setup::new(json!({"minute": 1_000_000, "window": window}), 1)
}

fn header() -> Box<Setup> {
    let config = json!({"minute": 1_000_000, "limit_by": "header", "header_name": "X-Tenant"});
    Setup::new(config, 1)
}

fn used_up() -> Box<Setup> {
    Setup::new(json!({"minute": 3}), 1)
}

#[library_benchmark]
#[bench::minute(minute(1))]
#[bench::minute_of_100000(minute(100_000))]
#[bench::second_minute_hour(three())]
#[bench::sliding(window("sliding"))]
#[bench::strict(window("strict"))]
#[bench::by_header(header())]
#[bench::refused(used_up())]
fn request_phase(mut setup: Box<Setup>) -> (bool, Box<Setup>) {
    (setup.ask(), setup)
}

library_benchmark_group!(name = limits, benchmarks = [request_phase]);

main!(library_benchmark_groups = limits);
