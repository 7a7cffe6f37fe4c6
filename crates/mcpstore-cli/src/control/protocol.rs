//! What is said on the control socket.
//!
//! The client writes one line, a [`Request`]. The server answers with any number of `{"item":…}` lines and then one of
//! `{"ok":…}` and `{"error":…}`. Bodies pass as raw JSON: a tool's result and its schema arrive byte for byte. One that has
//! a line break in it (JSON may, between its tokens) goes as a string, `{"ok_text":"…"}`.

use std::path::PathBuf;

use mcpstore::types::AlertKind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::exit::{Exit, Failure};
use crate::select::Select;

/// The version of this language.
pub(crate) const VERSION: u32 = 1;
/// The longest line, in bytes, in both directions.
pub(crate) const MAX_LINE: usize = 64 * 1024 * 1024;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    /// The services selected, in full.
    Status,
    /// Their tools.
    Tools,
    /// Which service and tool `tool` names, with its schema.
    FindTool,
    /// The result of `service`, `tool`, `arguments`.
    Call,
    Start,
    Stop,
    Restart,
    Reset,
    Remove,
    /// Until the services selected are where `goal` says.
    Wait,
    Check,
    Metrics,
    /// All services with their dependencies.
    Graph,
    /// The config again: what changed is taken over, or with `plan` only told.
    Reload,
    /// Which files the services come from.
    Files,
    /// Lines of servers, as items.
    Logs,
    /// Everything that `top` shows.
    Top,
    /// Why `service` is where it is.
    Why,
    /// When the steps of each start began.
    Starts,
    /// Alerts, silences and sinks.
    Alerts,
    /// Begin or end a silence.
    Silence,
    /// Send a test to `sink`, or to all.
    TestSinks,
    /// The manager's own environment, as far as programs are found by it.
    Environment,
    /// Notices, as items.
    Events,
    /// Where the gateway is reached over HTTP.
    Gateway,
    /// Changed tools were approved: they are looked at once more.
    Approved,
    /// From the next line on, MCP: the connection is a client of the gateway, which sees `profile`.
    Mcp,
    /// Stop everything and end. The connection stays open until the manager is gone.
    Down,
}

/// What is asked about silences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SilenceWish {
    /// A new one.
    Begin {
        kind: Option<AlertKind>,
        /// A name or a glob.
        services: Option<String>,
        for_ms: u64,
        comment: String,
    },
    /// The end of one.
    End { id: u64 },
}

/// What is asked of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReloadWish {
    /// Other files than the manager's own, with absolute paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<Vec<PathBuf>>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) strict: bool,
    /// Values of inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) input: Vec<(String, String)>,
    /// `own`, `none` or `all`: which services go that the files do not name.
    pub(crate) prune: String,
    /// Only say what would happen.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) plan: bool,
}

/// One request. A struct with every field that any operation has, since tagged enums would take raw JSON apart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// [`VERSION`].
    pub(crate) v: u32,
    pub(crate) op: Op,
    #[serde(default)]
    pub(crate) target: Select,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) force: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) wait: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) follow: bool,
    /// Bounds a wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// For metrics: only the checks of the last so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) over_ms: Option<u64>,
    /// A word of `wait --for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) goal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Box<RawValue>>,
    /// For a call: the trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tracestate: Option<String>,
    /// For MCP: the profile that is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// For a reload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reload: Option<ReloadWish>,
    /// For silences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silence: Option<SilenceWish>,
    /// For tests of sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sink: Option<String>,
    /// For events: only what happened from this moment on, from history too; milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_ms: Option<u64>,
    /// For logs: the last so many lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lines: Option<usize>,
    /// For events: only what is numbered above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<u64>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Request {
    /// A request about all services, with nothing else said.
    pub(crate) fn new(op: Op) -> Self {
        Self {
            v: VERSION,
            op,
            target: Select::everything(),
            force: false,
            wait: false,
            follow: false,
            timeout_ms: None,
            over_ms: None,
            goal: None,
            service: None,
            tool: None,
            arguments: None,
            traceparent: None,
            tracestate: None,
            profile: None,
            reload: None,
            silence: None,
            sink: None,
            since_ms: None,
            lines: None,
            since: None,
        }
    }

    /// A request about these services.
    pub(crate) fn about(op: Op, target: Select) -> Self {
        Self { target, ..Self::new(op) }
    }
}

/// One line of the server's. Exactly one field is there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ok: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ok_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<WireError>,
}

impl Line {
    /// The last line of a request that was done.
    pub(crate) fn ok(body: Box<RawValue>) -> Self {
        // `null` in an optional field would read as nothing at all.
        if body.get().contains(['\n', '\r']) || body.get() == "null" {
            return Self { ok_text: Some(Box::<str>::from(body).into()), ..Self::default() };
        }
        Self { ok: Some(body), ..Self::default() }
    }

    /// One of many.
    pub(crate) fn item(body: Box<RawValue>) -> Self {
        Self { item: Some(body), ..Self::default() }
    }

    /// The last line of a request that failed.
    pub(crate) fn error(failure: &Failure) -> Self {
        let error = WireError {
            kind: failure.exit.word().to_owned(),
            message: failure.message.clone(),
            hint: failure.next.clone(),
            exit: failure.exit.code(),
        };
        Self { error: Some(error), ..Self::default() }
    }
}

/// A failure on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireError {
    /// The exit code in a word.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// The command to try next.
    #[serde(default)]
    pub(crate) hint: Option<String>,
    pub(crate) exit: u8,
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self { exit: Exit::from_code(error.exit), message: error.message, next: error.hint }
    }
}

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It is longer than allowed.
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// The other side went away in the middle of it.
    #[error("the connection closed in the middle of a line")]
    Cut,
    /// The system's word.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
}

/// Reads one line without its end; `None` when the other side closed between lines.
///
/// # Cancel safety
/// Not safe: half a line may be lost.
pub(crate) async fn read_line(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Vec<u8>>, ReadError> {
    let mut line = Vec::new();
    loop {
        let chunk = from.fill_buf().await?;
        if chunk.is_empty() {
            return if line.is_empty() { Ok(None) } else { Err(ReadError::Cut) };
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken > MAX_LINE {
            return Err(ReadError::TooLong);
        }
        line.extend_from_slice(&chunk[..taken]);
        from.consume(end.map_or(taken, |at| at + 1));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// Writes one value as one line.
///
/// # Errors
/// When the other side is gone.
pub(crate) async fn write_line(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn requests_say_only_what_they_mean() {
        let mut request = Request::about(Op::Start, Select::one("api"));
        request.wait = true;
        request.timeout_ms = Some(1500);
        expect![[r#"{"v":1,"op":"start","target":{"all":false,"patterns":["api"]},"wait":true,"timeout_ms":1500}"#]]
            .assert_eq(&serde_json::to_string(&request).unwrap());
        let read: Request = serde_json::from_str(r#"{"v":1,"op":"find_tool","tool":"a.b"}"#).unwrap();
        assert_eq!((read.op, read.tool.as_deref(), read.target.all), (Op::FindTool, Some("a.b"), false));
        assert!(serde_json::from_str::<Request>(r#"{"v":1,"op":"explode"}"#).is_err());
    }

    #[tokio::test]
    async fn bodies_arrive_byte_for_byte() {
        for text in [r#"{ "n": 1.50, "big":12345678901234567890123,"u":"\u00e9" }"#, "{\n\t\"a\": [1,\r\n2] }", "null "]
        {
            let raw = RawValue::from_string(text.trim_end().to_owned()).unwrap();
            let mut wire = Vec::new();
            write_line(&mut wire, &Line::ok(raw)).await.unwrap();
            assert_eq!(wire.iter().filter(|byte| **byte == b'\n').count(), 1, "one line each");
            let line = read_line(&mut wire.as_slice()).await.unwrap().unwrap();
            let line: Line = serde_json::from_slice(&line).unwrap();
            let body = line.ok.map(|raw| raw.get().to_owned()).or(line.ok_text);
            assert_eq!(body.as_deref(), Some(text.trim_end()));
        }
    }

    #[tokio::test]
    async fn lines_are_bounded_and_whole() {
        assert!(matches!(read_line(&mut &b""[..]).await, Ok(None)));
        assert!(matches!(read_line(&mut &b"half"[..]).await, Err(ReadError::Cut)));
        assert_eq!(read_line(&mut &b"one\ntwo"[..]).await.unwrap().unwrap(), b"one");
        let endless = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
        assert!(matches!(read_line(&mut { endless }).await, Err(ReadError::TooLong)));
    }
}
