//! Many clients, each of which asks again when it has its answer; over connections that stay open.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::samples::Samples;
use super::http::{Chunk, Conn, Poll};

/// The first id; all have as many digits.
const FIRST_ID: u64 = 1_000_000_000;

/// Where a server is, and what it wants to see of its clients.
#[derive(Clone)]
pub(super) struct Target {
    /// Host and port.
    pub(super) address: String,
    /// Headers of every request, each with its line end.
    pub(super) headers: String,
}

impl Target {
    /// The head of a request with such a body.
    pub(super) fn head(&self, session: &str, body: usize) -> String {
        format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{}{session}content-length: {body}\r\n\r\n",
            self.address, self.headers
        )
    }
}

/// What is asked, again and again.
pub(super) struct Ask {
    /// The method and the params, as members of a JSON object.
    pub(super) rest: String,
    /// What the head says beside that ([`Target::headers`]); each line with its end.
    pub(super) headers: String,
    /// Bytes that an answer has at least.
    pub(super) answer: usize,
    /// It is asked in a session, where the other side has such.
    pub(super) in_session: bool,
}

/// One client of a load: its connection, and its request.
struct Client {
    conn: Conn,
    request: Vec<u8>,
    /// Where the id stands in it.
    id_at: usize,
    id: u64,
    began: Instant,
}

/// The clients of a load; they keep their connections from one run to the next.
pub(super) struct Load {
    clients: Vec<Client>,
    poll: Poll,
    chunk: Chunk,
    next_id: u64,
    answer: usize,
}

/// What a run took.
pub(super) struct Run {
    /// From a request to its answer.
    pub(super) times: Vec<Duration>,
    /// All of it.
    pub(super) wall: Duration,
}

impl Run {
    /// Several runs as one.
    pub(super) fn all(runs: Vec<Self>) -> (Samples, Duration) {
        let wall = runs.iter().map(|run| run.wall).sum();
        (Samples::new(runs.into_iter().flat_map(|run| run.times).collect()), wall)
    }
}

impl Load {
    /// Connects one client for each session (the header with its id, or nothing).
    pub(super) fn new(target: &Target, sessions: &[String], ask: &Ask) -> io::Result<Self> {
        let mut clients = Vec::new();
        let poll = Poll::new()?;
        for session in sessions {
            let conn = Conn::new(TcpStream::connect(&target.address)?)?;
            poll.add(conn.socket(), clients.len())?;
            let body = format!(r#"{{"jsonrpc":"2.0","id":{FIRST_ID},{}}}"#, ask.rest);
            let head = target.head(&format!("{}{session}", ask.headers), body.len());
            let id_at = head.len() + r#"{"jsonrpc":"2.0","id":"#.len();
            let request = format!("{head}{body}").into_bytes();
            clients.push(Client { conn, request, id_at, id: 0, began: Instant::now() });
        }
        Ok(Self { clients, poll, chunk: Chunk::new(), next_id: FIRST_ID, answer: ask.answer })
    }

    /// So many calls by all of them together.
    ///
    /// # Panics
    /// When an answer is none, or another's.
    pub(super) fn run(&mut self, calls: usize) -> io::Result<Run> {
        let began = Instant::now();
        let mut times = Vec::with_capacity(calls);
        let mut left = calls;
        for client in self.clients.iter_mut().take(calls) {
            client.ask(&mut self.next_id)?;
            left -= 1;
        }
        let mut found = Vec::new();
        while times.len() < calls {
            self.poll.wait(&mut found)?;
            for (number, _) in found.drain(..) {
                let client = &mut self.clients[number];
                assert!(client.conn.fill(&mut self.chunk), "the connection of client {number} ended");
                let id = client.id;
                let Some((line, body)) = client.conn.message() else { continue };
                check(line, body, id, self.answer);
                times.push(client.began.elapsed());
                if left > 0 {
                    left -= 1;
                    client.ask(&mut self.next_id)?;
                }
            }
        }
        Ok(Run { times, wall: began.elapsed() })
    }
}

impl Client {
    fn ask(&mut self, next_id: &mut u64) -> io::Result<()> {
        *next_id += 1;
        self.id = *next_id;
        let digits = self.id.to_string();
        self.request[self.id_at..self.id_at + digits.len()].copy_from_slice(digits.as_bytes());
        self.began = Instant::now();
        let done = self.conn.send(&[&self.request])?;
        assert!(done, "a request is small: it goes out at once");
        Ok(())
    }
}

/// An answer is checked: it is one, it is that to this request, and it is as long as it must be.
fn check(line: &[u8], body: &[u8], id: u64, at_least: usize) {
    let mut beginning = [0; 64];
    let wanted = {
        use std::io::Write as _;
        let mut cursor = io::Cursor::new(&mut beginning[..]);
        // It has room for much more.
        let _ = write!(cursor, r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
        usize::try_from(cursor.position()).unwrap_or_default()
    };
    let sound = line.starts_with(b"HTTP/1.1 200") && body.starts_with(&beginning[..wanted]) && body.len() >= at_least;
    assert!(
        sound,
        "to request {id} it was answered: {} {}",
        String::from_utf8_lossy(line),
        String::from_utf8_lossy(&body[..body.len().min(300)])
    );
}
