//! interim
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
use silverback::{base::ids::*, config::model::*, *};
use std::{sync::Arc, time::Duration};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let port: u16 = a[2].parse().unwrap();
    let s = Duration::from_secs;
    let t = ExchangeTimeouts {
        connect: s(60),
        write: s(60),
        read: s(60),
        idle: s(60),
        total: None,
    };
    let service = Service {
        id: kong_id("services", "o"),
        name: Some("o".into()),
        protocol: ServiceProtocol::Http,
        host: "127.0.0.1".into(),
        port,
        path: None,
        retries: 5,
        timeouts: t.clone(),
        enabled: true,
        tags: vec![],
    };
    let route = Route {
        id: kong_id("routes", "o"),
        name: Some("o".into()),
        service: Some(ServiceIndex(0)),
        protocols: Protocols {
            http: true,
            https: true,
        },
        methods: vec![],
        hosts: vec![],
        paths: vec!["/".into()],
        headers: vec![],
        snis: vec![],
        https_redirect_status_code: 426,
        regex_priority: 0,
        strip_path: true,
        path_handling: PathHandling::V0,
        preserve_host: false,
        request_buffering: true,
        response_buffering: true,
        timeouts: t,
        tags: vec![],
        created_at: 0,
    };
    let model = Model {
        gateway: Gateway {
            workers: Workers::Auto,
            drain_timeout: s(30),
            trusted_ips: vec![],
            real_ip_header: "X-Real-IP".into(),
            real_ip_recursive: false,
        },
        limits: Limits {
            request_head_bytes: 32768,
            request_headers: 100,
            request_line_bytes: 16384,
            request_body_bytes: None,
            response_head_bytes: 32768,
            response_headers: 200,
            connections: 100000,
            connection_requests: None,
            upstream_keepalive_pool: 512,
            upstream_keepalive_requests: None,
        },
        timeouts: Timeouts {
            client_header: s(10),
            client_body_idle: s(30),
            client_write_idle: s(30),
            keep_alive: s(75),
            upstream_keepalive_idle: s(60),
        },
        listeners: vec![],
        admin: None,
        access_log: None,
        dns: Dns {
            servers: vec![],
            family: DnsFamily::Any,
            timeout: s(1),
            valid_ttl: None,
            stale_ttl: s(1),
            not_found_ttl: s(1),
            error_ttl: s(1),
        },
        services: vec![service.into()],
        routes: vec![route.into()],
        upstreams: vec![],
    };
    let snap = Arc::new(snapshot::compile(&model, Generation(1), 1).unwrap());
    let (tx, rx) = bus::reports();
    let (mut link, control) = bus::connect(CoreId(0), tx).unwrap();
    let addr = a[1].parse().unwrap();
    let l = net::listener::bind(addr, 1024).unwrap();
    let w = worker::spawn(
        worker::Settings {
            core: CoreId(0),
            cpu: None,
            force_epoll: a.len() > 3,
            seed: 1,
            listeners: vec![(
                l,
                shard::Listening {
                    address: addr,
                    proxy_protocol: false,
                },
            )],
            log: None,
        },
        control,
    )
    .unwrap();
    link.send(bus::Directive::Install(snap, Arc::default()))
        .unwrap();
    while let Ok(r) = rx.recv() {
        match r {
            bus::Report::Counted(..) => {}
            r => eprintln!("{r:?}"),
        }
    }
    let _ = w.join();
}
