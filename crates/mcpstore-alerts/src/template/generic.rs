//! The alert itself, every field: for programs.

use serde::Serialize;
use serde_json::Value;

use crate::alert::Alert;

/// The name of this shape. A field is added without a new one; nothing is taken away or changed.
const SCHEMA: &str = "mcpstore.alert/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    key: String,
    #[serde(flatten)]
    alert: &'a Alert,
}

pub(crate) fn body(alert: &Alert) -> Value {
    // Nothing in it can fail: its maps have text for keys, and numbers that JSON has not become null.
    serde_json::to_value(Document { schema: SCHEMA, key: alert.key(), alert }).unwrap_or_default()
}
