//! Feishu's (Lark's) custom bots: a card of plain texts, in which nothing is markup (source: Feishu, "Custom bot guide").

use mcpstore_types::AlertSeverity;
use serde_json::{Value, json};

use super::words;
use crate::alert::{Alert, AlertStatus};
use crate::text::{Unit, fitted};

/// The most of a request.
#[cfg(test)]
pub(super) const MAX_BODY_BYTES: usize = 20 * 1024;
/// Ours for a title.
const MAX_TITLE: usize = 300;

pub(super) fn body(alert: &Alert) -> Value {
    let title = fitted(&format!("{} {}", words::icon(alert), words::title(alert)), MAX_TITLE, Unit::Bytes, |_| None);
    let mut elements = vec![json!({ "tag": "div", "text": plain(&alert.summary) })];
    if !alert.detail.is_empty() {
        elements.push(json!({ "tag": "hr" }));
        elements.push(json!({ "tag": "div", "text": plain(&alert.detail) }));
    }
    elements.push(json!({ "tag": "note", "elements": [plain(&words::footer(alert))] }));
    json!({
        "msg_type": "interactive",
        "card": {
            "config": { "wide_screen_mode": true },
            "header": { "template": colour(alert), "title": plain(&title) },
            "elements": elements,
        },
    })
}

fn plain(text: &str) -> Value {
    json!({ "tag": "plain_text", "content": text })
}

fn colour(alert: &Alert) -> &'static str {
    match (alert.status, alert.severity) {
        (AlertStatus::Resolved, _) => "green",
        (AlertStatus::Test, _) => "grey",
        (_, AlertSeverity::Critical) => "red",
        (_, AlertSeverity::Warning) => "orange",
        (_, AlertSeverity::Info) => "blue",
    }
}
