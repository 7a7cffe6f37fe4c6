//! Slack's incoming webhooks: blocks, and a text for notifications (source: Slack, "Incoming webhooks", "Block Kit").

use serde_json::{Value, json};

use super::words;
use crate::alert::Alert;
use crate::text::{Unit, fitted};

/// The longest text of a header.
pub(super) const MAX_HEADER: usize = 150;
/// The longest text of a section.
pub(super) const MAX_SECTION: usize = 3000;
/// Ours for the text outside of the blocks, which is for notifications.
pub(super) const MAX_TEXT: usize = 1000;

const FENCE: usize = "```\n\n```".len();

pub(super) fn body(alert: &Alert) -> Value {
    let title = format!("{} {}", words::icon(alert), words::title(alert));
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(text(&title, MAX_HEADER)) }),
        json!({ "type": "section", "text": plain(text(&alert.summary, MAX_SECTION)) }),
    ];
    if !alert.detail.is_empty() {
        let code = fitted(&alert.detail, MAX_SECTION - FENCE, Unit::Utf16, in_code);
        // `verbatim`: Slack looks for no links, channels and people in it.
        let code = json!({ "type": "mrkdwn", "text": format!("```\n{code}\n```"), "verbatim": true });
        blocks.push(json!({ "type": "section", "text": code }));
    }
    let footer = plain(text(&words::footer(alert), MAX_SECTION));
    blocks.push(json!({ "type": "context", "elements": [footer] }));
    json!({ "text": text(&format!("{title}: {}", alert.summary), MAX_TEXT), "blocks": blocks })
}

/// Nothing in it is markup.
fn plain(text: String) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

fn text(text: &str, limit: usize) -> String {
    fitted(text, limit, Unit::Utf16, escape)
}

/// The three characters with which Slack's own markup begins: links, `<!channel>`, `<@somebody>`.
fn escape(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Within a code block its end must not come early.
fn in_code(c: char) -> Option<&'static str> {
    if c == '`' { Some("ˋ") } else { escape(c) }
}
