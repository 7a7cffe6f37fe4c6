//! What of an entry is or may be secret.

use std::ops::Range;

use crate::Plain;
use crate::mask::reference_len;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// The keys whose values are secret until proven otherwise.
const MAPS: [&str; 3] = ["env", "headers", "settings"];

/// An entry with its secrets hidden; references stay, they name a secret and are none.
pub(crate) fn masked(entry: &Plain) -> Plain {
    let Plain::Object(members) = entry else { return entry.clone() };
    let hide = |(key, value): &(String, Plain)| {
        let value = match key.as_str() {
            key if MAPS.contains(&key) => all_hidden(value),
            "oauth" => masked_oauth(value),
            _ => value.clone(),
        };
        (key.clone(), value)
    };
    Plain::Object(members.iter().map(hide).collect())
}

fn masked_oauth(oauth: &Plain) -> Plain {
    let Plain::Object(members) = oauth else { return oauth.clone() };
    let hide = |(key, value): &(String, Plain)| {
        (key.clone(), if key == "clientSecret" { all_hidden(value) } else { value.clone() })
    };
    Plain::Object(members.iter().map(hide).collect())
}

fn all_hidden(value: &Plain) -> Plain {
    match value {
        Plain::Null => Plain::Null,
        Plain::Bool(_) | Plain::Number(_) => Plain::text(HIDDEN),
        Plain::Text(text) => Plain::Text(hidden(text)),
        Plain::List(list) => Plain::List(list.iter().map(all_hidden).collect()),
        Plain::Object(members) => {
            Plain::Object(members.iter().map(|(key, value)| (key.clone(), all_hidden(value))).collect())
        }
    }
}

/// A text with everything hidden but its references.
pub(crate) fn hidden(text: &str) -> String {
    let mut out = String::new();
    let mut open = false;
    let mut at = 0;
    while at < text.len() {
        if let Some(length) = text[at..].starts_with("${").then(|| reference_len(&text[at..])).flatten() {
            out.push_str(&text[at..at + length]);
            at += length;
            open = false;
            continue;
        }
        if !open {
            out.push_str(HIDDEN);
            open = true;
        }
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    out
}

/// The secrets that stand in an entry in plain text, each with the path of its field: in `env`, `headers`, `settings`, `oauth`.
pub(crate) fn in_entry(entry: &Plain) -> Vec<(String, String)> {
    let Plain::Object(members) = entry else { return Vec::new() };
    let mut out = Vec::new();
    for (key, value) in members.iter().filter(|(key, _)| MAPS.contains(&key.as_str()) || key == "oauth") {
        let Plain::Object(inner) = value else { continue };
        for (name, value) in inner {
            if let Plain::Text(text) = value
                && let Some(range) = in_text(name, text)
            {
                out.push((format!("{key}.{name}"), text[range].to_owned()));
            }
        }
    }
    out
}

/// Words of which one in the name of a variable or a header says that its value is secret.
const TELLING: [&str; 14] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "auth",
    "cookie",
    "bearer",
    "pat",
];

/// How secrets of well-known services begin.
const SHAPES: [&str; 17] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "AIza",
    "npm_",
    "hf_",
    "-----BEGIN",
];

/// Where in the value of this name a secret stands in plain text: by the name, or by how the value begins. A scheme in front of it
/// (`Bearer `) is no part of it. References and what is plainly a placeholder are none.
pub(crate) fn in_text(name: &str, value: &str) -> Option<Range<usize>> {
    if value.contains("${") {
        return None;
    }
    let lower = value.trim_start().to_ascii_lowercase();
    let scheme =
        ["bearer ", "basic ", "token "].into_iter().find(|scheme| lower.starts_with(scheme)).map_or(0, str::len);
    let start = value.len() - value.trim_start().len() + scheme;
    let end = value.trim_end().len();
    let secret = value.get(start..end)?;
    if secret.is_empty() || is_placeholder(secret) {
        return None;
    }
    // A word begins where the text does, or behind what is no letter, or with a capital.
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    let words: Vec<String> = words(name);
    let tells = |word: &str| match word {
        "auth" | "pat" | "bearer" => words.iter().any(|found| found == word),
        word => plain.contains(word),
    };
    let by_name =
        TELLING.into_iter().any(tells) || (words.last().is_some_and(|word| word == "key") && secret.len() >= 12);
    let by_shape = SHAPES.iter().any(|shape| secret.starts_with(shape) && secret.len() >= 16) || is_jwt(secret);
    // What is short, or a path, a number or a truth value, is no secret whatever its name says: `TOKEN_FILE`, `AUTH=none`.
    let bare = secret.len() < 6
        || secret.starts_with(['/', '.', '~'])
        || secret.contains("://") && !secret.contains('@')
        || secret.bytes().all(|b| b.is_ascii_digit()) && secret.len() < 8;
    (by_shape || (by_name && !bare)).then_some(start..end)
}

/// The words of a name, in small letters: `X-API-Key`, `apiKey` and `API_KEY` have two or three.
fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if begins && out.last().is_some_and(|word| !word.is_empty()) {
            out.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = out.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Three parts in base64, of which the first two begin as JSON objects do.
fn is_jwt(text: &str) -> bool {
    let mut parts = text.split('.');
    let begins = |part: Option<&str>| part.is_some_and(|part| part.starts_with("eyJ") && part.len() > 8);
    begins(parts.next()) && begins(parts.next()) && parts.next().is_some() && parts.next().is_none()
}

/// What examples put where a secret belongs.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let same = |c: char| text.chars().all(|other| other == c);
    text.starts_with('<') && text.ends_with('>')
        || text.starts_with("${")
        || text.chars().next().is_some_and(|first| matches!(first, 'x' | 'X' | '*' | '.' | '…') && same(first))
        || [
            "your-",
            "your_",
            "yourtoken",
            "changeme",
            "change-me",
            "placeholder",
            "example",
            "todo",
            "insert",
            "replace",
            "dummy",
        ]
        .iter()
        .any(|word| lower.starts_with(word))
        || lower.contains("your-api-key")
        || lower.contains("your_api_key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_name_or_their_shape() {
        for (name, value, secret) in [
            ("API_TOKEN", "abc123def456", "abc123def456"),
            ("Authorization", "Bearer abc123def456", "abc123def456"),
            ("X-Api-Key", "abc123def456", "abc123def456"),
            ("dbPassword", "hunter2", "hunter2"),
            ("WHATEVER", "ghp_0123456789abcdef", "ghp_0123456789abcdef"),
            ("X", "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"),
        ] {
            assert_eq!(in_text(name, value).map(|range| &value[range]), Some(secret), "{name}");
        }
        for (name, value) in [
            ("API_TOKEN", "${TOKEN}"),
            ("API_TOKEN", "Bearer ${TOKEN}"),
            ("API_TOKEN", "<your token>"),
            ("API_KEY", "YOUR_API_KEY"),
            ("TOKEN_FILE", "/run/token"),
            ("AUTHOR", "somebody else"),
            ("MAX_TOKENS", "4096"),
            ("KEYBOARD", "querty-keyboard"),
            ("PATH", "/usr/bin:/bin"),
            ("TOKEN_URL", "https://as.example/token"),
            ("Content-Type", "application/json"),
        ] {
            assert_eq!(in_text(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn values_of_env_and_headers_are_hidden_and_references_stay() {
        let entry = Plain::Object(vec![
            ("command".into(), Plain::text("x")),
            (
                "env".into(),
                Plain::Object(vec![
                    ("A".into(), Plain::text("secret")),
                    ("B".into(), Plain::text("Bearer ${TOKEN}")),
                    ("C".into(), Plain::text("${env:T:-secret}")),
                    ("D".into(), Plain::Number("5".into())),
                ]),
            ),
            ("oauth".into(), Plain::Object(vec![("clientSecret".into(), Plain::text("s"))])),
        ]);
        assert_eq!(
            masked(&entry).to_string(),
            r#"{ "command": "x", "env": { "A": "***", "B": "***${TOKEN}", "C": "${env:T:-***", "D": "***" }, "oauth": { "clientSecret": "***" } }"#
        );
    }
}
