//! The server that stands behind: as quick as one can be, over stdin and stdout or over HTTP, so that what is measured is
//! what stands before it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpListener;

use serde_json::value::RawValue;

use super::http::{Chunk, Conn, Poll};

/// The members of a JSON object as they were written.
type Members<'a> = BTreeMap<&'a str, &'a RawValue>;

/// Takes a message: the number of its connection, that connection, the first line and the body. True when what it wrote went
/// out.
type OnMessage<'a> = dyn FnMut(usize, &mut Conn, &[u8], Vec<u8>) -> io::Result<bool> + 'a;

/// What it answers with.
pub(super) struct Server {
    /// The result of `tools/list`.
    list: String,
}

impl Server {
    /// A server with so many tools; the first are `echo` and `big`.
    pub(super) fn new(tools: usize) -> Self {
        let schema = r#"{"type":"object","properties":{"text":{"type":"string"}}}"#;
        let names = ["echo", "big"].map(str::to_owned).into_iter();
        let names = names.chain((2..).map(|number| format!("tool-{number}"))).take(tools.max(1));
        let entry =
            |name: String| format!(r#"{{"name":"{name}","description":"One of many tools","inputSchema":{schema}}}"#);
        let entries: Vec<String> = names.map(entry).collect();
        Self { list: format!(r#"{{"tools":[{}]}}"#, entries.join(",")) }
    }

    /// Puts the answer to a message into `out`; nothing for one that wants none.
    fn answer(&self, message: &[u8], out: &mut Vec<u8>) {
        let Ok(message) = serde_json::from_slice::<Members<'_>>(message) else { return };
        let (Some(id), Some(method)) = (message.get("id"), message.get("method")) else { return };
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.get().as_bytes());
        let params = || object(message.get("params").copied());
        let result = br#","result":"#;
        match method.get() {
            "\"tools/call\"" => {
                out.extend_from_slice(result);
                called(&params(), out);
            }
            "\"tools/list\"" => out.extend_from_slice(&[result, self.list.as_bytes()].concat()),
            "\"initialize\"" => {
                let params = params();
                let version = params.get("protocolVersion").map_or("\"2025-11-25\"", |version| version.get());
                let hello = format!(
                    r#"{{"protocolVersion":{version},"capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"quick","version":"1"}}}}"#
                );
                out.extend_from_slice(&[result, hello.as_bytes()].concat());
            }
            "\"ping\"" => out.extend_from_slice(&[result, &b"{}"[..]].concat()),
            _ => out.extend_from_slice(br#","error":{"code":-32601,"message":"no such method"}"#),
        }
        out.push(b'}');
    }

    /// Serves over stdin and stdout until the input ends.
    pub(super) fn over_pipes(&self) -> io::Result<()> {
        let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
        let mut chunk = vec![0; 64 * 1024];
        let (mut input, mut output) = (Vec::new(), Vec::new());
        loop {
            let bytes = stdin.read(&mut chunk)?;
            if bytes == 0 {
                return Ok(());
            }
            input.extend_from_slice(&chunk[..bytes]);
            let mut from = 0;
            while let Some(end) = input[from..].iter().position(|byte| *byte == b'\n') {
                let before = output.len();
                self.answer(&input[from..from + end], &mut output);
                if output.len() > before {
                    output.push(b'\n');
                }
                from += end + 1;
            }
            input.drain(..from);
            stdout.write_all(&output)?;
            stdout.flush()?;
            output.clear();
        }
    }

    /// Serves over HTTP, without sessions, on a port that it says on stdout; until it is killed.
    pub(super) fn over_http(&self) -> io::Result<()> {
        let mut out = Vec::new();
        serve(&mut |_, connection, line, body| {
            if !line.starts_with(b"POST") {
                return connection.answer_empty("405 Method Not Allowed");
            }
            out.clear();
            self.answer(&body, &mut out);
            if out.is_empty() { connection.answer_empty("202 Accepted") } else { connection.answer(&out) }
        })
    }
}

/// Gives each message that arrives over HTTP to `on_message`, with the number of its connection. Never ends.
fn serve(on_message: &mut OnMessage<'_>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    let mut door = Door::new(listener)?;
    let mut found = Vec::new();
    loop {
        door.poll.wait(&mut found)?;
        for (number, only_room) in found.drain(..) {
            door.happened(number, only_room, on_message)?;
        }
    }
}

/// A listener and its connections.
pub(super) struct Door {
    listener: TcpListener,
    pub(super) poll: Poll,
    conns: BTreeMap<usize, Conn>,
    next: usize,
    chunk: Chunk,
}

/// The number of the listener. Those of connections are above [`FIRST`].
const LISTENER: usize = 0;
/// Numbers below are free for others.
const FIRST: usize = 16;

impl Door {
    /// Takes connections of this listener.
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(&listener, LISTENER)?;
        Ok(Self { listener, poll, conns: BTreeMap::new(), next: FIRST, chunk: Chunk::new() })
    }

    /// Writes pieces to a connection, if it is still there.
    pub(super) fn send(&mut self, number: usize, pieces: &[&[u8]]) -> io::Result<()> {
        let Some(conn) = self.conns.get_mut(&number) else { return Ok(()) };
        match conn.send(pieces) {
            Ok(true) => {}
            Ok(false) => self.poll.want_room(conn.socket(), number, true)?,
            Err(_) => drop(self.conns.remove(&number)),
        }
        Ok(())
    }

    /// Something happened at the listener or at a connection.
    pub(super) fn happened(
        &mut self,
        number: usize,
        only_room: bool,
        on_message: &mut OnMessage<'_>,
    ) -> io::Result<()> {
        if number == LISTENER {
            let (stream, _) = self.listener.accept()?;
            let conn = Conn::new(stream)?;
            self.next += 1;
            self.poll.add(conn.socket(), self.next)?;
            self.conns.insert(self.next, conn);
            return Ok(());
        }
        let Some(conn) = self.conns.get_mut(&number) else { return Ok(()) };
        if only_room {
            if conn.flush().unwrap_or(true) {
                self.poll.want_room(conn.socket(), number, false)?;
            }
            return Ok(());
        }
        let mut open = conn.fill(&mut self.chunk);
        while let Some((line, body)) = conn.message() {
            let (line, body) = (line.to_vec(), body.to_vec());
            match on_message(number, conn, &line, body) {
                Ok(true) => {}
                Ok(false) => self.poll.want_room(conn.socket(), number, true)?,
                Err(_) => open = false,
            }
        }
        if !open {
            self.conns.remove(&number);
        }
        Ok(())
    }
}

fn object(value: Option<&RawValue>) -> Members<'_> {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

/// Puts the result of a call: the text that came, or a long one. It goes where it is sent from: a server that makes a long text
/// anew each time would be measured in the place of what stands before it.
fn called(params: &Members<'_>, out: &mut Vec<u8>) {
    let arguments = object(params.get("arguments").copied());
    out.extend_from_slice(br#"{"content":[{"type":"text","text":"#);
    match arguments.get("bytes").and_then(|bytes| bytes.get().parse::<usize>().ok()) {
        Some(bytes) => {
            out.push(b'"');
            out.resize(out.len() + bytes, b'x');
            out.push(b'"');
        }
        None => out.extend_from_slice(arguments.get("text").map_or("\"\"", |text| text.get()).as_bytes()),
    }
    out.extend_from_slice(b"}]}");
}

#[cfg(test)]
mod tests {
    use super::Server;

    #[test]
    fn it_answers_what_is_asked() {
        let answer = |message: &str| {
            let mut out = Vec::new();
            Server::new(3).answer(message.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        let echo =
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"}}}"#;
        assert_eq!(answer(echo), r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a"}]}}"#);
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#).matches("\"name\"").count(), 3);
        assert_eq!(answer(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), "");
        assert!(answer(r#"{"jsonrpc":"2.0","id":7,"method":"server/discover"}"#).contains("-32601"));
    }
}
