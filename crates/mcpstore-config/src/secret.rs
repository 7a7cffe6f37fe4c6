//! What of an entry is or may be secret.

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

#[cfg(test)]
mod tests {
    use super::*;

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
