//! What a child costs: its launch with and without a warden, and many of them started and stopped.
//!
//! The reference is the same program started with the standard library, spoken to over its pipes, and waited for.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore::state_machine::FleetConfig;
use mcpstore::transport::{Adapter, LaunchRequest, LogRing, Stdio, WardenProgram};
use mcpstore::types::Incarnation;
use mcpstore::{AdapterSet, McpStore, ServiceName, ServiceSpec, ServiceState, SupervisorConfig};

use super::pipe::Pipe;
use super::samples::{Samples, in_turns};
use super::servers::{fixture, warden};
use super::table::Row;

const LAUNCHES: usize = 100;
const RUNS: usize = 3;
const SLOTS: usize = 32;

/// One child, with and without a warden; 100 and 300 of them, with one.
pub(super) fn run() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a tokio runtime can be made");
    let mut rows = Vec::new();
    for (what, adapter) in adapters() {
        rows.extend(one_child(&runtime, what, &adapter));
    }
    for (what, adapter) in adapters() {
        for count in [100, 300] {
            rows.extend(many(&runtime, what, &adapter, count));
        }
    }
    rows
}

fn adapters() -> [(&'static str, Stdio); 2] {
    [("without a warden", Stdio::new()), ("with a warden", Stdio::new().with_warden(WardenProgram::helper(warden())))]
}

/// From the launch to the end of the handshake, and the whole life.
fn one_child(runtime: &tokio::runtime::Runtime, what: &str, adapter: &Stdio) -> Vec<Row> {
    let (bare_ready, ready) = in_turns(LAUNCHES, || bare(false), || runtime.block_on(life(adapter, false)));
    let (bare_whole, whole) = in_turns(LAUNCHES, || bare(true), || runtime.block_on(life(adapter, true)));
    let row = |part: &str, reference: Samples, measured| Row {
        what: format!("children: one child {what}, {part}"),
        reference: "the same program started and spoken to with the standard library".into(),
        reference_time: reference.p50(),
        measured,
    };
    vec![
        row("until its handshake is over", bare_ready, ready),
        row("the same, and stopped until nothing of it is left", bare_whole, whole),
    ]
}

/// What is left to be dropped, outside the time, when the life is not ended in it.
type Kept = Option<Pipe>;

fn bare(ended: bool) -> Kept {
    let mut pipe = Pipe::start(Command::new(fixture()));
    pipe.shake_hands();
    if !ended {
        return Some(pipe);
    }
    pipe.close();
    pipe.wait();
    None
}

async fn life(adapter: &Stdio, ended: bool) -> impl Sized + use<> {
    let name = ServiceName::new("one").expect("a plain name");
    let mut spec = ServiceSpec::stdio(name, fixture().to_string_lossy(), Vec::<String>::new());
    // Both sides lead the same conversation.
    spec.era = mcpstore::types::EraChoice::Only(mcpstore::types::Era::Handshake);
    let logs = Arc::new(LogRing::new(Incarnation(1)));
    let launched = adapter.launch(LaunchRequest::new(Arc::new(spec), Incarnation(1), logs)).await;
    let launched = launched.expect("the fixture starts");
    let session = launched.handshake.await.expect("the fixture shakes hands");
    if !ended {
        return Some((launched.endpoint, session));
    }
    launched.endpoint.close_input();
    launched.endpoint.exited().await;
    launched.endpoint.group_empty().await;
    None
}

/// So many services through the store, all started and all stopped, against so many bare children.
fn many(runtime: &tokio::runtime::Runtime, what: &str, adapter: &Stdio, count: usize) -> Vec<Row> {
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    let (mut bare_starts, mut bare_stops) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (start, stop) = bare_many(count);
        bare_starts.push(start);
        bare_stops.push(stop);
        let (start, stop) = runtime.block_on(store_many(adapter, count));
        starts.push(start);
        stops.push(stop);
    }
    let row = |part: &str, reference, measured| Row {
        what: format!("children: {count} services {what}, {SLOTS} start slots, {part}"),
        reference: "the same programs, all started with the standard library, then shaken hands with, then ended"
            .into(),
        reference_time: Samples::new(reference).p50(),
        measured: Samples::new(measured),
    };
    vec![
        row("until all run with tools listed", bare_starts, starts),
        row("stopped until nothing of them is left", bare_stops, stops),
    ]
}

fn bare_many(count: usize) -> (Duration, Duration) {
    let began = Instant::now();
    let mut pipes: Vec<Pipe> = (0..count).map(|_| Pipe::start(Command::new(fixture()))).collect();
    pipes.iter_mut().for_each(Pipe::greet);
    for pipe in &mut pipes {
        pipe.greeted();
        pipe.send(r#"{"jsonrpc":"2.0","id":-2,"method":"tools/list","params":{}}"#);
    }
    for pipe in &mut pipes {
        pipe.receive();
    }
    let start = began.elapsed();
    let began = Instant::now();
    pipes.iter_mut().for_each(Pipe::close);
    pipes.into_iter().for_each(Pipe::wait);
    (start, began.elapsed())
}

async fn store_many(adapter: &Stdio, count: usize) -> (Duration, Duration) {
    let fleet = FleetConfig { max_parallel_starts: SLOTS, ..FleetConfig::default() };
    let adapters = AdapterSet::empty().with(Arc::new(adapter.clone()));
    let store = McpStore::with_config(SupervisorConfig { fleet, adapters, ..SupervisorConfig::default() });
    let spec = |number: usize| {
        let name = ServiceName::new(format!("service-{number}")).expect("a plain name");
        ServiceSpec::stdio(name, fixture().to_string_lossy(), Vec::<String>::new())
    };
    store.add_services((0..count).map(spec).collect()).await.expect("sound services are registered");
    let began = Instant::now();
    let services = store.start_all().await.expect("a start of all is taken");
    let start = began.elapsed();
    for service in &services {
        assert_eq!(service.status.state, ServiceState::Running, "{}: {}", service.name(), service.why());
    }
    let began = Instant::now();
    store.stop_all(false).await.expect("a stop of all is taken");
    (start, began.elapsed())
}
