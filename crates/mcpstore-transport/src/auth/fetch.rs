//! The HTTP of a login: bounded, over TLS, without redirects, and to nothing that a server could lure us to.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use mcpstore_types::HttpSpec;
use reqwest::redirect::Policy;
use reqwest::{Client, Request, RequestBuilder, Response, Url};
use rmcp::transport::auth::{OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRequest};

use crate::LaunchError;
use crate::auth::AuthError;
use crate::clip::clip;
use crate::http::connect::CONNECT;
use crate::http::guard::{OutboundGuard, origin};
use crate::http::target::Target;
use crate::http::tls;

/// For one request in all.
const TOTAL: Duration = Duration::from_secs(15);
/// The most bytes of an answer.
const MAX_BODY: usize = 1024 * 1024;

/// Asks the authorisation servers of one service.
#[derive(Clone)]
pub(crate) struct Fetch {
    client: Client,
    guard: OutboundGuard,
    service: Url,
}

impl Fetch {
    /// A client for this service.
    pub(crate) async fn new(spec: &HttpSpec) -> Result<Self, AuthError> {
        let refused = |error: LaunchError| AuthError::Refused { message: error.to_string() };
        let target = Target::of(spec).map_err(refused)?;
        if target.socket.is_some() {
            return Err(AuthError::Refused { message: "a login needs a server with a web address".into() });
        }
        let guard = target.guard();
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls::config(spec.ca_file.as_deref()).await.map_err(refused)?)
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(guard.clone());
        if target.is_here() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| AuthError::Failed { message: words(&error) })?;
        // What it leads to tells the guard where the service is. A failure shows again, at the request itself.
        let port = target.url.port_or_known_default().unwrap_or(443);
        let _ = guard.resolve(target.url.host_str().unwrap_or_default(), port).await;
        Ok(Self { client, guard, service: target.url })
    }

    /// The address of the service.
    pub(crate) fn service(&self) -> &Url {
        &self.service
    }

    /// Sends a request and hands the answer over as soon as its head is there.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, OAuthHttpClientError> {
        self.guard.check(request.url())?;
        if !self.is_confidential(request.url()) {
            return Err(format!("{} is not HTTPS", origin(request.url())).into());
        }
        Ok(self.client.execute(request).await?)
    }

    /// Secrets travel over TLS, within this machine, or to the service that its owner wrote down without TLS.
    fn is_confidential(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        url.scheme() == "https" || here || url.origin() == self.service.origin()
    }

    /// A request to the service.
    pub(crate) fn post(&self) -> RequestBuilder {
        self.client.post(self.service.clone())
    }
}

impl OAuthHttpClient for Fetch {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        // Its redirect policy does not matter: none is ever followed.
        Box::pin(async move {
            let mut response = self.send(request.request.try_into()?).await?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if chunk.len() > MAX_BODY - body.len() {
                    return Err(format!("the answer has more than {MAX_BODY} bytes").into());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(http::Response::from(response).map(|_| body))
        })
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// An error with what is behind it.
pub(crate) fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    clip(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asks(service: &str, url: &str) -> Result<(), String> {
        let fetch = Fetch::new(&HttpSpec { url: service.into(), ..HttpSpec::default() }).await.unwrap();
        let request = Request::new(reqwest::Method::GET, url.parse().unwrap());
        match fetch.send(request).await {
            Ok(_) => Ok(()),
            Err(error) => Err(words(error.as_ref())),
        }
    }

    #[tokio::test]
    async fn a_server_can_lure_us_nowhere() {
        let refused = asks("https://8.8.8.8/mcp", "https://127.0.0.1:1/token").await.unwrap_err();
        assert!(refused.contains("may not send requests"), "{refused}");
        let refused = asks("http://127.0.0.1:1/mcp", "http://8.8.8.8:1/token").await.unwrap_err();
        assert!(refused.contains("is not HTTPS"), "{refused}");
        let refused = asks("http://127.0.0.1:1/mcp", "http://localhost:1/token").await.unwrap_err();
        assert!(!refused.contains("HTTPS") && !refused.contains("may not"), "nobody is there, that is all: {refused}");
    }
}
