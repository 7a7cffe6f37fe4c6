//! Topics of ntfy, published as JSON; the sink adds the topic (source: ntfy, "Publish as JSON").

use mcpstore_types::AlertSeverity;
use serde_json::{Value, json};

use super::words;
use crate::alert::{Alert, AlertStatus};
use crate::text::{Unit, fitted};

/// The longest message that stays a message; a longer one becomes a file.
#[cfg(test)]
pub(super) const MAX_MESSAGE_BYTES: usize = 4096;
/// The longest request as JSON: twice the longest message.
#[cfg(test)]
pub(super) const MAX_BODY_BYTES: usize = 2 * 4096;

/// Each character of it may take two bytes as JSON.
const MAX_OURS: usize = 3500;
const MAX_TITLE: usize = 250;
const MAX_FOOTER: usize = 500;

pub(super) fn body(alert: &Alert) -> Value {
    let footer = fitted(&words::footer(alert), MAX_FOOTER, Unit::Bytes, |_| None);
    let mut message = alert.summary.clone();
    if !alert.detail.is_empty() {
        message.push_str("\n\n");
        message.push_str(&alert.detail);
    }
    let mut message = fitted(&message, MAX_OURS - footer.len() - 2, Unit::Bytes, |_| None);
    message.push_str("\n\n");
    message.push_str(&footer);
    let (priority, tag) = look(alert);
    json!({
        "title": fitted(&words::title(alert), MAX_TITLE, Unit::Bytes, |_| None),
        "message": message,
        "priority": priority,
        "tags": [tag, alert.kind.as_str()],
    })
}

/// From 1 to 5, and the short code of an emoji.
fn look(alert: &Alert) -> (u8, &'static str) {
    match (alert.status, alert.severity) {
        (AlertStatus::Resolved, _) => (3, "white_check_mark"),
        (AlertStatus::Test, _) => (3, "test_tube"),
        (_, AlertSeverity::Critical) => (5, "rotating_light"),
        (_, AlertSeverity::Warning) => (4, "warning"),
        (_, AlertSeverity::Info) => (2, "information_source"),
    }
}
