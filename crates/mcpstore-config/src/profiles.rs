//! `profiles`: named choices of services.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_types::ServiceName;

use crate::context::Context;
use crate::depends::{Names, nearest_service};
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{entry, fields, get};
use crate::tree::Value;
use crate::values::{nonempty, object, text, text_list};
use crate::words::PROFILE;
use crate::{Code, Config};

/// A named choice of services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The services in it that there are, by name. Those that were left out are among them.
    pub services: BTreeSet<ServiceName>,
    /// What it is for.
    pub description: Option<String>,
}

/// Reads `profiles`. `config` has its services already.
pub(crate) fn read(
    cx: &mut Context<'_>,
    value: &Value<'_>,
    config: &Config,
    names: &Names,
) -> BTreeMap<String, Profile> {
    let mut out = BTreeMap::new();
    let Some(object) = object(cx, "profiles", value) else { return out };
    for field in fields(cx, object) {
        let place = cx.place(field.key_at);
        if field.key.trim().is_empty() {
            cx.push(Diagnostic::error(Code::Empty, "the name of a profile is empty").with_place(place));
            continue;
        }
        let before = cx.sink.errors();
        if let Some(profile) = profile(cx, field.value, config, names) {
            if profile.services.is_empty() && cx.sink.errors() == before {
                let message = format!("profile `{}` chooses no service", shown(field.key));
                let diagnostic = Diagnostic::warning(Code::EmptyProfile, message).with_place(place);
                cx.push(diagnostic.with_help("name services, or `tag:WORD`: \"services\": [\"…\"]"));
            }
            out.insert(field.key.to_owned(), profile);
        }
    }
    out
}

fn profile(cx: &mut Context<'_>, value: &Value<'_>, config: &Config, names: &Names) -> Option<Profile> {
    let mut out = Profile::default();
    let object = object(cx, "a profile", value)?;
    let inner = entry(cx, object, &PROFILE);
    out.description =
        get(&inner, "description").and_then(|field| text(cx, "description", field.value)).map(str::to_owned);
    let Some(services) = get(&inner, "services") else { return Some(out) };
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
    Some(out)
}
