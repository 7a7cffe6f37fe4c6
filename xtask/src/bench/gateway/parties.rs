//! Who takes part: a manager with its gateway, the same servers reached directly, the floor.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::super::manager::Manager;
use super::load::Target;
use super::talk::Talk;

/// Many times what a start takes.
const LONG: Duration = Duration::from_secs(120);

/// This program as another of the parties.
pub(super) fn this(role: &str, tools: usize) -> Command {
    let here = std::env::current_exe().expect("a program knows where it is");
    let mut command = Command::new(here);
    command.args(["bench", "--serve", role, "--tools", &tools.to_string()]);
    command
}

/// A party that is a child of this one. Dropped, it is killed.
pub(super) struct Party {
    child: Child,
    pub(super) target: Target,
}

impl Party {
    /// Starts one that says on its stdout where it listens.
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("this program starts");
        let mut address = String::new();
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        BufReader::new(stdout).read_line(&mut address).expect("it says where it is");
        Self { child, target: Target { address: address.trim().to_owned(), headers: String::new() } }
    }

    /// The processor time it has used.
    pub(super) fn used(&self) -> Duration {
        super::super::manager::used(self.child.id())
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // Started here, and waited for: nothing is left. The server behind a floor ends with its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A manager whose gateway listens.
pub(super) struct Gateway {
    pub(super) manager: Manager,
    pub(super) target: Target,
}

impl Gateway {
    /// Starts one with these services, and waits until it lists so many tools.
    pub(super) fn start(label: &str, services: Map<String, Value>, tools: usize) -> Self {
        let running = services.len();
        let config = json!({ "mcpServers": services });
        let manager = Manager::spawn(label, &config, &["--listen", "127.0.0.1:0"]);
        manager.wait_for(running);
        let reach = manager.ask(r#"{"v":1,"op":"gateway"}"#);
        let url = reach["ok"]["url"].as_str().expect("the gateway listens");
        let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        let token = std::fs::read_to_string(manager.token_file()).expect("there is a token");
        let headers = format!("authorization: Bearer {}\r\n", token.trim());
        let gateway = Self { manager, target: Target { address, headers } };
        let began = Instant::now();
        loop {
            let mut talk = Talk::connect(&gateway.target).expect("it listens");
            talk.shake_hands().expect("it shakes hands");
            let (_, list) =
                talk.post(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).expect("the gateway answers");
            let listed = list.matches("\"inputSchema\"").count();
            if listed == tools {
                return gateway;
            }
            assert!(began.elapsed() < LONG, "{listed} of {tools} tools are listed");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One with a server over pipes.
    pub(super) fn over_pipes(label: &str) -> Self {
        Self::start(label, pipes(1, 2), 2)
    }

    /// One with this server over HTTP.
    pub(super) fn over_http(label: &str, server: &Party) -> Self {
        let mut services = Map::new();
        services.insert("bench".into(), json!({ "url": format!("http://{}/mcp", server.target.address) }));
        Self::start(label, services, 2)
    }

    /// The processor time it has used.
    pub(super) fn used(&self) -> Duration {
        self.manager.cost().0
    }
}

/// So many services over pipes, with so many tools each; a single one is called `bench`.
pub(super) fn pipes(services: usize, tools: usize) -> Map<String, Value> {
    let service = service(&this("pipes", tools));
    let name = |number: usize| if services == 1 { "bench".to_owned() } else { format!("service-{number}") };
    (0..services).map(|number| (name(number), service.clone())).collect()
}

/// A service that is this command.
pub(super) fn service(command: &Command) -> Value {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    json!({ "command": command.get_program().to_string_lossy(), "args": arguments })
}
