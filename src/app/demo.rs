//! `silverback demo`: a gateway and a mock origin in one process, and what the newcomer is told.

use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use super::cli::DriverChoice;
use super::cli::Exit;
use super::mock_origin::MockOrigin;
use super::reachable;
use super::run::Plan;
use super::run::Running;

/// Runs the demo to its end; the admin listener takes the next port, as in Kong's own numbers.
pub fn run(listen: SocketAddr, driver: DriverChoice) -> Exit {
    let origin = match MockOrigin::start() {
        Ok(origin) => origin,
        Err(error) => {
            eprintln!("silverback: the mock origin does not start: {error}");
            return Exit::Refused;
        }
    };
    let mock = origin.address();
    let port = match listen.port() {
        0 => Some(0),
        port => port.checked_add(1),
    };
    // On this machine alone, wherever the gateway listens.
    let admin = port.map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    let welcome = move |running: &Running| {
        let text = banner(running, mock);
        // Who closes the output early does not want to read it.
        let _ = io::stdout().write_all(text.as_bytes());
    };
    let plan = Plan::of_text("demo", toml(listen, admin, mock));
    plan.driver(driver).welcome(welcome).run()
}

/// The demo's configuration: one service, one route that takes everything.
fn toml(listen: SocketAddr, admin: Option<SocketAddr>, origin: SocketAddr) -> String {
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
fn banner(running: &Running, origin: SocketAddr) -> String {
    let mut text = String::from("Silverback is running:");
    for (place, (driver, workers)) in running.drivers.iter().enumerate() {
        let (comma, plural) = (
            if place > 0 { "," } else { "" },
            if *workers == 1 { "" } else { "s" },
        );
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma} {driver} driver, {workers} worker{plural}");
    }
    let gateway = running.listeners.first().copied().map(reachable);
    let gateway = gateway.map_or_else(String::new, |gateway| gateway.to_string());
    let _ = write!(text, "\n\n  gateway      http://{gateway}\n");
    if let Some(admin) = running.admin {
        let _ = writeln!(text, "  admin        http://{}/status", reachable(admin));
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

#[cfg(test)]
mod tests {
    use super::Running;
    use super::banner;
    use super::toml;
    use crate::bus::Driver;

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
        let running = Running {
            drivers: vec![(Driver::Epoll, 2)],
            listeners: vec!["[::]:8000".parse().unwrap()],
            admin: Some("0.0.0.0:8001".parse().unwrap()),
        };
        let text = banner(&running, "127.0.0.1:9000".parse().unwrap());
        assert!(text.starts_with("Silverback is running: epoll driver, 2 workers\n"));
        assert!(
            text.contains("http://127.0.0.1:8001/") && text.contains("http://127.0.0.1:9000\n")
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
        let silent = Running {
            admin: None,
            ..running
        };
        let text = banner(&silent, "127.0.0.1:9000".parse().unwrap());
        assert!(!text.contains("admin"));
    }
}
