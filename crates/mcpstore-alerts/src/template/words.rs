//! The sentences that all shapes share, as plain text.

use std::time::{Duration, SystemTime};

use mcpstore_types::AlertSeverity;

use crate::alert::{Alert, AlertStatus};
use crate::text::{Unit, fitted};

/// The last second that has four digits in its year: what is written out as a date is not later.
const LAST_SECOND: u64 = 253_402_300_799;
/// The most of all tags together.
const MAX_TAGS_BYTES: usize = 200;

/// What an alert is about, in a line.
pub(crate) fn title(alert: &Alert) -> String {
    let Alert { service, kind, severity, .. } = alert;
    match alert.status {
        AlertStatus::Firing => format!("{service}: {kind} ({severity})"),
        AlertStatus::Repeated => format!("{service}: {kind} ({severity}, still)"),
        AlertStatus::Resolved => format!("{service}: {kind} resolved"),
        AlertStatus::Test => format!("{service}: test of an alert"),
    }
}

/// A sign for those who look only.
pub(crate) fn icon(alert: &Alert) -> &'static str {
    match (alert.status, alert.severity) {
        (AlertStatus::Resolved, _) => "✅",
        (AlertStatus::Test, _) => "🧪",
        (AlertStatus::Firing | AlertStatus::Repeated, AlertSeverity::Critical) => "🔴",
        (AlertStatus::Firing | AlertStatus::Repeated, AlertSeverity::Warning) => "🟠",
        (AlertStatus::Firing | AlertStatus::Repeated, AlertSeverity::Info) => "🔵",
    }
}

/// What else is known, one short text each: the product first, so that chats which ask for a keyword find `mcpstore`.
pub(crate) fn facts(alert: &Alert) -> Vec<(&'static str, String)> {
    let mut facts = vec![("from", format!("mcpstore on {}", if alert.host.is_empty() { "?" } else { &alert.host }))];
    facts.push(("at", when(alert.at_ms)));
    let seconds = alert.at_ms.saturating_sub(alert.since_ms) / 1000;
    if seconds > 0 && alert.since_ms > 0 {
        facts.push(("for", humantime::format_duration(Duration::from_secs(seconds)).to_string()));
    }
    if let Some(value) = alert.value {
        facts.push(("value", number(value)));
    }
    if !alert.tags.is_empty() {
        facts.push(("tags", fitted(&alert.tags.join(", "), MAX_TAGS_BYTES, Unit::Bytes, |_| None)));
    }
    facts
}

/// The facts in a line.
pub(crate) fn footer(alert: &Alert) -> String {
    let told: Vec<String> = facts(alert).into_iter().map(|(name, fact)| format!("{name} {fact}")).collect();
    told.join(" · ")
}

/// All of it as plain text, for people who read it as it is.
#[cfg(feature = "mail")]
pub(crate) fn plain(alert: &Alert) -> String {
    let mut out = format!("{}\n{}\n", title(alert), alert.summary);
    if !alert.detail.is_empty() {
        out.push('\n');
        out.push_str(&alert.detail);
        out.push('\n');
    }
    out.push('\n');
    out.extend(facts(alert).into_iter().map(|(name, fact)| format!("{name:<5} {fact}\n")));
    out
}

fn when(at_ms: u64) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs((at_ms / 1000).min(LAST_SECOND));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// Three digits behind the point at most, and no more than needed.
fn number(value: f64) -> String {
    if value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
