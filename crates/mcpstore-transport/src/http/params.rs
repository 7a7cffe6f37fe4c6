//! `Mcp-Param-*`: arguments of a tool that its schema wants in headers too (spec: MCP 2026-07-28, custom headers).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use reqwest::header::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::headers::carried;
use crate::clip::clip;
use crate::object::object;

/// The word in a schema.
const WORD: &str = "x-mcp-header";
/// Tools whose wishes are remembered, at most.
const MAX_TOOLS: usize = 100_000;
/// Headers of one tool, at most.
const MAX_HEADERS: usize = 100;

/// One argument that goes into a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirrored {
    /// The names from the arguments down to it.
    path: Vec<String>,
    header: HeaderName,
}

/// What the tools of a server want in headers. Tools that want nothing take no room.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    of: HashMap<String, Result<Vec<Mirrored>, String>>,
}

impl Wishes {
    /// Learns from a page of a list of tools.
    pub(crate) fn learn(&mut self, result: &RawValue) {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow, default)]
            tools: Vec<&'a RawValue>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            name: String,
            #[serde(borrow)]
            input_schema: &'a RawValue,
        }
        let Ok(page) = object::<Page<'_>>(result.get()) else { return };
        for entry in page.tools.iter().filter_map(|entry| object::<Entry<'_>>(entry.get()).ok()) {
            match wished(entry.input_schema.get()) {
                Ok(none) if none.is_empty() => drop(self.of.remove(&entry.name)),
                some if self.of.len() < MAX_TOOLS => drop(self.of.insert(entry.name, some)),
                _ => {}
            }
        }
    }

    /// Adds what a call's tool wants to its headers.
    ///
    /// # Errors
    /// Why the tool must not be called: its schema's wishes break the rules.
    pub(crate) fn fulfil(&self, params: &RawValue, headers: &mut HeaderMap) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Call<'a> {
            name: String,
            #[serde(borrow, default)]
            arguments: Option<&'a RawValue>,
        }
        if self.of.is_empty() {
            return Ok(());
        }
        let Ok(call) = object::<Call<'_>>(params.get()) else { return Ok(()) };
        let Some(wishes) = self.of.get(&call.name) else { return Ok(()) };
        let wishes = wishes.as_ref().map_err(Clone::clone)?;
        for Mirrored { path, header } in wishes {
            let text = call.arguments.and_then(|arguments| value_at(arguments, path)).and_then(primitive);
            if let Some(value) = text.as_deref().and_then(carried) {
                headers.insert(header.clone(), value);
            }
        }
        Ok(())
    }
}

/// The value that this path leads to.
fn value_at<'a>(arguments: &'a RawValue, path: &[String]) -> Option<&'a RawValue> {
    path.iter().try_fold(arguments, |value, name| {
        object::<BTreeMap<Cow<'a, str>, &'a RawValue>>(value.get()).ok()?.get(name.as_str()).copied()
    })
}

/// The text of a text, a number or a truth value.
fn primitive(value: &RawValue) -> Option<String> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok(),
        b't' | b'f' | b'-' | b'0'..=b'9' => Some(value.get().to_owned()),
        _ => None,
    }
}

/// What a tool's schema wants in headers.
///
/// # Errors
/// The rule it breaks: such a tool must not be used over HTTP (same section of the specification).
fn wished(schema: &str) -> Result<Vec<Mirrored>, String> {
    // Most want nothing, and need no second reading.
    if !schema.contains(WORD) {
        return Ok(Vec::new());
    }
    let schema: Value = serde_json::from_str(schema).map_err(|error| clip(&format!("its schema: {error}")))?;
    let mut walk = Walk::default();
    walk.schema(&schema, Some(&mut Vec::new()))?;
    Ok(walk.found)
}

/// What a call of a tool must say in headers: the name of each in small letters, and its value as text, which is `None`
/// where the header must not be there (spec: MCP 2026-07-28, custom headers). None of a tool whose schema breaks the rules
/// about that.
#[must_use]
pub fn mirrored_headers(input_schema: &RawValue, arguments: Option<&RawValue>) -> Vec<(String, Option<String>)> {
    let wishes = wished(input_schema.get()).unwrap_or_default();
    let value = |path: &[String]| arguments.and_then(|arguments| value_at(arguments, path)).and_then(primitive);
    wishes.iter().map(|Mirrored { path, header }| (header.as_str().to_owned(), value(path))).collect()
}

/// The rule that a tool's schema breaks, if it does: such a tool is hidden.
pub(crate) fn broken_rule(schema: &RawValue) -> Option<String> {
    wished(schema.get()).err()
}

#[derive(Default)]
struct Walk {
    found: Vec<Mirrored>,
    seen: BTreeSet<String>,
}

impl Walk {
    /// Walks a schema. `path` leads to it through properties alone; `None`: something else lies on the way.
    fn schema(&mut self, schema: &Value, mut path: Option<&mut Vec<String>>) -> Result<(), String> {
        match schema {
            Value::Array(items) => items.iter().try_for_each(|item| self.schema(item, None)),
            Value::Object(members) => members.iter().try_for_each(|(key, value)| match key.as_str() {
                WORD => self.wish(value, members.get("type"), path.as_deref()),
                "properties" => self.properties(value, path.as_deref_mut()),
                "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => self.properties(value, None),
                // These hold data, not schemas.
                "default" | "const" | "enum" | "examples" => Ok(()),
                _ => self.schema(value, None),
            }),
            _ => Ok(()),
        }
    }

    fn properties(&mut self, properties: &Value, mut path: Option<&mut Vec<String>>) -> Result<(), String> {
        let Value::Object(properties) = properties else { return Ok(()) };
        for (name, schema) in properties {
            match path.as_deref_mut() {
                None => self.schema(schema, None)?,
                Some(path) => {
                    path.push(name.clone());
                    let done = self.schema(schema, Some(path));
                    path.pop();
                    done?;
                }
            }
        }
        Ok(())
    }

    fn wish(&mut self, header: &Value, kind: Option<&Value>, path: Option<&Vec<String>>) -> Result<(), String> {
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            return Err(format!("`{WORD}` stands where no argument is"));
        };
        let name = path.join(".");
        let header = header.as_str().unwrap_or_default();
        let token = format!("mcp-param-{}", header.to_ascii_lowercase());
        let Some(token) = HeaderName::from_bytes(token.as_bytes()).ok().filter(|_| !header.is_empty()) else {
            return Err(clip(&format!("`{name}`: its `{WORD}` is no name of a header")));
        };
        if !matches!(kind.and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err(clip(&format!("`{name}`: an `{WORD}` is for text, whole numbers and truth values")));
        }
        if !self.seen.insert(token.as_str().to_owned()) {
            return Err(clip(&format!("`{name}`: another argument has the same `{WORD}`")));
        }
        if self.found.len() == MAX_HEADERS {
            return Err(format!("it wants more than {MAX_HEADERS} headers"));
        }
        self.found.push(Mirrored { path: path.clone(), header: token });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn with(properties: &Value) -> String {
        json!({ "type": "object", "properties": properties }).to_string()
    }

    #[test]
    fn arguments_go_into_headers() {
        let mut wishes = Wishes::default();
        let schema: Value = serde_json::from_str(&with(&json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "flag": { "type": "boolean", "x-mcp-header": "Flag" },
            "none": { "type": "string", "x-mcp-header": "None" },
            "outer": { "type": "object", "properties": { "in": { "type": "string", "x-mcp-header": "In" } } },
            "plain": { "type": "string" },
        })))
        .unwrap();
        wishes.learn(&raw(&json!({ "tools": [{ "name": "t", "inputSchema": schema }, { "name": 1 }, "odd"] })));
        let mut headers = HeaderMap::new();
        let call = json!({ "name": "t", "arguments": { "region": "é", "count": 7, "flag": false, "none": null,
                           "outer": { "in": "x y" }, "plain": "p" } });
        wishes.fulfil(&raw(&call), &mut headers).unwrap();
        let mut found: Vec<_> = headers.iter().map(|(n, v)| format!("{n}={}", v.to_str().unwrap())).collect();
        found.sort_unstable();
        let expected =
            ["mcp-param-count=7", "mcp-param-flag=false", "mcp-param-in=x y", "mcp-param-region==?base64?w6k=?="];
        assert_eq!(found, expected);
        let mirrored = mirrored_headers(&raw(&schema), Some(&raw(&call["arguments"])));
        let mirrored: Vec<_> = mirrored.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(mirrored.len(), 5);
        assert!(mirrored.contains(&("mcp-param-region", Some("é"))) && mirrored.contains(&("mcp-param-none", None)));
        // The tool wants nothing any more, or is another.
        wishes.learn(&raw(&json!({ "tools": [{ "name": "t", "inputSchema": { "type": "object" } }] })));
        let mut headers = HeaderMap::new();
        wishes.fulfil(&raw(&call), &mut headers).unwrap();
        assert!(headers.is_empty() && wishes.of.is_empty());
    }

    #[test]
    fn tools_that_break_the_rules_are_not_called() {
        for bad in [
            json!({ "a": { "type": "string", "x-mcp-header": "" } }),
            json!({ "a": { "type": "string", "x-mcp-header": 7 } }),
            json!({ "a": { "type": "object", "x-mcp-header": "A" } }),
            json!({ "a": { "type": "number", "x-mcp-header": "A" } }),
            json!({ "a": { "x-mcp-header": "A" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "My Region" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "A:B" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "Région" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "A\t1" } }),
            json!({ "a": { "type": "string", "x-mcp-header": "X" }, "b": { "type": "string", "x-mcp-header": "x" } }),
            json!({ "a": { "type": "array", "items": { "type": "string", "x-mcp-header": "A" } } }),
            json!({ "a": { "oneOf": [{ "type": "string", "x-mcp-header": "A" }] } }),
        ] {
            assert!(wished(&with(&bad)).is_err(), "{bad}");
        }
        assert!(wished(r#"{"x-mcp-header":"A","type":"string"}"#).is_err());
        let data = json!({ "a": { "type": "string", "default": { "x-mcp-header": "A" } } });
        assert_eq!(wished(&with(&data)), Ok(Vec::new()));
        let mut wishes = Wishes::default();
        let schema = json!({ "properties": { "a": { "type": "null", "x-mcp-header": "A" } } });
        wishes.learn(&raw(&json!({ "tools": [{ "name": "bad", "inputSchema": schema }] })));
        assert!(wishes.fulfil(&raw(&json!({ "name": "bad" })), &mut HeaderMap::new()).is_err());
        assert!(wishes.fulfil(&raw(&json!({ "name": "good" })), &mut HeaderMap::new()).is_ok());
    }
}
