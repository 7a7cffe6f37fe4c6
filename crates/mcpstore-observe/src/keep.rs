//! What of alerts goes to history, and back.

use mcpstore_alerts::{Alert, AlertStatus as Sent, Outcome, Receipt};
use mcpstore_history::{AlertRecord, Record};
use mcpstore_monitor::{AlertEvent, AlertStage, AlertStatus, AlertView, Silence};
use serde::{Deserialize, Serialize};

/// A line of history about alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Kept {
    /// One fired, was repeated, or resolved; with what was told of it.
    Event { event: AlertEvent, tags: Vec<String>, host: String },
    /// One that lasts, said again so that a later start need not read far back.
    View { view: AlertView },
    /// A sink took one in, got it, or will never get it.
    Receipt { receipt: Receipt },
    /// Alerts are not told for a while.
    Silence { silence: Silence },
    /// That is over before its time.
    Unsilence { id: u64 },
}

impl Kept {
    pub(crate) fn record(&self) -> Option<Record> {
        let json = serde_json::to_value(self).ok()?;
        Some(Record::Alert(AlertRecord { json }))
    }

    /// What a line says; nothing when another version wrote it in another way.
    pub(crate) fn read(record: AlertRecord) -> Option<Self> {
        serde_json::from_value(record.json).ok()
    }
}

/// What is delivered of an event.
pub(crate) fn alert(event: &AlertEvent, tags: &[String], host: &str) -> Alert {
    let status = match event.status {
        AlertStatus::Firing => Sent::Firing,
        AlertStatus::Resolved => Sent::Resolved,
        AlertStatus::Repeated => Sent::Repeated,
    };
    Alert {
        severity: event.severity,
        at_ms: event.at_ms,
        since_ms: event.since_ms,
        summary: event.summary.clone(),
        detail: event.detail.clone(),
        value: event.value,
        host: host.to_owned(),
        tags: tags.to_vec(),
        ..Alert::new(event.id.clone(), event.kind, event.service.as_str(), status)
    }
}

/// The alert as it stands after an event that is not its end.
pub(crate) fn view(event: &AlertEvent, fired_ms: u64) -> AlertView {
    AlertView {
        id: event.id.clone(),
        kind: event.kind,
        service: event.service.clone(),
        severity: event.severity,
        stage: AlertStage::Firing,
        since_ms: event.since_ms,
        fired_ms: Some(fired_ms),
        told_ms: Some(event.at_ms),
        silenced_until_ms: None,
        value: event.value,
        summary: event.summary.clone(),
        detail: event.detail.clone(),
        fingerprint: event.fingerprint.clone(),
    }
}

/// True when a receipt is the last word about an alert.
pub(crate) const fn is_final(receipt: &Receipt) -> bool {
    match receipt.outcome {
        Outcome::Queued => false,
        Outcome::Delivered | Outcome::Dropped { .. } => true,
    }
}
