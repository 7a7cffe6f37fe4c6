//! What a call costs over the stdio pipe, against a bare pipe that gives the same line back, and against the same server
//! spoken to directly.

use std::process::Command;
use std::time::{Duration, Instant};

use mcpstore::{McpStore, ServiceName, ServiceSpec};

use super::pipe::Pipe;
use super::samples::Samples;
use super::servers::fixture;
use super::table::Row;

pub(super) const RUNS: usize = 5_000;
pub(super) const WARM_UP: usize = 500;
/// 32 bytes, as the field's comparisons have it.
pub(super) const TEXT: &str = "0123456789abcdef0123456789abcdef";

/// A call through the store, a direct call, a bare echo; in turns.
pub(super) fn run() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a tokio runtime can be made");
    let mut cat = Pipe::start(Command::new("cat"));
    let mut direct = Pipe::start(Command::new(fixture()));
    direct.shake_hands();
    let name = ServiceName::new("echo").expect("a plain name");
    let arguments = format!(r#"{{"text":"{TEXT}"}}"#);
    let (mut bare, mut straight, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    runtime.block_on(async {
        let store = McpStore::new();
        let spec = ServiceSpec::stdio(name.clone(), fixture().to_string_lossy(), Vec::<String>::new());
        store.add_service(spec).await.expect("a sound service is registered");
        store.start_service(&name).await.expect("the fixture runs");
        for turn in 0..WARM_UP + RUNS {
            let line = format!(
                r#"{{"jsonrpc":"2.0","id":{turn},"method":"tools/call","params":{{"name":"echo","arguments":{arguments}}}}}"#
            );
            let times = (timed(|| cat.exchange(&line)), timed(|| direct.exchange(&line)));
            let began = Instant::now();
            let result = store.call_tool("echo", "echo", &arguments).await.expect("the fixture answers");
            let took = began.elapsed();
            assert!(result.get().contains(TEXT), "the fixture gave another answer: {}", result.get());
            if turn >= WARM_UP {
                bare.push(times.0);
                straight.push(times.1);
                ours.push(took);
            }
        }
        store.stop_all(false).await.expect("a stop of all is taken");
    });
    let (bare, straight, ours) = (Samples::new(bare), Samples::new(straight), Samples::new(ours));
    let row = |what: &str, reference: &str, reference_time, measured| Row {
        what: format!("call: {what}, 32 bytes, one caller"),
        reference: reference.into(),
        reference_time,
        measured,
    };
    let blocking = "the same request written to a bare pipe echo (`cat`), blocking";
    vec![
        row("tools/call of a stdio server through the store", blocking, bare.p50(), ours.clone()),
        row("tools/call of the same server spoken to directly, blocking", blocking, bare.p50(), straight.clone()),
        row("tools/call through the store", "the same server spoken to directly, blocking", straight.p50(), ours),
    ]
}

pub(super) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}
