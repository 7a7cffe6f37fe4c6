//! `alerts.sinks`: who is told of alerts.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_types::{AlertKind, AlertSeverity, Secret, SinkKind, SinkSpec, WebhookTemplate};

use super::rules::{kind_of, severity};
use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::expand::expanded;
use crate::fields::{Field, entry, get, near};
use crate::transport::{check_web_url, filled, headers, no_effect, no_nul};
use crate::tree::{Node, Object, Value};
use crate::values::{boolean, nonempty, text_list, word, wrong_type};
use crate::words::SINK;

/// The most sinks of a config: each has a queue of its own.
pub(crate) const MAX_SINKS: usize = 32;

/// The longest name of a sink, in characters.
const MAX_NAME: usize = 64;

/// What `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Log,
    Webhook,
    Command,
    Desktop,
    Mail,
}

/// The words for `type`.
const TYPES: [(&str, Type); 6] = [
    ("log", Type::Log),
    ("webhook", Type::Webhook),
    ("command", Type::Command),
    ("exec", Type::Command),
    ("desktop", Type::Desktop),
    ("mail", Type::Mail),
];

/// The keys that only one type of sink has.
const OWN: [(&str, Type); 9] = [
    ("url", Type::Webhook),
    ("template", Type::Webhook),
    ("headers", Type::Webhook),
    ("signKey", Type::Webhook),
    ("command", Type::Command),
    ("args", Type::Command),
    ("server", Type::Mail),
    ("from", Type::Mail),
    ("to", Type::Mail),
];

impl Type {
    /// Its word.
    const fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook => "webhook",
            Self::Command => "command",
            Self::Desktop => "desktop",
            Self::Mail => "mail",
        }
    }
}

/// Reads the list of sinks; `None` when nobody would be told because of errors in it.
pub(super) fn read(cx: &mut Context<'_>, value: &Value<'_>) -> Option<Vec<SinkSpec>> {
    let Node::List(list) = &value.node else {
        let help = "write a list: [{ \"type\": \"webhook\", \"url\": \"${ALERTS_URL}\" }]";
        wrong_type(cx, "alerts.sinks", value, "a list of objects", Some(help));
        return None;
    };
    if list.len() > MAX_SINKS {
        let message = format!("`alerts.sinks` has {} sinks; {MAX_SINKS} are the most", list.len());
        cx.push(cx.error_at(value, Code::OutOfRange, message));
        return None;
    }
    let mut read = Vec::new();
    for element in list {
        let before = cx.sink.errors();
        let found = sink(cx, element);
        if let Some(found) = found.filter(|_| cx.sink.errors() == before) {
            read.push(found);
        }
    }
    let out = named(cx, read);
    (!out.is_empty() || list.is_empty()).then_some(out)
}

/// What one element says: its name with its place if it states one, and the rest.
type Read<'v> = (Option<(String, &'v Value<'v>)>, Type, SinkSpec);

/// Gives a name to those that state none. Of a name that stands twice the first sink has it.
fn named(cx: &mut Context<'_>, read: Vec<Read<'_>>) -> Vec<SinkSpec> {
    let mut places: BTreeMap<&str, &Value<'_>> = BTreeMap::new();
    for (name, at) in read.iter().filter_map(|(name, ..)| name.as_ref()) {
        places.entry(name.as_str()).or_insert(at);
    }
    let mut taken: BTreeSet<String> = places.keys().map(|name| (*name).to_owned()).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut out = Vec::with_capacity(read.len());
    for (name, kind, sink) in &read {
        let name = match name {
            Some((name, at)) => {
                if !used.insert(name) {
                    let first = places.get(name.as_str()).map(|value| cx.place(value.at));
                    let message = format!("two sinks are called `{}`", shown(name));
                    let mut diagnostic = cx.error_at(at, Code::SimilarName, message).with_help("rename one of them");
                    if let Some(first) = first {
                        diagnostic = diagnostic.with_related(first, "the other one");
                    }
                    cx.push(diagnostic);
                    continue;
                }
                name.clone()
            }
            None => {
                // Bounded: there are fewer names than numbers.
                let free =
                    (1..=2 * MAX_SINKS).map(|n| format!("{}-{n}", kind.word())).find(|name| !taken.contains(name));
                let name = free.unwrap_or_else(|| kind.word().to_owned());
                taken.insert(name.clone());
                name
            }
        };
        out.push(SinkSpec { name, ..sink.clone() });
    }
    out
}

fn sink<'v>(cx: &mut Context<'_>, value: &'v Value<'v>) -> Option<Read<'v>> {
    let object: &'v Object<'v> = match &value.node {
        Node::Object(object) => object,
        _ => {
            let help = "write { \"type\": \"log\" }";
            wrong_type(cx, "an element of alerts.sinks", value, "an object", Some(help));
            return None;
        }
    };
    let inner = entry(cx, object, &SINK);
    let name = get(&inner, "name").and_then(|field| name(cx, field));
    let Some(kind) = get(&inner, "type") else {
        let meant = OWN.iter().find(|(key, _)| get(&inner, key).is_some()).map_or("log", |(_, kind)| kind.word());
        let diagnostic = cx.error_at(value, Code::Empty, "this sink has no `type`");
        cx.push(diagnostic.with_help(format!("write \"type\": \"{meant}\"")));
        return None;
    };
    let kind = word(cx, "type", kind.value, &TYPES)?;
    let on = format!("a sink of the type `{}`", kind.word());
    for (key, _) in OWN.iter().filter(|(_, owner)| *owner != kind) {
        no_effect(cx, &inner, &[key], &on);
    }
    let what = match kind {
        Type::Log => Some(SinkKind::Log),
        Type::Desktop => Some(SinkKind::Desktop),
        Type::Webhook => webhook(cx, value, &inner),
        Type::Command => command(cx, value, &inner),
        Type::Mail => mail(cx, value, &inner),
    };
    let min_severity = get(&inner, "minSeverity").and_then(|field| severity(cx, "minSeverity", field.value));
    let only = get(&inner, "only").map_or_else(Vec::new, |field| only(cx, field));
    let send_resolved = get(&inner, "sendResolved").and_then(|field| boolean(cx, "sendResolved", field.value));
    let sink = SinkSpec {
        name: String::new(),
        kind: what?,
        min_severity: min_severity.unwrap_or(AlertSeverity::Info),
        only,
        send_resolved: send_resolved.unwrap_or(true),
    };
    Some((name, kind, sink))
}

fn name<'v>(cx: &mut Context<'_>, field: Field<'v>) -> Option<(String, &'v Value<'v>)> {
    let name = nonempty(cx, "name", field.value)?;
    if name.chars().count() > MAX_NAME || name.chars().any(|c| shown(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8())
    {
        let message = format!("`{}` is no name of a sink", shown(name));
        let help = format!("write 1 to {MAX_NAME} characters that can be seen");
        cx.push(cx.error_at(field.value, Code::InvalidName, message).with_help(help));
        return None;
    }
    Some((name.to_owned(), field.value))
}

/// A field that a sink cannot be without.
fn needed<'v>(
    cx: &mut Context<'_>,
    sink: &Value<'_>,
    inner: &[Field<'v>],
    key: &str,
    example: &str,
) -> Option<Field<'v>> {
    let field = get(inner, key);
    if field.is_none() {
        let diagnostic = cx.error_at(sink, Code::Empty, format!("this sink has no `{key}`"));
        cx.push(diagnostic.with_help(format!("write \"{key}\": {example}")));
    }
    field
}

fn webhook(cx: &mut Context<'_>, sink: &Value<'_>, inner: &[Field<'_>]) -> Option<SinkKind> {
    let url = needed(cx, sink, inner, "url", "\"${ALERTS_URL}\"");
    let url = url.and_then(|field| Some((filled(cx, "url", field)?, field)));
    if let Some((url, field)) = &url {
        if let Err(fault) = check_web_url(url) {
            // The address is not quoted: it is a secret.
            let diagnostic = cx.error_at(field.value, Code::BadUrl, format!("`url` is no HTTP address: {fault}"));
            cx.push(diagnostic.with_help("write it as in \"https://alerts.example.com/hook\", or \"${ALERTS_URL}\""));
        }
        in_the_clear(cx, "url", *field, url, "http://");
    }
    let template = get(inner, "template");
    let template =
        template.and_then(|field| word(cx, "template", field.value, &WebhookTemplate::WORDS)).unwrap_or_default();
    let sign_key = get(inner, "signKey").and_then(|field| filled(cx, "signKey", field)).map(Secret::new);
    if !matches!(template, WebhookTemplate::Feishu | WebhookTemplate::DingTalk) {
        no_effect(cx, inner, &["signKey"], &format!("the template `{}`", template.word()));
    }
    let headers = get(inner, "headers").map_or_else(BTreeMap::new, |field| headers(cx, field));
    Some(SinkKind::Webhook { url: Secret::new(url?.0), template, headers, sign_key })
}

/// Tells of an address that everybody on the way can read, and change.
fn in_the_clear(cx: &mut Context<'_>, name: &str, field: Field<'_>, url: &str, scheme: &str) {
    let Some(rest) = scheme_of(url).filter(|found| found.eq_ignore_ascii_case(scheme)).map(|found| &url[found.len()..])
    else {
        return;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if is_loopback(authority.rsplit('@').next().unwrap_or_default()) {
        return;
    }
    let message =
        format!("`{name}` is reached in the clear: who is on the way reads the alerts, and the secrets with them");
    let help = match scheme {
        "http://" => "write `https://` if the receiver has it",
        _ => "write `smtps://` or `smtp+starttls://` if the server has it",
    };
    cx.push(Diagnostic::warning(Code::InTheClear, message).with_place(cx.place(field.value.at)).with_help(help));
}

/// The scheme at the beginning of an address, with `://`.
fn scheme_of(url: &str) -> Option<&str> {
    url.find("://").map(|at| &url[..at + 3])
}

/// True for a `host` or `host:port` that is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn command(cx: &mut Context<'_>, sink: &Value<'_>, inner: &[Field<'_>]) -> Option<SinkKind> {
    let command = needed(cx, sink, inner, "command", "\"notify\"").and_then(|field| filled(cx, "command", field));
    let mut args = Vec::new();
    if let Some(field) = get(inner, "args") {
        for (found, value) in text_list(cx, "args", field.value) {
            args.extend(expanded(cx, "args", value, found).filter(|text| no_nul(cx, "args", value, text)));
        }
    }
    Some(SinkKind::Command { command: command?, args })
}

fn mail(cx: &mut Context<'_>, sink: &Value<'_>, inner: &[Field<'_>]) -> Option<SinkKind> {
    const SCHEMES: [&str; 3] = ["smtp://", "smtps://", "smtp+starttls://"];
    let server = needed(cx, sink, inner, "server", "\"${MAIL_SERVER}\"");
    let server = server.and_then(|field| Some((filled(cx, "server", field)?, field)));
    if let Some((server, field)) = &server {
        let scheme = scheme_of(server).filter(|scheme| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)));
        let host = scheme.map(|scheme| server[scheme.len()..].rsplit('@').next().unwrap_or_default());
        if host.is_none_or(|host| host.split([':', '/']).next().unwrap_or_default().is_empty()) {
            // Not quoted: there may be a password in it.
            let diagnostic = cx.error_at(field.value, Code::BadUrl, "`server` is no address of a mail server");
            cx.push(diagnostic.with_help("write it as in \"smtps://user:${MAIL_PASSWORD}@mail.example.com\""));
        }
        in_the_clear(cx, "server", *field, server, "smtp://");
    }
    let from =
        needed(cx, sink, inner, "from", "\"mcpstore@example.com\"").and_then(|field| mailbox(cx, "from", field.value));
    let to = needed(cx, sink, inner, "to", "[\"me@example.com\"]")?;
    let list = match &to.value.node {
        Node::List(list) => list.as_slice(),
        _ => std::slice::from_ref(to.value),
    };
    if list.is_empty() {
        cx.push(cx.error_at(to.value, Code::Empty, "`to` names nobody"));
    }
    let to: Vec<String> = list.iter().filter_map(|value| mailbox(cx, "to", value)).collect();
    Some(SinkKind::Mail { server: Secret::new(server?.0), from: from?, to })
}

/// A mail address, with its references filled in.
fn mailbox(cx: &mut Context<'_>, name: &str, value: &Value<'_>) -> Option<String> {
    let found = nonempty(cx, name, value)?;
    let text = expanded(cx, name, value, found)?;
    let is_good = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !text.chars().any(char::is_control);
    if !is_good {
        let diagnostic = cx.error_at(value, Code::BadUrl, format!("`{name}` is no mail address"));
        cx.push(diagnostic.with_help("write it as in \"me@example.com\""));
    }
    is_good.then_some(text)
}

/// Kinds of alerts, each once.
fn only(cx: &mut Context<'_>, field: Field<'_>) -> Vec<AlertKind> {
    let mut out = Vec::new();
    for (found, value) in text_list(cx, "only", field.value) {
        match kind_of(found) {
            Some(kind) if !out.contains(&kind) => out.push(kind),
            Some(_) => {}
            None => {
                let words = AlertKind::ALL.map(AlertKind::as_str);
                let message = format!("unknown word `{}` for `only`", shown(found));
                let help = match near(found, words) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("write one of: {}", words.join(", ")),
                };
                cx.push(cx.error_at(value, Code::UnknownWord, message).with_help(help));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        for here in ["localhost", "LOCALHOST:80", "127.0.0.1:9", "127.1.2.3", "[::1]:9", "[::1]"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["", "10.0.0.1", "localhost.example", "[2001:db8::1]:9", "127.0.0.1.example:80"] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}
