//! Progress tokens: which one a call carries, and whose progress a notice tells.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::own_id;
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
    /// The request whose token of ours this is, if it is one.
    pub(super) fn own_id(&self) -> Option<u64> {
        match self {
            Self::Text(text) => own_id(text.strip_prefix(OURS)?.as_bytes()),
            Self::Number(_) => None,
        }
    }

    /// The token of the request with this wire id, when it has none of its caller's.
    pub(super) fn ours(id: u64) -> Self {
        Self::Text(format!("{OURS}{id}"))
    }

    /// The JSON text of the token of the request with this wire id, when it has none of its caller's.
    pub(super) const fn ours_text(id: u64) -> OursText {
        OursText(id)
    }

    /// A caller's token that looks like one of ours.
    pub(super) fn looks_like_ours(&self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with(OURS))
    }

    /// The value of a JSON text; `None` when it is neither a text nor a number.
    pub(super) fn of(json: &RawValue) -> Option<Self> {
        match json.get().as_bytes().first()? {
            b'"' => serde_json::from_str(json.get()).ok().map(Self::Text),
            // The sum makes one zero of the two.
            b'-' | b'0'..=b'9' => serde_json::from_str(json.get()).ok().map(|n: f64| Self::Number((n + 0.0).to_bits())),
            _ => None,
        }
    }
}

/// See [`Token::ours_text`].
pub(super) struct OursText(u64);

impl Display for OursText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{OURS}{}\"", self.0)
    }
}

/// The progress token in the params of `notifications/progress`, and where it stands.
pub(super) fn of_progress(params: &RawValue) -> Option<(Token, Range<usize>)> {
    #[derive(Deserialize)]
    struct Progress<'a> {
        #[serde(borrow, rename = "progressToken")]
        token: &'a RawValue,
    }
    let progress = object::<Progress<'_>>(params.get()).ok()?;
    // A slice of `params`: their distance is where it stands.
    let start = progress.token.get().as_ptr() as usize - params.get().as_ptr() as usize;
    Some((Token::of(progress.token)?, start..start + progress.token.get().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn tokens_are_known_by_their_value() {
        let of = |json: &str| Token::of(&raw(json));
        assert_eq!(of(r#""a\u0062\/""#), of(r#""ab/""#));
        assert_eq!((of("1"), of("-0")), (of("1.0"), of("0")));
        assert_ne!(of("1"), of("\"1\""));
        assert_eq!((of("{}"), of("true"), of("null")), (None, None, None));
        let (token, at) = of_progress(&raw(r#"{"progress":1,"progressToken":1e0}"#)).unwrap();
        assert_eq!((Some(token), at), (of("1"), 30..33));
        let ours = of(&Token::ours_text(3).to_string()).unwrap();
        assert_eq!((ours.looks_like_ours(), ours.own_id()), (true, Some(3)));
        assert_eq!(of("\"mcpstore-03\"").unwrap().own_id(), None);
    }
}
