//! How a service is launched or reached: `command` and what belongs to it, or `url` and what belongs to it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::tree::{Node, Value};
use mcpstore_types::{HttpSpec, Secret, StdioSpec, TransportSpec, is_protocol_header};

use crate::context::Context;
use crate::defaults::Defaults;
use crate::diagnostic::{Diagnostic, shown_name};
use crate::expand::expanded;
use crate::fields::{Field, fields, get};
use crate::oauth::oauth;
use crate::other::other;
use crate::values::{nonempty, object, text, text_list, word};
use crate::words::URL_KEYS;
use crate::{Code, Place, env_file, sandbox};

/// What only a server that is launched has.
const LAUNCHED: &[&str] =
    &["args", "env", "envFile", "cwd", "inheritEnv", "sandbox", "sandboxRead", "sandboxWrite", "limits"];

/// What `type` or `transport` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stdio,
    Http,
    Sse,
    WebSocket,
}

impl Kind {
    /// True for a kind that this version speaks.
    #[cfg(feature = "schema")]
    pub(crate) const fn is_spoken(self) -> bool {
        !matches!(self, Self::WebSocket)
    }
}

/// The words clients have for the kinds.
pub(crate) const KINDS: &[(&str, Kind)] = &[
    ("stdio", Kind::Stdio),
    ("local", Kind::Stdio),
    ("http", Kind::Http),
    ("streamable-http", Kind::Http),
    ("streamableHttp", Kind::Http),
    ("streamable_http", Kind::Http),
    ("http-stream", Kind::Http),
    ("http_stream", Kind::Http),
    ("remote", Kind::Http),
    ("sse", Kind::Sse),
    ("ws", Kind::WebSocket),
    ("websocket", Kind::WebSocket),
];

/// The transport of a service's entry. All fields of both kinds are read, so that everything wrong is told at once;
/// `None` when something was.
pub(crate) fn transport(
    cx: &mut Context<'_>,
    entry: &[Field<'_>],
    service: Place,
    defaults: &Defaults,
) -> Option<TransportSpec> {
    if let Some(settings) = get(entry, "settings") {
        return other(cx, entry, settings);
    }
    let before = cx.sink.errors();
    let kind = stated_kind(cx, entry);
    let command = get(entry, "command");
    let urls: Vec<Field<'_>> = URL_KEYS.iter().filter_map(|key| get(entry, key)).collect();
    let url = urls.first().copied();
    if let [first, second, ..] = urls[..] {
        contradiction(cx, second, first, format!("both `{}` and `{}`", first.key, second.key));
    }
    if let (Some(command), Some(url)) = (command, url) {
        contradiction(cx, url, command, format!("both `command` and `{}`; a server is launched or reached", url.key));
    }
    match (kind, command, url) {
        (Some((Kind::WebSocket, field)), ..) => {
            let message = "WebSocket is no transport of MCP, and this version does not speak it";
            let diagnostic = cx.error_at(field.value, Code::UnsupportedTransport, message);
            cx.push(diagnostic.with_help("many servers speak streamable HTTP too: \"type\": \"http\""));
        }
        (Some((Kind::Stdio, field)), None, Some(url)) => {
            contradiction(cx, field, url, format!("`{}` says stdio, but there is a `{}`", field.key, url.key));
        }
        (Some((Kind::Http | Kind::Sse, field)), Some(command), None) => {
            contradiction(cx, field, command, format!("`{}` says HTTP, but there is a `command`", field.key));
        }
        (_, None, None) => {
            cx.push(
                Diagnostic::error(Code::NoTransport, "neither `command` nor `url`")
                    .with_place(service)
                    .with_help("say how to launch it (`command`) or where to reach it (`url`)"),
            );
        }
        _ => {}
    }
    let stdio = stdio(cx, entry, command, defaults);
    let http = http(cx, entry, url);
    if cx.sink.errors() > before {
        return None;
    }
    if command.is_some() {
        no_effect(cx, entry, &["headers", "caFile", "oauth"], "a server that is launched");
        Some(TransportSpec::Stdio(stdio))
    } else {
        no_effect(cx, entry, LAUNCHED, "a server that is reached by its address");
        let kind = kind.map_or_else(|| kind_of(&http.url), |(kind, _)| kind);
        Some(if kind == Kind::Sse { TransportSpec::Sse(http) } else { TransportSpec::Http(http) })
    }
}

/// What an address alone says: legacy servers have their stream at `/sse`, by the habit of every SDK.
fn kind_of(url: &str) -> Kind {
    let behind_host = || url.split_once("://").map_or("", |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let path = HttpSpec::socket_parts(url).map_or_else(behind_host, |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if path.trim_end_matches('/').ends_with("/sse") { Kind::Sse } else { Kind::Http }
}

/// True for an address that means legacy HTTP+SSE when nothing else is said.
pub(crate) fn says_sse(url: &str) -> bool {
    kind_of(url) == Kind::Sse
}

/// What `type` and `transport` say, and where.
fn stated_kind<'v>(cx: &mut Context<'_>, entry: &[Field<'v>]) -> Option<(Kind, Field<'v>)> {
    let mut read = |key: &str| {
        let field = get(entry, key)?;
        Some((word(cx, key, field.value, KINDS)?, field))
    };
    let (kind, transport) = (read("type"), read("transport"));
    if let (Some((a, first)), Some((b, second))) = (kind, transport)
        && a != b
    {
        contradiction(cx, second, first, "`type` and `transport` differ".to_owned());
    }
    kind.or(transport)
}

pub(crate) fn contradiction(cx: &mut Context<'_>, here: Field<'_>, there: Field<'_>, message: String) {
    let other = cx.place(there.key_at);
    let diagnostic = Diagnostic::error(Code::Contradiction, message).with_place(cx.place(here.key_at));
    cx.push(diagnostic.with_related(other, "contradicts this").with_help("keep one of the two"));
}

pub(crate) fn no_effect(cx: &mut Context<'_>, entry: &[Field<'_>], keys: &[&str], on: &str) {
    for field in keys.iter().filter_map(|key| get(entry, key)) {
        let place = cx.place(field.key_at);
        let message = format!("`{}` has no effect on {on}", field.key);
        cx.push(Diagnostic::warning(Code::NoEffect, message).with_place(place));
    }
}

fn stdio(cx: &mut Context<'_>, entry: &[Field<'_>], command: Option<Field<'_>>, defaults: &Defaults) -> StdioSpec {
    let mut spec = defaults.stdio.clone();
    if let Some(found) = command.and_then(|field| filled(cx, "command", field)) {
        spec.command = found;
    }
    if let Some(field) = get(entry, "args") {
        for (found, value) in text_list(cx, "args", field.value) {
            spec.args.extend(expanded(cx, "args", value, found).filter(|text| no_nul(cx, "args", value, text)));
        }
    }
    if let Some(field) = get(entry, "envFile") {
        spec.env.extend(env_file::read(cx, field));
    }
    if let Some(field) = get(entry, "env") {
        spec.env.extend(environment(cx, field));
    }
    if let Some(field) = get(entry, "cwd") {
        spec.cwd = filled(cx, "cwd", field).map(PathBuf::from);
    }
    sandbox::apply(cx, entry, &mut spec);
    spec
}

fn http(cx: &mut Context<'_>, entry: &[Field<'_>], url: Option<Field<'_>>) -> HttpSpec {
    let mut spec = HttpSpec::default();
    if let Some(field) = url
        && let Some(found) = filled(cx, field.key, field)
    {
        if let Err(fault) = check_url(&found) {
            // The address is not quoted: variables are filled in, and some are secret.
            let message = format!("`{}` is no HTTP address: {fault}", field.key);
            let diagnostic = cx.error_at(field.value, Code::BadUrl, message);
            cx.push(diagnostic.with_help("write it as in \"https://mcp.example.com/mcp\""));
        }
        spec.url = found;
    }
    if let Some(field) = get(entry, "headers") {
        spec.headers = headers(cx, field);
    }
    if let Some(field) = get(entry, "caFile") {
        spec.ca_file = filled(cx, "caFile", field).map(PathBuf::from);
    }
    if let Some(field) = get(entry, "oauth") {
        spec.oauth = oauth(cx, field);
    }
    spec
}

/// A text that must not be empty, neither before nor after expansion, and has no NUL.
pub(crate) fn filled(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<String> {
    let found = nonempty(cx, name, field.value)?;
    let text = expanded(cx, name, field.value, found)?;
    if text.trim().is_empty() {
        let message = format!("`{name}` is empty once its variables are filled in");
        cx.push(cx.error_at(field.value, Code::Empty, message));
        return None;
    }
    no_nul(cx, name, field.value, &text).then_some(text)
}

pub(crate) fn no_nul(cx: &mut Context<'_>, name: &str, value: &Value<'_>, text: &str) -> bool {
    let good = !text.contains('\0');
    if !good {
        bad_character(cx, value, format!("`{name}` has a NUL character in it; the system takes none"));
    }
    good
}

fn bad_character(cx: &mut Context<'_>, value: &Value<'_>, message: String) {
    cx.push(cx.error_at(value, Code::BadCharacter, message));
}

/// True when a key stands in its text with a colon behind it.
fn is_before_colon(cx: &Context<'_>, field: Field<'_>) -> bool {
    let text = cx.text(field.key_at).source.text.get(field.key_at.start as usize..).unwrap_or_default();
    let behind = text.trim_start_matches(['"', '\'']).strip_prefix(field.key).unwrap_or_default();
    behind.trim_start_matches(['"', '\'', ' ']).starts_with(':')
}

/// What messages call a member of `env` or `headers`.
fn named(cx: &Context<'_>, map: &str, field: Field<'_>) -> String {
    if matches!(field.value.node, Node::Null) && !is_before_colon(cx, field) {
        // In the YAML `{ A:, secret }` the second may be the value that was meant for the first.
        return format!("a value of {map}");
    }
    format!("{map}.{}", shown_name(field.key))
}

pub(crate) fn environment(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, Secret> {
    let mut out = BTreeMap::new();
    let Some(object) = object(cx, "env", field.value) else { return out };
    for field in fields(cx, object) {
        let name = named(cx, "env", field);
        let place = cx.place(field.key_at);
        if field.key.is_empty() {
            cx.push(Diagnostic::error(Code::Empty, "the name of a variable is empty").with_place(place));
            continue;
        }
        if field.key.contains(['=', '\0']) {
            let message = format!("the name of variable `{}` has `=` or NUL in it", shown_name(field.key));
            cx.push(Diagnostic::error(Code::BadCharacter, message).with_place(place));
            continue;
        }
        let Some(found) = text(cx, &name, field.value) else { continue };
        if let Some(value) = expanded(cx, &name, field.value, found)
            && no_nul(cx, &name, field.value, &value)
        {
            out.insert(field.key.to_owned(), Secret::new(value));
        }
    }
    out
}

pub(crate) fn headers(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, Secret> {
    let mut out = BTreeMap::new();
    let Some(object) = object(cx, "headers", field.value) else { return out };
    for field in fields(cx, object) {
        let name = named(cx, "headers", field);
        let place = cx.place(field.key_at);
        // spec: RFC 9110 §5.6.2, token
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if field.key.is_empty() {
            cx.push(Diagnostic::error(Code::Empty, "the name of a header is empty").with_place(place));
            continue;
        }
        if !field.key.bytes().all(is_token) {
            let message = format!(
                "the name of header `{}` has a character that HTTP does not allow there",
                shown_name(field.key)
            );
            cx.push(Diagnostic::error(Code::BadCharacter, message).with_place(place));
            continue;
        }
        if is_protocol_header(field.key) {
            let message = format!("`{name}` has no effect: the protocol says what stands there");
            cx.push(Diagnostic::warning(Code::NoEffect, message).with_place(place));
        }
        let Some(found) = text(cx, &name, field.value) else { continue };
        if let Some(value) = expanded(cx, &name, field.value, found) {
            if value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
                out.insert(field.key.to_owned(), Secret::new(value));
            } else {
                let message =
                    format!("`{name}` has a character that HTTP does not allow there, a line break for example");
                bad_character(cx, field.value, message);
            }
        }
    }
    out
}

/// What is wrong with an address, if anything.
pub(crate) fn check_url(url: &str) -> Result<(), &'static str> {
    if let Some((socket, _)) = HttpSpec::socket_parts(url) {
        return match socket.as_bytes() {
            [b'/' | b'@', _, ..] => Ok(()),
            _ => Err("the path of its socket is not absolute"),
        };
    }
    let tail = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.get(..scheme.len()).filter(|s| s.eq_ignore_ascii_case(scheme)).map(|s| &url[s.len()..]))
        .ok_or("it does not begin with http://, https:// or unix:")?;
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has a space or a control character in it");
    }
    let authority = tail.split(['/', '?', '#']).next().unwrap_or("");
    let host_and_port = authority.rsplit('@').next().unwrap_or("");
    let (host, port) = match host_and_port.strip_prefix('[') {
        Some(v6) => v6.split_once(']').ok_or("its `[` has no `]`")?,
        None => host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len())),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if !port.is_empty() && port.strip_prefix(':').is_none_or(|p| p.parse::<u16>().is_err() || p.starts_with('+')) {
        return Err("its port is no number from 0 to 65535");
    }
    Ok(())
}

/// The same of an address that is asked over the network alone.
pub(crate) fn check_web_url(url: &str) -> Result<(), &'static str> {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme));
    if begins("http://") || begins("https://") {
        check_url(url)
    } else {
        Err("it does not begin with http:// or https://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "http://h",
            "HTTPS://h:80/x?y#z",
            "http://u:p@h/",
            "http://[::1]:8080/mcp",
            "https://ключ.example",
            "unix:/run/a b.sock:/mcp",
            "unix:@a",
        ] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "h",
            "ftp://h",
            "http://",
            "http:///x",
            "http://:80",
            "http://h:x",
            "http://h:99999",
            "http://a b",
            "http://[::1",
            "unix:",
            "unix:run/a.sock:/mcp",
            "unix:@",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_tells_the_legacy_transport() {
        for legacy in ["https://h/sse", "https://h/x/sse/?key=1", "unix:/run/a.sock:/sse"] {
            assert!(kind_of(legacy) == Kind::Sse, "{legacy}");
        }
        for modern in ["https://h/mcp", "https://h/sse/mcp", "https://sse", "https://h/x?u=/sse", "unix:/run/sse"] {
            assert!(kind_of(modern) == Kind::Http, "{modern}");
        }
    }
}
