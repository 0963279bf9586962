//! The real binary in a directory of its own: configuration written, started on port 0, waited for until it
//! is ready, killed by its process id when the test ends. When the test fails, its log is in the report.

use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;

use super::client::Client;
use super::client::Response;
use super::gate::Watched;
use super::gate::eventually;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_silverback");

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(20);

/// A configuration in the making: sections by name, then entities as they are.
#[derive(Clone)]
pub(crate) struct Config {
    gateway: String,
    limits: String,
    timeouts: String,
    listeners: Vec<String>,
    sections: String,
    entities: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Config {
    /// One worker, one listener, an admin listener, no entities.
    pub(crate) fn empty() -> Self {
        Self {
            gateway: "workers = 1\n".to_owned(),
            limits: String::new(),
            timeouts: String::new(),
            listeners: Vec::new(),
            sections: String::new(),
            entities: String::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// As [`Config::empty`] with a service for the port and a route for every request.
    pub(crate) fn to(port: u16) -> Self {
        Self::empty().service(port, "", "paths = [\"/\"]")
    }

    /// Adds a service named after its number, with one route.
    pub(crate) fn service(self, port: u16, service: &str, route: &str) -> Self {
        let number = self.entities.matches("[[services]]").count();
        self.entities(&format!(
            "[[services]]\nname = \"s{number}\"\nurl = \"http://127.0.0.1:{port}\"\n{service}\n\
             [[services.routes]]\nname = \"r{number}\"\n{route}\n"
        ))
    }

    /// Adds keys to the only service.
    pub(crate) fn service_keys(mut self, keys: &str) -> Self {
        self.entities = self.entities.replacen(
            "[[services.routes]]",
            &format!("{keys}\n[[services.routes]]"),
            1,
        );
        self
    }

    /// Adds entities, written in TOML.
    pub(crate) fn entities(mut self, toml: &str) -> Self {
        self.entities.push_str(toml);
        self.entities.push('\n');
        self
    }

    /// Replaces `[gateway]`, which otherwise asks for one worker.
    pub(crate) fn gateway(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.gateway);
        self
    }

    /// Sets keys of `[limits]`.
    pub(crate) fn limits(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.limits);
        self
    }

    /// Sets keys of `[timeouts]`.
    pub(crate) fn timeouts(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.timeouts);
        self
    }

    /// Adds a listener; without one there is a plain one on port 0.
    pub(crate) fn listener(mut self, keys: &str) -> Self {
        self.listeners.push(keys.to_owned());
        self
    }

    /// Adds whole sections, written in TOML.
    pub(crate) fn sections(mut self, toml: &str) -> Self {
        self.sections.push_str(toml);
        self.sections.push('\n');
        self
    }

    /// Adds an argument after `run --config FILE`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Sets an environment variable.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The file's text.
    pub(crate) fn toml(&self) -> String {
        let plain = "address = \"127.0.0.1:0\"".to_owned();
        let listeners = if self.listeners.is_empty() {
            std::slice::from_ref(&plain)
        } else {
            &self.listeners
        };
        let mut text = format!(
            "[gateway]\n{}\n[limits]\n{}\n[timeouts]\n{}\n",
            self.gateway, self.limits, self.timeouts
        );
        for listener in listeners {
            text.push_str(&format!("[[listeners]]\n{listener}\n"));
        }
        text.push_str("[admin]\naddress = \"127.0.0.1:0\"\n");
        text + &self.sections + &self.entities
    }

    /// Starts the gateway and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(self) -> Gateway {
        Gateway::start(&self)
    }
}

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    ended: bool,
}

/// A running gateway.
pub(crate) struct Gateway {
    child: Child,
    directory: tempfile::TempDir,
    log: Watched<Log>,
    /// The listeners' addresses in the order of the configuration.
    pub(crate) listeners: Vec<SocketAddr>,
    /// The admin listener's address.
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    /// A gateway in front of one origin, everything else default.
    #[track_caller]
    pub(crate) fn to(origin: &super::origin::Origin) -> Self {
        Config::to(origin.port()).start()
    }

    #[track_caller]
    fn start(config: &Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("silverback.toml");
        std::fs::write(&file, config.toml()).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("run").arg("--config").arg(&file);
        command.args(&config.arguments);
        command.envs(config.environment.iter().map(|(k, v)| (k, v)));
        Self::spawn(command, directory)
    }

    /// Starts any command that ends up as a gateway with this directory.
    #[track_caller]
    pub(crate) fn spawn(command: Command, directory: tempfile::TempDir) -> Self {
        Self::spawn_with(command, directory, Stdio::null())
    }

    /// As [`Gateway::spawn`], with something on its standard input.
    #[track_caller]
    pub(crate) fn spawn_with(
        mut command: Command,
        directory: tempfile::TempDir,
        stdin: Stdio,
    ) -> Self {
        let access = std::fs::File::create(directory.path().join("stdout")).unwrap();
        let mut child = command
            .current_dir(directory.path())
            .stdin(stdin)
            .stdout(access)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Watched::<Log>::default();
        let writer = log.clone();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { break };
                writer.change(|log| log.lines.push(line));
            }
            writer.change(|log| log.ended = true);
        });
        let mut gateway = Self {
            child,
            directory,
            log,
            listeners: Vec::new(),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        gateway.wait_ready();
        gateway
    }

    #[track_caller]
    fn wait_ready(&mut self) {
        let ready = self.log.wait_for(START, |log| {
            let ready = log.lines.iter().any(|line| said(line, "ready"));
            (ready || log.ended).then_some(ready)
        });
        assert_eq!(ready, Some(true), "the gateway does not get ready");
        let lines = self.log_lines();
        self.listeners = lines
            .iter()
            .filter_map(|l| address(l, "listening on "))
            .collect();
        if let Some(admin) = lines.iter().find_map(|line| address(line, "admin on ")) {
            self.admin = admin;
        }
        assert!(
            !self.listeners.is_empty(),
            "no line says `listening on ADDRESS`"
        );
    }

    /// Opens a connection to the first listener.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.listeners[0])
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path).response()
    }

    /// One request to the admin listener.
    #[track_caller]
    pub(crate) fn admin(&self, method: &str, path: &str) -> Response {
        let mut client = Client::connect(self.admin);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        client.send(request).response()
    }

    /// The value of a metric whose series line begins with the prefix; 0 if there is none.
    #[track_caller]
    pub(crate) fn metric(&self, prefix: &str) -> f64 {
        let text = self.admin("GET", "/metrics").expect(200).text();
        text.lines()
            .filter(|line| line.starts_with(prefix))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The processes that have taken this one's place, one after the other.
    pub(crate) fn successors(&self) -> Vec<u32> {
        let lines = self.log_lines();
        let pid = |line: &String| {
            let rest = line.split_once("INFO process ")?.1;
            rest.strip_suffix(" has taken over")?.parse().ok()
        };
        lines.iter().filter_map(pid).collect()
    }

    /// Sends a signal to this process.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends this process by a signal and starts another with the same configuration in the same directory.
    #[track_caller]
    pub(crate) fn again(mut self, signal: Signal) -> Self {
        self.signal(signal);
        self.wait_exit();
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        let mut command = Command::new(BINARY);
        let file = directory.path().join("silverback.toml");
        command.arg("run").arg("--config").arg(file);
        Self::spawn(command, directory)
    }

    /// Waits for the process to leave by itself.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the gateway leaves", || child.try_wait().unwrap())
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The process's directory: configuration, access log.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join("silverback.toml")
    }

    /// What the process has written to its standard output.
    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.directory().join("stdout")).unwrap()
    }

    /// What the process has written to its standard error.
    pub(crate) fn log_lines(&self) -> Vec<String> {
        self.log.read(|log| log.lines.clone())
    }

    /// Waits for a line of the log that holds the text.
    #[track_caller]
    pub(crate) fn wait_log(&self, text: &str) -> String {
        self.wait_log_count(text, 1)
    }

    /// Waits for the line that is the `count`-th to hold the text.
    #[track_caller]
    pub(crate) fn wait_log_count(&self, text: &str, count: usize) -> String {
        let line = self.log.wait_for(START, |log| {
            let mut lines = log.lines.iter().filter(|line| line.contains(text));
            lines.nth(count - 1).cloned()
        });
        line.unwrap_or_else(|| panic!("the log never says {text:?} {count} times"))
    }

    /// Resident memory in bytes.
    pub(crate) fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1_024
    }

    /// Open file descriptors.
    pub(crate) fn fds(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .count()
    }

    /// Clock ticks of CPU time used so far.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let after = stat
            .rsplit(") ")
            .next()
            .unwrap()
            .split(' ')
            .collect::<Vec<_>>();
        after[11].parse::<u64>().unwrap() + after[12].parse::<u64>().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in self.successors() {
            // All but the last have ended by themselves.
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        if std::thread::panicking() {
            let lines = self.log_lines();
            let tail = lines.len().saturating_sub(30);
            super::report::attach(&format!("gateway's log:\n{}", lines[tail..].join("\n")));
        }
    }
}

/// Whether a log line's message is this one word.
fn said(line: &str, word: &str) -> bool {
    line == word || line.ends_with(&format!(" {word}")) || line.contains(&format!(" {word} "))
}

/// The address behind a phrase in a log line.
fn address(line: &str, phrase: &str) -> Option<SocketAddr> {
    let rest = line.split(phrase).nth(1)?;
    rest.split_whitespace()
        .next()?
        .trim_end_matches(',')
        .parse()
        .ok()
}
