//! Drives the client of mcpstore through a scenario of the official conformance suite: the last argument is the address
//! of its server.
//!
//! It does what the manager does (an adapter, a handshake, the lists, calls), answers what the server asks with the
//! defaults of its schema, and stands for the human at the authorisation server.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a test suite")]

mod arguments;
mod human;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::transport::{
    CallLimits, ClientSide, LaunchRequest, LogRing, OAuth, RequestOptions, Session, get_prompt, list_all, list_tools,
    read_resource, request_with_inputs,
};
use mcpstore::types::{Era, EraChoice, HttpSpec, Incarnation, TransportSpec};
use mcpstore::{AdapterSet, ServiceName, ServiceSpec};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use human::{Answers, Human};

/// For everything: a scenario is ended by the suite after 30 s.
const LIMIT: Duration = Duration::from_secs(20);
/// The client metadata document that the suite knows.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().next_back().filter(|url| url.starts_with("http")) else {
        eprintln!("usage: conformance-driver URL");
        return ExitCode::from(2);
    };
    match drive(url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut words = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                words = format!("{words}: {error}");
                cause = error.source();
            }
            eprintln!("failed: {words}");
            ExitCode::FAILURE
        }
    }
}

async fn drive(url: String) -> Outcome {
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or_default();
    let spec = Arc::new(service(url, &context)?);
    let logins = OAuth::in_memory().with_prompt(Arc::new(Human));
    let adapter = AdapterSet::builtin_with(&logins).get(spec.transport.kind())?;

    let mut request = LaunchRequest::new(Arc::clone(&spec), Incarnation(1), Arc::new(LogRing::new(Incarnation(1))));
    let capabilities = RawValue::from_string(r#"{"elicitation":{"form":{}}}"#.to_owned())?;
    request.client = ClientSide::new(capabilities, Arc::new(Answers));
    let launched = adapter.launch(request).await?;
    let session = launched.handshake.await?;
    let outcome = use_everything(session.as_ref(), &context).await;
    session.close();
    let _ = tokio::time::timeout(Duration::from_secs(2), launched.endpoint.exited()).await;
    outcome
}

fn service(url: String, context: &Value) -> Result<ServiceSpec, Box<dyn Error>> {
    let mut http = HttpSpec { url, ..HttpSpec::default() };
    let text = |key: &str| context[key].as_str().map(str::to_owned);
    http.oauth.client_id = text("client_id");
    http.oauth.client_secret = text("client_secret").map(Into::into);
    http.oauth.issuer = text("issuer");
    http.oauth.client_metadata_url = Some(DOCUMENT.to_owned());
    let mut spec = ServiceSpec::new(ServiceName::new("scenario")?, TransportSpec::Http(http));
    // The suite's servers speak one revision each. Asking them for their era first is no fault, but no part of it either.
    let stateless =
        std::env::var("MCP_CONFORMANCE_PROTOCOL_VERSION").is_ok_and(|version| version.as_str() >= "2026-07-28");
    spec.era = EraChoice::Only(if stateless { Era::Stateless } else { Era::Handshake });
    Ok(spec)
}

/// Lists what the server has, and uses all of it.
async fn use_everything(session: &dyn Session, context: &Value) -> Outcome {
    let limits = CallLimits::within(LIMIT);
    let server = session.server().clone();
    println!("{} {} speaks {}", server.name, server.version, server.protocol_version);
    let tools = list_tools(session, limits).await?;
    println!("{} tools, {} hidden", tools.tools.len(), tools.hidden.len());
    let wanted = context["toolCalls"].as_array();
    for tool in &tools.tools {
        let given = wanted.into_iter().flatten().filter(|call| call["name"] == *tool.name);
        let mut calls: Vec<Value> = given.map(|call| call["arguments"].clone()).collect();
        if wanted.is_none() {
            calls.push(arguments::of(&serde_json::from_str(tool.input_schema.get())?));
        }
        for arguments in calls {
            let params = to_raw_value(&serde_json::json!({ "name": tool.name, "arguments": arguments }))?;
            let options = RequestOptions::default();
            let called = request_with_inputs(session, &Answers, "tools/call", Some(params), limits, options).await;
            // What one tool says is between it and the suite.
            println!("{}: {called:?}", tool.name);
        }
    }
    if server.has_resources {
        for resource in list_all(session, "resources/list", "resources", limits).await?.entries {
            let resource: Value = serde_json::from_str(resource.get())?;
            read_resource(session, resource["uri"].as_str().unwrap_or_default(), limits).await?;
        }
    }
    if server.has_prompts {
        for prompt in list_all(session, "prompts/list", "prompts", limits).await?.entries {
            let prompt: Value = serde_json::from_str(prompt.get())?;
            get_prompt(session, prompt["name"].as_str().unwrap_or_default(), None, limits).await?;
        }
    }
    Ok(())
}
