//! Every rule for alerts in virtual time, with the exact instants of what is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use mcpstore_monitor::{
    AlertEngine, AlertEvent, AlertStage, AlertStatus, AlertView, Observation, Silence, SilenceError, WindowStats,
};
use mcpstore_types::{
    AlertKind, AlertRule, AlertSeverity, AlertsSpec, FailKind, Health, Phase, ServiceName, StopKind, Timestamp,
};

/// The moment of the manager's start, in milliseconds since the Unix epoch.
const STARTED: u64 = 1_700_000_000_000;

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn seen(phase: Phase) -> Observation {
    Observation::new(name("web"), phase)
}

const fn failed(kind: FailKind) -> Phase {
    Phase::Failed { kind }
}

const STOPPED: Phase = Phase::Stopped { kind: StopKind::ByUser };

/// An engine in which only one rule is on, and what it told: second, status.
struct World {
    engine: AlertEngine,
    told: Vec<(f64, AlertStatus)>,
    events: Vec<AlertEvent>,
}

impl World {
    /// With the default rule for one kind, and nothing repeated.
    fn only(kind: AlertKind) -> Self {
        Self::with(AlertRule::new(kind))
    }

    fn with(rule: AlertRule) -> Self {
        Self::of(AlertsSpec { rules: vec![rule], repeat: None, ..AlertsSpec::default() })
    }

    fn of(spec: AlertsSpec) -> Self {
        Self { engine: AlertEngine::new(spec, STARTED), told: Vec::new(), events: Vec::new() }
    }

    fn tell(&mut self, events: Vec<AlertEvent>) {
        for event in events {
            self.told.push(((event.at_ms - STARTED) as f64 / 1e3, event.status));
            self.events.push(event);
        }
    }

    /// Lets time pass, ticking at each deadline and at no other time.
    fn run_to(&mut self, until: Timestamp) {
        while let Some(due) = self.engine.next_deadline().filter(|&due| due <= until) {
            let events = self.engine.tick(due);
            self.tell(events);
            assert!(self.engine.next_deadline().is_none_or(|next| next > due), "a deadline that stays");
        }
    }

    fn see(&mut self, second: u64, seen: Observation) {
        self.run_to(at(second));
        let events = self.engine.observe(at(second), seen);
        self.tell(events);
    }

    fn stages(&self) -> Vec<AlertStage> {
        self.engine.active().iter().map(|view| view.stage).collect()
    }
}

use AlertStatus::{Firing, Repeated, Resolved};

#[test]
fn gave_up_fires_at_once_and_is_over_when_it_runs_or_is_stopped() {
    let mut world = World::only(AlertKind::GaveUp);
    world.see(5, seen(failed(FailKind::Dependency)));
    world.see(10, seen(failed(FailKind::GaveUp)));
    world.see(11, seen(failed(FailKind::GaveUp)));
    // Another attempt is not the end of it, and failing again is not a second alert.
    world.see(20, seen(Phase::Spawn));
    world.see(21, seen(failed(FailKind::GaveUp)));
    world.see(30, seen(Phase::Spawn));
    world.see(32, seen(Phase::Ready));
    world.see(40, seen(failed(FailKind::GaveUp)));
    world.see(50, seen(STOPPED));
    assert_eq!(world.told, [(10.0, Firing), (32.0, Resolved), (40.0, Firing), (50.0, Resolved)]);
    let ids: Vec<&str> = world.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!((ids[0] == ids[1], ids[1] == ids[2], ids[2] == ids[3]), (true, false, true));
    assert!(world.engine.active().is_empty());
}

#[test]
fn whatever_keeps_it_down_for_good_is_told() {
    let all = [FailKind::Exit, FailKind::StartTimeout, FailKind::Handshake, FailKind::Auth, FailKind::Config];
    for kind in all {
        let mut world = World::only(AlertKind::GaveUp);
        world.see(10, seen(failed(kind)));
        assert_eq!(world.told, [(10.0, Firing)], "{kind:?}");
    }
    for kind in [FailKind::Dependency, FailKind::Leaked, FailKind::StopFailed] {
        let mut world = World::only(AlertKind::GaveUp);
        world.see(10, seen(failed(kind)));
        assert_eq!(world.told, [], "{kind:?} has an alert of its own");
    }
}

#[test]
fn a_budget_that_is_used_up_is_not_told_to_be_over() {
    let mut world = World::only(AlertKind::BudgetNear);
    let left = |phase, left| Observation { failures: 4, budget_left: Some(left), ..seen(phase) };
    world.see(10, left(Phase::Cleanup, 1));
    world.see(20, left(failed(FailKind::GaveUp), 0));
    world.see(500, Observation { budget_left: Some(5), ..seen(failed(FailKind::GaveUp)) });
    assert_eq!(world.told, [(10.0, Firing)]);
    world.see(600, Observation { budget_left: Some(5), ..seen(Phase::Ready) });
    world.see(700, Observation { budget_left: Some(5), ..seen(Phase::Ready) });
    assert_eq!(world.told, [(10.0, Firing), (660.0, Resolved)]);
}

#[test]
fn an_event_says_it_all() {
    let mut world = World::only(AlertKind::GaveUp);
    world.see(10, Observation { why: "exit code 3\nno such module".into(), ..seen(failed(FailKind::GaveUp)) });
    let event = world.events.remove(0);
    assert_eq!(
        (event.kind, event.service.as_str(), event.severity),
        (AlertKind::GaveUp, "web", AlertSeverity::Critical)
    );
    assert_eq!((event.at_ms, event.since_ms, event.value), (STARTED + 10_000, STARTED + 10_000, None));
    assert_eq!(event.summary, "web: it is down and stays down: its restarts are used up, or would not help");
    assert_eq!(event.detail, "exit code 3\nno such module");
    assert_eq!(event.id, format!("{}-{}-0", event.fingerprint, STARTED + 10_000));
    let long = Observation { why: "ä".repeat(9_999), ..seen(STOPPED) };
    world.see(11, long);
    assert_eq!(world.events[0].detail.len(), Observation::MAX_WHY);
}

#[test]
fn leaked_processes_fire_until_they_are_gone() {
    let mut world = World::only(AlertKind::Leaked);
    world.see(1, seen(failed(FailKind::Leaked)));
    world.see(2, Observation { leaked: true, ..seen(Phase::Ready) });
    world.see(9, seen(Phase::Ready));
    assert_eq!(world.told, [(1.0, Firing), (9.0, Resolved)]);
}

#[test]
fn a_failed_stop_fires_until_it_is_gone() {
    let mut world = World::only(AlertKind::StopFailed);
    world.see(1, seen(Phase::Kill));
    world.see(3, seen(failed(FailKind::StopFailed)));
    world.see(9, seen(STOPPED));
    assert_eq!(world.told, [(3.0, Firing), (9.0, Resolved)]);
}

#[test]
fn flapping_fires_at_the_fifth_restart_and_resolves_five_minutes_after_one_is_left() {
    let mut world = World::only(AlertKind::Flapping);
    let restarts = [100, 110, 120, 130, 140];
    for (count, &now) in restarts.iter().enumerate() {
        let restart_ages = restarts[..=count].iter().map(|then| s(now - then)).collect();
        world.see(now, Observation { restart_ages, ..seen(Phase::Ready) });
    }
    assert_eq!((world.told.as_slice(), world.events[0].value), (&[(140.0, Firing)][..], Some(5.0)));
    assert_eq!(world.events[0].detail, "5 restart(s) within 600 s");
    world.run_to(at(2_000));
    // The fourth leaves the window after 730 s; 300 s later it is over. Told to the nanosecond, shown to the millisecond.
    assert_eq!(world.told, [(140.0, Firing), (1_030.0, Resolved)]);
    assert_eq!(world.events[1].value, Some(0.0));
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn a_slow_flapper_does_not_fire_and_a_relapse_keeps_it_firing() {
    let mut world = World::only(AlertKind::Flapping);
    for restart in 0..20 {
        let ages = (0..=restart).rev().map(|then| s(then * 151)).collect();
        world.see(restart * 151, Observation { restart_ages: ages, ..seen(Phase::Ready) });
    }
    assert_eq!(world.told, []);
    let mut world = World::only(AlertKind::Flapping);
    world.see(0, Observation { restart_ages: vec![s(0); 5], ..seen(Phase::Ready) });
    // Clear from 600 s on, over at 900 s; two restarts in between.
    world.see(800, Observation { restart_ages: vec![s(0); 2], ..seen(Phase::Ready) });
    assert_eq!(world.stages(), [AlertStage::Firing]);
    world.run_to(at(10_000));
    assert_eq!(world.told, [(0.0, Firing), (1_700.0, Resolved)]);
}

#[test]
fn only_so_many_restarts_are_held() {
    let mut world = World::only(AlertKind::Flapping);
    world.see(10, Observation { restart_ages: vec![s(1); 500], ..seen(Phase::Ready) });
    assert_eq!(world.events[0].value, Some(Observation::MAX_RESTARTS as f64));
}

#[test]
fn restarts_before_the_managers_start_count() {
    let mut world = World::only(AlertKind::Flapping);
    world.see(10, Observation { restart_ages: vec![s(500); 5], ..seen(Phase::Ready) });
    world.run_to(at(1_000));
    assert_eq!(world.told, [(10.0, Firing), (410.0, Resolved)]);
}

#[test]
fn a_failed_dependency_fires_after_a_minute() {
    let mut world = World::only(AlertKind::DependencyFailed);
    let down = || Observation { dependency: Some(name("db")), ..seen(failed(FailKind::Dependency)) };
    world.see(10, down());
    world.see(40, seen(Phase::Ready));
    world.see(100, down());
    world.see(130, down());
    world.see(200, seen(Phase::Spawn));
    world.see(205, seen(Phase::Ready));
    assert_eq!(world.told, [(160.0, Firing), (205.0, Resolved)]);
    assert_eq!((world.events[0].since_ms, world.events[0].detail.as_str()), (STARTED + 100_000, "`db` is down"));
}

#[test]
fn failing_probes_fire_after_a_minute_and_resolve_after_a_minute() {
    let mut world = World::only(AlertKind::ProbeDegraded);
    let health = |health| Observation { health, ..seen(Phase::Ready) };
    world.see(0, health(Health::Degraded));
    world.see(59, health(Health::Healthy));
    world.see(60, health(Health::Degraded));
    world.see(100, health(Health::Unhealthy));
    world.see(130, health(Health::Healthy));
    world.see(180, health(Health::Degraded));
    // In a new life no probe has spoken: that is no end.
    world.see(190, health(Health::Unknown));
    world.see(200, health(Health::Healthy));
    world.run_to(at(1_000));
    assert_eq!(world.told, [(120.0, Firing), (260.0, Resolved)]);
    world.see(1_000, health(Health::Degraded));
    world.see(1_100, seen(STOPPED));
    world.run_to(at(2_000));
    assert_eq!(world.told[2..], [(1_060.0, Firing), (1_160.0, Resolved)]);
}

#[test]
fn a_slow_start_fires_after_half_a_minute_of_it() {
    let mut world = World::only(AlertKind::StartSlow);
    let starting = |since| Observation { starting_since: Some(at(since)), ..seen(Phase::Init) };
    world.see(0, starting(0));
    world.see(29, seen(Phase::Ready));
    world.see(100, starting(100));
    world.see(150, seen(Phase::BackOff { attempt: 1, until: at(160) }));
    // The next attempt is below its limit, which is no end of the trouble.
    world.see(160, starting(160));
    world.see(170, seen(Phase::Ready));
    assert_eq!(world.told, [(130.0, Firing), (170.0, Resolved)]);
    assert_eq!((world.events[0].value, world.events[0].detail.as_str()), (Some(30.0), "starting for 30.0 s"));
    world.see(200, starting(200));
    world.see(240, seen(failed(FailKind::StartTimeout)));
    assert_eq!(world.told[2..], [(230.0, Firing), (240.0, Resolved)]);
}

#[test]
fn a_budget_near_its_end_fires_with_one_restart_left() {
    let mut world = World::only(AlertKind::BudgetNear);
    let left = |left, failures| Observation { budget_left: Some(left), failures, ..seen(Phase::Spawn) };
    // A small budget nothing was taken from.
    world.see(0, left(1, 0));
    world.see(1, left(2, 1));
    world.see(2, left(1, 2));
    world.see(3, left(0, 3));
    world.see(10, left(5, 0));
    world.run_to(at(1_000));
    assert_eq!(world.told, [(2.0, Firing), (70.0, Resolved)]);
    assert_eq!((world.events[0].value, world.events[0].detail.as_str()), (Some(1.0), "1 restart(s) left"));
}

#[test]
fn many_errors_fire_after_a_minute_with_hysteresis() {
    let mut world = World::only(AlertKind::ErrorRate);
    let calls =
        |errors, calls| Observation { error_window: WindowStats { calls, errors, p95: None }, ..seen(Phase::Ready) };
    // Too few calls say nothing.
    world.see(0, calls(19, 19));
    world.see(100, calls(2, 20));
    world.see(150, calls(1, 20));
    // Below the threshold before its time: begun anew.
    world.see(151, calls(1, 11));
    world.see(152, calls(2, 20));
    world.see(300, calls(15, 200));
    world.see(400, calls(10, 200));
    world.see(450, calls(15, 200));
    // Between the thresholds the end is put off, and the trouble does not begin.
    world.see(500, calls(10, 200));
    world.run_to(at(1_000));
    assert_eq!(world.told, [(212.0, Firing), (620.0, Resolved)]);
    assert_eq!(world.events[0].detail, "10.0 % of 20 calls failed within 300 s");
    world.see(1_000, calls(15, 200));
    world.run_to(at(2_000));
    assert_eq!(world.told.len(), 2);
}

#[test]
fn slow_calls_fire_after_a_minute_with_hysteresis() {
    let mut world = World::only(AlertKind::Latency);
    let p95 = |ms, calls| Observation {
        latency_window: WindowStats { calls, errors: 0, p95: Some(Duration::from_millis(ms)) },
        ..seen(Phase::Ready)
    };
    world.see(0, p95(60_000, 19));
    world.see(10, p95(10_000, 20));
    world.see(80, p95(9_000, 20));
    world.see(90, p95(8_000, 20));
    world.run_to(at(1_000));
    assert_eq!(world.told, [(70.0, Firing), (210.0, Resolved)]);
    assert_eq!(world.events[0].detail, "95 of 100 calls took up to 10.000 s (20 calls within 300 s)");
}

#[test]
fn what_lasts_is_repeated() {
    let mut world = World::of(AlertsSpec { repeat: Some(s(3_600)), ..AlertsSpec::default() });
    world.see(10, seen(failed(FailKind::GaveUp)));
    world.run_to(at(8_000));
    world.see(8_000, seen(Phase::Ready));
    world.run_to(at(100_000));
    assert_eq!(world.told, [(10.0, Firing), (3_610.0, Repeated), (7_210.0, Repeated), (8_000.0, Resolved)]);
    assert!(world.events.iter().all(|event| event.id == world.events[0].id));
}

#[test]
fn a_silenced_alert_is_shown_and_told_when_the_silence_ends() {
    let mut world = World::only(AlertKind::GaveUp);
    let id = world.engine.silence(at(0), Some(AlertKind::GaveUp), Some("w*".into()), at(100), "work".into()).unwrap();
    world.see(10, seen(failed(FailKind::GaveUp)));
    let view = world.engine.active().remove(0);
    assert_eq!((view.stage, view.told_ms, view.silenced_until_ms), (AlertStage::Firing, None, Some(STARTED + 100_000)));
    assert_eq!(world.engine.firing(), [(AlertKind::GaveUp, AlertSeverity::Critical, 1)]);
    world.run_to(at(200));
    assert_eq!((world.told.as_slice(), world.events[0].since_ms), (&[(100.0, Firing)][..], STARTED + 10_000));
    assert_eq!((world.engine.silences().len(), world.engine.unsilence(at(200), id)), (0, None));

    // Over before the silence is: nobody hears of it. Silenced after it was told: its end is told.
    let mut world = World::only(AlertKind::GaveUp);
    let silence = world.engine.silence(at(0), None, None, at(100), String::new()).unwrap();
    world.see(10, seen(failed(FailKind::GaveUp)));
    world.see(20, seen(Phase::Ready));
    assert_eq!(world.told, []);
    world.see(30, seen(failed(FailKind::GaveUp)));
    let events = world.engine.unsilence(at(40), silence).unwrap();
    world.tell(events);
    world.engine.silence(at(50), None, None, at(100), String::new()).unwrap();
    world.see(60, seen(Phase::Ready));
    assert_eq!(world.told, [(40.0, Firing), (60.0, Resolved)]);
}

#[test]
fn a_silence_puts_repeats_off_and_fits_only_what_it_names() {
    let mut world = World::of(AlertsSpec { repeat: Some(s(60)), ..AlertsSpec::default() });
    world.see(0, seen(failed(FailKind::GaveUp)));
    world.engine.silence(at(10), None, Some("web".into()), at(100), String::new()).unwrap();
    world.engine.silence(at(10), Some(AlertKind::Leaked), None, at(500), String::new()).unwrap();
    world.run_to(at(170));
    assert_eq!(world.told, [(0.0, Firing), (100.0, Repeated), (160.0, Repeated)]);
    let other = Observation::new(name("db"), failed(FailKind::GaveUp));
    world.see(170, other);
    assert_eq!(world.told[3..], [(170.0, Firing)]);
}

#[test]
fn silences_are_bounded() {
    let mut engine = AlertEngine::new(AlertsSpec::default(), STARTED);
    assert_eq!(engine.silence(at(5), None, None, at(5), String::new()), Err(SilenceError::Past));
    let long = "x".repeat(AlertEngine::MAX_SILENCE_TEXT + 1);
    assert_eq!(engine.silence(at(5), None, None, at(6), long), Err(SilenceError::TooLong { most: 256 }));
    let ids: Vec<_> = (0..300).map_while(|_| engine.silence(at(5), None, None, at(60), String::new()).ok()).collect();
    assert_eq!((ids.len(), ids[0], engine.silences().len()), (AlertEngine::MAX_SILENCES, 1, AlertEngine::MAX_SILENCES));
    // Those that are over make room.
    assert_eq!(engine.silence(at(60), None, None, at(70), String::new()), Ok(257));
}

#[test]
fn a_window_is_that_of_its_rule() {
    let rule = AlertRule { window: s(120), ..AlertRule::new(AlertKind::Latency) };
    let world = World::with(rule);
    assert_eq!(world.engine.window(AlertKind::Latency), s(120));
    assert_eq!(world.engine.window(AlertKind::ErrorRate), s(300));
}

#[test]
fn a_removed_service_and_a_rule_switched_off_resolve() {
    let mut world = World::of(AlertsSpec::default());
    let events = world.engine.observe(at(1), Observation::new(name("db"), failed(FailKind::GaveUp)));
    world.tell(events);
    world.see(2, seen(failed(FailKind::Leaked)));
    let events = world.engine.remove(at(3), &name("db"));
    world.tell(events);
    let mut spec = AlertsSpec::default();
    spec.rules.iter_mut().find(|rule| rule.kind == AlertKind::Leaked).unwrap().enabled = false;
    let events = world.engine.set_spec(at(4), spec.clone());
    world.tell(events);
    assert_eq!(world.told, [(1.0, Firing), (2.0, Firing), (3.0, Resolved), (4.0, Resolved)]);
    assert!(world.engine.active().is_empty());
    // On again: it is trouble still. Off as a whole: all is over.
    let events = world.engine.set_spec(at(5), AlertsSpec::default());
    world.tell(events);
    let events = world.engine.set_spec(at(6), AlertsSpec { enabled: false, ..AlertsSpec::default() });
    world.tell(events);
    world.see(7, seen(failed(FailKind::GaveUp)));
    assert_eq!(world.told[4..], [(5.0, Firing), (6.0, Resolved)]);
}

#[test]
fn a_rule_holds_for_the_services_it_names() {
    let rule = AlertRule { services: vec!["db".into(), "web-*".into()], ..AlertRule::new(AlertKind::GaveUp) };
    let mut world = World::with(rule.clone());
    for (second, service) in [(1, "web"), (2, "web-1"), (3, "db"), (4, "db2")] {
        world.see(second, Observation::new(name(service), failed(FailKind::GaveUp)));
    }
    assert_eq!(world.told, [(2.0, Firing), (3.0, Firing)]);
    // A rule that names others now: what it no longer names is over, what it names newly fires.
    let rule = AlertRule { services: vec!["db*".into()], severity: AlertSeverity::Info, ..rule };
    let events = world.engine.set_spec(at(9), AlertsSpec { rules: vec![rule], repeat: None, ..AlertsSpec::default() });
    let told: Vec<_> = events.iter().map(|event| (event.service.as_str(), event.status, event.severity)).collect();
    assert_eq!(told, [("db2", Firing, AlertSeverity::Info), ("web-1", Resolved, AlertSeverity::Critical)]);
}

#[test]
fn another_manager_goes_on_where_the_last_one_ended() {
    let mut world = World::of(AlertsSpec::default());
    world.see(10, seen(failed(FailKind::GaveUp)));
    world.see(11, Observation::new(name("gone"), failed(FailKind::GaveUp)));
    world.see(12, Observation { health: Health::Degraded, ..Observation::new(name("db"), Phase::Ready) });
    world.engine.silence(at(20), Some(AlertKind::Leaked), None, at(5_000), String::new()).unwrap();
    world.see(30, Observation::new(name("leaky"), failed(FailKind::Leaked)));
    // Through the words in which it is stored.
    let views: Vec<AlertView> = serde_json::from_str(&serde_json::to_string(&world.engine.active()).unwrap()).unwrap();
    let silences: Vec<Silence> =
        serde_json::from_str(&serde_json::to_string(world.engine.silences()).unwrap()).unwrap();
    let first = world.events[0].clone();

    // An hour later.
    let mut next = World { engine: AlertEngine::new(AlertsSpec::default(), STARTED + 3_600_000), ..world };
    (next.told, next.events) = (Vec::new(), Vec::new());
    next.engine.restore(views, silences);
    assert_eq!(next.engine.active().len(), 3, "what was pending has to begin anew");
    let events = next.engine.keep_only(at(0), |service| service.as_str() != "gone");
    assert_eq!(
        events.iter().map(|event| (event.service.as_str(), event.status)).collect::<Vec<_>>(),
        [("gone", Resolved)]
    );
    let see = |next: &mut World, second, seen| {
        let events = next.engine.observe(at(second), seen);
        next.events.extend(events);
    };
    see(&mut next, 1, seen(Phase::Idle));
    see(&mut next, 2, seen(failed(FailKind::GaveUp)));
    assert_eq!(next.events, [], "it is not told again");
    // Repeated four hours after it was told at first: three hours after this manager's start.
    let due = next.engine.next_deadline().unwrap();
    assert_eq!(due, at(1_400), "the silence ends first");
    see(&mut next, 3, Observation::new(name("leaky"), failed(FailKind::Leaked)));
    let events = next.engine.tick(due);
    assert_eq!(
        events.iter().map(|event| (event.service.as_str(), event.status)).collect::<Vec<_>>(),
        [("leaky", Firing)]
    );
    let due = next.engine.next_deadline().unwrap();
    assert_eq!(due, at(3 * 3_600 + 10));
    let repeated = next.engine.tick(due).remove(0);
    assert_eq!((repeated.status, repeated.since_ms, &repeated.id), (Repeated, STARTED + 10_000, &first.id));
    see(&mut next, 20_000, seen(Phase::Ready));
    let last = next.events.last().unwrap();
    assert_eq!((last.status, &last.id, &last.fingerprint), (Resolved, &first.id, &first.fingerprint));
}

#[test]
fn the_words_of_an_event_are_stable() {
    let mut world = World::only(AlertKind::BudgetNear);
    world.see(1, Observation { budget_left: Some(1), failures: 4, ..seen(Phase::Spawn) });
    let event = serde_json::to_value(&world.events[0]).unwrap();
    assert_eq!((event["kind"].as_str(), event["status"].as_str()), (Some("budget_near"), Some("firing")));
    assert_eq!((event["severity"].as_str(), event["service"].as_str()), (Some("warning"), Some("web")));
    let back: AlertEvent = serde_json::from_value(event).unwrap();
    assert_eq!(back, world.events[0]);
}
