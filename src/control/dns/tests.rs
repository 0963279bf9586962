//! The resolver against a scripted name server on a UDP socket of its own.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::OpCode;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::rdata::SRV;
use tokio::net::UdpSocket;

use super::*;
use crate::snapshot::Address;
use crate::snapshot::DnsFault;
use crate::snapshot::NameKind;
use crate::snapshot::Resolved;

/// What the scripted server does with one question.
enum Say {
    Records(Vec<Record>),
    Code(ResponseCode),
    Nothing,
    Garbage,
}

/// Starts a server that answers question number `n` of a name and type by the script.
async fn server(script: impl Fn(&str, RecordType, u32) -> Say + Send + 'static) -> model::Dns {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut seen: HashMap<(String, RecordType), u32> = HashMap::new();
        let mut buffer = [0; 1_500];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let query = asked.queries[0].clone();
            let name = query.name().to_ascii();
            let count = seen.entry((name.clone(), query.query_type())).or_default();
            let mut reply = Message::response(asked.metadata.id, OpCode::Query);
            reply.add_query(query.clone());
            let say = script(&name, query.query_type(), *count);
            *count += 1;
            match say {
                Say::Records(records) => {
                    reply.add_answers(records);
                }
                Say::Code(code) => reply.metadata.response_code = code,
                Say::Nothing => continue,
                Say::Garbage => {
                    socket.send_to(&buffer[..3], from).await.unwrap();
                    let mut looped = reply.to_vec().unwrap();
                    looped.truncate(12);
                    // A compressed name that points at itself.
                    looped.extend([0xc0, 12, 0, 1, 0, 1]);
                    socket.send_to(&looped, from).await.unwrap();
                    reply.metadata.id = reply.metadata.id.wrapping_add(1);
                    reply.add_answer(a(&name, 60, 66));
                }
            }
            socket
                .send_to(&reply.to_vec().unwrap(), from)
                .await
                .unwrap();
        }
    });
    model::Dns {
        servers: vec![address],
        family: model::DnsFamily::Any,
        timeout: Duration::from_millis(150),
        valid_ttl: None,
        stale_ttl: Duration::from_secs(3_600),
        not_found_ttl: Duration::from_secs(30),
        error_ttl: Duration::from_secs(1),
    }
}

fn a(name: &str, ttl: u32, end: u8) -> Record {
    let address = Ipv4Addr::new(10, 0, 0, end);
    Record::from_rdata(
        Name::from_ascii(name).unwrap(),
        ttl,
        RData::A(address.into()),
    )
}

fn srv(name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Record {
    let srv = SRV::new(priority, weight, port, Name::from_ascii(target).unwrap());
    Record::from_rdata(Name::from_ascii(name).unwrap(), 60, RData::SRV(srv))
}

fn none() -> Say {
    Say::Records(Vec::new())
}

fn v4(end: u8) -> Address {
    Address {
        ip: Ipv4Addr::new(10, 0, 0, end).into(),
        port: None,
        weight: None,
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(20), test)
            .await
            .expect("ends in time");
    });
}

async fn ask(dns: &mut Dns, settings: &model::Dns, host: &str, kind: NameKind) -> Resolved {
    dns.adopt(
        Generation(1),
        settings,
        &[NameQuery {
            host: host.into(),
            kind,
        }],
    );
    dns.settled().await;
    dns.addresses().names[0].clone()
}

#[test]
fn a_records_are_followed_through_an_alias_and_asked_again_after_their_ttl() {
    run(async {
        let settings = server(|name, kind, n| match kind {
            RecordType::A if n == 0 => {
                let alias = CNAME(Name::from_ascii("real.example.").unwrap());
                let owner = Name::from_ascii(name).unwrap();
                let alias = Record::from_rdata(owner, 60, RData::CNAME(alias));
                Say::Records(vec![
                    alias,
                    a("real.example.", 1, 2),
                    a("real.example.", 1, 1),
                ])
            }
            RecordType::A => Say::Records(vec![a(name, 60, 3)]),
            _ => none(),
        })
        .await;
        let mut dns = Dns::new(&settings);
        let first = ask(&mut dns, &settings, "orders.example", NameKind::Address).await;
        assert_eq!(first, Resolved::Addresses(vec![v4(1), v4(2)]));
        let told = dns.changed().await;
        assert_eq!(told.names[0], first);
        let later = dns.changed().await;
        assert_eq!(later.names[0], Resolved::Addresses(vec![v4(3)]));
        assert_eq!(later.generation, Generation(1));
    });
}

#[test]
fn ipv6_serves_a_name_that_has_nothing_else() {
    run(async {
        let settings = server(|name, kind, _| match kind {
            RecordType::AAAA => {
                let owner = Name::from_ascii(name).unwrap();
                let data = RData::AAAA(Ipv6Addr::LOCALHOST.into());
                Say::Records(vec![Record::from_rdata(owner, 60, data)])
            }
            _ => none(),
        })
        .await;
        let got = ask(
            &mut Dns::new(&settings),
            &settings,
            "six.example",
            NameKind::Address,
        )
        .await;
        let six = Address {
            ip: Ipv6Addr::LOCALHOST.into(),
            port: None,
            weight: None,
        };
        assert_eq!(got, Resolved::Addresses(vec![six]));
    });
}

#[test]
fn srv_gives_ports_and_weights_of_the_lowest_priority() {
    run(async {
        let settings = server(|name, kind, _| match (name, kind) {
            ("_http._tcp.example.", RecordType::SRV) => Say::Records(vec![
                srv(name, 2, 9, 9, "spare.example."),
                srv(name, 1, 5, 8001, "one.example."),
                srv(name, 1, 0, 8002, "two.example."),
            ]),
            ("one.example.", RecordType::A) => Say::Records(vec![a(name, 60, 1)]),
            ("two.example.", RecordType::A) => Say::Records(vec![a(name, 60, 2)]),
            ("plain.example.", RecordType::A) => Say::Records(vec![a(name, 60, 7)]),
            _ => none(),
        })
        .await;
        let mut dns = Dns::new(&settings);
        let got = ask(&mut dns, &settings, "_http._tcp.example", NameKind::Service).await;
        let one = Address {
            port: Some(8001),
            weight: Some(5),
            ..v4(1)
        };
        let two = Address {
            port: Some(8002),
            weight: Some(1),
            ..v4(2)
        };
        assert_eq!(got, Resolved::Addresses(vec![one, two]));
        let plain = ask(&mut dns, &settings, "plain.example", NameKind::Service).await;
        assert_eq!(plain, Resolved::Addresses(vec![v4(7)]), "no SRV record: A");
    });
}

#[test]
fn each_failure_is_told_apart_and_an_error_is_soon_asked_again() {
    run(async {
        let settings = server(|name, kind, n| match (name, kind) {
            ("gone.example.", _) => Say::Code(ResponseCode::NXDomain),
            ("silent.example.", _) => Say::Nothing,
            ("forged.example.", _) => Say::Garbage,
            // The client asks twice for each look-up that fails.
            ("sick.example.", RecordType::A) if n > 3 => Say::Records(vec![a(name, 60, 4)]),
            ("sick.example.", _) => Say::Code(ResponseCode::ServFail),
            _ => none(),
        })
        .await;
        let mut dns = Dns::new(&settings);
        let name = |host: &str| NameQuery {
            host: host.into(),
            kind: NameKind::Address,
        };
        let hosts = [
            "gone.example",
            "silent.example",
            "forged.example",
            "sick.example",
        ];
        dns.adopt(Generation(2), &settings, &hosts.map(name));
        dns.settled().await;
        let names = dns.addresses().names.clone();
        assert_eq!(names[0], Resolved::Failed(DnsFault::NotFound));
        assert_eq!(names[1], Resolved::Failed(DnsFault::Timeout));
        assert!(
            matches!(names[2], Resolved::Failed(_)),
            "a forged answer is no answer"
        );
        assert_eq!(names[3], Resolved::Failed(DnsFault::NotFound));
        while dns.changed().await.names[3] != Resolved::Addresses(vec![v4(4)]) {}
    });
}

#[test]
fn localhost_and_names_that_are_none_need_no_server() {
    run(async {
        let settings = server(|_, _, _| Say::Nothing).await;
        let mut dns = Dns::new(&settings);
        let loopback = Address {
            ip: Ipv4Addr::LOCALHOST.into(),
            port: None,
            weight: None,
        };
        let got = ask(&mut dns, &settings, "localhost", NameKind::Address).await;
        assert_eq!(got, Resolved::Addresses(vec![loopback]));
        let long = "x".repeat(300);
        let got = ask(&mut dns, &settings, &long, NameKind::Address).await;
        assert_eq!(got, Resolved::Failed(DnsFault::NotFound));
    });
}

#[test]
fn many_names_are_asked_a_few_at_a_time_and_told_together() {
    run(async {
        let settings = server(|name, kind, _| match kind {
            RecordType::A => Say::Records(vec![a(name, 60, 1)]),
            _ => none(),
        })
        .await;
        let mut dns = Dns::new(&settings);
        let name = |n: usize| NameQuery {
            host: format!("n{n}.example").into(),
            kind: NameKind::Address,
        };
        let names: Vec<NameQuery> = (0..300).map(name).collect();
        dns.adopt(Generation(1), &settings, &names);
        let mut lists = 0;
        loop {
            assert!(dns.flights.len() <= DNS_LOOKUPS);
            dns.changed().await;
            lists += 1;
            if dns.tally() == (300, 0) {
                break;
            }
        }
        assert!(lists < 100, "{lists} lists for 300 names");
    });
}
