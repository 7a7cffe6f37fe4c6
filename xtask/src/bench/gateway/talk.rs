//! One client that waits for each answer: what comes before and beside a load.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::load::Target;

/// What a client says of itself.
const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// One connection.
pub(super) struct Talk<'a> {
    target: &'a Target,
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    /// The header with its session, once it has one; with its line end.
    pub(super) session: String,
}

impl<'a> Talk<'a> {
    /// Connects; `None` when nobody listens.
    pub(super) fn connect(target: &'a Target) -> Option<Self> {
        let writer = TcpStream::connect(&target.address).ok()?;
        writer.set_nodelay(true).ok()?;
        let reader = BufReader::new(writer.try_clone().ok()?);
        Some(Self { target, reader, writer, session: String::new() })
    }

    /// Begins a session, where the server has such; `None` when it does not answer.
    pub(super) fn shake_hands(&mut self) -> Option<()> {
        let (status, _) = self.post(HELLO)?;
        if status != 200 {
            return None;
        }
        self.post(READY).map(drop)
    }

    /// The status and the body of the answer to a message.
    pub(super) fn post(&mut self, body: &str) -> Option<(u16, String)> {
        let version = "mcp-protocol-version: 2025-11-25\r\n";
        let head = self.target.head(&format!("{version}{}", self.session), body.len());
        self.writer.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut line = String::new();
        self.reader.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            let Some((name, value)) = header.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            } else if name.eq_ignore_ascii_case("mcp-session-id") {
                self.session = format!("{header}\r\n");
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut self.reader, &mut body).ok()?;
        Some((status, String::from_utf8(body).ok()?))
    }
}

/// Sessions of a target, as headers; empty where it has none.
pub(super) fn sessions(target: &Target, count: usize) -> Vec<String> {
    let begin = || {
        let mut talk = Talk::connect(target).expect("it listens");
        talk.shake_hands().expect("it shakes hands");
        talk.session
    };
    (0..count).map(|_| begin()).collect()
}
