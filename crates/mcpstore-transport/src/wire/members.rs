//! The members of a JSON object of which only the beginning is there.

/// Gives each member at the top of a JSON object: its name, as it was written, and the text that begins with its value. Of the
/// object only the first bytes need be there, and nothing of it is checked. False when the text does not begin as an object.
pub fn each_member<'a>(head: &'a [u8], mut member: impl FnMut(&'a [u8], &'a [u8])) -> bool {
    let head = head.trim_ascii_start();
    if head.first() != Some(&b'{') {
        return false;
    }
    let (mut depth, mut string, mut escaped) = (0_usize, None, false);
    for (at, byte) in head.iter().enumerate() {
        match (string, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                string = None;
                // Only a name has a colon behind it.
                if depth == 1
                    && let Some(value) = head[at + 1..].trim_ascii_start().strip_prefix(b":")
                {
                    member(&head[start..at], value.trim_ascii_start());
                }
            }
            (Some(_), _) => {}
            (None, b'"') => string = Some(at + 1),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            (None, _) => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_at_the_top_is_a_member() {
        let members = |head: &str| {
            let mut found = Vec::new();
            let is_object = each_member(head.as_bytes(), |name, value| {
                found.push(format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
            });
            is_object.then_some(found)
        };
        let head = r#" {"a" : 1,"b":{"c":"\"d\":2"},"e":["f"#;
        let found = members(head).unwrap();
        assert_eq!(found.iter().map(|member| &member[..3]).collect::<Vec<_>>(), ["a=1", "b={", "e=["]);
        assert_eq!(members(r#"{"a":1}{"b":2}"#).unwrap().len(), 1);
        assert_eq!((members("[1]"), members(""), members("{")), (None, None, Some(Vec::new())));
    }
}
