//! What a client hears before the answer to its request.

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::levels::Level;
use super::super::params::{Peek, invalid};
use super::edit::Edit;
use crate::outlet::Outlet;

/// How messages begin that are looked into; [`crate::message::notification`] writes them so.
const LOG: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/message""#;
const PROGRESS: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/progress""#;

/// Tells the client of one request what belongs to it.
pub(super) struct Teller {
    outlet: Outlet,
    /// The least serious log lines that it wants; `None`: it wants none (spec: MCP 2026-07-28, logging).
    least: Option<Level>,
    /// Its progress token, as JSON.
    token: Option<String>,
}

impl Teller {
    /// For the request with these params.
    ///
    /// # Errors
    /// "Invalid params" when it wants log lines of a level that there is not.
    pub(super) fn new(outlet: Outlet, peek: &Peek<'_>) -> Result<Self, RpcError> {
        let meta = peek.meta.as_ref();
        let level = meta.and_then(|meta| meta.log_level.as_deref());
        let least = level.map(|level| Level::named(level).ok_or_else(|| invalid(&format!("no log level `{level}`"))));
        Ok(Self {
            outlet,
            least: least.transpose()?,
            token: meta.and_then(|meta| meta.progress).map(|token| token.get().to_owned()),
        })
    }

    /// The least serious log lines that it wants.
    pub(super) fn least(&self) -> Option<Level> {
        self.least
    }

    /// Its progress token, as JSON.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Tells it, if it wants to hear that. `token` is the progress token under which the work was begun.
    pub(super) fn tell(&self, message: Bytes, token: Option<&str>) {
        if message.starts_with(LOG) {
            let wanted = self.least.is_some_and(|least| level_of(&message).is_some_and(|level| level >= least));
            if !wanted {
                return;
            }
        }
        if message.starts_with(PROGRESS) && token != self.token() {
            let told = self.token().and_then(|token| with_token(&message, token));
            told.map(|told| self.outlet.push(told));
            return;
        }
        self.outlet.push(message);
    }
}

/// How grave a log message is.
fn level_of(message: &[u8]) -> Option<Level> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: &'a RawValue,
    }
    Level::of_message(Some(serde_json::from_slice::<Message<'_>>(message).ok()?.params))
}

/// A progress message with another token.
fn with_token(message: &[u8], token: &str) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow)]
        progress_token: &'a RawValue,
    }
    let text: &RawValue = serde_json::from_slice(message).ok()?;
    let old = serde_json::from_str::<Message<'_>>(text.get()).ok()?.params.progress_token;
    let mut edit = Edit::of(text);
    edit.replace(old, token.to_owned());
    Some(String::from(Box::<str>::from(edit.done())).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::notification;
    use crate::outlet::outlet;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_client_hears_what_it_wants() {
        let heard = |meta: &str, method: &str, params: &str, token: Option<&str>| {
            let (outlet, mut stream) = outlet();
            let of = raw(&format!(r#"{{"_meta":{meta}}}"#));
            let teller = Teller::new(outlet, &Peek::read(Some(&of)).unwrap()).unwrap();
            teller.tell(notification(method, Some(&raw(params))), token);
            stream.try_next().map(|told| String::from_utf8(told.to_vec()).unwrap())
        };
        let level = |level: &str| format!(r#"{{"io.modelcontextprotocol/logLevel":"{level}"}}"#);
        let (log, progress) = ("notifications/message", "notifications/progress");
        assert!(heard("{}", log, r#"{"level":"emergency"}"#, None).is_none());
        assert!(heard(&level("info"), log, r#"{"data":1,"level":"info"}"#, None).is_some());
        assert!(heard(&level("warning"), log, r#"{"level":"info"}"#, None).is_none());
        assert!(heard(&level("debug"), log, r#"{"level":"odd"}"#, None).is_none());
        assert!(heard("{}", "x/y", "{}", None).is_some());
        let told = heard(r#"{"progressToken":7}"#, progress, r#"{"progress":1.0,"progressToken":7}"#, Some("7"));
        assert!(told.unwrap().ends_with(r#""params":{"progress":1.0,"progressToken":7}}"#));
        let told = heard(r#"{"progressToken":"b"}"#, progress, r#"{"progress":1.0,"progressToken":7}"#, Some("7"));
        assert!(told.unwrap().ends_with(r#""params":{"progress":1.0,"progressToken":"b"}}"#));
        assert!(heard("{}", progress, r#"{"progress":1,"progressToken":7}"#, Some("7")).is_none());
        let odd = raw(&format!(r#"{{"_meta":{}}}"#, level("loud")));
        let (outlet, _stream) = outlet();
        assert_eq!(Teller::new(outlet, &Peek::read(Some(&odd)).unwrap()).err().unwrap().code, -32602);
    }
}
