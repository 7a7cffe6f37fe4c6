//! How the server behaves: well by default, and a switch for every misbehaviour.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// The result of every call under [`Behaviour::odd_result`]: what a decode and encode would not leave as it is.
pub const ODD_RESULT: &str = r#"{"content":[{"type":"text","text":"\u0061\/b"},{"type":"hologram","depth":1.0,"extra":{"z":1,"a":2}}] , "big":123456789012345678901234567890,"float":1.0,"exp":1E+2,"neg":-0.0,"isError":false,"unknown":null,"task":{"taskId":"t"}}"#;

/// How a server behaves. The default behaves well.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// Its name in the handshake.
    pub name: String,
    /// The protocol version it answers with, whatever was asked.
    pub protocol: Option<String>,
    /// Milliseconds before it answers `initialize`.
    pub delay_init_ms: u64,
    /// Never answers `initialize`.
    pub hang_init: bool,
    /// Answers `initialize` with an error.
    pub reject_init: bool,
    /// Answers `initialize` with something that is no such answer.
    pub odd_init: bool,
    /// Its answer to `initialize` has this many bytes more.
    pub big_init: usize,
    /// Never answers `tools/list`.
    pub hang_list: bool,
    /// Never answers `tools/call`.
    pub hang_call: bool,
    /// Never answers `ping`.
    pub hang_ping: bool,
    /// Writes a line of text before every message.
    pub noise: bool,
    /// Writes a line that is no UTF-8 before every message.
    pub invalid_utf8: bool,
    /// Ends its lines with CR LF, and begins the first with a byte order mark.
    pub dos_lines: bool,
    /// Answers calls under an id that nobody used.
    pub wrong_id: bool,
    /// Answers calls twice.
    pub duplicate_reply: bool,
    /// One tool of its list is none.
    pub bad_tool: bool,
    /// This many more tools, in pages of 100.
    pub many_tools: usize,
    /// Its list never ends: each page has a new cursor.
    pub endless_cursor: bool,
    /// Its list comes back to the same cursor.
    pub same_cursor: bool,
    /// Answers calls with [`ODD_RESULT`].
    pub odd_result: bool,
    /// Where it notes what happens.
    pub log: EventLog,
}

/// A file of `time pid event` lines; none by default.
#[derive(Debug, Default)]
pub struct EventLog(Option<Mutex<File>>);

impl EventLog {
    /// Appends to this file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn to(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Notes an event.
    pub fn note(&self, event: &str) {
        let Some(file) = &self.0 else { return };
        let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let line = format!("{ms} {} {event}\n", std::process::id());
        if let Ok(mut file) = file.lock() {
            // A fixture has nobody to complain to; the test misses the line and says so.
            let _ = file.write_all(line.as_bytes());
        }
    }
}
