//! Which client's way of writing a text follows, and where its services stand.

use std::borrow::Cow;

use crate::alien;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{check_keys, fields, near};
use crate::tree::{At, Member, Node, Object, Value};
use crate::values::{kind, wrong_type};
use crate::words::{TOP, URL_KEYS};
use crate::{Code, Format};

/// How the services of a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `mcpServers`: Claude, Cursor, Windsurf, Cline, and mcpstore itself.
    McpServers,
    /// `servers`: the `mcp.json` of VS Code.
    Servers,
    /// `mcp` with `servers` in it: the settings of VS Code, and opencode.
    Settings,
    /// `mcp_servers`: Codex.
    Codex,
    /// `context_servers`: the settings of Zed.
    Zed,
    /// The services by name, with nothing around them.
    Bare,
    /// A list of services with a `name` each, with nothing around it.
    List,
    /// One service.
    Single,
}

impl Dialect {
    /// The path of the object, or list, that holds the services.
    #[must_use]
    pub const fn container(self) -> &'static [&'static str] {
        match self {
            Self::McpServers => &["mcpServers"],
            Self::Servers => &["servers"],
            Self::Settings => &["mcp", "servers"],
            Self::Codex => &["mcp_servers"],
            Self::Zed => &["context_servers"],
            Self::Bare | Self::List | Self::Single => &[],
        }
    }

    /// True for files in which clients keep much else: keys that are unknown here are none of our business.
    const fn is_shared(self) -> bool {
        matches!(self, Self::Settings | Self::Codex | Self::Zed)
    }
}

/// One service as a text states it.
pub(crate) struct Stated<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) name_at: At,
    pub(crate) value: Value<'t>,
    /// It is an element of a list.
    pub(crate) listed: bool,
}

/// What one text states.
#[derive(Default)]
pub(crate) struct Part<'t> {
    pub(crate) dialect: Option<Dialect>,
    pub(crate) services: Vec<Stated<'t>>,
    pub(crate) defaults: Option<Value<'t>>,
    pub(crate) gateway: Option<Value<'t>>,
    pub(crate) alerts: Option<Value<'t>>,
    pub(crate) profiles: Option<Value<'t>>,
    pub(crate) inputs: Option<Value<'t>>,
}

/// Keys of the top level that only files have in which a client keeps its whole state.
const CLIENT_STATE: &[&str] = &[
    "general",
    "globalShortcut",
    "numStartups",
    "oauthAccount",
    "preferences",
    "projects",
    "security",
    "selectedAuthType",
    "tipsHistory",
];

/// Takes a text's tree apart. Of a text that is `broken` it may be a wrong one: what is missing in it is not told.
pub(crate) fn split<'t>(cx: &mut Context<'_>, tree: Value<'t>, broken: bool) -> Part<'t> {
    let at = tree.at;
    let object = match tree.node {
        Node::Object(object) => object,
        Node::List(list) => {
            let services = named(cx, list, "the list");
            return Part { dialect: Some(Dialect::List), services, ..Part::default() };
        }
        node => {
            let value = Value { at, node };
            let message = format!("the top level is {}; expected an object", kind(&value));
            let diagnostic = cx.error_at(&value, Code::NotAnObject, message);
            cx.push(diagnostic.with_help("write { \"mcpServers\": { } }"));
            return Part::default();
        }
    };
    let Some(dialect) = detect(&object) else {
        if !states_something(&object) {
            if !broken {
                no_servers(cx, at, &object);
            }
            return Part::default();
        }
        return rest(cx, object, None);
    };
    match dialect {
        Dialect::Single => single(cx, at, object),
        Dialect::Bare => {
            let (ours, services): (Vec<_>, Vec<_>) =
                object.members.into_iter().partition(|member| is_ours(&member.key) || !is_service(&member.value));
            let mut part = rest(cx, Object { members: ours }, Some(dialect));
            part.services = by_name(Object { members: services }, dialect);
            part
        }
        _ => {
            // The settings of VS Code have the inputs beside the servers.
            let (object, inputs) = match dialect {
                Dialect::Settings => cut(object, &["mcp", "inputs"]),
                _ => (object, None),
            };
            let (around, inside) = cut(object, dialect.container());
            let mut part = rest(cx, around, Some(dialect));
            part.inputs = inputs.filter(|value| !value.is_null()).or(part.inputs);
            let name = dialect.container().join(".");
            part.services = match inside {
                Some(Value { node: Node::Object(object), .. }) => by_name(object, dialect),
                Some(Value { node: Node::List(list), .. }) => named(cx, list, &format!("`{name}`")),
                Some(other) if other.is_null() => Vec::new(),
                Some(other) => {
                    wrong_type(cx, &name, &other, "an object", None);
                    Vec::new()
                }
                None => Vec::new(),
            };
            part
        }
    }
}

/// The dialect of an object; `None` when nothing in it says.
pub(crate) fn detect(object: &Object<'_>) -> Option<Dialect> {
    if object.has("mcpServers") {
        return Some(Dialect::McpServers);
    }
    if object.has("mcp_servers") {
        return Some(Dialect::Codex);
    }
    if object.has("context_servers") {
        return Some(Dialect::Zed);
    }
    if matches!(object.get("servers").map(|value| &value.node), Some(Node::Object(_) | Node::List(_))) {
        return Some(Dialect::Servers);
    }
    if object.get("mcp").and_then(Value::as_object).is_some_and(|inner| inner.has("servers")) {
        return Some(Dialect::Settings);
    }
    if has_transport(object) {
        return Some(Dialect::Single);
    }
    let bare = |member: &Member<'_>| !is_ours(&member.key) && member.value.as_object().is_some_and(has_transport);
    object.members.iter().any(bare).then_some(Dialect::Bare)
}

/// True for an object that says how to launch or reach a server.
fn has_transport(object: &Object<'_>) -> bool {
    let is_text = |value: &Value<'_>| matches!(value.node, Node::Text(_));
    object.get("command").is_some_and(is_text) || URL_KEYS.iter().any(|key| object.get(key).is_some_and(is_text))
}

/// True for what may be a service among others that stand with nothing around them.
fn is_service(value: &Value<'_>) -> bool {
    matches!(value.node, Node::Object(_))
}

/// True for the keys of the top level that hold no services.
fn is_ours(key: &str) -> bool {
    TOP.read.contains(&key) || TOP.later.contains(&key) || key.starts_with('$')
}

/// True when there is something beside services.
fn states_something(object: &Object<'_>) -> bool {
    object.members.iter().any(|member| {
        matches!(member.key.as_ref(), "defaults" | "gateway" | "alerts" | "profiles" | "inputs")
            && !member.value.is_null()
    })
}

/// Cuts the value at a path out of an object; of a key that stands twice the last counts.
fn cut<'t>(mut object: Object<'t>, path: &[&str]) -> (Object<'t>, Option<Value<'t>>) {
    let Some((first, deeper)) = path.split_first() else { return (object, None) };
    let Some(index) = object.members.iter().rposition(|member| member.key == *first) else { return (object, None) };
    if deeper.is_empty() {
        let value = std::mem::replace(&mut object.members[index].value.node, Node::Null);
        let at = object.members[index].value.at;
        return (object, Some(Value { at, node: value }));
    }
    let Node::Object(inner) = std::mem::replace(&mut object.members[index].value.node, Node::Null) else {
        return (object, None);
    };
    let (inner, found) = cut(inner, deeper);
    object.members[index].value.node = Node::Object(inner);
    (object, found)
}

/// What stands beside the services.
fn rest<'t>(cx: &mut Context<'_>, object: Object<'t>, dialect: Option<Dialect>) -> Part<'t> {
    let shared = dialect.is_some_and(Dialect::is_shared)
        || object.members.iter().any(|m| CLIENT_STATE.contains(&m.key.as_ref()));
    // Told once for each key; the values are taken over below.
    let mut top = fields(cx, &object);
    if !shared {
        let container = dialect.and_then(|dialect| dialect.container().first());
        top.retain(|field| container != Some(&field.key));
        check_keys(cx, &top, &TOP);
    }
    let mut part = Part { dialect, ..Part::default() };
    for member in object.members {
        let slot = match member.key.as_ref() {
            "defaults" => &mut part.defaults,
            "gateway" => &mut part.gateway,
            "alerts" => &mut part.alerts,
            "profiles" => &mut part.profiles,
            "inputs" => &mut part.inputs,
            _ => continue,
        };
        // A client's own settings may have words like ours.
        let is_ours = !shared || dialect == Some(Dialect::McpServers);
        *slot = Some(member.value).filter(|value| is_ours && !value.is_null());
    }
    part
}

/// Services by name. A name may stand twice.
fn by_name<'t>(object: Object<'t>, dialect: Dialect) -> Vec<Stated<'t>> {
    let stated = |member: Member<'t>| Stated {
        name: member.key,
        name_at: member.key_at,
        value: alien::normal(member.value, dialect),
        listed: false,
    };
    object.members.into_iter().map(stated).collect()
}

/// Services of a list, each with its `name`.
fn named<'t>(cx: &mut Context<'_>, list: Vec<Value<'t>>, what: &str) -> Vec<Stated<'t>> {
    let mut out = Vec::with_capacity(list.len());
    for element in list {
        let Some(object) = element.as_object() else {
            wrong_type(cx, &format!("an element of {}", what.trim_matches('`')), &element, "an object", None);
            continue;
        };
        let name = match object.get("name").filter(|name| !name.is_null()) {
            Some(Value { at, node: Node::Text(name) }) => Some((*at, name.clone())),
            Some(other) => {
                let message = format!("`name` is {}; expected text", kind(other));
                cx.push(cx.error_at(other, Code::WrongType, message));
                continue;
            }
            None => None,
        };
        let Some((name_at, name)) = name else {
            let diagnostic = cx.error_at(&element, Code::InvalidName, format!("a service of {what} has no `name`"));
            cx.push(diagnostic.with_help("give it one: \"name\": \"…\""));
            continue;
        };
        out.push(Stated { name, name_at, value: alien::normal(element, Dialect::List), listed: true });
    }
    out
}

/// The one service of a text: by its `name`, else by that of the file.
fn single<'t>(cx: &mut Context<'_>, at: At, object: Object<'t>) -> Part<'t> {
    let stated = object.get("name").and_then(|name| Some((name.at, Cow::Owned(name.as_text()?.to_owned()))));
    let file = cx.text(at).source.name.as_str();
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = stem.split_once('.').map_or(stem, |(stem, _)| stem);
    let from_file = || (!stem.is_empty() && !stem.starts_with('<')).then(|| (at, Cow::Owned(stem.to_owned())));
    let Some((name_at, name)) = stated.or_else(from_file) else {
        let place = cx.place(At { end: at.start + 1, ..at });
        let diagnostic = Diagnostic::error(Code::InvalidName, "the service of this text has no `name`");
        cx.push(diagnostic.with_place(place).with_help("give it one: \"name\": \"…\""));
        return Part::default();
    };
    let value = alien::normal(Value { at, node: Node::Object(object) }, Dialect::Single);
    let name_at = if name_at == at { At { end: at.start + 1, ..at } } else { name_at };
    Part {
        dialect: Some(Dialect::Single),
        services: vec![Stated { name, name_at, value, listed: false }],
        ..Part::default()
    }
}

/// Says that there are no services, and what may have been meant.
fn no_servers(cx: &mut Context<'_>, at: At, object: &Object<'_>) {
    let mut diagnostic = Diagnostic::error(Code::NoServers, "there is no `mcpServers`");
    let known = ["mcpServers", "servers", "mcp_servers", "context_servers"];
    let meant = object.members.iter().find_map(|member| Some((member, near(&member.key, &known)?)));
    if let Some((member, _)) = meant {
        diagnostic = diagnostic
            .with_place(cx.place(member.key_at))
            .with_help(format!("rename `{}` to `mcpServers`", shown(&member.key)));
    } else {
        let help = match cx.text(at).format {
            Format::Json => "write { \"mcpServers\": { } }",
            Format::Toml => "write [mcpServers.NAME]",
            Format::Yaml => "write mcpServers: and the services below it",
        };
        diagnostic = diagnostic.with_place(cx.place(At { end: at.start + 1, ..at })).with_help(help);
    }
    cx.push(diagnostic);
}
