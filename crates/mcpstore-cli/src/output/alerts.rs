//! Alerts, silences and sinks, for people.

use std::time::{Duration, SystemTime};

use mcpstore::AlertsReport;
use mcpstore::monitor::{AlertStage, AlertView, Silence};
use mcpstore::observe::SinkStatus;
use mcpstore::types::AlertSeverity;

use super::{Term, clean_line, finish, new_table, short_duration};

/// What fires, what is silenced, who is told.
pub(crate) fn alerts_text(report: &AlertsReport, now: SystemTime, term: &Term) -> String {
    let now_ms = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
    let mut out = String::new();
    if let Some(why) = &report.history_fault {
        out.push_str(&format!(
            "history is not written, so silences do not survive the manager: {}\n\n",
            clean_line(why)
        ));
    }
    if !report.enabled {
        out.push_str("alerts are switched off in the config\n");
    } else if report.alerts.is_empty() {
        out.push_str("no alerts\n");
    } else {
        let mut table = new_table(&["SEVERITY", "KIND", "SERVICE", "STAGE", "FOR", "WHAT"], term);
        for alert in &report.alerts {
            table.add_row(row(alert, now_ms, term));
        }
        out.push_str(&finish(&mut table));
    }
    if !report.silences.is_empty() {
        let mut table = new_table(&["SILENCE", "KIND", "SERVICES", "ENDS IN", "COMMENT"], term);
        for Silence { id, kind, services, until_ms, comment } in &report.silences {
            table.add_row([
                id.to_string(),
                kind.map_or("all", mcpstore::types::AlertKind::as_str).to_owned(),
                clean_line(services.as_deref().unwrap_or("all")),
                short_duration(Duration::from_millis(until_ms.saturating_sub(now_ms))),
                clean_line(comment),
            ]);
        }
        out.push('\n');
        out.push_str(&finish(&mut table));
    }
    if !report.sinks.is_empty() {
        let mut table = new_table(&["SINK", "TYPE", "SENT", "WAITING", "DROPPED", "LAST ERROR"], term);
        for sink in &report.sinks {
            table.add_row(sink_row(sink, now_ms));
        }
        out.push('\n');
        out.push_str(&finish(&mut table));
    }
    out
}

fn row(alert: &AlertView, now_ms: u64, term: &Term) -> [String; 6] {
    let glyph = match alert.severity {
        AlertSeverity::Critical => term.paint(31, "✗ critical"),
        AlertSeverity::Warning => term.paint(33, "! warning"),
        AlertSeverity::Info => "· info".to_owned(),
    };
    let stage = match (alert.stage, alert.silenced_until_ms) {
        (AlertStage::Pending, _) => "pending",
        (_, Some(_)) => "silenced",
        (_, None) => "firing",
    };
    let what = alert.detail.lines().next().filter(|line| !line.is_empty()).unwrap_or(&alert.summary);
    [
        glyph,
        alert.kind.as_str().to_owned(),
        alert.service.to_string(),
        stage.to_owned(),
        short_duration(Duration::from_millis(now_ms.saturating_sub(alert.since_ms))),
        clean_line(what),
    ]
}

fn sink_row(sink: &SinkStatus, now_ms: u64) -> [String; 6] {
    let retry = sink.next_attempt_ms.map_or_else(String::new, |at| {
        format!("; tried again in {}", short_duration(Duration::from_millis(at.saturating_sub(now_ms))))
    });
    let error = sink.last_error.as_deref().map_or_else(|| "-".to_owned(), |error| format!("{error}{retry}"));
    [
        clean_line(&sink.name),
        sink.kind.clone(),
        sink.sent_total.to_string(),
        sink.queued.to_string(),
        sink.dropped_total.to_string(),
        clean_line(&error),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::ServiceName;
    use mcpstore::types::AlertKind;

    use super::*;

    fn view(kind: AlertKind, stage: AlertStage, silenced: Option<u64>) -> AlertView {
        AlertView {
            id: "x-1".into(),
            kind,
            service: ServiceName::new("api").unwrap(),
            severity: mcpstore::types::AlertRule::new(kind).severity,
            stage,
            since_ms: 1_000,
            fired_ms: None,
            told_ms: None,
            silenced_until_ms: silenced,
            value: None,
            summary: "`api`: a summary".into(),
            detail: "exit \u{1b}[31mcode 3\nmore".into(),
            fingerprint: "x".into(),
        }
    }

    #[test]
    fn alerts_silences_and_sinks() {
        let sink = SinkStatus {
            name: "slack".into(),
            kind: "webhook".into(),
            queued: 2,
            sent_total: 7,
            failed_attempts_total: 3,
            dropped_total: 0,
            last_error: Some("HTTP 503".into()),
            last_sent_ms: None,
            next_attempt_ms: Some(64_000),
        };
        let silence = Silence {
            id: 3,
            kind: None,
            services: Some("web-*".into()),
            until_ms: 3_661_000,
            comment: "load test".into(),
        };
        let report = AlertsReport {
            alerts: vec![
                view(AlertKind::GaveUp, AlertStage::Firing, None),
                view(AlertKind::Latency, AlertStage::Pending, None),
                view(AlertKind::Flapping, AlertStage::Firing, Some(70_000)),
            ],
            silences: vec![silence],
            sinks: vec![sink],
            enabled: true,
            history_fault: None,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(61);
        expect![[r#"
            SEVERITY    KIND      SERVICE  STAGE     FOR    WHAT
            ✗ critical  gave_up   api      firing    1m00s  exit code 3
            ! warning   latency   api      pending   1m00s  exit code 3
            ! warning   flapping  api      silenced  1m00s  exit code 3

            SILENCE  KIND  SERVICES  ENDS IN  COMMENT
            3        all   web-*     1h00m    load test

            SINK   TYPE     SENT  WAITING  DROPPED  LAST ERROR
            slack  webhook  7     2        0        HTTP 503; tried again in 3s
        "#]]
        .assert_eq(&alerts_text(&report, now, &Term::PLAIN));
        let none = AlertsReport { enabled: true, ..AlertsReport::default() };
        assert_eq!(alerts_text(&none, now, &Term::PLAIN), "no alerts\n");
        let off = AlertsReport::default();
        assert_eq!(alerts_text(&off, now, &Term::PLAIN), "alerts are switched off in the config\n");
    }
}
