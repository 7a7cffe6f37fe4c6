//! What a collector gets, and what becomes of it when the collector is away.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod collector;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use collector::{Collector, Reply};
use mcpstore_console::{
    CallSpan, Format, Liveness, Otlp, OtlpConfig, OtlpError, OtlpStats, Readiness, Source, TraceContext, Tracer,
};
use mcpstore_runtime::{CallTrace, Supervisor, SupervisorConfig};
use mcpstore_testkit::scripted::ScriptedAdapter;
use mcpstore_transport::AdapterSet;
use mcpstore_types::{Secret, ServiceName, ServiceSpec};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A page as the renderer writes it.
const PAGE: &str = "\
# TYPE mcpstore_build info
# HELP mcpstore_build Which program this is.
mcpstore_build_info{version=\"0.1.0\"} 1
# TYPE mcpstore_service_up gauge
# HELP mcpstore_service_up 1 when it is reachable.
mcpstore_service_up{service=\"web\"} 1
mcpstore_service_up{service=\"a \\\"b\\\"\"} 0
# TYPE mcpstore_calls counter
# HELP mcpstore_calls Calls that ended.
mcpstore_calls_total{service=\"web\",outcome=\"success\"} 12
# TYPE mcpstore_alerts_firing gauge
# HELP mcpstore_alerts_firing None of them does.
# TYPE mcpstore_call_duration_seconds histogram
# UNIT mcpstore_call_duration_seconds seconds
# HELP mcpstore_call_duration_seconds Times.
mcpstore_call_duration_seconds_bucket{service=\"web\",le=\"0.001\"} 2
mcpstore_call_duration_seconds_bucket{service=\"web\",le=\"0.01\"} 2
mcpstore_call_duration_seconds_bucket{service=\"web\",le=\"+Inf\"} 12
mcpstore_call_duration_seconds_sum{service=\"web\"} 3.5
mcpstore_call_duration_seconds_count{service=\"web\"} 12
mcpstore_call_duration_seconds_bucket{service=\"db\",le=\"0.001\"} 0
mcpstore_call_duration_seconds_bucket{service=\"db\",le=\"0.01\"} 1
mcpstore_call_duration_seconds_bucket{service=\"db\",le=\"+Inf\"} 1
mcpstore_call_duration_seconds_sum{service=\"db\"} 0.005
mcpstore_call_duration_seconds_count{service=\"db\"} 1
# EOF
";

struct Page;

#[async_trait]
impl Source for Page {
    fn metrics(&self, format: Format) -> String {
        assert_eq!(format, Format::OpenMetrics);
        PAGE.to_owned()
    }
    async fn liveness(&self) -> Liveness {
        Liveness { live: true, why: None }
    }
    fn readiness(&self, _: Option<&str>) -> Readiness {
        Readiness::of(vec![])
    }
}

/// A pusher that runs.
struct Running {
    otlp: Otlp,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn with(config: OtlpConfig) -> Self {
        let (otlp, pusher) = Otlp::new(config, Arc::new(Page)).unwrap();
        let end = CancellationToken::new();
        let task = tokio::spawn(pusher.run(end.clone().cancelled_owned()));
        Self { otlp, end, task }
    }

    async fn until(&self, holds: impl Fn(&OtlpStats) -> bool) {
        let waiting = async {
            while !holds(&self.otlp.stats()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes to that");
    }

    async fn end(self) -> OtlpStats {
        self.end.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.task).await.expect("it ends").unwrap();
        self.otlp.stats()
    }
}

/// Spans go quickly, metrics not before the end.
fn quick(collector: &Collector) -> OtlpConfig {
    let mut config = OtlpConfig::new(collector.address());
    (config.spans_every, config.metrics_every) = (Duration::from_millis(10), Duration::from_secs(3600));
    config.instance = "here".to_owned();
    config
}

fn call(nth: u64) -> CallSpan {
    let parent = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    CallSpan {
        context: parent.child(7, nth),
        parent: Some(parent),
        service: ServiceName::new("web").unwrap(),
        method: "tools/call".into(),
        target: Some(format!("tool-{nth}")),
        start_unix_ns: 1_764_421_606_000_000_000,
        end_unix_ns: 1_764_421_606_012_000_000,
        error: None,
    }
}

/// The spans of all requests that were taken, in the order in which they came.
fn spans(requests: &[Value]) -> Vec<Value> {
    let of = |request: &Value| request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    requests.iter().flat_map(of).collect()
}

fn attribute(of: &Value, key: &str) -> Option<String> {
    let found = of["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == key)?;
    Some(found["value"]["stringValue"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn metrics_arrive_as_they_stand_on_the_page() {
    let collector = Collector::start().await;
    let mut config = quick(&collector);
    config.metrics_every = Duration::from_millis(20);
    let running = Running::with(config);
    let request = collector.taken("/v1/metrics", 1).await.remove(0);
    assert!(running.end().await.metrics_sent_total >= 1);
    let resource = &request["resourceMetrics"][0]["resource"];
    assert_eq!(attribute(resource, "service.name").unwrap(), "mcpstore");
    assert_eq!(attribute(resource, "service.instance.id").unwrap(), "here");
    let metrics = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let names: Vec<_> = metrics.iter().map(|metric| metric["name"].as_str().unwrap()).collect();
    // One without samples is left out.
    assert_eq!(names, ["mcpstore_build", "mcpstore_service_up", "mcpstore_calls", "mcpstore_call_duration_seconds"]);

    let up = metrics[1]["gauge"]["dataPoints"].as_array().unwrap();
    let seen: Vec<_> = up.iter().map(|p| (attribute(p, "service").unwrap(), p["asDouble"].as_f64().unwrap())).collect();
    assert_eq!(seen, [("web".to_owned(), 1.0), ("a \"b\"".to_owned(), 0.0)]);
    assert_eq!(metrics[1]["description"], "1 when it is reachable.");

    let calls = &metrics[2]["sum"];
    assert_eq!((&calls["aggregationTemporality"], &calls["isMonotonic"]), (&json!(2), &json!(true)));
    let point = &calls["dataPoints"][0];
    assert_eq!((point["asDouble"].as_f64(), attribute(point, "outcome").unwrap().as_str()), (Some(12.0), "success"));
    let time = |of: &str| point[of].as_str().unwrap().parse::<u64>().unwrap();
    assert!(0 < time("startTimeUnixNano") && time("startTimeUnixNano") <= time("timeUnixNano"));

    assert_eq!(metrics[3]["unit"], "s");
    let durations = metrics[3]["histogram"]["dataPoints"].as_array().unwrap();
    assert_eq!(durations.len(), 2);
    assert_eq!(durations[0]["bucketCounts"], json!(["2", "0", "10"]));
    assert_eq!(durations[0]["explicitBounds"], json!([0.001, 0.01]));
    assert_eq!((&durations[0]["count"], &durations[0]["sum"]), (&json!("12"), &json!(3.5)));
    assert_eq!(durations[1]["bucketCounts"], json!(["0", "1", "0"]));
    assert_eq!(attribute(&durations[1], "service").unwrap(), "db");
    assert_eq!(attribute(&durations[1], "le"), None);
}

#[tokio::test]
async fn a_call_arrives_as_a_span_of_its_trace() {
    let collector = Collector::start().await;
    let running = Running::with(quick(&collector));
    running.otlp.span(call(1));
    let failed = CallSpan { error: Some("timeout".into()), parent: None, target: None, ..call(2) };
    running.otlp.span(failed);
    let unwanted = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
    running.otlp.span(CallSpan { context: unwanted, ..call(3) });
    let stats = running.end().await;
    assert_eq!((stats.spans_sent_total, stats.spans_dropped_total, stats.last_error), (2, 0, None));
    let spans = spans(&collector.taken("/v1/traces", 1).await);
    assert_eq!(spans.len(), 2);
    assert_eq!(
        spans[0],
        json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "spanId": call(1).context.span_id(),
            "parentSpanId": "00f067aa0ba902b7",
            "name": "tools/call tool-1",
            "kind": 3,
            "startTimeUnixNano": "1764421606000000000",
            "endTimeUnixNano": "1764421606012000000",
            "attributes": [
                { "key": "mcp.method.name", "value": { "stringValue": "tools/call" } },
                { "key": "mcpstore.service", "value": { "stringValue": "web" } },
                { "key": "gen_ai.tool.name", "value": { "stringValue": "tool-1" } },
            ],
            "status": {},
        })
    );
    assert_eq!(spans[1]["status"], json!({ "code": 2, "message": "timeout" }));
    assert_eq!((spans[1]["name"].as_str(), spans[1].get("parentSpanId")), (Some("tools/call"), None));
    assert_eq!(attribute(&spans[1], "error.type").unwrap(), "timeout");
}

#[tokio::test]
async fn a_collector_that_is_away_for_a_while_gets_everything_in_order() {
    let collector = Collector::start().await;
    collector.answer_next([
        Reply::later(503),
        Reply::hang_up(),
        Reply::later(429),
        Reply::later(502),
        Reply::later(504),
    ]);
    let mut config = quick(&collector);
    config.timeout = Duration::from_secs(20);
    let running = Running::with(config);
    for nth in 0..2000 {
        running.otlp.span(call(nth));
    }
    let taken = collector.taken_until("/v1/traces", |requests| spans(requests).len() >= 2000).await;
    let names: Vec<_> = spans(&taken).iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..2000).map(|nth| format!("tools/call tool-{nth}")).collect::<Vec<_>>());
    assert!(taken.iter().all(|request| spans(std::slice::from_ref(request)).len() <= 512));
    let stats = running.end().await;
    assert_eq!((stats.spans_sent_total, stats.spans_dropped_total, stats.failures_total), (2000, 0, 5));
}

#[tokio::test]
async fn what_a_collector_will_not_have_is_counted() {
    let collector = Collector::start().await;
    collector.answer_next([Reply::status(400)]);
    let running = Running::with(quick(&collector));
    running.otlp.span(call(1));
    collector.seen(1).await;
    running.until(|stats| stats.failures_total > 0).await;
    let stats = running.otlp.stats();
    assert_eq!((stats.spans_dropped_total, stats.last_error.as_deref()), (1, Some("it answered 400 Bad Request")));
    collector.answer_next([Reply::body("{\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"too old\"}}")]);
    for nth in 2..5 {
        running.otlp.span(call(nth));
    }
    collector.seen(2).await;
    running.until(|stats| stats.spans_sent_total > 0).await;
    let stats = running.end().await;
    assert_eq!((stats.spans_sent_total, stats.spans_dropped_total, stats.last_error), (1, 3, None));
}

#[tokio::test]
async fn a_full_queue_loses_what_comes_on_top_and_counts_it() {
    let collector = Collector::start().await;
    // Nobody runs what pushes.
    let (otlp, _pusher) = Otlp::new(quick(&collector), Arc::new(Page)).unwrap();
    for nth in 0..4100 {
        otlp.span(call(nth));
    }
    assert_eq!(otlp.stats().spans_dropped_total, 4);
}

#[tokio::test]
async fn the_end_pushes_what_waits_and_does_not_wait_for_a_collector_that_is_gone() {
    let collector = Collector::start().await;
    let mut config = quick(&collector);
    config.spans_every = Duration::from_secs(3600);
    let running = Running::with(config);
    for nth in 0..100 {
        running.otlp.span(call(nth));
    }
    let stats = running.end().await;
    assert_eq!((stats.spans_sent_total, stats.metrics_sent_total), (100, 1));

    let gone = Collector::start().await;
    let mut config = quick(&gone);
    config.spans_every = Duration::from_secs(3600);
    drop(gone);
    let running = Running::with(config);
    running.otlp.span(call(1));
    let stats = running.end().await;
    assert_eq!((stats.spans_sent_total, stats.spans_dropped_total), (0, 1));
    assert!(stats.last_error.is_some());
}

#[tokio::test]
async fn keys_are_sent_and_never_shown() {
    let collector = Collector::start().await;
    let mut config = quick(&collector);
    config.headers.push(("Api-Key".into(), Secret::from("hunter2")));
    config.endpoint = Secret::new(format!("{}/tenant-hunter2/", collector.address()));
    assert!(!format!("{config:?}").contains("hunter2"));
    let (otlp, pusher) = Otlp::new(config.clone(), Arc::new(Page)).unwrap();
    assert!(!format!("{otlp:?}{pusher:?}").contains("hunter2"));
    let running = Running::with(config.clone());
    running.otlp.span(call(1));
    let stats = running.end().await;
    assert_eq!(stats.spans_sent_total, 1, "{stats:?}");
    let heads = collector.heads();
    assert!(heads.iter().all(|head| head.contains("\napi-key: hunter2\r\n")), "{heads:?}");
    assert!(heads.iter().all(|head| head.contains("\ncontent-type: application/json\r\n")), "{heads:?}");
    assert!(heads.iter().any(|head| head.starts_with("post /tenant-hunter2/v1/traces ")), "{heads:?}");

    let refused = |config: OtlpConfig| Otlp::new(config, Arc::new(Page)).unwrap_err();
    config.headers[0].1 = Secret::from("hunter2\r\nX: 1");
    let error = refused(config);
    assert!(matches!(&error, OtlpError::BadHeader { name } if name == "Api-Key"), "{error:?}");
    for endpoint in ["", "localhost:4318", "ftp://hunter2", "https://", "unix:///x"] {
        let error = refused(OtlpConfig::new(endpoint));
        assert!(matches!(error, OtlpError::BadEndpoint), "{endpoint}: {error:?}");
        assert!(!error.to_string().contains("hunter2"));
    }
    drop(collector);
    let mut config = OtlpConfig::new("http://user:hunter2@127.0.0.1:1/hunter2");
    config.spans_every = Duration::from_millis(1);
    let stats = Running::with(config).end().await;
    assert!(!stats.last_error.unwrap().contains("hunter2"));
}

#[tokio::test]
async fn calls_of_a_supervisor_become_spans() {
    let collector = Collector::start().await;
    let running = Running::with(quick(&collector));
    let world = ScriptedAdapter::new("stdio");
    let adapters = AdapterSet::empty().with(Arc::new(world));
    let supervisor = Supervisor::launch(SupervisorConfig { adapters, ..SupervisorConfig::default() });
    let db = ServiceName::new("db").unwrap();
    supervisor.add(vec![ServiceSpec::stdio(db.clone(), "scripted", Vec::<String>::new())]).await.unwrap();
    supervisor.start_and_wait(&db).await.unwrap();
    supervisor.set_tracer(Arc::new(Tracer::new(running.otlp.clone())));
    let call = async |tool: &str, traceparent: Option<&str>| {
        let trace = CallTrace { traceparent: traceparent.map(str::to_owned), tracestate: None };
        let arguments = serde_json::value::to_raw_value(&json!({})).unwrap();
        supervisor.call_tool_traced("db", tool, arguments, &trace).await.is_ok()
    };
    assert!(call("echo", Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).await);
    assert!(!call("nothing", None).await);
    // Nobody wants this one.
    assert!(call("echo", Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")).await);
    let requests = collector.taken_until("/v1/traces", |requests| spans(requests).len() >= 2).await;
    let made = spans(&requests);
    assert_eq!(made.len(), 2, "{made:?}");
    assert_eq!(made[0]["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(made[0]["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(attribute(&made[0], "gen_ai.tool.name").as_deref(), Some("echo"));
    assert_eq!(attribute(&made[1], "error.type").as_deref(), Some("bad_arguments"));
    assert_ne!(made[0]["spanId"], made[1]["spanId"]);
    running.end().await;
}
