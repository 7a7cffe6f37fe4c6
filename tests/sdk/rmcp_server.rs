//! A server on the Rust SDK, for the tests of `tests/sdk`: `mcpstore-rmcp-server stdio|http`.
//!
//! Over HTTP it takes a free port, prints it, and ends with its stdin.
#![allow(clippy::print_stdout, reason = "a program for a test suite")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ProgressNotificationParam, RequestMetaObject};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{Peer, RoleServer, ServerHandler, ServiceExt as _, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

/// The server; it keeps nothing.
struct Tools;

#[derive(Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Numbers {
    a: f64,
    b: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Steps {
    n: u64,
    ms: u64,
}

#[tool_router]
impl Tools {
    #[tool(description = "Returns its text")]
    fn echo(&self, Parameters(args): Parameters<Text>) -> String {
        args.text
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(args): Parameters<Numbers>) -> String {
        (args.a + args.b).to_string()
    }

    #[tool(description = "Answers with an error")]
    fn fail(&self) -> Result<String, String> {
        Err("failed as asked".to_owned())
    }

    #[tool(description = "Reports progress n times, some milliseconds apart")]
    async fn progress(
        &self,
        Parameters(args): Parameters<Steps>,
        meta: RequestMetaObject,
        peer: Peer<RoleServer>,
    ) -> Result<String, String> {
        for step in 1..=args.n {
            tokio::time::sleep(Duration::from_millis(args.ms)).await;
            if let Some(token) = meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, step as f64);
                peer.notify_progress(progress).await.map_err(|error| error.to_string())?;
            }
        }
        Ok("done".to_owned())
    }
}

#[tool_handler(name = "sdk-rmcp", instructions = "Ask.")]
impl ServerHandler for Tools {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("stdio") => {
            Tools.serve(rmcp::transport::io::stdio_pipes()).await?.waiting().await?;
            Ok(())
        }
        Some("http") => over_http().await,
        other => Err(format!("say stdio or http, not {other:?}").into()),
    }
}

async fn over_http() -> Result<(), Box<dyn Error>> {
    let sessions = Arc::new(LocalSessionManager::default());
    let service = TowerToHyperService::new(StreamableHttpService::new(|| Ok(Tools), sessions, Default::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("port {}", listener.local_addr()?.port());
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        // A connection that breaks is the client's affair.
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
