//! Names with wild cards in them.

/// True when the whole text is as the pattern says: `*` is any text, `?` any one character, all else itself. Takes at most
/// the product of the two lengths, and allocates nothing.
pub(super) fn glob_matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when the last `*` has to stand for one more character.
    let mut back = None;
    loop {
        let at = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = at;
                back = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
            _ => {
                let Some((after, from)) = &mut back else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
            }
        }
    }
}

/// True when a name is let through: by one of `allow` (by all when there is none), and by none of `deny`.
pub(super) fn lets_through(allow: &[String], deny: &[String], name: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| glob_matches(pattern, name));
    (allow.is_empty() || any(allow)) && !any(deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("web", "web", true),
            ("web", "web-1", false),
            ("web-*", "web-", true),
            ("*", "", true),
            ("", "", true),
            ("", "web", false),
            ("*-db", "a-db-db", true),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("w?b", "wéb", true),
            ("w?b", "wb", false),
            ("w*?", "w", false),
            ("**", "x", true),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!glob_matches(&"*a".repeat(50), &"b".repeat(10_000)));
    }

    #[test]
    fn deny_wins_over_allow() {
        let list = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(lets_through(&[], &[], "x"));
        assert!(lets_through(&list(&["read_*"]), &list(&["*_all"]), "read_one"));
        assert!(!lets_through(&list(&["read_*"]), &list(&["*_all"]), "read_all"));
        assert!(!lets_through(&list(&["read_*"]), &[], "write"));
    }
}
