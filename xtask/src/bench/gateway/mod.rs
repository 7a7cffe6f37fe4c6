//! What the gateway adds to a call: over HTTP, with a server over pipes and one over HTTP behind it, beside the same server
//! reached directly and beside the floor.

mod floor;
mod http;
mod inside;
mod load;
mod memory;
mod other;
mod parties;
mod pinned;
mod report;
mod server;
mod talk;

use std::time::Duration;

use anyhow::{Result, bail};

use super::samples::Samples;
use load::{Ask, Load, Run, Target};
use parties::{Gateway, Party, this};
use pinned::OneProcessor;
pub(super) use report::section;
use report::{Line, Side};
use server::Server;
use talk::sessions;

/// Rounds in which the sides take turns.
const ROUNDS: usize = 4;
/// How many clients there are at once.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
/// What every client of the handshake era says.
const VERSION: &str = "mcp-protocol-version: 2025-11-25\r\n";

/// Everything that is measured of the gateway.
pub(super) struct Measured {
    pub(super) calls: Vec<Line>,
    pub(super) rows: Vec<super::table::Row>,
    pub(super) sizes: Vec<super::table::Size>,
}

/// Is one of the parties of the benchmark.
///
/// # Errors
/// When a role is not known, and what the system says.
pub(super) fn serve(role: &str, tools: usize) -> Result<()> {
    match role {
        "pipes" => Ok(Server::new(tools).over_pipes()?),
        "http" => Ok(Server::new(tools).over_http()?),
        "mute" => loop {
            std::thread::park();
        },
        "gateway" => Ok(inside::run(tools)?),
        "floor" => Ok(floor::run(this("pipes", tools))?),
        _ => bail!("there is no role `{role}`"),
    }
}

/// Measures; with `quick`, a fifth of the calls.
pub(super) fn run(quick: bool) -> Measured {
    let share = if quick { 5 } else { 1 };
    let mut calls = Vec::new();
    let direct = Party::start(this("http", 2));
    let floor = Party::start(this("floor", 2));
    println!("measuring calls through the gateway …");
    {
        let gateway = Gateway::over_pipes("calls-pipes");
        for clients in CLIENTS {
            let sides = Sides { direct: &direct, floor: Some(&floor), gateway: &gateway };
            calls.push(sides.line("32 bytes, a server over pipes", clients, 40_000 / share, &echo));
        }
        for clients in [1, 64] {
            let sides = Sides { direct: &direct, floor: Some(&floor), gateway: &gateway };
            let what = "32 bytes, 2026-07-28, a server of 2025-11-25 over pipes";
            calls.push(sides.line(what, clients, 40_000 / share, &echo_stateless));
        }
        for (what, bytes) in [("100 kB", 100_000), ("1 MB", 1_000_000)] {
            let sides = Sides { direct: &direct, floor: Some(&floor), gateway: &gateway };
            let ask = |name: &str| big(name, bytes);
            calls.push(sides.line(&format!("{what}, a server over pipes"), 1, 1_000 / share, &ask));
        }
    }
    {
        let gateway = Gateway::over_http("calls-http", &direct);
        for clients in CLIENTS {
            let sides = Sides { direct: &direct, floor: None, gateway: &gateway };
            calls.push(sides.line("32 bytes, a server over HTTP", clients, 20_000 / share, &echo));
        }
    }
    match OneProcessor::choose() {
        Ok(_chosen) => calls.extend(all_on_one(share)),
        Err(error) => println!("nothing is measured on one processor: {error:#}"),
    }
    println!("measuring sessions, lists and starts of the gateway …");
    let mut rows = vec![other::sessions(&direct, 1_000 / share)];
    rows.extend(other::lists(1_000 / share));
    rows.push(other::first_answer(if quick { 3 } else { 10 }));
    println!("measuring memory of the gateway …");
    Measured { calls, rows, sizes: memory::sizes(share) }
}

/// The same calls where all parties run on the processor of this thread.
fn all_on_one(share: usize) -> Vec<Line> {
    println!("measuring calls through the gateway on one processor …");
    let direct = Party::start(this("http", 2));
    let floor = Party::start(this("floor", 2));
    let gateway = Gateway::over_pipes("calls-pinned");
    let sides = Sides { direct: &direct, floor: Some(&floor), gateway: &gateway };
    let mut lines = Vec::new();
    for clients in [1, 64] {
        lines.push(sides.line("32 bytes, all on one processor", clients, 40_000 / share, &echo));
        lines.push(sides.line("32 bytes, 2026-07-28, all on one processor", clients, 40_000 / share, &echo_stateless));
    }
    lines
}

/// A call of `echo`.
fn echo(prefix: &str) -> Ask {
    let text = super::call::TEXT;
    let rest = format!(r#""method":"tools/call","params":{{"name":"{prefix}echo","arguments":{{"text":"{text}"}}}}"#);
    Ask { rest, headers: VERSION.into(), answer: text.len(), in_session: true }
}

/// The same in the stateless era.
fn echo_stateless(prefix: &str) -> Ask {
    let text = super::call::TEXT;
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}"#;
    let rest = format!(
        r#""method":"tools/call","params":{{"name":"{prefix}echo","arguments":{{"text":"{text}"}},"_meta":{meta}}}"#
    );
    let headers = format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {prefix}echo\r\n");
    Ask { rest, headers, answer: text.len(), in_session: false }
}

/// A call with so long an answer.
fn big(prefix: &str, bytes: usize) -> Ask {
    let rest = format!(r#""method":"tools/call","params":{{"name":"{prefix}big","arguments":{{"bytes":{bytes}}}}}"#);
    Ask { rest, headers: VERSION.into(), answer: bytes, in_session: true }
}

/// The sides of one comparison.
struct Sides<'a> {
    direct: &'a Party,
    floor: Option<&'a Party>,
    gateway: &'a Gateway,
}

impl Sides<'_> {
    /// Measures in turns.
    fn line(&self, what: &str, clients: usize, calls: usize, ask: &dyn Fn(&str) -> Ask) -> Line {
        let calls = if clients == 1 { calls / 4 } else { calls } / ROUNDS;
        let open = |target: &Target, prefix: &str| {
            let ask = ask(prefix);
            let names = if ask.in_session { sessions(target, clients) } else { vec![String::new(); clients] };
            let mut load = Load::new(target, &names, &ask).expect("the other side listens");
            load.run(calls / 4 + clients).expect("it answers");
            load
        };
        let mut direct = open(&self.direct.target, "");
        let mut floor = self.floor.map(|floor| (floor, open(&floor.target, "bench__")));
        let mut gateway = open(&self.gateway.target, "bench__");
        let (mut of_direct, mut of_floor, mut of_gateway) = (Runs::default(), Runs::default(), Runs::default());
        for _ in 0..ROUNDS {
            of_direct.run(&mut direct, calls, &|| self.direct.used());
            if let Some((party, load)) = &mut floor {
                of_floor.run(load, calls, &|| party.used());
            }
            of_gateway.run(&mut gateway, calls, &|| self.gateway.used());
        }
        Line {
            what: what.to_owned(),
            clients,
            direct: of_direct.side(),
            floor: floor.is_some().then(|| of_floor.side()),
            gateway: of_gateway.side(),
        }
    }
}

/// The runs of one side, and the processor time it used in them.
#[derive(Default)]
struct Runs {
    runs: Vec<Run>,
    used: Duration,
}

impl Runs {
    fn run(&mut self, load: &mut Load, calls: usize, used: &dyn Fn() -> Duration) {
        let before = used();
        self.runs.push(load.run(calls).expect("it answers"));
        self.used += used().saturating_sub(before);
    }

    fn side(self) -> Side {
        let (times, wall): (Samples, _) = Run::all(self.runs);
        Side { times, wall, used: self.used }
    }
}
