//! The names of services: each must be good, and no two may be mistaken for each other.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;

use crate::context::Context;
use crate::depends::name_error;
use crate::dialect::Stated;
use crate::tree::{At, Value};
use crate::{Code, Diagnostic};

/// The services of one text whose names are good. Of a name that stands twice the last one counts.
pub(crate) fn checked<'t>(cx: &mut Context<'_>, stated: Vec<Stated<'t>>) -> Vec<(ServiceName, At, Value<'t>)> {
    let mut out: Vec<(ServiceName, At, Value<'t>)> = Vec::with_capacity(stated.len());
    let mut seen: BTreeMap<ServiceName, usize> = BTreeMap::new();
    for Stated { name, name_at, value, listed } in stated {
        let name = match ServiceName::new(name.as_ref()) {
            Ok(name) => name,
            Err(error) => {
                cx.push(Diagnostic::error(Code::InvalidName, name_error(&error)).with_place(cx.place(name_at)));
                continue;
            }
        };
        if let Some(&earlier) = seen.get(&name) {
            let first = cx.place(out[earlier].1);
            let message = match listed {
                true => format!("two services are called `{name}`; the last one counts"),
                false => format!("`{name}` stands twice; the last one counts"),
            };
            let diagnostic = Diagnostic::warning(Code::DuplicateKey, message).with_place(cx.place(name_at));
            cx.push(diagnostic.with_related(first, "this one is ignored"));
            out[earlier] = (name, name_at, value);
        } else {
            seen.insert(name.clone(), out.len());
            out.push((name, name_at, value));
        }
    }
    out
}
