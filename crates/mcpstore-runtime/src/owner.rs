//! The one task that owns the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use mcpstore_core::{Effect, Fleet, InitFailure, Input, Rejection, Reply, Report, ServiceDef, SpawnFailure, Target};
use mcpstore_transport::{AdapterSet, HandshakeError, LaunchError, Launched, LogRing, Outside, Session, ToolList};
use mcpstore_types::{Clock, ExitStatus, Health, Incarnation, Notice, PhaseName, ServiceName, ServiceSpec, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::asleep::Learning;
use crate::client_sides::ClientSides;
use crate::detail::error_chain;
use crate::events::{EventLog, Events};
use crate::keeper::Keeper;
use crate::known::KnownLists;
use crate::life::{self, Life};
use crate::monitor::ServiceMonitor;
use crate::msg::{Answer, KnownOf, Msg, News};
use crate::offers::Offers;
use crate::snapshot::Snapshot;
use crate::start_times::StartTimes;
use crate::trace::Tracer;
use crate::usage::ProcessCell;
use crate::waiting::Waiting;

/// What the owner publishes and readers read.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// The version of the newest snapshot; waiters wake by it, and learn from it that the owner is gone.
    pub(crate) version: watch::Receiver<u64>,
    pub(crate) events: Events,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) wall_origin: std::time::SystemTime,
    /// Where lists are kept, when they are.
    pub(crate) keeper: Option<Arc<Keeper>>,
    /// Who makes spans of calls.
    pub(crate) tracer: Tracer,
}

/// What is kept of one service beside the core's record.
pub(crate) struct Record {
    pub(crate) spec: Arc<ServiceSpec>,
    /// The same for the helpers of a life, which go on with another one when it changes under them.
    pub(crate) spec_feed: watch::Sender<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) process: Arc<ProcessCell>,
    pub(crate) logs: Arc<LogRing>,
    /// Those of the life before: what a server said when it died is wanted most when it runs again.
    pub(crate) previous_logs: Option<Arc<LogRing>>,
    pub(crate) health: Health,
    pub(crate) tools: Option<Arc<ToolList>>,
    pub(crate) tools_error: Option<Arc<str>>,
    pub(crate) offers: Arc<Offers>,
    /// What was listed last, in any life.
    pub(crate) known: Option<Arc<KnownLists>>,
    /// It was started to learn what it offers, and sleeps again after that.
    pub(crate) learning: Learning,
    pub(crate) detail: Option<Arc<str>>,
    pub(crate) last_stderr: Arc<[String]>,
    pub(crate) start_times: StartTimes,
    pub(crate) first_start: StartTimes,
    pub(crate) life: Option<Life>,
    /// It waits for something outside.
    pub(crate) waiting: Option<Waiting>,
}

impl Record {
    /// A service that was just registered.
    pub(crate) fn new(spec: ServiceSpec, known: Option<Arc<KnownLists>>) -> Self {
        let spec = Arc::new(spec);
        Self {
            spec_feed: watch::Sender::new(Arc::clone(&spec)),
            monitor: Arc::new(ServiceMonitor::new(spec.policy.breaker)),
            spec,
            process: Arc::default(),
            logs: Arc::new(LogRing::new(Incarnation(0))),
            previous_logs: None,
            health: Health::Unknown,
            tools: None,
            tools_error: None,
            offers: Arc::default(),
            known,
            learning: Learning::No,
            detail: None,
            last_stderr: Arc::from([]),
            start_times: StartTimes::default(),
            first_start: StartTimes::default(),
            life: None,
            waiting: None,
        }
    }
}

/// What is made and shown at the end of a turn, all of it after the snapshot that it speaks of.
#[derive(Default)]
pub(crate) struct Turn {
    /// Services that may not be as the last snapshot has them.
    pub(crate) touched: BTreeSet<ServiceName>,
    pub(crate) members_changed: bool,
    pub(crate) notices: Vec<Notice>,
    pub(crate) answers: Vec<(Answer, Result<Reply, Rejection>)>,
}

/// The owner: takes inputs one by one, never waits inside one.
pub(crate) struct Owner {
    pub(crate) fleet: Fleet,
    pub(crate) records: BTreeMap<ServiceName, Record>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) version: watch::Sender<u64>,
    pub(crate) log: EventLog,
    pub(crate) turn: Turn,
    /// Running services with failures behind them: time alone makes these forgotten.
    pub(crate) on_trial: BTreeSet<ServiceName>,
    pub(crate) next_seq: u64,
    /// How many lives there were, of all services.
    pub(crate) last_life: u64,
    /// How many waits for something outside there were, of all services.
    pub(crate) last_wait: u64,
    pub(crate) adapters: AdapterSet,
    /// What we are towards the servers; `None`: a client that can do nothing for them.
    pub(crate) sides: Option<Arc<dyn ClientSides>>,
    pub(crate) inbox: mpsc::WeakSender<Msg>,
    pub(crate) helpers: TaskTracker,
    /// Cancelled when it goes.
    pub(crate) over: CancellationToken,
    effects: Vec<Effect>,
}

impl Owner {
    pub(crate) fn new(
        fleet: Fleet,
        adapters: AdapterSet,
        shared: Arc<Shared>,
        version: watch::Sender<u64>,
        log: EventLog,
        inbox: mpsc::WeakSender<Msg>,
    ) -> Self {
        Self {
            fleet,
            records: BTreeMap::new(),
            shared,
            version,
            log,
            turn: Turn::default(),
            on_trial: BTreeSet::new(),
            next_seq: 1,
            last_life: 0,
            last_wait: 0,
            adapters,
            sides: None,
            inbox,
            helpers: TaskTracker::new(),
            over: CancellationToken::new(),
            effects: Vec::new(),
        }
    }

    /// Works until every handle is gone. What still lives then is killed, as its life is dropped.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Msg>) {
        loop {
            let wait = self.fleet.next_deadline().map(|at| at.since(self.now()));
            tokio::select! {
                // A report that is here in time counts, even when its deadline passes at the same moment.
                biased;
                msg = inbox.recv() => match msg {
                    Some(msg) => self.handle(msg),
                    None => break,
                },
                () = async { sleep(wait.unwrap_or_default()).await }, if wait.is_some() => {}
            }
            // What waits already is taken before anything is published: readers see one snapshot for a burst.
            for _ in 0..inbox.len() {
                if let Ok(msg) = inbox.try_recv() {
                    self.handle(msg);
                }
            }
            // Not left to the select: an inbox that is never empty must not hold up the deadlines.
            if self.fleet.next_deadline().is_some_and(|at| at <= self.now()) {
                self.turn.touched.extend(self.on_trial.iter().cloned());
                self.apply_quietly(Input::Tick);
            }
            self.publish();
        }
        self.over.cancel();
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Takes one input. Synchronous: nothing in here waits.
    fn handle(&mut self, msg: Msg) {
        match msg {
            Msg::Command { input, answer } => {
                if let Input::ResetFailed(target) = &input {
                    self.touch_target(target);
                }
                let of_all = matches!(input, Input::Start(Target::All));
                let reply = self.apply(input);
                if of_all && reply.is_ok() {
                    self.learn_lists();
                }
                self.turn.answers.push((answer, reply));
            }
            Msg::Register { specs, known, answer } => {
                let reply = self.register(specs, &known);
                self.turn.answers.push((answer, reply));
            }
            Msg::Reconfigure { delta, known, start_added, answer } => {
                let reply = self.reconfigure(delta, &known, start_added);
                self.turn.answers.push((answer, reply));
            }
            Msg::Touched(service) => {
                self.turn.touched.insert(service);
            }
            Msg::Waited { service, id, missing } => self.waited(&service, id, missing),
            Msg::Life { service, life, news } => self.hear(&service, life, news),
        }
    }

    /// Failures are forgotten without a notice.
    fn touch_target(&mut self, target: &Target) {
        match target {
            Target::All => self.turn.touched.extend(self.records.keys().cloned()),
            Target::Names(names) => self.turn.touched.extend(names.iter().cloned()),
        }
    }

    fn register(&mut self, specs: Vec<ServiceSpec>, known: &KnownOf) -> Result<Reply, Rejection> {
        let defs: Vec<ServiceDef> = specs.iter().map(ServiceDef::from).collect();
        let reply = self.apply(Input::Register(defs))?;
        for spec in specs {
            let known = known.get(&spec.name).cloned();
            let record = Record::new(spec, known);
            self.turn.touched.insert(record.spec.name.clone());
            self.records.insert(record.spec.name.clone(), record);
        }
        self.turn.members_changed = true;
        Ok(reply)
    }

    fn hear(&mut self, service: &ServiceName, life: u64, news: News) {
        // By a number of its own, not by its incarnation: a service that was removed and came again begins anew at 1.
        let Some(incarnation) = self.life(service).filter(|now| now.id == life).map(|now| now.incarnation) else {
            // A launch that comes too late is dropped here, which kills it.
            tracing::debug!(%service, "news of a life that is over");
            return;
        };
        self.turn.touched.insert(service.clone());
        match news {
            News::Launched(outcome) => self.launched(service, incarnation, outcome),
            News::Handshake(result) => self.shook_hands(service, incarnation, result),
            News::Tools(result) => self.listed(service, result),
            News::Offer(kind, list) => {
                if let Some(record) = self.records.get_mut(service) {
                    record.offers = Arc::new(record.offers.with(kind, list));
                }
                self.keep_lists(service);
            }
            News::Health { health, consequence, detail } => {
                if let Some(record) = self.records.get_mut(service) {
                    record.health = health;
                }
                if consequence.is_none() && detail.is_some() && matches!(self.phase(service), Some(PhaseName::Probe)) {
                    // Why its start-up check does not pass.
                    self.set_words(service, detail.clone(), false);
                }
                if let Some(report) = consequence {
                    if self.heeds(service, report) {
                        self.set_words(service, detail, matches!(report, Report::LivenessFail));
                    }
                    self.report(service, incarnation, report);
                }
            }
            News::Listed => self.learned(service),
            News::Idle => self.fall_asleep(service, incarnation),
            News::Report(report) => {
                match report {
                    Report::Exit(status) => self.exited(service, status),
                    Report::GroupEmpty => {
                        self.note_exit_detail(service);
                        if let Some(life) = self.life_mut(service) {
                            life.gone = true;
                        }
                    }
                    Report::LivenessFail if self.heeds(service, report) => {
                        self.set_words(service, Some("it closed its output, but did not exit".into()), true);
                    }
                    _ => {}
                }
                self.report(service, incarnation, report);
            }
        }
        self.sleep_when_learned(service, incarnation);
    }

    /// Whether the core will act on this report, as far as words are set for it: else they would stand beside a reason
    /// that is not theirs.
    fn heeds(&self, service: &ServiceName, report: Report) -> bool {
        let Some(phase) = self.phase(service) else { return false };
        match report {
            Report::ProbeUp => matches!(phase, PhaseName::Probe | PhaseName::Degraded),
            Report::ProbeDown => matches!(phase, PhaseName::Ready),
            Report::LivenessFail => matches!(phase, PhaseName::Probe | PhaseName::Ready | PhaseName::Degraded),
            Report::InitOk | Report::InitErr(_) | Report::Respawn => matches!(phase, PhaseName::Init),
            _ => true,
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
                self.set_words(service, Some(error_chain(&error)), false);
                Report::SpawnErr(if error.is_permanent() { SpawnFailure::Spec } else { SpawnFailure::Transient })
            }
            Some(Ok(launched)) => {
                if let Some(reporter) = self.reporter(service) {
                    let settled = self.life_mut(service).map(|life| life.settled.clone()).unwrap_or_default();
                    self.helpers.spawn(life::watch_exit(Arc::clone(&launched.endpoint), settled, reporter));
                }
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
            // A stop overtook it: nobody wants the session any more.
            Ok(session) if !self.heeds(service, Report::InitOk) => {
                session.close();
                return;
            }
            Ok(session) => {
                let Some(reporter) = self.reporter(service) else { return };
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
                let report = match &error {
                    HandshakeError::ExitedAtProbe { .. } => Report::Respawn,
                    HandshakeError::Auth { .. } => Report::InitErr(InitFailure::AuthRefused),
                    HandshakeError::NeedsLogin { .. } => Report::InitErr(InitFailure::NeedsLogin),
                    _ => Report::InitErr(InitFailure::Transient),
                };
                if self.heeds(service, report) {
                    self.set_words(service, Some(error_chain(&error)), true);
                }
                report
            }
        };
        self.report(service, incarnation, report);
    }

    fn listed(&mut self, service: &ServiceName, result: Result<ToolList, String>) {
        let Some(record) = self.records.get_mut(service) else { return };
        match result {
            Ok(tools) => {
                record.monitor.note_list(true);
                record.tools = Some(Arc::new(tools));
                record.tools_error = None;
                self.keep_lists(service);
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

    pub(crate) fn report(&mut self, service: &ServiceName, incarnation: Incarnation, report: Report) {
        self.apply_quietly(Input::Report { service: service.clone(), incarnation, report });
    }

    pub(crate) fn apply_quietly(&mut self, input: Input) {
        if let Err(rejection) = self.apply(input) {
            tracing::warn!(%rejection, "the core rejected an input that cannot be rejected");
        }
    }

    /// Hands an input to the core and does what it says.
    pub(crate) fn apply(&mut self, input: Input) -> Result<Reply, Rejection> {
        self.apply_after(input, |_| {})
    }

    /// As [`Owner::apply`]; `prepare` runs once the core has taken the input, before anything of it is done.
    pub(crate) fn apply_after(&mut self, input: Input, prepare: impl FnOnce(&mut Self)) -> Result<Reply, Rejection> {
        let now = self.now();
        let mut effects = std::mem::take(&mut self.effects);
        let reply = self.fleet.apply(now, input, &mut effects);
        if let Ok(reply) = &reply {
            self.turn.touched.extend(reply.affected.iter().cloned());
            prepare(self);
        }
        for effect in effects.drain(..) {
            match effect {
                Effect::Notice { service, incarnation, step, dependency } => {
                    self.notice(now, service, incarnation, step, dependency.as_ref());
                }
                Effect::Act { service, incarnation, action } => self.act(&service, incarnation, action),
                Effect::Await { service, wait } => self.begin_wait(&service, wait),
            }
        }
        self.effects = effects;
        reply
    }

    pub(crate) fn phase(&self, service: &ServiceName) -> Option<PhaseName> {
        self.fleet.unit(service.as_str()).map(|unit| unit.phase.name())
    }

    pub(crate) fn life(&self, service: &ServiceName) -> Option<&Life> {
        self.records.get(service)?.life.as_ref()
    }

    pub(crate) fn life_mut(&mut self, service: &ServiceName) -> Option<&mut Life> {
        self.records.get_mut(service)?.life.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TokioClock;
    use mcpstore_core::FleetConfig;
    use mcpstore_transport::Surroundings;

    /// An owner of a service `s` that was told to start; its launch has not come back.
    fn owner(inbox: &mpsc::Sender<Msg>) -> (Owner, ServiceName) {
        let (version, versions) = watch::channel(0);
        let log = EventLog::new(10);
        let shared = Shared {
            snapshot: ArcSwap::from_pointee(Snapshot::default()),
            version: versions,
            events: log.reader(),
            clock: Arc::new(TokioClock::new()),
            outside: Arc::new(Surroundings::new(None)),
            wall_origin: std::time::SystemTime::now(),
            keeper: None,
            tracer: Tracer::default(),
        };
        let fleet = Fleet::new(FleetConfig::default());
        let mut owner = Owner::new(fleet, AdapterSet::empty(), Arc::new(shared), version, log, inbox.downgrade());
        let name = ServiceName::new("s").unwrap();
        owner.register(vec![ServiceSpec::stdio(name.clone(), "x", Vec::<String>::new())], &KnownOf::new()).unwrap();
        owner.apply(Input::Start(Target::All)).unwrap();
        (owner, name)
    }

    #[tokio::test]
    async fn news_of_another_life_change_nothing_though_its_number_be_the_same() {
        let (inbox, _mailbox) = mpsc::channel(8);
        let (mut owner, service) = owner(&inbox);
        let before = *owner.fleet.unit("s").unwrap();
        assert_eq!((before.phase.name(), before.incarnation), (PhaseName::Spawn, Incarnation(1)));
        owner.publish();
        let late = [
            News::Report(Report::SpawnOk),
            News::Report(Report::SpawnErr(SpawnFailure::Spec)),
            News::Tools(Ok(ToolList::default())),
            News::Health { health: Health::Unhealthy, consequence: Some(Report::LivenessFail), detail: None },
            News::Launched(None),
        ];
        for news in late {
            owner.handle(Msg::Life { service: service.clone(), life: 0, news });
        }
        assert_eq!(*owner.fleet.unit("s").unwrap(), before);
        assert!(owner.records["s"].tools.is_none() && owner.turn.touched.is_empty());
        let news = News::Report(Report::SpawnOk);
        owner.handle(Msg::Life { service, life: owner.last_life, news });
        assert_eq!(owner.fleet.unit("s").unwrap().phase.name(), PhaseName::Init);
    }
}
