//! The proxies that are compared, each started with a configuration of the same meaning: one
//! worker on CPU 0, keep-alive to the origin, no access log, nothing added that the others lack.

mod haproxy;
mod nginx;
pub(crate) mod node;
mod silverback;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;
use serde::Serialize;

use crate::net;
use crate::open::tls::Certificate;
use crate::policies::Policies;
use crate::process::Process;
use crate::routes::Catalogue;

/// One contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lane {
    Floor,
    Silverback,
    Nginx,
    Haproxy,
    /// Node's http-proxy; in the burst alone.
    Node,
}

/// Everything a lane's configuration depends on.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) origin: SocketAddrV4,
    pub(crate) catalogue: Catalogue,
    pub(crate) policies: Policies,
    /// Where Silverback has its entities.
    pub(crate) entities: Entities,
    pub(crate) workers: u32,
    /// CPUs the process may use, in `taskset`'s notation.
    pub(crate) cpus: &'static str,
    /// Master and workers, so that it can be reloaded.
    pub(crate) reloadable: bool,
    /// Path put before the request's own on the way to the origin; numbers a configuration.
    pub(crate) prefix: String,
    /// Peers add the forwarding fields that Silverback always adds.
    pub(crate) peer_headers: bool,
    /// Answers are large: the floor uses fewer and larger buffers.
    pub(crate) bulk: bool,
    /// Connections the proxy must hold.
    pub(crate) connections: u32,
    /// What single cases want.
    pub(crate) custom: Custom,
}

/// What single cases want; Silverback's parts are lines of its configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Custom {
    /// The listener speaks TLS.
    pub(crate) tls: Option<Certificate>,
    /// Servers that share the requests, instead of the one origin.
    pub(crate) targets: Vec<SocketAddrV4>,
    /// Lines of `[gateway]`, `[limits]`, `[timeouts]`, the service and the upstream.
    pub(crate) gateway: String,
    pub(crate) limits: String,
    pub(crate) timeouts: String,
    pub(crate) service: String,
    pub(crate) upstream: String,
    /// Whole sections.
    pub(crate) sections: String,
    /// Variables of its environment, `NAME=value`.
    pub(crate) environment: Vec<String>,
}

/// Where Silverback has its entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entities {
    /// In its configuration file.
    File,
    /// In a store, which has them before the start.
    Store,
    /// In a store that is empty.
    Nowhere,
}

/// Programs and where files go.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    pub(crate) own: PathBuf,
    pub(crate) silverback: PathBuf,
    pub(crate) directory: PathBuf,
}

impl Workshop {
    /// Why Silverback does not take a configuration, in its own words.
    pub(crate) fn refusal(&self, setup: &Setup) -> io::Result<Option<String>> {
        let ports = Ports {
            listen: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1),
            admin: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2),
        };
        let file = self.directory.join("taken.toml");
        fs::write(&file, silverback::config(setup, &ports, &self.directory))?;
        let output = Command::new(&self.silverback)
            .args(["check", "--config"])
            .arg(&file)
            .output()?;
        if output.status.success() {
            return Ok(None);
        }
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.contains("error"));
        Ok(Some(line.unwrap_or("no reason given").trim().to_owned()))
    }

    /// Whether Silverback has a verb.
    pub(crate) fn has_verb(&self, verb: &str) -> bool {
        let output = Command::new(&self.silverback)
            .args([verb, "--help"])
            .output();
        output.is_ok_and(|output| output.status.success())
    }
}

/// A running contender.
pub(crate) struct Running {
    pub(crate) lane: Lane,
    pub(crate) process: Process,
    pub(crate) address: SocketAddrV4,
    /// Silverback's admin listener.
    pub(crate) admin: Option<SocketAddrV4>,
    pub(crate) config: PathBuf,
    setup: Setup,
}

/// Addresses a configuration names.
struct Ports {
    listen: SocketAddrV4,
    admin: SocketAddrV4,
}

impl Lane {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Silverback => "silverback",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Node => "node",
        }
    }

    /// The version as the program states it, or why the lane cannot run.
    pub(crate) fn version(self, workshop: &Workshop) -> Result<String, String> {
        let (program, argument) = match self {
            Self::Floor => return Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Silverback => (workshop.silverback.as_path(), "version"),
            Self::Nginx => (Path::new("nginx"), "-v"),
            Self::Haproxy => (Path::new("haproxy"), "-v"),
            Self::Node => (Path::new("node"), "--version"),
        };
        let output = Command::new(program).arg(argument).output();
        let output = output.map_err(|error| format!("{} is missing: {error}", self.name()))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        if output.status.success() {
            Ok(line)
        } else {
            Err(format!("does not run: {line}"))
        }
    }

    /// Writes the configuration, starts the program, waits until it listens.
    pub(crate) fn start(self, workshop: &Workshop, setup: &Setup) -> io::Result<Running> {
        let loopback = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let ports = Ports {
            listen: loopback(net::free_port()?),
            admin: loopback(net::free_port()?),
        };
        let directory = workshop
            .directory
            .join(format!("{}-{}", self.name(), ports.listen.port()));
        fs::create_dir_all(&directory)?;
        let config = directory.join("config");
        self.write(&config, &directory, setup, &ports)?;
        let program = match self {
            Self::Floor => workshop.own.as_path(),
            Self::Silverback => workshop.silverback.as_path(),
            Self::Nginx => Path::new("nginx"),
            Self::Haproxy => Path::new("haproxy"),
            Self::Node => Path::new("node"),
        };
        if self == Self::Silverback && setup.entities == Entities::Store {
            silverback::fill(workshop, setup, &config, &directory)?;
        }
        let arguments = self.arguments(&config, &directory, setup, &ports);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (mut program, own) = (program, program.display().to_string());
        if !setup.custom.environment.is_empty() {
            let environment = setup.custom.environment.iter().map(String::as_str);
            arguments = environment.chain([own.as_str()]).chain(arguments).collect();
            program = Path::new("env");
        }
        let log = directory.join("log");
        let mut process = Process::start(program, arguments, setup.cpus, &log)?;
        process.listens(ports.listen).map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            io::Error::other(format!("{error}: {}", log.trim()))
        })?;
        Ok(Running {
            lane: self,
            process,
            address: ports.listen,
            admin: (self == Self::Silverback).then_some(ports.admin),
            config,
            setup: setup.clone(),
        })
    }

    fn write(
        self,
        config: &Path,
        directory: &Path,
        setup: &Setup,
        ports: &Ports,
    ) -> io::Result<()> {
        Draft::new(config, &self.text(directory, setup, ports)?)?.publish()
    }

    fn text(self, directory: &Path, setup: &Setup, ports: &Ports) -> io::Result<String> {
        Ok(match self {
            Self::Floor => String::new(),
            Self::Silverback => silverback::config(setup, ports, directory),
            Self::Nginx => nginx::config(setup, ports, directory),
            Self::Haproxy => {
                fs::write(directory.join("routes.map"), haproxy::map(setup))?;
                haproxy::config(setup, ports, directory)
            }
            Self::Node => node::script(setup, ports, directory),
        })
    }

    fn arguments(
        self,
        config: &Path,
        directory: &Path,
        setup: &Setup,
        ports: &Ports,
    ) -> Vec<String> {
        let config = config.display().to_string();
        let list: Vec<String> = match self {
            Self::Floor => vec![
                "floor".into(),
                format!("--listen={}", ports.listen),
                format!("--to={}", setup.origin),
                format!("--buffers={}", if setup.bulk { 512 } else { 2048 }),
                format!(
                    "--buffer-bytes={}",
                    if setup.bulk { 128 * 1024 } else { 16 * 1024 }
                ),
            ],
            Self::Silverback => vec!["run".into(), "--config".into(), config],
            Self::Nginx => {
                vec![
                    "-p".into(),
                    directory.display().to_string(),
                    "-c".into(),
                    config,
                ]
            }
            Self::Haproxy if setup.reloadable => vec!["-W".into(), "-f".into(), config],
            Self::Haproxy => vec!["-f".into(), config],
            Self::Node => vec![config],
        };
        list
    }
}

impl Running {
    /// `host:port`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Replaces the configuration file; the program is not told.
    pub(crate) fn rewrite(&mut self, change: impl FnOnce(&mut Setup)) -> io::Result<()> {
        let text = self.text(change)?;
        self.draft(&text)?.publish()
    }

    /// The configuration file's text after a change.
    pub(crate) fn text(&mut self, change: impl FnOnce(&mut Setup)) -> io::Result<String> {
        change(&mut self.setup);
        let directory = self
            .config
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let unused = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let ports = Ports {
            listen: self.address,
            admin: self.admin.unwrap_or(unused),
        };
        self.lane.text(&directory, &self.setup, &ports)
    }

    /// A text ready to take the configuration file's place.
    pub(crate) fn draft(&self, text: &str) -> io::Result<Draft> {
        Draft::new(&self.config, text)
    }
}

/// A written file that is not yet the configuration.
pub(crate) struct Draft {
    from: PathBuf,
    to: PathBuf,
}

impl Draft {
    fn new(config: &Path, text: &str) -> io::Result<Self> {
        let from = config.with_extension("new");
        fs::write(&from, text)?;
        Ok(Self {
            from,
            to: config.to_path_buf(),
        })
    }

    /// Renames it into place, so that a watcher never reads half a file.
    pub(crate) fn publish(self) -> io::Result<()> {
        fs::rename(self.from, self.to)
    }
}
