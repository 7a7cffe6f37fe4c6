//! The HTTP of a login: bounded, over TLS, without redirects, to admitted addresses only.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response, Url};
use rmcp::transport::auth::{OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRequest};

use crate::auth::reach::{Reach, Resolver};
use crate::clip::clip;

/// For a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// For one request in all.
const TOTAL: Duration = Duration::from_secs(15);
/// The most bytes of an answer.
const MAX_BODY: usize = 1024 * 1024;

/// Asks the authorisation servers of one service.
#[derive(Clone)]
pub(crate) struct Fetch {
    client: Client,
    reach: Arc<Reach>,
}

impl Fetch {
    /// A client for the service of this reach.
    pub(crate) fn new(reach: Reach) -> Result<Self, String> {
        let reach = Arc::new(reach);
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(Policy::none())
            .dns_resolver(Arc::new(Resolver(Arc::clone(&reach))))
            .user_agent(concat!("mcpstore/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| words(&error))?;
        Ok(Self { client, reach })
    }

    /// Sends a request and hands the answer over as soon as its head is there.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, OAuthHttpClientError> {
        self.reach.admits(request.url())?;
        Ok(self.client.execute(request).await?)
    }

    /// A request of one's own.
    pub(crate) fn post(&self, url: Url) -> reqwest::RequestBuilder {
        self.client.post(url)
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
        f.debug_struct("Fetch").field("reach", &self.reach).finish_non_exhaustive()
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

/// TLS as rustls and ring do it, with the certificates that the system trusts.
fn tls() -> Result<rustls::ClientConfig, String> {
    static ROOTS: OnceLock<Arc<rustls::RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| words(&error))?;
    Ok(builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth())
}
