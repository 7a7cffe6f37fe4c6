//! The adapter passes the suite of the testkit, and a manager runs a service over it.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::net::SocketAddr;
use std::sync::Arc;

use mcpstore::config::Source;
use mcpstore::{AdapterSet, LoadOptions, McpStore, ServiceName, ServiceState, SupervisorConfig};
use mcpstore_out_of_tree::TcpLines;
use mcpstore_testkit::server::{self, Behaviour};
use mcpstore_testkit::suite;
use mcpstore_transport::{Adapter, LaunchError, LaunchRequest, LogRing};
use mcpstore_types::{Incarnation, ServiceSpec};
use tokio::net::TcpListener;

fn spec(address: &str) -> ServiceSpec {
    ServiceSpec::other(ServiceName::new("far").unwrap(), TcpLines::KIND, [("address", address)])
}

/// The server of the testkit behind a port of its own choice: each connection has one of its own.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let (input, output) = stream.into_split();
            tokio::spawn(server::serve(Arc::new(Behaviour::default()), input, output));
        }
    });
    address
}

#[tokio::test]
async fn it_passes_the_suite() {
    let address = serve().await.to_string();
    let checked = suite::check(&TcpLines::new(), &spec(&address)).await;
    assert!(checked.tools > 0 && checked.polite_end.is_some(), "{checked:?}");
}

#[tokio::test]
async fn a_manager_runs_a_service_over_it_out_of_a_config() {
    let address = serve().await;
    let store = McpStore::with_config(SupervisorConfig {
        adapters: AdapterSet::builtin().with(Arc::new(TcpLines::new())),
        ..SupervisorConfig::default()
    });
    let config = format!(
        r#"{{ "mcpServers": {{ "far": {{ "type": "tcp_lines", "settings": {{ "address": "{address}" }} }} }} }}"#
    );
    let loaded = mcpstore::load(&[Source::new("far.json", config)], &mcpstore::config::Nothing, LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    store.add_services(loaded.config.services).await.unwrap();
    store.start_all().await.unwrap();
    assert_eq!(store.service_status("far").unwrap().state, ServiceState::Running);
    let result = store.call_tool("far", "echo", r#"{"text":"over tcp"}"#).await.unwrap();
    assert!(result.get().contains("over tcp"), "{result}");
    store.stop_all(false).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    // A port that nobody listens on: it was just given back.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let launch = |spec: ServiceSpec| async move {
        let logs = Arc::new(LogRing::new(Incarnation(1)));
        TcpLines::new().launch(LaunchRequest::new(Arc::new(spec), Incarnation(1), logs)).await.unwrap_err()
    };
    let error = launch(spec(&address)).await;
    assert!(matches!(error, LaunchError::Unreachable { .. }) && error.to_string().contains(&address), "{error}");
    let mut lacking = spec(&address);
    lacking.transport = ServiceSpec::other(lacking.name.clone(), TcpLines::KIND, [("adress", "x")]).transport;
    let error = launch(lacking).await;
    assert!(error.is_permanent() && error.to_string().contains("`address` is missing"), "{error}");
}
