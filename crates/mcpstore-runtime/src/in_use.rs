//! Who uses a service now, and since when nobody does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::monitor::ServiceMonitor;

/// Set while the service is being put to sleep: nobody comes in any more.
const SHUT: usize = 1 << (usize::BITS - 1);

/// The calls of one service under way. A service is put to sleep only while there are none, and none comes in from the
/// moment on at which that is decided: no call ever finds a server that is about to go.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    /// How many there are, and [`SHUT`].
    state: AtomicUsize,
    /// When the last one ended.
    last: Mutex<Option<Instant>>,
    /// The last one of several ended.
    pub(crate) left: Notify,
}

impl InUse {
    /// Nobody uses it now.
    pub(crate) fn is_free(&self) -> bool {
        self.state.load(Ordering::Acquire) & !SHUT == 0
    }

    /// When it was used last; `None`: never.
    pub(crate) fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nobody in any more, if nobody is in; false when somebody is.
    pub(crate) fn shut(&self) -> bool {
        self.state.compare_exchange(0, SHUT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Lets everybody in again.
    pub(crate) fn open(&self) {
        self.state.fetch_and(!SHUT, Ordering::AcqRel);
    }

    fn leave(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if self.state.fetch_sub(1, Ordering::AcqRel) & !SHUT == 1 {
            self.left.notify_one();
        }
    }
}

/// Somebody uses a service, for as long as this is kept.
pub(crate) struct Use(Arc<ServiceMonitor>);

impl Use {
    /// Begins to use it; `None` while it is being put to sleep.
    pub(crate) fn begin(monitor: &Arc<ServiceMonitor>) -> Option<Self> {
        let before = monitor.in_use.state.fetch_add(1, Ordering::AcqRel);
        if before & SHUT == 0 {
            return Some(Self(Arc::clone(monitor)));
        }
        monitor.in_use.state.fetch_sub(1, Ordering::AcqRel);
        None
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.in_use.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_shut_only_while_nobody_is_in_and_then_nobody_comes_in() {
        let monitor = Arc::new(ServiceMonitor::new(None));
        let (one, two) = (Use::begin(&monitor).unwrap(), Use::begin(&monitor).unwrap());
        assert!(!monitor.in_use.shut() && !monitor.in_use.is_free());
        drop(one);
        assert!(!monitor.in_use.shut());
        drop(two);
        monitor.in_use.left.notified().await;
        assert!(monitor.in_use.last().is_some() && monitor.in_use.shut());
        assert!(Use::begin(&monitor).is_none() && monitor.in_use.is_free());
        monitor.in_use.open();
        assert!(Use::begin(&monitor).is_some() && monitor.in_use.is_free());
    }
}
