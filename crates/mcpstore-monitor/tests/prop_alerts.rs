//! Properties of the alert engine under any sequence of observations, ticks, silences, specs, removals and restarts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcpstore_monitor::{AlertEngine, AlertEvent, AlertStatus, Observation, WindowStats};
use mcpstore_types::{AlertKind, AlertRule, AlertsSpec, FailKind, Health, Phase, ServiceName, StopKind, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

const STARTED: u64 = 1_700_000_000_000;

#[derive(Clone, Debug)]
enum Step {
    /// Milliseconds pass, with ticks at every deadline or only at the end.
    Wait(u64, bool),
    See(Box<Observation>),
    Silence(Option<AlertKind>, Option<&'static str>, u64),
    Unsilence(usize),
    Spec(AlertsSpec),
    Remove(usize),
    Restart,
}

fn service(which: usize) -> ServiceName {
    ServiceName::new(["web", "db", "web-2"][which % 3]).unwrap()
}

fn phase() -> impl Strategy<Value = Phase> {
    let failed = prop_oneof![
        3 => Just(FailKind::GaveUp),
        1 => Just(FailKind::Leaked),
        1 => Just(FailKind::StopFailed),
        2 => Just(FailKind::Dependency),
        1 => Just(FailKind::Exit),
    ];
    prop_oneof![
        5 => failed.prop_map(|kind| Phase::Failed { kind }),
        3 => Just(Phase::Ready),
        1 => Just(Phase::Idle),
        2 => Just(Phase::Spawn),
        1 => Just(Phase::Cleanup),
        1 => Just(Phase::Stopped { kind: StopKind::ByUser }),
        1 => Just(Phase::Removed),
    ]
}

fn observation() -> impl Strategy<Value = Observation> {
    let health =
        prop_oneof![Just(Health::Unknown), Just(Health::Healthy), Just(Health::Degraded), Just(Health::Unhealthy)];
    let window = (0..60_u64, 0..60_u64, proptest::option::of(0..20_000_u64)).prop_map(|(calls, errors, p95)| {
        WindowStats { calls, errors: errors.min(calls), p95: p95.map(Duration::from_millis) }
    });
    let numbers = (any::<bool>(), any::<bool>(), 0..4_u32, proptest::option::of(0..5_u32));
    (0..3_usize, phase(), health, window, numbers, vec(0..900_u64, 0..8), proptest::option::of(0..3_600_u64)).prop_map(
        |(which, phase, health, window, (wanted, leaked, failures, budget_left), ages, starting)| Observation {
            wanted,
            leaked,
            health,
            failures,
            budget_left,
            restart_ages: ages.into_iter().map(Duration::from_secs).collect(),
            starting_since: starting.map(Timestamp::from_secs),
            error_window: window,
            latency_window: window,
            ..Observation::new(service(which), phase)
        },
    )
}

fn spec() -> impl Strategy<Value = AlertsSpec> {
    let switches = vec((proptest::bool::weighted(0.8), 0..3_usize, 0..90_u64, 0..90_u64), AlertKind::ALL.len());
    (proptest::bool::weighted(0.9), proptest::option::of(0..200_u64), switches).prop_map(
        |(enabled, repeat, switches)| {
            let rules =
                AlertKind::ALL.into_iter().zip(switches).map(|(kind, (enabled, names, hold, resolve))| AlertRule {
                    enabled,
                    services: [vec![], vec!["web*".to_owned()], vec!["d?".to_owned()]]
                        .into_iter()
                        .nth(names)
                        .unwrap_or_default(),
                    hold: Duration::from_secs(hold),
                    resolve_after: Duration::from_secs(resolve),
                    ..AlertRule::new(kind)
                });
            AlertsSpec {
                enabled,
                rules: rules.collect(),
                repeat: repeat.map(Duration::from_secs),
                ..AlertsSpec::default()
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let kind = proptest::option::of(proptest::sample::select(AlertKind::ALL.to_vec()));
    prop_oneof![
        6 => (0..120_000_u64, any::<bool>()).prop_map(|(ms, exact)| Step::Wait(ms, exact)),
        12 => observation().prop_map(|seen| Step::See(Box::new(seen))),
        2 => (kind, proptest::option::of(Just("web*")), 0..200_u64)
            .prop_map(|(kind, services, seconds)| Step::Silence(kind, services, seconds)),
        1 => any::<usize>().prop_map(Step::Unsilence),
        1 => spec().prop_map(Step::Spec),
        1 => (0..3_usize).prop_map(Step::Remove),
        1 => Just(Step::Restart),
    ]
}

/// What a receiver knows: which alerts are open, and every name it ever heard.
#[derive(Default)]
struct Receiver {
    open: BTreeMap<(AlertKind, ServiceName), String>,
    names: BTreeSet<String>,
    last_ms: u64,
}

impl Receiver {
    fn hear(&mut self, events: &[AlertEvent]) -> Result<(), TestCaseError> {
        for event in events {
            prop_assert!(event.at_ms >= self.last_ms && event.since_ms <= event.at_ms);
            self.last_ms = event.at_ms;
            let of = (event.kind, event.service.clone());
            match event.status {
                AlertStatus::Firing => {
                    prop_assert!(self.names.insert(event.id.clone()), "the name {} twice", event.id);
                    prop_assert_eq!(self.open.insert(of, event.id.clone()), None, "fired twice");
                }
                AlertStatus::Repeated => prop_assert_eq!(self.open.get(&of), Some(&event.id)),
                AlertStatus::Resolved => prop_assert_eq!(self.open.remove(&of), Some(event.id.clone())),
            }
        }
        Ok(())
    }
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_alert_fires_once_and_resolves_once(first in spec(), steps in vec(step(), 0..150)) {
        let mut spec = first;
        let mut engine = AlertEngine::new(spec.clone(), STARTED);
        let mut receiver = Receiver::default();
        let (mut now, mut started) = (Timestamp::ZERO, STARTED);
        for step in steps {
            match step {
                Step::Wait(ms, exact) => {
                    let until = now.after(Duration::from_millis(ms));
                    while let Some(due) = engine.next_deadline().filter(|&due| exact && due <= until) {
                        // A restored alert may be due at once.
                        now = due.max(now);
                        receiver.hear(&engine.tick(now))?;
                        prop_assert!(engine.next_deadline().is_none_or(|next| next > now), "a deadline that stays");
                    }
                    now = until;
                    receiver.hear(&engine.tick(now))?;
                }
                Step::See(seen) => receiver.hear(&engine.observe(now, *seen))?,
                Step::Silence(kind, services, seconds) => {
                    let until = now.after(Duration::from_secs(seconds));
                    let made = engine.silence(now, kind, services.map(str::to_owned), until, String::new());
                    prop_assert_eq!(made.is_ok(), seconds > 0);
                }
                Step::Unsilence(which) => {
                    if let Some(id) = engine.silences().iter().map(|silence| silence.id).nth(which % 4) {
                        receiver.hear(&engine.unsilence(now, id).unwrap())?;
                    }
                }
                Step::Spec(other) => {
                    spec = other;
                    receiver.hear(&engine.set_spec(now, spec.clone()))?;
                }
                Step::Remove(which) => receiver.hear(&engine.remove(now, &service(which)))?,
                Step::Restart => {
                    let (views, silences) = (engine.active(), engine.silences().to_vec());
                    // The next manager starts a moment later; its time begins anew.
                    started += u64::try_from(now.since_start().as_millis()).unwrap() + 1_000;
                    let before = engine.firing();
                    engine = AlertEngine::new(spec.clone(), started);
                    engine.restore(views, silences);
                    prop_assert_eq!(engine.firing(), before);
                    now = Timestamp::ZERO;
                }
            }
            // What the engine says is so is what a receiver heard.
            let active = engine.active();
            prop_assert!(active.len() <= 3 * AlertKind::ALL.len());
            let told = active.iter().filter(|view| view.told_ms.is_some());
            let told: BTreeMap<_, _> = told.map(|view| ((view.kind, view.service.clone()), view.id.clone())).collect();
            prop_assert_eq!(&told, &receiver.open);
        }
        // In the end everything that was told is resolved.
        for which in 0..3 {
            receiver.hear(&engine.remove(now, &service(which)))?;
        }
        prop_assert!(receiver.open.is_empty());
        prop_assert!(engine.active().is_empty());
    }
}
