//! A notification on this machine's desktop, through the program that every desktop has for it.

use std::ffi::OsString;
use std::time::Duration;

use mcpstore_types::AlertSeverity;

use super::process::{self, Program};
use super::{Sink, SinkError};
use crate::alert::{Alert, AlertStatus};
use crate::options::{Options, Starter};
use crate::template::words;
use crate::text::{Unit, fitted};

/// How the session is found.
const SESSION: [&str; 4] = ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"];
/// Ours: notifications show a few lines.
const MAX_BODY: usize = 500;

/// Shows alerts as notifications.
pub(crate) struct Desktop {
    within: Duration,
    starter: Option<Starter>,
}

impl Desktop {
    pub(crate) fn new(options: &Options) -> Self {
        Self { within: options.command_timeout, starter: options.starter.clone() }
    }
}

#[async_trait::async_trait]
impl Sink for Desktop {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        let (program, args) = if cfg!(target_os = "macos") { osascript(alert) } else { notify_send(alert) };
        let starter = self.starter.as_ref();
        let program = Program { program, args: &args, env: &[], inherit: &SESSION, within: self.within, starter };
        process::run(program, &[]).await
    }
}

/// The body is markup there: escaped. `--` ends the options, so that no text can be one.
fn notify_send(alert: &Alert) -> (&'static str, Vec<OsString>) {
    let urgency = match (alert.status, alert.severity) {
        (AlertStatus::Resolved | AlertStatus::Test, _) | (_, AlertSeverity::Info) => "low",
        (_, AlertSeverity::Warning) => "normal",
        (_, AlertSeverity::Critical) => "critical",
    };
    let body = fitted(&alert.summary, MAX_BODY, Unit::Utf16, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    });
    let urgency = format!("--urgency={urgency}");
    let args = ["--app-name=mcpstore", &urgency, "--", &words::title(alert), &body];
    ("notify-send", args.into_iter().map(OsString::from).collect())
}

/// The script is fixed; the texts are its arguments. What follows the first of them is no option.
fn osascript(alert: &Alert) -> (&'static str, Vec<OsString>) {
    let title = format!("mcpstore: {}", words::title(alert));
    let body = fitted(&alert.summary, MAX_BODY, Unit::Utf16, |_| None);
    let args = [
        "-e",
        "on run argv",
        "-e",
        "display notification (item 2 of argv) with title (item 1 of argv)",
        "-e",
        "end run",
        &title,
        &body,
    ];
    ("osascript", args.into_iter().map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use mcpstore_types::AlertKind;

    use super::*;

    #[test]
    fn texts_are_arguments_and_nothing_else() {
        let mut alert = Alert::new("i", AlertKind::GaveUp, "--hint=x", AlertStatus::Firing);
        alert.summary = "<b>\"; do shell script \"id\" & $(id)".to_owned();
        let (program, args) = notify_send(&alert);
        assert_eq!(program, "notify-send");
        let expected = [
            "--app-name=mcpstore",
            "--urgency=critical",
            "--",
            "--hint=x: gave_up (critical)",
            "&lt;b&gt;\"; do shell script \"id\" &amp; $(id)",
        ];
        assert_eq!(args, expected);
        let (program, args) = osascript(&alert);
        assert_eq!((program, args.len()), ("osascript", 8));
        assert_eq!(args[6], "mcpstore: --hint=x: gave_up (critical)");
        assert_eq!(args[7], "<b>\"; do shell script \"id\" & $(id)");
    }
}
