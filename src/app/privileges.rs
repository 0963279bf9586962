//! What the process may do: open as many files as the machine lets it, and, if it was started as root, no more than
//! bind low ports.

use std::fs;
use std::io;

use rustix::process::Gid;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Uid;
use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;

/// Raises the soft limit of open files to the hard one: two descriptors for each exchange are soon more than the usual
/// 1,024. Where that is refused, what there is has to do.
pub fn raise_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if limit.current != limit.maximum
        && let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!("the limit of open files cannot be raised: {error}");
    }
}

/// Turns this thread, and every later one that it starts, into those of `user`. What is left of root is the right to
/// bind low ports, which a program that takes this one's place has too.
///
/// # Errors
/// When there is no such user or group, or the kernel refuses.
pub fn become_user(user: &str, group: Option<&str>) -> io::Result<()> {
    let (uid, own) = find_user(user, &fs::read_to_string("/etc/passwd")?)?;
    let gid = match group {
        Some(group) => find_group(group, &fs::read_to_string("/etc/group")?)?,
        None => own,
    };
    let refused = |what: &str, error: rustix::io::Errno| {
        io::Error::other(format!("cannot become user {user}: {what}: {error}"))
    };
    let ports = CapabilitySet::NET_BIND_SERVICE;
    let kept = CapabilitySets {
        effective: ports,
        permitted: ports,
        inheritable: ports,
    };
    rustix::thread::set_keep_capabilities(true).map_err(|error| refused("keepcaps", error))?;
    rustix::thread::set_thread_groups(&[gid]).map_err(|error| refused("setgroups", error))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(|error| refused("setgid", error))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(|error| refused("setuid", error))?;
    rustix::thread::set_capabilities(None, kept).map_err(|error| refused("capset", error))?;
    rustix::thread::configure_capability_in_ambient_set(ports, true)
        .map_err(|error| refused("ambient capability", error))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| refused("no_new_privs", error))?;
    tracing::info!("running as {user}, uid {uid}, gid {gid}");
    Ok(())
}

/// The user's number and that of its group (passwd(5)); a number needs no entry, its group is then the same number.
fn find_user(user: &str, passwd: &str) -> io::Result<(Uid, Gid)> {
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if fields.next() != Some(user) && fields.clone().nth(1) != Some(user) {
            continue;
        }
        let mut numbers = fields.skip(1).map(str::parse::<u32>);
        if let (Some(Ok(uid)), Some(Ok(gid))) = (numbers.next(), numbers.next()) {
            return Ok((Uid::from_raw(uid), Gid::from_raw(gid)));
        }
    }
    let number = number(user).ok_or_else(|| absent("user", user))?;
    Ok((Uid::from_raw(number), Gid::from_raw(number)))
}

/// The group's number (group(5)).
fn find_group(group: &str, groups: &str) -> io::Result<Gid> {
    for line in groups.lines() {
        let mut fields = line.split(':');
        if fields.next() == Some(group)
            && let Some(Ok(gid)) = fields.nth(1).map(str::parse)
        {
            return Ok(Gid::from_raw(gid));
        }
    }
    let number = number(group).ok_or_else(|| absent("group", group))?;
    Ok(Gid::from_raw(number))
}

/// A number that the kernel does not take for "unchanged".
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number != u32::MAX)
}

fn absent(kind: &str, name: &str) -> io::Error {
    io::Error::other(format!("gateway.{kind}: there is no {kind} '{name}' here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nproxy:x:13:14:proxy:/bin:/usr/sbin/nologin\nbad:x:y:1::\n";

    fn user(name: &str) -> Option<(u32, u32)> {
        let (uid, gid) = find_user(name, PASSWD).ok()?;
        Some((uid.as_raw(), gid.as_raw()))
    }

    #[test]
    fn users_are_found_by_name_and_by_number() {
        assert_eq!(user("proxy"), Some((13, 14)));
        assert_eq!(user("13"), Some((13, 14)));
        assert_eq!(user("77"), Some((77, 77)));
    }

    #[test]
    fn users_that_are_not_there_are_named() {
        for name in ["", "prox", "bad", "-1", "4294967295"] {
            let error = find_user(name, PASSWD).unwrap_err().to_string();
            assert!(error.contains(&format!("no user '{name}'")), "{error}");
        }
    }

    #[test]
    fn groups_are_found_by_name_and_by_number() {
        let groups = "root:x:0:\nwww:x:33:proxy,other\n";
        assert_eq!(find_group("www", groups).unwrap().as_raw(), 33);
        assert_eq!(find_group("34", groups).unwrap().as_raw(), 34);
        assert!(find_group("proxy", groups).is_err());
    }
}
