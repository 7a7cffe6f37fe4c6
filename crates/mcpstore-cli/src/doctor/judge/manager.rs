//! Checks of the running manager, of what an earlier one left, and of network and time around it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Check, counted, names};
use crate::doctor::facts::Facts;
use crate::quote::quoted;

/// Before this the clock is wrong: mcpstore did not exist (2025-01-01).
const EARLIEST: i64 = 1_735_689_600;
/// And after this, so are certificates (2100-01-01).
const LATEST: i64 = 4_102_444_800;
/// The clock may be so much behind a file that was just written on another machine.
const SLACK: i64 = 300;
/// In both cases; what reads them heeds both.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let manager = &facts.manager;
    let socket = manager.socket.display().to_string();
    let mut checks = Vec::new();
    match (&manager.trouble, manager.running) {
        (Some(why), _) => {
            let found = format!("the manager on {socket} does not answer: {why}");
            checks.push(Check::fail(found, "see who has the socket").run(format!("ls -l {}", quoted(&socket))));
        }
        (None, true) => checks.push(Check::ok(format!("a manager answers on {socket}"))),
        (None, false) if manager.stale_socket => {
            checks.push(Check::ok(format!(
                "no manager is running; the socket {socket} is left over, and is replaced by the next"
            )));
        }
        (None, false) => checks.push(Check::ok(format!("no manager is running on {socket}"))),
    }
    match &manager.left_behind {
        Some(left) if !left.is_empty() && !manager.running => {
            let count = counted(left.len(), "service", "services");
            let found = format!("an earlier manager ended without stopping {count}: {}", names(left));
            checks.push(Check::warn(found, "the next manager ends what is left of them").run("mcpstore up"));
        }
        Some(_) => {}
        None => {
            let found = "the ledger of the state folder cannot be read";
            checks.push(Check::warn(found, "the next manager puts a damaged one aside; see whose it is"));
        }
    }
    if let (Some(theirs), true) = (&manager.env, manager.running) {
        checks.extend(path_differs(facts.env.get("PATH"), theirs.get("PATH")));
    }
    checks
}

/// What this shell searches and the running manager does not.
fn path_differs(ours: Option<&String>, theirs: Option<&String>) -> Option<Check> {
    let folders = |path: Option<&String>| -> Vec<PathBuf> {
        path.map(|path| std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()).unwrap_or_default()
    };
    let (ours, theirs) = (folders(ours), folders(theirs));
    let mut missing: Vec<String> =
        ours.iter().filter(|folder| !theirs.contains(folder)).map(|folder| folder.display().to_string()).collect();
    missing.dedup();
    Some(if missing.is_empty() {
        Check::ok("the manager searches every folder of this shell's PATH")
    } else {
        let found = format!("the manager's PATH lacks {}", names(&missing));
        Check::warn(found, "what was installed there is not found by it; start it from this shell").run("mcpstore down")
    })
}

/// Proxies and the clock.
pub(super) fn surroundings(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![clock(facts)];
    let proxies = proxies(&facts.env);
    checks.push(if proxies.is_empty() {
        Check::ok("no proxy is set")
    } else {
        Check::ok(format!("{}; servers on this machine are asked without it", proxies.join(", ")))
    });
    if let Some(theirs) = facts.manager.env.as_ref().filter(|_| facts.manager.running).map(self::proxies)
        && theirs != proxies
    {
        let theirs = if theirs.is_empty() { "none".to_owned() } else { theirs.join(", ") };
        let found = format!("the running manager has other proxies than this shell: {theirs}");
        checks.push(Check::warn(found, "start it from this shell, or leave it so on purpose").run("mcpstore down"));
    }
    checks
}

/// What is set, by name and host alone: a proxy's address may hold a password.
fn proxies(env: &BTreeMap<String, String>) -> Vec<String> {
    let set = |name: &str| {
        let upper = name.to_ascii_uppercase();
        let value = env.get(name).or_else(|| env.get(&upper)).filter(|value| !value.is_empty())?;
        Some(format!("{name} is {}", host(value)))
    };
    PROXIES.into_iter().filter_map(set).collect()
}

fn host(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

fn clock(facts: &Facts) -> Check {
    let shown = u64::try_from(facts.now_seconds).map_or_else(
        |_| "before 1970".to_owned(),
        |seconds| {
            let at = std::time::SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds));
            at.map_or_else(|| "beyond all years".to_owned(), |at| humantime::format_rfc3339_seconds(at).to_string())
        },
    );
    if !(EARLIEST..LATEST).contains(&facts.now_seconds) {
        let fix = "set the clock: certificates and logins are judged by it";
        return Check::fail(format!("the clock says {shown}"), fix).run("date");
    }
    match facts.newest_file_seconds {
        Some(file) if file > facts.now_seconds + SLACK => {
            let found = format!("the clock says {shown}, but the config was changed later than that");
            Check::warn(found, "set the clock").run("date")
        }
        _ => Check::ok(format!("the clock says {shown}")),
    }
}
