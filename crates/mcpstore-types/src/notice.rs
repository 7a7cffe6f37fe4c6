//! Something happened.

use std::sync::Arc;

use crate::{Incarnation, PhaseName, Reason, ServiceName, ServiceState, Timestamp};

/// One step of one service, as published on the event stream.
///
/// `from` and `to` are public states; they are equal when only the phase changed. A compound move is published step by
/// step, so that a subscriber sees nothing but the twenty public edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its place in the stream: 1, 2, 3, … without a gap.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// To whom.
    pub service: ServiceName,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// The public state before; `None`: it was just registered.
    pub from: Option<ServiceState>,
    /// The public state after; `None`: it was removed.
    pub to: Option<ServiceState>,
    /// The phase after.
    pub phase: PhaseName,
    /// What brought it there.
    pub reason: Reason,
    /// The same for people: the server's own words, the tail of its stderr, the name of the dependency.
    pub detail: Option<Arc<str>>,
}
