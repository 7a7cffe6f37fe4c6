//! A webhook receiver: takes `POST`s on a port of its own and keeps what came, in order.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::manager::LONG;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With this status, at once.
    Status(u16),
    /// 200, after this long.
    Slow(Duration),
    /// With this status, and all that it was asked with.
    Quoting(u16),
}

/// A running receiver; it ends with the test process.
pub(crate) struct Receiver {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    mood: Mutex<Mood>,
    /// Bodies that were taken (answered with 2xx).
    taken: Mutex<Vec<Value>>,
    /// The `Idempotency-Key` of each of them.
    keys: Mutex<Vec<String>>,
    /// Every request that came, taken or not.
    asked: Mutex<usize>,
    news: Condvar,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(mood: Mood) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), mood)
    }

    /// Listens on this address: one that was free a moment ago.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).unwrap(), Mood::Status(200))
    }

    fn on(listener: TcpListener, mood: Mood) -> Self {
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            mood: Mutex::new(mood),
            taken: Mutex::default(),
            keys: Mutex::default(),
            asked: Mutex::default(),
            news: Condvar::new(),
        });
        let serving = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = Arc::clone(&serving);
                std::thread::spawn(move || {
                    // A client that goes away in the middle is no failure of the receiver's.
                    let _ = inner.serve(stream);
                });
            }
        });
        Self { address, inner }
    }

    /// An address where nobody listens now.
    pub(crate) fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// What was taken so far.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.inner.taken.lock().unwrap().clone()
    }

    /// The `Idempotency-Key` of each that was taken.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.inner.keys.lock().unwrap().clone()
    }

    /// How many requests came so far.
    pub(crate) fn asked(&self) -> usize {
        *self.inner.asked.lock().unwrap()
    }

    /// Waits until so many were taken, and gives all back.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Value> {
        let start = Instant::now();
        let mut taken = self.inner.taken.lock().unwrap();
        while taken.len() < count {
            let left = LONG.checked_sub(start.elapsed());
            let left = left.unwrap_or_else(|| panic!("{count} alerts awaited, these came: {taken:?}"));
            taken = self.inner.news.wait_timeout(taken, left).unwrap().0;
        }
        taken.clone()
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        while let Some(Request { head, key, body }) = read_request(&mut reader)? {
            *self.asked.lock().unwrap() += 1;
            let mood = *self.mood.lock().unwrap();
            let status = match mood {
                Mood::Status(status) | Mood::Quoting(status) => status,
                Mood::Slow(time) => {
                    std::thread::sleep(time);
                    200
                }
            };
            if (200..300).contains(&status) {
                self.keys.lock().unwrap().push(key);
                self.taken.lock().unwrap().push(serde_json::from_slice(&body).unwrap_or(Value::Null));
                self.news.notify_all();
            }
            let answer = if matches!(mood, Mood::Quoting(_)) { head } else { "{}".to_owned() };
            write!(stream, "HTTP/1.1 {status} Such\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())?;
        }
        Ok(())
    }
}

struct Request {
    /// Its first line and its headers.
    head: String,
    /// Its `Idempotency-Key`.
    key: String,
    body: Vec<u8>,
}

/// The next request; `None` at the end of the connection.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let (mut length, mut key, mut head) = (0, String::new(), String::new());
    if reader.read_line(&mut head)? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        head += &line;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "idempotency-key" => value.trim().clone_into(&mut key),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { head, key, body }))
}
