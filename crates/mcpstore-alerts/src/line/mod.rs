//! One sink's queue, and the task that empties it in order.

#[cfg(test)]
mod prop;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mcpstore_types::SinkSpec;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::alert::{Alert, AlertStatus};
use crate::options::Options;
use crate::sink::{self, Sink, SinkError, Unusable};
use crate::status::{Outcome, Receipt, SinkStatus};
use crate::wait::{asked, backoff, unix_ms};

/// One sink's queue. The alert under way stays its head until it is over.
pub(crate) struct Line {
    name: String,
    options: Arc<Options>,
    state: Mutex<State>,
    /// Something came into the queue.
    filled: Notify,
    /// Whoever waits between two attempts shall go on.
    hurried: Notify,
}

struct State {
    spec: SinkSpec,
    sink: Arc<dyn Sink>,
    queue: VecDeque<Alert>,
    /// Places kept for alerts whose `Queued` is being told.
    reserved: usize,
    closing: bool,
    sent_total: u64,
    failed_attempts_total: u64,
    dropped_total: u64,
    last_error: Option<String>,
    last_sent_ms: Option<u64>,
    next_attempt_ms: Option<u64>,
}

impl Line {
    pub(crate) fn new(spec: SinkSpec, options: Arc<Options>) -> Self {
        let sink = built(&spec, &options);
        Self::with(spec, sink, options)
    }

    fn with(spec: SinkSpec, sink: Arc<dyn Sink>, options: Arc<Options>) -> Self {
        let state = State {
            spec,
            sink,
            queue: VecDeque::new(),
            reserved: 0,
            closing: false,
            sent_total: 0,
            failed_attempts_total: 0,
            dropped_total: 0,
            last_error: None,
            last_sent_ms: None,
            next_attempt_ms: None,
        };
        let name = state.spec.name.clone();
        Self { name, options, state: Mutex::new(state), filled: Notify::new(), hurried: Notify::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Held for a few instructions only, never while somebody else is called or waited for.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sink as it is now.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.lock().sink)
    }

    /// Takes an alert into the queue, when it is for this sink. Never waits.
    pub(crate) fn push(&self, alert: &Alert) {
        let refused = {
            let mut state = self.lock();
            if !wants(&state.spec, alert) {
                return;
            }
            let refused = state.refuses(self.options.queue);
            state.reserved += usize::from(refused.is_none());
            refused
        };
        if let Some(error) = refused {
            return self.drop_alert(alert, error);
        }
        // Told before the task can see it: `Queued` is the first of its receipts.
        self.tell(alert, Outcome::Queued);
        let mut state = self.lock();
        state.reserved -= 1;
        state.queue.push_back(alert.clone());
        drop(state);
        self.filled.notify_one();
    }

    /// Takes back alerts of an earlier run; their `Queued` was told then.
    pub(crate) fn restore(&self, alerts: Vec<Alert>) -> usize {
        let mut taken = 0;
        for alert in alerts {
            let refused = {
                let mut state = self.lock();
                let refused = state.refuses(self.options.queue);
                if refused.is_none() {
                    state.queue.push_back(alert.clone());
                    taken += 1;
                }
                refused
            };
            if let Some(error) = refused {
                self.drop_alert(&alert, error);
            }
        }
        self.filled.notify_one();
        taken
    }

    /// Other settings under the same name: what waits goes to the new sink, at once.
    pub(crate) fn change(&self, spec: SinkSpec) {
        if self.lock().spec == spec {
            return;
        }
        let sink = built(&spec, &self.options);
        let mut state = self.lock();
        (state.spec, state.sink) = (spec, sink);
        drop(state);
        self.hurried.notify_one();
    }

    /// Takes no more. The task tries what waits until something fails, and ends.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.filled.notify_one();
        self.hurried.notify_one();
    }

    /// Takes out what is left. Only after the task has ended.
    pub(crate) fn take_rest(&self) -> Vec<Alert> {
        let mut state = self.lock();
        state.next_attempt_ms = None;
        std::mem::take(&mut state.queue).into()
    }

    /// Drops what is left. Only after [`Line::close`].
    pub(crate) fn drop_rest(&self, error: &str) {
        for alert in self.take_rest() {
            self.drop_alert(&alert, error.to_owned());
        }
    }

    pub(crate) fn undelivered(&self) -> Vec<Alert> {
        self.lock().queue.iter().cloned().collect()
    }

    pub(crate) fn status(&self) -> SinkStatus {
        let state = self.lock();
        SinkStatus {
            name: self.name.clone(),
            kind: state.spec.kind.word().to_owned(),
            queued: state.queue.len(),
            sent_total: state.sent_total,
            failed_attempts_total: state.failed_attempts_total,
            dropped_total: state.dropped_total,
            last_error: state.last_error.clone(),
            last_sent_ms: state.last_sent_ms,
            next_attempt_ms: state.next_attempt_ms,
        }
    }

    /// Delivers what comes until the line is closed.
    ///
    /// # Cancel safety
    /// Dropped half-way, the head of the queue stays; its receiver may have it.
    pub(crate) async fn run(&self) {
        let mut failures = 0;
        loop {
            let (head, sink, closing) = {
                let state = self.lock();
                (state.queue.front().cloned(), Arc::clone(&state.sink), state.closing)
            };
            let Some(alert) = head else {
                if closing {
                    return;
                }
                self.filled.notified().await;
                continue;
            };
            let Some(wait) = self.attempt(&*sink, &alert, &mut failures).await else { continue };
            if self.lock().closing {
                return;
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = self.hurried.notified() => failures = 0,
            }
            self.lock().next_attempt_ms = None;
        }
    }

    /// Tries the head of the queue once. `Some`: how long to wait before anything is tried again.
    async fn attempt(&self, sink: &dyn Sink, alert: &Alert, failures: &mut u32) -> Option<Duration> {
        let Err(error) = sink.deliver(alert).await else {
            *failures = 0;
            let mut state = self.lock();
            // Nothing there: it was taken out as the sink was, and is dropped already.
            state.queue.pop_front()?;
            state.sent_total += 1;
            state.last_error = None;
            state.last_sent_ms = Some(unix_ms(SystemTime::now()));
            drop(state);
            self.tell(alert, Outcome::Delivered);
            return None;
        };
        *failures = failures.saturating_add(1);
        let now_ms = unix_ms(SystemTime::now());
        let wait = self.wait(&error, *failures);
        let mut state = self.lock();
        state.failed_attempts_total += 1;
        state.last_error = Some(error.message.clone());
        state.next_attempt_ms = wait.map(|wait| now_ms.saturating_add(wait.as_millis().try_into().unwrap_or(u64::MAX)));
        let too_old = Duration::from_millis(now_ms.saturating_sub(alert.at_ms)) >= self.options.give_up_after;
        let over = error.permanent || too_old;
        if over {
            state.queue.pop_front()?;
        }
        drop(state);
        if *failures == 1 && !over {
            tracing::warn!(
                sink = self.name,
                error = error.message,
                "an alert could not be delivered; it is tried again"
            );
        }
        if over {
            let age = if error.permanent { "" } else { "too old to be tried again; at last: " };
            self.drop_alert(alert, format!("{age}{}", error.message));
        }
        if error.permanent {
            // The receiver is there and has judged: the next one need not wait.
            *failures = 0;
        }
        wait
    }

    fn wait(&self, error: &SinkError, failures: u32) -> Option<Duration> {
        match error.retry_after {
            _ if error.permanent => None,
            Some(after) => Some(asked(&self.options, after)),
            None => Some(backoff(&self.options, failures, &self.name)),
        }
    }

    fn drop_alert(&self, alert: &Alert, error: String) {
        let mut state = self.lock();
        state.dropped_total += 1;
        state.last_error = Some(error.clone());
        drop(state);
        tracing::warn!(sink = self.name, id = alert.id, error, "an alert was dropped");
        self.tell(alert, Outcome::Dropped { error });
    }

    fn tell(&self, alert: &Alert, outcome: Outcome) {
        tell(&self.options, &self.name, alert, outcome);
    }
}

impl State {
    fn refuses(&self, most: usize) -> Option<String> {
        if self.closing {
            return Some("the delivery has ended".to_owned());
        }
        (self.queue.len() + self.reserved >= most).then(|| format!("{most} alerts wait for it already"))
    }
}

/// Tells what became of an alert, if anybody listens.
pub(crate) fn tell(options: &Options, sink: &str, alert: &Alert, outcome: Outcome) {
    if let Some(on_receipt) = &options.on_receipt {
        let (sink, id) = (sink.to_owned(), alert.id.clone());
        on_receipt(Receipt { sink, id, status: alert.status, at_ms: alert.at_ms, outcome });
    }
}

/// A sink that cannot be, drops everything with the reason.
fn built(spec: &SinkSpec, options: &Options) -> Arc<dyn Sink> {
    sink::build(spec, options).unwrap_or_else(|error| Arc::new(Unusable(error)))
}

/// Whether an alert is for this sink. A test is for all.
fn wants(spec: &SinkSpec, alert: &Alert) -> bool {
    alert.status == AlertStatus::Test
        || (alert.severity >= spec.min_severity
            && (spec.only.is_empty() || spec.only.contains(&alert.kind))
            && (spec.send_resolved || alert.status != AlertStatus::Resolved))
}
