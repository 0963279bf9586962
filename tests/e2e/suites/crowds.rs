//! Many connections: spread over the workers, bounded for each address, and room made by those that do nothing.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use socket2::Domain;
use socket2::Socket;
use socket2::Type;

use crate::support::Client;
use crate::support::Config;
use crate::support::End;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::wire::Wire;

cases! {
    eight_long_connections_do_not_end_on_one_worker: ["FI6"];
    eight_connections_with_proxy_headers_do_not_either: ["FI6"];
    eight_connections_under_epoll_do_not_either: ["FI6"];
    address_has_no_more_connections_than_it_may: ["FC14"];
    bound_of_an_address_holds_over_all_workers: ["FC14"];
    longest_idle_make_room_and_active_ones_stay: ["FC12"];
    flood_of_short_connections_leaves_nothing_behind: ["FC13", "FR2"];
}

/// How many connections each of two workers has, once they are `count` together.
fn spread(gateway: &Gateway, count: f64) -> [f64; 2] {
    eventually("the connections are reported", || {
        let each = ["0", "1"]
            .map(|core| gateway.metric(&format!("silverback_core_connections{{core=\"{core}\"}}")));
        (each[0] + each[1] == count).then_some(each)
    })
}

/// Opens eight connections at once, several times, and looks at where they are.
fn expect_spread(gateway: &Gateway, first: &str) {
    for round in 0..4 {
        let mut clients: Vec<Client> = (0..8).map(|_| gateway.client()).collect();
        for client in &mut clients {
            client.send(first).get("/").response().expect(200);
        }
        let each = spread(gateway, 8.0);
        assert!(each[0].max(each[1]) <= 5.0, "{each:?} in round {round}");
        for client in &mut clients {
            client.get("/").response().expect(200);
        }
        drop(clients);
        spread(gateway, 0.0);
    }
}

fn eight_long_connections_do_not_end_on_one_worker() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port()).gateway("workers = 2").start();
    expect_spread(&gateway, "");
}

fn eight_connections_with_proxy_headers_do_not_either() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 2")
        .listener("address = \"127.0.0.1:0\"\nproxy_protocol = true")
        .start();
    expect_spread(&gateway, "PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n");
}

fn eight_connections_under_epoll_do_not_either() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 2")
        .argument("--driver")
        .argument("epoll")
        .start();
    expect_spread(&gateway, "");
}

/// A connection from another address of this machine.
fn client_from(from: [u8; 4], to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::new(IpAddr::from(from), 0).into())
        .unwrap();
    socket.connect(&to.into()).unwrap();
    Client {
        wire: Wire::new(TcpStream::from(socket)),
    }
}

/// Whether the gateway serves the connection; otherwise it must have ended it.
fn is_served(client: &mut Client) -> bool {
    match client.get("/").try_response("GET") {
        Ok(response) => response.status() == 200,
        Err(broken) => {
            assert_ne!(broken.end, End::Timeout, "neither served nor closed");
            false
        }
    }
}

fn address_has_no_more_connections_than_it_may() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .sections("[overload]\nconnections_per_address = 3\n")
        .start();
    let mut first: Vec<Client> = (0..3).map(|_| gateway.client()).collect();
    for client in &mut first {
        client.get("/").response().expect(200);
    }
    assert!(!is_served(&mut gateway.client()), "a fourth of one address");
    let mut other = client_from([127, 0, 0, 2], gateway.listeners[0]);
    other.get("/").response().expect(200);
    for client in &mut first {
        client.get("/").response().expect(200);
    }
    eventually("it is counted", || {
        (gateway.metric("silverback_connections_refused_per_address_total") == 1.0).then_some(())
    });
    first.pop();
    eventually("there is room again", || {
        is_served(&mut gateway.client()).then_some(())
    });
}

fn bound_of_an_address_holds_over_all_workers() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .gateway("workers = 2")
        .sections("[overload]\nconnections_per_address = 5\n")
        .start();
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.client()).collect();
    let served = clients.iter_mut().map(is_served).filter(|served| *served);
    assert_eq!(served.count(), 5);
}

fn longest_idle_make_room_and_active_ones_stay() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/held" {
                held.wait();
            }
            peer.reply("done");
        }
    });
    let gateway = Config::to(origin.port()).limits("connections = 6").start();
    let mut active: Vec<Client> = (0..2).map(|_| gateway.client()).collect();
    for (number, client) in active.iter_mut().enumerate() {
        client.get("/held");
        origin.wait_request(number);
    }
    let mut idle: Vec<Client> = (0..4).map(|_| gateway.client()).collect();
    for client in &mut idle {
        client.get("/").response().expect(200);
    }
    // There is no room until they have been idle for a while.
    let mut new: Vec<Client> = (0..3).map(|_| gateway.client()).collect();
    for client in &mut new {
        client.get("/").response().expect(200);
    }
    for client in &mut idle {
        client.expect_eof();
    }
    gate.open();
    for client in &mut active {
        client.response().expect(200);
    }
    eventually("they are counted", || {
        (gateway.metric("silverback_connections_evicted_total") == 4.0).then_some(())
    });
}

fn flood_of_short_connections_leaves_nothing_behind() {
    let origin = Origin::hello();
    let mut gateway = Config::to(origin.port()).gateway("workers = 2").start();
    let mut bystander = gateway.client();
    bystander.get("/").response().expect(200);
    let before = gateway.fds();
    let flood: Vec<_> = (0..4)
        .map(|number| {
            let to = gateway.listeners[0];
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let Ok(stream) = TcpStream::connect_timeout(&to, Duration::from_secs(5)) else {
                        continue;
                    };
                    if number % 2 == 0 {
                        // Most are gone before they are accepted.
                        Wire::new(stream).reset();
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        bystander.get("/").response().expect(200);
    }
    for thread in flood {
        thread.join().unwrap();
    }
    bystander.get("/").response().expect(200);
    assert!(gateway.is_running());
    eventually("every descriptor is closed", || {
        (gateway.fds() <= before).then_some(())
    });
}
