//! What the processes of running services use: measured for all of them together, now and then, while any runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcpstore_monitor::ProcessReport;
use mcpstore_transport::{TreeUsage, UsageSource};
use mcpstore_types::{Incarnation, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::owner::Shared;

/// The last measurement of one service's processes, shared by the sampler, its recycler and its readers.
#[derive(Debug)]
pub(crate) struct ProcessCell {
    latest: watch::Sender<Option<(Incarnation, ProcessReport)>>,
    spent: Mutex<Spent>,
}

/// Processor time, so that the next measurement can be compared with the last.
#[derive(Debug, Default)]
struct Spent {
    /// Of the lives before.
    before: Duration,
    /// Of the life that was measured last: which, when, and how much.
    last: Option<(Incarnation, Timestamp, Duration)>,
}

impl Default for ProcessCell {
    fn default() -> Self {
        Self { latest: watch::Sender::new(None), spent: Mutex::default() }
    }
}

impl ProcessCell {
    /// Keeps a measurement of this life.
    pub(crate) fn note(&self, incarnation: Incarnation, at: Timestamp, usage: &TreeUsage) {
        let report = {
            let mut spent = self.spent();
            let mut percent = 0.0;
            match spent.last {
                Some((life, before, cpu)) if life == incarnation => {
                    let passed = at.since(before).as_secs_f64();
                    if passed > 0.0 {
                        percent = usage.cpu.saturating_sub(cpu).as_secs_f64() / passed * 100.0;
                    }
                }
                Some((_, _, cpu)) => spent.before = spent.before.saturating_add(cpu),
                None => {}
            }
            spent.last = Some((incarnation, at, usage.cpu));
            ProcessReport {
                processes: usage.processes,
                cpu_percent: percent,
                cpu_seconds_total: spent.before.saturating_add(usage.cpu).as_secs_f64(),
                resident_bytes: usage.resident_bytes,
                open_files: usage.open_files,
                threads: usage.threads,
            }
        };
        self.latest.send_replace(Some((incarnation, report)));
    }

    /// The last measurement of this life; none before the first.
    pub(crate) fn report(&self, incarnation: Incarnation) -> Option<ProcessReport> {
        self.latest.borrow().filter(|(life, _)| *life == incarnation).map(|(_, report)| report)
    }

    /// Wakes whoever waits with each new measurement.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<(Incarnation, ProcessReport)>> {
        self.latest.subscribe()
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Whole after every store, so what a poisoned lock holds is whole.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures every running service every so often, all in one pass; sleeps while none has a process. Ends with the owner.
pub(crate) async fn sample_for_ever(shared: Arc<Shared>, source: Arc<dyn UsageSource>, every: Duration) {
    let mut versions = shared.version.clone();
    let is_anybody_there = |_: &u64| shared.snapshot.load().services().iter().any(|info| info.pid.is_some());
    while versions.wait_for(is_anybody_there).await.is_ok() {
        let running: Vec<_> =
            shared.snapshot.load().services().iter().filter(|info| info.pid.is_some()).map(Arc::clone).collect();
        let mains: Vec<u32> = running.iter().filter_map(|info| info.pid).collect();
        let measuring = Arc::clone(&source);
        let Ok(measured) = tokio::task::spawn_blocking(move || measuring.sample(&mains)).await else { return };
        let at = shared.clock.now();
        for (info, usage) in running.iter().zip(measured) {
            if let Some(usage) = usage {
                info.process.note(info.status.incarnation, at, &usage);
            }
        }
        drop(running);
        tokio::select! {
            () = sleep(every) => {}
            () = gone(&mut versions) => return,
        }
    }
}

/// Resolves when the owner is gone.
async fn gone(versions: &mut watch::Receiver<u64>) {
    while versions.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_compared_within_a_life_and_summed_over_all() {
        let cell = ProcessCell::default();
        let used = |seconds| TreeUsage { cpu: Duration::from_secs(seconds), ..TreeUsage::default() };
        let (one, two) = (Incarnation(1), Incarnation(2));
        cell.note(one, Timestamp::from_secs(10), &used(3));
        assert_eq!(cell.report(one).map(|r| (r.cpu_percent, r.cpu_seconds_total)), Some((0.0, 3.0)));
        cell.note(one, Timestamp::from_secs(20), &used(8));
        assert_eq!(cell.report(one).map(|r| (r.cpu_percent, r.cpu_seconds_total)), Some((50.0, 8.0)));
        cell.note(two, Timestamp::from_secs(30), &used(1));
        assert_eq!(cell.report(two).map(|r| (r.cpu_percent, r.cpu_seconds_total)), Some((0.0, 9.0)));
        assert_eq!(cell.report(one), None, "of another life");
    }
}
