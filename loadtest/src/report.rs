//! The report: everything measured as JSON, and the same as Markdown for people.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::lane::Lane;
use crate::machine::Machine;
use crate::open::series::Series;
use crate::stats::Spread;
use crate::verdict::Measured;
use crate::verdict::Row;
use crate::wrk::Outcome;

/// How the run was made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) quick: bool,
    pub(crate) peer_headers: bool,
}

/// A lane's version, or why it was skipped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LaneInfo {
    pub(crate) lane: Lane,
    pub(crate) version: Option<String>,
    pub(crate) skipped: Option<String>,
}

/// One lane's turn in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Round {
    /// CPU time of the proxy's process per request.
    pub(crate) cpu_us: f64,
    /// Share of its core that the proxy used.
    pub(crate) busy: f64,
    pub(crate) per_second: f64,
    pub(crate) outcome: Outcome,
}

/// One lane over all rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LaneResult {
    pub(crate) label: String,
    pub(crate) cpu_us: Spread,
    pub(crate) cpu_us_per_mib: Option<Spread>,
    pub(crate) busy: Spread,
    pub(crate) per_second: Spread,
    pub(crate) p50_us: Spread,
    pub(crate) p99_us: Spread,
    pub(crate) p999_us: Spread,
    pub(crate) errors: u64,
    pub(crate) rounds: Vec<Round>,
}

/// CPU of one lane over another's, round by round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) of: String,
    pub(crate) to: String,
    pub(crate) ratio: Spread,
}

/// One throughput case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Throughput {
    pub(crate) case: String,
    pub(crate) lanes: Vec<LaneResult>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) ranking: String,
}

/// What a behaviour case found for one lane.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Behaviour {
    pub(crate) case: String,
    pub(crate) lane: Lane,
    pub(crate) facts: Vec<(String, String)>,
}

/// What a load of an open-loop case felt over time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OverTime {
    pub(crate) case: String,
    pub(crate) lane: Lane,
    pub(crate) streams: Vec<Series>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) lanes: Vec<LaneInfo>,
    pub(crate) throughput: Vec<Throughput>,
    pub(crate) behaviour: Vec<Behaviour>,
    pub(crate) over_time: Vec<OverTime>,
    pub(crate) failures: Vec<String>,
    /// Cases, or parts of them, that could not run, and why.
    pub(crate) skipped: Vec<String>,
    pub(crate) measured: Vec<Measured>,
    pub(crate) verdict: Vec<Row>,
}

impl LaneInfo {
    pub(crate) fn new(lane: Lane, version: Result<String, String>) -> Self {
        let (version, skipped) = match version {
            Ok(version) => (Some(version), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            lane,
            version,
            skipped,
        }
    }
}

impl Throughput {
    /// Derives ratios of every pair and the ranking, where there is one.
    pub(crate) fn new(case: String, lanes: Vec<LaneResult>) -> Self {
        let mut ratios = Vec::new();
        for of in &lanes {
            for to in lanes.iter().filter(|to| to.label != of.label) {
                let pairs = of.rounds.iter().zip(&to.rounds);
                if let Some(ratio) = Spread::of(pairs.map(|(of, to)| of.cpu_us / to.cpu_us)) {
                    ratios.push(Ratio {
                        of: of.label.clone(),
                        to: to.label.clone(),
                        ratio,
                    });
                }
            }
        }
        let ranking = ranking(&lanes);
        Self {
            case,
            lanes,
            ratios,
            ranking,
        }
    }

    /// The ratio of one label to another.
    pub(crate) fn ratio(&self, of: &str, to: &str) -> Option<Spread> {
        let found = self
            .ratios
            .iter()
            .find(|ratio| ratio.of == of && ratio.to == to);
        found.map(|ratio| ratio.ratio)
    }
}

/// Cheapest first; lanes whose spreads overlap are not put in an order.
fn ranking(lanes: &[LaneResult]) -> String {
    let mut sorted: Vec<&LaneResult> = lanes.iter().collect();
    sorted.sort_by(|a, b| a.cpu_us.median.total_cmp(&b.cpu_us.median));
    let overlapping: Vec<String> = sorted
        .windows(2)
        .filter(|pair| pair[0].cpu_us.overlaps(&pair[1].cpu_us))
        .map(|pair| format!("{} and {}", pair[0].label, pair[1].label))
        .collect();
    if !overlapping.is_empty() {
        return format!(
            "no ranking: the spreads of {} overlap",
            overlapping.join(", of ")
        );
    }
    let labels: Vec<&str> = sorted.iter().map(|lane| lane.label.as_str()).collect();
    labels.join(" < ")
}

impl Report {
    pub(crate) const fn new(machine: Machine, settings: Settings, lanes: Vec<LaneInfo>) -> Self {
        Self {
            machine,
            settings,
            lanes,
            throughput: Vec::new(),
            behaviour: Vec::new(),
            over_time: Vec::new(),
            failures: Vec::new(),
            skipped: Vec::new(),
            measured: Vec::new(),
            verdict: Vec::new(),
        }
    }

    /// Adds what a behaviour case found and says it at once.
    pub(crate) fn found(&mut self, case: &str, lane: Lane, facts: Vec<(String, String)>) {
        for (name, value) in &facts {
            eprintln!("{:>11}  {name}: {value}", lane.name());
        }
        self.behaviour.push(Behaviour {
            case: case.to_owned(),
            lane,
            facts,
        });
    }

    /// Writes `report.json` and `report.md`.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let json = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        fs::write(directory.join("report.json"), json)?;
        fs::write(directory.join("report.md"), self.markdown())
    }

    /// The report for people.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Load test report\n\n");
        self.head(&mut text);
        self.verdict_table(&mut text);
        for case in &self.throughput {
            throughput_table(&mut text, case);
        }
        self.behaviour_list(&mut text);
        text
    }

    fn head(&self, text: &mut String) {
        let Machine {
            cpu,
            cpus,
            memory_mib,
            kernel,
            wrk,
            rust,
            revision,
            load_average,
        } = &self.machine;
        let Settings {
            rounds,
            seconds,
            quick,
            peer_headers,
        } = &self.settings;
        let _ = writeln!(text, "- revision {revision}; {rust}; {wrk}");
        let _ = writeln!(text, "- {cpus} x {cpu}, {memory_mib} MiB, Linux {kernel}");
        let _ = writeln!(text, "- load average at the start {load_average}");
        let _ = writeln!(
            text,
            "- proxy on CPU 0, origin and wrk on CPU 1; {rounds} interleaved rounds of {seconds} s"
        );
        let fields = if *peer_headers {
            "peers add forwarding fields as Silverback does"
        } else {
            "peers add no X-Forwarded-*, X-Real-IP or request id: they do less than Silverback"
        };
        let _ = writeln!(text, "- {fields}");
        if *quick {
            text.push_str("- **quick run: too short for a verdict, read it as a first look**\n");
        }
        for LaneInfo {
            lane,
            version,
            skipped,
        } in &self.lanes
        {
            let _ = match (version, skipped) {
                (_, Some(reason)) => writeln!(text, "- {}: **SKIPPED** ({reason})", lane.name()),
                (version, _) => {
                    writeln!(
                        text,
                        "- {}: {}",
                        lane.name(),
                        version.as_deref().unwrap_or("?")
                    )
                }
            };
        }
        for skipped in &self.skipped {
            let _ = writeln!(text, "- **SKIPPED** {skipped}");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "- **FAILED** {failure}");
        }
        text.push('\n');
    }

    fn verdict_table(&self, text: &mut String) {
        text.push_str("## Verdict\n\n| figure | at most | measured | | detail |\n");
        text.push_str("|---|---|---|---|---|\n");
        for row in &self.verdict {
            let measured = row.measured.map_or_else(|| "-".to_owned(), number);
            let met = match (row.met, row.close) {
                (Some(true), false) => "met",
                (Some(true), true) => "met, but within the spread",
                (Some(false), false) => "**MISSED**",
                (Some(false), true) => "**MISSED**, but within the spread",
                (None, _) => "not measured",
            };
            let Row {
                name,
                at_most,
                unit,
                detail,
                ..
            } = row;
            let _ = writeln!(
                text,
                "| {name} | {} {unit} | {measured} | {met} | {detail} |",
                number(*at_most)
            );
        }
        text.push('\n');
    }

    fn behaviour_list(&self, text: &mut String) {
        let mut case = "";
        for behaviour in &self.behaviour {
            if behaviour.case != case {
                let _ = writeln!(text, "## {}\n", behaviour.case);
                case = &behaviour.case;
            }
            let _ = writeln!(text, "{}:\n", behaviour.lane.name());
            for (name, value) in &behaviour.facts {
                let _ = writeln!(text, "- {name}: {value}");
            }
            text.push('\n');
        }
    }
}

fn throughput_table(text: &mut String, case: &Throughput) {
    let _ = writeln!(text, "## {}\n", case.case);
    let per_mib = case.lanes.iter().any(|lane| lane.cpu_us_per_mib.is_some());
    text.push_str("| lane | CPU us/request | spread | ");
    if per_mib {
        text.push_str("CPU us/MiB | ");
    }
    text.push_str("busy | requests/s | p50 us | p99 us | p99.9 us | errors |\n|---|---|---|");
    text.push_str(if per_mib { "---|" } else { "" });
    text.push_str("---|---|---|---|---|---|\n");
    for lane in &case.lanes {
        let cpu = &lane.cpu_us;
        let _ = write!(
            text,
            "| {} | {:.2} | {:.2} to {:.2} | ",
            lane.label, cpu.median, cpu.min, cpu.max
        );
        if let Some(spread) = &lane.cpu_us_per_mib {
            let _ = write!(text, "{:.1} | ", spread.median);
        }
        let _ = writeln!(
            text,
            "{:.0} % | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
            lane.busy.median * 100.0,
            lane.per_second.median,
            lane.p50_us.median,
            lane.p99_us.median,
            lane.p999_us.median,
            lane.errors
        );
    }
    let _ = writeln!(text, "\nCPU per request, {}.\n", case.ranking);
    let first = case
        .lanes
        .iter()
        .find(|lane| lane.label.starts_with(Lane::Silverback.name()));
    let first = first.map_or(Lane::Floor.name(), |_| Lane::Silverback.name());
    let told: Vec<&Ratio> = case
        .ratios
        .iter()
        .filter(|ratio| ratio.of.starts_with(first))
        .collect();
    if !told.is_empty() {
        text.push_str("| ratio, round by round | median | spread |\n|---|---|---|\n");
        for Ratio {
            of,
            to,
            ratio: Spread {
                median, min, max, ..
            },
        } in told
        {
            let _ = writeln!(text, "| {of} / {to} | {median:.3} | {min:.3} to {max:.3} |");
        }
        text.push('\n');
    }
}

/// Three decimals where they matter, none where they do not.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
