//! Names that differ in nothing but capitals.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::merge::Entry;

pub(super) fn check(cx: &mut Context<'_>, entries: &[(ServiceName, Entry<'_>)]) {
    let mut first: BTreeMap<String, &(ServiceName, Entry<'_>)> = BTreeMap::new();
    for this in entries {
        let (name, entry) = this;
        let Some((other, earlier)) = first.get(&name.as_str().to_ascii_lowercase()) else {
            first.insert(name.as_str().to_ascii_lowercase(), this);
            continue;
        };
        let message = format!("`{name}` and `{other}` differ in nothing but capitals");
        let related = cx.place(earlier.name_at);
        let diagnostic = Diagnostic::warning(Code::SimilarName, message).with_place(cx.place(entry.name_at));
        cx.push(
            diagnostic.with_service(Some(name.clone())).with_related(related, "the other one").with_help(
                "rename one of them; if they are the same service, write its name the same way in both places",
            ),
        );
    }
}
