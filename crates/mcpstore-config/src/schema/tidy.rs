//! The generated schema, made fit for editors and stable.

use super::Plain;

/// A JSON value as ours, whose text does not depend on what a build turned on elsewhere.
pub(super) fn plain(value: &serde_json::Value) -> Plain {
    use serde_json::Value;
    match value {
        Value::Null => Plain::Null,
        Value::Bool(value) => Plain::Bool(*value),
        Value::Number(number) => Plain::Number(number.to_string()),
        Value::String(text) => Plain::text(text),
        Value::Array(list) => Plain::List(list.iter().map(plain).collect()),
        Value::Object(members) => {
            Plain::Object(members.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
    }
}

/// Sorted, and without what says nothing to an editor: formats of Rust's numbers, and a choice between an object and `null`,
/// which the object's own type says already.
pub(super) fn tidy(value: Plain) -> Plain {
    each(value).sorted()
}

fn each(value: Plain) -> Plain {
    match value {
        Plain::Object(members) => {
            let members = members.into_iter().filter(|(key, value)| !is_number_format(key, value));
            Plain::Object(members.map(|(key, value)| without_choice(key, each(value))).collect())
        }
        Plain::List(list) => Plain::List(list.into_iter().map(each).collect()),
        other => other,
    }
}

fn is_number_format(key: &str, value: &Plain) -> bool {
    key == "format" && matches!(value, Plain::Text(text) if text.starts_with("uint") || text == "double")
}

/// `anyOf` of a reference and `null` becomes the reference; in draft 7 one stands alone, so within `allOf`.
fn without_choice(key: String, value: Plain) -> (String, Plain) {
    let Plain::List(list) = &value else { return (key, value) };
    let [reference, null] = list.as_slice() else { return (key, value) };
    let is_null = null.get("type") == Some(&Plain::text("null"));
    if key == "anyOf" && is_null && reference.get("$ref").is_some() {
        ("allOf".to_owned(), Plain::List(vec![reference.clone()]))
    } else {
        (key, value)
    }
}
