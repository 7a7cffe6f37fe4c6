//! Tools for people: what each takes, out of its input schema.

use serde_json::Value;
use serde_json::value::RawValue;

use super::table::{finish, new_table};
use super::{Term, ToolRow, clean_line};

/// How deep references inside a schema are followed.
const MAX_REFERENCES: usize = 16;

/// One argument of a tool, as its schema lists it. As the server wrote it: clean it before it meets a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Its name.
    pub(crate) name: String,
    /// Its JSON types, at least one; `any` when the schema names none.
    pub(crate) types: Vec<String>,
    /// A call without it is an error.
    pub(crate) required: bool,
    description: Option<String>,
}

/// The arguments that a schema lists: those that are required first, else as written.
pub(crate) fn arguments_of(schema: &RawValue) -> Vec<Argument> {
    let root: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    let required: Vec<&str> = root["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut out: Vec<Argument> = root["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let mut types = Vec::new();
            collect_types(&root, property, MAX_REFERENCES, &mut types);
            if types.is_empty() {
                types.push("any".to_owned());
            }
            let description = property["description"].as_str().map(str::to_owned);
            Argument { name: name.clone(), types, required: required.contains(&name.as_str()), description }
        })
        .collect();
    // The map is sorted by name; the order of `required` is the author's.
    let rank = |name: &str| required.iter().position(|known| *known == name).unwrap_or(usize::MAX);
    out.sort_by_key(|argument| rank(&argument.name));
    out
}

/// True when the schema says that nothing beside its properties is taken, or says nothing about it.
pub(crate) fn is_closed(schema: &RawValue) -> bool {
    let root: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    let listed = root["properties"].as_object().is_some_and(|properties| !properties.is_empty());
    let open = !matches!(root["additionalProperties"], Value::Null | Value::Bool(false));
    let elsewhere = ["patternProperties", "$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| root.get(key).is_some());
    listed && !open && !elsewhere
}

/// The types a property may have, each once. A reference that leads nowhere, or a text of a schema, may be anything.
fn collect_types(root: &Value, schema: &Value, references: usize, out: &mut Vec<String>) {
    let mut add = |word: &str| {
        if !out.iter().any(|known| known == word) {
            out.push(word.to_owned());
        }
    };
    if references == 0 {
        return add("any");
    }
    if let Some(target) = schema["$ref"].as_str() {
        match target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(found) => collect_types(root, found, references - 1, out),
            None => add("any"),
        }
        return;
    }
    match &schema["type"] {
        Value::String(word) => return add(word),
        Value::Array(words) if !words.is_empty() => return words.iter().filter_map(Value::as_str).for_each(add),
        _ => {}
    }
    let listed = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
    for value in listed {
        add(kind(value));
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for option in schema[key].as_array().into_iter().flatten() {
            collect_types(root, option, references - 1, out);
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Tools, one a row; `wide` has what they take too: `name:type`, with a `?` when it may be left out.
pub(crate) fn tools_table(tools: &[ToolRow], wide: bool, term: &Term) -> String {
    let header: &[&str] =
        if wide { &["SERVICE", "TOOL", "ARGUMENTS", "DESCRIPTION"] } else { &["SERVICE", "TOOL", "DESCRIPTION"] };
    let mut table = new_table(header, term);
    for tool in tools {
        let mut cells = vec![clean_line(&tool.service), clean_line(&tool.name)];
        if wide {
            cells.push(arguments_line(&tool.input_schema));
        }
        cells.push(clean_line(tool.description.as_deref().unwrap_or("-")));
        table.add_row(cells);
    }
    finish(&mut table)
}

fn arguments_line(schema: &RawValue) -> String {
    let words: Vec<String> = arguments_of(schema)
        .iter()
        .map(|argument| {
            let optional = if argument.required { "" } else { "?" };
            format!("{}:{}{optional}", argument.name, argument.types.join("|"))
        })
        .collect();
    if words.is_empty() { "-".to_owned() } else { clean_line(&words.join(" ")) }
}

/// One tool in full.
pub(crate) fn tool_text(tool: &ToolRow) -> String {
    let mut out = format!("{}.{}\n", clean_line(&tool.service), clean_line(&tool.name));
    if let Some(description) = &tool.description {
        out.push_str(&format!("  {}\n", clean_line(description)));
    }
    let arguments = arguments_of(&tool.input_schema);
    if arguments.is_empty() {
        out.push_str("  takes no arguments\n");
        return out;
    }
    let rows: Vec<[String; 3]> = arguments
        .iter()
        .map(|argument| {
            let optional = if argument.required { "" } else { "?" };
            let description = argument.description.as_deref().map_or_else(String::new, clean_line);
            [clean_line(&argument.name), format!("{}{optional}", clean_line(&argument.types.join("|"))), description]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for [name, types, description] in &rows {
        out.push_str(format!("  {name:<first$}  {types:<second$}  {description}").trim_end());
        out.push('\n');
    }
    if rows.iter().any(|row| row[1].ends_with('?')) {
        out.push_str("  (? may be left out)\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn tool(schema: &str) -> ToolRow {
        ToolRow {
            service: "clock".into(),
            name: "add_seconds".into(),
            description: Some("The time so many\nseconds after".into()),
            input_schema: RawValue::from_string(schema.to_owned()).unwrap(),
        }
    }

    const SCHEMA: &str = r##"{ "type": "object", "required": ["time", "seconds"], "properties": {
        "at": { "$ref": "#/$defs/At" }, "free": {}, "level": { "enum": [1, 2, "high"] }, "loop": { "$ref": "#/properties/loop" },
        "maybe": { "anyOf": [{ "type": "integer" }, { "type": "null" }] }, "seconds": { "type": "integer", "description": "how\u001b[31m many" },
        "time": { "type": "string" } }, "$defs": { "At": { "type": "object" } } }"##;

    #[test]
    fn what_a_tool_takes_is_read_from_its_schema() {
        expect![[r#"
            SERVICE  TOOL         ARGUMENTS                                                                                            DESCRIPTION
            clock    add_seconds  time:string seconds:integer at:object? free:any? level:number|string? loop:any? maybe:integer|null?  The time so many seconds after
            clock    add_seconds  -                                                                                                    The time so many seconds after
        "#]]
        .assert_eq(&tools_table(&[tool(SCHEMA), tool("{}")], true, &Term::PLAIN));
        expect![[r#"
            clock.add_seconds
              The time so many seconds after
              time     string
              seconds  integer         how many
              at       object?
              free     any?
              level    number|string?
              loop     any?
              maybe    integer|null?
              (? may be left out)
        "#]]
        .assert_eq(&tool_text(&tool(SCHEMA)));
        assert!(tool_text(&tool("[]")).ends_with("takes no arguments\n"));
    }

    #[test]
    fn a_schema_that_lists_all_is_closed() {
        let closed = |text: &str| is_closed(&RawValue::from_string(text.to_owned()).unwrap());
        assert!(closed(SCHEMA) && closed(r#"{ "properties": { "a": {} }, "additionalProperties": false }"#));
        assert!(!closed("{}") && !closed(r#"{ "properties": { "a": {} }, "additionalProperties": {} }"#));
        assert!(!closed(r#"{ "properties": { "a": {} }, "allOf": [] }"#) && !closed("3"));
    }
}
