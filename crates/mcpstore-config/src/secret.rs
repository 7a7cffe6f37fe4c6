//! What of an entry is or may be secret.

use std::ops::Range;

use crate::Plain;
use crate::mask::json::reference_len;
use crate::mask::keys::is_secret_name;
use crate::mask::shapes::{self, Found};
use crate::mask::{args, header};
use crate::words::URL_KEYS;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// The keys whose values are secret until proven otherwise.
const MAPS: [&str; 3] = ["env", "headers", "settings"];

/// An entry with its secrets hidden; references stay, they name a secret and are none.
pub(crate) fn masked(entry: &Plain) -> Plain {
    let Plain::Object(members) = entry else { return entry.clone() };
    let hide = |(key, value): &(String, Plain)| {
        let value = match key.as_str() {
            key if MAPS.contains(&key) => all_hidden(value),
            "oauth" => masked_oauth(value),
            "tools" => masked_tools(value),
            _ => looked_over(value),
        };
        (key.clone(), value)
    };
    Plain::Object(members.iter().map(hide).collect())
}

/// `alerts` with its secrets hidden: addresses of sinks carry tokens.
pub(crate) fn masked_alerts(alerts: &Plain) -> Plain {
    let Plain::Object(members) = alerts else { return alerts.clone() };
    let hide = |(key, value): &(String, Plain)| {
        let value = match (key.as_str(), value) {
            ("sinks", Plain::List(list)) => Plain::List(list.iter().map(masked_sink).collect()),
            ("sinks", other) => all_hidden(other),
            (_, other) => looked_over(other),
        };
        (key.clone(), value)
    };
    Plain::Object(members.iter().map(hide).collect())
}

fn masked_sink(sink: &Plain) -> Plain {
    let Plain::Object(members) = sink else { return all_hidden(sink) };
    let hide = |(key, value): &(String, Plain)| {
        let value = match key.as_str() {
            "url" | "headers" | "signKey" | "server" => all_hidden(value),
            _ => looked_over(value),
        };
        (key.clone(), value)
    };
    Plain::Object(members.iter().map(hide).collect())
}

/// A value with what looks like a secret hidden.
fn looked_over(value: &Plain) -> Plain {
    match value {
        Plain::Text(text) => Plain::Text(hide_secrets(text)),
        Plain::List(list) => {
            let texts: Vec<Option<&str>> = list.iter().map(text_of).collect();
            let hidden = hidden_in_args(&texts).into_iter();
            Plain::List(
                list.iter()
                    .zip(hidden)
                    .map(|(value, text)| text.map_or_else(|| looked_over(value), Plain::Text))
                    .collect(),
            )
        }
        Plain::Object(members) => {
            let hide = |(key, value): &(String, Plain)| {
                let by_name = is_secret_name(key)
                    && match value {
                        Plain::Text(text) | Plain::Number(text) => shapes::is_plain(text),
                        Plain::List(_) => true,
                        Plain::Null | Plain::Bool(_) | Plain::Object(_) => false,
                    };
                (key.clone(), if by_name { all_hidden(value) } else { looked_over(value) })
            };
            Plain::Object(members.iter().map(hide).collect())
        }
        Plain::Null | Plain::Bool(_) | Plain::Number(_) => value.clone(),
    }
}

/// A text, for example a command line, with `***` for whatever looks like a secret in it: tokens of well-known kinds, passwords in
/// addresses, and what follows a name that says so (`--token x`, `api_key=x`).
#[must_use]
pub fn hide_secrets(text: &str) -> String {
    without(text, shapes::find(text))
}

/// The arguments of a program, one by one, each with `***` for what is or may be secret in it, as `config show` shows them.
///
/// Hidden are: the argument after a flag whose name says so (`--token x`, `--api-key x`); the value in `--token=x`, `API_KEY=x` and
/// `?api_key=x`; the value of a header (`-H "X-Trace: x"` and `--header=…` whatever the name, `Authorization:Bearer x` alone by its
/// name; the scheme stays); the password of an address; private keys, and tokens that begin as those of well-known services.
/// References (`${VAR}`), placeholders (`<your token>`), paths and switches stay.
///
/// What nothing tells is not hidden: a bare token of an unknown kind (`login hunter2`), one behind a short flag (`-p hunter2`), the
/// path of an address, JSON in an argument.
#[must_use]
pub fn hide_secret_args(args: &[String]) -> Vec<String> {
    let texts: Vec<Option<&str>> = args.iter().map(|arg| Some(arg.as_str())).collect();
    hidden_in_args(&texts).into_iter().flatten().collect()
}

/// The arguments that are text with their secrets hidden.
fn hidden_in_args(args: &[Option<&str>]) -> Vec<Option<String>> {
    let mut found: Vec<Vec<Found>> = vec![Vec::new(); args.len()];
    for (nth, secret) in args::find(args.iter().copied()) {
        found[nth].push(secret);
    }
    args.iter().zip(found).map(|(arg, found)| arg.map(|text| without(text, found))).collect()
}

/// A text with `***` for what was found in it, which is in order.
fn without(text: &str, found: Vec<Found>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for Found { range, .. } in found {
        if range.start >= copied {
            out.push_str(&text[copied..range.start]);
            out.push_str(HIDDEN);
        }
        copied = copied.max(range.end);
    }
    out.push_str(&text[copied..]);
    out
}

fn text_of(value: &Plain) -> Option<&str> {
    match value {
        Plain::Text(text) => Some(text),
        Plain::Null | Plain::Bool(_) | Plain::Number(_) | Plain::List(_) | Plain::Object(_) => None,
    }
}

/// The arguments of a tool, a text of JSON, with `***` for what is called a secret in it or looks like one. What is no JSON is
/// hidden as a whole.
#[must_use]
pub fn hide_secrets_in_json(text: &str) -> String {
    Plain::of(&crate::Source::new("args.json", text))
        .map_or_else(|| HIDDEN.to_owned(), |value| looked_over(&value).compact())
}

/// Names of tools stand for keys in it (`get_token`), and say nothing about the texts behind them.
fn masked_tools(tools: &Plain) -> Plain {
    let Plain::Object(members) = tools else { return looked_over(tools) };
    let text = |(tool, text): &(String, Plain)| {
        let text = text_of(text).map_or_else(|| looked_over(text), |text| Plain::Text(hide_secrets(text)));
        (tool.clone(), text)
    };
    let hide = |(key, value): &(String, Plain)| match value {
        Plain::Object(inner) if matches!(key.as_str(), "rename" | "describe") => {
            (key.clone(), Plain::Object(inner.iter().map(text).collect()))
        }
        other => (key.clone(), looked_over(other)),
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

/// The secrets that stand in an entry in plain text, each with the path of its field: in `env`, `headers`, `settings`, `oauth`,
/// in the address, and in arguments (by their number, from 0).
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
    for (key, value) in members {
        match (key.as_str(), value) {
            ("args", Plain::List(list)) => {
                for (nth, found) in args::find(list.iter().map(text_of)) {
                    if let Some(text) = list.get(nth).and_then(text_of).filter(|_| found.is_certain()) {
                        out.push((format!("args.{nth}"), text[found.range].to_owned()));
                    }
                }
            }
            (key, Plain::Text(text)) if URL_KEYS.contains(&key) => {
                let found = shapes::find(text).into_iter().filter(Found::is_certain);
                out.extend(found.map(|found| (key.to_owned(), text[found.range].to_owned())));
            }
            _ => {}
        }
    }
    out
}

/// Where in the value of this name a secret stands in plain text: by the name, or by its looks. A scheme in front of it
/// (`Bearer `) is no part of it. References and what is plainly a placeholder are none.
pub(crate) fn in_text(name: &str, value: &str) -> Option<Range<usize>> {
    if value.contains("${") {
        return None;
    }
    if !is_secret_name(name) || !shapes::is_plain(value) {
        return shapes::find(value).into_iter().find(Found::is_certain).map(|found| found.range);
    }
    let start = value.len() - value.trim_start().len();
    let scheme = header::scheme_len(&value[start..]);
    Some(start + scheme..value.trim_end().len().max(start + scheme))
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
            ("ARGS", "--token=hunter2 -v", "hunter2"),
            ("WHATEVER", "ghp_0123456789abcdef", "ghp_0123456789abcdef"),
            ("X", "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"),
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
    fn addresses_of_sinks_and_what_a_name_calls_secret_are_hidden() {
        let of = |text: &str| Plain::of(&crate::Source::new("x.json", text)).unwrap();
        let alerts = of(r#"{ "enabled": true, "sinks": [
            { "type": "webhook", "url": "https://h/T0/secret", "headers": { "X": "s ${A}" }, "signKey": "k" },
            { "type": "mail", "server": "smtps://me:pw@h", "from": "a@b", "to": "c@d" }, { "url": "${URL}" }, "odd" ] }"#);
        assert_eq!(
            masked_alerts(&alerts).to_string(),
            r#"{ "enabled": true, "sinks": [{ "type": "webhook", "url": "***", "headers": { "X": "***${A}" }, "signKey": "***" }, { "type": "mail", "server": "***", "from": "a@b", "to": "c@d" }, { "url": "${URL}" }, "***"] }"#
        );
        let entry = of(r#"{ "health": { "probe": { "tool": "t", "args": { "token": "abc", "n": 1, "l": ["x"] } } } }"#);
        let shown = masked(&entry).to_string();
        assert!(shown.contains(r#""token": "***", "n": 1, "l": ["x"]"#), "{shown}");
        assert_eq!(hide_secrets_in_json(r#"{"token":"abc","q":"x"}"#), r#"{"token":"***","q":"x"}"#);
        assert_eq!(hide_secrets_in_json("{"), "***");
    }

    #[test]
    fn what_is_waited_for_and_what_probes_run_is_looked_over() {
        let shown = |text: &str| masked(&Plain::of(&crate::Source::new("x.json", text)).unwrap()).compact();
        assert_eq!(
            shown(
                r#"{"waitFor":[{"http":"http://u:SEC1@127.0.0.1:18950/ready?token=SEC2&n=1"},{"exec":["sh","-c","exit 3","--token=SEC3","--password","SEC4"]}]}"#
            ),
            r#"{"waitFor":[{"http":"http://u:***@127.0.0.1:18950/ready?token=***&n=1"},{"exec":["sh","-c","exit 3","--token=***","--password","***"]}]}"#
        );
        assert_eq!(
            shown(r#"{"waitFor":{"exec":["curl","http://u:SEC1@h/?api_key=SEC2","--token=SEC3"]}}"#),
            r#"{"waitFor":{"exec":["curl","http://u:***@h/?api_key=***","--token=***"]}}"#
        );
        assert_eq!(
            shown(
                r#"{"health":{"probe":{"exec":["p","-H","X-Api-Key: SEC1"]},"readiness":{"tool":"t","args":{"deep":[{"password":"SEC2"},["--token","SEC3"]],"tokens":3,"apiKey":["SEC4",56789]}}}}"#
            ),
            r#"{"health":{"probe":{"exec":["p","-H","X-Api-Key: ***"]},"readiness":{"tool":"t","args":{"deep":[{"password":"***"},["--token","***"]],"tokens":3,"apiKey":["***","***"]}}}}"#
        );
        assert_eq!(
            hide_secrets_in_json(r#"[{"token":"SEC1"},{"l":[{"password":"SEC2"}]}]"#),
            r#"[{"token":"***"},{"l":[{"password":"***"}]}]"#
        );
    }

    #[test]
    fn arguments_are_hidden_pair_by_pair() {
        let shown = |args: &[&str]| hide_secret_args(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        for (args, expected) in [
            (&["-y", "--token", "SEC1", "--token=SEC2", "x"][..], &["-y", "--token", "***", "--token=***", "x"][..]),
            (&["--header", "Authorization: Bearer SEC1"], &["--header", "Authorization: Bearer ***"]),
            (&["-H", "X-Trace: SEC1", "X-Trace: kept"], &["-H", "X-Trace: ***", "X-Trace: kept"]),
            (&["--header=X-Api-Key:SEC1", "-HCookie: SEC2"], &["--header=X-Api-Key:***", "-HCookie: ***"]),
            (&["Authorization:Bearer SEC1"], &["Authorization:Bearer ***"]),
            (&["--header", "Authorization: Bearer ${env:X}"], &["--header", "Authorization: Bearer ${env:X}"]),
            (&["--header", "X-Trace:${X}", "--token", "${T}"], &["--header", "X-Trace:${X}", "--token", "${T}"]),
            (&["https://u:SEC1@h/p?token=SEC2&api_key=SEC3"], &["https://u:***@h/p?token=***&api_key=***"]),
            (
                &["sh", "-c", "curl -H 'X-Api-Key: SEC1' --token SEC2"],
                &["sh", "-c", "curl -H 'X-Api-Key: ***' --token ***"],
            ),
            (&["--password", "-v", "ghp_0123456789abcdefghij"], &["--password", "-v", "***"]),
            (&["login", "hunter2", "-p", "hunter2"], &["login", "hunter2", "-p", "hunter2"]),
            (&[], &[]),
        ] {
            assert_eq!(shown(args), expected);
            let list = Plain::Object(vec![("args".into(), Plain::texts(args.iter().copied()))]);
            assert_eq!(masked(&list), Plain::Object(vec![("args".into(), Plain::texts(expected.iter().copied()))]));
        }
    }

    #[test]
    fn a_header_among_arguments_moves_out_when_it_is_a_secret_for_certain() {
        let entry = Plain::Object(vec![(
            "args".into(),
            Plain::texts(["-H", "X-Trace: abc1", "--header", "Authorization: Bearer abc2"]),
        )]);
        assert_eq!(in_entry(&entry), [("args.3".to_owned(), "abc2".to_owned())]);
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
