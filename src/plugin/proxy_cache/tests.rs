//! Whole exchanges against a core's store, without a network.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use serde_json::Value;
use serde_json::json;

use crate::base::clock::Instant;
use crate::cache::Micros;
use crate::http::Method;
use crate::http::Reply;
use crate::http::ResponseHead;
use crate::http::reply::Body;
use crate::http1::HeadLimits;
use crate::http1::response;
use crate::plugin::BodyWish;
use crate::plugin::Core;
use crate::plugin::Interrupt;
use crate::plugin::Log;
use crate::plugin::Plugin;
use crate::plugin::Repeat;
use crate::plugin::Response;
use crate::plugin::ResponseBody;
use crate::plugin::Signal;
use crate::plugin::testing::NOW_SECS;
use crate::plugin::testing::Trial;
use crate::plugin::testing::compile;
use crate::plugin::testing::rendered;

mod collapsing;
mod control;
mod keys;
mod stale;
mod storing;

const SECOND: Micros = 1_000_000;
const JSON: &str = "Content-Type: application/json";

/// A core with the plugin, and a clock.
struct Bench {
    plugin: Arc<dyn Plugin>,
    /// In the exchange's hands while it is asked.
    core: Core,
    now: Micros,
    /// What is to be made once more.
    repeats: Vec<Trial>,
}

/// What came of asking.
enum Outcome {
    /// The origin is to be asked.
    Origin,
    /// This is the answer.
    Given(Given),
    /// It has to wait.
    Wait(Rc<Signal>),
}

/// An answer as the client sees it.
#[derive(Debug)]
struct Given {
    status: u16,
    text: String,
}

impl Given {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.text.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// X-Cache-Status.
    fn says(&self) -> &str {
        self.field("X-Cache-Status").unwrap_or_default()
    }

    fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }
}

/// The same request once more.
fn again(trial: &Trial, repeat: Repeat) -> Trial {
    let text = String::from_utf8(trial.bytes.clone()).unwrap();
    let (start, rest) = text.split_once(" HTTP/1.1\r\n").unwrap();
    let start = match repeat.as_get {
        true => start.replacen("HEAD", "GET", 1),
        false => start.to_owned(),
    };
    let lines = rest.trim_end().lines();
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("Host")).collect();
    Trial {
        notes: repeat.notes,
        ..Trial::new(&start, &lines)
    }
}

impl Bench {
    fn new(config: Value) -> Self {
        let mut config = config;
        config["strategy"] = "memory".into();
        Self {
            plugin: compile(&super::DEFINITION, config),
            core: Trial::new("GET /", &[]).core,
            now: NOW_SECS * SECOND,
            repeats: Vec::new(),
        }
    }

    fn open(&self, start: &str, lines: &[&str]) -> Trial {
        Trial {
            unix_micros: self.now,
            ..Trial::new(start, lines)
        }
    }

    /// The requests that are to be made once more, as they are made now.
    fn repeats(&mut self) -> Vec<Trial> {
        let mut repeats = std::mem::take(&mut self.repeats);
        for trial in &mut repeats {
            trial.unix_micros = self.now;
        }
        repeats
    }

    fn wait(&mut self, secs: u64) {
        self.now += secs * SECOND;
    }

    /// The request phase, as often as it takes to do anything but wait.
    fn ask(&mut self, trial: &mut Trial) -> Outcome {
        std::mem::swap(&mut trial.core, &mut self.core);
        let plugin = Arc::clone(&self.plugin);
        let asked = trial.run(|request| plugin.on_request(request));
        std::mem::swap(&mut trial.core, &mut self.core);
        if let Some(repeat) = trial.repeat.take() {
            self.repeats.push(again(trial, repeat));
        }
        match asked {
            ControlFlow::Continue(()) => Outcome::Origin,
            ControlFlow::Break(Interrupt::Wait(signal)) => Outcome::Wait(signal),
            ControlFlow::Break(Interrupt::Reply(reply)) => Outcome::Given(self.give(trial, *reply)),
            ControlFlow::Break(Interrupt::Delay(_)) => panic!("a cache is not slow on purpose"),
        }
    }

    /// The rest of an exchange that is answered by the gateway.
    fn give(&mut self, trial: &mut Trial, reply: Reply) -> Given {
        let again = match &reply.body {
            Body::Stored(stored) => {
                let answer = Arc::clone(&stored.answer);
                self.respond(trial, reply.status, Some((answer.head(), answer.lines())))
            }
            _ => self.respond(trial, reply.status, None),
        };
        let reply = match again {
            Ok(_) => reply,
            Err(other) => *other,
        };
        let text = rendered(&reply);
        let lines = String::from_utf8(trial.downstream.lines().to_vec()).unwrap();
        let text = text.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n"), 1);
        self.log(trial);
        Given {
            status: reply.status,
            text,
        }
    }

    fn respond(
        &mut self,
        trial: &mut Trial,
        status: u16,
        origin: Option<(&ResponseHead, &[u8])>,
    ) -> Result<BodyWish, Box<Reply>> {
        let mut response = Response {
            status,
            origin,
            method: trial.head.method,
            request: (&trial.head, &trial.bytes),
            path: trial.head.target.path.of(&trial.bytes),
            route: Some(&trial.route),
            service: None,
            identity: &trial.identity,
            directory: &trial.directory,
            edits: &mut trial.downstream,
            body: BodyWish::Nothing,
            notes: &mut trial.notes,
            core: &self.core,
            unix_micros: self.now,
        };
        match self.plugin.on_response(&mut response) {
            ControlFlow::Continue(()) => Ok(response.body),
            ControlFlow::Break(Interrupt::Reply(reply)) => Err(reply),
            ControlFlow::Break(Interrupt::Wait(_) | Interrupt::Delay(_)) => {
                panic!("an answer does not wait")
            }
        }
    }

    /// The rest of an exchange whose origin answers like this.
    fn answer(&mut self, trial: &mut Trial, status: u16, lines: &[&str], body: &str) -> Given {
        let given = self.deliver(trial, status, lines, body);
        self.log(trial);
        given
    }

    /// The same up to the last byte.
    fn deliver(&mut self, trial: &mut Trial, status: u16, lines: &[&str], body: &str) -> Given {
        let mut bytes = format!("HTTP/1.1 {status} Status\r\n");
        for line in lines {
            bytes.push_str(line);
            bytes.push_str("\r\n");
        }
        if status != 304 {
            bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        let mut head = ResponseHead::default();
        let limits = HeadLimits {
            head_bytes: 65_535,
            line_bytes: 65_535,
            fields: 100,
        };
        let method = trial.head.method;
        let mut progress = response::Progress::default();
        response::parse(bytes.as_bytes(), &limits, &mut progress, method, &mut head).unwrap();
        let origin = (&head, bytes.as_bytes());
        let wish = match self.respond(trial, status, Some(origin)) {
            Ok(wish) => wish,
            Err(reply) => return self.give(trial, *reply),
        };
        let silent = method == Method::Head || status == 304;
        let mut copy = if silent {
            Vec::new()
        } else {
            body.as_bytes().to_vec()
        };
        if let BodyWish::Copy(most) | BodyWish::Whole(most) = wish
            && copy.len() <= most
        {
            self.plugin.on_response_body(&mut ResponseBody {
                bytes: &mut copy,
                status,
                origin,
                edits: &mut trial.downstream,
                notes: &mut trial.notes,
                core: &self.core,
                unix_micros: self.now,
            });
        }
        let lines = String::from_utf8(trial.downstream.lines().to_vec()).unwrap();
        let text = format!("HTTP/1.1 {status} Status\r\n{lines}\r\n{body}");
        Given { status, text }
    }

    /// The rest of an exchange whose origin cannot be reached.
    fn fail(&mut self, trial: &mut Trial) -> Given {
        let reply = Reply::error(502, "the origin is gone");
        match self.respond(trial, 502, None) {
            Ok(_) => self.give(trial, reply),
            Err(other) => self.give(trial, *other),
        }
    }

    /// The end of an exchange.
    fn log(&mut self, trial: &mut Trial) {
        self.plugin.on_log(&Log {
            core: &self.core,
            notes: &trial.notes,
            ..log(trial)
        });
        trial.notes.clear();
    }

    /// A whole exchange; `origin` answers if it is asked.
    fn exchange(&mut self, start: &str, lines: &[&str], origin: (u16, &[&str], &str)) -> Given {
        let mut trial = self.open(start, lines);
        match self.ask(&mut trial) {
            Outcome::Origin => self.answer(&mut trial, origin.0, origin.1, origin.2),
            Outcome::Given(given) => given,
            Outcome::Wait(_) => panic!("there is nobody to wait for"),
        }
    }

    /// The same with an origin that says this in JSON.
    fn get(&mut self, start: &str, lines: &[&str], body: &str) -> Given {
        self.exchange(start, lines, (200, &[JSON], body))
    }
}

fn log(trial: &Trial) -> Log<'_> {
    Log {
        status: 200,
        proxied: true,
        route: Some(&trial.route),
        service: None,
        identity: &trial.identity,
        directory: &trial.directory,
        notes: &trial.notes,
        core: &trial.core,
        unix_micros: trial.unix_micros,
        total_ns: 0,
    }
}

fn is_raised(signal: &Signal) -> bool {
    signal.poll_raised(Waker::noop()).is_ready()
}

/// Lines that the origin gets from the plugin.
fn upstream(trial: &Trial) -> String {
    String::from_utf8(trial.upstream.lines().to_vec()).unwrap()
}

#[test]
fn the_clock_of_a_trial_is_the_benchs() {
    let bench = Bench::new(json!({}));
    let mut trial = bench.open("GET /", &[]);
    let received = trial.run(|request| request.received);
    assert_eq!(received, Instant(bench.now * 1_000));
}
