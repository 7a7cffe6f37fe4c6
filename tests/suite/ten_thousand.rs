//! Ten thousand calls through the library: exact counters, and quantiles that lie where they must.
//!
//! What a meter is given cannot be seen from outside, but it can be enclosed: a call takes at least as long as the server
//! was told to sleep, and at most as long as its caller saw. Quantiles keep that order. (That a quantile is within 2 % of
//! what the meter was given is shown where the meter is.)

use std::time::{Duration, Instant};

use mcpstore::monitor::{DURATION_BOUNDS_SECONDS, ServiceReport};
use mcpstore::types::{Secret, TransportSpec};
use mcpstore::{CallFailure, McpStore, ServiceName, ServiceSpec};
use mcpstore_testkit::{TAG_VARIABLE, fixture_path, no_survivors, unique_tag};

const CALLS: u64 = 10_000;
/// Fewer than may be under way at once, so that none is refused.
const CALLERS: u64 = 32;
/// How far a quantile may be from exact, and how far a bound of a bucket is blurred.
const OFF: f64 = 0.02;

/// How one call went.
enum Went {
    /// The server slept this long, the caller waited that long, in seconds.
    Well(f64, f64),
    SaysError,
    Rpc,
    NoSuchTool,
}

async fn call(store: &McpStore, index: u64) -> Went {
    let (tool, arguments) = match index {
        index if index % 20 == 0 => ("fail", r#"{"text":"no"}"#.to_owned()),
        index if index % 20 == 10 => ("fail", "{}".to_owned()),
        index if index % 1_000 == 5 => ("made-up", "{}".to_owned()),
        index => ("sleep", format!(r#"{{"ms":{}}}"#, millis(index))),
    };
    let start = Instant::now();
    let result = store.call_tool("counted", tool, &arguments).await;
    let took = start.elapsed().as_secs_f64();
    match result {
        Ok(result) if result.get().contains("isError") => Went::SaysError,
        Ok(_) => Went::Well(Duration::from_millis(millis(index)).as_secs_f64(), took),
        Err(CallFailure::UnknownTool { .. }) => Went::NoSuchTool,
        Err(CallFailure::Call { .. }) => Went::Rpc,
        Err(other) => panic!("call {index}: {other}"),
    }
}

/// From 1 to 20 ms, and one of a hundred longer than that.
fn millis(index: u64) -> u64 {
    if index % 100 == 99 { 60 } else { 1 + index * 7_919 % 20 }
}

/// The least that so many percent do not exceed.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn within(what: &str, found: f64, least: f64, most: f64) {
    assert!(
        found >= least * (1.0 - OFF) && found <= most * (1.0 + OFF),
        "{what}: {found} is not from {least} to {most}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_are_counted_exactly_and_their_quantiles_enclosed() {
    let tag = unique_tag("ten-thousand");
    let name = ServiceName::new("counted").unwrap();
    let mut spec = ServiceSpec::stdio(name.clone(), fixture_path().display().to_string(), [""; 0]);
    if let TransportSpec::Stdio(stdio) = &mut spec.transport {
        stdio.env.insert(TAG_VARIABLE.to_owned(), Secret::new(tag.clone()));
    }
    let store = McpStore::new();
    store.add_service(spec).await.unwrap();
    store.start_service(&name).await.unwrap();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut went = Vec::new();
                for index in (caller..CALLS).step_by(usize::try_from(CALLERS).unwrap()) {
                    went.push(call(&store, index).await);
                }
                went
            })
        })
        .collect();
    let (mut slept, mut waited, mut says_error, mut rpc, mut made_up) = (Vec::new(), Vec::new(), 0, 0, 0);
    for caller in callers {
        for went in caller.await.unwrap() {
            match went {
                Went::Well(sleep, wait) => {
                    slept.push(sleep);
                    waited.push(wait);
                }
                Went::SaysError => says_error += 1,
                Went::Rpc => rpc += 1,
                Went::NoSuchTool => made_up += 1,
            }
        }
    }
    let report = store.supervisor().metrics_report().services.remove(0);
    store.stop_all(false).await.unwrap();
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), Vec::<u32>::new());

    assert_eq!((says_error, rpc, made_up, slept.len()), (500, 500, 10, 8_990));
    let calls = &report.calls;
    assert_eq!((calls.calls_total, calls.errors_total, calls.in_flight), (CALLS, 1_010, 0));
    let kinds: Vec<_> = calls.errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(kinds, [("bad_arguments", made_up), ("rpc", rpc), ("tool", says_error)]);
    let tool = |name: &str| (report.tools[name].calls_total, report.tools[name].errors_total);
    assert_eq!((tool("sleep"), tool("fail"), tool(ServiceReport::OTHER_TOOLS)), ((8_990, 0), (1_000, 1_000), (10, 10)));
    assert_eq!(report.tools.len(), 3);

    slept.sort_by(f64::total_cmp);
    waited.sort_by(f64::total_cmp);
    let latency = calls.latency.unwrap();
    for (percent, found) in
        [(50, latency.p50_ms), (90, latency.p90_ms), (95, latency.p95_ms), (99, latency.p99_ms), (100, latency.max_ms)]
    {
        within(&format!("p{percent}"), found / 1e3, quantile(&slept, percent), quantile(&waited, percent));
    }
    within("the sum", calls.duration_seconds_sum, slept.iter().sum(), waited.iter().sum());
    let up_to = |sorted: &[f64], bound: f64| sorted.partition_point(|time| *time <= bound) as u64;
    for (bound, count) in DURATION_BOUNDS_SECONDS.iter().zip(&calls.duration_buckets) {
        let (least, most) = (up_to(&waited, bound * (1.0 - OFF)), up_to(&slept, bound * (1.0 + OFF)));
        assert!((least..=most).contains(count), "{count} within {bound} s are not from {least} to {most}");
    }
    assert_eq!(calls.duration_buckets.last(), Some(&8_990));
}
