//! JSON: where entries are, and how their container is made.

use expect_test::{Expect, expect};
use mcpstore_config::{Change, Format, Plain};

use crate::json::COMMENTED;
use crate::{comes_back, difference, entry, object, shown};

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

#[test]
fn an_empty_text_becomes_a_config() {
    add(
        "",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "\n \n",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "// only a comment",
        expect![[r#"
        // only a comment
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "{}",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }$"#]],
    );
    add(
        "{\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "null",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }$"#]],
    );
}

#[test]
fn a_missing_container_is_made_at_the_end() {
    add(
        "{\n\t\"theme\": \"dark\"\n}",
        expect![[r#"
        {
        →"theme": "dark",
        →"mcpServers": {
        →→"new": {
        →→→"command": "npx",
        →→→"args": ["-y", "@acme/mcp"]
        →→}
        →}
        }$"#]],
    );
    add(
        "{ \"theme\": \"dark\" }\n",
        expect![[r#"
        { "theme": "dark", "mcpServers": { "new": { "command": "npx", "args": ["-y", "@acme/mcp"] } } }
        $"#]],
    );
    let changes =
        [Change::Insert { key: "new", value: &object([]) }, Change::Insert { key: "two", value: &object([]) }];
    expect![[r#"
        {
          "mcp": {
            "servers": {
              "new": {},
              "two": {}
            }
          }
        }
        $"#]]
    .assert_eq(&shown("{\n  \"mcp\": {}\n}\n", Format::Json, &["mcp", "servers"], &changes));
    expect![[r#"
        {
          "mcp": {
            "servers": {
              "new": {},
              "two": {}
            }
          }
        }
        $"#]]
    .assert_eq(&shown("{\n  \"mcp\": null\n}\n", Format::Json, &["mcp", "servers"], &changes));
}

#[test]
fn an_empty_container_is_opened() {
    add(
        "{\n  \"mcpServers\": {}\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "{\n  \"mcpServers\": {},\n  \"x\": 1\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          },
          "x": 1
        }
        $"#]],
    );
    add(
        "{\n  \"mcpServers\": {\n    // none yet\n  }\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            // none yet
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "{\n  \"mcpServers\": { /* none */ }\n}\n",
        expect![[r#"
        {
          "mcpServers": { /* none */
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    add(
        "{\n  \"mcpServers\": null\n}\n",
        expect![[r#"
        {
          "mcpServers": {
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
    comes_back("{\n  \"mcpServers\": {}\n}\n", Format::Json, SERVERS);
}

#[test]
fn a_list_of_servers_with_names() {
    let text = "{\n  \"servers\": [\n    { \"name\": \"a\", \"command\": \"a\" },\n    {\n      \"name\": \"b\"\n    }\n  ]\n}\n";
    let show = |change: Change<'_>| shown(text, Format::Json, &["servers"], &[change]);
    expect![[r#"
        {
          "servers": [
            { "name": "a", "command": "a" },
            {
              "name": "b"
            },
            {
              "name": "new",
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          ]
        }
        $"#]]
    .assert_eq(&show(Change::Insert { key: "new", value: &entry() }));
    expect![[r#"
        {
          "servers": [
            { "name": "a", "command": "a" }
          ]
        }
        $"#]]
    .assert_eq(&show(Change::Remove { key: "b" }));
    expect![[r#"
        {
          "servers": [
            {
              "name": "a",
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            },
            {
              "name": "b"
            }
          ]
        }
        $"#]]
    .assert_eq(&show(Change::Replace { key: "a", value: &entry() }));
    expect![[r#"
        {
          "servers": [
            { "name": "a", "command": "a" },
            {
              "name": "b",
              "env": {
                "A": "1"
              }
            }
          ]
        }
        $"#]]
    .assert_eq(&show(Change::Set { key: "b", path: &["env", "A"], value: &Plain::text("1") }));
    comes_back(text, Format::Json, &["servers"]);
    comes_back("[ { \"name\": \"a\" } ]", Format::Json, &[]);
    comes_back("[]", Format::Json, &[]);
}

#[test]
fn a_bare_map() {
    let text = "{\n  \"a\": { \"command\": \"a\" },\n  \"$schema\": \"x\"\n}\n";
    expect![[r#"
        {
          "a": { "command": "a" },
          "$schema": "x",
          "new": {
            "command": "npx",
            "args": ["-y", "@acme/mcp"]
          }
        }
        $"#]]
    .assert_eq(&shown(text, Format::Json, &[], &[Change::Insert { key: "new", value: &entry() }]));
    comes_back(text, Format::Json, &[]);
}

#[test]
fn several_changes_are_made_one_after_the_other() {
    let changes = [
        Change::Insert { key: "n1", value: &object([]) },
        Change::Insert { key: "n2", value: &object([("command", Plain::text("x"))]) },
        Change::Set { key: "n1", path: &["url"], value: &Plain::text("https://x") },
        Change::Set { key: "n1", path: &["tags"], value: &Plain::texts(["t"]) },
        Change::Remove { key: "b" },
        Change::Remove { key: "a" },
        Change::Insert { key: "b", value: &object([]) },
    ];
    expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.

            "n1": {
              "url": "https://x",
              "tags": ["t"]
            },
            "n2": { "command": "x" },
            "b": {}
            // "c": {}
          },
          "other": 1
        }
        $"#]]
    .assert_eq(&shown(COMMENTED, Format::Json, SERVERS, &changes));
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let text = "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"1\" },\n    \"b\": {},\n    \"a\": { \"command\": \"2\" }\n  }\n}\n";
    set(
        text,
        &["command"],
        &Plain::text("3"),
        expect![[r#"
            -    "a": { "command": "2" }
            +    "a": { "command": "3" }
        "#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -    "a": { "command": "1" },
            -    "b": {},
            -    "a": { "command": "2" }
            +    "b": {}
        "#]],
    );
    let text = "{\n  \"mcpServers\": {},\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n";
    add(
        text,
        expect![[r#"
        {
          "mcpServers": {},
          "mcpServers": {
            "a": {},
            "new": {
              "command": "npx",
              "args": ["-y", "@acme/mcp"]
            }
          }
        }
        $"#]],
    );
}
