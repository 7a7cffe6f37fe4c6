//! Discord's webhooks: a line and an embed (source: Discord, "Webhook Resource", "Embed Limits").

use mcpstore_types::AlertSeverity;
use serde_json::{Value, json};

use super::words;
use crate::alert::{Alert, AlertStatus};
use crate::text::{Unit, fitted};

/// The longest content of a message.
pub(super) const MAX_CONTENT: usize = 2000;
/// The longest description of an embed.
pub(super) const MAX_DESCRIPTION: usize = 4096;
/// The longest value of a field.
pub(super) const MAX_FIELD: usize = 1024;
/// The most of an embed in all.
#[cfg(test)]
pub(super) const MAX_EMBED: usize = 6000;

const MAX_SUMMARY: usize = 1100;
const FENCE: usize = "\n```\n\n```".len();

pub(super) fn body(alert: &Alert) -> Value {
    let title = format!("{} {}", words::icon(alert), words::title(alert));
    let mut description = text(&alert.summary, MAX_SUMMARY);
    if !alert.detail.is_empty() {
        let room = MAX_DESCRIPTION - Unit::Utf16.length(&description) - FENCE;
        let code = fitted(&alert.detail, room, Unit::Utf16, |c| (c == '`').then_some("ˋ"));
        description.push_str(&format!("\n```\n{code}\n```"));
    }
    let fields: Vec<Value> = words::facts(alert)
        .into_iter()
        .map(|(name, fact)| json!({ "name": name, "value": text(&fact, MAX_FIELD / 4), "inline": true }))
        .collect();
    json!({
        "username": "mcpstore",
        "content": text(&title, MAX_CONTENT),
        // Whatever a text says, nobody is pinged.
        "allowed_mentions": { "parse": [] },
        "embeds": [{ "color": colour(alert), "description": description, "fields": fields }],
    })
}

fn text(text: &str, limit: usize) -> String {
    fitted(text, limit, Unit::Utf16, escape)
}

fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\\\",
        '*' => "\\*",
        '_' => "\\_",
        '~' => "\\~",
        '`' => "\\`",
        '|' => "\\|",
        '#' => "\\#",
        '[' => "\\[",
        ']' => "\\]",
        '(' => "\\(",
        ')' => "\\)",
        '<' => "\\<",
        '>' => "\\>",
        _ => return None,
    })
}

fn colour(alert: &Alert) -> u32 {
    match (alert.status, alert.severity) {
        (AlertStatus::Resolved, _) => 0x2e_a0_43,
        (AlertStatus::Test, _) => 0x8b_94_9e,
        (_, AlertSeverity::Critical) => 0xd7_3a_49,
        (_, AlertSeverity::Warning) => 0xf0_88_3e,
        (_, AlertSeverity::Info) => 0x38_8b_fd,
    }
}
