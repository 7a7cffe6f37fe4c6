//! Registration at run time: durable before it is acknowledged, one writer at a time, and nothing else of the file is touched.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use mcpstore_testkit::fixture_path;
use serde_json::Value;

use crate::manager::{Manager, mcpstore, service};

/// How many commands are killed; `MCPSTORE_REGISTRY_ROUNDS=1000` makes those of the specification.
fn rounds() -> usize {
    std::env::var("MCPSTORE_REGISTRY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(120)
}

/// The names of the services in a file, which must parse.
fn names(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let plain: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let value: Value = serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    let services = value["mcpServers"].as_object().unwrap();
    for (name, entry) in services {
        // None is half there.
        assert_eq!(entry["command"], "true", "{name} in\n{text}");
        assert_eq!(entry["args"], serde_json::json!([name, "x"]), "{name} in\n{text}");
    }
    services.keys().cloned().collect()
}

/// Numbers that look random and are the same every time.
fn mixed(seed: u64) -> u64 {
    let x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[test]
fn a_kill_at_any_instant_loses_no_acknowledged_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, "{\n  // mine\n  \"mcpServers\": {\n  }\n}\n").unwrap();
    // How long a command takes that is left alone, by which the instants are spread.
    let start = std::time::Instant::now();
    let probe = mcpstore(dir.path())
        .args(["add", "probe", "--config"])
        .arg(&file)
        .args(["--", "true", "probe", "x"])
        .output()
        .unwrap();
    assert!(probe.status.success(), "{probe:?}");
    let usual = start.elapsed();
    let mut known = names(&file);
    let (mut killed, mut acknowledged) = (0, 0);
    for round in 0..rounds() as u64 {
        let removes = round % 3 == 2 && !known.is_empty();
        let name = match removes {
            true => known.iter().nth(mixed(round) as usize % known.len()).unwrap().clone(),
            false => format!("s{round}"),
        };
        let mut command = mcpstore(dir.path());
        if removes {
            command.args(["remove", &name, "--config"]).arg(&file);
        } else {
            command.args(["add", &name, "--config"]).arg(&file).args(["--", "true", &name, "x"]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Up to one and a half times the usual: some get through.
        let after = usual.mul_f64((mixed(round ^ 0xabcd) % 1500) as f64 / 1000.0);
        std::thread::sleep(after);
        let done = child.try_wait().unwrap();
        if done.is_none() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let now = names(&file);
        let mut expected = known.clone();
        if removes {
            expected.remove(&name)
        } else {
            expected.insert(name.clone())
        };
        if status.success() {
            assert_eq!(now, expected, "round {round}: an acknowledged change of `{name}` is lost");
            acknowledged += 1;
        } else {
            killed += 1;
            assert!(now == known || now == expected, "round {round}: more than `{name}` changed: {now:?}");
        }
        known = now;
    }
    println!("{killed} killed, {acknowledged} acknowledged, {} services left; a command takes {usual:?}", known.len());
    assert!(killed > 0 && acknowledged > 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("// mine"), "{text}");
    let check = mcpstore(dir.path()).args(["config", "check"]).arg(&file).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    // The next writer takes away what the killed ones left.
    let last = mcpstore(dir.path()).args(["remove", "--all", "--config"]).arg(&file).output().unwrap();
    assert!(last.status.success(), "{last:?}");
    let left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mcp.json" && name != "state")
        .collect();
    assert_eq!(left, Vec::<String>::new(), "left of killed writers");
}

#[test]
fn eight_writers_add_ten_services_each() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (dir, file) = (dir.path(), &file);
            scope.spawn(move || {
                for nth in 0..10 {
                    let name = format!("w{writer}-{nth}");
                    let mut command = mcpstore(dir);
                    command.args(["add", &name, "--config"]).arg(file).args(["--", "true", &name, "x"]);
                    let output = command.stdin(Stdio::null()).output().unwrap();
                    assert!(output.status.success(), "{output:?}");
                }
            });
        }
    });
    assert_eq!(names(&file).len(), 80);
}

#[test]
fn verbs_change_the_file_and_the_running_manager() {
    let fixture = fixture_path();
    let fixture = fixture.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    let text = format!(
        "{{\n  // keep me\n  \"mcpServers\": {{\n    \"base\": {{ \"command\": \"{fixture}\", \"x-mine\": [1, 2] }} // here\n  }}\n}}\n"
    );
    std::fs::write(&file, &text).unwrap();
    let manager = Manager::up("registry", &["--config", file.to_str().unwrap()]);
    manager.all_running(1);
    let ok = |args: &[&str]| {
        let output = manager.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}\n{}", manager.stderr());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = ok(&["add", "more", "--depends-on", "base", "--env", "A=b", "--wait", "--", fixture]);
    assert!(said.contains("added more to"), "{said}");
    assert_eq!(manager.all_running(2).len(), 2);

    // Refused, each with its reason and without harm.
    for (args, code, words) in [
        (&["add", "more", "--", fixture][..], 9, "is there already"),
        (&["add", "bad", "--depends-on", "bas", "--", fixture], 5, "did you mean `base`"),
        (&["add", "a\u{7f}b", "--", fixture], 5, "a\\u{7f}b"),
        (&["add", "slip", "uvx", "mcp-server-time"], 2, "mcpstore add slip -- uvx mcp-server-time"),
        (&["remove", "base", "--force"], 9, "is needed by more"),
        (&["remove", "more"], 9, "is running"),
        (&["disable", "mor"], 4, "did you mean `more`"),
        (&["edit", "more", "--set", "restart.policy=sometimes"], 5, "unknown word"),
    ] {
        let output = manager.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: `{words}` is not in {said}");
    }
    assert_eq!(manager.all_running(2).len(), 2);

    // Several fields are one step: a bad one leaves the good ones out too.
    let half = manager.run(&["edit", "more", "--set", "timeouts.start=9s", "--set", "restart.policy=sometimes"]);
    assert_eq!(half.status.code(), Some(5), "{half:?}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("9s"), "half of an edit was written");
    ok(&["edit", "more", "--set", "env.A=c", "--set", "health.interval=30s"]);
    manager.wait_until("restarted with the new variable", |services| service(services, "more")["incarnation"] == 2);
    manager.all_running(2);
    assert!(manager.stdout(&["call", "more.env", "name=A"]).contains('c'));
    assert_eq!(service(&manager.all_running(2), "base")["incarnation"], 1);
    ok(&["disable", "more"]);
    manager.wait_until("stopped", |services| service(services, "more")["state"] == "stopped");
    assert!(ok(&["disable", "more"]).contains("disabled already"));
    ok(&["enable", "more"]);
    manager.all_running(2);
    ok(&["remove", "more", "--force"]);
    manager.wait_until("removed", |services| services.len() == 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "what came and went left a trace");
    // A file that is gone is not made anew with one service in it.
    std::fs::remove_file(&file).unwrap();
    let gone = manager.run(&["add", "only", "--", fixture]);
    assert_eq!((gone.status.code(), file.exists()), (Some(9), false), "{gone:?}");
    assert_eq!(manager.all_running(1).len(), 1);
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn what_was_wrong_before_does_not_stand_in_the_way_of_changes() {
    let fixture = fixture_path();
    let fixture = fixture.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    let text = format!(
        "{{ \"mcpServers\": {{ \"bad\": {{ \"command\": 5 }}, \"unset\": {{ \"command\": \"{fixture}\", \"env\": {{ \"X\": \"${{MCPSTORE_TEST_UNSET}}\" }} }}, \"good\": {{ \"command\": \"{fixture}\" }} }} }}"
    );
    std::fs::write(&file, text).unwrap();
    let manager = Manager::up("wrong-before", &["--config", file.to_str().unwrap()]);
    manager.all_running(1);
    let added = manager.run(&["add", "more", "--wait", "--", fixture]);
    assert!(added.status.success(), "{added:?}\n{}", manager.stderr());
    // A variable that is not set concerns its service alone.
    let edited = manager.run(&["edit", "good", "--set", "env.Y=${MCPSTORE_TEST_UNSET}"]);
    assert!(edited.status.success(), "{edited:?}\n{}", manager.stderr());
    assert_eq!(manager.all_running(2).len(), 2, "what runs goes on as it was");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn an_editor_is_checked_before_its_text_counts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, "{ \"mcpServers\": { \"a\": { \"command\": \"true\" } } }\n").unwrap();
    let editor = |script: &str| {
        let path = dir.path().join("editor.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mut command = mcpstore(dir.path());
        command.args(["edit", "--config"]).arg(&file).args(["--editor", &format!("sh {}", path.display())]);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let bad = editor("sed -i 's/command/comand/' \"$1\"");
    assert_eq!(bad.status.code(), Some(5), "{bad:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"command\""));
    let good = editor("sed -i 's/true/false/' \"$1\"");
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("false"));
    let idle = editor("true");
    assert!(String::from_utf8_lossy(&idle.stderr).contains("nothing was changed"), "{idle:?}");
}
