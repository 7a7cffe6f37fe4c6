//! Messages of HTTP/1.1 over sockets that never block, and the wait for many of them: as little as a benchmark needs, so
//! that what is measured is the other side.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// One connection.
pub(super) struct Conn {
    stream: TcpStream,
    input: Vec<u8>,
    /// What was handed out of `input`.
    read: usize,
    output: Vec<u8>,
    sent: usize,
}

impl Conn {
    /// Takes a connected socket.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: Vec::new(), read: 0, output: Vec::new(), sent: 0 })
    }

    /// Its socket.
    pub(super) fn socket(&self) -> impl AsFd + '_ {
        &self.stream
    }

    /// Reads what is there, or a part of it; false when the other side has ended it.
    pub(super) fn fill(&mut self, chunk: &mut Chunk) -> bool {
        if self.read == self.input.len() {
            self.input.clear();
            self.read = 0;
        }
        match self.stream.read(&mut chunk.0) {
            Ok(0) => false,
            Ok(bytes) => {
                self.input.extend_from_slice(&chunk.0[..bytes]);
                true
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// The first line and the body of the next message that is whole.
    pub(super) fn message(&mut self) -> Option<(&[u8], &[u8])> {
        let (line, body) = framed(&self.input[self.read..])?;
        let start = self.read;
        self.read += body.end;
        let rest = &self.input[start..];
        Some((&rest[..line], &rest[body]))
    }

    /// Writes pieces, one after the other. True when all of it went out; else [`Conn::flush`] goes on when the socket can
    /// take more.
    pub(super) fn send(&mut self, pieces: &[&[u8]]) -> io::Result<bool> {
        for piece in pieces {
            self.output.extend_from_slice(piece);
        }
        self.flush()
    }

    /// Writes what waits; true when nothing does any more.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Answers with this body, in JSON.
    pub(super) fn answer(&mut self, body: &[u8]) -> io::Result<bool> {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body])
    }

    /// Answers with a status that has no body.
    pub(super) fn answer_empty(&mut self, status: &str) -> io::Result<bool> {
        self.send(&[format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()])
    }
}

/// Where bytes are read to first; one for all connections.
pub(super) struct Chunk(Box<[u8]>);

impl Chunk {
    pub(super) fn new() -> Self {
        Self(vec![0; CHUNK].into())
    }
}

/// The length of the first line and the place of the body, when all of it is there.
fn framed(bytes: &[u8]) -> Option<(usize, Range<usize>)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = bytes[..head].split(|byte| *byte == b'\n');
    let first = lines.next()?.len();
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let known = name.eq_ignore_ascii_case(b"content-length");
        known.then(|| std::str::from_utf8(&value[1..]).ok()?.trim().parse::<usize>().ok()).flatten()
    });
    let body = head + 4..head + 4 + length.unwrap_or(0);
    (body.end <= bytes.len()).then_some((first, body))
}

/// Waits for many descriptors, each under a number.
pub(super) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, events: Vec::with_capacity(256) })
    }

    /// Waits from now on for something to read.
    pub(super) fn add(&self, source: impl AsFd, number: usize) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number as u64);
        Ok(epoll::add(&self.epoll, source, data, epoll::EventFlags::IN)?)
    }

    /// Waits also for room to write, or no more.
    pub(super) fn want_room(&self, source: impl AsFd, number: usize, wanted: bool) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number as u64);
        let room = if wanted { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
        Ok(epoll::modify(&self.epoll, source, data, epoll::EventFlags::IN | room)?)
    }

    /// The numbers of those where something happened, and whether it is only room to write.
    pub(super) fn wait(&mut self, found: &mut Vec<(usize, bool)>) -> io::Result<()> {
        self.events.clear();
        found.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), None)?;
        found.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            (usize::try_from(event.data.u64()).unwrap_or_default(), flags == epoll::EventFlags::OUT)
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn a_message_is_whole_or_none() {
        let text = b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcHTTP";
        let (line, body) = framed(text).unwrap();
        assert_eq!((&text[..line], &text[body]), (&b"POST /mcp HTTP/1.1\r"[..], &b"abc"[..]));
        assert!((0..text.len() - 4).all(|cut| framed(&text[..cut]).is_none()));
        assert_eq!(framed(b"GET / HTTP/1.1\r\n\r\n").unwrap().1, 18..18);
    }
}
