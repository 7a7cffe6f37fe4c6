//! Takes alerts, and hands each to every sink that it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use mcpstore_types::{SinkSpec, suggestion};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::alert::{Alert, AlertStatus};
use crate::line::{Line, tell};
use crate::options::Options;
use crate::sink;
use crate::status::{Outcome, SinkStatus};

/// Delivers alerts: one bounded queue and one task per sink. Dropped, it stops at once; see [`Delivery::shutdown`].
///
/// Every alert is delivered at least once, in the order of [`Delivery::send`] per sink, until it is older than
/// [`Options::give_up_after`]. Where an attempt was cut off after the receiver had the alert, it comes again with the same
/// [`Alert::key`].
pub struct Delivery {
    options: Arc<Options>,
    handle: Handle,
    lines: Mutex<Vec<Running>>,
}

struct Running {
    line: Arc<Line>,
    /// `None` once it was shut down.
    task: Option<AbortOnDropHandle<()>>,
}

impl Delivery {
    /// Starts a task per sink, on the runtime of the caller. Of several sinks with one name the first counts. A sink that
    /// cannot be ([`Delivery::check`]) drops everything, with the reason in its status.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(specs: Vec<SinkSpec>, options: Options) -> Self {
        let delivery = Self { options: Arc::new(options), handle: Handle::current(), lines: Mutex::default() };
        delivery.reconfigure(specs);
        delivery
    }

    /// What is wrong with these sinks, one sentence each; empty when nothing is. Reads nothing and connects to nobody.
    #[must_use]
    pub fn check(specs: &[SinkSpec]) -> Vec<String> {
        let (options, mut names) = (Options::default(), BTreeSet::new());
        let mut found = Vec::new();
        for spec in specs {
            let name = &spec.name;
            if !names.insert(name) {
                found.push(format!("sink `{name}`: there is another one of this name"));
            }
            found.extend(sink::build(spec, &options).err().map(|error| format!("sink `{name}`: {error}")));
        }
        found
    }

    /// Takes an alert, within its bounds ([`Alert::bounded`]), into the queue of every sink that it is for. Never waits for a
    /// sink and never fails; what a full queue refuses is counted.
    pub fn send(&self, alert: Alert) {
        let alert = alert.bounded();
        for line in self.lines() {
            line.push(&alert);
        }
    }

    /// Other sinks from now on. One whose name stays keeps its queue and its counts; what waits goes to its new settings.
    /// What waits for a sink that is gone is dropped.
    pub fn reconfigure(&self, specs: Vec<SinkSpec>) {
        let mut gone = Vec::new();
        {
            let mut lines = self.lock();
            let mut before: BTreeMap<String, Running> =
                lines.drain(..).map(|running| (running.line.name().to_owned(), running)).collect();
            for spec in specs {
                if lines.iter().any(|running| running.line.name() == spec.name) {
                    continue;
                }
                let running = match before.remove(&spec.name) {
                    Some(running) => {
                        running.line.change(spec);
                        running
                    }
                    None => self.run(Line::new(spec, Arc::clone(&self.options))),
                };
                lines.push(running);
            }
            gone.extend(before.into_values());
        }
        for Running { line, task } in gone {
            line.close();
            drop(task);
            line.drop_rest("its sink was taken out of the config");
        }
    }

    /// Takes back what was undelivered when an earlier run ended: in order, behind what waits already, so call it before
    /// the first [`Delivery::send`]. Returns how many were taken; the others are dropped and counted.
    pub fn restore(&self, name: &str, alerts: Vec<Alert>) -> usize {
        let alerts: Vec<Alert> = alerts.into_iter().map(Alert::bounded).collect();
        if let Some(line) = self.lines().into_iter().find(|line| line.name() == name) {
            return line.restore(alerts);
        }
        for alert in &alerts {
            let error = "there is no sink of this name any more".to_owned();
            tell(&self.options, name, alert, Outcome::Dropped { error });
        }
        0
    }

    /// What waits now, by sink, in order; the alert under way is the first. Sinks without any are left out.
    #[must_use]
    pub fn undelivered(&self) -> BTreeMap<String, Vec<Alert>> {
        let all = self.lines().into_iter().map(|line| (line.name().to_owned(), line.undelivered()));
        all.filter(|(_, alerts)| !alerts.is_empty()).collect()
    }

    /// How every sink fares, in their order in the config.
    #[must_use]
    pub fn status(&self) -> Vec<SinkStatus> {
        self.lines().iter().map(|line| line.status()).collect()
    }

    /// Hands an alert, as a test, to one sink or to all, past their queues and filters, at once and without a second
    /// attempt; and waits for each. The answers are in the order of the config. A name that no sink has is an answer too.
    ///
    /// # Cancel safety
    /// Dropped half-way, the attempts under way are given up.
    pub async fn test(&self, sink: Option<&str>, alert: Alert) -> Vec<(String, Result<(), String>)> {
        let mut alert = alert.bounded();
        alert.status = AlertStatus::Test;
        let mut lines = self.lines();
        if let Some(name) = sink {
            if !lines.iter().any(|line| line.name() == name) {
                let hint = suggestion(name, lines.iter().map(|line| line.name()));
                return vec![(name.to_owned(), Err(format!("there is no sink `{name}`{hint}")))];
            }
            lines.retain(|line| line.name() == name);
        }
        let alert = &alert;
        join_all(lines.iter().map(|line| async move {
            let taken = line.sink().deliver(alert).await;
            (line.name().to_owned(), taken.map_err(|error| error.message))
        }))
        .await
    }

    /// Takes no more, tries what waits, and returns what is left, by sink. Each sink is tried until something fails there
    /// or `within` is over; what is left then can be handed to [`Delivery::restore`] at the next start. An attempt that was
    /// cut off is left over, though its receiver may have it. Called again, it has nothing left.
    ///
    /// # Cancel safety
    /// Dropped half-way, the tasks are stopped; [`Delivery::undelivered`] still tells what is left.
    pub async fn shutdown(&self, within: Duration) -> BTreeMap<String, Vec<Alert>> {
        let deadline = Instant::now() + within;
        let mut tasks: Vec<_> = self.lock().iter_mut().map(|running| running.task.take()).collect();
        let lines = self.lines();
        lines.iter().for_each(|line| line.close());
        let ends = tasks.iter_mut().flatten();
        // A task that panicked has ended as well.
        let _ = timeout_at(deadline, join_all(ends)).await;
        for task in tasks.into_iter().flatten().filter(|task| !task.is_finished()) {
            task.abort();
            // So that no delivery ends behind what is left.
            let _ = task.await;
        }
        let rest = lines.iter().map(|line| (line.name().to_owned(), line.take_rest()));
        rest.filter(|(_, alerts)| !alerts.is_empty()).collect()
    }

    fn run(&self, line: Line) -> Running {
        let line = Arc::new(line);
        let runs = Arc::clone(&line);
        let task = self.handle.spawn(async move { runs.run().await });
        Running { line, task: Some(AbortOnDropHandle::new(task)) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        self.lock().iter().map(|running| Arc::clone(&running.line)).collect()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.lines().iter().map(|line| line.name().to_owned()).collect();
        f.debug_struct("Delivery").field("sinks", &names).finish_non_exhaustive()
    }
}
