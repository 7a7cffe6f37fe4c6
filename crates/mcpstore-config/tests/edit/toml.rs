//! TOML.

use expect_test::{Expect, expect};
use mcpstore_config::{Change, Format, Plain};

use crate::{comes_back, difference, entry, number, object, shown};

const SERVERS: &[&str] = &["mcp_servers"];

fn add(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Toml, SERVERS, &[Change::Insert { key: "new", value: &entry() }]));
}

fn take(text: &str, key: &str, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Toml, SERVERS, &[Change::Remove { key }]));
}

fn set(text: &str, path: &[&str], value: &Plain, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Toml, SERVERS, &[Change::Set { key: "a", path, value }]));
}

fn unset(text: &str, path: &[&str], expected: Expect) {
    expected.assert_eq(&difference(text, Format::Toml, SERVERS, &[Change::Unset { key: "a", path }]));
}

const CODEX: &str = r#"# Codex
model = "x" # the model

# about a
[mcp_servers.a]   # a
command = 'a'
args = ["-y", # yes
  "b"]
# inside of a
startup_timeout_sec = 1_0

[mcp_servers.a.env]
T = "s"

# about b
[mcp_servers."b c"]
url = "https://example.com"
env = { A = "1" } # inline

[profiles.p]
date = 2024-01-01T00:00:00Z
"#;

#[test]
fn an_empty_text_becomes_a_config() {
    add(
        "",
        expect![[r#"
        [mcp_servers.new]
        command = "npx"
        args = ["-y", "@acme/mcp"]
        $"#]],
    );
    add(
        "# only a comment",
        expect![[r##"
        # only a comment

        [mcp_servers.new]
        command = "npx"
        args = ["-y", "@acme/mcp"]$"##]],
    );
    add(
        "model = \"x\"\n",
        expect![[r#"
        model = "x"

        [mcp_servers.new]
        command = "npx"
        args = ["-y", "@acme/mcp"]
        $"#]],
    );
    add(
        "[mcp_servers]\n",
        expect![[r#"
        [mcp_servers]

        [mcp_servers.new]
        command = "npx"
        args = ["-y", "@acme/mcp"]
        $"#]],
    );
}

#[test]
fn sections_are_put_behind_their_kind() {
    add(
        CODEX,
        expect![[r##"
        # Codex
        model = "x" # the model

        # about a
        [mcp_servers.a]   # a
        command = 'a'
        args = ["-y", # yes
          "b"]
        # inside of a
        startup_timeout_sec = 1_0

        [mcp_servers.a.env]
        T = "s"

        # about b
        [mcp_servers."b c"]
        url = "https://example.com"
        env = { A = "1" } # inline

        [mcp_servers.new]
        command = "npx"
        args = ["-y", "@acme/mcp"]

        [profiles.p]
        date = 2024-01-01T00:00:00Z
        $"##]],
    );
    take(
        CODEX,
        "a",
        expect![[r#"
            -[mcp_servers.a]   # a
            -command = 'a'
            -args = ["-y", # yes
            -  "b"]
            -# inside of a
            -startup_timeout_sec = 1_0
            -
            -[mcp_servers.a.env]
            -T = "s"
        "#]],
    );
    take(
        CODEX,
        "b c",
        expect![[r#"
            -[mcp_servers."b c"]
            -url = "https://example.com"
            -env = { A = "1" } # inline
        "#]],
    );
    comes_back(CODEX, Format::Toml, SERVERS);
    comes_back(&CODEX.replace('\n', "\r\n"), Format::Toml, SERVERS);
    comes_back("\u{feff}[mcp_servers.a]\ncommand = \"a\"", Format::Toml, SERVERS);
}

#[test]
fn fields_are_set_and_unset() {
    set(
        CODEX,
        &["command"],
        &Plain::text("z\"\n\u{7f}"),
        expect![[r#"
            -command = 'a'
            +command = "z\"\n\u007f"
        "#]],
    );
    set(
        CODEX,
        &["env", "NEW.KEY"],
        &Plain::text("1"),
        expect![[r#"
            +"NEW.KEY" = "1"
        "#]],
    );
    set(
        CODEX,
        &["enabled"],
        &Plain::Bool(false),
        expect![[r#"
            +enabled = false
        "#]],
    );
    set(
        CODEX,
        &["restart", "policy"],
        &Plain::text("never"),
        expect![[r#"
            +restart = { policy = "never" }
        "#]],
    );
    set(
        CODEX,
        &["args"],
        &Plain::List(vec![number("1"), number("1.5e3")]),
        expect![[r#"
            -args = ["-y", # yes
            -  "b"]
            +args = [1, 1.5e3]
        "#]],
    );
    set(
        CODEX,
        &["env"],
        &Plain::Null,
        expect![[r#"
            -
            -[mcp_servers.a.env]
            -T = "s"
        "#]],
    );
    set(
        CODEX,
        &["env"],
        &object([("X", Plain::text("y"))]),
        expect![[r#"
            -T = "s"
            +X = "y"
        "#]],
    );
    set(
        CODEX,
        &["env"],
        &Plain::text("no object"),
        expect![[r#"
            -
            -[mcp_servers.a.env]
            -T = "s"
            +env = "no object"
        "#]],
    );
    unset(
        CODEX,
        &["env", "T"],
        expect![[r#"
            -T = "s"
        "#]],
    );
    unset(
        CODEX,
        &["args"],
        expect![[r#"
            -args = ["-y", # yes
            -  "b"]
        "#]],
    );
    unset(
        CODEX,
        &["env"],
        expect![[r#"
            -
            -[mcp_servers.a.env]
            -T = "s"
        "#]],
    );
}

#[test]
fn inline_tables() {
    let text = "[mcp_servers]\na = { command = \"a\", env = {} } # a\nb = {}\n";
    add(
        text,
        expect![[r#"
        [mcp_servers]
        a = { command = "a", env = {} } # a
        b = {}
        new = { command = "npx", args = ["-y", "@acme/mcp"] }
        $"#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -a = { command = "a", env = {} } # a
        "#]],
    );
    set(
        text,
        &["env", "A"],
        &Plain::text("1"),
        expect![[r#"
            -a = { command = "a", env = {} } # a
            +a = { command = "a", env = { A = "1" } } # a
        "#]],
    );
    set(
        text,
        &["args"],
        &Plain::texts(["x"]),
        expect![[r#"
            -a = { command = "a", env = {} } # a
            +a = { command = "a", env = {}, args = ["x"] } # a
        "#]],
    );
    unset(
        text,
        &["command"],
        expect![[r#"
            -a = { command = "a", env = {} } # a
            +a = { env = {} } # a
        "#]],
    );
    comes_back(text, Format::Toml, SERVERS);
    comes_back("mcp_servers = { a = {} }\nx = 1\n", Format::Toml, SERVERS);
    comes_back("mcp_servers = {}\n", Format::Toml, SERVERS);
}

#[test]
fn dotted_keys() {
    let text = "mcp_servers.a.command = \"a\"\nmcp_servers.a.env.A = \"1\"\n\n[other]\nx = 1\n";
    add(
        text,
        expect![[r#"
        mcp_servers.a.command = "a"
        mcp_servers.a.env.A = "1"
        mcp_servers.new = { command = "npx", args = ["-y", "@acme/mcp"] }

        [other]
        x = 1
        $"#]],
    );
    set(
        text,
        &["env", "B"],
        &Plain::text("2"),
        expect![[r#"
            +mcp_servers.a.env.B = "2"
        "#]],
    );
    set(
        text,
        &["tags"],
        &Plain::texts(["x"]),
        expect![[r#"
            +mcp_servers.a.tags = ["x"]
        "#]],
    );
    set(
        text,
        &["env"],
        &object([("X", Plain::text("y"))]),
        expect![[r#"
            -mcp_servers.a.env.A = "1"
            +mcp_servers.a.env = { X = "y" }
        "#]],
    );
    unset(
        text,
        &["env", "A"],
        expect![[r#"
            -mcp_servers.a.env.A = "1"
            +mcp_servers.a.env = {}
        "#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -mcp_servers.a.command = "a"
            -mcp_servers.a.env.A = "1"
            -
            -[other]
            -x = 1
            +
            +[other]
            +x = 1
            +
            +[mcp_servers]
        "#]],
    );
    comes_back(text, Format::Toml, SERVERS);
}

#[test]
fn a_table_that_only_its_sections_name() {
    let text = "# top\n[mcp_servers.a.env]\nA = \"1\"\n\n[other]\n";
    set(
        text,
        &["command"],
        &Plain::text("a"),
        expect![[r#"
            +[mcp_servers.a]
            +command = "a"
            +
        "#]],
    );
    unset(
        text,
        &["env"],
        expect![[r#"
            -[mcp_servers.a.env]
            -A = "1"
            -
            -[other]
            +
            +[other]
            +
            +[mcp_servers.a]
        "#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -[mcp_servers.a.env]
            -A = "1"
            -
            -[other]
            +
            +[other]
            +
            +[mcp_servers]
        "#]],
    );
}

#[test]
fn lists_of_tables() {
    let text = "# list\n[[servers]]\nname = \"a\"\ncommand = \"a\"\n\n  [servers.env]\n  A = \"1\"\n\n# about b\n[[servers]]\nname = \"b\"\n\n[other]\nx = 1\n";
    let show = |change: Change<'_>| shown(text, Format::Toml, &["servers"], &[change]);
    expect![[r##"
        # list
        [[servers]]
        name = "a"
        command = "a"

          [servers.env]
          A = "1"

        # about b
        [[servers]]
        name = "b"

        [[servers]]
        name = "new"
        command = "npx"
        args = ["-y", "@acme/mcp"]

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Insert { key: "new", value: &entry() }));
    expect![[r##"
        # list

        # about b
        [[servers]]
        name = "b"

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Remove { key: "a" }));
    expect![[r##"
        # list
        [[servers]]
        name = "a"
        command = "a"

          [servers.env]
          A = "1"

        # about b

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Remove { key: "b" }));
    expect![[r##"
        # list
        [[servers]]
        name = "a"
        command = "npx"
        args = ["-y", "@acme/mcp"]

        # about b
        [[servers]]
        name = "b"

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Replace { key: "a", value: &entry() }));
    expect![[r##"
        # list
        [[servers]]
        name = "a"
        command = "a"

          [servers.env]
          A = "1"
          B = "2"

        # about b
        [[servers]]
        name = "b"

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Set { key: "a", path: &["env", "B"], value: &Plain::text("2") }));
    expect![[r##"
        # list
        [[servers]]
        name = "a"
        command = "a"

          [servers.env]
          A = "1"

        # about b
        [[servers]]
        name = "b"
        env = { B = "2" }

        [other]
        x = 1
        $"##]]
    .assert_eq(&show(Change::Set { key: "b", path: &["env", "B"], value: &Plain::text("2") }));
    let both = [Change::Remove { key: "a" }, Change::Remove { key: "b" }];
    expect![[r#"
        # list

        # about b

        servers = []

        [other]
        x = 1
        $"#]]
    .assert_eq(&shown(text, Format::Toml, &["servers"], &both));
    comes_back(text, Format::Toml, &["servers"]);
    comes_back("servers = [\n  { name = \"a\" }, # a\n]\n", Format::Toml, &["servers"]);
}

#[test]
fn large_objects_get_sections_and_nulls_are_left_out() {
    let long = "x".repeat(90);
    let value = object([
        ("command", Plain::text("a")),
        ("nothing", Plain::Null),
        ("headers", object([("Authorization", Plain::text(long)), ("n", Plain::Null)])),
        ("env", object([("A B", Plain::text("1"))])),
    ]);
    let change = [Change::Insert { key: "new one", value: &value }];
    expect![[r#"
        [mcp_servers."new one"]
        command = "a"
        env = { "A B" = "1" }

        [mcp_servers."new one".headers]
        Authorization = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        $"#]]
    .assert_eq(&shown("", Format::Toml, SERVERS, &change));
    let list = Plain::List(vec![Plain::Null]);
    expect!["error: this value cannot be written as TOML: it knows no null"].assert_eq(&shown(
        "",
        Format::Toml,
        SERVERS,
        &[Change::Insert { key: "n", value: &list }],
    ));
}

#[test]
fn an_entry_is_replaced_in_its_place() {
    let change = [Change::Replace { key: "a", value: &entry() }];
    expect![[r##"
        # Codex
        model = "x" # the model

        # about a
        [mcp_servers.a]
        command = "npx"
        args = ["-y", "@acme/mcp"]

        # about b
        [mcp_servers."b c"]
        url = "https://example.com"
        env = { A = "1" } # inline

        [profiles.p]
        date = 2024-01-01T00:00:00Z
        $"##]]
    .assert_eq(&shown(CODEX, Format::Toml, SERVERS, &change));
}
