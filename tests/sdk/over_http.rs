//! Servers on the SDKs behind a port: streamable HTTP, and legacy SSE where the SDK still has it.

use mcpstore::ServiceSpec;
use mcpstore::transport::{Http, Sse};
use mcpstore::types::EraChoice;
use mcpstore_testkit::suite;

use crate::support::{Listening, Sdk, name};

async fn http_passes(sdk: Sdk) {
    let Some(server) = Listening::start(sdk, "http") else { return };
    for era in sdk.eras() {
        let mut spec = ServiceSpec::http(name(), format!("http://127.0.0.1:{}/mcp", server.port));
        spec.era = EraChoice::Only(*era);
        sdk.holds(&suite::check(&Http::new(), &spec).await, *era);
    }
    server.end();
}

async fn sse_passes(sdk: Sdk) {
    let Some(server) = Listening::start(sdk, "sse") else { return };
    let spec = ServiceSpec::sse(name(), format!("http://127.0.0.1:{}/sse", server.port));
    sdk.offers(&suite::check(&Sse::new(), &spec).await);
    server.end();
}

#[tokio::test]
async fn http_passes_with_typescript_before_the_stateless_era() {
    http_passes(Sdk::Ts1).await;
}

#[tokio::test]
async fn http_passes_with_typescript_in_both_eras() {
    http_passes(Sdk::Ts2).await;
}

#[tokio::test]
async fn http_passes_with_python_before_the_stateless_era() {
    http_passes(Sdk::Py1).await;
}

#[tokio::test]
async fn http_passes_with_python_in_both_eras() {
    http_passes(Sdk::Py2).await;
}

#[tokio::test]
async fn http_passes_with_rust_in_both_eras() {
    http_passes(Sdk::Rmcp).await;
}

#[tokio::test]
async fn sse_passes_with_typescript() {
    sse_passes(Sdk::Ts1).await;
}

#[tokio::test]
async fn sse_passes_with_python_before_the_stateless_era() {
    sse_passes(Sdk::Py1).await;
}

#[tokio::test]
async fn sse_passes_with_python_of_both_eras() {
    sse_passes(Sdk::Py2).await;
}
