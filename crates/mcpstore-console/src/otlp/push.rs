//! When what is pushed, and what becomes of it when the collector is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcpstore_types::Secret;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, sleep_until, timeout};

use super::client::{Collector, OtlpError, Sent};
use super::{CallSpan, metrics, span};
use crate::accept::Format;
use crate::source::Source;

/// Most spans that wait to be taken into a request.
const QUEUE: usize = 4096;

/// Most spans of a request.
const BATCH: usize = 512;

/// The first and the longest wait after a collector could not take something.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// How long the last words may take when it ends.
const END_WAIT: Duration = Duration::from_secs(2);

/// Where to push, and how often.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The collector's address, without `/v1/…`. It may have a secret in it.
    pub endpoint: Secret,
    /// Headers of each request: keys of hosted collectors.
    pub headers: Vec<(String, Secret)>,
    /// How often metrics are pushed; default 60 s.
    pub metrics_every: Duration,
    /// How long a span may wait for others; default 5 s.
    pub spans_every: Duration,
    /// How long a request may take; default 10 s.
    pub timeout: Duration,
    /// Which manager this is; by default its process.
    pub instance: String,
}

impl OtlpConfig {
    /// A push to this collector, with all defaults. On this machine it is usually `http://127.0.0.1:4318`.
    #[must_use]
    pub fn new(endpoint: impl Into<Secret>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            metrics_every: Duration::from_secs(60),
            spans_every: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            instance: std::process::id().to_string(),
        }
    }
}

/// What became of what was to be pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpStats {
    /// Spans that the collector took.
    pub spans_sent_total: u64,
    /// Spans that were lost: the queue was full, or the collector would not have them.
    pub spans_dropped_total: u64,
    /// Pages of metrics that the collector took.
    pub metrics_sent_total: u64,
    /// Requests that failed.
    pub failures_total: u64,
    /// Why the last request failed; none: it did not.
    pub last_error: Option<String>,
}

/// Where calls hand in their spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Otlp {
    spans: Sender<CallSpan>,
    stats: Arc<Mutex<OtlpStats>>,
}

/// What pushes: [`Pusher::run`] it as a task.
pub struct Pusher {
    collector: Collector,
    config: OtlpConfig,
    source: Arc<dyn Source>,
    spans: Receiver<CallSpan>,
    stats: Arc<Mutex<OtlpStats>>,
    start_unix_ns: u64,
    /// Spans of the next request.
    batch: Vec<CallSpan>,
    backoff: Option<Duration>,
}

impl std::fmt::Debug for Pusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pusher").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Otlp {
    /// A handle for spans, and what pushes them and the metrics of `source`. Reads the certificates of the system, and
    /// blocks for that.
    ///
    /// # Errors
    /// [`OtlpError`] when the config cannot work. A collector that is away is no error.
    pub fn new(config: OtlpConfig, source: Arc<dyn Source>) -> Result<(Self, Pusher), OtlpError> {
        let collector = Collector::new(&config)?;
        let (sender, spans) = mpsc::channel(QUEUE);
        let stats = Arc::new(Mutex::new(OtlpStats::default()));
        let otlp = Self { spans: sender, stats: Arc::clone(&stats) };
        let start_unix_ns = unix_ns();
        let pusher =
            Pusher { collector, config, source, spans, stats, start_unix_ns, batch: Vec::new(), backoff: None };
        Ok((otlp, pusher))
    }

    /// Hands in the span of a call. Never waits: what does not fit is lost and counted. One that is not sampled is let go.
    pub fn span(&self, span: CallSpan) {
        if span.context.is_sampled() && self.spans.try_send(span).is_err() {
            lock(&self.stats).spans_dropped_total += 1;
        }
    }

    /// What became of what was to be pushed.
    #[must_use]
    pub fn stats(&self) -> OtlpStats {
        lock(&self.stats).clone()
    }
}

impl Pusher {
    /// Pushes until `shutdown` is done; then what waits is pushed once more, for at most two seconds.
    ///
    /// # Cancel safety
    /// Dropped, what waits is lost.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut metrics_at = Instant::now() + self.config.metrics_every;
        let mut spans_at: Option<Instant> = None;
        loop {
            let full = self.batch.len() >= BATCH;
            let far = Instant::now() + self.config.metrics_every;
            tokio::select! {
                () = &mut shutdown => break,
                () = sleep_until(metrics_at) => {
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = self.push_metrics() => {}
                    }
                    metrics_at = Instant::now() + self.config.metrics_every;
                }
                () = sleep_until(spans_at.unwrap_or(far)), if spans_at.is_some() => {
                    // Given up half way, they are pushed again at the end: a collector knows a span by its id.
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = self.push_spans() => {}
                    }
                    let wait = self.backoff.unwrap_or(self.config.spans_every);
                    spans_at = (!self.batch.is_empty()).then(|| Instant::now() + wait);
                }
                Some(span) = self.spans.recv(), if !full => {
                    self.batch.push(span);
                    if spans_at.is_none() {
                        spans_at = Some(Instant::now() + self.config.spans_every);
                    } else if self.batch.len() >= BATCH && self.backoff.is_none() {
                        spans_at = Some(Instant::now());
                    }
                }
            }
        }
        let _ = timeout(END_WAIT, self.push_the_rest()).await;
        let lost = self.batch.len() + self.spans.len();
        lock(&self.stats).spans_dropped_total += u64::try_from(lost).unwrap_or(u64::MAX);
    }

    async fn push_the_rest(&mut self) {
        self.spans.close();
        self.push_metrics().await;
        loop {
            while self.batch.len() < BATCH {
                match self.spans.try_recv() {
                    Ok(span) => self.batch.push(span),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            if self.batch.is_empty() {
                return;
            }
            self.push_spans().await;
            if self.backoff.is_some() {
                return;
            }
        }
    }

    /// Metrics are sums: those of a push that fails are in the next one.
    async fn push_metrics(&mut self) {
        let page = self.source.metrics(Format::OpenMetrics);
        let body = metrics::request(&page, &self.config.instance, self.start_unix_ns, unix_ns());
        let sent = self.collector.send("/v1/metrics", &body).await;
        let mut stats = lock(&self.stats);
        match sent {
            Sent::Taken { .. } => {
                stats.metrics_sent_total += 1;
                stats.last_error = None;
            }
            Sent::Later { what, .. } | Sent::Refused { what } => failed(&mut stats, what),
        }
    }

    async fn push_spans(&mut self) {
        let body = span::request(&self.batch, &self.config.instance);
        let sent = self.collector.send("/v1/traces", &body).await;
        let count = u64::try_from(self.batch.len()).unwrap_or(u64::MAX);
        let mut stats = lock(&self.stats);
        match sent {
            Sent::Taken { rejected } => {
                let rejected = rejected.min(count);
                stats.spans_sent_total += count - rejected;
                stats.spans_dropped_total += rejected;
                stats.last_error = None;
                self.batch.clear();
                self.backoff = None;
            }
            Sent::Refused { what } => {
                stats.spans_dropped_total += count;
                failed(&mut stats, what);
                self.batch.clear();
                self.backoff = None;
            }
            Sent::Later { what, after } => {
                failed(&mut stats, what);
                let longer = self.backoff.map_or(BACKOFF.0, |last| (last * 2).clamp(BACKOFF.0, BACKOFF.1));
                // Even one that says `at once` is not asked more often than it would be anyway.
                self.backoff = Some(after.unwrap_or(longer).max(self.config.spans_every));
            }
        }
    }
}

/// Says it once, and again only when it is for another reason.
fn failed(stats: &mut OtlpStats, what: String) {
    stats.failures_total += 1;
    if stats.last_error.as_ref() != Some(&what) {
        tracing::warn!(%what, "the OTLP collector did not take what was pushed");
    }
    stats.last_error = Some(what);
}

fn lock(stats: &Mutex<OtlpStats>) -> MutexGuard<'_, OtlpStats> {
    stats.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nanoseconds since the Unix epoch.
fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
