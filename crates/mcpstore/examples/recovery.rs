//! Automatic recovery: a server crashes, is started again by its policy, and is given up when that does not help.
//!
//! `cargo run -p mcpstore --example recovery`

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use mcpstore::types::{Backoff, Incarnation};
use mcpstore::{Goal, McpStore, RestartPolicy, ServiceName, ServiceSpec};

/// Runs the example and writes what it sees to `out`.
pub async fn run(out: &mut (impl Write + Send)) -> Result<(), Box<dyn Error>> {
    let program = mcpstore_testkit::fixture_path();
    let program = program.to_str().ok_or("the fixture's path is no text")?;
    // The seed's policy is a fixed wait of 5 s and three attempts; the wait is cut short to keep the example brief.
    let wait = Duration::from_millis(200);
    let policy =
        RestartPolicy { backoff: Backoff { delay: wait, max_delay: wait, jitter_percent: 0 }, ..RestartPolicy::seed() };
    let store = McpStore::new();

    let worker = ServiceName::new("worker")?;
    let mut spec = ServiceSpec::stdio(worker.clone(), program, Vec::<String>::new());
    spec.policy.restart = policy;
    store.add_service(spec).await?;
    store.start_service(&worker).await?;
    let before = store.service_status("worker").ok_or("no such service")?;
    writeln!(out, "worker: {}, life {}", before.state, before.incarnation)?;

    let mut events = store.subscribe();
    if let Err(error) = store.call_tool("worker", "crash", r#"{"code":3}"#).await {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "the call: {error}: {cause}")?;
    }
    store.wait_service(&worker, Goal::RunningAfter(before.incarnation), Some(Duration::from_secs(30))).await?;
    let after = store.service_status("worker").ok_or("no such service")?;
    writeln!(out, "worker: {}, life {}, {} restart", after.state, after.incarnation, after.restarts)?;
    for notice in events.next().await.unwrap_or_default() {
        if let Some(state) = notice.to.filter(|_| notice.from != notice.to) {
            writeln!(out, "  {state}: {}", notice.reason)?;
        }
    }

    // A server that always fails is not started for ever.
    let hopeless = ServiceName::new("hopeless")?;
    let mut spec =
        ServiceSpec::stdio(hopeless.clone(), program, ["--exit-at-once", "7", "--stderr-text", "no licence"]);
    spec.policy.restart = policy;
    store.add_service(spec).await?;
    if let Err(error) = store.start_service(&hopeless).await {
        writeln!(out, "hopeless: {error}")?;
    }
    let info = store.service_info("hopeless").ok_or("no such service")?;
    writeln!(out, "hopeless: {} after {} attempts", info.status.phase, info.status.restarts)?;
    writeln!(out, "its last words: {}", info.last_stderr.join(" / "))?;

    // What a user stopped stays stopped.
    store.stop_all(false).await?;
    let down = store.service_status("worker").ok_or("no such service")?;
    writeln!(out, "worker: {}; lives in all: {}", down.state, down.incarnation)?;
    debug_assert!(down.incarnation > Incarnation(1));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout()).await
}
