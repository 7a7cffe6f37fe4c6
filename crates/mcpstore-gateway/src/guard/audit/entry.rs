//! What is noted of one call.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The longest text in an entry, in bytes. Names come from clients, who may write anything.
const MAX_TEXT_BYTES: usize = 256;

/// One call that changed or used something. Values of arguments and results are in none of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// When it was over, in milliseconds since the Unix epoch.
    pub(crate) at_unix_ms: u64,
    /// Whose credentials came with it.
    pub(crate) principal: Arc<str>,
    /// What the client calls itself. It may say anything.
    pub(crate) client: Option<Arc<str>>,
    /// The session, by its tag ([`session_tag`]).
    pub(crate) session: Option<Arc<str>>,
    /// The view it was asked through.
    pub(crate) view: Option<Arc<str>>,
    /// The method of the protocol.
    pub(crate) method: Arc<str>,
    /// The service it went to.
    pub(crate) service: Option<Arc<str>>,
    /// The tool, prompt or resource, as its server calls it.
    pub(crate) tool: Option<Arc<str>>,
    /// What stands for its arguments: a part of their digest.
    pub(crate) arguments: Option<Arc<str>>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) duration_ms: u64,
    /// Bytes of its params.
    pub(crate) bytes_in: u64,
    /// Bytes of its result or error.
    pub(crate) bytes_out: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a result.
    Done,
    /// With a result that says `isError`.
    ToolError,
    /// With an error of this code, the server's or ours.
    Error(i64),
    /// It was not let through: no such tool in its view, or a quarantined one.
    Refused,
    /// It was one too many ([`RateLimit`](crate::guard::rate::RateLimit)).
    TooMany,
    /// The client took it back, or went away.
    Cancelled,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ToolError => "tool_error",
            Self::Error(_) => "error",
            Self::Refused => "refused",
            Self::TooMany => "too_many",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What stands for a session in the log: who reads the log cannot use the session. 16 hexadecimal digits.
pub(crate) fn session_tag(session: &str) -> Arc<str> {
    let digest: [u8; 32] = Sha256::digest(session.as_bytes()).into();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

impl Entry {
    /// With its texts cut where they are too long.
    pub(super) fn bounded(mut self) -> Self {
        let Self { principal, client, session, view, method, service, tool, arguments, .. } = &mut self;
        [principal, method].into_iter().for_each(cut);
        [client, session, view, service, tool, arguments].into_iter().flatten().for_each(cut);
        self
    }
}

fn cut(text: &mut Arc<str>) {
    if text.len() > MAX_TEXT_BYTES {
        let mut end = MAX_TEXT_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // What was cut off is not kept.
        *text = format!("{}…", &text[..end]).into();
    }
}

/// A line, before it is chained.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// The first of a file. `prev` is the hash of the last line of the file before.
    Begin {
        n: u64,
        at_ms: u64,
        prev: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        found: Option<&'a str>,
    },
    /// Half a line was at the end of the file when it was opened: the process that wrote it was killed. It was cut off.
    Mended { n: u64, at_ms: u64, cut_bytes: u64 },
    /// Entries were lost here.
    Gap { n: u64, at_ms: u64, lost: u64 },
    /// A call.
    Call(CallLine<'a>),
}

#[derive(Serialize)]
pub(super) struct CallLine<'a> {
    n: u64,
    at_ms: u64,
    principal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<&'a str>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    duration_ms: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl<'a> CallLine<'a> {
    pub(super) fn new(n: u64, entry: &'a Entry) -> Self {
        let code = match entry.outcome {
            Outcome::Error(code) => Some(code),
            Outcome::Done | Outcome::ToolError | Outcome::Refused | Outcome::TooMany | Outcome::Cancelled => None,
        };
        Self {
            n,
            at_ms: entry.at_unix_ms,
            principal: &entry.principal,
            client: entry.client.as_deref(),
            session: entry.session.as_deref(),
            view: entry.view.as_deref(),
            method: &entry.method,
            service: entry.service.as_deref(),
            tool: entry.tool.as_deref(),
            arguments: entry.arguments.as_deref(),
            outcome: entry.outcome.word(),
            code,
            duration_ms: entry.duration_ms,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
        }
    }
}
