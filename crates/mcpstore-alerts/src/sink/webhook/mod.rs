//! An HTTP `POST` of JSON.

mod address;
mod answer;
mod client;
mod redact;
mod sign;

use std::collections::BTreeMap;
use std::time::SystemTime;

use mcpstore_types::{Secret, WebhookTemplate};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use tokio::sync::OnceCell;

use self::address::Address;
use self::redact::Redact;
use super::{Sink, SinkError};
use crate::alert::Alert;
use crate::options::Options;
use crate::template;
use crate::wait;

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 16 * 1024;

/// Posts alerts to an address.
pub(crate) struct Webhook {
    address: Address,
    template: WebhookTemplate,
    headers: HeaderMap,
    sign_key: Option<Secret>,
    redact: Redact,
    options: Options,
    /// Made with the first alert: it reads the certificates of the system.
    client: OnceCell<reqwest::Client>,
}

impl Webhook {
    /// A sink for this address.
    ///
    /// # Errors
    /// The address, a header or the key is no good, in words that quote none of them.
    pub(crate) fn new(
        url: &Secret,
        template: WebhookTemplate,
        headers: &BTreeMap<String, Secret>,
        sign_key: Option<&Secret>,
        options: &Options,
    ) -> Result<Self, String> {
        let address = Address::new(url, template)?;
        let redact = Redact::new(url, headers.values().chain(sign_key));
        let headers = headers.iter().map(|(name, value)| header(name, value)).collect::<Result<_, _>>()?;
        let sign_key = sign_key.cloned();
        Ok(Self { address, template, headers, sign_key, redact, options: options.clone(), client: OnceCell::new() })
    }

    async fn post(&self, alert: &Alert) -> Result<(), SinkError> {
        let client = self.client.get_or_try_init(|| client::build(&self.address, &self.options)).await?;
        let (url, body) = self.request(alert, SystemTime::now());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert("idempotency-key", HeaderValue::from_str(&ascii(&alert.key())).map_err(|_| impossible())?);
        // The config's own win.
        headers.extend(self.headers.clone());
        let request = client.post(url).headers(headers).body(body.to_string());
        let mut response = request.send().await.map_err(|error| SinkError::passing(client::explain(&error)))?;
        let status = response.status().as_u16();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|value| wait::retry_after(value, SystemTime::now()));
        let mut text = Vec::new();
        while text.len() < MAX_ANSWER {
            match response.chunk().await {
                Ok(Some(piece)) => text.extend_from_slice(&piece[..piece.len().min(MAX_ANSWER - text.len())]),
                Ok(None) => break,
                // The status alone says whether it was taken, but where the answer's text does.
                Err(_) if !answer::has_code(self.template) => break,
                Err(error) => return Err(SinkError::passing(client::explain(&error))),
            }
        }
        answer::judge(self.template, status, &String::from_utf8_lossy(&text), retry_after)
    }

    /// Where to and what, signed where there is a key.
    fn request(&self, alert: &Alert, now: SystemTime) -> (reqwest::Url, serde_json::Value) {
        let mut body = template::body(self.template, alert);
        let mut url = self.address.url().clone();
        let now_ms = wait::unix_ms(now);
        match (self.template, &self.sign_key) {
            (WebhookTemplate::Feishu, Some(key)) => {
                let timestamp = (now_ms / 1000).to_string();
                body["sign"] = sign::feishu(&timestamp, key).into();
                body["timestamp"] = timestamp.into();
            }
            (WebhookTemplate::DingTalk, Some(key)) => {
                let timestamp = now_ms.to_string();
                let sign = sign::dingtalk(&timestamp, key);
                url.query_pairs_mut().append_pair("timestamp", &timestamp).append_pair("sign", &sign);
            }
            (WebhookTemplate::Ntfy, _) => body["topic"] = self.address.topic().into(),
            _ => {}
        }
        (url, body)
    }
}

#[async_trait::async_trait]
impl Sink for Webhook {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        // Some receivers quote the request in what they say of it.
        self.post(alert).await.map_err(|error| SinkError { message: self.redact.apply(&error.message), ..error })
    }
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    let name_ok = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| format!("the value of the header `{name}` has characters that HTTP cannot carry"))?;
    value.set_sensitive(true);
    Ok((name_ok, value))
}

/// Headers carry visible ASCII only; an id of ours is nothing else.
fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

fn impossible() -> SinkError {
    SinkError::permanent("the id of the alert does not fit into a header")
}
