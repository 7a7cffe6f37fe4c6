//! Many lives, one after the other: never two at once, and the manager is after them as it was before.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use mcpstore_warden::proc;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::manager::{LONG, Manager, service, signal};
use crate::trace::{all_gone, carriers, rounds};

/// What a manager holds.
#[derive(Debug)]
struct Holds {
    files: usize,
    /// Resident memory, in KiB.
    memory: i64,
    children: usize,
    zombies: usize,
}

fn holds(manager: &Manager) -> Holds {
    let of = |what: &str| Path::new("/proc").join(manager.pid().to_string()).join(what);
    let status = std::fs::read_to_string(of("status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let own = i32::try_from(manager.pid()).unwrap();
    let children: Vec<_> = proc::all().into_iter().filter(|process| process.parent == own).collect();
    Holds {
        files: of("fd").read_dir().unwrap().count(),
        memory: memory.split_whitespace().next().unwrap().parse().unwrap(),
        children: children.len(),
        zombies: children.iter().filter(|process| process.ended).count(),
    }
}

fn same(manager: &Manager, before: &Holds, what: &str) {
    let began = Instant::now();
    loop {
        let now = holds(manager);
        let files = now.files.abs_diff(before.files) <= 2;
        if files && now.zombies == 0 && now.children == before.children {
            println!("{what}: before {before:?}, after {now:?}");
            assert!((now.memory - before.memory).abs() <= 8 * 1024, "{what}: before {before:?}, after {now:?}");
            return;
        }
        // A client's conversation may still be closing.
        assert!(began.elapsed() < LONG, "{what}: before {before:?}, after {now:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn word(name: &str) -> String {
    format!("{name}{}", std::process::id())
}

fn pid(listed: &[Value], name: &str) -> Option<u32> {
    service(listed, name)["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
}

/// Kills the service and waits for its next life.
fn crash(manager: &Manager, name: &str, life: u64) {
    let running = |listed: &[Value]| {
        let it = service(listed, name);
        it["state"] == "running" && it["incarnation"] == life
    };
    let listed = manager.wait_until("running", running);
    signal(pid(&listed, name).unwrap(), Signal::KILL);
    manager.wait_until("running again", |listed| {
        service(listed, name)["state"] == "running" && service(listed, name)["incarnation"] == life + 1
    });
}

#[test]
fn no_life_begins_before_the_last_one_is_over() {
    let cycles = rounds(10).min(200);
    let name = word("cycles");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let flags = "--children 1 --setsid-children 1 --orphans 1 --ignore-eof --ignore-term --log";
    let args: Vec<&str> = flags.split_whitespace().chain([log.to_str().unwrap()]).collect();
    let quick =
        json!({"delay": "1ms", "maxDelay": "1ms", "jitter": 0.0, "maxAttempts": 100_000, "maxInWindow": 100_000});
    let config = json!({"mcpServers": {name.as_str(): {"command": fixture_path(), "args": args, "restart": quick}}});
    let manager = Manager::with_config(&name, &config);
    manager.all_running(1);
    let began = Instant::now();
    for life in 1..=cycles {
        let before: Vec<_> = carriers(&name, manager.pid()).iter().map(|found| found.process).collect();
        crash(&manager, &name, u64::try_from(life).unwrap());
        let now = carriers(&name, manager.pid());
        let both = now.iter().filter(|found| before.contains(&found.process)).collect::<Vec<_>>();
        assert!(both.is_empty(), "in life {}, there are still {both:?}", life + 1);
    }
    println!("{cycles} crashes and restarts in {:?}", began.elapsed());
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    assert!(all_gone(&name, 0, LONG).is_ok());
    // Each life notes its start with its own clock: one process at a time, each with one start.
    let text = std::fs::read_to_string(&log).unwrap();
    let mut starts = BTreeMap::new();
    let notes = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut last = None;
    for note in notes {
        let pid: u32 = note[1].parse().unwrap();
        if note[2] == "start" {
            *starts.entry(pid).or_insert(0) += 1;
            last = Some(pid);
        }
        assert_eq!(last, Some(pid), "a life that was over says something: {note:?}");
    }
    assert_eq!(starts.values().sum::<usize>(), cycles + 1);
}

#[test]
fn many_starts_stops_and_crashes_leave_the_manager_as_it_was() {
    let cycles = rounds(10);
    let name = word("soak");
    let quick =
        json!({"delay": "1ms", "maxDelay": "1ms", "jitter": 0.0, "maxAttempts": 100_000, "maxInWindow": 100_000});
    let args = ["--children", "1", "--setsid-children", "1"];
    let config = json!({"mcpServers": {name.as_str(): {"command": fixture_path(), "args": args, "restart": quick}}});
    let manager = Manager::with_config(&name, &config);
    manager.all_running(1);
    let succeeds = |args: &[&str]| {
        let output = manager.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}\n{}", manager.stderr());
    };
    let again = || {
        succeeds(&["stop", "--force", "--wait", &name]);
        succeeds(&["start", "--wait", &name]);
    };
    // What is set up once is set up by now.
    (0..5).for_each(|_| again());
    manager.wait_until("running", |listed| service(listed, &name)["state"] == "running");
    let before = holds(&manager);
    let began = Instant::now();
    (0..cycles).for_each(|_| again());
    println!("{cycles} stops and starts in {:?}", began.elapsed());
    same(&manager, &before, "after stops and starts");
    let listed = manager.all_running(1);
    let first = service(&listed, &name)["incarnation"].as_u64().unwrap();
    let began = Instant::now();
    for life in first..first + u64::try_from(cycles).unwrap() {
        crash(&manager, &name, life);
    }
    println!("{cycles} crashes and restarts in {:?}", began.elapsed());
    same(&manager, &before, "after crashes");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
