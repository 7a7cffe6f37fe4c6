//! Notices and log lines: as documents, and as lines for people.

use std::time::{Duration, SystemTime};

use mcpstore::observe::NoticeRecord;
use mcpstore::transport::LogLine;
use mcpstore::{Notice, ServiceName};

use super::{EventDoc, LogDoc, Term, brief, clean_line, rfc3339};

/// A notice as a document; `at` is its wall-clock time.
pub(crate) fn event_doc(notice: &Notice, at: SystemTime) -> EventDoc {
    let reason = notice.reason.to_string();
    // What the short word of the reason leaves out (an exit code, a phase) would be lost without a detail.
    let plain = notice.reason.as_str().replace('_', " ");
    let spoken = (reason != plain).then_some(reason);
    EventDoc {
        seq: notice.seq,
        time: rfc3339(at),
        service: notice.service.to_string(),
        incarnation: notice.incarnation.0,
        from: notice.from.map(|state| state.as_str().to_owned()),
        to: notice.to.map(|state| state.as_str().to_owned()),
        phase: notice.phase.as_str().to_owned(),
        reason: notice.reason.as_str().to_owned(),
        detail: notice.detail.as_deref().map(str::to_owned).or(spoken),
    }
}

/// A notice from history as a document; `at_ms` in milliseconds since the Unix epoch.
pub(crate) fn past_event_doc(notice: NoticeRecord, at_ms: u64) -> EventDoc {
    EventDoc {
        seq: notice.seq,
        time: rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms)),
        service: notice.service,
        incarnation: notice.incarnation,
        from: notice.from,
        to: notice.to,
        phase: notice.phase,
        reason: notice.reason,
        detail: notice.detail.or(notice.reason_text),
    }
}

/// A notice in one line.
pub(crate) fn event_line(event: &EventDoc, term: &Term) -> String {
    let word = |state: &Option<String>, none: &str| state.clone().unwrap_or_else(|| none.to_owned());
    let (from, to) = (word(&event.from, "(new)"), word(&event.to, "(removed)"));
    let step = if from == to { to.clone() } else { format!("{from} → {to}") };
    let color = match to.as_str() {
        "running" => 32,
        "error" => 31,
        "starting" | "stopping" => 33,
        _ => 0,
    };
    let detail = event.detail.as_deref().map_or_else(String::new, |text| format!(": {}", clean_line(brief(text))));
    let life = if event.incarnation == 0 { String::new() } else { format!("#{}", event.incarnation) };
    // Padded before it is painted: the colour codes have no width.
    let step = term.paint(color, &format!("{step:<22}"));
    let name = format!("{}{life}", event.service);
    format!("{} {:>5} {name:<16} {step} {:<9} {}{detail}", event.time, event.seq, event.phase, event.reason)
}

/// A line of a server's log as a document.
pub(crate) fn log_doc(service: &ServiceName, line: &LogLine) -> LogDoc {
    LogDoc {
        seq: line.seq,
        time: rfc3339(line.at),
        service: service.to_string(),
        incarnation: line.incarnation.0,
        stream: line.stream.as_str().to_owned(),
        text: line.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::ServiceState;
    use mcpstore::types::{ExitStatus, Incarnation, PhaseName, Reason, Timestamp};

    use super::*;

    fn notice(from: Option<ServiceState>, to: Option<ServiceState>, reason: Reason, detail: Option<&str>) -> Notice {
        Notice {
            seq: 7,
            time: Timestamp::ZERO,
            service: ServiceName::new("api").unwrap(),
            incarnation: Incarnation(2),
            from,
            to,
            phase: PhaseName::Cleanup,
            reason,
            detail: detail.map(Into::into),
        }
    }

    #[test]
    fn a_notice_is_one_line_of_json() {
        let crash =
            notice(Some(ServiceState::Running), Some(ServiceState::Error), Reason::Exited(ExitStatus::Signal(9)), None);
        let doc = event_doc(&crash, SystemTime::UNIX_EPOCH);
        expect![[r#"{"seq":7,"time":"1970-01-01T00:00:00.000Z","service":"api","incarnation":2,"from":"running","to":"error","phase":"cleanup","reason":"exited","detail":"exited: signal 9 (SIGKILL)"}"#]]
            .assert_eq(&serde_json::to_string(&doc).unwrap());
        expect!["1970-01-01T00:00:00.000Z     7 api#2            running → error        cleanup   exited: exited: signal 9 (SIGKILL)"]
            .assert_eq(&event_line(&doc, &Term::PLAIN));
    }

    #[test]
    fn words_of_servers_stay_on_their_line() {
        let gone = notice(Some(ServiceState::Stopped), None, Reason::RemoveAsked, Some("bye\u{1b}[2J\nand good luck"));
        let line = event_line(&event_doc(&gone, SystemTime::UNIX_EPOCH), &Term::PLAIN);
        expect!["1970-01-01T00:00:00.000Z     7 api#2            stopped → (removed)    cleanup   remove_asked: bye"]
            .assert_eq(&line);
    }
}
