//! JSON.

use expect_test::{Expect, expect};
use mcpstore_config::{Change, Format, Plain, edit};

use crate::{comes_back, entry, number, object, shown};

const SERVERS: &[&str] = &["mcpServers"];

fn add(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Json, SERVERS, &[Change::Insert { key: "new", value: &entry() }]));
}

fn take(text: &str, key: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Json, SERVERS, &[Change::Remove { key }]));
}

fn set(text: &str, path: &[&str], value: &Plain, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Json, SERVERS, &[Change::Set { key: "a", path, value }]));
}

fn unset(text: &str, path: &[&str], expected: Expect) {
    expected.assert_eq(&shown(text, Format::Json, SERVERS, &[Change::Unset { key: "a", path }]));
}

const COMMENTED: &str = r#"// My servers.
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
        // My servers.
        {
          "mcpServers": {
            // The first one.

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    take(
        COMMENTED,
        "b",
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" }
            } // about a

            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    comes_back(COMMENTED, Format::Json, SERVERS);
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
        <BOM>{␍
        →"mcpServers": {␍
        →→"a": {␍
        →→→"command": "a",␍
        →→→"env": {␍
        →→→→"A": "1"␍
        →→→}␍
        →→}␍
        →}␍
        }$"#]],
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
        {
            "mcpServers": {},
        }
        $"#]],
    );
    set(
        text,
        &["args"],
        &Plain::texts(["x"]),
        expect![[r#"
        {
            "mcpServers": {
                "a": {
                    "command": "a",
                    "args": ["x"],
                },
            },
        }
        $"#]],
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
        { "mcpServers":
          { 
          "b": {}
          , "c": {}
          }
        }
        $"#]],
    );
    take(
        text,
        "b",
        expect![[r#"
        { "mcpServers":
          { "a": {}
          , 
          "c": {}
          }
        }
        $"#]],
    );
    take(
        text,
        "c",
        expect![[r#"
        { "mcpServers":
          { "a": {}
          , "b": {}
          }
        }
        $"#]],
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
        {"mcpServers": {
          "a": {}}}$"#]],
    );
    comes_back(text, Format::Json, SERVERS);
}

#[test]
fn comments_between_entries_of_one_line_stay() {
    let text = "{ \"mcpServers\": { /* 1 */ \"a\": {} /* 2 */, /* 3 */ \"b\": {}, \"c\": {} /* 4 */ } }";
    take(text, "a", expect![[r#"{ "mcpServers": { /* 1 */  /* 2 *//* 3 */ "b": {}, "c": {} /* 4 */ } }$"#]]);
    take(text, "b", expect![[r#"{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "c": {} /* 4 */ } }$"#]]);
    take(text, "c", expect![[r#"{ "mcpServers": { /* 1 */ "a": {} /* 2 */, /* 3 */ "b": {} /* 4 */ } }$"#]]);
    let text = "{ \"mcpServers\": { \"a\": {}, // 1\n\"b\": {} } }";
    take(
        text,
        "a",
        expect![[r#"
        { "mcpServers": { // 1
        "b": {} } }$"#]],
    );
    take(
        text,
        "b",
        expect![[r#"
        { "mcpServers": { "a": {} // 1
         } }$"#]],
    );
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let text = "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"1\" },\n    \"b\": {},\n    \"a\": { \"command\": \"2\" }\n  }\n}\n";
    set(
        text,
        &["command"],
        &Plain::text("3"),
        expect![[r#"
        {
          "mcpServers": {
            "a": { "command": "1" },
            "b": {},
            "a": { "command": "3" }
          }
        }
        $"#]],
    );
    take(
        text,
        "a",
        expect![[r#"
        {
          "mcpServers": {
            "b": {}
          }
        }
        $"#]],
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

#[test]
fn fields_are_set_and_unset() {
    set(
        COMMENTED,
        &["command"],
        &Plain::text("z\"\n"),
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "z\"\n", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" }
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    set(
        COMMENTED,
        &["env", "NEW"],
        &Plain::text("1"),
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s", "NEW": "1" }
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    set(
        COMMENTED,
        &["restart", "policy"],
        &Plain::text("never"),
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" },
              "restart": { "policy": "never" }
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    set(
        COMMENTED,
        &["disabled"],
        &Plain::Bool(true),
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" },
              "disabled": true
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    set(
        COMMENTED,
        &["env"],
        &Plain::Null,
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": null
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    unset(
        COMMENTED,
        &["env", "T"],
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": {}
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    unset(
        COMMENTED,
        &["env"],
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "command": "a", // its program
              "x-mine": [1.50, 1e3, null]
              /* here too */ 
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
    );
    unset(
        COMMENTED,
        &["command"],
        expect![[r#"
        // My servers.
        {
          "mcpServers": {
            // The first one.
            "a": {
              "x-mine": [1.50, 1e3, null],
              /* here too */ "env": { "T": "s" }
            }, // about a

            "b": { "url": "https://example.com" } // about b
            // "c": {}
          },
          "other": 1
        }
        $"#]],
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
