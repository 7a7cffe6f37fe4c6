//! One message on its way out, read only as far as its headers need it.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::headers;
use super::params::Wishes;
use crate::object::object;
use crate::wire::Envelope;

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) body: Bytes,
    /// Its method; an answer of ours has none.
    pub(super) method: Option<String>,
    /// The version it says it is of, which the messages of the stateless era do.
    pub(super) stateless: Option<HeaderValue>,
    /// What its headers say of it, in that era.
    pub(super) headers: HeaderMap,
}

impl Message {
    /// Reads a line of the wire.
    ///
    /// # Errors
    /// Why it must not be sent.
    pub(super) fn read(mut line: Vec<u8>, wishes: &Wishes) -> Result<Self, String> {
        while line.last().is_some_and(u8::is_ascii_whitespace) {
            line.pop();
        }
        let body = Bytes::from(line);
        let mut headers = HeaderMap::new();
        let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
        let envelope = Envelope::peek(text).ok_or("it is no message")?;
        let method = envelope.method.as_deref().map(str::to_owned);
        let stateless = envelope.params.and_then(version_of);
        if let Some(method) = method.as_deref().filter(|_| stateless.is_some()) {
            headers::of_message(method, envelope.params, &mut headers);
            if let Some(params) = envelope.params.filter(|_| method == "tools/call") {
                wishes.fulfil(params, &mut headers)?;
            }
        }
        Ok(Self { method, stateless, headers, body: body.clone() })
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }

    pub(super) fn is_stateless(&self) -> bool {
        self.stateless.is_some()
    }
}

/// The version that the params of a message say it is of.
fn version_of(params: &RawValue) -> Option<HeaderValue> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
        version: String,
    }
    // Messages of the other era need no reading.
    let text = params.get();
    if !text.contains("protocolVersion") && !text.contains("\\u") {
        return None;
    }
    let meta = object::<Params<'_>>(text).ok()?.meta?;
    let meta: Meta = object(meta.get()).ok()?;
    HeaderValue::from_str(&meta.version).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_era_itself() {
        let read = |line: &str| Message::read(line.as_bytes().to_vec(), &Wishes::default()).unwrap();
        let modern = read(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
"#,
        );
        assert!(modern.is("tools/call") && modern.is_stateless() && modern.body.ends_with(b"}"));
        assert_eq!(
            (&modern.headers["mcp-method"], &modern.headers["mcp-name"]),
            (&"tools/call".parse().unwrap(), &"t".parse().unwrap())
        );
        let older =
            read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":1}}}"#);
        assert!(!older.is_stateless() && older.headers.is_empty());
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).method, None);
        assert!(Message::read(b"odd".to_vec(), &Wishes::default()).is_err());
    }
}
