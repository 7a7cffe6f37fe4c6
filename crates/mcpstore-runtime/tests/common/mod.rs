//! A supervisor over scripted services, in virtual time.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcpstore_core::{is_public_edge, jitter_key, spread};
use mcpstore_runtime::{FleetConfig, ServiceInfo, Supervisor, SupervisorConfig, Target};
use mcpstore_testkit::scripted::{Happened, Life, ScriptedAdapter, ScriptedOutside};
use mcpstore_transport::{AdapterSet, TreeUsage, UsageSource};
use mcpstore_types::{Notice, PhaseName, Reason, ServiceName, ServiceSpec, ServiceState};

/// One second; tests count in it.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The seed of every run.
pub(crate) const SEED: u64 = 7;

/// So many milliseconds.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The name `text`.
pub(crate) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

/// A service without dependencies and with every default.
pub(crate) fn spec(text: &str) -> ServiceSpec {
    ServiceSpec::stdio(name(text), "scripted", Vec::<String>::new())
}

/// A service that requires others.
pub(crate) fn needs(text: &str, others: &[&str]) -> ServiceSpec {
    spec(text).depends_on(others.iter().map(|other| name(other)))
}

/// Measures what a test wrote down for a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedUsage(Arc<Mutex<BTreeMap<u32, u64>>>);

impl ScriptedUsage {
    /// From now on this process takes so much memory.
    pub(crate) fn takes(&self, pid: u32, resident_bytes: u64) {
        self.0.lock().unwrap().insert(pid, resident_bytes);
    }
}

impl UsageSource for ScriptedUsage {
    fn sample(&self, mains: &[u32]) -> Vec<Option<TreeUsage>> {
        let known = self.0.lock().unwrap();
        let usage = |pid| known.get(pid).map(|bytes| TreeUsage { resident_bytes: *bytes, ..TreeUsage::default() });
        mains.iter().map(usage).collect()
    }

    fn own(&self) -> Option<TreeUsage> {
        None
    }
}

/// A supervisor and the world its services live in.
pub(crate) struct Sim {
    /// The world.
    pub(crate) world: ScriptedAdapter,
    /// What is outside of every session; everything is there until scripted.
    pub(crate) outside: ScriptedOutside,
    /// What its processes take.
    pub(crate) usage: ScriptedUsage,
    /// The supervisor.
    pub(crate) supervisor: Supervisor,
}

impl Sim {
    /// A supervisor of these services, every one with a good life until scripted.
    pub(crate) async fn of(specs: Vec<ServiceSpec>) -> Self {
        Self::set_up(specs, |_| {}).await
    }

    /// As [`Sim::of`], with another set-up.
    pub(crate) async fn set_up(specs: Vec<ServiceSpec>, change: impl FnOnce(&mut SupervisorConfig)) -> Self {
        let world = ScriptedAdapter::new("stdio");
        let (outside, usage) = (ScriptedOutside::new(), ScriptedUsage::default());
        let mut config = SupervisorConfig {
            fleet: FleetConfig { seed: SEED, ..FleetConfig::default() },
            adapters: AdapterSet::empty().with(Arc::new(world.clone())),
            outside: Some(Arc::new(outside.clone())),
            usage: Arc::new(usage.clone()),
            // Seldom, unless a test is about it.
            usage_interval: Duration::from_secs(86_400),
            ..SupervisorConfig::default()
        };
        change(&mut config);
        let supervisor = Supervisor::launch(config);
        supervisor.add(specs).await.unwrap();
        Self { world, outside, usage, supervisor }
    }

    /// Writes the script of a service.
    pub(crate) fn script(&self, service: &str, lives: impl IntoIterator<Item = Life>) {
        self.world.script(&name(service), lives);
    }

    /// Starts everything, and waits until all came to rest.
    pub(crate) async fn up(&self) {
        self.supervisor.start_all_and_wait().await.unwrap();
    }

    /// Starts one service without waiting.
    pub(crate) async fn start(&self, service: &str) {
        let reply = self.supervisor.start(Target::from(name(service))).await.unwrap();
        assert!(reply.refused.is_empty(), "{:?}", reply.refused);
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// A service as of now.
    pub(crate) fn info(&self, service: &str) -> Arc<ServiceInfo> {
        self.supervisor.info(service).unwrap()
    }

    /// The state of a service as of now.
    pub(crate) fn state(&self, service: &str) -> ServiceState {
        self.info(service).status.state
    }

    /// The phase of a service as of now, as text.
    pub(crate) fn phase(&self, service: &str) -> String {
        self.info(service).status.phase.to_string()
    }

    /// How far into its first interval the probes of a running service begin.
    pub(crate) fn offset(&self, service: &str, interval: Duration) -> Duration {
        spread(interval, jitter_key(SEED, &name(service)))
    }

    /// Everything that was ever shown. Fails when it has a gap, or shows what is no public edge.
    pub(crate) fn notices(&self) -> Vec<Arc<Notice>> {
        let notices = self.supervisor.events().since(0);
        check_notices(&notices);
        notices
    }

    /// What was shown of one service: `life state→state phase reason`, one a line; the state only where it changed.
    pub(crate) fn told(&self, service: &str) -> Vec<String> {
        self.notices().iter().filter(|notice| notice.service == service).map(|notice| line(notice)).collect()
    }

    /// When a service was launched.
    pub(crate) fn launches(&self, service: &str) -> Vec<Duration> {
        self.when(service, |what| matches!(what, Happened::Launched { .. }))
    }

    /// When a service was asked whether it lives.
    pub(crate) fn pings(&self, service: &str) -> Vec<Duration> {
        self.when(service, |what| what == Happened::Pinged)
    }

    /// When a service moved into a phase for a reason, counted from the start.
    pub(crate) fn moved(&self, service: &str, phase: PhaseName, reason: Reason) -> Vec<Duration> {
        let notices = self.notices().into_iter();
        notices
            .filter(|notice| notice.service == service && notice.phase == phase && notice.reason == reason)
            .map(|notice| notice.time.since_start())
            .collect()
    }

    /// When something happened to a service.
    pub(crate) fn when(&self, service: &str, what: impl Fn(Happened) -> bool) -> Vec<Duration> {
        let records = self.world.records().into_iter();
        records.filter(|record| record.service == service && what(record.what)).map(|record| record.at).collect()
    }
}

fn line(notice: &Notice) -> String {
    let word = |state: Option<ServiceState>| state.map_or("-", ServiceState::as_str);
    let states = if notice.from == notice.to {
        word(notice.to).to_owned()
    } else {
        format!("{}→{}", word(notice.from), word(notice.to))
    };
    format!("{} {states} {} {}", notice.incarnation, notice.phase, notice.reason.as_str())
}

/// Notices are numbered without a gap, and each shows one public edge that starts where the one before ended.
pub(crate) fn check_notices(notices: &[Arc<Notice>]) {
    let mut at = BTreeMap::new();
    for (index, notice) in notices.iter().enumerate() {
        assert_eq!(notice.seq, index as u64 + 1, "a gap before {notice:?}");
        assert!(is_public_edge(notice.from, notice.to), "no public edge: {notice:?}");
        let before = at.insert(notice.service.clone(), notice.to).flatten();
        assert_eq!(notice.from, before, "it was elsewhere: {notice:?}");
        assert_eq!(notice.to, notice.phase.state(), "the state is not the phase's: {notice:?}");
    }
    let times: Vec<_> = notices.iter().map(|notice| notice.time).collect();
    assert!(times.is_sorted(), "time goes back: {times:?}");
}
