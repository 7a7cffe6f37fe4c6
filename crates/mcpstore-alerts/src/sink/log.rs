//! The manager's own log.

use mcpstore_types::AlertSeverity;

use super::{Sink, SinkError};
use crate::alert::{Alert, AlertStatus};

/// Writes alerts to the log, each at the level of its severity; what is over, at `info`.
pub(crate) struct Log;

macro_rules! told {
    ($level:ident, $alert:expr) => {
        tracing::$level!(
            target: "mcpstore::alert",
            service = $alert.service,
            kind = $alert.kind.as_str(),
            status = $alert.status.as_str(),
            id = $alert.id,
            value = $alert.value,
            detail = $alert.detail,
            "{}",
            $alert.summary
        )
    };
}

#[async_trait::async_trait]
impl Sink for Log {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        match (alert.status, alert.severity) {
            (AlertStatus::Resolved | AlertStatus::Test, _) => told!(info, alert),
            (_, AlertSeverity::Critical) => told!(error, alert),
            (_, AlertSeverity::Warning) => told!(warn, alert),
            (_, AlertSeverity::Info) => told!(info, alert),
        }
        Ok(())
    }
}
