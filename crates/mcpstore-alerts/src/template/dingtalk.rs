//! DingTalk's custom robots: Markdown (source: DingTalk, "Custom robot access").

use serde_json::{Value, json};

use super::wecom::unmarked;
use super::words;
use crate::alert::Alert;
use crate::text::{Unit, fitted};

/// The most of a request.
#[cfg(test)]
pub(super) const MAX_BODY_BYTES: usize = 20_000;
/// Ours for a title, which is what notifications show.
const MAX_TITLE: usize = 300;
const MAX_SUMMARY: usize = 1000;
/// With what it takes to write it as JSON, it stays below the limit.
const MAX_DETAIL: usize = 6000;

pub(super) fn body(alert: &Alert) -> Value {
    let title = format!("{} {}", words::icon(alert), words::title(alert));
    let mut text = format!("#### {}\n\n{}", marked(&title, MAX_TITLE), marked(&alert.summary, MAX_SUMMARY));
    if !alert.detail.is_empty() {
        text.push_str("\n\n> ");
        text.push_str(&marked(&alert.detail, MAX_DETAIL));
    }
    text.push_str("\n\n");
    text.push_str(&marked(&words::footer(alert), MAX_SUMMARY));
    json!({
        "msgtype": "markdown",
        "markdown": { "title": fitted(&title, MAX_TITLE, Unit::Bytes, |_| None), "text": text },
        "at": { "isAtAll": false },
    })
}

/// Two blanks before a line break keep it.
fn marked(text: &str, limit: usize) -> String {
    fitted(text, limit, Unit::Bytes, |c| if c == '\n' { Some("  \n> ") } else { unmarked(c) })
}
