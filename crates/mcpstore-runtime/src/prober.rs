//! The probes of one life: first until they pass, then at an interval until its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcpstore_core::spread;
use mcpstore_monitor::{ProbeOutcome, ProbeVerdict};
use mcpstore_transport::{Outside, Session};
use mcpstore_types::{Clock, Health, HealthSpec, Incarnation, ProbeKind, ServiceSpec};
use tokio::sync::{Mutex, Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::lister::Lister;
use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};
use crate::probe::{Asker, Probed, is_over_http, is_through_session};
use crate::recycler::Recycler;
use crate::sleeper::Sleeper;
use crate::standing::{Standing, Which};
use crate::usage::ProcessCell;

/// How long a service that is ready is held back for its first list of tools, so that whoever waited for it finds them.
/// A list that hangs shall not keep it from running.
const FIRST_LIST: Duration = Duration::from_secs(2);

/// What a prober works with.
pub(crate) struct Prober {
    pub(crate) session: Arc<dyn Session>,
    /// Its spec, and every later one that takes effect in the same life.
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) incarnation: Incarnation,
    pub(crate) process: Arc<ProcessCell>,
    /// By which its probes are spread.
    pub(crate) key: u64,
    pub(crate) reporter: Reporter,
}

/// What the questions of one life share.
struct Common {
    standing: Mutex<(Standing, Option<FirstList>)>,
    /// A probe got no answer while a call was under way: this server does one thing at a time.
    one_at_a_time: AtomicBool,
    /// Its start-up check has passed.
    up: CancellationToken,
}

/// Has the tools listed for the first time, and hears when that is over.
struct FirstList {
    start: oneshot::Sender<()>,
    over: oneshot::Receiver<()>,
}

impl Prober {
    /// Probes, keeps the list of tools, and has the life replaced, or put to sleep, when it is due, until cancelled.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let lister = Lister {
            session: Arc::clone(&self.session),
            specs: self.specs.clone(),
            monitor: Arc::clone(&self.monitor),
            reporter: self.reporter.clone(),
            missed: Notify::new(),
        };
        let (start, started) = oneshot::channel();
        let (listed_once, over) = oneshot::channel();
        let asks_readiness = self.specs.borrow().policy.health.readiness.is_some();
        let common = Common {
            standing: Mutex::new((Standing::new(asks_readiness), Some(FirstList { start, over }))),
            one_at_a_time: AtomicBool::new(false),
            up: CancellationToken::new(),
        };
        let recycler = Recycler {
            session: Arc::clone(&self.session),
            incarnation: self.incarnation,
            specs: self.specs.clone(),
            monitor: Arc::clone(&self.monitor),
            process: Arc::clone(&self.process),
            reporter: self.reporter.clone(),
        };
        let sleeper = Sleeper {
            session: Arc::clone(&self.session),
            specs: self.specs.clone(),
            monitor: Arc::clone(&self.monitor),
            reporter: self.reporter.clone(),
        };
        let end = async {
            common.up.cancelled().await;
            tokio::join!(recycler.run(), sleeper.run())
        };
        let all = async {
            tokio::join!(
                self.ask_for_ever(Which::Liveness, &common),
                self.ask_for_ever(Which::Readiness, &common),
                lister.run(started, listed_once),
                end,
            )
        };
        cancel.run_until_cancelled(all).await;
    }

    /// Asks one question again and again, and tells what its verdict means for the service.
    async fn ask_for_ever(&self, which: Which, common: &Common) {
        let mut specs = self.specs.clone();
        let mut asked: Option<ProbeVerdict> = None;
        let mut silence = Silence::new(self.asker(&specs.borrow()).signs_of_life());
        // The first interval after the start-up check is a part of one: not all services are probed at the same instant.
        let mut spread_out = false;
        let mut warned = false;
        let nobodys = Notify::new();
        let mut told: Option<String> = None;
        loop {
            let spec = Arc::clone(&specs.borrow_and_update());
            let health = &spec.policy.health;
            let Some(kind) = question(which, health) else {
                asked = None;
                self.judge(which, None, None, common).await;
                until_changed(&mut specs).await;
                continue;
            };
            let mut verdict = match asked {
                Some(verdict) => verdict,
                None if which == Which::Readiness && common.standing.lock().await.0.is_up() => taken_for_ready(health),
                None => ProbeVerdict::new(health),
            };
            verdict.retune(health);
            let probed = self.ask(kind, &spec, &mut silence, common).await;
            if which == Which::Liveness {
                self.note(&probed);
            }
            if probed.unable && !std::mem::replace(&mut warned, true) {
                let (service, why) = (&self.reporter.service, probed.error.as_deref().unwrap_or_default());
                tracing::warn!(%service, probe = kind.word(), why, "a probe cannot be made: it counts as nothing");
            }
            if probed.closed {
                // Its end is told by those who watch it, with better words.
                std::future::pending::<()>().await;
            }
            let change = verdict.observe(probed.outcome);
            asked = Some(verdict);
            if change.health == Health::Unknown && probed.error.is_some() && probed.error != told {
                // Whoever wonders why it does not come up is told.
                told.clone_from(&probed.error);
                let detail = told.as_deref().map(|error| words(which, error));
                self.reporter.send(News::Health { health: Health::Unknown, consequence: None, detail }).await;
            }
            if change.changed {
                self.judge(which, Some(change.health), probed.error, common).await;
            }
            let suspicion = if which == Which::Liveness { &self.monitor.suspicion } else { &nobodys };
            until_due(&mut specs, suspicion, |health| {
                question(which, health)?;
                let spreads = !spread_out && change.health == Health::Healthy;
                Some(if spreads { spread(health.interval, self.key) } else { verdict.next_probe_in(health) })
            })
            .await;
            spread_out |= change.health == Health::Healthy;
        }
    }

    /// Asks once. A server that does one thing at a time is left alone while it does one.
    async fn ask(&self, kind: &ProbeKind, spec: &ServiceSpec, silence: &mut Silence, common: &Common) -> Probed {
        let asker = self.asker(spec);
        let longest_call = spec.policy.timeouts.call;
        if !is_through_session(kind) {
            return asker.probe(kind, spec.policy.health.timeout).await;
        }
        silence.note(asker.signs_of_life());
        if common.one_at_a_time.load(Ordering::Relaxed)
            && silence.since.elapsed() < longest_call
            && self.monitor.is_busy(self.session.as_ref())
        {
            return Probed::unknown(None);
        }
        let mut probed = asker.probe(kind, spec.policy.health.timeout).await;
        silence.note(asker.signs_of_life());
        if matches!(probed.outcome, ProbeOutcome::Pass { .. }) {
            silence.since = Instant::now();
        }
        if probed.busy {
            common.one_at_a_time.store(true, Ordering::Relaxed);
            if silence.since.elapsed() >= longest_call {
                // Longer than any call may take without a byte: whoever calls it again and again must not keep it hung.
                probed.outcome = ProbeOutcome::Fail;
            }
        }
        probed
    }

    fn asker(&self, spec: &ServiceSpec) -> Asker<'_> {
        Asker {
            service: &self.reporter.service,
            session: self.session.as_ref(),
            monitor: &self.monitor,
            outside: self.outside.as_ref(),
            over_http: is_over_http(&spec.transport),
        }
    }

    /// Keeps the sample. A probe that could not decide leaves none.
    fn note(&self, probed: &Probed) {
        match probed.outcome {
            ProbeOutcome::Pass { latency } => self.monitor.note_check(self.clock.now(), true, Some(latency)),
            ProbeOutcome::Fail => self.monitor.note_check(self.clock.now(), false, None),
            ProbeOutcome::Unknown => tracing::debug!(service = %self.reporter.service, "probe could not decide"),
        }
    }

    /// Takes in a new verdict, and tells what follows. Does not come back once it was told hung.
    async fn judge(&self, which: Which, verdict: Option<Health>, error: Option<String>, common: &Common) {
        let mut locked = common.standing.lock().await;
        let (standing, first_list) = &mut *locked;
        standing.take(which, verdict);
        if standing.comes_up()
            && let Some(FirstList { start, over }) = first_list.take()
        {
            let _ = start.send(());
            let _ = timeout(FIRST_LIST, over).await;
        }
        if let Some(news) = standing.news() {
            let detail = error.map(|error| words(which, &error));
            let (health, consequence) = (news.health, news.consequence);
            self.reporter.send(News::Health { health, consequence, detail }).await;
            if standing.is_up() {
                common.up.cancel();
            }
        }
        let over = standing.is_over();
        drop(locked);
        if over {
            // Whatever its probes say from here on, this life is to end.
            std::future::pending::<()>().await;
        }
    }
}

/// Since when a server has shown no sign of life.
struct Silence {
    signs: (u64, u64),
    since: Instant,
}

impl Silence {
    fn new(signs: (u64, u64)) -> Self {
        Self { signs, since: Instant::now() }
    }

    fn note(&mut self, signs: (u64, u64)) {
        if signs != self.signs {
            (self.signs, self.since) = (signs, Instant::now());
        }
    }
}

fn words(which: Which, error: &str) -> String {
    let what = if which == Which::Liveness { "health" } else { "readiness" };
    format!("{what} probe failed: {error}")
}

fn question(which: Which, health: &HealthSpec) -> Option<&ProbeKind> {
    match which {
        Which::Liveness => Some(&health.probe),
        Which::Readiness => health.readiness.as_ref(),
    }
}

/// The verdict on a question that is new to a service that is up: it is ready until it fails.
fn taken_for_ready(health: &HealthSpec) -> ProbeVerdict {
    let mut verdict = ProbeVerdict::new(health);
    verdict.observe(ProbeOutcome::Pass { latency: Duration::ZERO });
    verdict
}

/// Waits for the next probe. A spec that changes meanwhile says anew how long that is, from the last probe on, or that
/// there is none. Real calls that fail put the service in doubt, and then it is not longer than that allows.
async fn until_due(
    specs: &mut watch::Receiver<Arc<ServiceSpec>>,
    suspicion: &Notify,
    wait: impl Fn(&HealthSpec) -> Option<Duration>,
) {
    let probed = Instant::now();
    let mut longest = Duration::MAX;
    loop {
        let Some(wait) = wait(&specs.borrow_and_update().policy.health) else { return };
        let wait = wait.min(longest);
        tokio::select! {
            () = sleep(wait.saturating_sub(probed.elapsed())) => return,
            () = until_changed(specs) => {}
            () = suspicion.notified(), if longest == Duration::MAX => longest = ProbeVerdict::IN_DOUBT,
        }
    }
}

async fn until_changed(specs: &mut watch::Receiver<Arc<ServiceSpec>>) {
    if specs.changed().await.is_err() {
        // The service is gone, and this with it.
        std::future::pending::<()>().await;
    }
}
