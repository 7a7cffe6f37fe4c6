//! What a call costs over HTTP, against a bare loop that gives the same body back over one connection, and against the same
//! server spoken to directly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use mcpstore::{McpStore, ServiceName, ServiceSpec};

use super::call::{RUNS, TEXT, WARM_UP, timed};
use super::samples::Samples;
use super::servers::fixture;
use super::table::Row;

/// A call through the store, a direct call, a bare echo; in turns.
pub(super) fn run() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a tokio runtime can be made");
    let server = Server::start();
    let mut echo = Client::connect(&echo());
    let mut direct = Client::connect(&server.host());
    let name = ServiceName::new("echo").expect("a plain name");
    let arguments = format!(r#"{{"text":"{TEXT}"}}"#);
    let (mut bare, mut straight, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    runtime.block_on(async {
        let store = McpStore::new();
        store.add_service(ServiceSpec::http(name.clone(), &server.url)).await.expect("a sound service is registered");
        store.start_service(&name).await.expect("the fixture runs");
        for turn in 0..WARM_UP + RUNS {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{turn},"method":"tools/call","params":{{"name":"echo","arguments":{arguments}}}}}"#
            );
            let times = (timed(|| echo.post(&body)), timed(|| assert!(direct.post(&body).contains(TEXT))));
            let began = Instant::now();
            let result = store.call_tool("echo", "echo", &arguments).await.expect("the fixture answers");
            let took = began.elapsed();
            assert!(result.get().contains(TEXT), "the fixture gave another answer: {}", result.get());
            if turn >= WARM_UP {
                bare.push(times.0);
                straight.push(times.1);
                ours.push(took);
            }
        }
        store.stop_all(false).await.expect("a stop of all is taken");
    });
    let (bare, straight, ours) = (Samples::new(bare), Samples::new(straight), Samples::new(ours));
    let row = |what: &str, reference: &str, reference_time, measured| Row {
        what: format!("call: {what}, 32 bytes, one caller"),
        reference: reference.into(),
        reference_time,
        measured,
    };
    let blocking = "the same request to a bare HTTP echo over one connection, blocking";
    vec![
        row("tools/call of an HTTP server through the store", blocking, bare.p50(), ours.clone()),
        row("tools/call of the same HTTP server spoken to directly, blocking", blocking, bare.p50(), straight.clone()),
        row(
            "tools/call over HTTP through the store",
            "the same HTTP server spoken to directly, blocking",
            straight.p50(),
            ours,
        ),
    ]
}

/// The fixture behind a port: answers are JSON, and there are no sessions, so that both sides do the same work.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(fixture());
        command.args(["--http", "--json", "--no-sessions", "--no-get"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the fixture starts");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("the fixture says where it is");
        Self { child, url: url.trim().to_owned() }
    }

    /// Host and port.
    fn host(&self) -> String {
        let rest = self.url.trim_start_matches("http://");
        rest.split('/').next().unwrap_or(rest).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Started here, and waited for: nothing is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A thread that gives each body back; its address. It ends with its connection.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let address = listener.local_addr().expect("it has an address").to_string();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody comes");
        stream.set_nodelay(true).expect("it is a socket");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let mut writer = stream;
        while let Some(body) = message(&mut reader) {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            if writer.write_all(format!("{head}{body}").as_bytes()).is_err() {
                return;
            }
        }
    });
    address
}

/// One connection that is written to and read from, and nothing else.
struct Client {
    host: String,
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Client {
    fn connect(host: &str) -> Self {
        let writer = TcpStream::connect(host).expect("it listens");
        writer.set_nodelay(true).expect("it is a socket");
        let reader = BufReader::new(writer.try_clone().expect("a socket can be shared"));
        Self { host: host.to_owned(), reader, writer }
    }

    fn post(&mut self, body: &str) -> String {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n\
             mcp-protocol-version: 2025-11-25\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.writer.write_all(request.as_bytes()).expect("it reads");
        message(&mut self.reader).expect("it answers")
    }
}

/// The body of the next message; nothing when the connection has ended.
fn message(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let head = line.trim_end().to_ascii_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(value) = head.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
