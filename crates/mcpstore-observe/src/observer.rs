//! The handle.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use mcpstore_alerts::{Alert, AlertStatus, Delivery, SinkStatus};
use mcpstore_history::{History, OpenError, Opened, ReadError, Reader, Record, StartRecord, StopRecord};
use mcpstore_monitor::{
    AlertEngine, AlertView, Format, MetricsExtra, MetricsReport, ProcessReport, Silence, SilenceError, SinkCounts,
    render,
};
use mcpstore_runtime::Supervisor;
use mcpstore_transport::{ProcUsage, UsageSource as _, spawn_beside};
use mcpstore_types::{AlertKind, AlertsSpec, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::config::ObserverConfig;
use crate::keep::Kept;
use crate::restore::{self, Left};
use crate::task::watch_over;

/// How long the last notices may take.
const LAST_NOTICES: Duration = Duration::from_secs(1);

/// A running observer. Cheap to clone; it ends with its supervisor, or when [`Observer::shutdown`] is called.
#[derive(Clone)]
pub struct Observer {
    inner: Arc<Inner>,
    task: Arc<Task>,
}

/// The task that watches; it ends with the last handle.
struct Task(Mutex<Option<JoinHandle<()>>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.0).take() {
            task.abort();
        }
    }
}

/// What the task and the handles share.
pub(crate) struct Inner {
    pub(crate) supervisor: Supervisor,
    engine: Mutex<AlertEngine>,
    spec: ArcSwap<AlertsSpec>,
    pub(crate) delivery: Delivery,
    pub(crate) history: Option<Arc<History>>,
    folder: Option<std::path::PathBuf>,
    pub(crate) host: String,
    version: String,
    missed: AtomicU64,
    /// When the manager's own processor time was read last, and what it was.
    own: Mutex<(Timestamp, Duration)>,
    /// The number of the last notice that was looked at.
    pub(crate) seen: watch::Sender<u64>,
}

/// Why an observer could not be started. Completes "failed to watch over the services".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// History cannot be kept.
    #[error("history cannot be kept")]
    History {
        /// Why.
        #[source]
        source: OpenError,
    },
}

/// Alerts, silences and sinks as of now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertsReport {
    /// Alerts that fire or are about to: the gravest first, then the oldest.
    pub alerts: Vec<AlertView>,
    /// Silences that hold, oldest first.
    pub silences: Vec<Silence>,
    /// How each sink fares, in their order in the config.
    pub sinks: Vec<SinkStatus>,
    /// `false`: alerts are switched off.
    pub enabled: bool,
    /// Why history is not written, when it is not: silences and what sinks are owed do not survive the manager then.
    #[serde(default)]
    pub history_fault: Option<String>,
}

impl Observer {
    /// Starts watching. To be called when services are registered and none is started yet: what an earlier manager left
    /// in history is taken over first.
    ///
    /// # Errors
    /// [`ObserveError::History`]: somebody else keeps history in the same folder, or others may change it.
    pub async fn start(supervisor: Supervisor, config: ObserverConfig) -> Result<(Self, Opened), ObserveError> {
        let ObserverConfig { alerts, history, history_options, mut delivery, host, version, look_every, sample_every } =
            config;
        let (kept, opened, left) = match history.clone() {
            None => (None, Opened::default(), Left::default()),
            Some(folder) => {
                let now_ms = now_ms();
                let opened = spawn_blocking(move || open(&folder, history_options, now_ms)).await;
                match opened.map(|opened| opened.map_err(|source| ObserveError::History { source })) {
                    Ok(opened) => opened.map(|(history, opened, left)| (Some(Arc::new(history)), opened, left))?,
                    // It panicked, or the runtime is on its way down: nothing can be kept.
                    Err(_) => (None, Opened::default(), Left::default()),
                }
            }
        };
        let writer = kept.clone();
        delivery.on_receipt = Some(Arc::new(move |receipt| {
            let record = Kept::Receipt { receipt }.record();
            if let Some((history, record)) = writer.as_ref().zip(record) {
                history.append(record);
            }
        }));
        delivery.starter.get_or_insert_with(|| {
            Arc::new(|command| spawn_beside(command).map(|(child, beside)| (child, Box::new(beside) as _)))
        });
        if let Some(history) = &kept {
            history.append(Record::Start(StartRecord {
                manager_pid: std::process::id(),
                version: version.clone(),
                boot: None,
            }));
        }
        let started_ms = unix_ms(supervisor.wall_time(Timestamp::ZERO));
        let mut engine = AlertEngine::new(alerts.clone(), started_ms);
        let delivery = Delivery::start(alerts.sinks.clone(), delivery);
        take_over(&supervisor, &mut engine, &delivery, left);
        let stream = supervisor.events().stream(0);
        let inner = Arc::new(Inner {
            supervisor,
            engine: Mutex::new(engine),
            spec: ArcSwap::from_pointee(alerts),
            delivery,
            history: kept,
            folder: history,
            host,
            version,
            missed: AtomicU64::new(0),
            own: Mutex::default(),
            seen: watch::Sender::new(0),
        });
        let gone =
            inner.engine().keep_only(inner.supervisor.now(), |name| inner.supervisor.info(name.as_str()).is_some());
        inner.tell(&gone);
        inner.remind();
        let task = tokio::spawn(watch_over(Arc::clone(&inner), stream, look_every, sample_every));
        Ok((Self { inner, task: Arc::new(Task(Mutex::new(Some(task)))) }, opened))
    }

    /// Alerts, silences and sinks as of now. Waits for nobody.
    #[must_use]
    pub fn alerts(&self) -> AlertsReport {
        let engine = self.inner.engine();
        let (alerts, silences) = (engine.active(), engine.silences().to_vec());
        drop(engine);
        let (sinks, enabled) = (self.inner.delivery.status(), self.inner.spec().enabled);
        AlertsReport { alerts, silences, sinks, enabled, history_fault: self.inner.history_fault() }
    }

    /// Other rules and sinks from now on. What waits for a sink that stays goes there; alerts whose rule no longer holds
    /// for them resolve.
    pub fn set_alerts(&self, spec: AlertsSpec) {
        self.inner.delivery.reconfigure(spec.sinks.clone());
        self.inner.spec.store(Arc::new(spec.clone()));
        let events = self.inner.engine().set_spec(self.inner.supervisor.now(), spec);
        self.inner.tell(&events);
    }

    /// Keeps alerts of this kind and of these services (name or glob; `None`: of all) from being told for a while.
    ///
    /// # Errors
    /// [`SilenceError`].
    pub fn silence(
        &self,
        kind: Option<AlertKind>,
        services: Option<String>,
        lasts: Duration,
        comment: String,
    ) -> Result<Silence, SilenceError> {
        let now = self.inner.supervisor.now();
        let mut engine = self.inner.engine();
        let id = engine.silence(now, kind, services, now.after(lasts), comment)?;
        let silence = engine.silences().iter().find(|silence| silence.id == id).cloned();
        drop(engine);
        // It was just made.
        let silence = silence.ok_or(SilenceError::Past)?;
        self.inner.keep(&Kept::Silence { silence: silence.clone() });
        Ok(silence)
    }

    /// Ends a silence before its time; false when there is no such silence.
    pub fn unsilence(&self, id: u64) -> bool {
        let events = self.inner.engine().unsilence(self.inner.supervisor.now(), id);
        let Some(events) = events else { return false };
        self.inner.keep(&Kept::Unsilence { id });
        self.inner.tell(&events);
        true
    }

    /// Sends a test to one sink or to all, at once, and waits for what each says.
    ///
    /// # Cancel safety
    /// Dropped half-way, the attempts under way are given up.
    pub async fn test_sinks(&self, sink: Option<&str>) -> Vec<(String, Result<(), String>)> {
        let now = now_ms();
        let alert = Alert {
            at_ms: now,
            since_ms: now,
            summary: "a test of mcpstore: nothing is wrong".to_owned(),
            host: self.inner.host.clone(),
            severity: mcpstore_types::AlertSeverity::Info,
            ..Alert::new(format!("test-{now}"), AlertKind::GaveUp, "test", AlertStatus::Test)
        };
        self.inner.delivery.test(sink, alert).await
    }

    /// Everything measured, as of now.
    #[must_use]
    pub fn metrics(&self) -> MetricsReport {
        MetricsReport { manager: self.inner.own_usage(), ..self.inner.supervisor.metrics_report() }
    }

    /// The same as a page for Prometheus and its relatives.
    #[must_use]
    pub fn metrics_text(&self, format: Format) -> String {
        let counts = |sink: SinkStatus| SinkCounts {
            sink: sink.name,
            sent_total: sink.sent_total,
            failed_total: sink.failed_attempts_total,
            dropped_total: sink.dropped_total,
        };
        let extra = MetricsExtra {
            version: self.inner.version.clone(),
            alerts: self.inner.engine().firing(),
            deliveries: self.inner.delivery.status().into_iter().map(counts).collect(),
            history_dropped_total: self.inner.history.as_ref().map_or(0, |history| history.dropped_total()),
            history_writable: self.inner.history_fault().is_none(),
            notices_dropped_total: self.inner.missed.load(Ordering::Relaxed),
            ..MetricsExtra::default()
        };
        render(&self.metrics(), &extra, format)
    }

    /// What history has from this moment on (milliseconds since the Unix epoch), oldest first, at most the newest `most`
    /// records that `wanted` wants. Empty where none is kept.
    ///
    /// # Errors
    /// [`ReadError`] when the folder cannot be read.
    pub async fn history(
        &self,
        since_ms: u64,
        most: usize,
        wanted: impl Fn(&Record) -> bool + Send + 'static,
    ) -> Result<Vec<(u64, Record)>, ReadError> {
        let Some((history, folder)) = self.inner.history.clone().zip(self.inner.folder.clone()) else {
            return Ok(Vec::new());
        };
        let read = move || {
            // What was given a moment ago shall be in it. When the disk fails, what is there is shown.
            let _ = history.sync();
            newest(&folder, since_ms, most, wanted)
        };
        // Only a panic in there ends it without an answer.
        spawn_blocking(read).await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Where history is kept; `None`: nowhere.
    #[must_use]
    pub fn history_folder(&self) -> Option<&Path> {
        self.inner.folder.as_deref()
    }

    /// Ends the watch: what waits for sinks is tried once more within `deadline`, what is left is delivered by the next
    /// manager. To be called when everything is down.
    ///
    /// # Cancel safety
    /// Dropped half-way, what was not delivered is left to the next manager too.
    pub async fn shutdown(&self, deadline: Duration) {
        let task = lock(&self.task.0).take();
        if let Some(task) = task {
            // It looks at the last notices first, those of the stop; that takes no time unless it hangs.
            let last = self.inner.supervisor.events().last_seq();
            let mut seen = self.inner.seen.subscribe();
            let _ = timeout(LAST_NOTICES, seen.wait_for(|seen| *seen >= last)).await;
            task.abort();
            let _ = task.await;
        }
        self.inner.delivery.shutdown(deadline).await;
        if let Some(history) = self.inner.history.clone() {
            history.append(Record::Stop(StopRecord { manager_pid: std::process::id() }));
            // Only a panic in there ends it early; a disk that fails has been told of.
            let _ = spawn_blocking(move || history.sync()).await;
        }
    }
}

impl Inner {
    pub(crate) fn engine(&self) -> MutexGuard<'_, AlertEngine> {
        lock(&self.engine)
    }

    pub(crate) fn spec(&self) -> Arc<AlertsSpec> {
        self.spec.load_full()
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let now = self.supervisor.now();
        self.engine().next_deadline().map(|at| at.since(now))
    }

    /// Why history is not written, when it is not.
    pub(crate) fn history_fault(&self) -> Option<String> {
        self.history.as_ref()?.health().fault
    }

    /// What this process uses; its share of the processor since it was asked last.
    fn own_usage(&self) -> Option<ProcessReport> {
        let usage = ProcUsage.own()?;
        let now = self.supervisor.now();
        let (before, cpu) = std::mem::replace(&mut *lock(&self.own), (now, usage.cpu));
        let passed = now.since(before).as_secs_f64();
        let percent = usage.cpu.saturating_sub(cpu).as_secs_f64() * 100.0 / passed;
        Some(ProcessReport {
            processes: usage.processes,
            cpu_percent: if passed > 0.0 { percent } else { 0.0 },
            cpu_seconds_total: usage.cpu.as_secs_f64(),
            resident_bytes: usage.resident_bytes,
            open_files: usage.open_files,
            threads: usage.threads,
        })
    }

    pub(crate) fn keep(&self, kept: &Kept) {
        if let Some((history, record)) = self.history.as_ref().zip(kept.record()) {
            history.append(record);
        }
    }

    pub(crate) fn note_missed(&self, count: u64) {
        self.missed.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn unix_ms(&self, at: Timestamp) -> u64 {
        unix_ms(self.supervisor.wall_time(at))
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("history", &self.inner.folder).finish_non_exhaustive()
    }
}

fn open(folder: &Path, options: mcpstore_history::Options, now_ms: u64) -> Result<(History, Opened, Left), OpenError> {
    let (history, opened) = History::open(folder, options)?;
    let left = restore::read(folder, now_ms).unwrap_or_else(|error| {
        tracing::warn!(%error, "what an earlier manager left cannot be read");
        Left::default()
    });
    Ok((history, opened, left))
}

/// Gives what an earlier manager left to whom it concerns.
fn take_over(supervisor: &Supervisor, engine: &mut AlertEngine, delivery: &Delivery, left: Left) {
    let now = supervisor.now();
    let snapshot = supervisor.snapshot();
    for info in snapshot.services() {
        if let Some(times) = left.times.get(info.name().as_str()) {
            info.restore_times(now, &times.spans, &times.restarts);
        }
    }
    for (sink, alerts) in left.owed {
        delivery.restore(&sink, alerts);
    }
    engine.restore(left.alerts, left.silences);
}

/// The newest records that are wanted, oldest first.
fn newest(
    folder: &Path,
    since_ms: u64,
    most: usize,
    wanted: impl Fn(&Record) -> bool,
) -> Result<Vec<(u64, Record)>, ReadError> {
    let mut found = VecDeque::new();
    for (at_ms, record) in Reader::open(folder)?.since(since_ms)? {
        if at_ms < since_ms || !wanted(&record) {
            continue;
        }
        if found.len() == most.max(1) {
            found.pop_front();
        }
        found.push_back((at_ms, record));
    }
    Ok(found.into())
}

fn now_ms() -> u64 {
    unix_ms(SystemTime::now())
}

fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way, so what a poisoned lock holds is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
