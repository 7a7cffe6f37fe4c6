//! What is worth waking someone for, and who is told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Secret;

/// Which trouble an alert is about. A closed set: rules, silences, metrics and docs use these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AlertKind {
    /// It is down for good: it failed as often as its restart policy allows, or in a way that no further attempt mends.
    GaveUp,
    /// Members of its process group survived a kill.
    Leaked,
    /// It survived the kill that was to stop it.
    StopFailed,
    /// It was restarted often within a while.
    Flapping,
    /// It is down because a dependency it requires is down.
    DependencyFailed,
    /// Its probes fail, not yet often enough to act, for a while.
    ProbeDegraded,
    /// It takes long to start.
    StartSlow,
    /// Few of its restarts are left before it gives up.
    BudgetNear,
    /// Many of its calls fail.
    ErrorRate,
    /// Its calls are slow.
    Latency,
}

impl AlertKind {
    /// All kinds, the gravest first.
    pub const ALL: [Self; 10] = [
        Self::GaveUp,
        Self::Leaked,
        Self::StopFailed,
        Self::Flapping,
        Self::DependencyFailed,
        Self::ProbeDegraded,
        Self::StartSlow,
        Self::BudgetNear,
        Self::ErrorRate,
        Self::Latency,
    ];

    /// Its word in configs, JSON and metrics, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GaveUp => "gave_up",
            Self::Leaked => "leaked",
            Self::StopFailed => "stop_failed",
            Self::Flapping => "flapping",
            Self::DependencyFailed => "dependency_failed",
            Self::ProbeDegraded => "probe_degraded",
            Self::StartSlow => "start_slow",
            Self::BudgetNear => "budget_near",
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
        }
    }

    /// What it says of a service, in one sentence without its name.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::GaveUp => "it is down and stays down: its restarts are used up, or would not help",
            Self::Leaked => "processes of it survived a kill",
            Self::StopFailed => "it survived the kill that was to stop it",
            Self::Flapping => "it is restarted again and again",
            Self::DependencyFailed => "it is down because a dependency is down",
            Self::ProbeDegraded => "its health probes fail",
            Self::StartSlow => "it takes long to start",
            Self::BudgetNear => "few of its restarts are left before it gives up",
            Self::ErrorRate => "many of its calls fail",
            Self::Latency => "its calls are slow",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How grave an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AlertSeverity {
    /// Worth knowing.
    Info,
    /// Somebody should look today.
    Warning,
    /// Something is down that should be up.
    Critical,
}

impl AlertSeverity {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// Its word in configs and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for AlertSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When an alert of one kind fires and resolves.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// Which kind. One rule per kind.
    pub kind: AlertKind,
    /// `false`: never fires.
    pub enabled: bool,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// The trouble must last this long before the alert fires; zero: at once.
    pub hold: Duration,
    /// The trouble must be gone this long before the alert resolves (hysteresis); zero: at once.
    pub resolve_after: Duration,
    /// How much is too much. Flapping: restarts within `window`; budget_near: restarts that are left; error_rate: a ratio, 0
    /// to 1; latency and start_slow: seconds. No meaning for the other kinds.
    pub threshold: f64,
    /// The trouble is over when the value falls to this; not above `threshold` (below it for budget_near).
    pub clear_threshold: f64,
    /// The stretch that is looked at (flapping, error_rate, latency).
    pub window: Duration,
    /// The calls in `window` below which error_rate and latency say nothing.
    pub min_calls: u64,
    /// Which services, by name or glob (`web-*`); empty: all.
    pub services: Vec<String>,
}

impl AlertRule {
    /// The rule for this kind with its defaults.
    #[must_use]
    pub fn new(kind: AlertKind) -> Self {
        const S: fn(u64) -> Duration = Duration::from_secs;
        let (severity, hold, resolve_after, threshold, clear_threshold, window) = match kind {
            AlertKind::GaveUp | AlertKind::Leaked | AlertKind::StopFailed => {
                (AlertSeverity::Critical, S(0), S(0), 0.0, 0.0, S(0))
            }
            AlertKind::Flapping => (AlertSeverity::Warning, S(0), S(300), 5.0, 1.0, S(600)),
            AlertKind::DependencyFailed => (AlertSeverity::Warning, S(60), S(0), 0.0, 0.0, S(0)),
            AlertKind::ProbeDegraded => (AlertSeverity::Warning, S(60), S(60), 0.0, 0.0, S(0)),
            AlertKind::StartSlow => (AlertSeverity::Warning, S(0), S(0), 30.0, 30.0, S(0)),
            AlertKind::BudgetNear => (AlertSeverity::Warning, S(0), S(60), 1.0, 2.0, S(0)),
            AlertKind::ErrorRate => (AlertSeverity::Warning, S(60), S(120), 0.1, 0.05, S(300)),
            AlertKind::Latency => (AlertSeverity::Warning, S(60), S(120), 10.0, 8.0, S(300)),
        };
        Self {
            kind,
            enabled: true,
            severity,
            hold,
            resolve_after,
            threshold,
            clear_threshold,
            window,
            min_calls: 20,
            services: Vec::new(),
        }
    }
}

/// Where alerts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSpec {
    /// Its name, unique among the sinks.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
    /// Alerts milder than this do not go there.
    pub min_severity: AlertSeverity,
    /// Only alerts of these kinds go there; empty: all.
    pub only: Vec<AlertKind>,
    /// `false`: not told when an alert resolves.
    pub send_resolved: bool,
}

/// What a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkKind {
    /// The manager's own log.
    Log,
    /// An HTTP `POST` of JSON.
    Webhook {
        /// Where to. Addresses of chat services carry their token.
        url: Secret,
        /// In which shape.
        template: WebhookTemplate,
        /// Headers on top.
        headers: BTreeMap<String, Secret>,
        /// The key with which Feishu and DingTalk sign, where the chat asks for it.
        sign_key: Option<Secret>,
    },
    /// A command, with the alert as JSON on its stdin and as `MCPSTORE_ALERT_*` in its environment.
    Command {
        /// The program: a path, or a name looked up in `PATH`. Never a shell.
        command: String,
        /// Its arguments, each as it is.
        args: Vec<String>,
    },
    /// A notification on this machine's desktop. Built with the feature `desktop`.
    Desktop,
    /// A mail. Built with the feature `mail`.
    Mail {
        /// `smtp://`, `smtps://` or `smtp+starttls://`, with user and password where needed.
        server: Secret,
        /// From whom.
        from: String,
        /// To whom.
        to: Vec<String>,
    },
}

impl SinkKind {
    /// Its word in a config (`type`).
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook { .. } => "webhook",
            Self::Command { .. } => "command",
            Self::Desktop => "desktop",
            Self::Mail { .. } => "mail",
        }
    }
}

/// The shape of what a webhook is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookTemplate {
    /// The alert as JSON, every field.
    #[default]
    Generic,
    /// A Slack incoming webhook.
    Slack,
    /// A Discord webhook.
    Discord,
    /// A Feishu (Lark) custom bot.
    Feishu,
    /// A DingTalk custom robot.
    DingTalk,
    /// A WeCom group robot.
    WeCom,
    /// A topic of ntfy.
    Ntfy,
}

impl WebhookTemplate {
    /// Every word for one.
    pub const WORDS: [(&str, Self); 7] = [
        ("generic", Self::Generic),
        ("slack", Self::Slack),
        ("discord", Self::Discord),
        ("feishu", Self::Feishu),
        ("dingtalk", Self::DingTalk),
        ("wecom", Self::WeCom),
        ("ntfy", Self::Ntfy),
    ];

    /// Its word in a config.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Feishu => "feishu",
            Self::DingTalk => "dingtalk",
            Self::WeCom => "wecom",
            Self::Ntfy => "ntfy",
        }
    }
}

/// All of alerting: the rules, and who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertsSpec {
    /// `false`: nothing fires.
    pub enabled: bool,
    /// One rule per kind, in the order of [`AlertKind::ALL`].
    pub rules: Vec<AlertRule>,
    /// Who is told. Default: the log.
    pub sinks: Vec<SinkSpec>,
    /// An alert that lasts is told again after this; default 4 h, `None`: never.
    pub repeat: Option<Duration>,
}

impl Default for AlertsSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            rules: AlertKind::ALL.map(AlertRule::new).into(),
            sinks: vec![SinkSpec::log()],
            repeat: Some(Duration::from_secs(4 * 3600)),
        }
    }
}

impl SinkSpec {
    /// A sink of this kind that is told everything.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: SinkKind) -> Self {
        Self { name: name.into(), kind, min_severity: AlertSeverity::Info, only: Vec::new(), send_resolved: true }
    }

    /// The log, told everything.
    #[must_use]
    pub fn log() -> Self {
        Self::new("log", SinkKind::Log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_one_rule_per_kind_that_can_clear() {
        let spec = AlertsSpec::default();
        let kinds: Vec<_> = spec.rules.iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds, AlertKind::ALL);
        for rule in &spec.rules {
            let clears_below = rule.clear_threshold <= rule.threshold;
            assert!(clears_below || rule.kind == AlertKind::BudgetNear, "{}", rule.kind);
        }
    }
}
