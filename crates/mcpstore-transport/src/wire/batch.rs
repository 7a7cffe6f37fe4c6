//! The messages in a batch (spec: MCP 2025-03-26, basic), split without a look at what they say.

/// Splits the text of a JSON array at its commas. What is no array comes out in pieces that are no messages.
///
/// A fault in one element spoils that one, and those after it only when it leaves a string or a bracket open.
#[derive(Clone)]
pub(super) struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Elements<'a> {
    /// The elements of a line; `None` when it does not begin as an array.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        line.strip_prefix(b"[").map(|rest| Self { rest: Some(rest) })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    /// The next element, without space around it; empty when there is nothing between two commas or brackets.
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b']' if depth == 0 => {
                    // What stands behind the array is no part of it, and no message.
                    self.rest = Some(&rest[at + 1..]).filter(|behind| !behind.trim_ascii().is_empty());
                    return Some(rest[..at].trim_ascii());
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    self.rest = Some(&rest[at + 1..]);
                    return Some(rest[..at].trim_ascii());
                }
                _ => {}
            }
        }
        Some(rest.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(line: &str) -> Vec<&str> {
        Elements::of(line.as_bytes()).unwrap().map(|element| std::str::from_utf8(element).unwrap()).collect()
    }

    #[test]
    fn arrays_come_apart_at_their_commas() {
        assert_eq!(elements(r#"[{"a":[1,2]}, {"b":"],{\",\\"} ,3]"#), [r#"{"a":[1,2]}"#, r#"{"b":"],{\",\\"}"#, "3"]);
        assert_eq!(elements("[]"), [""]);
        assert_eq!(elements("[1,]"), ["1", ""]);
        assert!(Elements::of(b"{}").is_none());
    }

    #[test]
    fn what_is_broken_is_not_lost() {
        assert_eq!(elements(r#"[{"a":1},{"b":"#), [r#"{"a":1}"#, r#"{"b":"#]);
        assert_eq!(elements(r#"[{"a":1}] behind"#), [r#"{"a":1}"#, "behind"]);
        assert_eq!(elements(r#"[{"a":nonsense},{"b":2}]"#), [r#"{"a":nonsense}"#, r#"{"b":2}"#]);
    }
}
