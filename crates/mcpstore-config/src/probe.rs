//! What a probe asks, and what a start waits for: `health.probe`, `health.readiness` and `waitFor`.

use std::path::PathBuf;

use mcpstore_types::{ProbeKind, WaitCondition};

use crate::Code;
use crate::context::Context;
use crate::expand::expanded;
use crate::fields::{Field, entry, fields, get};
use crate::plain::Plain;
use crate::transport::{check_web_url, contradiction, filled, no_nul};
use crate::tree::{Node, Value};
use crate::values::{nonempty, object, text, word, wrong_type};
use crate::words::{CONDITION, PROBE};

/// The words for probes without settings.
const WORDS: [(&str, ProbeKind); 4] = [
    ("auto", ProbeKind::Auto),
    ("ping", ProbeKind::Ping),
    ("discover", ProbeKind::Discover),
    ("list", ProbeKind::List),
];

/// The kinds of probes with settings; each is the key of its own.
const KINDS: [&str; 4] = ["tool", "http", "tcp", "exec"];

/// The most conditions that one service may wait for: all of them are looked at again and again.
const MAX_CONDITIONS: usize = 32;

/// Reads a probe; `name` is `health.probe` or `health.readiness`.
pub(crate) fn probe(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<ProbeKind> {
    let object = match &field.value.node {
        Node::Object(object) => object,
        Node::Text(found) if KINDS.contains(&found.as_ref()) => {
            let message = format!("`{found}` of `{name}` needs to know what it asks");
            let diagnostic = cx.error_at(field.value, Code::UnknownWord, message);
            cx.push(diagnostic.with_help(format!("write {}", example(found))));
            return None;
        }
        Node::Text(_) => return word(cx, name, field.value, &WORDS),
        _ => {
            let help = "write one of: auto, ping, discover, list; or { \"tcp\": \"127.0.0.1:5432\" }";
            wrong_type(cx, name, field.value, "a word or an object", Some(help));
            return None;
        }
    };
    let inner = entry(cx, object, &PROBE);
    let what = one_of(cx, name, field.value, &inner, &KINDS)?;
    let args = get(&inner, "args");
    if let Some(args) = args.filter(|_| what.key != "tool") {
        let message = format!("`args` of `{name}` belongs to `tool`, and there is none");
        let diagnostic = cx.error_at(args.value, Code::Contradiction, message);
        let help = match what.key {
            "exec" => "put the arguments behind the program: \"exec\": [\"program\", \"argument\"]",
            _ => "take it out",
        };
        cx.push(diagnostic.with_help(help));
        return None;
    }
    let full = format!("{name}.{}", what.key);
    match what.key {
        "tool" => {
            let tool = nonempty(cx, &full, what.value).map(str::to_owned);
            let args = match args {
                Some(args) => arguments(cx, &format!("{name}.args"), args),
                None => Some("{}".to_owned()),
            };
            Some(ProbeKind::Tool { name: tool?, args: args? })
        }
        "http" => http(cx, &full, what).map(|url| ProbeKind::Http { url }),
        "tcp" => tcp(cx, &full, what).map(|address| ProbeKind::Tcp { address }),
        _ => exec(cx, &full, what).map(|(command, args)| ProbeKind::Exec { command, args }),
    }
}

/// Reads `waitFor`: one condition, or a list of them.
pub(crate) fn wait_for(cx: &mut Context<'_>, field: Field<'_>) -> Vec<WaitCondition> {
    let list = match &field.value.node {
        Node::List(list) => list.as_slice(),
        _ => std::slice::from_ref(field.value),
    };
    if list.len() > MAX_CONDITIONS {
        let message = format!("`waitFor` has {} conditions; {MAX_CONDITIONS} are the most", list.len());
        cx.push(cx.error_at(field.value, Code::OutOfRange, message));
        return Vec::new();
    }
    list.iter().filter_map(|value| condition(cx, value)).collect()
}

fn condition(cx: &mut Context<'_>, value: &Value<'_>) -> Option<WaitCondition> {
    if let Node::Text(_) = value.node {
        let help = "write { \"tcp\": \"127.0.0.1:5432\" }, or `http`, `file` or `exec` instead of `tcp`";
        wrong_type(cx, "waitFor", value, "an object", Some(help));
        return None;
    }
    let object = object(cx, "waitFor", value)?;
    let inner = entry(cx, object, &CONDITION);
    let what = one_of(cx, "waitFor", value, &inner, CONDITION.read)?;
    let full = format!("waitFor.{}", what.key);
    match what.key {
        "tcp" => tcp(cx, &full, what).map(|address| WaitCondition::Tcp { address }),
        "http" => http(cx, &full, what).map(|url| WaitCondition::Http { url }),
        "file" => filled(cx, &full, what).map(|path| WaitCondition::File { path: PathBuf::from(path) }),
        _ => exec(cx, &full, what).map(|(command, args)| WaitCondition::Exec { command, args }),
    }
}

/// How one writes a probe or a condition of this kind.
fn example(kind: &str) -> &'static str {
    match kind {
        "tool" => "{ \"tool\": \"NAME\" }",
        "http" => "{ \"http\": \"http://127.0.0.1:8080/healthz\" }",
        "exec" => "{ \"exec\": [\"program\", \"argument\"] }",
        _ => "{ \"tcp\": \"127.0.0.1:5432\" }",
    }
}

/// The one of these keys that an object has.
fn one_of<'v>(
    cx: &mut Context<'_>,
    name: &str,
    value: &Value<'_>,
    inner: &[Field<'v>],
    keys: &[&str],
) -> Option<Field<'v>> {
    let stated: Vec<Field<'v>> = keys.iter().filter_map(|key| get(inner, key)).collect();
    match stated[..] {
        [one] => Some(one),
        [first, second, ..] => {
            let message = format!("both `{}` and `{}` in `{name}`; it is one thing", first.key, second.key);
            contradiction(cx, second, first, message);
            None
        }
        [] => {
            let verb = if name == "waitFor" { "waits" } else { "asks" };
            let diagnostic = cx.error_at(value, Code::Empty, format!("`{name}` {verb} for nothing"));
            let help = format!("write one of {}: {}", keys.join(", "), example("tcp"));
            cx.push(diagnostic.with_help(help));
            None
        }
    }
}

fn http(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<String> {
    let url = filled(cx, name, field)?;
    let Err(fault) = check_web_url(&url) else { return Some(url) };
    // The address is not quoted: variables are filled in, and some are secret.
    let diagnostic = cx.error_at(field.value, Code::BadUrl, format!("`{name}` is no HTTP address: {fault}"));
    cx.push(diagnostic.with_help("write it as in \"http://127.0.0.1:8080/healthz\""));
    None
}

fn tcp(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<String> {
    const HELP: &str = "write it as in \"127.0.0.1:5432\"";
    if let Node::Number(port) = &field.value.node {
        let help = if port.len() <= 5 { format!("write it as in \"127.0.0.1:{port}\"") } else { HELP.to_owned() };
        wrong_type(cx, name, field.value, "an address as text", Some(&help));
        return None;
    }
    let address = filled(cx, name, field)?;
    let Err(fault) = check_address(&address) else { return Some(address) };
    let diagnostic = cx.error_at(field.value, Code::BadUrl, format!("`{name}` is no address: {fault}"));
    cx.push(diagnostic.with_help(HELP));
    None
}

/// What is wrong with a `host:port`, if anything.
fn check_address(address: &str) -> Result<(), &'static str> {
    if address.contains("//") {
        return Err("it is `host:port` alone, without a scheme");
    }
    let (host, port) = address.rsplit_once(':').ok_or("it has no port")?;
    let bare = match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']').ok_or("its `[` has no `]`")?,
        None if host.contains(':') => return Err("an IPv6 address stands in brackets: \"[::1]:5432\""),
        None => host,
    };
    if bare.is_empty() {
        return Err("it names no host");
    }
    if bare.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/' || c == '@') {
        return Err("its host has a character that none has");
    }
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        _ => Err("its port is no number from 1 to 65535"),
    }
}

/// A program and its arguments: a list, or the program alone.
fn exec(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<(String, Vec<String>)> {
    let (program, rest) = match &field.value.node {
        Node::Text(_) => (field.value, &[][..]),
        Node::List(list) => match list.split_first() {
            Some(parts) => parts,
            None => {
                let diagnostic = cx.error_at(field.value, Code::Empty, format!("`{name}` names no program"));
                cx.push(diagnostic.with_help("write it as in [\"program\", \"argument\"]"));
                return None;
            }
        },
        _ => {
            let help = "write it as in [\"program\", \"argument\"]";
            wrong_type(cx, name, field.value, "a program, or a list with it and its arguments", Some(help));
            return None;
        }
    };
    let program = filled(cx, name, Field { value: program, ..field });
    let mut args = Vec::with_capacity(rest.len());
    for value in rest {
        let found =
            text(cx, &format!("an element of {name}"), value).and_then(|found| expanded(cx, name, value, found));
        args.push(found.filter(|text| no_nul(cx, name, value, text)));
    }
    Some((program?, args.into_iter().collect::<Option<_>>()?))
}

/// The arguments of a tool as compact JSON, with references filled in.
fn arguments(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<String> {
    object(cx, name, field.value)?;
    Some(argument(cx, name, field.value)?.compact())
}

/// One value of them; of a key that stands twice the last one counts.
fn argument(cx: &mut Context<'_>, name: &str, value: &Value<'_>) -> Option<Plain> {
    Some(match &value.node {
        Node::Null => Plain::Null,
        Node::Bool(value) => Plain::Bool(*value),
        Node::Number(number) => match json_number(number) {
            Some(number) => Plain::Number(number),
            None => {
                cx.push(cx.error_at(value, Code::OutOfRange, format!("a number in `{name}` is none that JSON has")));
                return None;
            }
        },
        Node::Text(text) => Plain::Text(expanded(cx, name, value, text)?),
        Node::List(list) => {
            let list: Vec<Option<Plain>> = list.iter().map(|value| argument(cx, name, value)).collect();
            Plain::List(list.into_iter().collect::<Option<_>>()?)
        }
        Node::Object(object) => {
            let members: Vec<Option<(String, Plain)>> = fields(cx, object)
                .into_iter()
                .map(|field| Some((field.key.to_owned(), argument(cx, name, field.value)?)))
                .collect();
            Plain::Object(members.into_iter().collect::<Option<_>>()?)
        }
    })
}

/// A number as JSON writes it: TOML and YAML have `+1`, `.5` and `.inf` too.
fn json_number(number: &str) -> Option<String> {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let is_json = digits > 0
        && (digits == 1 || !unsigned.starts_with('0'))
        && unsigned[digits..].bytes().all(|b| matches!(b, b'.' | b'e' | b'E' | b'+' | b'-') || b.is_ascii_digit())
        && unsigned[digits..].split(['.', 'e', 'E']).skip(1).all(|part| part.ends_with(|c: char| c.is_ascii_digit()));
    let value = number.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(if is_json { number.to_owned() } else { value.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:1", "localhost:65535", "[::1]:5432", "db.example:5432"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in
            ["", "5432", "h", "h:", "h:0", "h:+1", "h:65536", ":1", "::1:1", "[::1:1", "tcp://h:1", "a b:1", "h/x:1"]
        {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_become_those_of_json() {
        for same in ["0", "-1", "1.50", "1e3", "-0.5E-7", "12345678901234567890"] {
            assert_eq!(json_number(same).as_deref(), Some(same));
        }
        for (text, json) in [("+1", "1"), (".5", "0.5"), ("1.", "1"), ("007", "7"), ("-.5", "-0.5")] {
            assert_eq!(json_number(text).as_deref(), Some(json), "{text}");
        }
        for none in ["inf", "-inf", "nan", "1e999", ""] {
            assert_eq!(json_number(none), None, "{none}");
        }
    }
}
