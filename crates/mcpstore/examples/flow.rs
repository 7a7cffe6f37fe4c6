//! The whole flow: register two services, start them, look at them, list and call tools, check health, stop in reverse.
//!
//! `cargo run -p mcpstore --example flow`

use std::error::Error;
use std::io::Write;

use mcpstore::{AdapterSet, InProcess, McpStore, ServiceName, ServiceSpec, SupervisorConfig};
use mcpstore_testkit::server::well_behaved;

/// Runs the example and writes what it sees to `out`.
pub async fn run(out: &mut (impl Write + Send)) -> Result<(), Box<dyn Error>> {
    // Two servers that live in this process; with `ServiceSpec::stdio` they would be child processes.
    let servers = InProcess::new().with("database", well_behaved("database")).with("api", well_behaved("api"));
    let store = McpStore::with_config(SupervisorConfig {
        adapters: AdapterSet::builtin().with(std::sync::Arc::new(servers)),
        ..SupervisorConfig::default()
    });

    let (database, api) = (ServiceName::new("database")?, ServiceName::new("api")?);
    store.add_service(ServiceSpec::in_process(database.clone(), "database")).await?;
    store.add_service(ServiceSpec::in_process(api.clone(), "api").depends_on([database.clone()])).await?;
    for service in store.list_services() {
        writeln!(out, "registered {}: {}", service.name(), service.status.state)?;
    }

    // Starting `api` starts what it needs first.
    store.start_service(&api).await?;
    for service in store.list_services() {
        let tools = service.tool_count().unwrap_or(0);
        writeln!(out, "{}: {}, {tools} tools", service.name(), service.status.state)?;
    }

    let tools = store.list_tools(Some("api"))?;
    let names: Vec<_> = tools.iter().map(|(_, tool)| tool.name.as_str()).collect();
    writeln!(out, "tools of api: {}", names.join(", "))?;
    let result = store.call_tool("api", "echo", r#"{"text":"hello"}"#).await?;
    writeln!(out, "api.echo: {}", result.get())?;

    for report in store.check_services().await {
        let time = report.response_time.map_or("-".to_owned(), |time| format!("{time:?}"));
        writeln!(out, "health of {}: {} in {time}", report.name, if report.healthy { "healthy" } else { "unhealthy" })?;
    }

    let mut events = store.subscribe();
    store.stop_all(false).await?;
    for notice in events.next().await.unwrap_or_default() {
        if let Some(state) = notice.to.filter(|_| notice.from != notice.to) {
            writeln!(out, "{}: {state}", notice.service)?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout()).await
}
