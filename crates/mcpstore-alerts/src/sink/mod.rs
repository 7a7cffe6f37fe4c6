//! Where alerts go.

mod command;
#[cfg(feature = "desktop")]
mod desktop;
mod log;
#[cfg(feature = "mail")]
mod mail;
mod process;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::{SinkKind, SinkSpec};

use crate::alert::Alert;
use crate::options::Options;

/// One place that takes alerts.
#[cfg_attr(test, mockall::automock)]
#[async_trait::async_trait]
pub(crate) trait Sink: Send + Sync {
    /// Hands an alert over, once. It bounds its own time.
    ///
    /// # Errors
    /// [`SinkError`]: the receiver has not taken it, or nobody knows.
    ///
    /// # Cancel safety
    /// Dropped half-way, it leaves no process behind; the receiver may have the alert.
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError>;
}

/// Why an alert was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SinkError {
    /// Trying again would change nothing.
    pub(crate) permanent: bool,
    /// How long the receiver asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// What happened. Without secrets.
    pub(crate) message: String,
}

impl SinkError {
    /// It may work later.
    pub(crate) fn passing(message: impl Into<String>) -> Self {
        Self { permanent: false, retry_after: None, message: message.into() }
    }

    /// It never will.
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self { permanent: true, retry_after: None, message: message.into() }
    }
}

/// The sink for a spec.
///
/// # Errors
/// Why there can be none, in words that name no secret.
pub(crate) fn build(spec: &SinkSpec, options: &Options) -> Result<Arc<dyn Sink>, String> {
    match &spec.kind {
        SinkKind::Log => Ok(Arc::new(log::Log)),
        SinkKind::Webhook { url, template, headers, sign_key } => {
            Ok(Arc::new(webhook::Webhook::new(url, *template, headers, sign_key.as_ref(), options)?))
        }
        SinkKind::Command { command, args } => Ok(Arc::new(command::Command::new(command, args, options)?)),
        #[cfg(feature = "desktop")]
        SinkKind::Desktop => Ok(Arc::new(desktop::Desktop::new(options))),
        #[cfg(feature = "mail")]
        SinkKind::Mail { server, from, to } => Ok(Arc::new(mail::Mail::new(server, from, to, options)?)),
        other => Err(format!("built without the feature `{}`", other.word())),
    }
}

/// Stands where a sink cannot be: whatever comes is dropped, with the reason.
pub(crate) struct Unusable(pub(crate) String);

#[async_trait::async_trait]
impl Sink for Unusable {
    async fn deliver(&self, _alert: &Alert) -> Result<(), SinkError> {
        Err(SinkError::permanent(self.0.clone()))
    }
}
