//! Entries of other clients, brought into the shape of ours. Every node keeps its place.

use std::borrow::Cow;

use crate::Dialect;
use crate::tree::{Member, Node, Object, Value};

/// An entry of a dialect in our shape.
pub(crate) fn normal(mut value: Value<'_>, dialect: Dialect) -> Value<'_> {
    if let Node::Object(object) = &mut value.node {
        match dialect {
            Dialect::Codex => codex(object),
            Dialect::Zed => zed(object),
            Dialect::Servers => vs_code(object),
            Dialect::Settings => {
                vs_code(object);
                opencode(object);
            }
            Dialect::McpServers | Dialect::Bare | Dialect::List | Dialect::Single => {}
        }
        ["requestOptions", "requestInit"].iter().for_each(|key| request(object, key));
        login(object);
    }
    value
}

/// Codex: environment variables are named, not referred to, and times are seconds.
fn codex(object: &mut Object<'_>) {
    let mut headers: Vec<Member<'_>> = Vec::new();
    let mut timeouts: Vec<Member<'_>> = Vec::new();
    let mut login: Vec<Member<'_>> = Vec::new();
    let mut out: Vec<Member<'_>> = Vec::with_capacity(object.members.len());
    for mut member in std::mem::take(&mut object.members) {
        match member.key.as_ref() {
            "http_headers" => match member.value.node {
                Node::Object(inner) => headers.extend(inner.members),
                node => {
                    member.value.node = node;
                    member.key = "headers".into();
                    out.push(member);
                }
            },
            "env_http_headers" => match member.value.node {
                Node::Object(inner) => headers.extend(inner.members.into_iter().map(|m| reference(m, ""))),
                node => {
                    member.value.node = node;
                    member.key = "headers".into();
                    out.push(member);
                }
            },
            "bearer_token_env_var" => {
                let mut member = reference(member, "Bearer ");
                member.key = "Authorization".into();
                headers.push(member);
            }
            "env_vars" => {
                member.key = "inheritEnv".into();
                if let Node::List(list) = &mut member.value.node {
                    list.iter_mut().for_each(local_name);
                }
                out.push(member);
            }
            "scopes" => login.push(member),
            "startup_timeout_sec" => timeouts.push(seconds(member, "start")),
            "tool_timeout_sec" => timeouts.push(seconds(member, "call")),
            "startup_timeout_ms" => timeouts.push(with_unit(member, "start", "ms")),
            "tools" => out.extend(without_approvals(member)),
            _ => out.push(member),
        }
    }
    object.members = out;
    gather(object, "headers", headers);
    gather(object, "timeouts", timeouts);
    gather(object, "oauth", login);
}

/// Codex: a variable of this machine may be written as an object too. One of another machine stays what it is: an error.
fn local_name(element: &mut Value<'_>) {
    let Node::Object(object) = &mut element.node else { return };
    if object.get("source").is_some_and(|source| source.as_text() != Some("local")) {
        return;
    }
    if let Some(member) = object.members.iter_mut().find(|member| member.key == "name") {
        element.node = std::mem::replace(&mut member.value.node, Node::Null);
    }
}

/// Codex: `tools` says of each tool by name whether its calls are approved, which is the client's matter. What is ours in it stays.
fn without_approvals(mut member: Member<'_>) -> Option<Member<'_>> {
    if let Node::Object(object) = &mut member.value.node {
        let all = object.members.len();
        object.members.retain(|tool| {
            let is_ours = matches!(tool.key.as_ref(), "rename" | "describe");
            tool.value.as_object().is_none_or(|inner| is_ours && !inner.has("approval_mode"))
        });
        if object.members.is_empty() && all > 0 {
            return None;
        }
    }
    Some(member)
}

/// Zed: an older form has the program and its arguments inside `command`.
fn zed(object: &mut Object<'_>) {
    let mut out: Vec<Member<'_>> = Vec::with_capacity(object.members.len() + 2);
    for member in std::mem::take(&mut object.members) {
        match (member.key.as_ref(), member.value.node) {
            ("command", Node::Object(inner)) => {
                for mut part in inner.members {
                    if part.key == "path" {
                        part.key = "command".into();
                    }
                    out.push(part);
                }
            }
            // What the extension of a server needs to know, and no adapter of ours.
            ("settings", _) => {}
            (_, node) => out.push(Member { value: Value { node, ..member.value }, ..member }),
        }
    }
    object.members = out;
}

/// VS Code: `sandbox` is an object of rules there, which count beside `sandboxEnabled` only; ours is a word.
fn vs_code(object: &mut Object<'_>) {
    object.members.retain(|member| member.key != "sandbox" || member.value.as_object().is_none());
}

/// opencode: the program stands at the head of its arguments, and references have no dollar.
fn opencode(object: &mut Object<'_>) {
    if !matches!(object.get("type").and_then(Value::as_text), Some("local" | "remote")) {
        return;
    }
    if !object.has("env")
        && let Some(member) = object.members.iter_mut().find(|member| member.key == "environment")
    {
        member.key = "env".into();
    }
    let command = object.members.iter_mut().find(|member| member.key == "command");
    let mut arguments = None;
    if let Some(Member { key_at, value: Value { at, node }, .. }) = command
        && let Node::List(list) = node
        && !list.is_empty()
    {
        let rest = list.split_off(1);
        let args = Value { at: *at, node: Node::List(rest) };
        arguments = Some(Member { key: "args".into(), key_at: *key_at, value: args });
        if let Some(program) = list.pop() {
            (*at, *node) = (program.at, program.node);
        }
    }
    object.members.extend(arguments.filter(|_| !object.has("args")));
    object.members.iter_mut().for_each(|member| with_dollars(&mut member.value));
}

/// `{env:NAME}` becomes `${env:NAME}`, and `{file:path}` `${file:path}`.
fn with_dollars(value: &mut Value<'_>) {
    match &mut value.node {
        // One that has a dollar already is not of this kind.
        Node::Text(text) if !text.contains('$') => {
            for word in ["{env:", "{file:"] {
                if text.contains(word) {
                    *text = Cow::Owned(text.replace(word, &format!("${word}")));
                }
            }
        }
        Node::List(list) => list.iter_mut().for_each(with_dollars),
        Node::Object(object) => object.members.iter_mut().for_each(|member| with_dollars(&mut member.value)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

/// Continue has headers in `requestOptions`, Copilot outside VS Code in `requestInit`.
fn request(object: &mut Object<'_>, key: &str) {
    let Some(at) = object.members.iter().position(|member| member.key == key) else { return };
    if !object.members[at].value.as_object().is_some_and(|inner| inner.has("headers")) {
        return;
    }
    let Node::Object(inner) = std::mem::replace(&mut object.members[at].value.node, Node::Null) else { return };
    let headers = inner.members.into_iter().find(|member| member.key == "headers");
    match headers {
        Some(Member { value: Value { node: Node::Object(headers), .. }, .. }) => {
            gather(object, "headers", headers.members);
        }
        // Whatever it is, it is told where ours would be.
        Some(other) if !object.has("headers") => object.members.push(other),
        _ => {}
    }
}

/// Cursor: a login with a client that was registered beforehand stands in `auth`.
fn login(object: &mut Object<'_>) {
    const WORDS: [(&str, &str); 3] =
        [("CLIENT_ID", "clientId"), ("CLIENT_SECRET", "clientSecret"), ("scopes", "scopes")];
    if object.has("oauth") {
        return;
    }
    let Some(member) = object.members.iter_mut().find(|member| member.key == "auth") else { return };
    let Node::Object(inner) = &mut member.value.node else { return };
    if !inner.has("CLIENT_ID") {
        return;
    }
    member.key = "oauth".into();
    for member in &mut inner.members {
        if let Some((_, ours)) = WORDS.iter().find(|(theirs, _)| member.key == *theirs) {
            member.key = (*ours).into();
        }
    }
}

/// `NAME` becomes `${NAME}`.
fn reference<'t>(mut member: Member<'t>, before: &str) -> Member<'t> {
    if let Node::Text(name) = &member.value.node {
        member.value.node = Node::Text(Cow::Owned(format!("{before}${{{name}}}")));
    }
    member
}

/// A number of seconds becomes a duration; it may have a fraction.
fn seconds<'t>(member: Member<'t>, key: &'static str) -> Member<'t> {
    let whole = match &member.value.node {
        Node::Number(number) => number.parse::<f64>().ok().map(|seconds| seconds * 1000.0),
        _ => None,
    };
    match whole.filter(|ms| (0.0..1e12).contains(ms)) {
        Some(ms) => {
            let mut member = member;
            // Within range, as just checked.
            member.value.node = Node::Text(Cow::Owned(format!("{}ms", ms.round() as u64)));
            member.key = key.into();
            member
        }
        None => with_unit(member, key, "s"),
    }
}

fn with_unit<'t>(mut member: Member<'t>, key: &'static str, unit: &str) -> Member<'t> {
    if let Node::Number(number) = &member.value.node {
        member.value.node = Node::Text(Cow::Owned(format!("{number}{unit}")));
    }
    member.key = key.into();
    member
}

/// Puts members into the object under `key`, which is made when missing; what stands there already wins.
fn gather<'t>(object: &mut Object<'t>, key: &'static str, members: Vec<Member<'t>>) {
    let Some(first) = members.first() else { return };
    let (at, key_at) = (first.value.at, first.key_at);
    match object.members.iter_mut().find(|member| member.key == key).map(|member| &mut member.value.node) {
        Some(Node::Object(inner)) => {
            let new: Vec<_> = members.into_iter().filter(|member| !inner.has(&member.key)).collect();
            inner.members.extend(new);
        }
        Some(_) => {}
        None => object.members.push(Member { key: key.into(), key_at, value: Value::object(at, members) }),
    }
}
