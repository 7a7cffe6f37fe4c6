//! A config that is edited while everything runs: what is bad changes nothing, what is good touches only what it is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::manager::{LONG, Manager, service, signal};

/// How many pairs of a bad and a good edit; `MCPSTORE_RELOAD_ROUNDS=50` makes the hundred edits of the specification.
fn rounds() -> usize {
    std::env::var("MCPSTORE_RELOAD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

/// Two services that nobody touches, and `edited`, whose arguments and description say which edit it is from.
fn config(edit: usize, restarts: bool) -> String {
    let fixture = fixture_path();
    let number = if restarts { edit } else { 0 };
    let value = json!({"mcpServers": {
        "still": { "command": fixture },
        "calm": { "command": fixture, "dependsOn": ["still"] },
        "edited": {
            "command": fixture,
            "env": { "EDIT": number.to_string() },
            "description": format!("edit {edit}"),
            "timeouts": { "drain": "20s" },
        },
    }});
    serde_json::to_string_pretty(&value).unwrap()
}

/// A link to a file that is exchanged: `mcp.json -> N.json`.
struct Edited {
    link: PathBuf,
    dir: PathBuf,
    next: usize,
}

impl Edited {
    fn new(dir: &Path) -> Self {
        Self { link: dir.join("live.json"), dir: dir.to_owned(), next: 0 }
    }

    /// Whatever stands there goes.
    fn clear(&self) {
        match self.link.symlink_metadata() {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir(&self.link).unwrap(),
            Ok(_) => std::fs::remove_file(&self.link).unwrap(),
            Err(_) => {}
        }
    }

    /// A bad edit, each in another way.
    fn spoil(&self, round: usize, good: &str) {
        match round % 4 {
            // Half-written.
            0 => std::fs::write(&self.link, &good[..good.len() / 2]).unwrap(),
            1 => std::fs::write(&self.link, "").unwrap(),
            2 => {
                self.clear();
                std::fs::create_dir(&self.link).unwrap();
            }
            // A link that leads nowhere.
            _ => {
                self.clear();
                std::os::unix::fs::symlink(self.dir.join("nowhere.json"), &self.link).unwrap();
            }
        }
    }

    /// A good edit, each in another way.
    fn mend(&mut self, round: usize, text: &str) {
        self.next += 1;
        let fresh = self.dir.join(format!("{}.json", self.next));
        std::fs::write(&fresh, text).unwrap();
        let is_file = self.link.is_file();
        match round % 3 {
            // As editors do: a new file in the old one's place.
            0 => {
                if !is_file {
                    self.clear();
                }
                std::fs::rename(&fresh, &self.link).unwrap();
            }
            // The link is exchanged in one step.
            1 => {
                let link = self.dir.join("new-link");
                std::os::unix::fs::symlink(&fresh, &link).unwrap();
                if !is_file {
                    self.clear();
                }
                std::fs::rename(&link, &self.link).unwrap();
            }
            // In place.
            _ => {
                if !is_file {
                    self.clear();
                }
                std::fs::write(&self.link, text).unwrap();
            }
        }
    }
}

/// How many lines of the manager begin with these words.
fn told(manager: &Manager, words: &str) -> usize {
    manager.stderr().lines().filter(|line| line.starts_with(words)).count()
}

fn wait_for(manager: &Manager, words: &str, count: usize) {
    let start = Instant::now();
    while told(manager, words) < count {
        assert!(start.elapsed() < LONG, "`{words}` was not told {count} times:\n{}", manager.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
}

const TAKEN: &str = "config taken over";
const REFUSED: &str = "config not taken over";

#[test]
fn a_config_is_edited_a_hundred_times_while_calls_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut edited = Edited::new(dir.path());
    let first = config(0, true);
    edited.mend(1, &first);
    let manager = Manager::up("reload", &["--config", edited.link.to_str().unwrap()]);
    let before = manager.all_running(3);

    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let rounds = rounds();
    std::thread::scope(|scope| {
        for name in ["still", "calm"] {
            let (stop, calls, manager) = (Arc::clone(&stop), Arc::clone(&calls), &manager);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let text = format!("text={name}");
                    let output = manager.run(&["call", &format!("{name}.echo"), &text]);
                    assert!(output.status.success(), "a call failed: {output:?}\n{}", manager.stderr());
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (mut taken, mut refused) = (0, 0);
        for round in 0..rounds {
            let good = config(round + 1, round % 2 == 0);
            edited.spoil(round, &good);
            refused += 1;
            wait_for(&manager, REFUSED, refused);
            // A call under way in the service that is restarted is waited for.
            let under_way = scope.spawn(|| manager.run(&["call", "edited.sleep", "ms=400"]));
            manager.wait_until("the call is under way", |_| {
                let status = manager.json(&["status", "edited", "-o", "json"]);
                under_way.is_finished() || status["services"][0]["calls"]["in_flight"] == 1
            });
            edited.mend(round, &good);
            taken += 1;
            wait_for(&manager, TAKEN, taken);
            let output = under_way.join().unwrap();
            assert!(
                output.status.success(),
                "round {round}: the call under way failed: {output:?}\n{}",
                manager.stderr()
            );
            manager.wait_until("running as edited", |services| {
                services.len() == 3 && services.iter().all(|service| service["state"] == "running")
            });
            let description = manager.stdout(&["status", "edited"]);
            assert!(description.contains(&format!("edit {}", round + 1)), "{description}");
        }
        stop.store(true, Ordering::Relaxed);
        // One notice each, however long one waits for more.
        let output = manager.run(&["reload"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("nothing to change"), "{output:?}");
        assert_eq!((told(&manager, TAKEN), told(&manager, REFUSED)), (rounds, rounds), "{}", manager.stderr());
    });
    assert!(calls.load(Ordering::Relaxed) >= rounds, "no calls ran");
    let after = manager.all_running(3);
    let life = |services: &[Value], name: &str| service(services, name)["incarnation"].as_u64().unwrap();
    for name in ["still", "calm"] {
        assert_eq!(life(&before, name), life(&after, name), "`{name}` was touched");
    }
    // `EDIT` is 0 in every other edit, and the number of the edit in the others: each is a change.
    assert_eq!(life(&after, "edited"), 1 + rounds as u64, "{}", manager.stderr());
    let plan = manager.run(&["plan", "--exit-code"]);
    assert_eq!(plan.status.code(), Some(0), "{plan:?}");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn a_plan_says_what_would_change_and_why_and_apply_does_it() {
    let fixture = fixture_path();
    let text = |extra: Value, interval: &str, tag: &str| {
        let mut config = json!({"mcpServers": {
            "a": { "command": fixture, "env": { "TAG": tag } },
            "b": { "command": fixture, "health": { "interval": interval } },
        }});
        if let (Some(services), Some(extra)) = (config["mcpServers"].as_object_mut(), extra.as_object()) {
            services.extend(extra.clone());
        }
        config
    };
    let first = text(json!({ "old": { "command": fixture } }), "10s", "one");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, first.to_string()).unwrap();
    let manager = Manager::up("plan", &["--config", file.to_str().unwrap(), "--no-watch"]);
    manager.all_running(3);

    let second = text(json!({ "new": { "command": fixture } }), "20s", "two");
    std::fs::write(&file, serde_json::to_string_pretty(&second).unwrap()).unwrap();
    let plan = manager.run(&["plan", "--exit-code"]);
    let said = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert_eq!(plan.status.code(), Some(7), "{plan:?}");
    for (line, place) in
        [("~ a", "env"), ("~ b", "health.interval"), ("+ new", "mcp.json:"), ("- old", "does not name")]
    {
        assert!(said.lines().any(|found| found.starts_with(line) && found.contains(place)), "`{line}` in\n{said}");
    }
    assert!(said.contains("would restart") && said.contains("would be updated while it runs"), "{said}");

    // Named files say what there shall be, and take nothing away unless they are told to.
    let named = file.to_str().unwrap();
    let applied = manager.json(&["apply", "--config", named, "--wait", "-o", "json"]);
    let action = |name: &str| {
        let rows = applied["services"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).map(|row| row["action"].as_str().unwrap().to_owned())
    };
    assert_eq!(action("a").as_deref(), Some("restarted"), "{applied}");
    assert_eq!(action("b").as_deref(), Some("updated"), "{applied}");
    assert_eq!(action("new").as_deref(), Some("started"), "{applied}");
    assert_eq!(action("old"), None, "{applied}");
    let services = manager.all_running(4);
    assert_eq!(service(&services, "b")["incarnation"], 1);
    assert_eq!(service(&services, "a")["incarnation"], 2);
    manager.stdout(&["apply", "--config", named, "--prune"]);
    manager.wait_until("pruned", |services| services.len() == 3);

    // SIGHUP reads the manager's own files.
    std::fs::write(&file, text(json!({}), "20s", "two").to_string()).unwrap();
    signal(manager.pid(), Signal::HUP);
    manager.wait_until("taken over", |services| services.len() == 2);
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
