//! Services that are to rest, and are kept up by others.

use std::collections::BTreeMap;

use mcpstore_types::{DepKind, ServiceName, ServiceSpec, StartMode};

use super::Service;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::get;
use crate::{Code, Config, Place};

/// Of each service the first one that keeps it from resting, with the place of the dependency.
#[derive(Default)]
pub(super) struct Keepers<'a> {
    /// Who starts it with the manager.
    starters: BTreeMap<&'a ServiceName, (&'a ServiceName, Place)>,
    /// Who needs it, and does not stop of its own accord.
    users: BTreeMap<&'a ServiceName, (&'a ServiceName, Place)>,
}

impl<'a> Keepers<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        let mut out = Self::default();
        for spec in config.services.iter().filter(|spec| spec.enabled) {
            let places = config.origins.get(&spec.name).map_or(&[][..], |origin| &origin.dependency_spans);
            for (dependency, place) in spec.dependencies.iter().zip(places) {
                if dependency.kind.pulls_in() && spec.start == StartMode::Eager {
                    out.starters.entry(&dependency.on).or_insert((&spec.name, *place));
                }
                let needs = matches!(dependency.kind, DepKind::Requires | DepKind::BindsTo);
                if needs && spec.idle_stop.is_none() {
                    out.users.entry(&dependency.on).or_insert((&spec.name, *place));
                }
            }
        }
        out
    }

    /// Tells of what this service states and cannot have. What stands in `defaults` alone is not told: it is meant for others.
    pub(super) fn check(&self, cx: &mut Context<'_>, service: &Service<'_>, spec: &ServiceSpec) {
        let name = service.name;
        let mut tell = |key: &str, message: String, (other, place): (&ServiceName, Place), help: String| {
            let Some(field) = get(&service.fields, key) else { return };
            let diagnostic = Diagnostic::warning(Code::NeverRests, message).with_place(cx.place(field.value.at));
            cx.push(diagnostic.with_related(place, format!("`{other}` depends on it here")).with_help(help));
        };
        if let Some(starter) = self.starters.get(name).filter(|_| spec.start == StartMode::Lazy) {
            let other = starter.0;
            let message = format!("`{name}` is lazy, and `{other}`, which starts with the manager, starts it");
            tell("start", message, *starter, format!("make `{other}` lazy too, or take `start` out"));
        }
        if let Some(user) = self.users.get(name).filter(|_| spec.idle_stop.is_some()) {
            let other = user.0;
            let message = format!("`{name}` is to stop without use, and `{other}`, which needs it, does not");
            tell("idleStop", message, *user, format!("give `{other}` an `idleStop` too, or take it out here"));
        }
    }
}
