//! What the pages are made from.

use async_trait::async_trait;
use mcpstore_types::{ServiceName, ServiceState};
use serde::Serialize;

use crate::accept::Format;

/// What the pages are made from.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The metrics page in this format.
    fn metrics(&self, format: Format) -> String;

    /// Whether the manager answers. It is given a second; what it leaves behind when that is over must not matter.
    async fn liveness(&self) -> Liveness;

    /// Whether the services that should be up are ready, or this one is. Waits for nobody.
    fn readiness(&self, service: Option<&str>) -> Readiness;
}

/// Whether the manager answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Liveness {
    /// It does.
    pub live: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether services are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// All of them are.
    pub ready: bool,
    /// Those that were asked for, in order of registration; without a name, all that are enabled and should be up.
    pub services: Vec<ServiceReadiness>,
    /// There is no such service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Readiness {
    /// The readiness of these services together.
    #[must_use]
    pub fn of(services: Vec<ServiceReadiness>) -> Self {
        Self { ready: services.iter().all(|service| service.ready), services, unknown: None }
    }

    /// The answer for a name that no service has; `hint` may name the nearest.
    #[must_use]
    pub fn unknown(name: &str, hint: &str) -> Self {
        Self { ready: false, services: Vec::new(), unknown: Some(format!("no service `{name}`{hint}")) }
    }
}

/// Whether a service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceReadiness {
    /// Which.
    pub name: ServiceName,
    /// Its state.
    pub state: ServiceState,
    /// It is running, and its probes pass.
    pub ready: bool,
    /// Why not, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
