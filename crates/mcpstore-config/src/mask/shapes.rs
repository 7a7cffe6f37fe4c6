//! Secrets that are known by their looks, or by what stands before them, anywhere in a text.

use std::ops::Range;

use super::header;
use super::keys::is_secret_name;

/// What tells a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// It begins as tokens of this kind do.
    Known(&'static str),
    /// It follows this name: `--token=…`, `?api_key=…`, `TOKEN=…`, `--token …`.
    Named(String),
    /// It is the argument after this flag.
    After(String),
    /// It is the value of this header, given as an argument. Not every header is secret.
    Header(String),
    /// It is the password in an address: `scheme://user:…@host`.
    Password,
}

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    pub(crate) looks: Looks,
}

impl Found {
    /// True for what most likely is a secret; false for what may be one, and is hidden for that.
    pub(crate) fn is_certain(&self) -> bool {
        !matches!(&self.looks, Looks::Header(name) if !is_secret_name(name))
    }
}

/// How tokens of well-known kinds begin, the least number of characters after that, and what they are.
const KNOWN: &[(&str, usize, &str)] = &[
    ("ghp_", 16, "a GitHub token"),
    ("gho_", 16, "a GitHub token"),
    ("ghu_", 16, "a GitHub token"),
    ("ghs_", 16, "a GitHub token"),
    ("ghr_", 16, "a GitHub token"),
    ("github_pat_", 16, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("sk-ant-", 12, "an Anthropic key"),
    ("sk-proj-", 12, "an OpenAI key"),
    ("sk-", 20, "an API key"),
    ("sk_live_", 12, "a Stripe key"),
    ("xoxb-", 10, "a Slack token"),
    ("xoxp-", 10, "a Slack token"),
    ("xoxa-", 10, "a Slack token"),
    ("xoxs-", 10, "a Slack token"),
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("AIza", 30, "a Google API key"),
    ("hf_", 20, "a Hugging Face token"),
    ("npm_", 30, "an npm token"),
    ("lin_api_", 16, "a Linear key"),
    ("ntn_", 20, "a Notion token"),
];

/// The beginning of a private key in text form.
const PEM: &str = "-----BEGIN ";

/// Every secret in a text, in order. The time grows with the length of the text only.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let mut out = Vec::new();
    let mut flag: Option<String> = None;
    // The word before says that a header follows; and how far the text was searched for the end of one.
    let (mut flagged, mut searched) = (false, 0);
    let mut at = 0;
    for (start, end) in (Words { text, at: 0 }) {
        if start < at {
            continue;
        }
        let word = &text[start..end];
        if let Some(name) = flag.take() {
            // A list sign, or a slip, between the two.
            let between = |c: char| c.is_ascii_punctuation() && !matches!(c, ']' | '<' | '$' | '/' | '.' | '~');
            let value = start + word.len() - word.trim_start_matches(between).len();
            let is_flag = word.trim_start_matches('-').len() < word.len() && word.len() > 1;
            if value == end || (word == "]" && torn_end(text, end) > end) {
                flag = Some(name);
                continue;
            }
            let value = value..torn_end(text, quoted_end(text, value, end));
            let is_closed = word.starts_with(']') && is_behind(&text[..start]);
            if !is_flag && !is_closed && !value.is_empty() && is_plain(&text[value.clone()]) {
                at = value.end;
                out.push(Found { range: value, looks: Looks::Named(name) });
                continue;
            }
        }
        if text[start..].starts_with(PEM) {
            at = pem_end(text, start);
            if text[start..at].contains("PRIVATE KEY") {
                out.push(Found { range: start..at, looks: Looks::Known("a private key") });
            }
            continue;
        }
        if start >= searched
            && let Some((found, end)) = header::at_word(text, start..end, flagged)
        {
            searched = end;
            if let Some(found) = found {
                (at, flagged) = (found.range.end, false);
                out.push(found);
                continue;
            }
        }
        let trimmed = word.trim_end_matches([',', ':', ']', '}']);
        flagged = header::is_flag(trimmed.trim_end_matches('='))
            || (flagged && word.chars().all(|c| c.is_ascii_punctuation()));
        if trimmed.starts_with('-') && !trimmed.contains('=') && is_secret_name(trimmed) {
            flag = Some(trimmed.trim_start_matches('-').to_owned());
        }
        // `--token='…'`: a quote divides the two.
        let assigned = word.strip_suffix('=').and_then(|name| name.rsplit(['?', '&', ';', ',']).next());
        if let Some(name) = assigned.filter(|name| is_secret_name(name) && is_divided(name, &text[end..])) {
            flag = Some(name.trim_start_matches('-').to_owned());
        }
        in_word(text, start, end, &mut out);
    }
    out
}

/// True when what comes next stands right behind a text and its closing quote, or any other sign but a blank.
fn is_behind(before: &str) -> bool {
    let inner = before.trim_end_matches(['"', '\'']);
    !before.ends_with([' ', '\t']) && (inner.len() == before.len() || !inner.ends_with([' ', '\t', ',', '[']))
}

/// True where a value goes on behind the `=` of its name: a quote is between them, or a blank slipped in behind a flag. Behind the
/// name of a variable a blank ends an empty value: `TOKEN= node server.js`.
fn is_divided(name: &str, behind: &str) -> bool {
    let rest = behind.trim_start_matches([' ', '\t']);
    if rest.len() == behind.len() {
        rest.starts_with(['"', '\''])
    } else {
        name.starts_with('-') && rest.starts_with(char::is_alphanumeric)
    }
}

/// True for what is no reference and no placeholder, but a value of its own.
pub(crate) fn is_plain(value: &str) -> bool {
    let value = without_references(value);
    let value = ["Bearer", "bearer", "Basic", "basic", "token", "Token"]
        .iter()
        .find_map(|scheme| value.trim_start().strip_prefix(scheme))
        .unwrap_or(&value)
        .trim();
    !value.is_empty() && !is_placeholder(value) && !is_setting(value)
}

/// The text with `${…}`, `${{…}}`, `{{…}}`, `%NAME%` and `$NAME` taken out.
fn without_references(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    // Behind the last one there is no reference in braces: it need not be looked for again.
    let (brace, braces) = (value.rfind('}'), value.rfind("}}"));
    while let Some(at) = rest.find(['$', '{', '%']) {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let here = value.len() - tail.len();
        let close = |last: Option<usize>, sign: &str| {
            last.filter(|last| *last > here).and_then(|_| tail.find(sign)).map(|n| n + sign.len())
        };
        let name = |text: &str| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let length = if tail.starts_with("${{") || tail.starts_with("{{") {
            close(braces, "}}")
        } else if tail.starts_with("${") {
            close(brace, "}")
        } else if let Some(body) = tail.strip_prefix('$') {
            Some(name(body)).filter(|n| *n > 0).map(|n| n + 1)
        } else if let Some(body) = tail.strip_prefix('%') {
            Some(name(body)).filter(|n| *n > 0 && body[*n..].starts_with('%')).map(|n| n + 2)
        } else {
            None
        };
        match length {
            Some(length) => rest = &tail[length..],
            None => {
                out.push_str(&tail[..1]);
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// True for what stands where a secret is to be filled in.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let is_within = |open, close| value.starts_with(open) && value.ends_with(close);
    // What is left out is so at an end: in the middle of a random text three points, or three times `x`, say nothing.
    let is_cut = ["...", "…"].iter().any(|sign| value.starts_with(sign) || value.ends_with(sign));
    if value.starts_with('<') || is_within('[', ']') || is_cut {
        return true;
    }
    if value.len() > 80 {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    let last = lower.rsplit(['-', '_', ' ', '=']).next().unwrap_or_default();
    if last.len() >= 3 && last.bytes().all(|b| b == b'x') {
        return true;
    }
    const WORDS: &[&str] = &[
        "your-",
        "your_",
        "yourapi",
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "insert",
        "replace",
        "example",
        "***",
        "dummy",
    ];
    let is_todo = lower.strip_prefix("todo").is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()));
    is_todo || lower == "your" || WORDS.iter().any(|word| lower.contains(word))
}

/// True for what is a switch, a small number or a path rather than a secret.
fn is_setting(value: &str) -> bool {
    let is_path = value.starts_with("~/")
        || value.starts_with("./")
        || (value.starts_with('/') && value.len() < 256 && !value.contains(['=', '+']));
    let is_small = value.len() <= 2 && value.bytes().all(|b| b.is_ascii_digit());
    is_path || is_small || matches!(value, "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null")
}

/// Words of a text: what has neither blanks nor quotes in it.
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let divides = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
        let start = self.at + self.text[self.at..].find(|c| !divides(c))?;
        let end = self.text[start..].find(divides).map_or(self.text.len(), |n| start + n);
        self.at = end;
        Some((start, end))
    }
}

/// The end of a value that begins at `start`: its closing quote on the same line when it has an opening one.
fn quoted_end(text: &str, start: usize, word_end: usize) -> usize {
    match text[..start].chars().next_back() {
        Some(quote @ ('"' | '\'')) => text[word_end..].find([quote, '\n']).map_or(word_end, |n| word_end + n),
        _ => word_end - text[start..word_end].len() + text[start..word_end].trim_end_matches([',', ']', '}']).len(),
    }
}

/// The end of a value into which a quote slipped: that of what goes on right behind the quote, else the same.
fn torn_end(text: &str, end: usize) -> usize {
    let mut rest = text[end..].chars();
    match rest.next() {
        Some(quote @ ('"' | '\'')) if rest.next().is_some_and(char::is_alphanumeric) => {
            text[end + 1..].find([quote, '\n']).map_or(text.len(), |n| end + 1 + n)
        }
        _ => end,
    }
}

/// The end of a private key: behind its last line, or that of the text.
fn pem_end(text: &str, start: usize) -> usize {
    let Some(end) = text[start..].find("-----END ").map(|n| start + n) else { return text.len() };
    text[end + 9..].find("-----").map_or(text.len(), |n| end + 9 + n + 5)
}

/// Secrets inside one word.
fn in_word(text: &str, start: usize, end: usize, out: &mut Vec<Found>) {
    let before = out.len();
    named(text, start, end, out);
    password(text, start, end, out);
    let mut at = start;
    while at < end {
        let rest = &text[at..end];
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let Some(first) = rest.find(is_token) else { break };
        let token_start = at + first;
        let length = rest[first..].find(|c| !is_token(c)).unwrap_or(rest.len() - first);
        let token = &text[token_start..token_start + length];
        at = token_start + length;
        if let Some(what) = known(token).filter(|_| !is_placeholder(token)) {
            out.push(Found { range: token_start..at, looks: Looks::Known(what) });
        }
    }
    out[before..].sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
}

/// What kind of token this is, by its beginning.
pub(super) fn known(token: &str) -> Option<&'static str> {
    let token = token.trim_start_matches('-');
    let prefixed = KNOWN.iter().find(|(prefix, least, _)| {
        token.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= *least && rest.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        })
    });
    if let Some((.., what)) = prefixed {
        return Some(what);
    }
    // spec: RFC 7515, 3.1: three parts in base64url; the first is an object, so it begins so.
    let mut parts = token.split('.');
    let is_part = |part: Option<&str>| part.is_some_and(|part| part.starts_with("eyJ") && part.len() >= 10);
    (is_part(parts.next()) && is_part(parts.next()) && parts.next().is_some_and(|part| part.len() >= 10))
        .then_some("a JSON Web Token")
}

/// `name=value`, where the name says that the value is a secret.
fn named(text: &str, start: usize, end: usize, out: &mut Vec<Found>) {
    let mut at = start;
    while let Some(equals) = text[at..end].find('=').map(|n| at + n) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name_start = text[at..equals]
            .rfind(|c| !is_name(c))
            .map_or(at, |n| at + n + text[at + n..].chars().next().map_or(1, char::len_utf8));
        let name = &text[name_start..equals];
        let tail = &text[equals + 1..end];
        // An `&` with no name behind it slipped in.
        let tail = match tail.strip_prefix('&') {
            Some(rest) if !rest.split('&').next().unwrap_or_default().contains('=') => rest,
            _ => tail,
        };
        let value_start = end - tail.trim_start_matches(['=', ',', ';', '[', '(', ':', '|', '#', '\\']).len();
        let value_end = text[value_start..end].find(['&', ';', '#', '=', ',']).map_or(end, |n| value_start + n);
        if is_secret_name(name) && is_plain(&text[value_start..value_end]) {
            // A value may end with `=` as base64 does.
            let value_end = text[value_start..end].find(['&', ';', '#', ',']).map_or(end, |n| value_start + n);
            let name = name.trim_start_matches('-').to_owned();
            out.push(Found { range: value_start..value_end, looks: Looks::Named(name) });
            at = value_end;
        } else {
            at = value_start;
        }
    }
}

/// `scheme://user:password@host`. A password may have characters in it that it should not: all up to the last `@` is taken.
fn password(text: &str, start: usize, end: usize, out: &mut Vec<Found>) {
    let Some(host) = text[start..end].rfind('@').map(|n| start + n) else { return };
    let mut at = start;
    // No word has many addresses; each look goes to the end of the word.
    for _ in 0..8 {
        let Some(scheme) = text[at..host].find("://").map(|n| at + n + 3) else { return };
        at = scheme;
        let Some(colon) = text[scheme..host].find([':', '/']).map(|n| scheme + n) else { continue };
        let secret = colon + 1..host;
        let digits = text[secret.clone()].trim_start_matches(|c: char| c.is_ascii_digit());
        let is_port = digits.len() < secret.len() && digits.starts_with(['/', '?', '#']);
        if text[colon..].starts_with(':') && !is_port && is_plain(&text[secret.clone()]) {
            out.push(Found { range: secret, looks: Looks::Password });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|found| &text[found.range]).collect()
    }

    #[test]
    fn a_placeholder_shows_at_the_end_of_a_word() {
        for value in ["...", "abc...", "…", "xxx", "sk-XXXX", "my_token_xxx", "TODO", "todo: ask", "<any>", "YOUR_KEY"]
        {
            assert!(is_placeholder(value), "{value}");
        }
        for value in ["ab...cd", "0Xxx9", "axxx", "a-xx", "todos9", "bytodo", "x"] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn what_looks_like_a_secret() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijkl";
        assert_eq!(hidden("ghp_0123456789abcdefghij"), ["ghp_0123456789abcdefghij"]);
        assert_eq!(hidden(&format!("Bearer {jwt}")), [jwt]);
        assert_eq!(hidden("--token=abc123 --port=80"), ["abc123"]);
        assert_eq!(hidden("\"--api-key\", \"abc 123\", \"x\""), ["abc 123"]);
        assert_eq!(hidden("- --password\n- hunter2\n"), ["hunter2"]);
        assert_eq!(hidden("https://h/x?api_key=abc&y=1"), ["abc"]);
        assert_eq!(hidden("https://h/x?api_key=&abc"), ["abc"]);
        assert_eq!(hidden("--token= abc --port= 80"), ["abc"]);
        assert_eq!(hidden("https://h/x?api_key=&y=1&z"), [""; 0]);
        assert_eq!(hidden("postgres://me:hunter2@db/x"), ["hunter2"]);
        assert_eq!(hidden("-e GITHUB_TOKEN=abc=="), ["abc=="]);
        assert_eq!(hidden("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----, x").len(), 1);
    }

    #[test]
    fn references_placeholders_and_settings_are_none() {
        for text in [
            "--token=${TOKEN}",
            "--token=$TOKEN",
            "--token",
            "--token --x",
            "--api-key=<your key>",
            "TOKEN=your-token-here",
            "postgres://me:${PASSWORD}@db",
            "postgres://me@db",
            "API_TOKEN= node server.js",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
            "Bearer ${T}",
            "--token=true",
            "--token=/run/secrets/t",
            "skeleton-of-a-rather-long-name",
            "--max-tokens=4000",
            "\"--token\", \"${T}\"",
            "{{TOKEN}}",
        ] {
            assert_eq!(hidden(text), [""; 0], "{text}");
        }
    }
}
