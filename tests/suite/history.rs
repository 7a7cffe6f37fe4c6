//! What happened is there after a `kill -9` of the manager, and after damage to its files.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::manager::Manager;

/// What a manager learned this long before its kill is there.
const PROMISE: Duration = Duration::from_millis(200);

/// How many kills; `MCPSTORE_HISTORY_ROUNDS` makes more.
fn rounds() -> usize {
    std::env::var("MCPSTORE_HISTORY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

/// Services that die and are started again all the time, and never give up.
fn flapping() -> Value {
    let restart = json!({"maxAttempts": 1000, "maxInWindow": 1000, "delay": "10ms", "maxDelay": "20ms", "jitter": 0.2});
    let services = (0..3).map(|index| {
        let args = ["--die-after".to_owned(), (20 + 15 * index).to_string()];
        (format!("flaps-{index}"), json!({"command": fixture_path(), "args": args, "restart": restart}))
    });
    json!({"mcpServers": Map::from_iter(services), "alerts": false})
}

/// The lines of `events -f`, each with the instant at which it came; they end with the manager. The first one has come when
/// this returns.
fn follow(manager: &Manager) -> JoinHandle<Vec<(Instant, String)>> {
    let mut client = manager.client(&["events", "-f", "-o", "ndjson"]);
    let mut child = client.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| (Instant::now(), line.unwrap()));
    let mut seen = vec![lines.next().expect("an event")];
    std::thread::spawn(move || {
        seen.extend(lines);
        child.wait().unwrap();
        seen
    })
}

/// All that history has.
fn past(manager: &Manager) -> Vec<String> {
    manager.stdout(&["events", "--since", "1h", "-o", "ndjson"]).lines().map(str::to_owned).collect()
}

fn is_up(manager: &Manager) {
    manager.wait_until("up", |services| !services.is_empty());
}

#[test]
fn what_was_there_200_ms_before_a_kill_is_there_after_it() {
    let mut dice = Dice::new();
    let mut manager = Manager::with_config("history-kill", &flapping());
    let file = manager.dir().join("mcp.json").display().to_string();
    let mut held = 0;
    for round in 0..rounds() {
        is_up(&manager);
        let follower = follow(&manager);
        // Not a wait for anything: the instant of the kill is what is tried.
        std::thread::sleep(Duration::from_millis(dice.between(300, 1_000)));
        let killed = Instant::now();
        let pid = manager.kill();
        let seen = follower.join().unwrap();
        manager.up_again(&["--config", &file]);
        is_up(&manager);
        let past = past(&manager);
        let known: BTreeSet<&String> = past.iter().collect();
        for (at, line) in &seen {
            if *at + PROMISE <= killed {
                let before = killed.duration_since(*at);
                assert!(
                    known.contains(line),
                    "round {round}: seen {before:?} before the kill of {pid}, and gone: {line}"
                );
                held += 1;
            }
        }
        // Whatever is there of any manager is a beginning without a gap.
        let mut next = 0;
        for line in &past {
            let event: Value = serde_json::from_str(line).unwrap();
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq == next + 1 || seq == 1, "round {round}: {seq} follows {next}: {line}");
            next = seq;
        }
    }
    assert!(held > 10 * rounds(), "only {held} events were looked for");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

/// The segments of history, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
    logs.sort();
    logs
}

/// Which event a line of a segment, or of `events`, is about.
fn identity(event: &Value) -> [Value; 5] {
    ["seq", "service", "incarnation", "phase", "reason"].map(|key| event[key].clone())
}

/// The events in the lines of a segment that end within the first `bytes`.
fn events_within(segment: &[u8], bytes: usize) -> Vec<[Value; 5]> {
    let whole = segment[..bytes].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = segment[..whole].split_inclusive(|byte| *byte == b'\n');
    let records =
        lines.map(|line| serde_json::from_slice::<Value>(&line[line.iter().position(|b| *b == b'{').unwrap()..]));
    records.map(Result::unwrap).filter(|record| record["k"] == "notice").map(|record| identity(&record)).collect()
}

#[test]
fn what_stands_before_a_damage_is_shown_and_what_comes_is_appended() {
    let mut dice = Dice::new();
    let mut manager = Manager::with_config("history-damage", &flapping());
    let file = manager.dir().join("mcp.json").display().to_string();
    let folder = manager.dir().join("state/history");
    for round in 0..6 {
        is_up(&manager);
        let before = past(&manager).len();
        let start = Instant::now();
        while past(&manager).len() < before + 20 {
            assert!(start.elapsed() < crate::manager::LONG, "nothing happens");
        }
        manager.kill();
        let all = segments(&folder);
        let segment = &all[usize::try_from(dice.between(0, all.len() as u64)).unwrap()];
        let mut bytes = std::fs::read(segment).unwrap();
        // A cut at the end of a line is no damage that could be seen.
        let at = loop {
            let at = usize::try_from(dice.between(1, bytes.len() as u64)).unwrap();
            if bytes[at - 1] != b'\n' {
                break at;
            }
        };
        let mut expected = Vec::new();
        for other in &all {
            let text = std::fs::read(other).unwrap();
            expected.extend(events_within(&text, if other == segment { at } else { text.len() }));
        }
        if round % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << dice.between(0, 8);
        }
        std::fs::write(segment, bytes).unwrap();

        manager.up_again(&["--config", &file]);
        is_up(&manager);
        let found: Vec<[Value; 5]> =
            past(&manager).iter().map(|line| identity(&serde_json::from_str(line).unwrap())).collect();
        let what = format!("round {round}: byte {at} of {}", segment.display());
        assert!(found.len() > expected.len() && found.starts_with(&expected), "{what}\n{found:?}\n{expected:?}");
        // What follows is the new manager's own, from its first word on.
        let own: Vec<u64> = found[expected.len()..].iter().map(|event| event[0].as_u64().unwrap()).collect();
        assert!(own.iter().copied().eq(1..=own.len() as u64), "{what}: {own:?}");
        let said = manager.stderr();
        assert!(said.contains("history was damaged: ") && said.contains("set aside in "), "{what}: {said}");
        let named = said.split_once("set aside in ").unwrap().1.split(".bad").next().unwrap();
        assert!(Path::new(&format!("{named}.bad")).is_file(), "{what}: {said}");
    }
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
