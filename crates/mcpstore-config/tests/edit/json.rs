//! JSON.

use expect_test::{Expect, expect};
use mcpstore_config::{Change, EditError, Format, Plain, edit};

use crate::{comes_back, difference, entry, number, shown};

const SERVERS: &[&str] = &["mcpServers"];

fn add(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Json, SERVERS, &[Change::Insert { key: "new", value: &entry() }]));
}

fn take(text: &str, key: &str, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Json, SERVERS, &[Change::Remove { key }]));
}

fn set(text: &str, path: &[&str], value: &Plain, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Json, SERVERS, &[Change::Set { key: "a", path, value }]));
}

fn unset(text: &str, path: &[&str], expected: Expect) {
    expected.assert_eq(&difference(text, Format::Json, SERVERS, &[Change::Unset { key: "a", path }]));
}

pub(crate) const COMMENTED: &str = r#"// My servers.
{
  "mcpServers": {
    // The first one.
    "a": {
      "command": "a", // its program
      "x-mine": [1.50, 1e3, null],
      /* here too */ "env": { "T": "s" }
    }, // about a

    "b": { "url": "https://example.com" } // about b
    // "c": {}
  },
  "other": 1
}
"#;

#[test]
fn comments_stay_where_they_are() {
    add(
        COMMENTED,
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" }
            }, // about a

            "b": { "url": "https://example.com" }, // about b
            "new": { "command": "npx", "args": ["-y", "@acme/mcp"] }
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    take(
        COMMENTED,
        "a",
        expect![[r#"
            -    "a": {
            -      "command": "a", // its program
            -      "x-mine": [1.50, 1e3, null],
            -      /* here too */ "env": { "T": "s" }
            -    }, // about a
        "#]],
    );
    take(
        COMMENTED,
        "b",
        expect![[r#"
            -    }, // about a
            -
            -    "b": { "url": "https://example.com" } // about b
            +    } // about a
            +
        "#]],
    );
    comes_back(COMMENTED, Format::Json, SERVERS);
}

#[test]
fn one_line_stays_one_line() {
    add(
        "{\"mcpServers\":{\"a\":{\"command\":\"a\"}}}",
        expect![[r#"{"mcpServers":{"a":{"command":"a"},"new":{"command":"npx","args":["-y","@acme/mcp"]}}}$"#]],
    );
    add("{\"mcpServers\":{}}", expect![[r#"{"mcpServers":{"new":{"command":"npx","args":["-y","@acme/mcp"]}}}$"#]]);
    add(
        "{ \"mcpServers\": { \"a\": { \"command\": \"a\" } } }",
        expect![[
            r#"{ "mcpServers": { "a": { "command": "a" }, "new": { "command": "npx", "args": ["-y", "@acme/mcp"] } } }$"#
        ]],
    );
    add(
        "{ \"mcpServers\": { \"a\": { \"command\": \"a\" }, } }",
        expect![[
            r#"{ "mcpServers": { "a": { "command": "a" }, "new": { "command": "npx", "args": ["-y", "@acme/mcp"] }, } }$"#
        ]],
    );
    for text in [
        "{\"mcpServers\":{\"a\":{\"command\":\"a\"}}}",
        "{\"mcpServers\":{}}",
        "{ \"mcpServers\": { \"a\": { \"command\": \"a\" }, } }",
        "{ \"mcpServers\": { \"a\": { \"command\": \"a\" } /* x */ } }",
    ] {
        comes_back(text, Format::Json, SERVERS);
    }
}

#[test]
fn neighbours_on_one_line_get_company_of_their_kind() {
    add(
        "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" }\n  }\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            "a": { "command": "a" },
            "new": { "command": "npx", "args": ["-y", "@acme/mcp"] }
          }
        }
        $"#]],
    );
}

#[test]
fn tabs_line_ends_and_the_byte_order_mark_stay() {
    let text = "\u{feff}{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {\r\n\t\t\t\"command\": \"a\"\r\n\t\t}\r\n\t}\r\n}";
    add(
        text,
        expect![[r#"
        <BOM>{␍
        →"mcpServers": {␍
        →→"a": {␍
        →→→"command": "a"␍
        →→},␍
        →→"new": {␍
        →→→"command": "npx",␍
        →→→"args": ["-y", "@acme/mcp"]␍
        →→}␍
        →}␍
        }$"#]],
    );
    comes_back(text, Format::Json, SERVERS);
    set(
        text,
        &["env", "A"],
        &Plain::text("1"),
        expect![[r#"
            -→→→"command": "a"␍
            +→→→"command": "a",␍
            +→→→"env": {␍
            +→→→→"A": "1"␍
            +→→→}␍
        "#]],
    );
}

#[test]
fn trailing_commas_stay_trailing() {
    let text = "{\n    \"mcpServers\": {\n        \"a\": {\n            \"command\": \"a\",\n        },\n    },\n}\n";
    add(
        text,
        expect![[r#"
        {
            "mcpServers": {
                "a": {
                    "command": "a",
                },
                "new": {
                    "command": "npx",
                    "args": ["-y", "@acme/mcp"]
                },
            },
        }
        $"#]],
    );
    comes_back(text, Format::Json, SERVERS);
    take(
        text,
        "a",
        expect![[r#"
            -    "mcpServers": {
            -        "a": {
            -            "command": "a",
            -        },
            -    },
            +    "mcpServers": {},
        "#]],
    );
    set(
        text,
        &["args"],
        &Plain::texts(["x"]),
        expect![[r#"
            +            "args": ["x"],
        "#]],
    );
}

#[test]
fn commas_first_and_brackets_anywhere() {
    let text = "{ \"mcpServers\":\n  { \"a\": {}\n  , \"b\": {}\n  , \"c\": {}\n  }\n}\n";
    add(
        text,
        expect![[r#"
        { "mcpServers":
          { "a": {}
          , "b": {}
          , "c": {}, "new": { "command": "npx", "args": ["-y", "@acme/mcp"] }
          }
        }
        $"#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -  { "a": {}
            -  , "b": {}
            +  { 
            +  "b": {}
        "#]],
    );
    take(
        text,
        "b",
        expect![[r#"
            -  , "b": {}
            -  , "c": {}
            +  , 
            +  "c": {}
        "#]],
    );
    take(
        text,
        "c",
        expect![[r#"
            -  , "c": {}
        "#]],
    );
    let text = "{\"mcpServers\": {\n  \"a\": {},\n  \"b\": {}}}";
    add(
        text,
        expect![[r#"
        {"mcpServers": {
          "a": {},
          "b": {},
          "new": {
            "command": "npx",
            "args": ["-y", "@acme/mcp"]
          }}}$"#]],
    );
    take(
        text,
        "b",
        expect![[r#"
            -  "a": {},
            -  "b": {}}}$
            +  "a": {}}}$
        "#]],
    );
    comes_back(text, Format::Json, SERVERS);
}

#[test]
fn comments_between_entries_of_one_line_stay() {
    let text = "{ \"mcpServers\": { /* 1 */ \"a\": {} /* 2 */, /* 3 */ \"b\": {}, \"c\": {} /* 4 */ } }";
    take(
        text,
        "a",
        expect![[r#"
        -{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "b": {}, "c": {} /* 4 */ } }$
        +{ "mcpServers": { /* 1 */  /* 2 *//* 3 */ "b": {}, "c": {} /* 4 */ } }$
    "#]],
    );
    take(
        text,
        "b",
        expect![[r#"
        -{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "b": {}, "c": {} /* 4 */ } }$
        +{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "c": {} /* 4 */ } }$
    "#]],
    );
    take(
        text,
        "c",
        expect![[r#"
        -{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "b": {}, "c": {} /* 4 */ } }$
        +{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "b": {} /* 4 */ } }$
    "#]],
    );
    let text = "{ \"mcpServers\": { \"a\": {}, // 1\n\"b\": {} } }";
    take(
        text,
        "a",
        expect![[r#"
            -{ "mcpServers": { "a": {}, // 1
            +{ "mcpServers": { // 1
        "#]],
    );
    take(
        text,
        "b",
        expect![[r#"
            -{ "mcpServers": { "a": {}, // 1
            -"b": {} } }$
            +{ "mcpServers": { "a": {} // 1
            + } }$
        "#]],
    );
}

#[test]
fn fields_are_set_and_unset() {
    set(
        COMMENTED,
        &["command"],
        &Plain::text("z\"\n"),
        expect![[r#"
            -      "command": "a", // its program
            +      "command": "z\"\n", // its program
        "#]],
    );
    set(
        COMMENTED,
        &["env", "NEW"],
        &Plain::text("1"),
        expect![[r#"
            -      /* here too */ "env": { "T": "s" }
            +      /* here too */ "env": { "T": "s", "NEW": "1" }
        "#]],
    );
    set(
        COMMENTED,
        &["restart", "policy"],
        &Plain::text("never"),
        expect![[r#"
            -      /* here too */ "env": { "T": "s" }
            +      /* here too */ "env": { "T": "s" },
            +      "restart": { "policy": "never" }
        "#]],
    );
    set(
        COMMENTED,
        &["disabled"],
        &Plain::Bool(true),
        expect![[r#"
            -      /* here too */ "env": { "T": "s" }
            +      /* here too */ "env": { "T": "s" },
            +      "disabled": true
        "#]],
    );
    set(
        COMMENTED,
        &["env"],
        &Plain::Null,
        expect![[r#"
            -      /* here too */ "env": { "T": "s" }
            +      /* here too */ "env": null
        "#]],
    );
    unset(
        COMMENTED,
        &["env", "T"],
        expect![[r#"
            -      /* here too */ "env": { "T": "s" }
            +      /* here too */ "env": {}
        "#]],
    );
    unset(
        COMMENTED,
        &["env"],
        expect![[r#"
            -      "x-mine": [1.50, 1e3, null],
            -      /* here too */ "env": { "T": "s" }
            +      "x-mine": [1.50, 1e3, null]
            +      /* here too */ 
        "#]],
    );
    unset(
        COMMENTED,
        &["command"],
        expect![[r#"
            -      "command": "a", // its program
        "#]],
    );
}

#[test]
fn what_changes_nothing_changes_nothing() {
    for change in [
        Change::Unset { key: "a", path: &["nothing"] },
        Change::Unset { key: "a", path: &["env", "NOTHING"] },
        Change::Unset { key: "a", path: &["command", "x"] },
        Change::Unset { key: "nobody", path: &[] },
        Change::Set { key: "a", path: &["command"], value: &Plain::text("a") },
        Change::Set {
            key: "a",
            path: &["x-mine"],
            value: &Plain::List(vec![number("1.50"), number("1e3"), Plain::Null]),
        },
    ] {
        assert_eq!(edit(COMMENTED, Format::Json, SERVERS, &[change]).as_deref(), Ok(COMMENTED), "{change:?}");
    }
    assert_eq!(edit(COMMENTED, Format::Json, SERVERS, &[]).as_deref(), Ok(COMMENTED));
}

#[test]
fn an_empty_path_is_the_entry_itself() {
    let value = entry();
    let edited = |change: Change<'_>| edit(COMMENTED, Format::Json, SERVERS, &[change]);
    let set = Change::Set { key: "a", path: &[], value: &value };
    assert_eq!(edited(set), edited(Change::Replace { key: "a", value: &value }));
    assert_eq!(edited(Change::Unset { key: "a", path: &[] }), edited(Change::Remove { key: "a" }));
    let unknown = edited(Change::Set { key: "nobody", path: &[], value: &value });
    assert!(matches!(unknown, Err(EditError::NoSuchKey { .. })), "{unknown:?}");
}

#[test]
fn an_entry_is_replaced_in_its_place() {
    let change = [Change::Replace { key: "a", value: &entry() }];
    expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]]
    .assert_eq(&shown(COMMENTED, Format::Json, SERVERS, &change));
}
