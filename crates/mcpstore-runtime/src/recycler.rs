//! When a life that works is replaced by a fresh one: at an age, or at a size of its memory, between calls.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::{RecycleCause, Report};
use mcpstore_transport::Session;
use mcpstore_types::{Incarnation, RecyclePolicy, ServiceSpec};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};
use crate::usage::ProcessCell;

/// How long a life that is due waits for a moment without a call; then it is drained all the same.
const GRACE: Duration = Duration::from_secs(60);
/// How often it is looked for such a moment.
const LOOK: Duration = Duration::from_millis(50);

/// What a recycler works with.
pub(crate) struct Recycler {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) incarnation: Incarnation,
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) process: Arc<ProcessCell>,
    pub(crate) reporter: Reporter,
}

impl Recycler {
    /// Has the life that has just become ready replaced when it is due, once. Goes on until cancelled.
    pub(crate) async fn run(mut self) {
        let cause = self.due().await;
        let _ = timeout(GRACE, self.idle()).await;
        self.reporter.send(News::Report(Report::Recycle(cause))).await;
        // Once in a life: what the core passes over now, it has its reasons to.
        std::future::pending().await
    }

    /// Waits until it is due by its policy, which may change meanwhile.
    async fn due(&mut self) -> RecycleCause {
        let ready = Instant::now();
        let mut measured = self.process.changes();
        loop {
            let RecyclePolicy { max_memory, max_age } = self.specs.borrow_and_update().policy.recycle;
            if max_age.is_some_and(|age| ready.elapsed() >= age) {
                return RecycleCause::Age;
            }
            measured.mark_unchanged();
            let resident = self.process.report(self.incarnation).map(|report| report.resident_bytes);
            if max_memory.is_some_and(|most| resident.is_some_and(|resident| resident >= most)) {
                return RecycleCause::Memory;
            }
            let old = async {
                match max_age {
                    Some(age) => sleep(age.saturating_sub(ready.elapsed())).await,
                    None => std::future::pending().await,
                }
            };
            // Their senders outlive this life.
            tokio::select! {
                () = old => {}
                _ = measured.changed(), if max_memory.is_some() => {}
                changed = self.specs.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    /// Waits for a moment without a call.
    async fn idle(&self) {
        while self.monitor.is_busy(self.session.as_ref()) {
            sleep(LOOK).await;
        }
    }
}
