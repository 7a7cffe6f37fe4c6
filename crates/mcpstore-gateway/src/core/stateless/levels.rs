//! How serious log lines are (source: RFC 5424, by way of MCP).

use serde::Deserialize;
use serde_json::value::RawValue;

/// The levels, the least serious first.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// How serious this level is; `None`: there is none of this name.
pub(super) fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// How serious a log line is, by the JSON text of its message.
pub(super) fn of_message(message: &[u8]) -> Option<usize> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        level: &'a RawValue,
    }
    let message: Message<'_> = serde_json::from_slice(message).ok()?;
    rank(message.params.level.get().trim_matches('"'))
}
