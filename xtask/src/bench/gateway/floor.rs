//! The floor: HTTP on one side, the pipes of one server on the other, names and ids changed on the way, one thread, and
//! nothing else. No gateway can be cheaper.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::server::Door;

/// The number of the server's output among what is waited for.
const PIPE: usize = 1;
/// What stands before the name of each tool.
const PREFIX: &[u8] = b"\"name\":\"bench__";

/// Serves on a port that it says on stdout, until it is killed; `server` is what stands behind.
pub(super) fn run(mut server: Command) -> io::Result<()> {
    let mut child = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut to_server), Some(mut from_server)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the server has no pipes"));
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    let mut door = Door::new(listener)?;
    door.poll.add(&from_server, PIPE)?;
    let mut waiting: HashMap<u64, (usize, Vec<u8>)> = HashMap::new();
    let (mut next_id, mut found, mut lines, mut answers) = (0_u64, Vec::new(), Vec::new(), Vec::new());
    let mut chunk = vec![0; 64 * 1024];
    loop {
        door.poll.wait(&mut found)?;
        for (number, only_room) in found.drain(..) {
            if number == PIPE {
                let bytes = from_server.read(&mut chunk)?;
                if bytes == 0 {
                    return Ok(());
                }
                answers.extend_from_slice(&chunk[..bytes]);
                let mut from = 0;
                // Only the new bytes can have the end of the first line.
                let mut seen = answers.len() - bytes;
                while let Some(end) = answers[seen..].iter().position(|byte| *byte == b'\n') {
                    let line = &answers[from..seen + end];
                    if let Some((before, id, behind)) = around_id(line)
                        && let Some((number, id)) = parsed(id).and_then(|id| waiting.remove(&id))
                    {
                        let head = format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                            before.len() + id.len() + behind.len()
                        );
                        door.send(number, &[head.as_bytes(), before, &id, behind])?;
                    }
                    seen += end + 1;
                    from = seen;
                }
                answers.drain(..from);
                continue;
            }
            door.happened(number, only_room, &mut |number, conn, _, body| {
                let Some((before, id, behind)) = around_id(&body) else {
                    lines.extend_from_slice(&body);
                    lines.push(b'\n');
                    return conn.answer_empty("202 Accepted");
                };
                next_id += 1;
                waiting.insert(next_id, (number, id.to_vec()));
                lines.extend_from_slice(before);
                lines.extend_from_slice(next_id.to_string().as_bytes());
                match behind.windows(PREFIX.len()).position(|part| part == PREFIX) {
                    Some(at) => {
                        lines.extend_from_slice(&behind[..at]);
                        lines.extend_from_slice(b"\"name\":\"");
                        lines.extend_from_slice(&behind[at + PREFIX.len()..]);
                    }
                    None => lines.extend_from_slice(behind),
                }
                lines.push(b'\n');
                Ok(true)
            })?;
        }
        // All that came together goes out together.
        if !lines.is_empty() {
            to_server.write_all(&lines)?;
            lines.clear();
        }
    }
}

/// What stands before the id of a message, the id, and what stands behind it.
fn around_id(message: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = message.windows(5).position(|part| part == b"\"id\":")? + 5;
    let length = message[start..].iter().position(|byte| matches!(byte, b',' | b'}'))?;
    Some((&message[..start], &message[start..start + length], &message[start + length..]))
}

fn parsed(id: &[u8]) -> Option<u64> {
    std::str::from_utf8(id).ok()?.parse().ok()
}
