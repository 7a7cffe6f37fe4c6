//! A look at a line that is too long to be read: whose answer is due.

use mcpstore_transport::each_member;
use serde_json::value::RawValue;

/// How much of its beginning is looked at.
const LOOKED_AT: usize = 64 * 1024;

/// What the beginning of a line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    id: Option<String>,
    /// It begins an object.
    object: bool,
    /// It asks, as far as can be seen.
    asks: bool,
    /// It answers: nobody waits for an answer to that.
    answers: bool,
}

impl Head {
    /// Looks at the members of the outermost object, until it or what is looked at ends.
    pub(super) fn of(head: &[u8]) -> Self {
        let head = head[..head.len().min(LOOKED_AT)].trim_ascii_start();
        let mut seen = Self::default();
        seen.object = each_member(head, |name, value| seen.member(name, value));
        seen
    }

    fn member(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"id" => self.id = leading(value),
            b"method" | b"params" => self.asks = true,
            b"result" | b"error" => self.answers = true,
            _ => {}
        }
    }
}

/// The id of the request that a long line was, as its beginning and its last bytes tell.
pub(super) fn id_of_long(head: &Head, tail: &[u8]) -> Option<Box<RawValue>> {
    if !head.object || head.answers || !head.asks {
        return None;
    }
    let text = head.id.clone().or_else(|| trailing(tail))?;
    RawValue::from_string(text).ok()
}

/// The id at the beginning of these bytes; `None` when it is no whole one.
fn leading(value: &[u8]) -> Option<String> {
    let length = match value.first()? {
        b'"' => {
            let mut escaped = false;
            let inner = value[1..].iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            inner? + 2
        }
        b'-' | b'0'..=b'9' => {
            // One that is cut off could be another.
            value.iter().position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))?
        }
        _ => return None,
    };
    std::str::from_utf8(&value[..length]).ok().map(ToOwned::to_owned)
}

/// The id in the last bytes of a line, when it is the last member: `…,"id":7}`. The last brace closes the outermost
/// object, so the id before it is the message's own.
fn trailing(tail: &[u8]) -> Option<String> {
    let inner = tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let inner = std::str::from_utf8(inner).ok()?;
    // Inside of a string the quotes before it would be escaped.
    let (before, id) = inner.rsplit_once("\"id\"")?;
    let id = id.trim_start().strip_prefix(':')?.trim_start();
    let whole = leading(format!("{id},").as_bytes())? == id;
    (whole && before.trim_end().ends_with([',', '{'])).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_long_lines() {
        let id = |head: &str, tail: &str| {
            id_of_long(&Head::of(head.as_bytes()), tail.as_bytes()).map(|id| id.get().to_owned())
        };
        assert_eq!(id(r#"{"jsonrpc":"2.0","id" : 42,"method":"x","params":{"a":"#, ""), Some("42".into()));
        assert_eq!(id(r#"{"method":"x","id":"a\"b","params":{"id":7"#, ""), Some(r#""a\"b""#.into()));
        assert_eq!(id(r#"{"method":"x","params":{"id":7,"a":"#, r#"aaa"}, "id": "z" }"#), Some(r#""z""#.into()));
        assert_eq!(id(r#"{"params":{"a":"#, r#"aaa"},"id":-1.5}"#), Some("-1.5".into()));
        for (head, tail) in [
            (r#"{"id":7,"result":{"a":"#, ""),
            (r#"{"id":7,"error":{"a":"#, ""),
            (r#"{"method":"x","params":{"a":"#, "aaa\"}}"),
            (r#"{"method":"x","params":{"a":"#, r#"aaa\",\"id\":7}"#),
            (r#"{"method":"x","params":{"a":"#, r#"{"id":7}}"#),
            (r#"["id",7,"method""#, ""),
            ("nonsense", r#","id":7}"#),
            ("", ""),
        ] {
            assert_eq!(id(head, tail), None, "{head} {tail}");
        }
    }
}
