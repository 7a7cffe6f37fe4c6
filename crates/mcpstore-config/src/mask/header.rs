//! Headers among the arguments of a program: `-H "X-Api-Key: …"`, `--header=Authorization:Bearer …`.

use std::ops::Range;

use super::keys::is_secret_name;
use super::shapes::{Found, Looks, is_plain, known};

/// What stands in front of a secret in a header (spec: RFC 9110, 11.1), in small letters.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

/// True for an argument that says that the next one is a header: `-H`, `--header`, `--http-headers`.
pub(crate) fn is_flag(arg: &str) -> bool {
    let last = arg.rsplit(['-', '_']).next().unwrap_or_default();
    arg == "-H" || (arg.starts_with('-') && ["header", "headers"].iter().any(|word| last.eq_ignore_ascii_case(word)))
}

/// The value of the header that a whole argument is, or has behind its flag. `flagged`: the argument before it says that it is
/// one.
///
/// Behind a flag every value may be secret, as in `headers`. Without one the name has to say so.
pub(crate) fn in_arg(arg: &str, flagged: bool) -> Option<Found> {
    let behind = match arg.find('=') {
        Some(equals) if is_flag(&arg[..equals]) => Some(equals + 1),
        _ => arg.starts_with("-H").then_some(2),
    };
    let rest = arg[behind.unwrap_or(0)..].trim_start_matches([' ', '"', '\'']);
    judged(arg, arg.len() - rest.len()..arg.len(), flagged || behind.is_some(), true)
}

/// The value of a header whose name ends in a word of a running text, and where the text goes on behind it. `None` when no header
/// begins there.
pub(super) fn at_word(text: &str, word: Range<usize>, flagged: bool) -> Option<(Option<Found>, usize)> {
    let piece = &text[word.clone()];
    // One in front of the first that ends a name may have slipped in.
    let colons = piece.match_indices(':').map(|(at, _)| word.start + at).filter(|at| text[..*at].ends_with(is_name));
    colons.take(COLONS).find_map(|colon| at_colon(text, word.start, colon, flagged))
}

/// How many colons of a word are looked at.
const COLONS: usize = 3;

/// The value of the header whose name ends at this colon.
fn at_colon(text: &str, word: usize, colon: usize, flagged: bool) -> Option<(Option<Found>, usize)> {
    let before = text[word..colon].trim_end_matches(is_name);
    let mut start = word + before.len();
    let mut flagged = flagged || before.strip_suffix('=').is_some_and(is_flag);
    if text[start..colon].starts_with("-H") && colon > start + 2 {
        (start, flagged) = (start + 2, true);
    }
    if start == colon || !(flagged || (is_secret_name(&text[start..colon]) && begins(text, word, before))) {
        return None;
    }
    let quote = text[..word].chars().next_back().filter(|c| is_quote(*c));
    let mut end = value_end(text, colon + 1, quote);
    let value = text[colon + 1..end].trim();
    if value.is_empty() || SCHEMES.iter().any(|scheme| value.eq_ignore_ascii_case(scheme)) {
        // A quote slipped in before the value.
        end = line_end(text, end);
    }
    Some((judged(text, start..end, flagged, quote.is_some()), end))
}

/// The bytes of the scheme in front of a secret (`Bearer `), which is no part of it.
pub(crate) fn scheme_len(value: &str) -> usize {
    let head = value.split(' ').next().unwrap_or_default();
    let is_scheme = head.len() < value.len() && SCHEMES.iter().any(|scheme| head.eq_ignore_ascii_case(scheme));
    if is_scheme { head.len() + 1 } else { 0 }
}

/// The value in `name: value`, if it is or may be secret. `quoted`: the whole is known to be one text.
fn judged(text: &str, header: Range<usize>, flagged: bool, quoted: bool) -> Option<Found> {
    let (name, rest) = text[header.clone()].split_once(':')?;
    let value = rest.trim_start();
    let at = header.end - value.len();
    let value = value.trim_end_matches(['"', '\'', '\\', ' ', '\t', '\r', '\n']);
    let secret = &value[scheme_len(value)..];
    // `tcp://host`, `Name::of`: none. And outside of quotes a brace or a bracket begins what is no text.
    let is_other = rest.starts_with(['/', ':']) || (!quoted && value.starts_with(['{', '[']));
    if name.is_empty() || !name.chars().all(is_name) || is_other || !is_plain(secret) {
        return None;
    }
    let by_name = is_secret_name(name);
    // `image-of-a-secret:tag` is none, a header is written otherwise.
    let is_spelled = rest.starts_with(' ')
        || secret.len() < value.len()
        || name.starts_with("x-")
        || name.contains(|c: char| c.is_ascii_uppercase());
    let is_port = value.bytes().all(|b| b.is_ascii_digit());
    if !(if by_name { flagged || is_spelled } else { flagged && !is_port }) {
        return None;
    }
    let kind = (!by_name).then(|| value.split(|c: char| !(is_name(c))).find_map(known)).flatten();
    let looks = kind.map_or_else(|| Looks::Header(name.to_owned()), Looks::Known);
    Some(Found { range: at + value.len() - secret.len()..at + value.len(), looks })
}

/// True where a header may begin: a word of a sentence is none. `before` is what stands before the name in its word.
fn begins(text: &str, word: usize, before: &str) -> bool {
    // A path, a port, an address go on in front of it; any other sign may have slipped in.
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '/' | ':' | '@' | '$' | '%');
    let line = text[..word].trim_end_matches([' ', '\t']);
    let before = before.strip_suffix(':').filter(|rest| rest.is_empty() || rest.ends_with('=')).unwrap_or(before);
    if before.ends_with('=') {
        return true;
    }
    !before.ends_with(goes_on)
        && line.chars().next_back().is_none_or(|c| is_quote(c) || matches!(c, '\n' | '-' | ',' | '['))
}

/// Where a value ends: at its quote, or before the next flag, or with its line.
fn value_end(text: &str, from: usize, quote: Option<char>) -> usize {
    let mut chars = text[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let ends = match quote {
            // Before a letter it is none that closes: it slipped in.
            Some(quote) => c == quote && !next.is_some_and(char::is_alphanumeric),
            None => (is_quote(c) && !next.is_some_and(char::is_alphanumeric)) || (c == ' ' && next == Some('-')),
        };
        if ends || c == '\n' {
            return from + at;
        }
    }
    text.len()
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |n| from + n)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::shapes::find;

    #[test]
    fn whole_arguments() {
        for (arg, flagged, secret) in [
            ("Authorization: Bearer abc1", true, "abc1"),
            ("Authorization:Bearer abc1", false, "abc1"),
            ("authorization:bearer abc1", false, "abc1"),
            ("X-Api-Key: abc1", false, "abc1"),
            ("x-api-key:abc1", false, "abc1"),
            ("api-key:abc1", true, "abc1"),
            ("--header=X-Api-Key: abc 1", false, "abc 1"),
            ("--header=\"X-Api-Key: abc1\"", false, "abc1"),
            ("-HX-Api-Key:abc1", false, "abc1"),
            ("Ocp-Apim-Subscription-Key: abc1", true, "abc1"),
            ("Cookie: a=b; c=d", false, "a=b; c=d"),
        ] {
            let found = in_arg(arg, flagged).map(|found| &arg[found.range]);
            assert_eq!(found, Some(secret), "{arg}");
        }
        for (arg, flagged) in [
            ("Authorization: Bearer ${env:T}", true),
            ("Authorization:${env:T}", true),
            ("--header=X-Api-Key: ${T}", false),
            ("X-Api-Key: <your key>", true),
            ("Ocp-Apim-Subscription-Key: abc1", false),
            ("localhost:8080", true),
            ("tcp://host:2375", true),
            ("vault-secret:latest", false),
            ("MyToken::new", false),
            ("Authorization:", true),
            ("-Help", false),
            ("-y", true),
            ("", true),
        ] {
            assert_eq!(in_arg(arg, flagged), None, "{arg}");
        }
    }

    #[test]
    fn what_is_behind_a_flag_is_certain_by_its_name_or_its_looks_only() {
        let certain = |arg: &str| in_arg(arg, true).map(|found| found.is_certain());
        assert_eq!(certain("X-Api-Key: abc1"), Some(true));
        assert_eq!(certain("X-Trace: ghp_0123456789abcdefghij"), Some(true));
        assert_eq!(certain("X-Trace: abc1"), Some(false));
    }

    #[test]
    fn running_text() {
        let hidden = |text: &'static str| find(text).into_iter().map(|found| &text[found.range]).collect::<Vec<_>>();
        for (text, secrets) in [
            (r#""-H", "X-Api-Key: abc 1", "-v""#, &["abc 1"][..]),
            (r#""--header", "X-Trace: abc1", "y: z""#, &["abc1"]),
            (r#"["Authorization:Bearer abc1", "--header=X-Api-Key: abc2"]"#, &["abc1", "abc2"]),
            (r#"curl -H "Authorization: Bearer abc1" -H 'Cookie: a=b' https://h"#, &["abc1", "a=b"]),
            (r#""curl -H \"Authorization: Bearer abc1\" https://h""#, &["abc1"]),
            ("curl -H Authorization:Bearer abc1 --fail", &["abc1"]),
            ("- --header\n- Authorization: Bearer abc1\n- next: one\n", &["abc1"]),
            ("args: [-H, X-Api-Key:abc1, next]", &["abc1, next]"]),
            (r#""Authorization: Bearer" abc1", "x""#, &[r#"Bearer" abc1", "x"#]),
            (r#""Authorization: Be"arer abc1", "x""#, &[r#"Be"arer abc1"#]),
        ] {
            assert_eq!(hidden(text), secrets, "{text}");
        }
        for text in [
            "asks for the password: never keep it",
            "image my-token:1.2 -p 80:80",
            r#""-H", "Authorization: Bearer ${T}", "X-Api-Key: ${K}""#,
            "api_token:\n  command: x\n",
            "token: { command: x }",
            r#""Authorization":"#,
        ] {
            assert_eq!(hidden(text), [""; 0], "{text}");
        }
    }
}
