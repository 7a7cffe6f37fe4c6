//! The arguments of a call, as typed: `k=v`, `k:=JSON`, `k=@FILE`.

use std::collections::BTreeMap;
use std::io::Read as _;

use mcpstore::types::suggestion;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde::ser::SerializeMap as _;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::control::protocol::MAX_LINE;
use crate::exit::{Exit, Failure};
use crate::output::{Argument, arguments_of, is_closed};

/// How much of a wrong value is repeated, in characters.
const SHOWN: usize = 40;

/// How deep references inside a schema are followed.
const MAX_REFERENCES: usize = 16;

/// The arguments as one JSON object, each value by what the tool's schema asks for; numbers keep their digits.
///
/// # Errors
/// [`Exit::Usage`]: a pair without `=`, a key that comes twice, JSON that is none, a file that cannot be read, a text that
/// is no number where only one is taken.
pub(super) fn object(pairs: &[String], schema: Option<&RawValue>) -> Result<Box<RawValue>, Failure> {
    let listed = schema.map(arguments_of).unwrap_or_default();
    let schema = schema.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null);
    let mut fields: Vec<(String, Box<RawValue>)> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let (key, value) = field(pair, &schema, &listed)?;
        if fields.iter().any(|(known, _)| *known == key) {
            return Err(usage(format!("the argument `{key}` is given twice")));
        }
        fields.push((key, value));
    }
    to_raw_value(&Fields(&fields)).map_err(|error| usage(format!("the arguments cannot be written: {error}")))
}

/// All arguments as they are: JSON, or `@FILE` with JSON in it.
///
/// # Errors
/// [`Exit::Usage`]: it is no JSON object.
pub(super) fn whole(text: &str) -> Result<Box<RawValue>, Failure> {
    let text = from_file(text)?;
    let raw = json(text.trim(), "the arguments")?;
    if raw.get().starts_with('{') { Ok(raw) } else { Err(usage("the arguments are no JSON object".to_owned())) }
}

struct Fields<'a>(&'a [(String, Box<RawValue>)]);

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn field(pair: &str, schema: &Value, listed: &[Argument]) -> Result<(String, Box<RawValue>), Failure> {
    let no_key = || usage(format!("`{pair}` is no argument; write k=v, k:=JSON or k=@FILE"));
    let (key, text) = pair.split_once('=').ok_or_else(no_key)?;
    let (key, forced) = key.strip_suffix(':').map_or((key, false), |key| (key, true));
    if key.is_empty() {
        return Err(no_key());
    }
    let text = from_file(text)?;
    if forced {
        return Ok((key.to_owned(), json(text.trim(), &format!("the argument `{key}`"))?));
    }
    if let Ok(raw) = RawValue::from_string(text.trim().to_owned())
        && let Ok(value) = serde_json::from_str::<Value>(raw.get())
        && asks_for(schema, property(schema, key), &value, MAX_REFERENCES)
    {
        return Ok((key.to_owned(), raw));
    }
    let argument = listed.iter().find(|known| known.name == key);
    // A number that is none of those listed: the server shall say which ones they are.
    let of_type = |known: &&Argument| {
        let value = serde_json::from_str::<Value>(text.trim());
        value.is_ok_and(|value| asks_for(schema, &json!({ "type": known.types }), &value, 1))
    };
    if let Some(expected) = argument.filter(|known| !of_type(known)).and_then(no_text) {
        let shown: String = text.chars().take(SHOWN).collect();
        return Err(usage(format!("the argument `{key}` takes {expected}, and `{shown}` is none")));
    }
    let raw = to_raw_value(&text).map_err(|error| usage(format!("the argument `{key}` cannot be written: {error}")))?;
    Ok((key.to_owned(), raw))
}

/// What an argument takes that takes no text, when that is a plain value; `None` when the server has to judge.
fn no_text(argument: &Argument) -> Option<String> {
    let word = |kind: &String| match kind.as_str() {
        "integer" => Some("an integer"),
        "number" => Some("a number"),
        "boolean" => Some("true or false"),
        "null" => Some("null"),
        _ => None,
    };
    let words: Option<Vec<&str>> = argument.types.iter().map(word).collect();
    words.map(|words| words.join(" or "))
}

/// Words about arguments that a tool does not take, with the nearest that it does. They are sent all the same: the schema
/// may be wrong, and the server decides.
pub(super) fn strangers(arguments: &RawValue, schema: Option<&RawValue>, tool: &str) -> Vec<String> {
    let Some(schema) = schema.filter(|schema| is_closed(schema)) else { return Vec::new() };
    let known: Vec<String> = arguments_of(schema).into_iter().map(|argument| argument.name).collect();
    let given: BTreeMap<String, IgnoredAny> = serde_json::from_str(arguments.get()).unwrap_or_default();
    given
        .keys()
        .filter(|key| !known.contains(key))
        .map(|key| {
            let hint = match suggestion(key, &known) {
                none if none.is_empty() => format!("; it takes {}", known.join(", ")),
                near => near,
            };
            format!("`{key}` is no argument of {tool}{hint}")
        })
        .collect()
}

fn property<'s>(schema: &'s Value, key: &str) -> &'s Value {
    match &schema["properties"][key] {
        Value::Null => &schema["additionalProperties"],
        found => found,
    }
}

/// True when the schema of a property names the JSON type of this value, which is no text. What it says nothing about is
/// text: that is what was typed.
fn asks_for(root: &Value, schema: &Value, value: &Value, references: usize) -> bool {
    if let Some(target) = schema["$ref"].as_str() {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return references > 0 && found.is_some_and(|found| asks_for(root, found, value, references - 1));
    }
    let fits = |word: &str| match word {
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => false,
    };
    let typed = match &schema["type"] {
        Value::String(word) => fits(word),
        Value::Array(words) => words.iter().filter_map(Value::as_str).any(fits),
        _ => false,
    };
    let listed = schema["enum"].as_array().is_some_and(|values| !value.is_string() && values.contains(value))
        || (!value.is_string() && schema.get("const") == Some(value));
    let one_of = |key: &str| {
        let options = schema[key].as_array();
        options.is_some_and(|options| {
            references > 0 && options.iter().any(|option| asks_for(root, option, value, references - 1))
        })
    };
    typed || listed || one_of("anyOf") || one_of("oneOf") || one_of("allOf")
}

/// The text itself, or what is in the file that `@FILE` names; `@-` is stdin.
fn from_file(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let bound = MAX_LINE as u64;
    let mut content = String::new();
    let read = if path == "-" {
        std::io::stdin().lock().take(bound).read_to_string(&mut content)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(bound).read_to_string(&mut content))
    };
    read.map_err(|error| usage(format!("`{path}` cannot be read: {error}")))?;
    Ok(content)
}

fn json(text: &str, what: &str) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text.to_owned()).map_err(|error| usage(format!("{what} cannot be read as JSON: {error}")))
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message).next("mcpstore call --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{ "type": "object", "properties": {
        "text": { "type": "string" }, "n": { "type": "integer" }, "x": { "type": "number" }, "on": { "type": "boolean" },
        "list": { "type": "array" }, "maybe": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
        "both": { "type": ["string", "null"] }, "level": { "enum": [1, 2, "high"] }, "spot": { "$ref": "#/$defs/Spot" },
        "loop": { "$ref": "#/properties/loop" }, "free": {}, "step": { "enum": [1, 2] } },
        "$defs": { "Spot": { "type": "object" } } }"##;

    fn parse(pairs: &[&str]) -> Result<String, String> {
        let schema = RawValue::from_string(SCHEMA.to_owned()).unwrap();
        let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        object(&pairs, Some(&schema)).map(|raw| raw.get().to_owned()).map_err(|failure| {
            assert_eq!(failure.exit, Exit::Usage);
            failure.message
        })
    }

    #[test]
    fn the_schema_decides() {
        let one = |pair: &str| parse(&[pair]).unwrap();
        assert_eq!(one("text=5"), r#"{"text":"5"}"#);
        assert_eq!(one("text=true"), r#"{"text":"true"}"#);
        assert_eq!(one("n=5"), r#"{"n":5}"#);
        assert_eq!(one("n=123456789012345678901234567890"), r#"{"n":123456789012345678901234567890}"#);
        assert_eq!(one("x=1.50"), r#"{"x":1.50}"#);
        assert_eq!(one("on=true"), r#"{"on":true}"#);
        assert_eq!(one("list=[1, \"a\"]"), r#"{"list":[1, "a"]}"#);
        assert_eq!(one("maybe=null"), r#"{"maybe":null}"#);
        assert_eq!(one("both=null"), r#"{"both":null}"#);
        assert_eq!(one("both=5"), r#"{"both":"5"}"#);
        assert_eq!((one("level=1"), one("level=high")), (r#"{"level":1}"#.into(), r#"{"level":"high"}"#.into()));
        assert_eq!(one(r#"spot={"a":1}"#), r#"{"spot":{"a":1}}"#);
        assert_eq!(one("loop=1"), r#"{"loop":"1"}"#, "references in a circle end");
        assert_eq!((one("free=1"), one("unknown=1")), (r#"{"free":"1"}"#.into(), r#"{"unknown":"1"}"#.into()));
        assert_eq!(one("text=a=b \"c\""), r#"{"text":"a=b \"c\""}"#);
        assert_eq!(parse(&["n=1", "text=", "on=false"]).unwrap(), r#"{"n":1,"text":"","on":false}"#);
    }

    #[test]
    fn json_can_be_forced_and_must_be_json_then() {
        assert_eq!(parse(&["free:=[1]", "text:=\"@x\""]).unwrap(), r#"{"free":[1],"text":"@x"}"#);
        assert!(parse(&["free:=[1"]).unwrap_err().contains("`free` cannot be read as JSON"));
    }

    #[test]
    fn text_is_refused_where_only_a_plain_value_is_taken() {
        assert_eq!(parse(&["n=5.5"]).unwrap_err(), "the argument `n` takes an integer, and `5.5` is none");
        assert_eq!(parse(&["x=much"]).unwrap_err(), "the argument `x` takes a number, and `much` is none");
        assert_eq!(parse(&["on=yes"]).unwrap_err(), "the argument `on` takes true or false, and `yes` is none");
        assert_eq!(parse(&["maybe="]).unwrap_err(), "the argument `maybe` takes an integer or null, and `` is none");
        assert_eq!(parse(&["step=3"]).unwrap(), r#"{"step":"3"}"#);
        assert_eq!(parse(&["n:=\"5.5\"", "list=x"]).unwrap(), r#"{"n":"5.5","list":"x"}"#, "the server shall judge");
    }

    #[test]
    fn strangers_are_told_with_the_nearest() {
        let schema = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let given = schema(r#"{"secnds":1,"zone":2,"time":3}"#);
        let closed = schema(r#"{"properties":{"time":{},"seconds":{}}}"#);
        assert_eq!(
            strangers(&given, Some(&closed), "clock.add"),
            [
                "`secnds` is no argument of clock.add; did you mean `seconds`?",
                "`zone` is no argument of clock.add; it takes seconds, time"
            ]
        );
        let open = schema(r#"{"properties":{"time":{}},"additionalProperties":true}"#);
        assert!(strangers(&given, Some(&open), "t").is_empty() && strangers(&given, None, "t").is_empty());
    }

    #[test]
    fn files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.txt");
        std::fs::write(&path, "line \"one\"\n").unwrap();
        assert_eq!(parse(&[&format!("text=@{}", path.display())]).unwrap(), r#"{"text":"line \"one\"\n"}"#);
        std::fs::write(&path, " {\"a\": 1}\n").unwrap();
        assert_eq!(parse(&[&format!("free:=@{}", path.display())]).unwrap(), r#"{"free":{"a": 1}}"#);
        assert_eq!(whole(&format!("@{}", path.display())).unwrap().get(), "{\"a\": 1}");
        assert!(parse(&["text=@/no/such/file"]).unwrap_err().contains("/no/such/file"));
    }

    #[test]
    fn mistakes_are_usage() {
        assert!(parse(&["novalue"]).unwrap_err().contains("`novalue` is no argument"));
        assert!(parse(&["=x"]).is_err() && parse(&[":=1"]).is_err());
        assert_eq!(parse(&["n=1", "n=2"]).unwrap_err(), "the argument `n` is given twice");
        assert_eq!(whole("[1]").unwrap_err().message, "the arguments are no JSON object");
        assert!(whole("{").is_err());
        assert_eq!(object(&[], None).unwrap().get(), "{}");
    }
}
