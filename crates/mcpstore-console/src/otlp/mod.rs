//! Metrics and spans pushed to an OpenTelemetry collector, as OTLP over HTTP in JSON.
//!
//! Written by hand: our numbers are summed up already, and the SDK of OpenTelemetry takes none that it did not sum up itself.
//! What is pushed is what stands on the metrics page, so the names are the same everywhere.

mod client;
mod metrics;
mod page;
mod push;
mod span;
mod tracer;

pub use client::OtlpError;
pub use push::{Otlp, OtlpConfig, OtlpStats, Pusher};
pub use span::CallSpan;
pub use tracer::Tracer;

use serde::Serialize;

/// A label, as OTLP has it.
#[derive(Debug, Serialize)]
struct Attribute {
    key: String,
    value: StringValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StringValue {
    string_value: String,
}

impl Attribute {
    fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: StringValue { string_value: value.into() } }
    }
}

/// Who sends.
#[derive(Debug, Serialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

/// Which part of who sends.
#[derive(Debug, Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

const SCOPE: Scope = Scope { name: "mcpstore", version: env!("CARGO_PKG_VERSION") };

impl Resource {
    /// This manager (source: OpenTelemetry semantic conventions, service attributes).
    fn of(instance: &str) -> Self {
        Self {
            attributes: vec![
                Attribute::new("service.name", "mcpstore"),
                Attribute::new("service.version", env!("CARGO_PKG_VERSION")),
                Attribute::new("service.instance.id", instance),
            ],
        }
    }
}
