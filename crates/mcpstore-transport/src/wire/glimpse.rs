//! A look at a message that cannot be read as a whole: whose answer it was, if it was one.

use super::envelope::own_id;
use super::members::each_member;

/// What the first bytes of an unreadable message say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// They begin an object.
    is_object: bool,
    /// It asks or tells something: whatever its id is, it is none of ours.
    asks: bool,
    /// The values of its `id` members disagree, or one is no id of ours.
    odd_id: bool,
    id: Option<u64>,
}

impl Glimpse {
    /// Walks the members of the outermost object until it or the bytes end. Of a batch it is the first object.
    pub(super) fn of(head: &[u8]) -> Self {
        let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let head = head.strip_prefix(b"[").unwrap_or(head).trim_ascii_start();
        let mut seen = Self::default();
        seen.is_object = each_member(head, |name, value| seen.member(name, value));
        seen
    }

    fn member(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"method" | b"params" => self.asks = true,
            b"id" => {
                let id = leading_id(value);
                self.odd_id |= id.is_none() || self.id.is_some_and(|before| id != Some(before));
                self.id = id;
            }
            _ => {}
        }
    }

    /// The request that this is the answer to, as far as these bytes tell.
    pub(super) fn answers(&self) -> Option<u64> {
        self.id.filter(|_| !self.asks && !self.odd_id)
    }

    /// The same, with the last bytes of the message to look at too.
    pub(super) fn answers_with(&self, tail: &[u8]) -> Option<u64> {
        if self.is_object && !self.asks && !self.odd_id && self.id.is_none() {
            id_in_tail(tail)
        } else {
            self.answers()
        }
    }
}

/// The id of ours at the beginning of these bytes; `None` when it is no whole one.
fn leading_id(value: &[u8]) -> Option<u64> {
    if let Some(text) = value.strip_prefix(b"\"") {
        return own_id(text.split(|byte| *byte == b'"').next().filter(|digits| digits.len() < text.len())?);
    }
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    matches!(value.get(digits)?, b',' | b'}' | b' ' | b'\t' | b'\n' | b'\r').then(|| own_id(&value[..digits]))?
}

/// The id in the last bytes of a message, when it is the last member: `…,"id":7}`.
///
/// The last brace of a message closes the outermost object, so the id before it is the message's own.
fn id_in_tail(tail: &[u8]) -> Option<u64> {
    let inner = tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    before.ends_with(b"\"id\"").then(|| own_id(number))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_unreadable_answers() {
        let id = |head: &str| Glimpse::of(head.as_bytes()).answers();
        assert_eq!(id(r#"{"jsonrpc":"2.0","id" : 42,"result":{"x":"#), Some(42));
        assert_eq!(id(r#"{"result":{"id":9,"a":"\"id\":8"},"x":"id","id":5}"#), Some(5));
        assert_eq!(id("\u{feff}[ {\"id\":\"6\",\"result\":"), Some(6));
        for head in [
            r#"{"result":{"id":9"#,
            r#"log: {"id":9,"result":1}"#,
            r#"{"id":9.5,"result":1}"#,
            r#"{"id":9e1,"result":1}"#,
            r#"{"id":"9x","result":1}"#,
            r#"{"id":"9"#,
            r#"{"id":9"#,
            r#"{"id":09,"result":1}"#,
            r#"{"id":-9,"result":1}"#,
            r#"{"id":9,"result":1,"id":8}"#,
            r#"{"x":1}{"id":9}"#,
        ] {
            assert_eq!(id(head), None, "{head}");
        }
        assert_eq!(id(r#"{"id":9,"id":9,"result":1}"#), Some(9));
    }

    #[test]
    fn a_request_of_the_server_answers_nothing() {
        for head in [r#"{"id":9,"method":"ping","#, r#"{"method":"ping","id":9,"#, r#"{"id":9,"params":{"x":"#] {
            assert_eq!(Glimpse::of(head.as_bytes()).answers_with(br#""id":9}"#), None, "{head}");
        }
        assert_eq!(Glimpse::of(br#"{"id":9,"result":{"method":"x"}"#).answers(), Some(9));
    }

    #[test]
    fn an_id_at_the_end_counts_too() {
        let answer = Glimpse::of(br#"{"result":{"a":"#);
        assert_eq!(answer.answers_with(br#"aaaa"}],"id": 17 }"#), Some(17));
        assert_eq!(answer.answers_with(br#"{"x":{"id":17}}"#), None);
        assert_eq!(answer.answers_with(br#"aaaa\"id\":17}"#), None);
        assert_eq!(Glimpse::of(b"aaaa").answers_with(br#","id":17}"#), None);
    }
}
