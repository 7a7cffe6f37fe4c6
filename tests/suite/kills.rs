//! The kill matrix: every way in which services and managers end, times everything a server does to leave something behind.

use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use mcpstore_warden::proc;
use rustix::process::Signal;
use serde_json::{Map, Value, json};

use crate::manager::{LONG, Manager, signal};
use crate::trace::{Found, all_gone, carriers, rounds};

/// What a server does, and how many processes it is then, itself included.
const KINDS: [(&str, &str, usize); 6] = [
    ("well", "", 1),
    ("stubborn", "--ignore-eof --ignore-term", 1),
    ("group", "--children 2 --ignore-eof --ignore-term", 3),
    ("setsid", "--setsid-children 2 --ignore-eof --ignore-term", 3),
    ("double", "--orphans 2 --clean-orphans 1 --ignore-eof --ignore-term", 4),
    // A shell that runs a shell that runs the server, as npx does.
    ("chain", "--ignore-eof --ignore-term", 3),
];

/// A config of such services; the name of each has a word that no other test has, by which its warden is found.
fn config(word: &str, kinds: &[(&str, &str, usize)]) -> Value {
    let fixture = fixture_path().display().to_string();
    let mut services = Map::new();
    for (kind, flags, _) in kinds {
        let flags = flags.split_whitespace();
        let args: Vec<String> = if *kind == "chain" {
            let script = r#"sh -c '"$0" "$@"; exit $?' "$0" "$@"; exit $?"#;
            ["-c", script, &fixture].into_iter().chain(flags).map(ToOwned::to_owned).collect()
        } else {
            flags.map(ToOwned::to_owned).collect()
        };
        let command = if *kind == "chain" { "sh" } else { &fixture };
        services.insert(format!("{kind}-{word}"), json!({"command": command, "args": args}));
    }
    json!({
        "mcpServers": services,
        "defaults": {
            "restart": {"policy": "never"},
            "timeouts": {"drain": "100ms", "close": "100ms", "term": "100ms"},
        },
    })
}

/// A manager of such services, and how it went so far.
struct Matrix {
    manager: Manager,
    word: String,
    args: Vec<String>,
    /// What its file says; a removal takes the services out of it.
    config: String,
    names: Vec<String>,
    processes: usize,
    /// The longest it took after each way until nothing was left.
    worst: Vec<(&'static str, Duration)>,
}

impl Matrix {
    fn new(word: &str, kinds: &[(&str, &str, usize)]) -> Self {
        let word = format!("{word}{}", std::process::id());
        let config = config(&word, kinds);
        let names = config["mcpServers"].as_object().unwrap().keys().cloned().collect();
        let manager = Manager::with_config(&word, &config);
        let args = ["up", "--config"].map(ToOwned::to_owned);
        let file = manager.dir().join("mcp.json").display().to_string();
        let processes = kinds.iter().map(|(_, _, count)| count).sum();
        let (args, config) = ([args[1].clone(), file].to_vec(), config.to_string());
        Self { manager, args, config, word, names, processes, worst: Vec::new() }
    }

    /// The processes of the services, without the manager; those of wardens too.
    fn processes(&self) -> Vec<Found> {
        carriers(&self.word, self.manager.pid())
    }

    /// Everything runs, and has done what it does.
    fn running(&self) {
        self.manager.all_running(self.names.len());
        self.wait("the children are there", || self.processes().len() >= self.processes + self.names.len());
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            let said = self.manager.stderr();
            assert!(began.elapsed() < LONG, "never: {what}; there are {:#?}\n{said}", self.processes());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn run(&self, verb: &[&str]) {
        let names = self.names.iter().map(String::as_str);
        let args: Vec<&str> = verb.iter().copied().chain(names).collect();
        let output = self.manager.run(&args);
        assert!(output.status.success(), "{args:?}: {output:?}\n{}", self.manager.stderr());
    }

    /// Nothing is left, and it took no longer than ten times what is promised.
    fn gone(&mut self, way: &'static str, promise: Duration) {
        match all_gone(&self.word, self.manager.pid(), promise * 10) {
            Ok(took) => match self.worst.iter_mut().find(|(name, _)| *name == way) {
                Some((_, worst)) => *worst = took.max(*worst),
                None => self.worst.push((way, took)),
            },
            Err(left) => panic!("after {way} there are still {left:#?}\n{}", self.manager.stderr()),
        }
    }

    /// Every way that leaves the manager running.
    fn ways_of_services(&mut self) {
        // What is said to be down is down: nothing is waited for but what ends by itself in a moment.
        let at_once = Duration::from_millis(100);
        self.running();
        self.run(&["stop", "--wait"]);
        self.gone("stop", at_once);
        self.run(&["start", "--wait"]);
        self.running();
        self.run(&["stop", "--force", "--wait"]);
        self.gone("stop --force", at_once);
        self.run(&["start", "--wait"]);
        self.running();
        self.restart();
        self.running();
        self.kill_wardens();
        self.gone("SIGKILL of the wardens", Duration::from_millis(500));
        self.wait("the manager sees it", || {
            let listed = self.manager.json(&["ls", "-o", "json"]);
            listed["services"].as_array().unwrap().iter().all(|service| service["phase"] == "failed")
        });
        self.run(&["start", "--wait"]);
        self.running();
        self.run(&["remove", "--force"]);
        self.wait("all are removed", || {
            self.manager.json(&["ls", "-o", "json"])["services"].as_array().unwrap().is_empty()
        });
        self.gone("remove", at_once);
    }

    /// Of the life before nothing is left when the next one runs.
    fn restart(&self) {
        let life = |found: &Found| found.variable("MCPSTORE_LIFE");
        let before = self.processes();
        let lives: Vec<String> = before.iter().filter_map(life).collect();
        self.run(&["restart", "--wait"]);
        let old = |found: &Found| {
            let same = before.iter().any(|process| process.process == found.process);
            same || life(found).is_some_and(|life| lives.contains(&life))
        };
        let left: Vec<Found> = self.processes().into_iter().filter(old).collect();
        assert!(left.is_empty(), "of the life before there are still {left:#?}");
    }

    fn kill_wardens(&self) {
        let own = i32::try_from(self.manager.pid()).unwrap();
        let wardens = || -> Vec<i32> {
            let children = proc::all().into_iter().filter(|process| process.parent == own && !process.ended);
            children.map(|process| process.pid).collect()
        };
        // One of the life before may be on its way out.
        self.wait("each service has a warden", || wardens().len() == self.names.len());
        let wardens = wardens();
        wardens.iter().for_each(|warden| signal(u32::try_from(*warden).unwrap(), Signal::KILL));
    }

    fn up(&mut self) {
        std::fs::write(&self.args[1], &self.config).unwrap();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.manager.up_again(&args);
        self.running();
    }

    /// Every way that ends the manager.
    fn ways_of_managers(&mut self) {
        for (way, by) in [("Ctrl-C", Signal::INT), ("SIGTERM", Signal::TERM)] {
            let ended = self.manager.end_by(by);
            assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
            self.gone(way, Duration::from_millis(100));
            self.up();
        }
        let pid = self.manager.kill();
        self.gone("SIGKILL of the manager", Duration::from_millis(500));
        self.up();
        let said = self.manager.stderr();
        let count = self.names.len();
        let services = if count == 1 { "service" } else { "services" };
        let expected = format!(
            "an earlier manager (pid {pid}) ended without stopping its {count} {services}; 0 processes had outlived it"
        );
        assert!(said.contains(&expected), "it says:\n{said}");
    }

    fn all(mut self, rounds: usize) {
        let began = Instant::now();
        for round in 0..rounds {
            if round > 0 {
                self.up();
            }
            self.ways_of_services();
            let ended = self.manager.end_by(Signal::INT);
            assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
            self.up();
            self.ways_of_managers();
            let ended = self.manager.end_by(Signal::INT);
            assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        }
        println!(
            "{rounds} rounds of {} services in {:?}; the longest until nothing was left:",
            self.names.len(),
            began.elapsed()
        );
        self.worst.iter().for_each(|(way, took)| println!("  {way}: {took:?}"));
    }
}

#[test]
fn no_way_leaves_anything_behind() {
    Matrix::new("kills", &KINDS).all(rounds(2));
}

#[test]
fn no_way_leaves_a_bomb_behind() {
    Matrix::new("bombs", &[("bomb", "--bomb 6 --ignore-eof --ignore-term", 4)]).all(rounds(2));
}
