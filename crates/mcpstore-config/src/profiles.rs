//! `profiles`: named choices of services.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_types::{ServiceName, ViewSpec};

use crate::context::Context;
use crate::depends::{Names, nearest_service};
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{Field, entry, fields, get};
use crate::gateway::NOWHERE;
use crate::tools::of_view;
use crate::tree::Value;
use crate::values::{nonempty, object, text, text_list};
use crate::words::PROFILE;
use crate::{Code, Config};

/// The longest name that is a part of a path here.
const MAX_SEGMENT: usize = 64;

/// A named choice of services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The services in it that there are, by name. Those that were left out are among them.
    pub services: BTreeSet<ServiceName>,
    /// What it is for.
    pub description: Option<String>,
}

/// Reads `profiles`, and what clients of the gateway see of them. `config` has its services and its gateway already.
pub(crate) fn read(
    cx: &mut Context<'_>,
    value: &Value<'_>,
    config: &Config,
    names: &Names,
    broken: &BTreeSet<usize>,
) -> (BTreeMap<String, Profile>, Vec<ViewSpec>) {
    let mut out = BTreeMap::new();
    let mut views = BTreeMap::new();
    let Some(object) = object(cx, "profiles", value) else { return (out, Vec::new()) };
    for field in fields(cx, object) {
        let place = cx.place(field.key_at);
        if field.key.trim().is_empty() {
            cx.push(Diagnostic::error(Code::Empty, "the name of a profile is empty").with_place(place));
            continue;
        }
        let before = cx.sink.errors();
        if let Some((profile, allow, deny)) = profile(cx, field.value, config, names) {
            if profile.services.is_empty() && cx.sink.errors() == before {
                let message = format!("profile `{}` chooses no service", shown(field.key));
                let diagnostic = Diagnostic::warning(Code::EmptyProfile, message).with_place(place);
                cx.push(diagnostic.with_help("name services, or `tag:WORD`: \"services\": [\"…\"]"));
            }
            if config.gateway.listen.as_deref() != Some(NOWHERE) && !is_segment(field.key) {
                unserved(cx, field);
            }
            if cx.sink.errors() == before && !field.value.stands_in(broken) {
                let (name, services) = (field.key.to_owned(), profile.services.clone());
                views.insert(field.key, ViewSpec { name, services, allow, deny });
            }
            out.insert(field.key.to_owned(), profile);
        }
    }
    (out, views.into_values().collect())
}

/// True for a name that can be the last part of a path as it is.
fn is_segment(name: &str) -> bool {
    (1..=MAX_SEGMENT).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        // Those mean another path.
        && !matches!(name, "." | "..")
}

fn unserved(cx: &mut Context<'_>, field: Field<'_>) {
    let message = format!("no path of the gateway leads to profile `{}`", shown(field.key));
    let diagnostic = Diagnostic::warning(Code::UnservedProfile, message).with_place(cx.place(field.key_at));
    cx.push(diagnostic.with_help(format!("name it with 1 to {MAX_SEGMENT} letters, digits, `-`, `_` and `.`")));
}

/// A profile, and which exposed tools it allows and denies.
type Parts = (Profile, Vec<String>, Vec<String>);

fn profile(cx: &mut Context<'_>, value: &Value<'_>, config: &Config, names: &Names) -> Option<Parts> {
    let mut out = Profile::default();
    let object = object(cx, "a profile", value)?;
    let inner = entry(cx, object, &PROFILE);
    out.description =
        get(&inner, "description").and_then(|field| text(cx, "description", field.value)).map(str::to_owned);
    let (allow, deny) = get(&inner, "tools").map_or_else(Default::default, |field| of_view(cx, field));
    let Some(services) = get(&inner, "services") else { return Some((out, allow, deny)) };
    for (found, value) in text_list(cx, "services", services.value) {
        let Some(found) = nonempty(cx, "an element of services", value).filter(|text| *text == found) else { continue };
        if let Some(tag) = found.strip_prefix("tag:") {
            let tagged = config.services.iter().filter(|spec| spec.tags.iter().any(|known| known == tag));
            let before = out.services.len();
            out.services.extend(tagged.map(|spec| spec.name.clone()));
            if out.services.len() == before && !config.services.iter().any(|s| s.tags.iter().any(|known| known == tag))
            {
                let message = format!("no service has the tag `{}`", shown(tag));
                let place = cx.place(value.at);
                cx.push(Diagnostic::warning(Code::EmptyProfile, message).with_place(place));
            }
            continue;
        }
        match names.get(found) {
            Some(name) => {
                out.services.insert(name.clone());
            }
            None => {
                let message = format!("unknown service `{}` in a profile", shown(found));
                let mut diagnostic = cx.error_at(value, Code::UnknownProfileService, message);
                diagnostic.help = nearest_service(cx, found, names).map(|name| format!("did you mean `{name}`?"));
                cx.push(diagnostic);
            }
        }
    }
    Some((out, allow, deny))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_a_path() {
        for name in ["a", "my-work_2", "v1.0", "...", &"x".repeat(MAX_SEGMENT)] {
            assert!(is_segment(name), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "é", "a%20b", &"x".repeat(MAX_SEGMENT + 1)] {
            assert!(!is_segment(name), "{name}");
        }
    }
}
