//! A running `mcpstore up`, and the same program as its client.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use mcpstore_testkit::{TAG_VARIABLE, mcpstore_path, no_survivors, survivors, unique_tag};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Many times what anything here takes; only something that hangs meets it.
pub(crate) const LONG: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A running manager with a state folder and a tag of its own. Whatever is left of it at the end is killed.
pub(crate) struct Manager {
    child: Child,
    dir: TempDir,
    tag: String,
}

/// How a manager ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
    /// Processes that outlived it.
    pub(crate) left: Vec<u32>,
}

impl Manager {
    /// Starts `mcpstore up` with these arguments.
    pub(crate) fn up(test: &str, args: &[&str]) -> Self {
        Self::up_in(tempfile::tempdir().unwrap(), test, args)
    }

    /// Starts `mcpstore up --config` with this config.
    pub(crate) fn with_config(test: &str, config: &Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        std::fs::write(&file, config.to_string()).unwrap();
        Self::up_in(dir, test, &["--config", file.to_str().unwrap()])
    }

    /// The same, with these variables in the manager's environment; one that is empty is taken out.
    pub(crate) fn with_variables(test: &str, config: &Value, variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let tag = unique_tag(test);
        let child = Self::child(&dir, &tag, &["--config", file.to_str().unwrap()], variables);
        Self { child, dir, tag }
    }

    /// Starts `mcpstore up` with these arguments in this folder, which is its own from now on.
    pub(crate) fn up_in(dir: TempDir, test: &str, args: &[&str]) -> Self {
        let tag = unique_tag(test);
        let child = Self::child(&dir, &tag, args, &[]);
        Self { child, dir, tag }
    }

    fn child(dir: &TempDir, tag: &str, args: &[&str], variables: &[(&str, &str)]) -> Child {
        let stderr = File::create(dir.path().join("up.stderr")).unwrap();
        let stdout = File::create(dir.path().join("up.stdout")).unwrap();
        let mut command = mcpstore(dir.path());
        command.arg("up").args(args).env(TAG_VARIABLE, tag).envs(variables.iter().copied());
        for (name, _) in variables.iter().filter(|(_, value)| value.is_empty()) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap()
    }

    /// Kills the manager and nobody else (`kill -9`), and waits for its end.
    pub(crate) fn kill(&mut self) -> u32 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child.id()
    }

    /// Starts the manager anew, in the same folder, after an end of the last one.
    pub(crate) fn up_again(&mut self, args: &[&str]) {
        self.child = Self::child(&self.dir, &self.tag, args, &[]);
    }

    /// Asks the manager to end with this signal, and waits for it.
    pub(crate) fn end_by(&mut self, by: Signal) -> Ended {
        signal(self.child.id(), by);
        self.end()
    }

    /// The manager's own process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What a client prints and how it ends.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.client(args).output().unwrap()
    }

    /// A client that is not started yet.
    pub(crate) fn client(&self, args: &[&str]) -> Command {
        let mut command = mcpstore(self.dir.path());
        command.args(args).stdin(Stdio::null()).env(TAG_VARIABLE, &self.tag);
        command
    }

    /// What a client that must succeed prints.
    pub(crate) fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}\n{}", self.stderr());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON that a client that must succeed prints.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.stdout(args);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error} in {text}"))
    }

    /// Polls `ls` until `done` holds of its services; gives them back.
    pub(crate) fn wait_until(&self, what: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let output = self.run(&["ls", "-o", "json"]);
            let services = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default();
            let services = services["services"].as_array().cloned().unwrap_or_default();
            if output.status.success() && done(&services) {
                return services;
            }
            assert!(start.elapsed() < LONG, "not {what}: {services:?}\n{output:?}\nup said:\n{}", self.stderr());
            std::thread::sleep(POLL);
        }
    }

    /// Waits until every service runs.
    pub(crate) fn all_running(&self, count: usize) -> Vec<Value> {
        self.wait_until("all running", |services| {
            services.len() == count && services.iter().all(|service| service["state"] == "running")
        })
    }

    /// The notices so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.stdout(&["events", "-o", "ndjson"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the manager has written to stderr.
    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("up.stderr")).unwrap_or_default()
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Presses Ctrl-C, and waits for the end.
    pub(crate) fn interrupt(mut self) -> Ended {
        signal(self.child.id(), Signal::INT);
        self.end()
    }

    /// Waits for an end that comes by itself.
    pub(crate) fn ends(mut self) -> Ended {
        self.end()
    }

    /// The same, when it is started anew later.
    pub(crate) fn end(&mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < LONG, "the manager does not end; it said:\n{}", self.stderr());
            std::thread::sleep(POLL);
        };
        // An exiting process may still be seen for a moment.
        let left = no_survivors(&self.tag, Duration::from_secs(1));
        Ended { status, stderr: self.stderr(), left }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // Only what this test started: its own child, and what carries its tag.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in survivors(&self.tag) {
            signal(pid, Signal::KILL);
        }
    }
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = kill_process(pid, signal);
    }
}

/// The program with a state folder of its own and nothing inherited that would change what it does.
pub(crate) fn mcpstore(dir: &Path) -> Command {
    let mut command = Command::new(mcpstore_path());
    // Many run side by side: who tests the gateway says where it is.
    command.current_dir(dir).env("MCPSTORE_STATE_DIR", state_dir(dir)).env("MCPSTORE_LISTEN", "none");
    for name in ["MCPSTORE_SOCKET", "MCPSTORE_CONFIG", "RUST_LOG", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn state_dir(dir: &Path) -> PathBuf {
    dir.join("state")
}

/// The service of this name.
pub(crate) fn service<'a>(services: &'a [Value], name: &str) -> &'a Value {
    services.iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("no `{name}` in {services:?}"))
}
