//! How a service fares: the verdict of its probes, and numbers over its last checks and calls.
//!
//! Pure: time and samples are arguments, nothing here waits, asks or measures. The verdict says what is so; what follows
//! from it is the core's to decide.
//!
//! - [`ProbeVerdict`]: probe outcomes in, [`mcpstore_types::Health`] out, and when to probe next.
//! - [`SampleWindow`]: availability and response times over the last health checks, as [`ServiceMetrics`].
//! - [`StateClock`]: time in each state, availability over windows, starts and restarts.
//! - [`Breaker`]: whether a call may go to a service that did not answer lately.
//! - [`render`]: a [`MetricsReport`] as a metrics page; [`MetricName`] says what stands on it.
//! - [`AlertEngine`]: observations in, alerts that fire and resolve out.
//! - [`ServiceMeter`]: what is counted of calls, per service and per tool, by many threads at once.

mod alert;
mod breaker;
mod error_kind;
mod exposition;
mod meter;
mod report;
mod ring;
mod spans;
mod state_clock;
mod verdict;
mod window;

pub use alert::{AlertEngine, AlertEvent, AlertStage, AlertStatus, AlertView, Observation, Silence, SilenceError};
pub use breaker::{Admit, Breaker, Ticket};
pub use error_kind::ErrorKind;
pub use exposition::{Format, MetricName, MetricType, MetricsExtra, SinkCounts, render};
pub use meter::{CallInFlight, CallMeter, CallStats, DURATION_BOUNDS_SECONDS, ServiceMeter, WindowStats};
pub use report::{
    Availability, CallReport, CheckReport, CircuitReport, CircuitState, LatencyReport, MetricsReport, ProcessReport,
    ServiceReport,
};
pub use state_clock::{PastSpan, StateClock};
pub use verdict::{ProbeOutcome, ProbeVerdict, VerdictChange};
pub use window::{Sample, SampleWindow, ServiceMetrics};
