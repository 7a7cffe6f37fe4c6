//! The one task that owns the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use mcpstore_core::{Action, Effect, Fleet, Input, Move, Rejection, Reply, Report, ServiceDef, SpawnFailure};
use mcpstore_transport::{
    AdapterSet, HandshakeError, LaunchError, LaunchRequest, Launched, LogRing, Session, ToolList,
};
use mcpstore_types::{
    Clock, ExitStatus, Health, Incarnation, Notice, PhaseName, Reason, ServiceName, ServiceSpec, Timestamp,
};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::detail::{STDERR_LINES, error_chain, timed_out, with_stderr};
use crate::events::Events;
use crate::life::{self, Life};
use crate::monitor::ServiceMonitor;
use crate::msg::{Answer, Msg, News, Reporter};
use crate::prober::Prober;
use crate::snapshot::Snapshot;

/// What the owner publishes and readers read.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// The version of the newest snapshot; waiters wake by it.
    pub(crate) version: watch::Sender<u64>,
    pub(crate) events: Events,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wall_origin: std::time::SystemTime,
}

/// What is kept of one service beside the core's record.
pub(crate) struct Record {
    pub(crate) spec: Arc<ServiceSpec>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) logs: Arc<LogRing>,
    pub(crate) health: Health,
    pub(crate) tools: Option<Arc<ToolList>>,
    pub(crate) tools_error: Option<Arc<str>>,
    pub(crate) detail: Option<Arc<str>>,
    pub(crate) last_stderr: Arc<[String]>,
    pub(crate) life: Option<Life>,
}

/// The owner: takes inputs one by one, never waits inside one.
pub(crate) struct Owner {
    pub(crate) fleet: Fleet,
    pub(crate) records: BTreeMap<ServiceName, Record>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) touched: BTreeSet<ServiceName>,
    pub(crate) members_changed: bool,
    adapters: AdapterSet,
    inbox: mpsc::WeakSender<Msg>,
    helpers: TaskTracker,
    next_seq: u64,
    effects: Vec<Effect>,
    answers: Vec<(Answer, Result<Reply, Rejection>)>,
}

impl Owner {
    pub(crate) fn new(fleet: Fleet, adapters: AdapterSet, shared: Arc<Shared>, inbox: mpsc::WeakSender<Msg>) -> Self {
        Self {
            fleet,
            records: BTreeMap::new(),
            shared,
            touched: BTreeSet::new(),
            members_changed: false,
            adapters,
            inbox,
            helpers: TaskTracker::new(),
            next_seq: 1,
            effects: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Works until every handle is gone. What still lives then is killed, as its endpoints are dropped.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Msg>) {
        loop {
            let wait = self.fleet.next_deadline().map(|at| at.since(self.now()));
            tokio::select! {
                msg = inbox.recv() => match msg {
                    Some(msg) => self.handle(msg),
                    None => break,
                },
                () = async { sleep(wait.unwrap_or_default()).await }, if wait.is_some() => self.apply_quietly(Input::Tick),
            }
            // What waits already is taken before anything is published: readers see one snapshot for a burst.
            for _ in 0..inbox.len() {
                if let Ok(msg) = inbox.try_recv() {
                    self.handle(msg);
                }
            }
            self.publish();
            // Only now: whoever has an answer finds its consequences in the snapshot.
            for (answer, reply) in self.answers.drain(..) {
                // The caller may have gone away; its command holds all the same.
                let _ = answer.send(reply);
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Takes one input. Synchronous: nothing in here waits.
    fn handle(&mut self, msg: Msg) {
        match msg {
            Msg::Command { input, answer } => {
                let reply = self.apply(input);
                self.answers.push((answer, reply));
            }
            Msg::Register { specs, answer } => {
                let reply = self.register(specs);
                self.answers.push((answer, reply));
            }
            Msg::Life { service, incarnation, news } => self.hear(&service, incarnation, news),
        }
    }

    fn register(&mut self, specs: Vec<ServiceSpec>) -> Result<Reply, Rejection> {
        let defs: Vec<ServiceDef> = specs.iter().map(ServiceDef::from).collect();
        let reply = self.apply(Input::Register(defs))?;
        for spec in specs {
            let record = Record {
                monitor: Arc::default(),
                logs: Arc::new(LogRing::new(Incarnation(0))),
                health: Health::Unknown,
                tools: None,
                tools_error: None,
                detail: None,
                last_stderr: Arc::from([]),
                life: None,
                spec: Arc::new(spec),
            };
            self.touched.insert(record.spec.name.clone());
            self.records.insert(record.spec.name.clone(), record);
        }
        self.members_changed = true;
        Ok(reply)
    }

    fn hear(&mut self, service: &ServiceName, incarnation: Incarnation, news: News) {
        let current = self.life(service).is_some_and(|life| life.incarnation == incarnation);
        if !current {
            // A launch that comes too late is dropped here, which kills it; the core counts the rest as stale.
            if let News::Report(report) = news {
                self.report(service, incarnation, report);
            }
            return;
        }
        self.touched.insert(service.clone());
        match news {
            News::Launched(outcome) => self.launched(service, incarnation, outcome),
            News::Handshake(result) => self.shook_hands(service, incarnation, result),
            News::Tools(result) => self.listed(service, result),
            News::Health { health, consequence, detail } => {
                if let Some(record) = self.records.get_mut(service) {
                    record.health = health;
                    if consequence.is_some() {
                        record.detail = detail.map(Arc::from);
                    }
                }
                if let Some(report) = consequence {
                    self.report(service, incarnation, report);
                }
            }
            News::Report(report) => {
                match report {
                    Report::Exit(status) => self.exited(service, status),
                    Report::GroupEmpty => self.note_exit_detail(service),
                    Report::LivenessFail => {
                        self.set_detail(service, Some("it closed its output, but did not exit".into()))
                    }
                    _ => {}
                }
                self.report(service, incarnation, report);
            }
        }
    }

    fn launched(
        &mut self,
        service: &ServiceName,
        incarnation: Incarnation,
        outcome: Option<Result<Launched, LaunchError>>,
    ) {
        let report = match outcome {
            None => Report::SpawnErr(SpawnFailure::Transient),
            Some(Err(error)) => {
                self.set_detail(service, Some(error_chain(&error)));
                Report::SpawnErr(if error.is_permanent() { SpawnFailure::Spec } else { SpawnFailure::Transient })
            }
            Some(Ok(launched)) => {
                let reporter = self.reporter(service, incarnation);
                self.helpers.spawn(life::watch_exit(Arc::clone(&launched.endpoint), reporter));
                if let Some(life) = self.life_mut(service) {
                    life.endpoint = Some(launched.endpoint);
                    life.handshake = Some(launched.handshake);
                }
                Report::SpawnOk
            }
        };
        self.report(service, incarnation, report);
    }

    fn shook_hands(
        &mut self,
        service: &ServiceName,
        incarnation: Incarnation,
        result: Result<Arc<dyn Session>, HandshakeError>,
    ) {
        let report = match result {
            Ok(session) => {
                let reporter = self.reporter(service, incarnation);
                let Some(life) = self.life_mut(service) else { return };
                life.server = Some(session.server().clone());
                life.session = Some(Arc::clone(&session));
                if let Some(endpoint) = life.endpoint.clone() {
                    let watch = life::watch_session(session, endpoint, life.cancel.clone(), reporter);
                    self.helpers.spawn(watch);
                }
                Report::InitOk
            }
            // The exit itself is on its way, with its status.
            Err(HandshakeError::Exited { .. }) => return,
            Err(error) => {
                let stderr = self.records.get(service).map(|r| r.logs.stderr_tail(STDERR_LINES)).unwrap_or_default();
                self.set_detail(service, Some(with_stderr(error_chain(&error), &stderr)));
                Report::InitErr { auth: matches!(error, HandshakeError::Auth { .. }) }
            }
        };
        self.report(service, incarnation, report);
    }

    fn listed(&mut self, service: &ServiceName, result: Result<ToolList, String>) {
        let Some(record) = self.records.get_mut(service) else { return };
        match result {
            Ok(tools) => {
                record.tools = Some(Arc::new(tools));
                record.tools_error = None;
            }
            Err(error) => record.tools_error = Some(Arc::from(error)),
        }
    }

    fn exited(&mut self, service: &ServiceName, status: ExitStatus) {
        if let Some(life) = self.life_mut(service) {
            life.exit = Some(status);
            life.end_session();
        }
        self.note_exit_detail(service);
    }

    /// How it exited, and its last words. Asked again when the group is empty: by then the last words have arrived.
    fn note_exit_detail(&mut self, service: &ServiceName) {
        let unexpected = self.fleet.unit(service.as_str()).is_some_and(|unit| {
            matches!(unit.phase.name(), PhaseName::Init | PhaseName::Probe | PhaseName::Ready | PhaseName::Degraded)
                || (matches!(unit.phase.name(), PhaseName::Cleanup) && matches!(unit.reason, Reason::Exited(_)))
        });
        let Some(record) = self.records.get_mut(service).filter(|_| unexpected) else { return };
        let Some(status) = record.life.as_ref().and_then(|life| life.exit) else { return };
        let stderr = record.logs.stderr_tail(STDERR_LINES);
        record.detail = Some(Arc::from(with_stderr(status.to_string(), &stderr)));
        record.last_stderr = Arc::from(stderr);
    }

    fn report(&mut self, service: &ServiceName, incarnation: Incarnation, report: Report) {
        self.apply_quietly(Input::Report { service: service.clone(), incarnation, report });
    }

    fn apply_quietly(&mut self, input: Input) {
        if let Err(rejection) = self.apply(input) {
            tracing::warn!(%rejection, "the core rejected an input that cannot be rejected");
        }
    }

    /// Hands an input to the core and does what it says.
    fn apply(&mut self, input: Input) -> Result<Reply, Rejection> {
        let now = self.now();
        let mut effects = std::mem::take(&mut self.effects);
        let reply = self.fleet.apply(now, input, &mut effects);
        if let Ok(reply) = &reply {
            self.touched.extend(reply.affected.iter().cloned());
        }
        for effect in effects.drain(..) {
            match effect {
                Effect::Notice { service, incarnation, step, dependency } => {
                    self.notice(now, service, incarnation, step, dependency.as_ref());
                }
                Effect::Act { service, incarnation, action } => self.act(&service, incarnation, action),
            }
        }
        self.effects = effects;
        reply
    }

    fn notice(
        &mut self,
        time: Timestamp,
        service: ServiceName,
        incarnation: Incarnation,
        step: Move,
        dependency: Option<&ServiceName>,
    ) {
        self.touched.insert(service.clone());
        let live = self.fleet.unit(service.as_str()).is_some_and(mcpstore_core::Unit::is_live);
        if let Some(record) = self.records.get_mut(&service) {
            match (dependency, step.reason) {
                (Some(name), _) => record.detail = Some(Arc::from(format!("dependency `{name}`"))),
                (None, Reason::TimedOut(phase)) => {
                    let stderr = record.logs.stderr_tail(STDERR_LINES);
                    let headline = timed_out(phase, &record.spec.policy.timeouts);
                    record.detail = Some(Arc::from(with_stderr(headline, &stderr)));
                }
                (None, reason) if clears_detail(reason) => record.detail = None,
                (None, _) => {}
            }
            if !live {
                record.life = None;
                record.health = Health::Unknown;
                record.tools = None;
                record.tools_error = None;
            }
        }
        let detail = self.records.get(&service).and_then(|r| r.detail.clone());
        if step.to.is_none() {
            self.records.remove(&service);
            self.members_changed = true;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        tracing::info!(%service, %incarnation, phase = %step.phase, reason = %step.reason, "service moved");
        let (from, to, phase, reason) = (step.from, step.to, step.phase, step.reason);
        self.shared.events.push(Notice { seq, time, service, incarnation, from, to, phase, reason, detail });
    }

    fn act(&mut self, service: &ServiceName, incarnation: Incarnation, action: Action) {
        let reporter = self.reporter(service, incarnation);
        match action {
            Action::Spawn => self.spawn(service, incarnation, reporter),
            Action::AbortSpawn => {
                if let Some(life) = self.life_mut(service) {
                    life.abort.cancel();
                }
            }
            Action::Handshake => {
                let Some(life) = self.life_mut(service) else { return };
                let cancel = life.cancel.clone();
                if let Some(handshake) = life.handshake.take() {
                    self.helpers.spawn(life::shake_hands(handshake, cancel, reporter));
                }
            }
            Action::Probe => self.probe(service, reporter),
            Action::Drain => {
                let session = self.life(service).and_then(|life| life.session.clone());
                let cancel = self.life(service).map(|life| life.cancel.clone()).unwrap_or_default();
                self.helpers.spawn(async move {
                    cancel.run_until_cancelled(life::drain(session, reporter)).await;
                });
            }
            Action::Close => {
                if let Some(life) = self.life_mut(service) {
                    life.end_session();
                    if let Some(endpoint) = &life.endpoint {
                        endpoint.close_input();
                    }
                }
            }
            Action::Term | Action::Kill | Action::Sweep => {
                let Some(life) = self.life_mut(service) else { return };
                life.end_session();
                let Some(endpoint) = &life.endpoint else { return };
                if matches!(action, Action::Term) { endpoint.terminate() } else { endpoint.kill() }
            }
        }
    }

    fn spawn(&mut self, service: &ServiceName, incarnation: Incarnation, reporter: Reporter) {
        let Some(record) = self.records.get_mut(service) else { return };
        record.logs = Arc::new(record.logs.following(incarnation));
        record.health = Health::Unknown;
        record.tools = None;
        record.tools_error = None;
        let life = Life::new(incarnation);
        let request = LaunchRequest { spec: Arc::clone(&record.spec), incarnation, logs: Arc::clone(&record.logs) };
        let adapter = self.adapters.get(record.spec.transport.kind());
        self.helpers.spawn(life::launch(adapter, request, life.abort.clone(), reporter));
        record.life = Some(life);
    }

    fn probe(&mut self, service: &ServiceName, reporter: Reporter) {
        let Some(record) = self.records.get(service) else { return };
        let Some(life) = &record.life else { return };
        let Some(session) = life.session.clone() else { return };
        let prober = Prober {
            session,
            spec: Arc::clone(&record.spec),
            monitor: Arc::clone(&record.monitor),
            clock: Arc::clone(&self.shared.clock),
            reporter,
        };
        self.helpers.spawn(prober.run(life.cancel.clone()));
    }

    fn reporter(&self, service: &ServiceName, incarnation: Incarnation) -> Reporter {
        Reporter { service: service.clone(), incarnation, inbox: self.inbox.clone() }
    }

    fn set_detail(&mut self, service: &ServiceName, detail: Option<String>) {
        if let Some(record) = self.records.get_mut(service) {
            record.detail = detail.map(Arc::from);
        }
    }

    fn life(&self, service: &ServiceName) -> Option<&Life> {
        self.records.get(service)?.life.as_ref()
    }

    fn life_mut(&mut self, service: &ServiceName) -> Option<&mut Life> {
        self.records.get_mut(service)?.life.as_mut()
    }
}

/// Reasons that need no words of the world beside them: an older detail would mislead.
fn clears_detail(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::SpawnFailed
            | Reason::SpecUnusable
            | Reason::HandshakeFailed
            | Reason::AuthRefused
            | Reason::ProbeFailed
            | Reason::LivenessFailed
            | Reason::Exited(_)
            | Reason::GaveUp
            | Reason::GroupEmpty
    )
}
