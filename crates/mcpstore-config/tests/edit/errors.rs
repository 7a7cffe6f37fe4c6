//! What is refused, and in which words.

use expect_test::expect;
use mcpstore_config::{Change, EditError, Format, MAX_SOURCE_BYTES, Plain, edit};

use crate::{entry, number, object, read_plain, shown};

#[test]
fn a_text_that_is_none_is_refused_with_its_place() {
    let insert = [Change::Insert { key: "new", value: &entry() }];
    let show = |format, text: &str| shown(text, format, &["mcpServers"], &insert);
    expect!["error: line 3, column 10 is no JSON: expected a value"]
        .assert_eq(&show(Format::Json, "{\n  \"mcpServers\": {\n    \"a\": s3cr3t\n"));
    expect!["error: line 1, column 129 is no JSON: too many objects and lists inside each other"]
        .assert_eq(&show(Format::Json, &"[".repeat(200)));
    expect!["error: line 2, column 1 is no TOML: duplicate key"]
        .assert_eq(&show(Format::Toml, "a = 1\na = 's3cr3t'\n"));
    expect!["error: line 2, column 5 is no TOML: string values must be quoted, expected literal string"]
        .assert_eq(&show(Format::Toml, "x = 1\nb = s3cr3t\n"));
    expect!["error: line 1, column 85 is no TOML: cannot recurse further; max recursion depth met"]
        .assert_eq(&show(Format::Toml, &format!("a = {}", "[".repeat(200))));
    expect!["error: line 1, column 4 is no YAML: while scanning a plain scalar, found a tab"]
        .assert_eq(&show(Format::Yaml, "a: 1\n\tb: s3cr3t\n"));
    expect!["error: line 1, column 4 is no YAML: while scanning a quoted scalar, found unexpected end of stream"]
        .assert_eq(&show(Format::Yaml, "é: \"s3cr3t\n"));
    expect!["error: line 1, column 130 is no YAML: too many objects and lists inside each other"]
        .assert_eq(&show(Format::Yaml, &"[".repeat(200)));
    expect!["error: line 1, column 259 is no YAML: too many objects and lists inside each other"]
        .assert_eq(&show(Format::Yaml, &"- ".repeat(200)));
    expect!["error: line 2 begins another document; edit it by hand"]
        .assert_eq(&show(Format::Yaml, "a: 1\n---\nb: 2\n"));
    expect!["error: line 2 has a key that is more than a word or a text; edit it by hand"]
        .assert_eq(&show(Format::Yaml, "a: 1\n? [x]\n: 2\n"));
    let large = " ".repeat(MAX_SOURCE_BYTES + 1);
    expect!["error: the text has 16777217 bytes; at most 16777216 are edited"].assert_eq(&show(Format::Json, &large));
}

#[test]
fn names_that_are_there_or_not() {
    let text = "{ \"mcpServers\": { \"filesystem\": { \"command\": \"s3cr3t\" } } }";
    let show = |change: Change<'_>| shown(text, Format::Json, &["mcpServers"], &[change]);
    expect!["error: `filesystem` is there already"]
        .assert_eq(&show(Change::Insert { key: "filesystem", value: &entry() }));
    expect!["error: there is no `filesytem`; did you mean `filesystem`?"]
        .assert_eq(&show(Change::Remove { key: "filesytem" }));
    expect!["error: there is no `zzz`"].assert_eq(&show(Change::Replace { key: "zzz", value: &entry() }));
    expect!["error: there is no `files`; did you mean `filesystem`?"].assert_eq(&show(Change::Set {
        key: "files",
        path: &["x"],
        value: &Plain::Null,
    }));
    expect!["error: there is no `none`"].assert_eq(&show(Change::Unset { key: "none", path: &["x"] }));
    expect!["error: `filesystem.command` is no object, so nothing can be put into it"].assert_eq(&show(Change::Set {
        key: "filesystem",
        path: &["command", "x"],
        value: &Plain::Null,
    }));
    let missing = edit("", Format::Toml, &["a"], &[Change::Remove { key: "x" }]);
    assert_eq!(missing, Err(EditError::NoSuchKey { key: "x".into(), nearest: None }));
}

#[test]
fn what_is_no_object_holds_nothing() {
    let insert = [Change::Insert { key: "new", value: &entry() }];
    let show = |text, container: &[&str]| shown(text, Format::Json, container, &insert);
    expect!["error: `mcp.servers` is no object, so nothing can be put into it"]
        .assert_eq(&show("{ \"mcp\": { \"servers\": 1 } }", &["mcp", "servers"]));
    expect!["error: `mcp` is no object, so nothing can be put into it"]
        .assert_eq(&show("{ \"mcp\": [] }", &["mcp", "servers"]));
    expect!["error: the whole text is no object, so nothing can be put into it"].assert_eq(&show("[]", &["mcp"]));
    expect!["error: the whole text is no object, so nothing can be put into it"].assert_eq(&show("\"x\"", &[]));
}

#[test]
fn values_that_no_text_can_hold() {
    let show = |value: Plain| shown("{}", Format::Json, &["s"], &[Change::Insert { key: "new", value: &value }]);
    expect!["error: this value cannot be written as JSON: a number of it is none"]
        .assert_eq(&show(number("1, \"x\": 2")));
    expect!["error: this value cannot be written as JSON: a key stands twice"]
        .assert_eq(&show(object([("a", Plain::Null), ("a", Plain::Null)])));
    let deep = (0..200).fold(Plain::Null, |inner, _| Plain::List(vec![inner]));
    expect!["error: this value cannot be written as JSON: too many objects and lists inside each other"]
        .assert_eq(&show(deep));
    let list = shown("[]", Format::Json, &[], &[Change::Insert { key: "new", value: &Plain::Null }]);
    expect!["error: this value cannot be written as JSON: an entry of a list is an object"].assert_eq(&list);
    let large = object([("n", number("99999999999999999999"))]);
    expect!["error: this value cannot be written as TOML: a number of it is too large"].assert_eq(&shown(
        "",
        Format::Toml,
        &["s"],
        &[Change::Insert { key: "n", value: &large }],
    ));
}

#[test]
fn values_are_read() {
    assert_eq!(read_plain("// x\n", Format::Json), Ok(Plain::Null));
    let doubles = read_plain("{ \"a\": 1, \"b\": { \"c\": 1, \"c\": 2 }, \"a\": 3 }", Format::Json);
    assert_eq!(doubles.unwrap().to_string(), r#"{ "b": { "c": 2 }, "a": 3 }"#);
    let toml = read_plain("a.b = 0x1F\nc = [+1_0, 1.50, inf, 2024-01-01, 'x']\n[[d]]\n[[d]]\ne = {}\n", Format::Toml);
    let expected = r#"{ "a": { "b": 31 }, "c": [10, 1.50, "inf", "2024-01-01", "x"], "d": [{}, { "e": {} }] }"#;
    assert_eq!(toml.unwrap().to_string(), expected);
    let yaml = read_plain("a: [yes, ~, .5, '1', true]\nb: |\n  x\n  y\n? c\n", Format::Yaml);
    expect![[r#"Err(Unsupported { line: 5, why: "has a key that is more than a word or a text" })"#]]
        .assert_eq(&format!("{:?}", yaml.map(|value| value.to_string())));
    let yaml = read_plain("a: [yes, ~, .5, '1', true]\nb: |\n  x\n  y\nc:\n", Format::Yaml);
    assert_eq!(yaml.unwrap().to_string(), r#"{ "a": ["yes", null, 0.5, "1", true], "b": "x\ny\n", "c": null }"#);
    for odd in ["a: &x 1\nb: *x\n", "a: !t 1\n", "a: !!str 1\n", "&x a: 1\n", "*x : 1\n"] {
        assert!(read_plain(odd, Format::Yaml).is_err(), "{odd}");
    }
}
