//! Who stands for the human: says yes to what a server asks, and at the authorisation server.

use std::error::Error;

use async_trait::async_trait;
use mcpstore::ServiceName;
use mcpstore::transport::{AuthError, LoginListener, LoginPrompt, Redirect, RpcError, ServerRequest, ServerRequests};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::arguments::defaults;

/// Accepts every form with its defaults.
pub(crate) struct Answers;

#[async_trait]
impl ServerRequests for Answers {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        if request.method != "elicitation/create" {
            return Err(RpcError::no_method());
        }
        let params: Value =
            request.params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
        let answer = json!({ "action": "accept", "content": defaults(&params["requestedSchema"]) });
        to_raw_value(&answer).map_err(|error| RpcError::new(-32603, error.to_string()))
    }
}

/// Opens the page of the authorisation server, which sends everybody back at once.
#[derive(Debug)]
pub(crate) struct Human;

#[async_trait]
impl LoginPrompt for Human {
    async fn listen(&self, _: Option<&str>) -> Result<Box<dyn LoginListener>, AuthError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl LoginListener for Human {
    fn redirect_uri(&self) -> &str {
        "http://127.0.0.1:3000/callback"
    }

    async fn authorize(self: Box<Self>, _: &ServiceName, url: &str) -> Result<Redirect, AuthError> {
        let location = location(url).await.map_err(|error| AuthError::Failed { message: error.to_string() })?;
        Redirect::from_url(&location)
    }
}

/// Where the page at `url` sends whoever opens it.
async fn location(url: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let rest = url.strip_prefix("http://").ok_or("the suite speaks plain HTTP")?;
    let (host, path) = rest.split_once('/').ok_or("a page has a path")?;
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let found =
        answer.lines().filter_map(|line| line.split_once(": ")).find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Ok(found.ok_or("it sends nobody anywhere")?.1.to_owned())
}
