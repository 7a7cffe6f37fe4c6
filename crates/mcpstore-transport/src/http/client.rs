//! The HTTP client of one service: one pool of connections, and the rules for every request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcpstore_types::HttpSpec;
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};
use tokio::time::timeout;

use super::connect::{CONNECT, try_out};
use super::credentials::{AuthError, Challenge, Credentials};
use super::fault::Fault;
use super::guard::{OutboundGuard, origin};
use super::target::Target;
use super::{headers, tls};
use crate::LaunchError;
use crate::clip::clip;

/// Redirects that are followed, one after the other.
const MAX_REDIRECTS: u32 = 5;
/// How often one request is tried with other credentials.
const MAX_TRIES: u32 = 3;
/// How long a connection that nobody uses is kept.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);
/// The longest wait that a server can ask for with `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);
/// Challenges of one refusal that are looked at.
const MAX_CHALLENGES: usize = 16;

/// The HTTP client of one life of a service.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: Client,
    /// Where the server is.
    pub(crate) target: Target,
    /// Where requests may go.
    pub(crate) guard: OutboundGuard,
    configured: HeaderMap,
    credentials: Option<Arc<dyn Credentials>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Those of the protocol.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// How long the header of the answer may take; `None`: as long as somebody waits for it.
    pub(crate) header_within: Option<Duration>,
}

impl HttpClient {
    /// The client for a spec; it has been connected to the server once.
    ///
    /// # Errors
    /// [`LaunchError`]: the spec is no good, or the server cannot be reached.
    pub(crate) async fn launch(
        spec: &HttpSpec,
        credentials: Option<Arc<dyn Credentials>>,
    ) -> Result<Self, LaunchError> {
        let target = Target::of(spec)?;
        let mut configured = headers::configured(spec)?;
        if let Some(host) = target.host() {
            configured.entry(HOST).or_insert(host);
        }
        let guard = target.guard();
        let tls = tls::config(spec.ca_file.as_deref()).await?;
        let client = build(&target, &guard, tls.clone())?;
        try_out(&target, &guard, tls).await?;
        Ok(Self { client, target, guard, configured, credentials })
    }

    /// Sends a request and returns the header of its answer, whatever its status but a redirect or a refusal of our
    /// credentials.
    ///
    /// # Errors
    /// [`Fault`].
    ///
    /// # Cancel safety
    /// Dropped half-way, the request is given up; the server may have it already.
    pub(crate) async fn send(&self, request: &Outbound) -> Result<Response, Fault> {
        let (mut url, method) = (request.url.clone(), request.method.clone());
        let (mut redirects, mut tries) = (0, 0);
        loop {
            let used = self.authorization().await?;
            let mut builder = self.client.request(method.clone(), url.clone()).headers(self.configured.clone());
            builder = builder.headers(request.headers.clone());
            if let Some(value) = &used {
                let mut value = HeaderValue::from_str(value)
                    .map_err(|_| Fault::Auth("the credentials have characters that HTTP cannot carry".to_owned()))?;
                value.set_sensitive(true);
                builder = builder.header(AUTHORIZATION, value);
            }
            if let Some(body) = request.body.as_ref().filter(|_| method != Method::GET) {
                builder = builder.body(body.clone());
            }
            let response = match request.header_within {
                None => builder.send().await?,
                Some(within) => timeout(within, builder.send())
                    .await
                    .map_err(|_| Fault::Broken(format!("no header of an answer came within {within:?}")))??,
            };
            let status = response.status();
            if status.is_redirection() {
                redirects += 1;
                url = self.follow(&url, &response, &method, redirects)?;
            } else if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                self.refused(&response, used.as_deref(), tries).await?;
                tries += 1;
            } else {
                return Ok(response);
            }
        }
    }

    /// The value of the `Authorization` header, when it is not the config's.
    async fn authorization(&self) -> Result<Option<String>, Fault> {
        match &self.credentials {
            Some(credentials) if !self.configured.contains_key(AUTHORIZATION) => {
                credentials.authorization().await.map_err(from_auth)
            }
            _ => Ok(None),
        }
    }

    /// The server refused our credentials: fine when there are others now.
    async fn refused(&self, response: &Response, used: Option<&str>, tries: u32) -> Result<(), Fault> {
        let status = response.status().as_u16();
        let challenges: Vec<String> = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .take(MAX_CHALLENGES)
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        if let Some(credentials) = self.credentials.as_ref().filter(|_| !self.configured.contains_key(AUTHORIZATION)) {
            let challenge = Challenge { status, www_authenticate: &challenges, used, tries };
            if tries < MAX_TRIES && credentials.refused(challenge).await.map_err(from_auth)? {
                return Ok(());
            }
        }
        let asked = challenges.first().map_or_else(String::new, |challenge| format!(", `{}`", clip(challenge)));
        Err(Fault::Auth(format!("HTTP status {status}{asked}")))
    }

    /// The address that an answer sends us to. A message is sent again only where the server says that it is to be the
    /// same message (307, 308), and nothing is sent to another origin.
    fn follow(&self, from: &Url, response: &Response, method: &Method, redirects: u32) -> Result<Url, Fault> {
        let status = response.status();
        let refuse = |message: String| Err(Fault::Status { status: status.as_u16(), message, retry_after: None });
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(to) = location.and_then(|location| from.join(location).ok()) else {
            return refuse("it redirects to no address".to_owned());
        };
        if to.origin() != from.origin() {
            let there = clip(&origin(&to));
            return refuse(format!(
                "it redirects to another origin, `{there}`: if that is right, write it into the config"
            ));
        }
        let same = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let other = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
        if !(same || (other && method == Method::GET)) {
            let path = clip(to.path());
            return refuse(format!("it redirects to `{path}`: if that is right, write it into the config"));
        }
        if redirects > MAX_REDIRECTS {
            return refuse(format!("it redirects more than {MAX_REDIRECTS} times"));
        }
        self.guard.check(&to).map_err(|error| Fault::Unreachable(error.to_string()))?;
        Ok(to)
    }
}

fn from_auth(error: AuthError) -> Fault {
    match error {
        AuthError::NeedsLogin { message } => Fault::Login(message),
        AuthError::Refused { .. } => Fault::Auth(error.to_string()),
        AuthError::Failed { .. } => Fault::Unreachable(error.to_string()),
    }
}

/// How long an answer asks us to wait.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // The other form, a date, depends on two clocks; servers of APIs write seconds.
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

pub(crate) fn build(target: &Target, guard: &OutboundGuard, tls: rustls::ClientConfig) -> Result<Client, LaunchError> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(guard.clone())
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE_CONNECTION)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30));
    if let Some(socket) = &target.socket {
        builder = builder.unix_socket(socket.as_path());
    }
    if target.is_here() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| LaunchError::BadAddress { what: super::fault::explain(&error) })
}
