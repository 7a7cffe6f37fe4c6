//! Checks of folders, limits, containment and ports.

use std::path::PathBuf;

use super::{Check, names};
use crate::doctor::facts::{Facts, FolderFacts};
use crate::output::short_bytes;
use crate::quote::quoted;

/// With less than this much room, a log or a ledger may soon not be written.
const LITTLE_ROOM: u64 = 64 * 1024 * 1024;
/// Open files of the manager beside those of its services, and of each service: three pipes, its warden, its cgroup, a connection.
const FILES_BASE: u64 = 128;
const FILES_EACH: u64 = 8;
/// Processes of a service: its warden, a launcher such as npx, a shell, the server itself.
const PROCESSES_EACH: u64 = 8;
/// The kernel from which on `restricted` works: Landlock that knows truncation (Linux 6.2).
const LANDLOCK_KERNEL: (u32, u32) = (6, 2);

pub(super) fn folders(facts: &Facts) -> Vec<Check> {
    let lost = |folder: &&FolderFacts| folder.strict && folder.there.is_none() && facts.manager.running;
    let check = |one: &FolderFacts| {
        if lost(&one) {
            let found = format!("{}: {} is not there, though a manager runs", one.role, one.path.display());
            let fix = "nothing of what happens is kept; the manager makes it when it is started again";
            return Check::fail(found, fix).run("mcpstore down");
        }
        folder(one)
    };
    let cwd = |(path, services): &(PathBuf, Vec<String>)| {
        let path = path.display().to_string();
        let found = format!("working folder: {path} is not there (needed by {})", names(services));
        Check::fail(found, "make it, or correct `cwd`").run(format!("mkdir -p {}", quoted(&path)))
    };
    facts.folders.iter().map(check).chain(facts.missing_cwds.iter().map(cwd)).collect()
}

fn folder(folder: &FolderFacts) -> Check {
    let path = folder.path.display().to_string();
    let head = format!("{}: {path}", folder.role);
    let shown = quoted(&path);
    let Some(state) = folder.there else {
        return Check::ok(format!("{head} is not there yet; it is made when needed"));
    };
    if folder.strict && state.is_link {
        let fix = "history is not written through a link; put a folder there";
        return Check::fail(format!("{head} is a link"), fix).run(format!("ls -ld {shown}"));
    }
    if !state.is_folder {
        return Check::fail(format!("{head} is not a folder"), "move away what is there")
            .run(format!("ls -ld {shown}"));
    }
    if !state.ours {
        let fix = "give it to this user, or take another with --state-dir";
        return Check::fail(format!("{head} belongs to another user"), fix).run(format!("ls -ld {shown}"));
    }
    if folder.private && state.mode & 0o077 != 0 {
        let found = format!("{head} is open to others (mode {:04o})", state.mode);
        let check = if folder.strict { Check::fail(found, "close it") } else { Check::warn(found, "close it") };
        return check.run(format!("chmod 700 {shown}"));
    }
    if folder.writes && !state.writable {
        return Check::fail(format!("{head} cannot be written to"), "make it writable").run(format!("ls -ld {shown}"));
    }
    let room = state.free_bytes.map_or_else(String::new, |free| format!(", {} free", short_bytes(free)));
    let found = format!("{head} (mode {:04o}{room})", state.mode);
    match state.free_bytes {
        Some(free) if folder.writes && free < LITTLE_ROOM => {
            Check::warn(found, "make room on that disk").run(format!("df -h {shown}"))
        }
        _ => Check::ok(found),
    }
}

pub(super) fn limits(facts: &Facts) -> Vec<Check> {
    let limits = &facts.limits;
    let mut checks = Vec::new();
    let needed = FILES_BASE + FILES_EACH * limits.services;
    checks.push(match (limits.open_files, limits.open_files_hard) {
        (Some(files), hard) if files < needed => {
            let found = format!("open files: {files}; {} services need about {needed}", limits.services);
            let most = hard.map_or_else(|| "no limit".to_owned(), |hard| hard.to_string());
            let fix = format!("raise it where the manager is started (at most {most})");
            Check::warn(found, fix).run(format!("ulimit -n {}", needed.next_power_of_two()))
        }
        (files, _) => Check::ok(format!("open files: {}", or_unlimited(files))),
    });
    let needed = PROCESSES_EACH * limits.services;
    checks.push(match limits.processes {
        Some(processes) if processes < needed.saturating_mul(2) => {
            let found =
                format!("processes of this user: {processes}; {} services need about {needed}", limits.services);
            Check::warn(found, "raise it where the manager is started")
                .run(format!("ulimit -u {}", (needed * 4).max(1_024)))
        }
        processes => Check::ok(format!("processes of this user: {}", or_unlimited(processes))),
    });
    if let Some(instances) = limits.inotify_instances {
        let watches = limits.inotify_watches.unwrap_or(0);
        let found = format!("inotify: {instances} instances, {watches} watches");
        checks.push(if instances < 16 || watches < 64 {
            Check::warn(found, "with more of them, changes of the config are seen at once")
                .run("sudo sysctl fs.inotify.max_user_instances=128 fs.inotify.max_user_watches=65536")
        } else {
            Check::ok(found)
        });
    }
    checks
}

fn or_unlimited(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

pub(super) fn containment(facts: &Facts) -> Vec<Check> {
    let held = &facts.containment;
    if held.elsewhere {
        let found = "no wardens on this system: what leaves its process group outlives its service";
        let mut checks = vec![Check::warn(found, "servers that stay in their group are ended all the same")];
        let refused: Vec<String> = held.restricted.iter().chain(&held.isolated).cloned().collect();
        if !refused.is_empty() {
            checks.push(Check::fail(
                format!("sandboxes need Linux (asked for by {})", names(&refused)),
                "take `sandbox` out",
            ));
        }
        return checks;
    }
    let mut checks = vec![
        if held.warden {
            Check::ok("wardens: this program can be one")
        } else {
            Check::fail("wardens: this program cannot be started anew", "was its file replaced? Start mcpstore again")
        },
        if held.subreaper {
            Check::ok("orphans of wardens come to the manager (subreaper)")
        } else {
            Check::warn("orphans of killed wardens do not come to the manager", "allow prctl(PR_SET_CHILD_SUBREAPER)")
        },
        if held.pidfd {
            Check::ok("processes can be held by a handle (pidfd)")
        } else {
            Check::warn("no handles of processes (pidfd)", "take Linux 5.3 or newer, or allow pidfd_open")
        },
        if held.cgroup {
            Check::ok("cgroups can be made: the kernel holds each life together")
        } else {
            let fix = "nothing needs to be done: wardens hold lives together without; below `systemd --user` they can be made";
            Check::ok(format!("no cgroup can be made; {fix}"))
        },
    ];
    checks.push(landlock(facts));
    checks.push(match (&held.bubblewrap, held.isolated.is_empty()) {
        (Some(path), _) => Check::ok(format!("bubblewrap is {} (for sandbox `isolated`)", path.display())),
        (None, true) => Check::ok("no bubblewrap, and no service asks for sandbox `isolated`, which needs it"),
        (None, false) => {
            let found =
                format!("no bubblewrap, which sandbox `isolated` needs (asked for by {})", names(&held.isolated));
            Check::fail(found, "install bubblewrap").run("command -v bwrap")
        }
    });
    checks
}

fn landlock(facts: &Facts) -> Check {
    let held = &facts.containment;
    let mut parts = held.kernel.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let kernel = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let old = kernel < LANDLOCK_KERNEL;
    let release = &held.kernel;
    let why = match (old, held.landlock) {
        (false, Some(true)) => return Check::ok(format!("Landlock is on (Linux {release}; for sandbox `restricted`)")),
        (false, None) if held.restricted.is_empty() => {
            return Check::ok(format!(
                "whether Landlock is on cannot be told (Linux {release}); no service asks for it"
            ));
        }
        (false, None) => {
            let found = format!("whether Landlock is on cannot be told (asked for by {})", names(&held.restricted));
            return Check::warn(found, "see whether such a service starts; its error says what is missing");
        }
        (true, _) => format!("Landlock needs Linux 6.2, and this is {release}"),
        (false, Some(false)) => "Landlock is not on".to_owned(),
    };
    if held.restricted.is_empty() {
        return Check::ok(format!("{why}; no service asks for sandbox `restricted`, which needs it"));
    }
    let fix = "boot a kernel with landlock in `lsm=`, or take sandbox `isolated`";
    Check::fail(format!("{why} (asked for by {})", names(&held.restricted)), fix)
}

pub(super) fn ports(facts: &Facts) -> Vec<Check> {
    let check = |port: &crate::doctor::facts::PortFacts| {
        let head = format!("{}: {}", port.wanted.role, port.wanted.address);
        match &port.refused {
            None => Check::ok(format!("{head} is free")),
            Some(_) if port.wanted.ours => Check::ok(format!("{head} is ours")),
            Some(why) => {
                let number = port.wanted.address.rsplit(':').next().unwrap_or_default();
                Check::fail(format!("{head} cannot be had: {why}"), "end who has it, or take another address")
                    .run(format!("lsof -nP -iTCP:{number} -sTCP:LISTEN"))
            }
        }
    };
    facts.ports.iter().map(check).collect()
}
