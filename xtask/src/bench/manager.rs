//! A running `mcpstore up` of this profile, its cost as the system counts it, and a client on its socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::servers::program;

/// Many times what any of this takes.
const LONG: Duration = Duration::from_secs(60);

/// A manager in a folder of its own. Dropped, it is asked to end, and waited for.
pub(super) struct Manager {
    child: Child,
    folder: PathBuf,
}

impl Manager {
    /// Starts one with this config, and waits until so many services run.
    pub(super) fn start(label: &str, config: &Value, running: usize) -> Self {
        let manager = Self::spawn(label, config, &[]);
        manager.wait_for(running);
        manager
    }

    /// Starts one with this config and more arguments.
    pub(super) fn spawn(label: &str, config: &Value, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("mcpstore-bench-{}-{label}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join("mcp.json");
        std::fs::write(&file, config.to_string()).expect("a file can be written");
        let child = Command::new(program("mcpstore"))
            .args(["up", "--no-table", "--config"])
            .arg(&file)
            .arg("--state-dir")
            .arg(folder.join("state"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, folder }
    }

    /// Waits until so many services run.
    pub(super) fn wait_for(&self, running: usize) {
        let began = Instant::now();
        loop {
            let states = self.try_ask(r#"{"v":1,"op":"status","target":{"all":true,"patterns":[]}}"#);
            let services = states.as_ref().and_then(|said| said["ok"]["services"].as_array());
            let up = services.map_or(0, |all| all.iter().filter(|service| service["state"] == "running").count());
            if up == running {
                return;
            }
            assert!(began.elapsed() < LONG, "{up} of {running} services run");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The file that holds the token of its gateway.
    pub(super) fn token_file(&self) -> PathBuf {
        self.folder.join("state/gateway.token")
    }

    /// The processor time it has used, and the memory it holds, in bytes.
    pub(super) fn cost(&self) -> (Duration, u64) {
        let status = read(self.child.id(), "status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kib: u64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0);
        (used(self.child.id()), kib * 1024)
    }

    /// Makes one request, as every command does: a connection of its own, one line each way.
    pub(super) fn ask(&self, request: &str) -> Value {
        self.try_ask(request).expect("the manager answers")
    }

    fn try_ask(&self, request: &str) -> Option<Value> {
        let mut stream = UnixStream::connect(self.folder.join("state/mcpstore.sock")).ok()?;
        stream.write_all(format!("{request}\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

/// The processor time that a process has used.
pub(super) fn used(pid: u32) -> Duration {
    let stat = read(pid, "stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<u64>().ok()).sum();
    // A tick is 10 ms on every Linux of today.
    Duration::from_millis(ticks * 10)
}

fn read(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process lives")
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
