//! Quotas and cpusets as they are read from made-up cgroup trees.

use std::fs;
use std::path::Path;

use super::Cores;
use super::quota_millicores;

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn version_2_takes_the_tightest_group_on_the_way_up() {
    let root = tempfile::tempdir().unwrap();
    let quota = |memberships| quota_millicores(root.path(), memberships);
    write(root.path(), "a/b/cpu.max", "max 100000\n");
    write(root.path(), "a/cpu.max", "250000 100000\n");
    assert_eq!(quota("0::/a/b\n"), Some(2_500));
    write(root.path(), "a/b/cpu.max", "50000 100000\n");
    assert_eq!(quota("0::/a/b\n"), Some(500));
    assert_eq!(quota("0::/\n"), None);
    // A group of the host that this view does not have, and one outside of it.
    write(root.path(), "cpu.max", "300000 100000\n");
    assert_eq!(quota("0::/kubepods/x\n"), Some(3_000));
    assert_eq!(quota("0::/../../a/b\n"), Some(3_000));
}

#[test]
fn version_1_is_found_under_either_mount() {
    let root = tempfile::tempdir().unwrap();
    let memberships = "3:cpuset:/\n2:cpu,cpuacct:/docker/x\n1:memory:/\n";
    assert_eq!(quota_millicores(root.path(), memberships), None);
    write(root.path(), "cpu/docker/x/cpu.cfs_period_us", "100000\n");
    write(root.path(), "cpu/docker/x/cpu.cfs_quota_us", "-1\n");
    assert_eq!(quota_millicores(root.path(), memberships), None);
    write(root.path(), "cpu/docker/x/cpu.cfs_quota_us", "150000\n");
    assert_eq!(quota_millicores(root.path(), memberships), Some(1_500));
    write(root.path(), "cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    write(root.path(), "cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
    assert_eq!(quota_millicores(root.path(), memberships), Some(1_000));
}

#[test]
fn nonsense_does_not_limit() {
    let root = tempfile::tempdir().unwrap();
    for text in [
        "",
        "max",
        "-5 100000",
        "100000 0",
        "0 100000",
        "x y",
        "1 2 3",
    ] {
        write(root.path(), "cpu.max", text);
        assert_eq!(
            quota_millicores(root.path(), "0::/\nnonsense\n:\n"),
            None,
            "{text:?}"
        );
    }
}

#[test]
fn usable_cores_round_the_quota_up_and_are_never_none() {
    let usable = |cores: usize, quota| {
        Cores {
            allowed: (0..cores).collect(),
            quota_millicores: quota,
        }
        .usable()
    };
    assert_eq!(usable(4, None), 4);
    assert_eq!(usable(4, Some(1_001)), 2);
    assert_eq!(usable(4, Some(2_000)), 2);
    assert_eq!(usable(4, Some(100)), 1);
    assert_eq!(usable(4, Some(u64::MAX)), 4);
    assert_eq!(usable(0, None), 1);
    let here = Cores::read();
    assert!(here.usable() >= 1 && here.usable() <= here.allowed.len());
}
