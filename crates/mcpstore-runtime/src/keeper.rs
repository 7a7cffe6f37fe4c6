//! Writes lists down as they change, behind everything else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcpstore_types::{ServiceName, ServiceSpec};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::known::{self, KnownLists, ListStore};

/// The lists of one service come one after the other: they are written down together.
const PAUSE: Duration = Duration::from_millis(200);

/// What is to be written: the last of each service.
type Waiting = BTreeMap<ServiceName, (Arc<ServiceSpec>, Arc<KnownLists>)>;

/// Where lists are kept, and what of them is still to be written.
pub(crate) struct Keeper {
    store: Arc<dyn ListStore>,
    waiting: Mutex<Waiting>,
    more: Notify,
}

impl Keeper {
    pub(crate) fn new(store: Arc<dyn ListStore>) -> Self {
        Self { store, waiting: Mutex::default(), more: Notify::new() }
    }

    /// Where they are kept.
    pub(crate) fn store(&self) -> &Arc<dyn ListStore> {
        &self.store
    }

    /// Has the lists of a service written down soon.
    pub(crate) fn keep(&self, spec: &Arc<ServiceSpec>, known: &Arc<KnownLists>) {
        let what = (Arc::clone(spec), Arc::clone(known));
        self.waiting().insert(spec.name.clone(), what);
        self.more.notify_one();
    }

    /// Writes until it is over, and then what is still to be written.
    pub(crate) async fn run(self: Arc<Self>, over: CancellationToken) {
        loop {
            let pause = async {
                self.more.notified().await;
                sleep(PAUSE).await;
            };
            let goes_on = over.run_until_cancelled(pause).await.is_some();
            let waiting = std::mem::take(&mut *self.waiting());
            let store = Arc::clone(&self.store);
            let write = move || {
                for (service, (spec, known)) in waiting {
                    match known::write(&spec, &known) {
                        Some(bytes) => store.write(&service, &bytes),
                        None => tracing::info!(%service, "its lists are too large to be kept"),
                    }
                }
            };
            if !goes_on {
                // Nothing else runs any more that it could hold up, and threads for blocking work may be gone already.
                return write();
            }
            if let Err(error) = spawn_blocking(write).await {
                tracing::warn!(%error, "lists could not be kept");
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Whole after every change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
