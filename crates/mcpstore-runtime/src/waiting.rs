//! What a service waits for outside before each start: watched while it waits, and told when all of it is there.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::{Input, backoff_delay, jitter_key};
use mcpstore_transport::{Outside, OutsideError};
use mcpstore_types::{Backoff, ServiceName, ServiceSpec, WaitCondition};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::msg::Msg;
use crate::owner::Owner;

/// How long one look at one condition may take.
const LOOK: Duration = Duration::from_secs(3);
/// Between two looks: at first half a second, then up to two; spread, so that many who wait do not look at once.
const PAUSES: Backoff =
    Backoff { delay: Duration::from_millis(500), max_delay: Duration::from_secs(2), jitter_percent: 20 };
/// After so many the pauses grow no more.
const LONGEST_AFTER: u32 = 8;

/// A service that waits. Dropped, nobody watches any more.
pub(crate) struct Waiting {
    /// Which of all waits of all services.
    id: u64,
    /// Which of this service's waits.
    wait: u64,
    /// What was missing at the last look, in words.
    pub(crate) missing: Option<Arc<str>>,
    _watcher: DropGuard,
}

impl Owner {
    /// Watches what `service` waits for, as its spec has it now, in the place of whatever was watched before.
    pub(crate) fn begin_wait(&mut self, service: &ServiceName, wait: u64) {
        self.last_wait += 1;
        let id = self.last_wait;
        let key = jitter_key(self.fleet.seed(), service);
        let Some(record) = self.records.get_mut(service) else { return };
        let cancel = CancellationToken::new();
        record.waiting = Some(Waiting { id, wait, missing: None, _watcher: cancel.clone().drop_guard() });
        let watcher = Watcher {
            spec: Arc::clone(&record.spec),
            outside: Arc::clone(&self.shared.outside),
            key,
            id,
            inbox: self.inbox.clone(),
        };
        self.helpers.spawn(async move {
            cancel.run_until_cancelled(watcher.watch()).await;
        });
    }

    /// Takes in what a look found: nothing is missing any more, or this is.
    pub(crate) fn waited(&mut self, service: &ServiceName, id: u64, missing: Option<String>) {
        let Some(record) = self.records.get_mut(service) else { return };
        let Some(waiting) = record.waiting.as_mut().filter(|waiting| waiting.id == id) else {
            tracing::debug!(%service, "word of a wait that is over");
            return;
        };
        self.turn.touched.insert(service.clone());
        if let Some(missing) = missing {
            waiting.missing = Some(Arc::from(missing.as_str()));
            self.set_words(service, Some(format!("waiting for {missing}")), false);
            return;
        }
        let wait = waiting.wait;
        record.waiting = None;
        self.set_words(service, None, false);
        self.apply_quietly(Input::ConditionsMet { service: service.clone(), wait });
    }
}

/// What watches for one wait of one service.
struct Watcher {
    spec: Arc<ServiceSpec>,
    outside: Arc<dyn Outside>,
    key: u64,
    id: u64,
    /// Weak, as every helper's.
    inbox: mpsc::WeakSender<Msg>,
}

impl Watcher {
    /// Looks again and again, until all of it is there at one look.
    async fn watch(self) {
        let mut told: Option<String> = None;
        for look in 1_u32.. {
            let missing = self.look().await;
            let over = missing.is_none();
            if over || missing != told {
                self.tell(missing.clone()).await;
                told = missing;
            }
            if over {
                return;
            }
            sleep(backoff_delay(&PAUSES, self.key, look.min(LONGEST_AFTER))).await;
        }
    }

    /// Looks at all conditions at once; tells the first one in the order of the config that does not hold.
    async fn look(&self) -> Option<String> {
        let mut looks = JoinSet::new();
        for (at, what) in self.spec.wait_for.iter().cloned().enumerate() {
            let (outside, service) = (Arc::clone(&self.outside), self.spec.name.clone());
            looks.spawn(async move {
                let missing = outside.ask(&service, &what, LOOK).await.err();
                missing.map(|error| (at, words(&what, &error)))
            });
        }
        let mut missing: Vec<_> = looks.join_all().await.into_iter().flatten().collect();
        missing.sort_unstable();
        missing.into_iter().next().map(|(_, words)| words)
    }

    async fn tell(&self, missing: Option<String>) {
        let msg = Msg::Waited { service: self.spec.name.clone(), id: self.id, missing };
        if let Some(inbox) = self.inbox.upgrade() {
            // As with every helper: an owner that is gone need not be told.
            let _ = inbox.send(msg).await;
        }
    }
}

fn words(what: &WaitCondition, error: &OutsideError) -> String {
    format!("{what}: {error}")
}
