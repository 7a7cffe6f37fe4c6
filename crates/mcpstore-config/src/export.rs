//! Entries as other clients write them.

use crate::transport::says_sse;
use crate::{Client, Plain, References};

/// An entry in another client's words, and what of it cannot be said there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The entry.
    pub entry: Plain,
    /// Keys that mean something here alone and were left out (`restart`, `dependsOn`).
    pub left_out: Vec<String>,
    /// Fields with references that the client does not fill in; they were left as they are.
    pub unfilled: Vec<String>,
}

/// The keys that every client has for a server.
const COMMON: [&str; 7] = ["command", "args", "env", "cwd", "url", "headers", "type"];

/// Writes an entry (in our shape, [`Stated::entry`](crate::Stated)) as `client` does.
#[must_use]
pub fn export(entry: &Plain, client: Client) -> Exported {
    let mut out = Exported { entry: Plain::Null, left_out: Vec::new(), unfilled: Vec::new() };
    let Plain::Object(members) = entry else { return Exported { entry: entry.clone(), ..out } };
    let mut kept: Vec<(String, Plain)> = Vec::new();
    for (key, value) in members {
        if COMMON.contains(&key.as_str()) {
            kept.push((key.clone(), value.clone()));
        } else if key == "serverUrl" || key == "httpUrl" {
            kept.push(("url".to_owned(), value.clone()));
        } else if (key == "enabled" && *value == Plain::Bool(false))
            || (key == "disabled" && *value == Plain::Bool(true))
        {
            kept.push(disabled(client));
        } else if !matches!(key.as_str(), "transport" | "enabled" | "disabled" | "name" | "description") {
            out.left_out.push(key.clone());
        }
    }
    for (key, value) in &mut kept {
        let mut filled = true;
        *value = references(value, client.references(), &mut filled);
        if !filled {
            out.unfilled.push(key.clone());
        }
    }
    let mut entry = Plain::Object(kept);
    shape(&mut entry, client, &mut out.unfilled);
    out.entry = entry;
    out
}

/// The entry of an address, as `client` writes it.
#[must_use]
pub fn export_url(url: &str, client: Client) -> Plain {
    let entry = Plain::Object(vec![("type".to_owned(), Plain::text("http")), ("url".to_owned(), Plain::text(url))]);
    export(&entry, client).entry
}

fn disabled(client: Client) -> (String, Plain) {
    match client {
        Client::Codex => ("enabled".to_owned(), Plain::Bool(false)),
        _ => ("disabled".to_owned(), Plain::Bool(true)),
    }
}

/// References in a client's way. `filled` becomes false when it has none.
fn references(value: &Plain, way: References, filled: &mut bool) -> Plain {
    match value {
        Plain::Text(text) if text.contains("${") => {
            let rewritten = match way {
                References::Plain => text.replace("${env:", "${"),
                References::Env => to_env(text),
                References::None => text.replace("$${", "${"),
            };
            // What only we fill in, and everything where nothing is.
            let refers = text.replace("$${", "").contains("${");
            let only_ours = ["${file:", "${input:"].iter().any(|only| text.contains(only));
            // A default is said in one way alone.
            let has_default = way == References::Env && text.contains(":-");
            *filled &= !refers || (way != References::None && !only_ours && !has_default);
            Plain::Text(rewritten)
        }
        Plain::List(list) => Plain::List(list.iter().map(|value| references(value, way, filled)).collect()),
        Plain::Object(members) => {
            let one = |(key, value): &(String, Plain)| (key.clone(), references(value, way, &mut *filled));
            Plain::Object(members.iter().map(one).collect())
        }
        other => other.clone(),
    }
}

/// `${VAR}` becomes `${env:VAR}`.
fn to_env(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        out.push_str(&rest[..at + 2]);
        rest = &rest[at + 2..];
        let end = rest.find(['}', ':']).unwrap_or(0);
        let name = &rest[..end];
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if is_name && !escaped {
            out.push_str("env:");
        }
    }
    out.push_str(rest);
    out
}

/// What is particular to a client.
fn shape(entry: &mut Plain, client: Client, unfilled: &mut Vec<String>) {
    let Plain::Object(members) = entry else { return };
    let is_url = members.iter().any(|(key, _)| key == "url");
    let stated = members.iter().find(|(key, _)| key == "type").map(|(_, value)| value.clone());
    let address = members.iter().find(|(key, _)| key == "url").and_then(|(_, value)| match value {
        Plain::Text(url) => Some(url.as_str()),
        _ => None,
    });
    let is_sse = match stated {
        Some(word) => word == Plain::text("sse"),
        None => address.is_some_and(says_sse),
    };
    match client {
        Client::Windsurf | Client::Gemini => {
            let word = match client {
                Client::Windsurf => "serverUrl",
                _ if is_sse => "url",
                _ => "httpUrl",
            };
            rename(members, "url", word);
            members.retain(|(key, _)| key != "type");
        }
        Client::Codex => codex(members, unfilled),
        Client::Cline if is_url => {
            members.retain(|(key, _)| key != "type");
            members.insert(0, ("type".to_owned(), Plain::text(if is_sse { "sse" } else { "streamableHttp" })));
        }
        Client::VsCode | Client::ClaudeCode => {
            members.retain(|(key, _)| key != "type");
            let word = match (is_url, is_sse) {
                (false, _) => "stdio",
                (true, true) => "sse",
                (true, false) => "http",
            };
            members.insert(0, ("type".to_owned(), Plain::text(word)));
        }
        // They see it from `command` or `url`.
        Client::ClaudeDesktop | Client::Cursor | Client::Zed | Client::Cline => {
            members.retain(|(key, _)| key != "type")
        }
    }
}

fn rename(members: &mut [(String, Plain)], from: &str, to: &str) {
    for (key, _) in members.iter_mut().filter(|(key, _)| key == from) {
        to.clone_into(key);
    }
}

/// Codex names variables instead of referring to them.
fn codex(members: &mut Vec<(String, Plain)>, unfilled: &mut Vec<String>) {
    members.retain(|(key, _)| key != "type");
    let mut passed: Vec<String> = Vec::new();
    let mut from_env: Vec<(String, Plain)> = Vec::new();
    for (key, value) in members.iter_mut() {
        let Plain::Object(inner) = value else { continue };
        match key.as_str() {
            // Passed on under its own name.
            "env" => inner.retain(|(name, value)| {
                let same = variable(value).is_some_and(|variable| variable == name.as_str());
                if same {
                    passed.push(name.clone());
                }
                !same
            }),
            "headers" => {
                inner.retain(|(name, value)| match variable(value) {
                    Some(variable) => {
                        from_env.push((name.clone(), Plain::text(variable)));
                        false
                    }
                    None => true,
                });
                // `Bearer ${VAR}` has a word of its own.
                "http_headers".clone_into(key);
            }
            _ => {}
        }
    }
    let bearer = members.iter_mut().find(|(key, _)| key == "http_headers").and_then(|(_, headers)| {
        let Plain::Object(inner) = headers else { return None };
        let at = inner.iter().position(|(name, value)| {
            name.eq_ignore_ascii_case("authorization")
                && matches!(value, Plain::Text(text) if text.strip_prefix("Bearer ").and_then(only_variable).is_some())
        })?;
        let (_, value) = inner.remove(at);
        let Plain::Text(text) = value else { return None };
        text.strip_prefix("Bearer ").and_then(only_variable).map(str::to_owned)
    });
    members.retain(|(_, value)| !matches!(value, Plain::Object(inner) if inner.is_empty()));
    if !passed.is_empty() {
        members.push(("env_vars".to_owned(), Plain::texts(passed)));
    }
    if !from_env.is_empty() {
        members.push(("env_http_headers".to_owned(), Plain::Object(from_env)));
    }
    if let Some(variable) = bearer {
        members.push(("bearer_token_env_var".to_owned(), Plain::text(variable)));
    }
    // What is left with a reference in it cannot be said.
    let has = |key: &str| members.iter().any(|(name, value)| name == key && value.to_string().contains("${"));
    unfilled.retain(|key| has(key) || (key == "headers" && has("http_headers")));
}

/// The variable that a value consists of.
fn variable(value: &Plain) -> Option<&str> {
    match value {
        Plain::Text(text) => only_variable(text),
        _ => None,
    }
}

fn only_variable(text: &str) -> Option<&str> {
    let body = text.strip_prefix("${")?.strip_suffix('}')?;
    let name = body.strip_prefix("env:").unwrap_or(body);
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(name)
}
