//! The dependency manager: `api` on `database` and `auth`, `auth` on `database`, `web` on `api`.
//!
//! `cargo run -p mcpstore --example dependencies`

use std::error::Error;
use std::io::Write;

use mcpstore::{AdapterSet, InProcess, McpStore, ServiceName, ServiceSpec, SupervisorConfig};
use mcpstore_testkit::server::well_behaved;

/// Runs the example and writes what it sees to `out`.
pub async fn run(out: &mut (impl Write + Send)) -> Result<(), Box<dyn Error>> {
    let name = |text: &str| ServiceName::new(text);
    let edges =
        [("database", vec![]), ("auth", vec!["database"]), ("api", vec!["database", "auth"]), ("web", vec!["api"])];
    let mut servers = InProcess::new();
    let mut specs = Vec::new();
    for (service, needs) in &edges {
        servers = servers.with(*service, well_behaved(service));
        let needs = needs.iter().map(|n| name(n)).collect::<Result<Vec<_>, _>>()?;
        specs.push(ServiceSpec::in_process(name(service)?, *service).depends_on(needs));
    }
    let store = McpStore::with_config(SupervisorConfig {
        adapters: AdapterSet::builtin().with(std::sync::Arc::new(servers)),
        ..SupervisorConfig::default()
    });
    store.add_services(specs).await?;

    let order: Vec<_> = store.start_order().iter().map(ToString::to_string).collect();
    writeln!(out, "start order: {}", order.join(" -> "))?;
    let reverse: Vec<_> = order.iter().rev().cloned().collect();
    writeln!(out, "stop order: {}", reverse.join(" -> "))?;

    // What does not fit is told before anything starts, all of it, with the nearest known name.
    let cycle = vec![
        ServiceSpec::in_process(name("a")?, "api").depends_on([name("b")?]),
        ServiceSpec::in_process(name("b")?, "api").depends_on([name("a")?]),
        ServiceSpec::in_process(name("c")?, "api").depends_on([name("databse")?]),
    ];
    if let Err(error) = store.add_services(cycle).await {
        writeln!(out, "rejected: {error}")?;
    }

    let mut events = store.subscribe();
    for service in store.start_all().await? {
        writeln!(out, "{}: {}", service.name(), service.status.state)?;
    }
    let running = |notices: &[std::sync::Arc<mcpstore::Notice>]| {
        let up = notices.iter().filter(|n| n.from != n.to && n.to == Some(mcpstore::ServiceState::Running));
        up.map(|n| n.service.to_string()).collect::<Vec<_>>().join(" -> ")
    };
    writeln!(out, "came up: {}", running(&events.next().await.unwrap_or_default()))?;

    // `database` cannot go while the others need it: they go first.
    store.stop_service(&name("database")?, false).await?;
    let notices = events.next().await.unwrap_or_default();
    let down = notices.iter().filter(|n| n.from != n.to && n.to == Some(mcpstore::ServiceState::Stopped));
    writeln!(out, "went down: {}", down.map(|n| n.service.to_string()).collect::<Vec<_>>().join(" -> "))?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout()).await
}
