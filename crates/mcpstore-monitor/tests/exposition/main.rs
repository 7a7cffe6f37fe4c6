//! The metrics page: as a snapshot, read back by a strict parser, bounded, and the same in both formats.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod parser;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;
use mcpstore_monitor::{
    Availability, CheckReport, CircuitReport, CircuitState, ErrorKind, Format, MetricName, MetricType, MetricsExtra,
    MetricsReport, ProcessReport, ServiceMeter, ServiceReport, SinkCounts, render,
};
use mcpstore_types::{AlertKind, AlertSeverity, Health, Phase, ServiceName, ServiceState, Timestamp};
use parser::{Family, parse};
use proptest::collection::vec;
use proptest::prelude::*;

const FORMATS: [Format; 2] = [Format::Prometheus, Format::OpenMetrics];

/// A service with these calls of tools: name, result, milliseconds.
fn service(name: &str, calls: &[(&str, Result<(), ErrorKind>, u64)]) -> ServiceReport {
    let meter = Arc::new(ServiceMeter::default());
    let now = Timestamp::from_secs(100);
    for &(tool, result, ms) in calls {
        meter.begin(meter.tool(tool), 20).end(now, Duration::from_millis(ms), result, 300);
    }
    ServiceReport {
        service: ServiceName::new(name).unwrap(),
        state: ServiceState::Running,
        phase: Phase::Ready,
        health: Health::Healthy,
        alive: true,
        ready: true,
        serving: false,
        incarnation: 3,
        restarts_total: 2,
        failures: 1,
        in_state_seconds: 60.0,
        start_seconds: Some(1.25),
        calls: meter.report(now),
        tools: meter.tool_reports(),
        checks: CheckReport { total: 10, healthy: 9, average_ms: Some(2.5), max_ms: Some(4.0), min_ms: Some(1.0) },
        availability: vec![
            Availability { window_seconds: 300, ratio: Some(0.75), wanted_seconds: 300.0 },
            Availability { window_seconds: 3_600, ratio: Some(0.5), wanted_seconds: 600.0 },
            Availability { window_seconds: 86_400, ratio: None, wanted_seconds: 0.0 },
        ],
        state_seconds: BTreeMap::from([(ServiceState::Running, 60.5), (ServiceState::Error, 2.0)]),
        process: Some(ProcessReport {
            processes: 2,
            cpu_percent: 1.5,
            cpu_seconds_total: 0.75,
            resident_bytes: 50_000_000,
            open_files: 21,
            threads: 12,
        }),
        circuit: CircuitReport { state: CircuitState::Closed, opened_total: 1, retry_in_seconds: None },
        recent_calls: meter.recent_calls(now),
    }
}

fn report(services: Vec<ServiceReport>) -> MetricsReport {
    let manager = ProcessReport {
        processes: 1,
        cpu_percent: 0.5,
        cpu_seconds_total: 12.5,
        resident_bytes: 20_000_000,
        open_files: 40,
        threads: 4,
    };
    MetricsReport { at_ms: 1_700_000_000_000, manager_uptime_seconds: 100.5, manager: Some(manager), services }
}

fn extra() -> MetricsExtra {
    MetricsExtra {
        version: "1.2.3".into(),
        alerts: vec![(AlertKind::GaveUp, AlertSeverity::Critical, 1)],
        deliveries: vec![SinkCounts { sink: "team \"a\"".into(), sent_total: 3, failed_total: 2, dropped_total: 1 }],
        history_dropped_total: 4,
        notices_dropped_total: 5,
        ..MetricsExtra::default()
    }
}

/// A small report that has everything.
fn full() -> MetricsReport {
    let calls = [
        ("add", Ok(()), 3),
        ("add", Ok(()), 70),
        ("add", Err(ErrorKind::Timeout), 60_000),
        ("list \"files\"", Ok(()), 1_500),
        ("list \"files\"", Err(ErrorKind::Tool), 10),
    ];
    report(vec![service("files", &calls)])
}

/// The value of one series.
fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: Vec<_> = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut samples = families.values().flat_map(|family| &family.samples);
    samples.find(|sample| sample.name == name && sample.labels == labels).map(|sample| sample.value)
}

#[test]
fn a_small_report_as_openmetrics() {
    let page = render(&full(), &extra(), Format::OpenMetrics);
    parse(&page, Format::OpenMetrics).unwrap();
    expect_file!["page.openmetrics.txt"].assert_eq(&page);
}

#[test]
fn a_small_report_as_prometheus_text() {
    let page = render(&full(), &extra(), Format::Prometheus);
    parse(&page, Format::Prometheus).unwrap();
    expect_file!["page.prometheus.txt"].assert_eq(&page);
}

#[test]
fn every_metric_has_the_samples_and_labels_it_promises() {
    let families = parse(&render(&full(), &extra(), Format::OpenMetrics), Format::OpenMetrics).unwrap();
    assert_eq!(families.len(), MetricName::ALL.len());
    for metric in MetricName::ALL {
        let family = &families[metric.family()];
        assert_eq!((family.kind.as_str(), family.help.as_str()), (metric.kind().as_str(), metric.help()));
        assert_eq!(family.unit.as_deref(), metric.unit());
        let names: BTreeSet<String> = family.samples.iter().map(|sample| sample.name.clone()).collect();
        assert_eq!(names, metric.samples().into_iter().collect(), "{metric:?}");
        for sample in &family.samples {
            let mut labels: Vec<&str> = sample.labels.iter().map(|(name, _)| name.as_str()).collect();
            if metric.kind() == MetricType::Histogram && sample.name.ends_with("_bucket") {
                assert_eq!(labels.pop(), Some("le"));
            }
            assert_eq!(labels, metric.labels(), "{metric:?}");
        }
    }
}

#[test]
fn both_formats_say_the_same() {
    let samples = |format| {
        let families = parse(&render(&full(), &extra(), format), format).unwrap();
        families.into_values().flat_map(|family| family.samples).map(|s| format!("{s:?}")).collect::<BTreeSet<_>>()
    };
    assert_eq!(samples(Format::Prometheus), samples(Format::OpenMetrics));
}

#[test]
fn an_empty_report_is_a_page_too() {
    for format in FORMATS {
        let page = render(&MetricsReport::default(), &MetricsExtra::default(), format);
        let families = parse(&page, format).unwrap();
        assert_eq!(families.len(), MetricName::ALL.len());
        assert_eq!(value(&families, "mcpstore_manager_uptime_seconds", &[]), Some(0.0));
        assert_eq!(value(&families, "mcpstore_manager_cpu_seconds_total", &[]), None);
    }
    // A service that was never started nor called.
    let mut idle = service("idle", &[]);
    (idle.process, idle.start_seconds, idle.checks) = (None, None, CheckReport::default());
    let families = parse(&render(&report(vec![idle]), &extra(), Format::Prometheus), Format::Prometheus).unwrap();
    let service = ("service", "idle");
    assert_eq!(value(&families, "mcpstore_calls_total", &[service, ("outcome", "error")]), Some(0.0));
    assert_eq!(value(&families, "mcpstore_call_duration_seconds_count", &[service]), Some(0.0));
    assert_eq!(value(&families, "mcpstore_service_start_seconds", &[service]), None);
}

#[test]
fn counters_match_the_calls_that_were_made() {
    let calls: Vec<_> = (0..10_000_u64)
        .map(|i| match i % 10 {
            0 => ("a", Err(ErrorKind::Timeout), 5_000),
            1 => ("b", Err(ErrorKind::Rpc), 1),
            2 | 3 => ("b", Ok(()), 20),
            _ => ("a", Ok(()), 3),
        })
        .collect();
    let report = report(vec![service("s", &calls)]);
    let families = parse(&render(&report, &extra(), Format::OpenMetrics), Format::OpenMetrics).unwrap();
    let service = ("service", "s");
    let at = |name: &str, labels: &[(&str, &str)]| {
        value(&families, name, &[&[service], labels].concat()).unwrap_or_else(|| panic!("no {name} {labels:?}"))
    };
    assert_eq!(at("mcpstore_calls_total", &[("outcome", "success")]), 8_000.0);
    assert_eq!(at("mcpstore_calls_total", &[("outcome", "error")]), 2_000.0);
    assert_eq!(at("mcpstore_call_errors_total", &[("kind", "timeout")]), 1_000.0);
    assert_eq!(at("mcpstore_tool_calls_total", &[("tool", "a"), ("outcome", "success")]), 6_000.0);
    assert_eq!(at("mcpstore_tool_calls_total", &[("tool", "b"), ("outcome", "error")]), 1_000.0);
    assert_eq!(at("mcpstore_call_duration_seconds_bucket", &[("le", "0.005")]), 6_000.0);
    assert_eq!(at("mcpstore_call_duration_seconds_bucket", &[("le", "0.025")]), 8_000.0);
    assert_eq!(at("mcpstore_call_duration_seconds_count", &[]), 8_000.0);
    assert_eq!(at("mcpstore_call_duration_seconds_sum", &[]), 58.0);
    assert_eq!(at("mcpstore_call_request_bytes_total", &[]), 200_000.0);
}

#[test]
fn series_are_bounded_and_the_rest_of_the_tools_is_summed() {
    let names: Vec<String> = (0..300).map(|i| format!("tool{i:03}")).collect();
    let calls: Vec<_> = names.iter().map(|name| (name.as_str(), Ok(()), 1)).collect();
    let report = report(vec![service("s", &calls)]);
    for (most, own) in [(50, 50), (0, 0), (256, 256), (1_000, 256)] {
        let extra = MetricsExtra { max_tools: most, ..extra() };
        let families = parse(&render(&report, &extra, Format::OpenMetrics), Format::OpenMetrics).unwrap();
        let tools = &families["mcpstore_tool_calls"].samples;
        assert_eq!(tools.len(), (own + 1) * 2);
        let other = [("service", "s"), ("tool", ServiceReport::OTHER_TOOLS), ("outcome", "success")];
        assert_eq!(value(&families, "mcpstore_tool_calls_total", &other), Some((300 - own) as f64));
        assert_eq!(tools.iter().map(|sample| sample.value).sum::<f64>(), 300.0);
        let series: usize = families.values().map(|family| family.samples.len()).sum();
        assert!(series <= 100 + (own + 1) * 2, "{series}");
    }
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// Any text, with what could break a line more often than chance has it.
fn text() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![any::<char>(), proptest::sample::select(vec!['"', '\\', '\n', '\r', '{', '}', ',', ' ', '#'])],
        0..20,
    )
    .prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_name_is_read_back_as_it_was(
        tools in vec(text(), 1..6),
        sinks in proptest::collection::btree_set(text(), 0..4),
        version in text(),
        openmetrics in any::<bool>(),
    ) {
        let format = FORMATS[usize::from(openmetrics)];
        let calls: Vec<_> = tools.iter().map(|tool| (tool.as_str(), Ok(()), 1)).collect();
        let report = report(vec![service("s", &calls)]);
        let deliveries =
            sinks.iter().map(|sink| SinkCounts { sink: sink.clone(), sent_total: 1, ..SinkCounts::default() });
        let extra = MetricsExtra { version: version.clone(), deliveries: deliveries.collect(), ..extra() };
        let families = parse(&render(&report, &extra, format), format).map_err(TestCaseError::fail)?;
        prop_assert_eq!(value(&families, "mcpstore_build_info", &[("version", version.as_str())]), Some(1.0));
        for sink in &sinks {
            let labels = [("sink", sink.as_str()), ("outcome", "sent")];
            prop_assert_eq!(value(&families, "mcpstore_alert_deliveries_total", &labels), Some(1.0));
        }
        for tool in &tools {
            let labels = [("service", "s"), ("tool", tool.as_str()), ("outcome", "success")];
            let count = tools.iter().filter(|other| *other == tool).count();
            prop_assert_eq!(value(&families, "mcpstore_tool_calls_total", &labels), Some(count as f64));
        }
    }
}
