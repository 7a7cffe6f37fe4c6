//! Progress tokens: which one a call carries, and where it stands in its params.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::present;
use crate::object::object;

/// What our own tokens begin with.
const OURS: &str = "mcpstore-";

/// A progress token by its value: servers write back the same value in other characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Token {
    Text(String),
    /// The bits of the number: `1` comes back as `1.0` from some.
    Number(u64),
}

impl Token {
    /// The token of the request with this wire id, when it has none of its caller's.
    pub(super) fn ours(id: u64) -> Self {
        Self::Text(format!("{OURS}{id}"))
    }

    /// A caller's token that looks like one of ours.
    pub(super) fn looks_like_ours(&self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with(OURS))
    }

    /// The value of a JSON text; `None` when it is neither a text nor a number.
    fn of(json: &RawValue) -> Option<Self> {
        match json.get().as_bytes().first()? {
            b'"' => serde_json::from_str(json.get()).ok().map(Self::Text),
            // The sum makes one zero of the two.
            b'-' | b'0'..=b'9' => serde_json::from_str(json.get()).ok().map(|n: f64| Self::Number((n + 0.0).to_bits())),
            _ => None,
        }
    }
}

/// The progress token in the params of `notifications/progress`.
pub(super) fn of_progress(params: &RawValue) -> Option<Token> {
    #[derive(Deserialize)]
    struct Progress<'a> {
        #[serde(borrow, rename = "progressToken")]
        token: &'a RawValue,
    }
    object::<Progress<'_>>(params.get()).ok().and_then(|progress| Token::of(progress.token))
}

/// Where the token of a call stands in its params, or goes.
pub(super) struct Slot<'a> {
    text: &'a str,
    at: Range<usize>,
    before: &'static str,
    after: &'static str,
    /// The token that stands there.
    pub(super) callers: Option<Token>,
}

impl<'a> Slot<'a> {
    /// The slot in these params; `None` when they have no place for a token, or something else stands there.
    pub(super) fn of(params: &'a RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default, deserialize_with = "present", rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Meta<'a> {
            #[serde(borrow, default, deserialize_with = "present", rename = "progressToken")]
            token: Option<&'a RawValue>,
        }
        let text = params.get();
        // Both are slices of `text`: their distance is where they stand.
        let span = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        let slot = |at, before, after, callers| Some(Self { text, at, before, after, callers });
        let Some(meta) = object::<Params<'_>>(text).ok()?.meta else {
            let at = text.find('{')? + 1;
            return slot(at..at, r#""_meta":{"progressToken":"#, if is_empty(&text[at..]) { "}" } else { "}," }, None);
        };
        if meta.get() == "null" {
            return slot(span(meta.get()), r#"{"progressToken":"#, "}", None);
        }
        match object::<Meta<'_>>(meta.get()).ok()?.token {
            None => {
                let at = span(meta.get()).start + 1;
                slot(at..at, r#""progressToken":"#, if is_empty(&text[at..]) { "" } else { "," }, None)
            }
            Some(token) if token.get() == "null" => slot(span(token.get()), "", "", None),
            Some(token) => slot(span(token.get()), "", "", Some(Token::of(token)?)),
        }
    }

    /// The params with the token of this request of ours in the slot; every other byte stays as it is.
    pub(super) fn with_ours(&self, id: u64) -> String {
        let (front, back) = (&self.text[..self.at.start], &self.text[self.at.end..]);
        format!(r#"{front}{}"{OURS}{id}"{}{back}"#, self.before, self.after)
    }
}

/// True when nothing but the end of the object follows.
fn is_empty(inside: &str) -> bool {
    inside.trim_start().starts_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn filled(params: &str) -> String {
        Slot::of(&raw(params)).unwrap().with_ours(7)
    }

    #[test]
    fn the_token_goes_in_and_the_rest_stays() {
        assert_eq!(filled("{ }"), r#"{"_meta":{"progressToken":"mcpstore-7"} }"#);
        let odd = r#"{"name":"x", "arguments":{"n":1.0,"big":123456789012345678901234567890,"n":2}}"#;
        assert_eq!(filled(odd), format!(r#"{{"_meta":{{"progressToken":"mcpstore-7"}},{}"#, &odd[1..]));
        assert_eq!(filled(r#"{"a":1,"_meta":{"k":2}}"#), r#"{"a":1,"_meta":{"progressToken":"mcpstore-7","k":2}}"#);
        assert_eq!(filled(r#"{"_meta":{}}"#), r#"{"_meta":{"progressToken":"mcpstore-7"}}"#);
        assert!(Slot::of(&raw("[1]")).is_none() && Slot::of(&raw(r#"{"_meta":1}"#)).is_none());
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
    fn tokens_are_known_by_their_value() {
        let of = |json: &str| Token::of(&raw(json));
        assert_eq!(of(r#""a\u0062\/""#), of(r#""ab/""#));
        assert_eq!((of("1"), of("-0")), (of("1.0"), of("0")));
        assert_ne!(of("1"), of("\"1\""));
        assert_eq!((of("{}"), of("true"), of("null")), (None, None, None));
        assert_eq!(of_progress(&raw(r#"{"progress":1,"progressToken":1e0}"#)), of("1"));
        let own = r#"{"_meta":{"progressToken":"abc"}}"#;
        assert_eq!(Slot::of(&raw(own)).unwrap().callers, of("\"abc\""));
        assert!(Slot::of(&raw(r#"{"_meta":{"progressToken":[1]}}"#)).is_none());
        assert!(Token::ours(3).looks_like_ours());
    }
}
