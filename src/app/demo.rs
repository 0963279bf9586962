//! `silverback demo`: the configuration it runs and what it tells the newcomer. Text only; the
//! composition root starts the mock origin and the gateway.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// What is known when the gateway has started.
#[derive(Clone, Copy, Debug)]
pub struct Demo<'a> {
    /// The driver in use: `io_uring` or `epoll`.
    pub driver: &'a str,
    /// How many workers run.
    pub workers: usize,
    /// The gateway's listener.
    pub listen: SocketAddr,
    /// The admin listener, if there is one.
    pub admin: Option<SocketAddr>,
    /// The mock origin.
    pub origin: SocketAddr,
}

/// The demo's configuration: one service, one route that takes everything.
pub fn toml(listen: SocketAddr, admin: Option<SocketAddr>, origin: SocketAddr) -> String {
    let admin = match admin {
        Some(admin) => format!("[admin]\naddress = \"{admin}\"\n\n"),
        None => String::new(),
    };
    format!(
        "# The demo's configuration. A file of your own may begin just like this.\n\
         [[listeners]]\naddress = \"{listen}\"\n\n\
         {admin}\
         [[services]]\nname = \"mock\"\nurl = \"http://{origin}\"\n\n\
         [[services.routes]]\nname = \"everything\"\npaths = [\"/\"]\n"
    )
}

/// What is printed when it serves: the addresses, and three commands that work when pasted.
pub fn banner(demo: &Demo<'_>) -> String {
    let Demo {
        driver,
        workers,
        listen,
        admin,
        origin,
    } = *demo;
    let (gateway, plural) = (reachable(listen), if workers == 1 { "" } else { "s" });
    let mut text = format!(
        "Silverback is running: {driver} driver, {workers} worker{plural}\n\n  \
         gateway      http://{gateway}\n"
    );
    if let Some(admin) = admin {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  admin        http://{}", reachable(admin));
    }
    let _ = write!(
        text,
        "  mock origin  http://{origin}\n\nTry\n\n  \
         curl -i 'http://{gateway}/hello?name=world'\n  \
         curl -i http://{gateway}/status/418\n  \
         curl -N http://{gateway}/stream/5\n\n\
         http://{gateway}/ lists what the origin can do. Ctrl-C stops.\n"
    );
    text
}

/// An address that a client on this machine can use: a listener on every address is reached at
/// loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::Demo;
    use super::banner;
    use super::toml;

    #[test]
    fn configuration_is_toml_with_the_addresses_given() {
        let address = |port: u16| ([127, 0, 0, 1], port).into();
        for admin in [None, Some(address(2))] {
            let text = toml(address(1), admin, address(3));
            let table: toml::Table = text.parse().unwrap();
            assert_eq!(
                table["listeners"][0]["address"].as_str(),
                Some("127.0.0.1:1")
            );
            assert_eq!(
                table["services"][0]["url"].as_str(),
                Some("http://127.0.0.1:3")
            );
            let route = &table["services"][0]["routes"][0];
            assert_eq!(route["paths"][0].as_str(), Some("/"));
            let found = table
                .get("admin")
                .and_then(|admin| admin["address"].as_str());
            assert_eq!(found, admin.map(|_| "127.0.0.1:2"));
        }
    }

    #[test]
    fn banner_has_three_commands_for_addresses_that_can_be_reached() {
        let demo = Demo {
            driver: "io_uring",
            workers: 2,
            listen: "[::]:8000".parse().unwrap(),
            admin: Some("0.0.0.0:8001".parse().unwrap()),
            origin: "127.0.0.1:9000".parse().unwrap(),
        };
        let text = banner(&demo);
        assert!(text.starts_with("Silverback is running: io_uring driver, 2 workers\n"));
        assert!(
            text.contains("http://127.0.0.1:8001\n") && text.contains("http://127.0.0.1:9000\n")
        );
        let commands = text
            .lines()
            .filter(|line| line.trim_start().starts_with("curl "));
        assert_eq!(
            commands
                .filter(|line| line.contains("http://[::1]:8000/"))
                .count(),
            3
        );
        assert!(
            !banner(&Demo {
                admin: None,
                ..demo
            })
            .contains("admin")
        );
    }
}
