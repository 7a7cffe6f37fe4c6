//! What a warden costs: the time until a server exists, with one and without, and the memory that it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore::transport::{Adapter, LaunchRequest, LogRing, Stdio, WardenProgram};
use mcpstore::types::Incarnation;
use mcpstore::{ServiceName, ServiceSpec};

use super::samples::Samples;
use super::servers::{fixture, warden};
use super::table::Row;

const RUNS: usize = 200;

/// A launch without a warden and one with it, in turns.
pub(super) fn run() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a tokio runtime can be made");
    let name = ServiceName::new("spawned").expect("a plain name");
    let spec = Arc::new(ServiceSpec::stdio(name, fixture().to_string_lossy(), Vec::<String>::new()));
    let (alone, guarded) = (Stdio::new(), Stdio::new().with_warden(WardenProgram::helper(warden())));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        launch(&alone, &spec).await;
        println!("a warden takes {} KiB (PSS)", launch(&guarded, &spec).await.1);
        for _ in 0..RUNS {
            without.push(launch(&alone, &spec).await.0);
            with.push(launch(&guarded, &spec).await.0);
        }
    });
    vec![Row {
        what: "spawn: a server behind a warden, until it executes its program".into(),
        reference: "the same server without a warden".into(),
        reference_time: Samples::new(without).p50(),
        measured: Samples::new(with),
    }]
}

/// How long a launch took, and how much memory the parent of the server takes, in KiB. The server is ended.
async fn launch(adapter: &Stdio, spec: &Arc<ServiceSpec>) -> (Duration, u64) {
    let logs = Arc::new(LogRing::new(Incarnation(1)));
    let request = LaunchRequest::new(Arc::clone(spec), Incarnation(1), logs);
    let began = Instant::now();
    let launched = adapter.launch(request).await.expect("the server is started");
    let took = began.elapsed();
    let memory = launched.endpoint.pid().and_then(parent_memory).unwrap_or_default();
    launched.endpoint.kill();
    launched.endpoint.group_empty().await;
    (took, memory)
}

fn parent_memory(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
    let memory = std::fs::read_to_string(format!("/proc/{parent}/smaps_rollup")).ok()?;
    memory.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
}
