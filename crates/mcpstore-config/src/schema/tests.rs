//! The schema and the reader say the same: keys, words, defaults, bounds.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::json_schema;
use crate::words::{self, Keys};
use crate::{Code, Config, Nothing, Options, Parsed, Source, parse};

/// A kind of object: its definition in the schema (none: the top level), the keys that are read, and a config with members in
/// such an object.
struct Kind {
    definition: Option<&'static str>,
    keys: &'static Keys,
    config: fn(&str) -> String,
}

fn service(members: &str) -> String {
    format!("{{ \"mcpServers\": {{ \"a\": {{ \"command\": \"x\", {members} }}, \"b\": {{ \"command\": \"x\" }} }} }}")
}

fn top(members: &str) -> String {
    format!("{{ \"mcpServers\": {{ \"a\": {{ \"command\": \"x\" }} }}, {members} }}")
}

const KINDS: &[Kind] = &[
    Kind { definition: None, keys: &words::TOP, config: top },
    Kind { definition: Some("Service"), keys: &words::SERVICE, config: service },
    Kind {
        definition: Some("Defaults"),
        keys: &words::DEFAULTS,
        config: |members| top(&format!("\"defaults\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Gateway"),
        keys: &words::GATEWAY,
        config: |members| top(&format!("\"gateway\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Profile"),
        keys: &words::PROFILE,
        config: |members| top(&format!("\"profiles\": {{ \"p\": {{ {members} }} }}")),
    },
    Kind {
        definition: Some("Tools"),
        keys: &words::TOOLS,
        config: |members| service(&format!("\"tools\": {{ {members} }}")),
    },
    Kind {
        definition: Some("DefaultTools"),
        keys: &words::DEFAULT_TOOLS,
        config: |members| top(&format!("\"defaults\": {{ \"tools\": {{ {members} }} }}")),
    },
    Kind {
        definition: Some("ViewTools"),
        keys: &words::VIEW_TOOLS,
        config: |members| {
            top(&format!("\"profiles\": {{ \"p\": {{ \"services\": [\"a\"], \"tools\": {{ {members} }} }} }}"))
        },
    },
    Kind {
        definition: Some("Tls"),
        keys: &words::TLS,
        config: |members| top(&format!("\"gateway\": {{ \"tls\": {{ {members} }} }}")),
    },
    Kind {
        definition: Some("Input"),
        keys: &words::INPUT,
        config: |members| top(&format!("\"inputs\": [{{ \"id\": \"i\", {members} }}]")),
    },
    Kind {
        definition: Some("Dependency"),
        keys: &words::DEPENDENCY,
        config: |members| service(&format!("\"dependsOn\": [{{ \"on\": \"b\", {members} }}]")),
    },
    Kind {
        definition: Some("Restart"),
        keys: &words::RESTART,
        config: |members| service(&format!("\"restart\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Timeouts"),
        keys: &words::TIMEOUTS,
        config: |members| service(&format!("\"timeouts\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Health"),
        keys: &words::HEALTH,
        config: |members| service(&format!("\"health\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Probe"),
        keys: &words::PROBE,
        config: |members| service(&format!("\"health\": {{ \"probe\": {{ {members} }} }}")),
    },
    Kind {
        definition: Some("Condition"),
        keys: &words::CONDITION,
        config: |members| service(&format!("\"waitFor\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Breaker"),
        keys: &words::BREAKER,
        config: |members| service(&format!("\"breaker\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Recycle"),
        keys: &words::RECYCLE,
        config: |members| service(&format!("\"recycle\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Alerts"),
        keys: &words::ALERTS,
        config: |members| top(&format!("\"alerts\": {{ {members} }}")),
    },
    Kind {
        definition: Some("Rules"),
        keys: &words::RULES,
        config: |members| top(&format!("\"alerts\": {{ \"rules\": {{ {members} }} }}")),
    },
    Kind {
        definition: Some("Rule"),
        keys: &words::RULE,
        config: |members| top(&format!("\"alerts\": {{ \"rules\": {{ \"latency\": {{ {members} }} }} }}")),
    },
    Kind {
        definition: Some("Sink"),
        keys: &words::SINK,
        config: |members| {
            top(&format!(
                "\"alerts\": {{ \"sinks\": [{{ \"type\": \"webhook\", \"url\": \"https://h/\", {members} }}] }}"
            ))
        },
    },
    Kind {
        definition: Some("Limits"),
        keys: &words::LIMITS,
        config: |members| service(&format!("\"limits\": {{ {members} }}")),
    },
    Kind {
        definition: Some("OAuth"),
        keys: &words::OAUTH,
        config: |members| {
            top(&format!("\"mcpServers\": {{ \"a\": {{ \"url\": \"https://h/mcp\", \"oauth\": {{ {members} }} }} }}"))
        },
    },
];

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

fn properties(schema: &Value, kind: &Kind) -> Map<String, Value> {
    let object = kind.definition.map_or(schema, |name| &schema["definitions"][name]);
    object["properties"].as_object().unwrap().clone()
}

fn read(kind: &Kind, members: &str) -> Parsed {
    parse(&[Source::new("mcp.json", (kind.config)(members))], &Nothing, &Options::default())
}

fn has(parsed: &Parsed, code: Code) -> bool {
    parsed.diagnostics.iter().any(|diagnostic| diagnostic.code == code)
}

/// What a config says, whatever its places are.
fn meaning(parsed: Parsed) -> Config {
    Config { origins: Default::default(), ..parsed.config }
}

/// Every property of every kind of object.
fn each(mut look: impl FnMut(&Kind, &str, &Value)) {
    let schema = schema();
    for kind in KINDS {
        for (key, property) in properties(&schema, kind) {
            look(kind, &key, &property);
        }
    }
}

#[test]
fn every_key_that_is_known_is_in_the_schema_and_no_other() {
    let schema = schema();
    for kind in KINDS {
        let mut found: BTreeSet<String> = properties(&schema, kind).into_iter().map(|(key, _)| key).collect();
        if kind.definition.is_none() {
            // Not keys of ours alone: the schema itself, and VS Code's word for `mcpServers`.
            assert!(found.remove("$schema") && found.remove("servers"));
        }
        let known: BTreeSet<String> = kind.keys.read.iter().chain(kind.keys.later).map(ToString::to_string).collect();
        assert_eq!(found, known, "{}", kind.keys.of);
        for (key, property) in properties(&schema, kind) {
            let later = kind.keys.later.contains(&key.as_str());
            assert_eq!(property.get("deprecationMessage").is_some(), later, "{} `{key}`", kind.keys.of);
            assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "`{key}` has no text");
        }
    }
    let definitions: BTreeSet<&str> = schema["definitions"].as_object().unwrap().keys().map(String::as_str).collect();
    let held: BTreeSet<&str> = KINDS.iter().filter_map(|kind| kind.definition).collect();
    assert_eq!(definitions, held, "every kind of object is held by these tests");
}

#[test]
fn the_defaults_are_those_of_the_code() {
    let mut count = 0;
    each(|kind, key, property| {
        let Some(default) = property.get("default") else { return };
        count += 1;
        let stated = read(kind, &format!("\"{key}\": {default}"));
        assert!(stated.diagnostics.is_empty(), "{} `{key}`: {:?}", kind.keys.of, stated.diagnostics);
        assert_eq!(meaning(stated), meaning(read(kind, "")), "{} `{key}`: {default}", kind.keys.of);
    });
    assert!(count >= 35, "{count} defaults");
}

#[test]
fn the_bounds_are_those_of_the_code() {
    let mut count = 0;
    each(|kind, key, property| {
        let (Some(min), Some(max)) = (property.get("minimum"), property.get("maximum")) else { return };
        let (min, max) = (min.as_i64().unwrap(), max.as_i64().unwrap());
        count += 1;
        for (value, good) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            let parsed = read(kind, &format!("\"{key}\": {value}"));
            let out = has(&parsed, Code::OutOfRange) || has(&parsed, Code::WrongType);
            assert_eq!(out, !good, "{} `{key}`: {value}", kind.keys.of);
        }
    });
    assert!(count >= 10, "{count} bounds");
}

#[test]
fn the_words_are_those_of_the_code() {
    let mut count = 0;
    each(|kind, key, property| {
        let Some(words) = property.get("enum") else { return };
        if kind.definition == Some("Input") {
            // Other words are another client's own, and no error.
            return;
        }
        count += 1;
        let words: Vec<&str> = words.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let parsed = read(kind, &format!("\"{key}\": \"…\""));
        let unknown = parsed.diagnostics.iter().find(|d| d.code == Code::UnknownWord);
        let help = unknown.and_then(|diagnostic| diagnostic.help.clone());
        assert_eq!(help, Some(format!("write one of: {}", words.join(", "))), "{} `{key}`", kind.keys.of);
    });
    assert!(count >= 9, "{count} sets of words");
}

#[test]
fn zero_is_a_duration_where_the_code_says_so() {
    let mut count = 0;
    each(|kind, key, property| {
        let Some(pattern) = property.get("pattern").and_then(Value::as_str).filter(|text| text.contains("msec")) else {
            return;
        };
        count += 1;
        let refused = has(&read(kind, &format!("\"{key}\": \"0s\"")), Code::OutOfRange);
        assert_eq!(pattern.starts_with("^(?=.*[1-9])"), refused, "{} `{key}`", kind.keys.of);
    });
    assert!(count >= 18, "{count} durations");
}

#[test]
fn it_is_the_same_text_each_time_and_names_no_type_of_rust() {
    let text = json_schema();
    assert_eq!(text, json_schema());
    assert!(text.ends_with("}\n") && !text.contains("uint") && !text.contains("\"format\""));
}
