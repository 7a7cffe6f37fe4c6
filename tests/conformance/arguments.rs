//! Arguments and answers that fit a schema.

use serde_json::{Map, Value, json};

/// An object with every property that a schema requires.
pub(crate) fn of(schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let properties = required.map(|name| (name.to_owned(), value(&schema["properties"][name])));
    Value::Object(properties.collect())
}

/// An object with the default of every property that has one.
pub(crate) fn defaults(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let with = properties.filter_map(|(name, property)| Some((name.clone(), property.get("default")?.clone())));
    Value::Object(with.collect::<Map<_, _>>())
}

fn value(schema: &Value) -> Value {
    if let Some(default) = schema.get("default").or_else(|| schema["enum"].get(0)) {
        return default.clone();
    }
    match schema["type"].as_str() {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        Some("null") => Value::Null,
        Some(_) | None => json!("text"),
    }
}
