//! Secrets: what stands in the manager's environment or in a config is found nowhere but where the config puts it.

use std::path::Path;

use mcpstore_testkit::fixture_path;
use mcpstore_warden::proc;
use serde_json::json;

use crate::manager::{Manager, mcpstore, service};
use crate::receiver::{Mood, Receiver};

/// What only the manager has: nobody may see it.
const OURS: [(&str, &str); 11] = [
    ("CANARY", "canary-plain"),
    ("AWS_SECRET_ACCESS_KEY", "canary-aws"),
    ("GITHUB_TOKEN", "canary-github"),
    ("npm_config__authToken", "canary-npm"),
    ("PIP_INDEX_URL", "https://me:canary-pip@pip.example/simple"),
    ("UV_PUBLISH_TOKEN", "canary-uv"),
    ("HTTP_PROXY", "http://me:canary-proxy@127.0.0.1:9"),
    ("https_proxy", "me:canary-bare@127.0.0.1:9"),
    // These the manager itself needs: they go to the receivers of alerts.
    ("HOOK_TOKEN", "canary-hook"),
    ("HOOK_HEADER", "canary-header"),
    ("HOOK_KEY", "canary-sign"),
];

/// What the config hands on to one service, and to nobody else.
const DECLARED: [(&str, &str); 2] = [("SEARCH_TOKEN", "canary-declared"), ("WANTED_KEY", "canary-wanted")];

/// The words to look for.
const CANARIES: [&str; 13] = [
    "canary-plain",
    "canary-aws",
    "canary-github",
    "canary-npm",
    "canary-pip",
    "canary-uv",
    "canary-proxy",
    "canary-bare",
    "canary-declared",
    "canary-wanted",
    "canary-hook",
    "canary-header",
    "canary-sign",
];

fn found(bytes: &[u8]) -> Vec<&'static str> {
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    CANARIES.into_iter().filter(|word| holds(word)).collect()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

#[test]
fn no_secret_is_found_but_where_it_was_put() {
    let fixture = fixture_path();
    let child = |sandbox: &str| {
        json!({"command": fixture, "args": ["--children", "1", "--setsid-children", "1"], "sandbox": sandbox,
               "env": {"TOKEN": "${env:SEARCH_TOKEN}"}, "inheritEnv": ["WANTED_*"]})
    };
    // What receivers answer holds all that they were asked with.
    let [refusing, failing, quoting] = [404, 500, 200].map(|status| Receiver::start(Mood::Quoting(status)));
    let sink = |name: &str, url: &str, template: &str| {
        let mut sink = json!({"name": name, "type": "webhook", "template": template, "url": format!("{url}/${{env:HOOK_TOKEN}}?key=${{env:HOOK_TOKEN}}"),
                              "headers": {"Authorization": "Bearer ${env:HOOK_HEADER}"}});
        if template == "feishu" {
            sink["signKey"] = json!("${env:HOOK_KEY}");
        }
        sink
    };
    let nowhere = format!("http://me:${{env:HOOK_TOKEN}}@{}", Receiver::nowhere());
    let sinks = [
        sink("refusing", &refusing.url(), "generic"),
        sink("failing", &failing.url(), "slack"),
        sink("quoting", &quoting.url(), "feishu"),
        sink("nowhere", &nowhere, "generic"),
    ];
    let mut config = json!({"alerts": {"sinks": sinks}, "mcpServers": {
        "plain": {"command": fixture, "args": ["--children", "1", "--setsid-children", "1", "--orphans", "1"]},
        "declared": child("basic"),
        "broken": {"command": fixture, "args": ["--exit-at-once", "3"], "env": {"TOKEN": "${env:SEARCH_TOKEN}"},
                   "restart": {"maxAttempts": 1, "delay": "10ms"}},
        "missing": {"command": "/no/such/program", "env": {"TOKEN": "${env:SEARCH_TOKEN}"}, "inheritEnv": ["WANTED_KEY"]},
        "remote": {"url": "http://127.0.0.1:9/mcp?key=${env:SEARCH_TOKEN}",
                   "headers": {"Authorization": "Bearer ${env:SEARCH_TOKEN}"}, "restart": {"policy": "never"}},
    }});
    let mut alive = vec!["plain", "declared"];
    let bubblewrap = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("bwrap").is_file()));
    if bubblewrap {
        config["mcpServers"]["isolated"] = child("isolated");
        alive.push("isolated");
    } else {
        println!("SKIPPED a part of no_secret_is_found_but_where_it_was_put: there is no `bwrap` (package bubblewrap)");
    }
    let variables = [OURS.as_slice(), &DECLARED, &[("RUST_LOG", "trace")]].concat();
    let manager = Manager::with_variables("canary", &config, &variables);
    let services = manager.wait_until("settled", |services| {
        let in_state = |name: &&str, state: &str| service(services, name)["state"] == state;
        !services.is_empty()
            && alive.iter().all(|name| in_state(name, "running"))
            && ["broken", "missing", "remote"].iter().all(|name| in_state(name, "error"))
    });
    assert_eq!(services.len(), alive.len() + 3);

    // Its processes: wardens, servers, their children. A warden stands for each service that lives.
    let mut looked_at = 0;
    let mut declared = 0;
    for process in proc::below(&proc::all(), i32::try_from(manager.pid()).unwrap()) {
        let of = |what: &str| std::fs::read(Path::new("/proc").join(process.pid.to_string()).join(what));
        let (Ok(environment), Ok(line)) = (of("environ"), of("cmdline")) else { continue };
        looked_at += 1;
        assert_eq!(found(&line), [""; 0], "a command line: {}", String::from_utf8_lossy(&line));
        let holders = ["declared", "isolated"].map(|name| format!("MCPSTORE_SERVICE={name}"));
        let may = environment.split(|byte| *byte == 0).any(|one| holders.iter().any(|holder| holder.as_bytes() == one));
        let wanted: &[&str] = if may { &["canary-declared", "canary-wanted"] } else { &[] };
        assert_eq!(found(&environment), wanted, "an environment: {}", String::from_utf8_lossy(&environment));
        declared += usize::from(may);
    }
    assert!(looked_at >= alive.len() * 4 && declared >= 3, "{looked_at} looked at, {declared} of them with a secret");
    assert_eq!(
        found(&std::fs::read(Path::new("/proc").join(manager.pid().to_string()).join("cmdline")).unwrap()),
        [""; 0]
    );

    // Every sink was tried, and had something to say.
    let tested = manager.run(&["alerts", "test"]);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.code() == Some(1) && said.matches('\u{2717}').count() == 4, "{said}");
    assert!(said.contains("***"), "receivers quoted what they were asked with: {said}");

    // What the manager answers, and what it says when something is wrong.
    let file = manager.dir().join("mcp.json").display().to_string();
    for args in [
        vec!["status", "-o", "json"],
        vec!["status"],
        vec!["ls", "-o", "json"],
        vec!["ls", "-o", "wide"],
        vec!["events", "-o", "ndjson"],
        vec!["logs", "plain", "broken", "missing", "remote"],
        vec!["metrics", "-o", "json"],
        vec!["tools", "-o", "json"],
        vec!["alerts", "test"],
        vec!["alerts", "test", "-o", "json"],
        vec!["alerts", "ls"],
        vec!["alerts", "ls", "-o", "json"],
        vec!["why", "broken"],
        vec!["why", "remote", "-o", "json"],
        vec!["top", "--once", "-o", "json"],
        vec!["events", "--since", "1h"],
        vec!["critical-chain"],
        vec!["doctor", "--config", &file],
        vec!["config", "show", "--config", &file],
        vec!["reload"],
        vec!["plan"],
        vec!["start", "broken", "--wait"],
        vec!["start", "missing", "--wait"],
        vec!["start", "remote", "--wait"],
        vec!["call", "remote.echo"],
        vec!["config", "check", "--config", &file],
    ] {
        let output = manager.client(&args).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(found(&[output.stdout, output.stderr].concat()), [""; 0], "{args:?}");
    }
    // Its folder, the ledger and its own log among it; while it runs, and afterwards. The config is not ours to change.
    let clean = |dir: &Path| {
        let all = files(dir);
        for part in ["ledger.jsonl", "00000001.log"] {
            assert!(all.iter().any(|file| file.ends_with(part)), "{all:?}");
        }
        for file in all {
            // A socket cannot be read.
            let text = std::fs::read(&file).unwrap_or_default();
            assert_eq!(found(&text), [""; 0], "{}: {}", file.display(), String::from_utf8_lossy(&text));
        }
    };
    clean(manager.dir());
    let dir = tempfile::tempdir().unwrap();
    for file in files(manager.dir()) {
        // It goes with the manager.
        let _ = std::fs::copy(&file, dir.path().join(file.file_name().unwrap()));
    }
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), found(ended.stderr.as_bytes()), ended.left), (Some(0), vec![], vec![]));
    clean(dir.path());
}

#[test]
fn a_launcher_behind_a_proxy_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    // A launcher is a shell behind which the server stands.
    let launcher = folder.path().join("npx");
    std::fs::write(&launcher, format!("#!/bin/sh\n\"{}\"\n", fixture_path().display())).unwrap();
    std::fs::set_permissions(&launcher, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let variables = [
        ("HTTP_PROXY", "http://proxy.example:3128"),
        ("https_proxy", "proxy.example:3128"),
        ("NO_PROXY", "localhost,.example"),
        ("NODE_EXTRA_CA_CERTS", "/etc/company.pem"),
        ("SSL_CERT_FILE", "/etc/ssl/certs/company.pem"),
        ("npm_config_proxy", "http://proxy.example:3128"),
        ("npm_config_cache", "/tmp/mcpstore-npm-cache"),
        ("UV_DEFAULT_INDEX", "https://packages.example/simple"),
        ("PIP_CERT", "/etc/company.pem"),
    ];
    let config =
        json!({"mcpServers": {"behind": {"command": launcher}, "open": {"command": launcher, "sandbox": "none"}}});
    let manager = Manager::with_variables("proxy", &config, &variables);
    manager.all_running(2);
    for name in ["behind", "open"] {
        for (variable, value) in variables {
            let answer = manager.json(&["call", &format!("{name}.env"), &format!("name={variable}"), "-o", "json"]);
            assert!(answer.to_string().contains(&format!("\"{value}\"")), "{variable}: {answer}");
        }
    }
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    // Without a manager there is nothing to ask, and nothing is said of the variables either.
    let output = mcpstore(folder.path()).args(["status"]).envs(OURS).output().unwrap();
    assert_eq!(found(&[output.stdout, output.stderr].concat()), [""; 0]);
}
