//! The running thread over real files: rotation, a failing sink, the end.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::LogConfig;
use super::LogTarget;
use super::spawn;
use crate::base::ids::CoreId;
use crate::telemetry::format::Format;
use crate::telemetry::log_sender::AccessLogSender;
use crate::telemetry::log_sender::road;
use crate::telemetry::log_sender::road_of;
use crate::telemetry::mask::Mask;
use crate::telemetry::record::tests::sample;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(path: &Path) -> LogConfig {
    LogConfig {
        target: LogTarget::File(path.to_owned()),
        format: Format::parse("$request_id").unwrap(),
        mask: Mask::new(),
    }
}

/// Looks until `condition` holds, for as long as the patience lasts.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = crate::base::clock::now().plus(PATIENCE);
    while !condition() {
        assert!(crate::base::clock::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}

fn push(sender: &AccessLogSender, id: &str) {
    let mut record = sample();
    record.request_id = id.as_bytes();
    sender.push(&record);
}

#[test]
fn stopping_writes_everything_that_was_sent_and_the_counts_balance() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (road, queue) = road();
    let thread = spawn(config(&path), queue).unwrap();
    let senders = [0, 1].map(|core| AccessLogSender::new(CoreId(core), road.clone()));
    for number in 0..20_000 {
        push(&senders[number % 2], &number.to_string());
    }
    senders.iter().for_each(AccessLogSender::flush);
    let stats = thread.stop(PATIENCE).unwrap();
    let counts = senders.map(|sender| sender.take_counts());
    let produced: u64 = counts.iter().map(|c| c.produced).sum();
    let dropped: u64 = counts.iter().map(|c| c.dropped).sum();
    assert_eq!(produced, 20_000);
    assert_eq!(produced, stats.delivered + stats.dropped + dropped);
    assert_eq!((stats.buffered, stats.dropped), (0, 0));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count() as u64, stats.delivered);
}

#[test]
fn rotation_loses_no_line_and_splits_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let old = |number: usize| dir.path().join(format!("access.log.{number}"));
    let (road, queue) = road();
    let thread = spawn(config(&path), queue).unwrap();
    let sender = AccessLogSender::new(CoreId(0), road);
    eventually("the file is made", || path.exists());
    for rotation in 0..3 {
        for number in 0..100 {
            push(&sender, &format!("{rotation}-{number}"));
        }
        sender.flush();
        fs::rename(&path, old(rotation)).unwrap();
        thread.reopen();
        eventually("the file is made anew", || path.exists());
    }
    thread.stop(PATIENCE).unwrap();
    let files = (0..3).map(old).chain([path]);
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let lines: Vec<String> = files.flat_map(|p| lines_of(&read(p))).collect();
    let expected = (0..3).flat_map(|r| (0..100).map(move |n| format!("{r}-{n}")));
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

fn lines_of(text: &str) -> Vec<String> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_full_disk_is_counted_while_the_workers_go_on() {
    let (road, queue) = road_of(4);
    let mut thread = spawn(config(Path::new("/dev/full")), queue).unwrap();
    let sender = AccessLogSender::new(CoreId(0), road);
    push(&sender, "lost");
    sender.flush();
    eventually("the loss is published", || thread.stats().dropped == 1);
    push(&sender, "lost too");
    sender.flush();
    let stats = thread.stop(PATIENCE).unwrap();
    assert_eq!((stats.delivered, stats.dropped), (0, 2));
}

#[test]
fn a_sink_that_never_reads_does_not_hold_up_the_end() {
    // Nobody opens the pipe's other end, so opening it blocks the thread for ever.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    );
    made.unwrap();
    let (road, queue) = road_of(1);
    let thread = spawn(config(&path), queue).unwrap();
    let sender = AccessLogSender::new(CoreId(0), road);
    push(&sender, "waits");
    sender.flush();
    assert_eq!(thread.stop(Duration::from_millis(50)), None);
}

#[test]
fn what_is_hidden_later_is_hidden_in_all_that_follows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (road, queue) = road();
    let config = LogConfig {
        format: Format::parse("$query").unwrap(),
        ..config(&path)
    };
    let thread = spawn(config, queue).unwrap();
    let sender = AccessLogSender::new(CoreId(0), road);
    let mut record = sample();
    record.query = Some(b"x-mine=canary");
    thread.hide(Mask::with(["x-mine"].into_iter()));
    sender.push(&record);
    sender.flush();
    thread.stop(PATIENCE).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "x-mine=***\n");
}
