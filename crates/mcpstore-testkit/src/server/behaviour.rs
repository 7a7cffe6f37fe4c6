//! How the server behaves: well by default, and a switch for every misbehaviour.

use super::log::EventLog;
use super::odd::Odd;

/// The result of every call under [`Behaviour::odd_result`]: what a decode and encode would not leave as it is.
pub const ODD_RESULT: &str = r#"{"content":[{"type":"text","text":"\u0061\/b"},{"type":"hologram","depth":1.0,"extra":{"z":1,"a":2}}] , "big":123456789012345678901234567890,"float":1.0,"exp":1E+2,"neg":-0.0,"isError":false,"unknown":null,"task":{"taskId":"t"}}"#;

/// How a server behaves. The default behaves well.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// Its name in the handshake.
    pub name: String,
    /// The eras it speaks.
    pub era: Era,
    /// What it does when asked for an era (`server/discover`).
    pub probe: Probe,
    /// The protocol version it answers with, whatever was asked.
    pub protocol: Option<String>,
    /// What it writes in place of the protocol version, as JSON text; `-` leaves the member out.
    pub odd_protocol: Option<String>,
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
    /// Asks the client something before it answers `initialize`, and does not wait for the answer.
    pub ask_at_init: bool,
    /// Reads nothing any more once the handshake is over.
    pub deaf: bool,
    /// Never answers `tools/list`.
    pub hang_list: bool,
    /// Never answers `tools/call`.
    pub hang_call: bool,
    /// Never answers `ping`.
    pub hang_ping: bool,
    /// Does one thing at a time: every other request waits until the last one is answered.
    pub one_at_a_time: bool,
    /// Writes a line of text before every message.
    pub noise: bool,
    /// Writes a line that is no UTF-8 before every message.
    pub invalid_utf8: bool,
    /// Lines that it writes before every message, without their ends.
    pub junk: Vec<Vec<u8>>,
    /// Begins its output with a byte order mark.
    pub bom: bool,
    /// Ends its lines with CR LF.
    pub crlf: bool,
    /// Answers calls under an id that nobody used.
    pub wrong_id: bool,
    /// Answers calls twice.
    pub duplicate_reply: bool,
    /// Answers calls in this odd form.
    pub odd: Option<Odd>,
    /// Keeps the answers to this many calls back, and writes them in the reverse order.
    pub reverse: usize,
    /// Answers a request that was cancelled all the same, after its cancelling.
    pub answer_cancelled: bool,
    /// One tool of its list is none.
    pub bad_tool: bool,
    /// This many more tools, in pages of 100.
    pub many_tools: usize,
    /// Its list never ends: each page has a new cursor.
    pub endless_cursor: bool,
    /// Its list comes back to the same cursor.
    pub same_cursor: bool,
    /// Its list has a tool more that is called otherwise each time.
    pub new_list: bool,
    /// The description of each of its tools has this many bytes more.
    pub big_descriptions: usize,
    /// The definition of `echo` names this start of the program; `None`: it is always the same.
    pub changing: Option<u64>,
    /// Answers calls with [`ODD_RESULT`].
    pub odd_result: bool,
    /// It is alone in its process, with stdin and stdout its own: the tool `close` takes them from the process too.
    pub owns_stdio: bool,
    /// JSON texts that stand in its list of tools as they are, before the others.
    pub raw_tools: Vec<String>,
    /// It offers everything that the official conformance suite asks of a server.
    pub reference: bool,
    /// Where it notes what happens.
    pub log: EventLog,
}

/// The eras of the protocol that a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Era {
    /// `initialize`, then a session (up to 2025-11-25).
    #[default]
    Handshake,
    /// Every request says what it needs (from 2026-07-28).
    Stateless,
    /// Both; each request chooses.
    Both,
}

impl Era {
    /// The era of this name: `handshake`, `stateless` or `both`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "handshake" => Self::Handshake,
            "stateless" => Self::Stateless,
            "both" => Self::Both,
            _ => return None,
        })
    }
}

/// What a server does when asked for its eras (`server/discover`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// Answers, as its era has it.
    #[default]
    Answer,
    /// Ends the process with code 4.
    Exit,
    /// Never answers it; what comes after it is answered.
    Hang,
    /// Never answers it, nor anything that comes after it.
    Block,
    /// Knows no such method.
    Refuse,
}

impl Probe {
    /// What this name stands for: `answer`, `exit`, `hang`, `block` or `refuse`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "answer" => Self::Answer,
            "exit" => Self::Exit,
            "hang" => Self::Hang,
            "block" => Self::Block,
            "refuse" => Self::Refuse,
            _ => return None,
        })
    }
}
