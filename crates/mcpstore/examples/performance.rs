//! The performance monitor: availability, and average, longest and shortest response time over a window.
//!
//! `cargo run -p mcpstore --example performance`

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use mcpstore::{AdapterSet, InProcess, McpStore, ServiceName, ServiceSpec, SupervisorConfig};
use mcpstore_testkit::server::well_behaved;

/// Runs the example and writes what it sees to `out`.
pub async fn run(out: &mut (impl Write + Send)) -> Result<(), Box<dyn Error>> {
    let servers = InProcess::new().with("search", well_behaved("search"));
    let store = McpStore::with_config(SupervisorConfig {
        adapters: AdapterSet::builtin().with(std::sync::Arc::new(servers)),
        ..SupervisorConfig::default()
    });
    let search = ServiceName::new("search")?;
    store.add_service(ServiceSpec::in_process(search.clone(), "search")).await?;
    store.start_service(&search).await?;

    // Each check is a real probe; the supervisor also makes them by itself, every ten seconds.
    for _ in 0..20 {
        store.check_services().await;
    }
    let metrics = store.service_metrics("search", Some(Duration::from_secs(60))).ok_or("no such service")?;
    let shown = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{time:?}"));
    writeln!(out, "checks: {} healthy of {}", metrics.healthy_checks, metrics.total_checks)?;
    writeln!(out, "availability: {:.1} %", metrics.availability.unwrap_or(0.0) * 100.0)?;
    writeln!(out, "average response time: {}", shown(metrics.average_response_time))?;
    writeln!(out, "longest response time: {}", shown(metrics.max_response_time))?;
    writeln!(out, "shortest response time: {}", shown(metrics.min_response_time))?;
    store.stop_all(false).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout()).await
}
