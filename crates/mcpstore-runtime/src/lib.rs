//! The async supervisor: drives the pure core with real time and real servers.
//!
//! One task owns the fleet. It takes a closed set of inputs, hands each to [`mcpstore_core::Fleet::apply`], and executes
//! what comes out; every helper task reports back as an input that carries its incarnation. Readers never wait for it: a
//! [`Snapshot`] is one atomic load, events come from a bounded log, and a call goes from its caller to the server's
//! session without passing the owner.
//!
//! Needs a running tokio runtime with time and I/O enabled.

mod actions;
mod asleep;
mod call;
mod check;
mod client_sides;
mod clock;
mod config;
mod detail;
mod error;
mod events;
mod in_use;
mod keeper;
mod known;
mod life;
mod listener;
mod lister;
mod monitor;
mod msg;
mod notices;
mod offers;
mod owner;
mod probe;
mod prober;
mod publish;
mod recycler;
mod relay;
mod reload;
mod report;
mod sleeper;
mod snapshot;
mod standing;
mod start_times;
mod supervisor;
mod trace;
mod usage;
mod wait;
mod waiting;
mod wake;

pub use check::HealthReport;
pub use client_sides::ClientSides;
pub use clock::TokioClock;
pub use config::SupervisorConfig;
pub use error::{CallFailure, CommandError, WaitError};
pub use events::{EventStream, Events};
pub use known::{KnownLists, ListStore, MAX_KEPT_LISTS};
pub use mcpstore_core::{FleetConfig, Outcome, Rejected, Rejection, Reply, Target};
pub use mcpstore_monitor::{MetricsReport, ProcessReport, ServiceMetrics, ServiceReport};
pub use offers::Offers;
pub use relay::Relay;
pub use snapshot::{ServiceInfo, Snapshot};
pub use start_times::StartTimes;
pub use supervisor::Supervisor;
pub use trace::{CallTrace, CallTracer, TracedCall};
pub use wait::Goal;
pub use wake::{Held, StaysAwake};
