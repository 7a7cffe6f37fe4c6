//! Sending a request to a collector.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::Value;

use super::push::OtlpConfig;
use crate::guard::is_loopback;

/// Most bytes read of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Longest wait that a collector may ask for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Why nothing can be pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none.
    #[error("the OTLP endpoint must be an http:// or https:// address")]
    BadEndpoint,
    /// A header is none. Its value is not told: it may be a secret.
    #[error("the OTLP header `{name}` cannot be sent")]
    BadHeader {
        /// Its name.
        name: String,
    },
    /// There is no way to make connections.
    #[error("no client for OTLP: {what}")]
    NoClient {
        /// Why.
        what: String,
    },
}

/// What a collector said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It took it all, but for so many.
    Taken { rejected: u64 },
    /// It may take it later, after so long if it said so.
    Later { what: String, after: Option<Duration> },
    /// It will never take it.
    Refused { what: String },
}

/// A client of one collector.
pub(super) struct Collector {
    client: Client,
    base: String,
}

impl Collector {
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let base = config.endpoint.expose().trim_end_matches('/').to_owned();
        let address = reqwest::Url::parse(&base).map_err(|_| OtlpError::BadEndpoint)?;
        if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
            return Err(OtlpError::BadEndpoint);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let bad = || OtlpError::BadHeader { name: name.clone() };
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let failed = |what: String| OtlpError::NoClient { what };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls().map_err(|error| failed(error.to_string()))?)
            .redirect(redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("mcpstore/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(config.timeout)
            .timeout(config.timeout)
            .pool_max_idle_per_host(1);
        if address.host_str().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| failed(error.without_url().to_string()))?;
        Ok(Self { client, base })
    }

    /// Sends a request to this path of the collector.
    pub(super) async fn send(&self, path: &str, body: &Value) -> Sent {
        let body = body.to_string();
        let mut response = match self.client.post(format!("{}{path}", self.base)).body(body).send().await {
            Ok(response) => response,
            // The address may have a secret in it.
            Err(error) => return Sent::Later { what: innermost(&error.without_url()), after: None },
        };
        let status = response.status();
        if status.is_success() {
            return Sent::Taken { rejected: rejected(&mut response).await };
        }
        let what = format!("it answered {status}");
        // Those that may help later (source: OTLP 1, OTLP/HTTP response, retryable response codes).
        let later = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if !later.contains(&status) {
            return Sent::Refused { what };
        }
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Sent::Later { what, after: seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT)) }
    }
}

/// How many it did not take after all.
async fn rejected(response: &mut reqwest::Response) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        #[serde(alias = "rejectedDataPoints")]
        rejected_spans: Option<Value>,
    }
    let mut text = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        text.extend(&piece);
        if text.len() > MAX_ANSWER {
            return 0;
        }
    }
    let answer = serde_json::from_slice::<Answer>(&text).ok().and_then(|answer| answer.partial_success);
    // 64 bits come as text or as a number.
    match answer.and_then(|partial| partial.rejected_spans) {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// TLS with the certificates of the system. There is no way to skip the check.
fn tls() -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read are left out, as every other program does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
