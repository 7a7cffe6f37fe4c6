//! When a life that nobody uses is stopped, until somebody does.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_transport::Session;
use mcpstore_types::ServiceSpec;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};

/// How soon it is looked again where requests are under way that no call of ours stands for.
const LOOK: Duration = Duration::from_secs(1);

/// What a sleeper works with.
pub(crate) struct Sleeper {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) reporter: Reporter,
}

impl Sleeper {
    /// Says of the life that has just become ready when nobody has used it for as long as its policy says, and again after
    /// as long when it was left up all the same. Goes on until cancelled.
    pub(crate) async fn run(mut self) {
        let ready = Instant::now();
        let mut told = None;
        loop {
            let idle_stop = self.specs.borrow_and_update().idle_stop;
            let since = [Some(ready), self.monitor.in_use.last(), told].into_iter().flatten().max();
            let rest = idle_stop.map(|idle| idle.saturating_sub(since.unwrap_or(ready).elapsed()));
            let changed = match rest {
                None => self.specs.changed().await,
                Some(rest) if !rest.is_zero() => tokio::select! {
                    () = sleep(rest) => Ok(()),
                    changed = self.specs.changed() => changed,
                },
                Some(_) if !self.monitor.in_use.is_free() => tokio::select! {
                    () = self.monitor.in_use.left.notified() => Ok(()),
                    changed = self.specs.changed() => changed,
                },
                Some(_) if self.monitor.is_busy(self.session.as_ref()) => {
                    sleep(LOOK).await;
                    Ok(())
                }
                Some(_) => {
                    self.reporter.send(News::Idle).await;
                    told = Some(Instant::now());
                    Ok(())
                }
            };
            if changed.is_err() {
                // Its senders outlive this life: the whole supervisor goes.
                return std::future::pending().await;
            }
        }
    }
}
