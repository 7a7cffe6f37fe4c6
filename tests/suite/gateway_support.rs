//! A manager with its gateway, and clients of it that are nothing but messages.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use serde_json::{Value, json};

use crate::manager::{LONG, Manager};

/// What the gateway says in `up` before its address.
const SAID: &str = "gateway on http://";

/// The entry of a service that is the fixture, with these flags.
pub(crate) fn fixture(flags: &[&str]) -> Value {
    json!({ "command": fixture_path(), "args": flags })
}

/// A running manager that listens on a free port.
pub(crate) struct Door {
    pub(crate) manager: Manager,
    pub(crate) address: SocketAddr,
    /// What lets one in.
    pub(crate) token: String,
}

impl Door {
    /// Starts a manager with this config, and waits until its gateway listens: for nothing else.
    pub(crate) fn open(test: &str, config: &Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let args = ["--config", file.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let manager = Manager::up_in(dir, test, &args);
        let address = address(&manager);
        let token = std::fs::read_to_string(manager.dir().join("state/gateway.token")).unwrap().trim().to_owned();
        Self { manager, address, token }
    }

    /// Waits until each of these services is listed with its tools and with whatever else it has; `ls` may know of it a moment
    /// earlier.
    pub(crate) fn listed(&self, services: &[&str]) {
        let mut client = self.session(None);
        let start = Instant::now();
        loop {
            let listed = client.request("tools/list", &json!({}));
            let names = names(&listed);
            let is_there = |service: &&str| names.iter().any(|name| name.starts_with(&format!("{service}__")));
            let all_there = services.iter().all(is_there);
            let offers = self.manager.json(&["gateway", "-o", "json"]);
            // Its tools are there first.
            let missing = offers["unlisted"].as_array().unwrap();
            if all_there && !missing.iter().any(|one| services.contains(&one["service"].as_str().unwrap())) {
                return;
            }
            assert!(start.elapsed() < LONG, "{services:?} are not in {names:?}, {missing:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The URL of the endpoint, or of the view of a profile.
    pub(crate) fn url(&self, profile: Option<&str>) -> String {
        format!("http://{}{}", self.address, path(profile))
    }

    /// A client over HTTP that has said nothing yet.
    pub(crate) fn http(&self, profile: Option<&str>) -> Http {
        Http {
            address: self.address,
            path: path(profile),
            token: Some(self.token.clone()),
            session: None,
            next_id: 1,
            heard: Vec::new(),
        }
    }

    /// The same after its handshake.
    pub(crate) fn session(&self, profile: Option<&str>) -> Http {
        let mut http = self.http(profile);
        http.initialize();
        http
    }

    /// A client of `mcpstore serve --stdio` after its handshake, with these further arguments.
    pub(crate) fn lines(&self, more: &[&str]) -> Lines {
        let args: Vec<&str> = ["serve", "--stdio"].iter().chain(more).copied().collect();
        let mut lines = Lines::start(self.manager.client(&args));
        lines.initialize();
        lines
    }
}

fn path(profile: Option<&str>) -> String {
    profile.map_or_else(|| "/mcp".to_owned(), |profile| format!("/mcp/{profile}"))
}

/// Where the gateway of this manager says that it listens.
pub(crate) fn address(manager: &Manager) -> SocketAddr {
    let start = Instant::now();
    loop {
        let said = manager.stderr();
        let address = said.split_once(SAID).and_then(|(_, rest)| rest.split_once("/mcp"));
        if let Some((address, _)) = address {
            return address.parse().unwrap();
        }
        assert!(start.elapsed() < LONG, "no address in:\n{said}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a client says first.
pub(crate) fn hello() -> Value {
    json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "suite", "version": "0" } })
}

/// The params of a call.
pub(crate) fn call(name: &str, arguments: &Value) -> Value {
    json!({ "name": name, "arguments": arguments })
}

/// The text of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {result}"))
}

/// The names in a list.
pub(crate) fn names(result: &Value) -> Vec<&str> {
    let list = ["tools", "resources", "prompts"].iter().find_map(|list| result[list].as_array());
    list.unwrap_or_else(|| panic!("no list in {result}")).iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

/// A client over HTTP. Each message goes over a connection of its own.
#[derive(Clone)]
pub(crate) struct Http {
    address: SocketAddr,
    path: String,
    pub(crate) token: Option<String>,
    pub(crate) session: Option<String>,
    next_id: u64,
    /// What came with answers, and was none.
    pub(crate) heard: Vec<Value>,
}

/// What a POST gave.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) status: u16,
    /// The head, in small letters but for its values.
    head: Vec<(String, String)>,
    pub(crate) messages: Vec<Value>,
}

impl Posted {
    fn header(&self, wanted: &str) -> Option<&str> {
        self.head.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

impl Http {
    /// Shakes hands, and gives what the gateway says of itself.
    pub(crate) fn initialize(&mut self) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello() });
        let posted = self.post(&message);
        assert_eq!(posted.status, 200, "{posted:?}");
        self.session = posted.header("mcp-session-id").map(str::to_owned);
        let said = posted.messages[0]["result"].clone();
        let done = self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!(done.status, 202, "{done:?}");
        said
    }

    /// The result of a request, or its error.
    pub(crate) fn try_request(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.next_id;
        self.next_id += 1;
        let posted = self.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let mut outcome = None;
        for message in posted.messages {
            match outcome_of(&message, id) {
                Some(found) => outcome = Some(found),
                None => self.heard.push(message),
            }
        }
        outcome.unwrap_or_else(|| panic!("no answer to {method} with status {}", posted.status))
    }

    /// The result of a request that succeeds.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        self.try_request(method, params).unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// Sends one message and reads everything that comes back for it.
    pub(crate) fn post(&self, message: &Value) -> Posted {
        let mut reader = self.ask("POST", &message.to_string());
        let (status, head) = read_head(&mut reader);
        let mut body = String::new();
        reader.read_to_string(&mut body).unwrap();
        let messages = match body.trim() {
            "" => Vec::new(),
            json if json.starts_with('{') => vec![serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"))],
            events => events.lines().filter_map(event).collect(),
        };
        Posted { status, head, messages }
    }

    /// Opens the stream for what belongs to no request.
    pub(crate) fn listen(&self) -> Heard {
        let mut reader = self.ask("GET", "");
        let (status, head) = read_head(&mut reader);
        assert_eq!(status, 200, "{head:?}");
        Heard::of(move |tell| {
            let mut line = String::new();
            // Ends with the manager, or by the end of the test.
            while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                if let Some(message) = event(line.trim_end())
                    && !tell(message)
                {
                    return;
                }
                line.clear();
            }
        })
    }

    /// Sends the head and the body. It asks in the words of HTTP 1.0, so that the answer comes in one piece and ends with
    /// the connection.
    fn ask(&self, verb: &str, body: &str) -> BufReader<TcpStream> {
        let mut head = format!("{verb} {} HTTP/1.0\r\nHost: {}\r\n", self.path, self.address);
        let accept = if verb == "GET" { "text/event-stream" } else { "application/json, text/event-stream" };
        head += &format!("Accept: {accept}\r\n");
        if !body.is_empty() {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(session) = &self.session {
            head += &format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
        }
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        BufReader::new(stream)
    }
}

fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        head.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    (status.unwrap_or_else(|| panic!("no status in `{first}`")), head)
}

/// The message in a line of an event stream.
fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_prefix("data:")?.trim_start()).ok()
}

/// What this message answers to this request.
fn outcome_of(message: &Value, id: u64) -> Option<Result<Value, Value>> {
    if message["id"] != id || message.get("method").is_some() {
        return None;
    }
    match message.get("result") {
        Some(result) => Some(Ok(result.clone())),
        None => Some(Err(message["error"].clone())),
    }
}

/// Messages as they come.
pub(crate) struct Heard {
    messages: Receiver<Value>,
    /// Passed over while something else was waited for.
    kept: VecDeque<Value>,
}

impl Heard {
    /// What `run` tells in a thread of its own.
    fn of(run: impl FnOnce(&dyn Fn(Value) -> bool) + Send + 'static) -> Self {
        let (sender, messages) = channel();
        std::thread::spawn(move || run(&|message| sender.send(message).is_ok()));
        Self { messages, kept: VecDeque::new() }
    }

    /// The first message of which this holds, from now on or before; the others stay.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at).unwrap();
        }
        let start = Instant::now();
        while let Some(left) = LONG.checked_sub(start.elapsed()) {
            match self.messages.recv_timeout(left) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => self.kept.push_back(message),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => panic!("no {what} before the end: {:?}", self.kept),
            }
        }
        panic!("no {what}: {:?}", self.kept)
    }

    /// The next notification of this method.
    pub(crate) fn notice(&mut self, method: &str) -> Value {
        self.wait(method, |message| message["method"] == method)
    }

    /// How many messages of this method came and were not waited for.
    pub(crate) fn count(&mut self, method: &str) -> usize {
        self.kept.extend(self.messages.try_iter());
        self.kept.iter().filter(|message| message["method"] == method).count()
    }
}

/// A client of a program that speaks MCP over stdin and stdout.
pub(crate) struct Lines {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) heard: Heard,
    next_id: u64,
}

impl Lines {
    /// Starts the program. What is not MCP on its stdout fails the test.
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let heard = Heard::of(move |tell| {
            for line in output.lines() {
                let Ok(line) = line else { return };
                let message = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not MCP": line }));
                if !tell(message) {
                    return;
                }
            }
        });
        Self { child, input, heard, next_id: 1 }
    }

    /// Shakes hands, and gives what the server says of itself.
    pub(crate) fn initialize(&mut self) -> Value {
        let said = self.request("initialize", &hello());
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        said
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Sends a request; its id.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// The outcome of a request that was begun.
    pub(crate) fn outcome(&mut self, id: u64) -> Result<Value, Value> {
        let answer = self.heard.wait("answer", |message| outcome_of(message, id).is_some());
        outcome_of(&answer, id).unwrap()
    }

    /// The result of a request, or its error.
    pub(crate) fn try_request(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.begin(method, params);
        self.outcome(id)
    }

    /// The result of a request that succeeds.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        self.try_request(method, params).unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// Closes stdin and waits for the end.
    pub(crate) fn end(mut self) -> Output {
        self.input = None;
        self.ended()
    }

    /// Has said all it has to say.
    pub(crate) fn close(&mut self) {
        self.input = None;
    }

    /// Waits for an end that comes by itself.
    pub(crate) fn ended(mut self) -> Output {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < LONG, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(self.heard.kept.iter().all(|message| message.get("not MCP").is_none()), "{:?}", self.heard.kept);
        let mut stderr = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status, stdout: Vec::new(), stderr }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
