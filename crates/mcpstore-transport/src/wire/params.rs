//! What the wire adds to the params of a request: a progress token, and in the stateless era who asks.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::present;
use super::token::Token;
use crate::object::object;

/// Bytes of a progress token of ours with its name, and of a `_meta` around it, at most.
const TOKEN_ROOM: usize = 72;

/// Who asks: what every request of the stateless era carries (spec: MCP 2026-07-28, basic).
#[derive(Debug)]
pub(crate) struct Stateless {
    /// The members of `_meta`: the name of each, and its JSON text.
    members: [(&'static str, String); 3],
}

impl Stateless {
    /// A client that speaks this version and has these capabilities (a JSON object).
    pub(crate) fn new(version: &str, capabilities: &str) -> Self {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let name = quoted(crate::handshake::CLIENT_NAME);
        let own = quoted(crate::handshake::CLIENT_VERSION);
        Self {
            members: [
                ("io.modelcontextprotocol/protocolVersion", quoted(version)),
                ("io.modelcontextprotocol/clientInfo", format!(r#"{{"name":{name},"version":{own}}}"#)),
                ("io.modelcontextprotocol/clientCapabilities", capabilities.to_owned()),
            ],
        }
    }
}

/// The params of a request, and where the wire's members go in them.
pub(super) struct Params<'a> {
    text: &'a str,
    meta: Meta,
    /// Which of [`Stateless`]'s members the caller states itself.
    stated: [bool; 3],
    /// The progress token of the caller.
    pub(super) token: Option<Token>,
}

/// Where `_meta` stands.
enum Meta {
    /// Nowhere; it goes here.
    Absent(usize),
    /// Here, as `null`.
    Null(Range<usize>),
    /// Its members begin here; a progress token stands there.
    Object { members: usize, token: Option<Range<usize>> },
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, default, deserialize_with = "present", rename = "_meta")]
    meta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default, deserialize_with = "present", rename = "progressToken")]
    token: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present", rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present", rename = "io.modelcontextprotocol/clientInfo")]
    info: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present", rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Reads the params; `None` when they have no place for `_meta`, or something else stands there.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        // Both are slices of `text`: their distance is where they stand.
        let span = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        let whole = |meta, stated, token| Some(Self { text, meta, stated, token });
        // Most have none, which shows without reading them.
        if text.starts_with('{') && !text.contains("_meta") && !text.contains("\\u") {
            return whole(Meta::Absent(1), [false; 3], None);
        }
        let Some(meta) = object::<Outer<'_>>(text).ok()?.meta else {
            return whole(Meta::Absent(text.find('{')? + 1), [false; 3], None);
        };
        if meta.get() == "null" {
            return whole(Meta::Null(span(meta.get())), [false; 3], None);
        }
        let inner = object::<Inner<'_>>(meta.get()).ok()?;
        let stated = [inner.version.is_some(), inner.info.is_some(), inner.capabilities.is_some()];
        let token = match inner.token {
            None => None,
            Some(token) if token.get() == "null" => None,
            Some(token) => Some(Token::of(token)?),
        };
        let at = inner.token.map(|token| span(token.get()));
        whole(Meta::Object { members: span(meta.get()).start + 1, token: at }, stated, token)
    }

    /// The JSON text of the caller's progress token.
    pub(super) fn token_text(&self) -> Option<&'a str> {
        match &self.meta {
            Meta::Object { token: Some(at), .. } if self.token.is_some() => Some(&self.text[at.clone()]),
            Meta::Object { .. } | Meta::Absent(_) | Meta::Null(_) => None,
        }
    }

    /// Bytes that [`Params::put`] writes, about and at most.
    pub(super) fn room(&self, stateless: Option<&Stateless>) -> usize {
        let members = stateless.iter().flat_map(|stateless| &stateless.members);
        self.text.len() + TOKEN_ROOM + members.map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
    }

    /// Writes the params with this progress token (JSON text) and who asks in their `_meta`; every other byte stays.
    pub(super) fn put(&self, out: &mut String, token: Option<&dyn Display>, stateless: Option<&Stateless>) {
        let place = match &self.meta {
            Meta::Object { token, .. } => token.clone(),
            Meta::Absent(_) | Meta::Null(_) => None,
        };
        let new_token = token.filter(|_| place.is_none());
        let stated = |number: usize| self.stated.get(number).is_some_and(|stated| *stated);
        let members = stateless.iter().flat_map(|stateless| stateless.members.iter().enumerate());
        let members = members.filter(|(number, _)| !stated(*number)).map(|(_, member)| member);
        let any = new_token.is_some() || members.clone().next().is_some();
        let add = |out: &mut String| {
            let mut between = "";
            // Writing to a String cannot fail.
            if let Some(token) = new_token {
                let _ = write!(out, "\"progressToken\":{token}");
                between = ",";
            }
            for (name, value) in members.clone() {
                let _ = write!(out, "{between}\"{name}\":{value}");
                between = ",";
            }
        };
        match &self.meta {
            Meta::Absent(_) | Meta::Null(_) if !any => out.push_str(self.text),
            Meta::Absent(at) => {
                let (front, back) = self.text.split_at(*at);
                out.push_str(front);
                out.push_str("\"_meta\":{");
                add(out);
                out.push('}');
                out.push_str(comma(back));
                out.push_str(back);
            }
            Meta::Null(at) => {
                out.push_str(&self.text[..at.start]);
                out.push('{');
                add(out);
                out.push('}');
                out.push_str(&self.text[at.end..]);
            }
            Meta::Object { members, .. } => {
                let (front, back) = self.text.split_at(*members);
                out.push_str(front);
                add(out);
                out.push_str(if any { comma(back) } else { "" });
                match token.zip(place) {
                    None => out.push_str(back),
                    Some((token, at)) => {
                        out.push_str(&self.text[*members..at.start]);
                        // Writing to a String cannot fail.
                        let _ = write!(out, "{token}");
                        out.push_str(&self.text[at.end..]);
                    }
                }
            }
        }
    }
}

/// The comma between new members and those that follow, if any do.
fn comma(inside: &str) -> &'static str {
    if inside.trim_start().starts_with('}') { "" } else { "," }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "\"mcpstore-7\"";

    fn with(params: &Params<'_>, token: Option<&str>, stateless: Option<&Stateless>) -> String {
        let mut out = String::with_capacity(params.room(stateless));
        let room = out.capacity();
        params.put(&mut out, token.as_ref().map(|token| token as &dyn Display), stateless);
        assert_eq!(out.capacity(), room, "{out}");
        out
    }

    fn filled(params: &str) -> String {
        with(&Params::read(params).unwrap(), Some(OURS), None)
    }

    #[test]
    fn the_token_goes_in_and_the_rest_stays() {
        assert_eq!(filled(r#"{"_m\u0065ta":{"k":2}}"#), r#"{"_m\u0065ta":{"progressToken":"mcpstore-7","k":2}}"#);
        assert_eq!(filled("{ }"), r#"{"_meta":{"progressToken":"mcpstore-7"} }"#);
        let odd = r#"{"name":"x", "arguments":{"n":1.0,"big":123456789012345678901234567890,"n":2}}"#;
        assert_eq!(filled(odd), format!(r#"{{"_meta":{{"progressToken":"mcpstore-7"}},{}"#, &odd[1..]));
        assert_eq!(filled(r#"{"a":1,"_meta":{"k":2}}"#), r#"{"a":1,"_meta":{"progressToken":"mcpstore-7","k":2}}"#);
        assert_eq!(filled(r#"{"_meta":{}}"#), r#"{"_meta":{"progressToken":"mcpstore-7"}}"#);
        assert!(Params::read("[1]").is_none() && Params::read(r#"{"_meta":1}"#).is_none());
        assert!(Params::read(r#"{"_meta":{"progressToken":[1]}}"#).is_none());
    }

    #[test]
    fn null_is_no_token_and_stands_in_nobodys_way() {
        assert_eq!(filled(r#"{"_meta": null,"a":1}"#), r#"{"_meta": {"progressToken":"mcpstore-7"},"a":1}"#);
        assert_eq!(
            filled(r#"{"_meta":{"k":2,"progressToken" : null }}"#),
            r#"{"_meta":{"k":2,"progressToken" : "mcpstore-7" }}"#
        );
    }

    #[test]
    fn the_callers_token_is_known_and_can_be_replaced() {
        let params = Params::read(r#"{"_meta":{"progressToken":"abc"}}"#).unwrap();
        assert_eq!((params.token_text(), params.token.is_some()), (Some("\"abc\""), true));
        assert_eq!(with(&params, Some("1"), None), r#"{"_meta":{"progressToken":1}}"#);
        assert_eq!(with(&params, None, None), r#"{"_meta":{"progressToken":"abc"}}"#);
    }

    #[test]
    fn who_asks_goes_in_where_the_caller_does_not_say_so_itself() {
        let stateless = Stateless::new("2026-07-28", r#"{"roots":{}}"#);
        let asking = |params: &str| {
            let text = with(&Params::read(params).unwrap(), None, Some(&stateless));
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        };
        let version = "io.modelcontextprotocol/protocolVersion";
        for params in ["{}", r#"{"a":1}"#, r#"{"_meta":null,"a":1}"#, r#"{"_meta":{},"a":1}"#, r#"{"_meta":{"x":1}}"#] {
            let meta = &asking(params)["_meta"];
            assert_eq!(meta[version], "2026-07-28", "{params}");
            assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "mcpstore");
            assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"]["roots"], serde_json::json!({}));
        }
        let own = asking(&format!(r#"{{"_meta":{{"{version}":"mine","progressToken":1}}}}"#));
        assert_eq!((&own["_meta"][version], &own["_meta"]["progressToken"]), (&"mine".into(), &1.into()));
        let both = with(&Params::read("{}").unwrap(), Some("5"), Some(&stateless));
        assert!(both.starts_with(r#"{"_meta":{"progressToken":5,"io."#), "{both}");
    }
}
