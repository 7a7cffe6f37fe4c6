//! The arguments of `alerts`.

use std::time::Duration;

use clap::{Args, Subcommand};
use mcpstore::types::AlertKind;

use super::verbs::duration;

/// What to do about alerts.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List what fires or is about to, the silences, and how the sinks fare.
    #[command(after_help = "Examples:\n  mcpstore alerts ls\n  mcpstore alerts ls -o json")]
    Ls,
    /// Send a test to one sink or to all; exit code 1 when one does not take it.
    #[command(after_help = "Examples:\n  mcpstore alerts test\n  mcpstore alerts test slack")]
    Test(TestArgs),
    /// Keep alerts from being told for a while; they are still tracked and listed.
    #[command(after_help = SILENCE_HELP)]
    Silence(SilenceArgs),
    /// End a silence before its time.
    #[command(after_help = "Example:\n  mcpstore alerts unsilence 3")]
    Unsilence(UnsilenceArgs),
}

const SILENCE_HELP: &str = "\
What was silenced and still fires when the silence ends is told then. A silence survives a
restart of the manager.

Examples:
  mcpstore alerts silence --for 2h
  mcpstore alerts silence 'web-*' --for 30m --kind latency --comment 'load test'";

/// Arguments of `alerts test`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TestArgs {
    /// The name of the sink; default all.
    #[arg(value_name = "SINK")]
    pub(crate) sink: Option<String>,
}

/// Arguments of `alerts silence`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SilenceArgs {
    /// Only alerts of these services: a name or a glob (* ?). Default: all.
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Option<String>,
    /// How long: 30m, 2h, 3d.
    #[arg(long = "for", value_name = "D", value_parser = duration)]
    pub(crate) lasts: Duration,
    /// Only alerts of this kind. Default: all.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<AlertKind>,
    /// Why, for whoever lists it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) comment: String,
}

/// Arguments of `alerts unsilence`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UnsilenceArgs {
    /// The number of the silence, as `alerts ls` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
}

fn kind(text: &str) -> Result<AlertKind, String> {
    let words = AlertKind::ALL.map(AlertKind::as_str);
    let known = AlertKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| match mcpstore::types::nearest(text, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write one of: {}", words.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_told_the_nearest() {
        assert_eq!(kind("latency"), Ok(AlertKind::Latency));
        assert_eq!(kind("gaveup").unwrap_err(), "did you mean `gave_up`?");
        assert!(kind("x").unwrap_err().starts_with("write one of: gave_up, leaked"));
    }
}
