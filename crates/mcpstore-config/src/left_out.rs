//! The diagnostic of a service that is left out because of another one.

use mcpstore_types::ServiceName;

use crate::{Code, Config, Diagnostic};

/// A warning at `service`'s entry: it is left out, because it cannot be without `on`, which is left out.
#[must_use]
pub fn left_out_diagnostic(config: &Config, service: &ServiceName, on: &ServiceName) -> Diagnostic {
    let message = format!("service `{service}` is left out: it cannot be without `{on}`, which is left out");
    let mut diagnostic =
        Diagnostic::warning(Code::LeftOutDependency, message).with_service(Some(service.clone())).with_help(format!(
            "mend `{on}`, or let `{service}` merely want it: {{ \"on\": \"{on}\", \"kind\": \"wants\" }}"
        ));
    if let Some(origin) = config.origins.get(service) {
        let dependency = config
            .services
            .iter()
            .find(|spec| spec.name == *service)
            .and_then(|spec| spec.dependencies.iter().position(|d| d.on == *on))
            .and_then(|index| origin.dependency_spans.get(index));
        diagnostic = diagnostic.with_place(dependency.copied().unwrap_or_else(|| origin.place()));
    }
    diagnostic
}
