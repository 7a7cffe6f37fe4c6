//! The manager's own log.

use mcpstore_types::AlertSeverity;

use super::{Sink, SinkError};
use crate::alert::{Alert, AlertStatus};

/// Writes alerts to the log, each at the level of its severity; what is over, at `info`. Of the detail its first line: a log has
/// one line an alert.
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
            detail = $alert.detail.lines().next().unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt as _;
    use mcpstore_types::AlertKind;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Keeps the fields of every event.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<(String, String)>>>);

    impl Visit for Kept {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.lock().unwrap().push((field.name().to_owned(), format!("{value:?}")));
        }
    }

    impl Subscriber for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_line_has_the_first_line_of_the_detail() {
        let kept = Kept::default();
        let told = |detail: &str| {
            let mut alert = Alert::new("i", AlertKind::GaveUp, "web", AlertStatus::Firing);
            alert.detail = detail.to_owned();
            tracing::subscriber::with_default(kept.clone(), || Log.deliver(&alert).now_or_never()).unwrap().unwrap();
            let fields = std::mem::take(&mut *kept.0.lock().unwrap());
            fields.into_iter().find(|(name, _)| name == "detail").map(|(_, value)| value)
        };
        assert_eq!(told("exit code 3\n  stderr | a\n  stderr | b").as_deref(), Some("\"exit code 3\""));
        assert_eq!(told("").as_deref(), Some("\"\""));
    }
}
