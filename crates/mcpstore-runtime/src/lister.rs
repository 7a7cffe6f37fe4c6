//! The tools of one life: listed once it answers, and again whenever it says that they changed.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, Session, ToolList, list_tools};
use mcpstore_types::ServiceSpec;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::detail::error_chain;
use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};

/// A storm of `list_changed` ends in refreshes no closer than this.
const REFRESH_PAUSE: Duration = Duration::from_millis(500);
/// All pages of a list together may take so many times what one request may take.
const WHOLE_LIST: u32 = 6;

/// What a lister works with.
pub(crate) struct Lister {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) reporter: Reporter,
}

impl Lister {
    /// Lists once told to, says so once the first list is over, and goes on for ever. The task around it is cancelled.
    pub(crate) async fn run(self, start: oneshot::Receiver<()>, listed_once: oneshot::Sender<()>) {
        // Nobody tells it to start when the probes are over: then it is over too.
        if start.await.is_err() {
            return;
        }
        let mut changes = self.session.changes();
        changes.mark_unchanged();
        let mut ok = self.list().await;
        let _ = listed_once.send(());
        loop {
            self.until_due(&mut changes, ok).await;
            ok = self.list().await;
            sleep(REFRESH_PAUSE).await;
        }
    }

    /// Waits until the server says that its tools changed; after a failure at most until the next try is due.
    async fn until_due(&self, changes: &mut watch::Receiver<u64>, ok: bool) {
        let changed = async {
            if changes.changed().await.is_err() {
                // The session is gone: nothing changes any more, and its end is told by others.
                std::future::pending::<()>().await;
            }
        };
        if ok {
            changed.await;
        } else {
            let interval = self.specs.borrow().policy.health.interval;
            let _ = timeout(interval, changed).await;
        }
    }

    async fn list(&self) -> bool {
        let tools = self.ask().await.map_err(|error| error_chain(&error));
        let ok = tools.is_ok();
        self.reporter.send(News::Tools(tools)).await;
        ok
    }

    async fn ask(&self) -> Result<ToolList, CallError> {
        if !self.session.server().has_tools {
            return Ok(ToolList::default());
        }
        let page = self.specs.borrow().policy.timeouts.list;
        let limits = CallLimits::new(page, page.saturating_mul(WHOLE_LIST));
        let _own = self.monitor.own_request();
        list_tools(self.session.as_ref(), limits).await
    }
}
