//! Patterns for names: `*` and `?`.

/// True when the whole text is as the pattern says: `*` stands for any characters, also none, `?` for one, all else for itself.
///
/// Allocates nothing. It goes back to the last `*` at most, so it takes no more than the product of the two lengths, and
/// usually their sum.
#[must_use]
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last `*` has to stand for one more character.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += width(text[t]);
            }
            // Bytes of one character match those of the same character only, so both stand at its end afterwards.
            Some(&byte) if byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((behind, from)) = back else { return false };
                let from = from + width(text[from]);
                back = Some((behind, from));
                (p, t) = (behind, from);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// How many bytes a character has that begins with this one.
const fn width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("web", "web", true),
            ("web", "web-1", false),
            ("web-*", "web-1", true),
            ("web-*", "web-", true),
            ("web-*", "web", false),
            ("*", "", true),
            ("**", "x", true),
            ("*-db", "a-db-db", true),
            ("*ab", "aab", true),
            ("*b", "abc", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "a-bc", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("?", "", false),
            ("?", "日", true),
            ("?x", "日x", true),
            ("*?", "日本", true),
            ("??", "日", false),
            ("*本", "日本", true),
            ("é*", "è", false),
            ("", "web", false),
            ("", "", true),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert!(!glob_matches(&("*a".repeat(40) + "b"), &"a".repeat(2_000)));
    }

    /// The same, by its definition.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some(('*', behind)), rest) => {
                plainly(behind, text) || rest.is_some_and(|(_, rest)| plainly(pattern, rest))
            }
            (Some((one, behind)), Some((c, rest))) => (*one == '?' || one == c) && plainly(behind, rest),
            (Some(_), None) => false,
        }
    }

    /// Every text of at most four of these characters.
    fn all(of: &[char]) -> Vec<Vec<char>> {
        let mut out: Vec<Vec<char>> = vec![Vec::new()];
        let mut longest = out.clone();
        for _ in 0..4 {
            longest = longest.iter().flat_map(|text| of.iter().map(|c| [text, [*c].as_slice()].concat())).collect();
            out.extend(longest.iter().cloned());
        }
        out
    }

    #[test]
    fn it_is_what_the_definition_says() {
        let texts = all(&['a', 'b', '日']);
        for pattern in all(&['a', 'b', '?', '*', '日']) {
            let written: String = pattern.iter().collect();
            for text in &texts {
                let expected = plainly(&pattern, text);
                assert_eq!(glob_matches(&written, &text.iter().collect::<String>()), expected, "{pattern:?} {text:?}");
            }
        }
    }
}
