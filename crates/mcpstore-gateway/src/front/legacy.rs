//! What a session of 2024-11-05 is bound to: its one stream.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use crate::outlet::Outlet;

/// Ways into the one stream of a session of 2024-11-05.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// For what comes before answers, and for what belongs to none.
    pub(crate) notices: Outlet,
    /// For answers.
    pub(crate) answers: mpsc::Sender<Bytes>,
    /// One seat for each request that may be under way.
    pub(crate) seats: Arc<Semaphore>,
}
