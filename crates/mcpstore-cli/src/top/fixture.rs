//! Made-up services for tests and for the pictures in the docs.

use std::collections::BTreeMap;

use mcpstore::monitor::{
    CallReport, CheckReport, CircuitReport, CircuitState, LatencyReport, MetricsReport, ProcessReport, ServiceReport,
};
use mcpstore::types::{AlertKind, AlertSeverity, DepKind, Desired, Phase, Timestamp};
use mcpstore::{Dependency, Health, ServiceName, ServiceState};

use super::model::{FiringAlert, RestartBudget, ServiceFacts, TopModel};
use crate::output::{ConditionDoc, EventDoc};

pub(crate) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

pub(crate) fn calls(total: u64, errors: u64, p50_ms: f64) -> CallReport {
    let latency = LatencyReport {
        p50_ms,
        p90_ms: p50_ms * 2.0,
        p95_ms: p50_ms * 2.5,
        p99_ms: p50_ms * 4.0,
        max_ms: p50_ms * 9.0,
        mean_ms: p50_ms * 1.2,
    };
    CallReport {
        duration_buckets: Vec::new(),
        calls_total: total,
        errors_total: errors,
        errors: if errors > 0 { BTreeMap::from([("timeout".to_owned(), errors)]) } else { BTreeMap::new() },
        in_flight: total % 3,
        request_bytes_total: total * 120,
        response_bytes_total: total * 4_000,
        duration_seconds_sum: total as f64 * p50_ms / 1_000.0,
        latency: (total > errors).then_some(latency),
        last_minute: total / 60,
    }
}

pub(crate) fn running(service: &str, total: u64, errors: u64) -> ServiceReport {
    ServiceReport {
        service: name(service),
        state: ServiceState::Running,
        phase: Phase::Ready,
        health: Health::Healthy,
        alive: true,
        ready: true,
        serving: true,
        incarnation: 1,
        restarts_total: 0,
        failures: 0,
        in_state_seconds: 12_013.0,
        start_seconds: Some(0.9),
        calls: calls(total, errors, 4.1),
        tools: BTreeMap::from([
            ("read_file".to_owned(), calls(total / 2, 0, 3.2)),
            ("write_file".to_owned(), calls(total / 5, errors, 12.0)),
        ]),
        checks: CheckReport {
            total: 1_201,
            healthy: 1_200,
            average_ms: Some(1.4),
            max_ms: Some(12.0),
            min_ms: Some(0.6),
        },
        availability: Vec::new(),
        state_seconds: BTreeMap::new(),
        process: Some(ProcessReport {
            processes: 2,
            cpu_percent: 1.6,
            cpu_seconds_total: 31.0,
            resident_bytes: 88_000_000,
            open_files: 23,
            threads: 11,
        }),
        circuit: CircuitReport::default(),
        recent_calls: (0..60).map(|at| at * 7 % 23).collect(),
    }
}

fn facts(service: &str, why: &str, depends_on: Vec<Dependency>) -> ServiceFacts {
    ServiceFacts {
        service: name(service),
        why: why.to_owned(),
        desired: Desired::Up,
        retry_in_seconds: None,
        budget: RestartBudget { max_attempts: 5, max_in_window: 10, window_seconds: 600.0, ..RestartBudget::default() },
        conditions: Vec::new(),
        depends_on,
        events: Vec::new(),
    }
}

fn event(seq: u64, time: &str, from: &str, to: &str, phase: &str, reason: &str, detail: Option<&str>) -> EventDoc {
    EventDoc {
        seq,
        time: format!("2026-11-29T{time}.000Z"),
        service: "browser".to_owned(),
        incarnation: 3,
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
        phase: phase.to_owned(),
        reason: reason.to_owned(),
        detail: detail.map(str::to_owned),
    }
}

/// Three: one that runs, one whose calls fail, one that is down. Its words are those of a hostile server.
pub(crate) fn few() -> TopModel {
    let filesystem = running("filesystem", 12_720, 3);
    let mut search = running("search", 3_840, 902);
    (search.phase, search.health, search.ready) = (Phase::Degraded, Health::Degraded, false);
    (search.restarts_total, search.incarnation, search.in_state_seconds) = (4, 5, 125.0);
    search.calls.latency = calls(1, 0, 31.0).latency;
    search.circuit = CircuitReport { state: CircuitState::Open, opened_total: 2, retry_in_seconds: Some(12.4) };
    search.process = search.process.map(|own| ProcessReport { cpu_percent: 48.2, processes: 5, ..own });
    let mut browser = running("browser", 0, 0);
    browser.state = ServiceState::Error;
    browser.phase = Phase::BackOff { attempt: 3, until: Timestamp::from_secs(30) };
    (browser.health, browser.alive, browser.ready, browser.serving) = (Health::Unknown, false, false, false);
    (browser.restarts_total, browser.incarnation, browser.failures) = (6, 3, 3);
    (browser.in_state_seconds, browser.process) = (42.0, None);
    (browser.tools, browser.recent_calls) = (BTreeMap::new(), Vec::new());
    let why = "exited: exit code 3: no \u{1b}[31mlicence\u{202e} \u{200b}日本\u{1b}[2J";
    let mut broken = facts("browser", why, vec![Dependency::new(name("search"), DepKind::Wants)]);
    broken.retry_in_seconds = Some(4.5);
    (broken.budget.failures, broken.budget.in_window) = (3, 6);
    broken.conditions = vec![ConditionDoc {
        kind: "dependency_missing".to_owned(),
        status: true,
        reason: "dependency_failed".to_owned(),
        message: "runs without `search`".to_owned(),
        since: "2026-11-29T12:00:00.000Z".to_owned(),
    }];
    broken.events = vec![
        event(41, "12:00:31", "starting", "running", "ready", "probe_passed", None),
        event(44, "12:01:02", "running", "error", "cleanup", "exited", Some("exit code 3: no\u{7} licence\nmore")),
        event(45, "12:01:02", "error", "error", "back_off", "group_empty", None),
    ];
    TopModel {
        report: MetricsReport {
            at_ms: 1_764_417_662_000,
            manager_uptime_seconds: 12_020.7,
            manager: Some(ProcessReport { cpu_percent: 0.4, resident_bytes: 21_000_000, ..ProcessReport::default() }),
            services: vec![filesystem, search, browser],
        },
        facts: vec![
            facts("filesystem", "probe passed", Vec::new()),
            facts("search", "probe failed: no answer within 3s", vec![Dependency::requires(name("filesystem"))]),
            broken,
        ],
        alerts: vec![
            FiringAlert {
                service: name("browser"),
                kind: AlertKind::Flapping,
                severity: AlertSeverity::Warning,
                for_seconds: 95,
            },
            FiringAlert {
                service: name("search"),
                kind: AlertKind::ErrorRate,
                severity: AlertSeverity::Warning,
                for_seconds: 310,
            },
        ],
    }
}

/// So many, of every state; each depends on one before it.
pub(crate) fn many(count: usize) -> TopModel {
    let mut model = few();
    (model.report.services, model.facts, model.alerts) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let text = format!("service-{number:03}");
        let weight = (number * 37 % 101) as u64;
        let mut one = running(&text, weight * 60, weight / 9);
        one.state = match number % 25 {
            3 => ServiceState::Error,
            5 => ServiceState::Starting,
            7 => ServiceState::Stopped,
            11 => ServiceState::NotStarted,
            13 => ServiceState::Stopping,
            17 => ServiceState::Unknown,
            _ => ServiceState::Running,
        };
        one.phase = match one.state {
            ServiceState::Running => Phase::Ready,
            ServiceState::Starting => Phase::Init,
            ServiceState::Stopping => Phase::Drain,
            ServiceState::Unknown => Phase::Unknown,
            _ => Phase::Idle,
        };
        if one.state != ServiceState::Running {
            (one.health, one.process) = (Health::Unknown, None);
        }
        one.restarts_total = weight / 20;
        one.in_state_seconds = (number * number) as f64;
        one.process = one.process.map(|own| ProcessReport { cpu_percent: weight as f64 / 3.0, ..own });
        one.recent_calls = (0..60).map(|at| (at * number as u32) % 17).collect();
        model.report.services.push(one);
        let needs = (number > 0).then(|| Dependency::requires(name(&format!("service-{:03}", number / 4))));
        model.facts.push(facts(&text, "probe passed", needs.into_iter().collect()));
    }
    model
}
