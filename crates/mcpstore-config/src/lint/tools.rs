//! Tools of two services under one name.

use std::collections::BTreeMap;

use mcpstore_types::{ServiceName, ServiceSpec};

use super::Service;
use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::{get, known};
use crate::tree::At;
use crate::words::TOOLS;

/// Which service gave a name to a tool first, and where.
#[derive(Default)]
pub(super) struct Names<'a>(BTreeMap<&'a str, (&'a ServiceName, At)>);

impl<'a> Names<'a> {
    pub(super) fn check(&mut self, cx: &mut Context<'_>, service: &Service<'a>, spec: &'a ServiceSpec) {
        let Some(object) = get(&service.fields, "tools").and_then(|field| field.value.as_object()) else { return };
        let inner = known(cx, object, &TOOLS);
        let Some(rename) = get(&inner, "rename").and_then(|field| field.value.as_object()) else { return };
        for member in &rename.members {
            let value = &member.value;
            let read = spec.tools.rename.get(member.key.as_ref());
            let Some(name) = read.filter(|name| value.as_text() == Some(name) && spec.tools.offers(&member.key)) else {
                continue;
            };
            let Some((other, first)) = self.0.get(name.as_str()) else {
                self.0.insert(name, (service.name, value.at));
                continue;
            };
            let message = format!("`{other}` and `{}` both have a tool that is renamed to `{name}`", service.name);
            let diagnostic = Diagnostic::warning(Code::SameToolName, message).with_place(cx.place(value.at));
            let diagnostic = diagnostic.with_related(cx.place(*first), "the other one");
            cx.push(diagnostic.with_help("give one of them another name; as it is, none has this one"));
        }
    }
}
