//! The service manager for MCP servers, as a library.
//!
//! [`McpStore`] registers services, starts them in dependency order, supervises them, and calls their tools:
//!
//! ```no_run
//! use mcpstore::{McpStore, ServiceName, ServiceSpec};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = McpStore::new();
//! let files = ServiceName::new("files")?;
//! store.add_service(ServiceSpec::stdio(files.clone(), "npx", ["-y", "@modelcontextprotocol/server-filesystem", "."])).await?;
//! store.start_service(&files).await?;
//! let result = store.call_tool("files", "list_directory", r#"{"path":"."}"#).await?;
//! println!("{}", result.get());
//! store.stop_all(false).await?;
//! # Ok(()) }
//! ```
//!
//! There is no logic in this crate: it puts the crates below together and re-exports what their users need. Who needs
//! one part alone takes that crate: [`config`], [`files`], [`graph`], [`state_machine`], [`transport`],
//! [`monitor`], [`runtime`], [`gateway`], [`observe`], [`history`], [`alerts`], [`console`].

mod load;
mod store;

pub use load::{LoadOptions, Loaded, load};
pub use mcpstore_alerts as alerts;
pub use mcpstore_config as config;
pub use mcpstore_console as console;
pub use mcpstore_core as state_machine;
pub use mcpstore_files as files;
pub use mcpstore_gateway as gateway;
pub use mcpstore_graph as graph;
pub use mcpstore_history as history;
pub use mcpstore_monitor as monitor;
pub use mcpstore_observe as observe;
pub use mcpstore_runtime as runtime;
pub use mcpstore_transport as transport;
pub use mcpstore_types as types;

pub use mcpstore_gateway::Gateway;
pub use mcpstore_graph::Plan;
pub use mcpstore_observe::{AlertsReport, Observer, ObserverConfig};
pub use mcpstore_runtime::{
    CallFailure, CommandError, EventStream, Goal, HealthReport, MetricsReport, Outcome, Reply, ServiceInfo,
    ServiceMetrics, ServiceReport, Snapshot, Supervisor, SupervisorConfig, Target, WaitError,
};
pub use mcpstore_transport::{AdapterSet, InProcess, Tool};
pub use mcpstore_types::{
    DepCondition, DepKind, Dependency, Health, Notice, Policy, RestartMode, RestartPolicy, ServiceName, ServiceSpec,
    ServiceState, SpecDelta, Status,
};
pub use store::McpStore;

/// The samples of the guide, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/getting-started.md")]
struct GettingStarted;
