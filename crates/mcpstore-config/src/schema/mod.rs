//! The JSON Schema of a config, for editors. The structs below exist for it alone: reading is done elsewhere, by hand, with
//! places. Tests hold the two together.

mod alerts;
mod exposure;
mod policy;
mod service;
mod text;
mod tidy;
mod top;

#[cfg(test)]
mod tests;

use schemars::generate::SchemaSettings;

use crate::Plain;

/// The JSON Schema of a config (draft 7, which every editor takes), as JSON text with a line end.
///
/// It covers the texts in which the services stand in `mcpServers` or `servers`. Keys that it does not name are allowed, as
/// clients add their own. The same text each time.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = generator.into_root_schema_for::<top::Top>();
    let mut text = tidy::tidy(tidy::plain(schema.as_value())).pretty();
    text.push('\n');
    text
}

/// A duration as a config states it.
fn duration(duration: std::time::Duration) -> String {
    humantime::format_duration(duration).to_string()
}
