//! How long it takes until many slow services run, against the ideal of their number, the start slots and the graph.

use std::path::Path;
use std::time::{Duration, Instant};

use mcpstore::state_machine::FleetConfig;
use mcpstore::{McpStore, ServiceName, ServiceSpec, ServiceState, SupervisorConfig};

use super::samples::Samples;
use super::servers::fixture;
use super::table::Row;

/// What each service takes to answer its handshake.
const SLOW: Duration = Duration::from_millis(500);
const RUNS: usize = 5;

/// 10 and 100 services without dependencies, and a graph of three layers.
pub(super) fn run() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a tokio runtime can be made");
    let program = fixture();
    let mut rows = Vec::new();
    for (count, slots) in [(10, 8), (10, 32), (100, 8), (100, 32)] {
        let rounds = u32::try_from(count_rounds(count, slots)).unwrap_or(u32::MAX);
        let specs = || independent(&program, count);
        rows.push(row(&runtime, format!("{count} services, {slots} start slots"), SLOW * rounds, slots, specs));
    }
    let specs = || layered(&program);
    rows.push(row(&runtime, "a graph of 3 layers of 5, 32 start slots".into(), SLOW * 3, 32, specs));
    rows
}

const fn count_rounds(count: usize, slots: usize) -> usize {
    count.div_ceil(slots)
}

fn row(
    runtime: &tokio::runtime::Runtime,
    what: String,
    ideal: Duration,
    slots: usize,
    specs: impl Fn() -> Vec<ServiceSpec>,
) -> Row {
    let times = (0..RUNS).map(|_| runtime.block_on(time_to_running(specs(), slots))).collect();
    Row {
        what: format!("start: {what}, each 500 ms to its handshake, until all run with tools listed"),
        reference: "ideal, computed: rounds (or layers) × 500 ms".into(),
        reference_time: ideal,
        measured: Samples::new(times),
    }
}

async fn time_to_running(specs: Vec<ServiceSpec>, slots: usize) -> Duration {
    let fleet = FleetConfig { max_parallel_starts: slots, ..FleetConfig::default() };
    let store = McpStore::with_config(SupervisorConfig { fleet, ..SupervisorConfig::default() });
    store.add_services(specs).await.expect("sound services are registered");
    let began = Instant::now();
    let services = store.start_all().await.expect("a start of all is taken");
    let took = began.elapsed();
    for service in &services {
        assert_eq!(service.status.state, ServiceState::Running, "{}: {}", service.name(), service.why());
    }
    store.stop_all(true).await.expect("a stop of all is taken");
    took
}

fn slow(program: &Path, name: &str) -> ServiceSpec {
    let name = ServiceName::new(name).expect("a plain name");
    let delay = SLOW.as_millis().to_string();
    ServiceSpec::stdio(name, program.to_string_lossy(), ["--delay-init", delay.as_str()])
}

fn independent(program: &Path, count: usize) -> Vec<ServiceSpec> {
    (0..count).map(|number| slow(program, &format!("service-{number}"))).collect()
}

/// Three layers of five; each service needs two of the layer below.
fn layered(program: &Path) -> Vec<ServiceSpec> {
    let name = |layer: usize, place: usize| format!("layer-{layer}-{}", place % 5);
    let mut specs = Vec::new();
    for layer in 0..3 {
        for place in 0..5 {
            let mut spec = slow(program, &name(layer, place));
            if layer > 0 {
                let needs = [name(layer - 1, place), name(layer - 1, place + 1)];
                spec = spec.depends_on(needs.map(|need| ServiceName::new(need).expect("a plain name")));
            }
            specs.push(spec);
        }
    }
    specs
}
