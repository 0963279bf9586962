//! Each fault of a machine, made up one at a time, is found alone and has its remedy.

use super::Check;
use super::Facts;
use super::Needs;
use super::Ring;
use super::Status;
use super::examine;
use super::exit;
use super::print;
use crate::app::cli::Exit;
use crate::base::cores::Cores;

/// A machine without a fault.
fn good() -> Facts {
    Facts {
        kernel_release: "6.1.0-18-amd64".to_owned(),
        io_uring_disabled: Some(0),
        ring: Ok(Ring {
            deferred: true,
            cooperative: true,
            missing: Vec::new(),
        }),
        memlock_bytes: Some(8192 * 1024),
        open_files: (Some(1_048_576), None),
        somaxconn: Some(4096),
        port_range: Some((32_768, 60_999)),
        tw_reuse: Some(2),
        cores: Cores {
            allowed: vec![0, 1, 2, 3],
            quota_millicores: None,
        },
        huge_pages: Some("madvise".to_owned()),
        clock_source: Some("tsc".to_owned()),
    }
}

#[test]
fn good_machine_has_nothing_to_remedy() {
    let checks = examine(&good(), &Needs::default());
    for check in &checks {
        assert_eq!(
            (check.status, &*check.remedy),
            (Status::Ok, ""),
            "{}",
            check.name
        );
        assert_ne!(check.found, "");
    }
    assert_eq!(exit(&checks), Exit::Fine);
}

#[test]
fn what_is_hidden_worries_nobody() {
    let hidden = Facts {
        io_uring_disabled: None,
        somaxconn: None,
        port_range: None,
        tw_reuse: None,
        huge_pages: None,
        clock_source: None,
        ..good()
    };
    assert!(
        examine(&hidden, &Needs::default())
            .iter()
            .all(|check| check.status == Status::Ok)
    );
}

#[test]
fn each_fault_is_found_alone_and_has_its_remedy() {
    type Spoil = fn(&mut Facts, &mut Needs);
    let cases: &[(&str, Status, &str, Spoil)] = &[
        ("kernel", Status::Warn, "6.1", |f, _| {
            f.kernel_release = "5.19.0".into()
        }),
        ("kernel", Status::Warn, "recommended", |f, _| {
            f.kernel_release = "weird".into()
        }),
        ("io_uring", Status::Warn, "seccomp", |f, _| {
            f.ring = Err("not permitted".into())
        }),
        ("io_uring", Status::Warn, "io_uring_disabled=0", |f, _| {
            (f.ring, f.io_uring_disabled) = (Err("not permitted".into()), Some(2));
        }),
        ("io_uring", Status::Warn, "io_uring_group", |f, _| {
            (f.ring, f.io_uring_disabled) = (Err("not permitted".into()), Some(1));
        }),
        ("io_uring", Status::Warn, "newer kernel", |f, _| {
            f.ring = Ok(Ring {
                missing: vec!["accept"],
                ..Ring::default()
            });
        }),
        ("io_uring", Status::Warn, "DEFER_TASKRUN", |f, _| {
            f.ring = Ok(Ring {
                cooperative: true,
                ..Ring::default()
            });
        }),
        ("io_uring", Status::Warn, "40 %", |f, _| {
            f.ring = Ok(Ring::default())
        }),
        ("nofile", Status::Warn, "ulimit -Hn 200256", |f, _| {
            f.open_files.1 = Some(65_536)
        }),
        ("nofile", Status::Fail, "LimitNOFILE=200256", |f, _| {
            f.open_files.1 = Some(256)
        }),
        ("somaxconn", Status::Warn, "somaxconn=4096", |f, _| {
            f.somaxconn = Some(128)
        }),
        ("port range", Status::Warn, "port_range", |f, _| {
            f.port_range = Some((60_000, 10))
        }),
        ("tcp_tw_reuse", Status::Warn, "tw_reuse=1", |f, _| {
            f.tw_reuse = Some(0)
        }),
        ("cores", Status::Warn, "\"auto\" or 4", |_, n| {
            n.workers = Some(5)
        }),
        ("cores", Status::Warn, "whole cores", |f, _| {
            f.cores.quota_millicores = Some(1_500)
        }),
        ("huge pages", Status::Warn, "madvise", |f, _| {
            f.huge_pages = Some("always".into())
        }),
        ("clock source", Status::Warn, "tsc", |f, _| {
            f.clock_source = Some("hpet".into())
        }),
    ];
    for (name, status, remedy, spoil) in cases {
        let (mut facts, mut needs) = (good(), Needs::default());
        spoil(&mut facts, &mut needs);
        let checks = examine(&facts, &needs);
        let bad: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Ok).collect();
        assert_eq!(bad.len(), 1, "{name}: {bad:?}");
        assert_eq!((bad[0].name, bad[0].status), (*name, *status));
        assert!(bad[0].remedy.contains(remedy), "{}", bad[0].remedy);
        assert_eq!(exit(&checks) == Exit::Refused, *status == Status::Fail);
    }
}

#[test]
fn locked_memory_counts_on_old_kernels_alone() {
    let status = |release: &str| {
        let facts = Facts {
            kernel_release: release.into(),
            memlock_bytes: Some(65_536),
            ..good()
        };
        super::checks::locked_memory(&facts).status
    };
    assert_eq!(status("5.10.0"), Status::Warn);
    assert_eq!(status("5.12.0"), Status::Ok);
    assert_eq!(status("6.1.0"), Status::Ok);
}

#[test]
fn text_is_aligned_and_json_is_complete() {
    let facts = Facts {
        somaxconn: Some(128),
        ..good()
    };
    let checks = examine(
        &facts,
        &Needs {
            connections: 1,
            workers: Some(4),
        },
    );
    let mut text = Vec::new();
    print::text(&checks, false, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("ok    kernel         Linux 6.1.0-18-amd64\n"),
        "{text}"
    );
    assert!(
        text.contains("warn  somaxconn      128\n                     > bursts"),
        "{text}"
    );
    assert!(text.ends_with("\nThis machine is fit; 1 could be better.\n"));
    assert!(!text.contains('\x1b'));
    let mut coloured = Vec::new();
    print::text(&checks, true, &mut coloured).unwrap();
    assert!(
        String::from_utf8(coloured)
            .unwrap()
            .contains("\x1b[33mwarn\x1b[0m  somaxconn")
    );
    let mut json = Vec::new();
    print::json(&checks, &mut json).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["status"], "warn");
    assert_eq!(value["checks"][4]["name"], "somaxconn");
    assert_eq!(value["checks"][0].get("remedy"), None);
}

#[test]
fn this_machine_can_be_read() {
    let facts = Facts::read();
    assert_ne!(facts.kernel_release, "");
    assert_eq!(examine(&facts, &Needs::default()).len(), 10);
}
