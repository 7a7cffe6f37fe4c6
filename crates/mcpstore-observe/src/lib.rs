//! Watches over a supervisor: fires alerts and has them delivered, and keeps what happened on disk.
//!
//! An [`Observer`] reads what a [`mcpstore_runtime::Supervisor`] publishes and changes nothing about it: it can be left out,
//! and nothing that runs would notice. What it keeps survives the manager: after a kill the next one goes on with the
//! alerts that fire, the silences, the deliveries that are owed, and the availability of the last day.

mod config;
mod facts;
mod keep;
mod observer;
mod restore;
mod samples;
mod task;

pub use config::ObserverConfig;
pub use observer::{AlertsReport, ObserveError, Observer};

pub use mcpstore_alerts::SinkStatus;
pub use mcpstore_history::{NoticeRecord, Record};
pub use mcpstore_monitor::{AlertView, Silence, SilenceError};
