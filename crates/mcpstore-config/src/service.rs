//! The entry of one service.

use mcpstore_types::{Era, EraChoice, ServiceName, ServiceSpec};

use crate::context::Context;
use crate::defaults::Defaults;
use crate::depends::{Names, dependencies};
use crate::diagnostic::Diagnostic;
use crate::fields::{Field, entry, get};
use crate::probe::wait_for;
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
        ..ServiceSpec::new(name.clone(), transport)
    });
    Read { spec, dependencies: places }
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
