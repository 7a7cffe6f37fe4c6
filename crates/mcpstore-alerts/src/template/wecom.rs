//! WeCom's group robots: Markdown (source: WeCom, "Group robot configuration").

use mcpstore_types::AlertSeverity;
use serde_json::{Value, json};

use super::words;
use crate::alert::{Alert, AlertStatus};
use crate::text::{Unit, fitted};

/// The longest content.
pub(super) const MAX_CONTENT_BYTES: usize = 4096;
const MAX_TITLE: usize = 400;
const MAX_SUMMARY: usize = 1000;

pub(super) fn body(alert: &Alert) -> Value {
    let title = marked(&format!("{} {}", words::icon(alert), words::title(alert)), MAX_TITLE);
    let head = format!("**<font color=\"{}\">{title}</font>**\n{}", colour(alert), marked(&alert.summary, MAX_SUMMARY));
    let foot = format!("\n<font color=\"comment\">{}</font>", marked(&words::footer(alert), MAX_SUMMARY));
    let mut content = head;
    if !alert.detail.is_empty() {
        content.push_str("\n> ");
        let room = MAX_CONTENT_BYTES - content.len() - foot.len();
        content.push_str(&marked(&alert.detail, room));
    }
    content.push_str(&foot);
    json!({ "msgtype": "markdown", "markdown": { "content": content } })
}

fn marked(text: &str, limit: usize) -> String {
    fitted(text, limit, Unit::Bytes, |c| if c == '\n' { Some("\n> ") } else { unmarked(c) })
}

/// These chats know no way to escape a character, so that what begins a link, a mention or markup becomes its wide twin.
pub(super) fn unmarked(c: char) -> Option<&'static str> {
    Some(match c {
        '<' => "＜",
        '>' => "＞",
        '[' => "［",
        ']' => "］",
        '*' => "＊",
        '`' => "ˋ",
        '#' => "＃",
        _ => return None,
    })
}

/// Its three colours: green, grey, orange.
fn colour(alert: &Alert) -> &'static str {
    match (alert.status, alert.severity) {
        (AlertStatus::Resolved, _) => "info",
        (AlertStatus::Test, _) | (_, AlertSeverity::Info) => "comment",
        (_, AlertSeverity::Critical | AlertSeverity::Warning) => "warning",
    }
}
