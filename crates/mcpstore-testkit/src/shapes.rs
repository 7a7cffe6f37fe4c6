//! Message shapes that must go through byte by byte: everything that a decode and an encode would change.
//!
//! Each is a JSON text on one line. The tool `echo_shape` of the reference gives any of them as its result, `echo_notice`
//! sends any as the params of a notification, and `--raw-tool` puts any into the list of tools.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A JSON text with a name for who looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its name, unique in its list.
    pub name: String,
    /// The text.
    pub json: String,
}

/// Numbers that are not the same once they were read as floats, or written anew.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "1.00",
    "1e2",
    "1E+2",
    "0.1",
    "1.10",
    "5e-324",
    "1e400",
    "9007199254740993",
    "18446744073709551615",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
];

/// Texts that are the same to a reader and not in their bytes, or that programs stumble over.
const TEXTS: &[(&str, &str)] = &[
    ("empty", r#""""#),
    ("escaped letter", r#""\u0061""#),
    ("escaped slash", r#""a\/b""#),
    ("escaped pair", r#""\ud83d\ude00""#),
    ("pair as it is", "\"\u{1F600}\""),
    ("upper hex", r#""\u00E4\u00e4""#),
    ("nul", r#""\u0000""#),
    ("controls", r#""\b\f\n\r\t\u001b[31m""#),
    ("line separators", "\"\u{2028}\u{2029}\""),
    ("escaped separators", r#""\u2028""#),
    ("combining", "\"e\u{301} \u{e9}\""),
    ("right to left", "\"\u{202e}abc\u{5d0}\""),
    ("zero width", "\"a\u{200b}\u{feff}b\""),
    ("lone surrogate", r#""\ud800""#),
    ("json inside", r#""{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}""#),
];

/// Content of every type, and of one that nobody knows.
const CONTENTS: &[(&str, &str)] = &[
    ("text", r#""type":"text","text":"a""#),
    ("image", r#""type":"image","data":"iVBORw0KGgo=","mimeType":"image/png""#),
    ("audio", r#""type":"audio","data":"UklGRg==","mimeType":"audio/wav""#),
    ("resource text", r#""type":"resource","resource":{"uri":"test://a","mimeType":"text/plain","text":"a"}"#),
    ("resource blob", r#""type":"resource","resource":{"uri":"test://b","blob":"AA==","_meta":{"x/y":1.0}}"#),
    (
        "resource link",
        r#""type":"resource_link","uri":"test://c","name":"c","title":"C","size":9007199254740993,"icons":[{"src":"data:,","sizes":["any"],"theme":"dark"}]"#,
    ),
    ("tool use", r#""type":"tool_use","id":"u","name":"n","input":{"a":1.0}"#),
    ("tool result", r#""type":"tool_result","toolUseId":"u","content":[{"type":"text","text":"r"}]"#),
    ("unknown", r#""type":"hologram","depth":1.0,"frames":[{"z":1,"a":2}]"#),
];

/// Members that may stand beside any others.
const MEMBERS: &[(&str, &str)] = &[
    (
        "annotations",
        r#""annotations":{"audience":["user","assistant"],"priority":1.0,"lastModified":"2026-01-02T03:04:05Z"}"#,
    ),
    ("odd annotations", r#""annotations":{"priority":0.50,"x-unknown":{"b":1,"a":null}}"#),
    ("meta", r#""_meta":{"example.com/b":1.0,"example.com/a":{"z":[1,1.0],"a":null}}"#),
    ("empty meta", r#""_meta":{}"#),
    ("unknown member", r#""x-unknown":{"z":1,"a":[true,false,null]}"#),
    ("null member", r#""title":null"#),
    ("twice", r#""x-twice":1,"x-twice":2"#),
    ("unicode name", "\"\u{e4}\\u00e4\":1"),
];

/// Members that only a result has, per era: those of tasks, and what else is wired there.
const WIRED: &[(&str, Option<bool>, &str)] = &[
    ("is an error", None, r#""isError":true"#),
    ("is none", None, r#""isError":false"#),
    ("structured", None, r#""structuredContent":{"z":1.0,"a":[1,1.0,1e2],"m":{"":null}}"#),
    ("structured list", Some(true), r#""structuredContent":[1.0,"a",null]"#),
    ("related task", Some(false), r#""_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t","x":1.0}}"#),
    (
        "created task",
        Some(false),
        r#""task":{"taskId":"t","status":"working","createdAt":"2026-01-02T03:04:05Z","lastUpdatedAt":"2026-01-02T03:04:05Z","ttl":60000,"pollInterval":5000,"x-unknown":1.0}"#,
    ),
    ("server info", Some(true), r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"n","version":"1","x":1.0}}"#),
];

/// Results of a call, as a server of this era may give them.
#[must_use]
pub fn results(stateless: bool) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut add = |name: String, members: &str| {
        let kind = if stateless { r#""resultType":"complete","# } else { "" };
        shapes.push(Shape { name, json: format!("{{{kind}{members}}}") });
    };
    let text = r#""content":[{"type":"text","text":"a"}]"#;
    add("no content".to_owned(), r#""content":[]"#);
    for (name, content) in CONTENTS {
        add((*name).to_owned(), &format!(r#""content":[{{{content}}}]"#));
        for (extra, member) in MEMBERS {
            add(format!("{name} with {extra}"), &format!(r#""content":[{{{content},{member}}}]"#));
        }
    }
    for (name, member) in MEMBERS {
        add(format!("{name} before"), &format!("{member},{text}"));
        add(format!("{name} behind"), &format!("{text},{member}"));
    }
    for (name, era, member) in WIRED {
        if era.is_none_or(|era| era == stateless) {
            add((*name).to_owned(), &format!("{text},{member}"));
        }
    }
    for number in NUMBERS {
        add(format!("number {number}"), &format!(r#"{text},"structuredContent":{{"n":{number}}}"#));
    }
    for (name, said) in TEXTS {
        add(format!("text {name}"), &format!(r#""content":[{{"type":"text","text":{said}}}]"#));
        add(format!("name {name}"), &format!(r#"{text},"structuredContent":{{{said}:{said}}}"#));
    }
    let all: Vec<_> = CONTENTS.iter().map(|(_, content)| format!("{{{content}}}")).collect();
    add("all contents in order".to_owned(), &format!(r#""content":[{}]"#, all.join(",")));
    add("spaces".to_owned(), " \"content\" :\t[ { \"type\" : \"text\" , \"text\" : \"a\" } ] ");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    add("deep".to_owned(), &format!(r#"{text},"structuredContent":{{"deep":{deep}}}"#));
    shapes
}

/// Params of a `notifications/progress` for the token `token`, given as JSON.
#[must_use]
pub fn progress(token: &str) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for number in NUMBERS {
        let json = format!(r#"{{"progressToken":{token},"progress":{number},"total":{number}}}"#);
        shapes.push(Shape { name: format!("number {number}"), json });
    }
    for (name, member) in MEMBERS {
        let json = format!(r#"{{"progress":1,{member},"progressToken":{token},"message":"\u0061"}}"#);
        shapes.push(Shape { name: (*name).to_owned(), json });
    }
    shapes
}

/// Entries of a list of tools, named `shape_0`, `shape_1`, and so on.
#[must_use]
pub fn tools() -> Vec<Shape> {
    let schema = r#""inputSchema":{"type":"object","properties":{"a":{"type":"number","default":1.0,"x-unknown":null}},"x-z":1,"x-a":2}"#;
    let members = MEMBERS.iter().copied().chain([
        ("title and icons", r#""title":"T","icons":[{"src":"data:,","mimeType":"image/png","sizes":["48x48"]}]"#),
        ("hints", r#""annotations":{"title":"T","readOnlyHint":true,"x-hint":1.0}"#),
        ("output", r#""outputSchema":{"type":"object","required":["z","a"],"minProperties":1.0}"#),
        ("execution", r#""execution":{"taskSupport":"optional","x-unknown":1.0}"#),
    ]);
    let entry = |(at, (name, member)): (usize, (&str, &str))| Shape {
        name: name.to_owned(),
        json: format!(r#"{{"name":"shape_{at}",{member},{schema},"description":"\u0061\/b"}}"#),
    };
    members.enumerate().map(entry).collect()
}

/// The result in a message, as it stands there; `None` when it has none.
#[must_use]
pub fn result_in(message: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        result: &'a RawValue,
    }
    serde_json::from_str::<Answer<'_>>(message).ok().map(|answer| answer.result.get())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_shape_is_json_on_one_line_with_a_name_of_its_own() {
        for shapes in [results(false), results(true), progress("\"p\""), tools()] {
            for shape in &shapes {
                assert!(serde_json::from_str::<&RawValue>(&shape.json).is_ok(), "{shape:?}");
                assert!(!shape.json.contains(['\n', '\r']), "{shape:?}");
            }
            let names: BTreeSet<_> = shapes.iter().map(|shape| &shape.name).collect();
            assert_eq!(names.len(), shapes.len());
            assert!(shapes.len() > 10);
        }
    }

    #[test]
    fn a_decode_and_an_encode_would_change_many_of_them() {
        let changed = |shape: &&Shape| {
            let read = serde_json::from_str::<serde_json::Value>(&shape.json);
            read.map_or(true, |value| serde_json::to_string(&value).unwrap() != shape.json)
        };
        let shapes = results(false);
        assert!(shapes.iter().filter(changed).count() > 100, "of {}", shapes.len());
    }

    #[test]
    fn the_result_is_cut_out_as_it_stands() {
        assert_eq!(result_in(r#"{"jsonrpc":"2.0","id":1,"result": { "a" :1.0 } }"#), Some(r#"{ "a" :1.0 }"#));
        assert_eq!(result_in(r#"{"id":1,"error":{}}"#), None);
    }
}
