//! Changes as lines that stay: each is one record.

use mcpstore::types::{PhaseName, Reason};
use mcpstore::{Notice, ServiceState};

use crate::output::{Term, brief, clean_line};
use crate::quote::quoted;

/// True when a reader of lines shall hear of it: the public state changed, nothing more will be tried, or its health is
/// another.
pub(super) fn is_news(notice: &Notice) -> bool {
    notice.from != notice.to || notice.phase == PhaseName::Failed || health(notice).is_some()
}

/// What of a running service's health changed, in words.
pub(crate) fn health(notice: &Notice) -> Option<&'static str> {
    if notice.from != notice.to {
        return None;
    }
    match (notice.phase, notice.reason) {
        (PhaseName::Degraded, Reason::ProbeFailed) => Some(", degraded"),
        (PhaseName::Ready, Reason::ProbePassed) => Some(", healthy again"),
        _ => None,
    }
}

/// True when the service failed for good by itself, not because of what it depends on.
pub(super) fn is_failure(notice: &Notice) -> bool {
    notice.phase == PhaseName::Failed && notice.reason != Reason::DependencyFailed
}

/// `TIME service state (reason: detail)`; `at` is written as it is.
pub(super) fn change(notice: &Notice, at: &str, term: &Term) -> String {
    let word = notice.to.map_or("removed", ServiceState::as_str);
    let word = term.paint(color(notice.to), word);
    // Its crash was told before; this line says that nothing follows.
    let given_up = if notice.from == notice.to && is_failure(notice) { ", given up" } else { "" };
    let again = health(notice).unwrap_or(given_up);
    format!("{at} {} {word}{again} ({})", notice.service, why(notice))
}

/// What the server wrote last, a line each; empty unless the service failed for good.
pub(super) fn last_words(notice: &Notice) -> Vec<String> {
    if !is_failure(notice) {
        return Vec::new();
    }
    let detail = notice.detail.as_deref().unwrap_or_default();
    detail.lines().skip(1).map(|line| format!("    {}", clean_line(line))).collect()
}

/// The reason and the first line of the detail.
pub(super) fn why(notice: &Notice) -> String {
    let reason = notice.reason.to_string();
    if notice.reason == Reason::NeedsAuth && notice.phase == PhaseName::Failed {
        return format!("{reason}: mcpstore auth login {}", quoted(notice.service.as_str()));
    }
    match notice.detail.as_deref().filter(|detail| !detail.is_empty()).map(|detail| clean_line(brief(detail))) {
        // "exited: exit code 1" has the "exit code 1" already.
        Some(detail) if !reason.contains(&detail) => format!("{reason}: {detail}"),
        Some(_) | None => reason,
    }
}

/// The ANSI colour of a state.
pub(super) const fn color(state: Option<ServiceState>) -> u8 {
    match state {
        Some(ServiceState::Running) => 32,
        Some(ServiceState::Starting | ServiceState::Stopping) => 33,
        Some(ServiceState::Error) => 31,
        Some(ServiceState::Unknown) => 35,
        Some(ServiceState::NotStarted | ServiceState::Stopped) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::ServiceName;
    use mcpstore::types::{ExitStatus, Incarnation, Timestamp};

    use super::*;

    fn notice(phase: PhaseName, reason: Reason, detail: Option<&str>) -> Notice {
        Notice {
            seq: 1,
            time: Timestamp::ZERO,
            service: ServiceName::new("api").unwrap(),
            incarnation: Incarnation(1),
            from: Some(ServiceState::Error),
            to: phase.state(),
            phase,
            reason,
            detail: detail.map(Into::into),
        }
    }

    #[test]
    fn a_change_is_one_line() {
        let line = |notice: &Notice| change(notice, "T", &Term::PLAIN);
        let crash = notice(PhaseName::Cleanup, Reason::Exited(ExitStatus::Signal(9)), Some("signal 9 (SIGKILL)"));
        expect!["T api error (exited: signal 9 (SIGKILL))"].assert_eq(&line(&crash));
        assert!(!is_news(&crash) && last_words(&crash).is_empty());

        let detail = "exit code 1 during the handshake\n  stderr | \u{1b}[31mno token\u{1b}[0m\n  stderr | bye";
        let gave_up = notice(PhaseName::Failed, Reason::GaveUp, Some(detail));
        expect!["T api error, given up (gave up: exit code 1 during the handshake)"].assert_eq(&line(&gave_up));
        assert!(is_news(&gave_up) && is_failure(&gave_up));
        assert_eq!(last_words(&gave_up), ["    stderr | no token", "    stderr | bye"]);

        let lost = notice(PhaseName::Failed, Reason::DependencyFailed, Some("`db` is down"));
        assert!(is_news(&lost) && !is_failure(&lost));
        let gone = notice(PhaseName::Removed, Reason::RemoveAsked, None);
        expect!["T api removed (remove asked)"].assert_eq(&line(&gone));
    }

    #[test]
    fn the_state_alone_is_coloured() {
        let term = Term { color: true, ..Term::PLAIN };
        let up = notice(PhaseName::Ready, Reason::ProbePassed, None);
        assert_eq!(change(&up, "T", &term), "T api \u{1b}[32mrunning\u{1b}[0m (probe passed)");
    }
}
