//! The verbs.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_runtime::{
    CallFailure, CommandError, EventStream, Goal, HealthReport, MetricsReport, Reply, ServiceInfo, ServiceMetrics,
    Supervisor, SupervisorConfig, WaitError,
};
use mcpstore_transport::Tool;
use mcpstore_types::{ServiceName, ServiceSpec, SpecDelta, Status};
use serde_json::value::RawValue;

/// A store of MCP services: the verbs of the seed, each one call.
///
/// Cheap to clone; every clone is the same store. Verbs that change something wait until the change is done; dropping such
/// a future ends the wait, not the change. [`McpStore::supervisor`] has the same verbs without the wait, and more.
/// When the last clone is dropped, what still runs is killed: call [`McpStore::stop_all`] for a stop in good order.
#[derive(Clone, Debug)]
pub struct McpStore {
    supervisor: Supervisor,
}

impl McpStore {
    /// An empty store with every default, as a task of the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::with_config(SupervisorConfig::default())
    }

    /// An empty store set up in this way.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn with_config(config: SupervisorConfig) -> Self {
        Self { supervisor: Supervisor::launch(config) }
    }

    /// The supervisor behind it: the same verbs without the wait, events, snapshots.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Registers a service. What it depends on must be registered already; see [`McpStore::add_services`] for many.
    ///
    /// # Errors
    /// [`CommandError`]: the name is taken, a dependency is unknown (with the nearest known name), or a cycle would close.
    pub async fn add_service(&self, spec: ServiceSpec) -> Result<(), CommandError> {
        self.add_services(vec![spec]).await
    }

    /// Registers services that may depend on each other; all or none.
    ///
    /// # Errors
    /// [`CommandError`], which then names every problem.
    pub async fn add_services(&self, specs: Vec<ServiceSpec>) -> Result<(), CommandError> {
        self.supervisor.add(specs).await.map(drop)
    }

    /// Removes a service; an active one only with `force`, which stops it first.
    ///
    /// # Errors
    /// [`WaitError`]: it is active, unknown, or another service depends on it.
    pub async fn remove_service(&self, name: &ServiceName, force: bool) -> Result<(), WaitError> {
        self.supervisor.remove_and_wait(name, force).await
    }

    /// Starts a service and what it needs, and waits until it runs.
    ///
    /// # Errors
    /// [`WaitError`]: unknown, or it (or what it needs) failed for good, with the cause.
    pub async fn start_service(&self, name: &ServiceName) -> Result<(), WaitError> {
        self.supervisor.start_and_wait(name).await.map(drop)
    }

    /// Stops a service, what cannot be without it first, and waits until it is down. With `force` it is killed at once.
    ///
    /// # Errors
    /// [`WaitError`]: unknown.
    pub async fn stop_service(&self, name: &ServiceName, force: bool) -> Result<(), WaitError> {
        self.supervisor.stop_and_wait(name, force).await.map(drop)
    }

    /// Restarts a service and waits until its next life runs.
    ///
    /// # Errors
    /// As [`McpStore::start_service`].
    pub async fn restart_service(&self, name: &ServiceName) -> Result<(), WaitError> {
        self.supervisor.restart_and_wait(name, false).await.map(drop)
    }

    /// Starts every enabled service, each the moment its dependencies are there, and waits until each runs or came to rest.
    ///
    /// # Errors
    /// [`WaitError`] when the command was rejected as a whole. Whether a single service failed stands in the result.
    pub async fn start_all(&self) -> Result<Vec<Arc<ServiceInfo>>, WaitError> {
        self.supervisor.start_all_and_wait().await
    }

    /// Stops every service in reverse order and waits until all are down. With `force` they are killed at once.
    ///
    /// # Errors
    /// [`WaitError`] when the supervisor is gone.
    pub async fn stop_all(&self, force: bool) -> Result<Vec<Arc<ServiceInfo>>, WaitError> {
        self.supervisor.stop_all_and_wait(force).await
    }

    /// Takes over what changed in the specs, all of it or none, and waits until it is done. Compare with
    /// [`Supervisor::specs`]; `start_added`: the services were started, so new ones are started too. What becomes of each
    /// service stands in [`Reply::outcomes`].
    ///
    /// # Errors
    /// [`WaitError::Command`]: it was rejected as a whole, and nothing changed; see [`Supervisor::apply`].
    pub async fn apply(&self, delta: SpecDelta, start_added: bool) -> Result<Reply, WaitError> {
        self.supervisor.apply_and_wait(delta, start_added).await
    }

    /// Waits until a service is where `goal` says; `limit` bounds the wait.
    ///
    /// # Errors
    /// [`WaitError`]: unknown, came to rest elsewhere, or the time was up.
    pub async fn wait_service(&self, name: &ServiceName, goal: Goal, limit: Option<Duration>) -> Result<(), WaitError> {
        self.supervisor.wait(name, goal, limit).await.map(drop)
    }

    /// The state of a service and what stands beside it; `None`: no such service.
    #[must_use]
    pub fn service_status(&self, name: &str) -> Option<Status> {
        self.supervisor.info(name).map(|info| info.status.clone())
    }

    /// Everything about a service: spec, status, pid, tools, last words; `None`: no such service.
    #[must_use]
    pub fn service_info(&self, name: &str) -> Option<Arc<ServiceInfo>> {
        self.supervisor.info(name)
    }

    /// Every service, in order of registration.
    #[must_use]
    pub fn list_services(&self) -> Vec<Arc<ServiceInfo>> {
        self.supervisor.snapshot().services().to_vec()
    }

    /// The names in the order in which services start; the reverse is the order in which they stop.
    #[must_use]
    pub fn start_order(&self) -> Arc<[ServiceName]> {
        self.supervisor.start_order()
    }

    /// The tools of one service, or of all running ones.
    ///
    /// # Errors
    /// [`CallFailure`]: unknown, or not running.
    pub fn list_tools(&self, service: Option<&str>) -> Result<Vec<(ServiceName, Tool)>, CallFailure> {
        self.supervisor.list_tools(service)
    }

    /// Calls a tool with a JSON object as arguments, and returns the server's result object as it came.
    ///
    /// # Errors
    /// [`CallFailure`], which names the service.
    pub async fn call_tool(&self, service: &str, tool: &str, arguments: &str) -> Result<Box<RawValue>, CallFailure> {
        self.supervisor.call_tool_text(service, tool, arguments).await
    }

    /// Probes every running service now, and reports on all.
    pub async fn check_services(&self) -> Vec<HealthReport> {
        self.supervisor.check_services().await
    }

    /// Checks and response times of a service over the last `over`, or over all kept samples; `None`: no such service.
    #[must_use]
    pub fn service_metrics(&self, name: &str, over: Option<Duration>) -> Option<ServiceMetrics> {
        self.supervisor.metrics(name, over)
    }

    /// Everything measured of all services: calls and latencies per tool, availability, restarts, processes, circuits.
    #[must_use]
    pub fn metrics(&self) -> MetricsReport {
        self.supervisor.metrics_report()
    }

    /// What happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> EventStream {
        self.supervisor.subscribe()
    }
}

impl Default for McpStore {
    fn default() -> Self {
        Self::new()
    }
}
