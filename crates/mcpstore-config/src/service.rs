//! The entry of one service.

use std::time::Duration;

use mcpstore_types::{Era, EraChoice, Isolation, ServiceName, ServiceSpec, StartMode};

use crate::context::Context;
use crate::defaults::Defaults;
use crate::depends::{Names, dependencies};
use crate::diagnostic::Diagnostic;
use crate::duration::duration;
use crate::fields::{Field, entry, get};
use crate::policy::set;
use crate::probe::wait_for;
use crate::tools::tools;
use crate::transport::transport;
use crate::tree::{Node, Value};
use crate::values::{boolean, nonempty, object, text, text_list, word, wrong_type};
use crate::words::SERVICE;
use crate::{Code, Place, policy};

/// The words for `era`.
const ERAS: [(&str, EraChoice); 3] = [
    ("auto", EraChoice::Auto),
    ("handshake", EraChoice::Only(Era::Handshake)),
    ("stateless", EraChoice::Only(Era::Stateless)),
];

/// The words for `isolation`.
const ISOLATION: [(&str, Isolation); 3] = [
    (Isolation::Auto.as_str(), Isolation::Auto),
    (Isolation::Shared.as_str(), Isolation::Shared),
    (Isolation::PerSession.as_str(), Isolation::PerSession),
];

/// The words for `start`.
const START: [(&str, StartMode); 2] =
    [(StartMode::Eager.as_str(), StartMode::Eager), (StartMode::Lazy.as_str(), StartMode::Lazy)];

/// The shortest `idleStop`.
const MIN_IDLE: Duration = Duration::from_secs(1);

/// What an entry gave.
pub(crate) struct Read {
    /// The spec; `None` when the entry has an error.
    pub(crate) spec: Option<ServiceSpec>,
    /// The place of each dependency of the spec.
    pub(crate) dependencies: Vec<Place>,
}

/// Reads the entry of `name`; `defaults` is what holds where the entry says nothing.
pub(crate) fn service(
    cx: &mut Context<'_>,
    name: &ServiceName,
    at: Place,
    value: &Value<'_>,
    defaults: &Defaults,
    names: &Names,
) -> Read {
    let before = cx.sink.errors();
    let object = match &value.node {
        Node::Text(_) => {
            let help = "write an object with `command` and `args`, or with `url`";
            wrong_type(cx, name.as_str(), value, "an object", Some(help));
            None
        }
        _ => object(cx, name.as_str(), value),
    };
    let Some(object) = object else {
        return Read { spec: None, dependencies: Vec::new() };
    };
    let entry = entry(cx, object, &SERVICE);
    let transport = transport(cx, &entry, at, defaults);
    let era = era(cx, &entry).unwrap_or(defaults.era);
    let mut policy = defaults.policy.clone();
    policy::apply(cx, &entry, &mut policy);
    let tools = tools(cx, &entry, defaults.expose);
    let Use { isolation, start, idle_stop } = usage(cx, &entry, defaults.usage);
    let enabled = enabled(cx, &entry);
    let tags = get(&entry, "tags").map_or_else(Vec::new, |field| tags(cx, field));
    let description =
        get(&entry, "description").and_then(|field| text(cx, "description", field.value)).map(str::to_owned);
    let (dependencies, places) = get(&entry, "dependsOn")
        .map_or_else(Vec::new, |field| dependencies(cx, name, field, names))
        .into_iter()
        .unzip();
    let wait_for = get(&entry, "waitFor").map_or_else(Vec::new, |field| wait_for(cx, field));
    let good = cx.sink.errors() == before;
    let spec = transport.filter(|_| good).map(|transport| ServiceSpec {
        era,
        dependencies,
        wait_for,
        policy,
        enabled,
        tags,
        description,
        tools,
        isolation,
        start,
        idle_stop,
        ..ServiceSpec::new(name.clone(), transport)
    });
    Read { spec, dependencies: places }
}

/// When its server is there, and for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) isolation: Isolation,
    pub(crate) start: StartMode,
    pub(crate) idle_stop: Option<Duration>,
}

/// Reads `isolation`, `start` and `idleStop`; what is not said stays as it is in `out`.
pub(crate) fn usage(cx: &mut Context<'_>, entry: &[Field<'_>], mut out: Use) -> Use {
    if let Some(field) = get(entry, "isolation") {
        set(&mut out.isolation, word(cx, "isolation", field.value, &ISOLATION));
    }
    if let Some(field) = get(entry, "start") {
        set(&mut out.start, word(cx, "start", field.value, &START));
    }
    if let Some(field) = get(entry, "idleStop") {
        match &field.value.node {
            Node::Bool(false) => out.idle_stop = None,
            Node::Text(word) if word == "off" => out.idle_stop = None,
            Node::Bool(true) => {
                let help = "write after how long, for example \"10m\"";
                wrong_type(cx, "idleStop", field.value, "a duration or \"off\"", Some(help));
            }
            _ => out.idle_stop = duration(cx, "idleStop", field, MIN_IDLE).or(out.idle_stop),
        }
    }
    out
}

/// Which era an entry asks for; `None` when it says nothing.
pub(crate) fn era(cx: &mut Context<'_>, entry: &[Field<'_>]) -> Option<EraChoice> {
    get(entry, "era").and_then(|field| word(cx, "era", field.value, &ERAS))
}

/// `enabled`, and `disabled` of other clients.
fn enabled(cx: &mut Context<'_>, entry: &[Field<'_>]) -> bool {
    let mut read = |key: &str| {
        let field = get(entry, key)?;
        Some((boolean(cx, key, field.value)?, field))
    };
    let (ours, theirs) = (read("enabled"), read("disabled"));
    if let (Some((true, ours)), Some((true, theirs))) = (ours, theirs) {
        let (here, there) = (cx.place(theirs.key_at), cx.place(ours.key_at));
        let message = "both `enabled` and `disabled`; the service counts as disabled";
        let diagnostic = Diagnostic::warning(Code::Contradiction, message).with_place(here);
        cx.push(diagnostic.with_related(there, "contradicts this").with_help("keep one of the two"));
    }
    ours.is_none_or(|(enabled, _)| enabled) && !theirs.is_some_and(|(disabled, _)| disabled)
}

/// The tags, each once, in the order of the text.
fn tags(cx: &mut Context<'_>, field: Field<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (tag, value) in text_list(cx, "tags", field.value) {
        if let Some(tag) = nonempty(cx, "an element of tags", value).filter(|_| !out.iter().any(|known| known == tag)) {
            out.push(tag.to_owned());
        }
    }
    out
}
