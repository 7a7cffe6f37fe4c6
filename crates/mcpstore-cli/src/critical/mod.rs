//! `critical-chain`: which services, one after the other, made the start as slow as it was. Pure.

mod chain;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use mcpstore::{Dependency, ServiceName};
use serde::{Deserialize, Serialize};

pub(crate) use chain::{CriticalChain, Link, Steps, critical_chain};
pub(crate) use text::chain_text;

/// When each service did what on its last start, as one plain value that can travel over the control socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChainModel {
    /// In order of registration.
    pub(crate) services: Vec<ServiceStart>,
}

/// The last start of one service. All moments are in seconds from the start of the manager; one that was not reached is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceStart {
    pub(crate) service: ServiceName,
    pub(crate) depends_on: Vec<Dependency>,
    /// It was asked to start, or registered: it entered phase `wait`.
    pub(crate) asked: f64,
    /// Its launch began: it entered phase `spawn`.
    pub(crate) spawn: Option<f64>,
    /// Its process or connection was there: phase `init`.
    pub(crate) init: Option<f64>,
    /// Its handshake was done: phase `probe`.
    pub(crate) probe: Option<f64>,
    /// It was running: phase `ready`.
    pub(crate) ready: Option<f64>,
}
