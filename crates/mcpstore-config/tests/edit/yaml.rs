//! YAML.

use expect_test::{Expect, expect};
use mcpstore_config::{Change, Format, Plain};

use crate::{comes_back, difference, entry, number, object, shown};

const SERVERS: &[&str] = &["mcpServers"];

fn add(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Format::Yaml, SERVERS, &[Change::Insert { key: "new", value: &entry() }]));
}

fn take(text: &str, key: &str, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Yaml, SERVERS, &[Change::Remove { key }]));
}

fn set(text: &str, path: &[&str], value: &Plain, expected: Expect) {
    expected.assert_eq(&difference(text, Format::Yaml, SERVERS, &[Change::Set { key: "a", path, value }]));
}

fn unset(text: &str, path: &[&str], expected: Expect) {
    expected.assert_eq(&difference(text, Format::Yaml, SERVERS, &[Change::Unset { key: "a", path }]));
}

const COMMENTED: &str = r#"# My servers.
mcpServers:
    # The first one.
    a:
        command: "a" # its program
        args:
        - -y   # yes
        - 'it''s'
        env: {T: s} # env
        # the end of a
    # about b
    b:  # b
        url: https://example.com

        note: |
            several

            lines
other: 1
"#;

#[test]
fn an_empty_text_becomes_a_config() {
    add(
        "",
        expect![[r#"
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
    add(
        "# only a comment",
        expect![[r##"
        # only a comment
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"##]],
    );
    add(
        "---\n",
        expect![[r#"
        ---
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
    add(
        "mcpServers:\n",
        expect![[r#"
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
    add(
        "mcpServers: # none\nother: 1\n",
        expect![[r#"
        mcpServers: # none
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        other: 1
        $"#]],
    );
    add(
        "mcpServers: {}\nother: 1",
        expect![[r#"
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        other: 1$"#]],
    );
    add(
        "{}\n",
        expect![[r#"
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
    add(
        "other: 1\n",
        expect![[r#"
        other: 1
        mcpServers:
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
}

#[test]
fn blocks() {
    add(
        COMMENTED,
        expect![[r##"
        # My servers.
        mcpServers:
            # The first one.
            a:
                command: "a" # its program
                args:
                - -y   # yes
                - 'it''s'
                env: {T: s} # env
                # the end of a
            # about b
            b:  # b
                url: https://example.com

                note: |
                    several

                    lines
            new:
                command: npx
                args:
                - "-y"
                - "@acme/mcp"
        other: 1
        $"##]],
    );
    take(
        COMMENTED,
        "a",
        expect![[r#"
            -    a:
            -        command: "a" # its program
            -        args:
            -        - -y   # yes
            -        - 'it''s'
            -        env: {T: s} # env
            -        # the end of a
        "#]],
    );
    take(
        COMMENTED,
        "b",
        expect![[r#"
            -    b:  # b
            -        url: https://example.com
            -
            -        note: |
            -            several
            -
            -            lines
        "#]],
    );
    comes_back(COMMENTED, Format::Yaml, SERVERS);
    comes_back(&COMMENTED.replace('\n', "\r\n"), Format::Yaml, SERVERS);
    comes_back("\u{feff}mcpServers:\n  é: {}", Format::Yaml, SERVERS);
    comes_back("mcpServers: {} # none\n", Format::Yaml, SERVERS);
}

#[test]
fn fields_are_set_and_unset() {
    set(
        COMMENTED,
        &["command"],
        &Plain::text("yes"),
        expect![[r#"
            -        command: "a" # its program
            +        command: "yes" # its program
        "#]],
    );
    set(
        COMMENTED,
        &["args"],
        &Plain::texts(["x", "1"]),
        expect![[r#"
            -        - -y   # yes
            -        - 'it''s'
            +        - x
            +        - "1"
        "#]],
    );
    set(
        COMMENTED,
        &["args"],
        &Plain::text("none"),
        expect![[r#"
            -        args:
            -        - -y   # yes
            -        - 'it''s'
            +        args: none
        "#]],
    );
    set(
        COMMENTED,
        &["env", "B"],
        &Plain::text("a: #b"),
        expect![[r#"
            -        env: {T: s} # env
            +        env: {T: s, B: "a: #b"} # env
        "#]],
    );
    set(
        COMMENTED,
        &["env"],
        &object([("X", number("1"))]),
        expect![[r#"
            -        env: {T: s} # env
            +        env: # env
            +            X: 1
        "#]],
    );
    set(
        COMMENTED,
        &["restart", "policy"],
        &Plain::text("never"),
        expect![[r#"
            +        restart:
            +            policy: never
        "#]],
    );
    set(
        COMMENTED,
        &["command"],
        &object([("program", Plain::text("x"))]),
        expect![[r#"
            -        command: "a" # its program
            +        command: # its program
            +            program: x
        "#]],
    );
    unset(
        COMMENTED,
        &["env", "T"],
        expect![[r#"
            -        env: {T: s} # env
            +        env: {} # env
        "#]],
    );
    unset(
        COMMENTED,
        &["args"],
        expect![[r#"
            -        args:
            -        - -y   # yes
            -        - 'it''s'
        "#]],
    );
    let note = |change: Change<'_>| difference(COMMENTED, Format::Yaml, SERVERS, &[change]);
    expect![[r#"
        -        note: |
        -            several
        -
        -            lines
        +        note: one line
    "#]]
    .assert_eq(&note(Change::Set { key: "b", path: &["note"], value: &Plain::text("one line") }));
    expect![[r#"
        -        note: |
        -            several
        -
        -            lines
        +        note:
        +        - x
    "#]]
    .assert_eq(&note(Change::Set { key: "b", path: &["note"], value: &Plain::texts(["x"]) }));
    expect![[r#"
        -        note: |
        -            several
        -
        -            lines
    "#]]
    .assert_eq(&note(Change::Unset { key: "b", path: &["note"] }));
    expect![[r#"
        +        tags:
        +        - x
    "#]]
    .assert_eq(&note(Change::Set { key: "b", path: &["tags"], value: &Plain::texts(["x"]) }));
}

#[test]
fn the_last_member_leaves_brackets() {
    take(
        "mcpServers:\n  a:\n    command: a\nother: 1\n",
        "a",
        expect![[r#"
            -mcpServers:
            -  a:
            -    command: a
            +mcpServers: {}
        "#]],
    );
    unset(
        "mcpServers:\n  a:\n    command: a",
        &["command"],
        expect![[r#"
            -  a:
            -    command: a$
            +  a: {}$
        "#]],
    );
    let text = "a:\n  command: a # x\n# end\n";
    expect![[r#"
        {}
        # end
        $"#]]
    .assert_eq(&shown(text, Format::Yaml, &[], &[Change::Remove { key: "a" }]));
}

#[test]
fn brackets() {
    let text = "mcpServers: { a: {command: a}, \"b\": { url: 'x' } } # all\n";
    add(
        text,
        expect![[r#"
        mcpServers: { a: {command: a}, "b": { url: 'x' }, new: { command: npx, args: ["-y", "@acme/mcp"] } } # all
        $"#]],
    );
    take(
        text,
        "b",
        expect![[r#"
            -mcpServers: { a: {command: a}, "b": { url: 'x' } } # all
            +mcpServers: { a: {command: a} } # all
        "#]],
    );
    set(
        text,
        &["env", "A"],
        &Plain::text("1"),
        expect![[r#"
            -mcpServers: { a: {command: a}, "b": { url: 'x' } } # all
            +mcpServers: { a: {command: a, env: { A: "1" }}, "b": { url: 'x' } } # all
        "#]],
    );
    comes_back(text, Format::Yaml, SERVERS);
    let text = "mcpServers: {\n  a: {command: a}, # a\n  b:\n}\n";
    add(
        text,
        expect![[r#"
        mcpServers: {
          a: {command: a}, # a
          b:,
          new: { command: npx, args: ["-y", "@acme/mcp"] }
        }
        $"#]],
    );
    take(
        text,
        "a",
        expect![[r#"
            -  a: {command: a}, # a
        "#]],
    );
    comes_back("{\"mcpServers\": {\n  \"a\": {}\n}}\n", Format::Yaml, SERVERS);
}

#[test]
fn lists_of_servers_with_names() {
    let text = "servers:\n  - name: a   # a\n    command: a\n\n  # about b\n  -\n    name: b\n  - { name: c }\n";
    let show = |change: Change<'_>| shown(text, Format::Yaml, &["servers"], &[change]);
    expect![[r#"
        servers:
          - name: a   # a
            command: a

          # about b
          -
            name: b
          - { name: c }
          - name: new
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]]
    .assert_eq(&show(Change::Insert { key: "new", value: &entry() }));
    expect![[r#"
        servers:

          # about b
          -
            name: b
          - { name: c }
        $"#]]
    .assert_eq(&show(Change::Remove { key: "a" }));
    expect![[r#"
        servers:
          - name: a   # a
            command: a

          # about b
          - { name: c }
        $"#]]
    .assert_eq(&show(Change::Remove { key: "b" }));
    expect![[r#"
        servers:
          - name: a
            command: npx
            args:
              - "-y"
              - "@acme/mcp"

          # about b
          -
            name: b
          - { name: c }
        $"#]]
    .assert_eq(&show(Change::Replace { key: "a", value: &entry() }));
    expect![[r#"
        servers:
          - name: a   # a
            command: a

          # about b
          -
            name: b
          - { name: c, command: npx, args: ["-y", "@acme/mcp"] }
        $"#]]
    .assert_eq(&show(Change::Replace { key: "c", value: &entry() }));
    expect![[r#"
        servers:
          - name: a   # a
            command: a
            env:
              A: "1"

          # about b
          -
            name: b
          - { name: c }
        $"#]]
    .assert_eq(&show(Change::Set { key: "a", path: &["env", "A"], value: &Plain::text("1") }));
    expect!["error: line 2 has a comment in the way; edit it by hand"]
        .assert_eq(&show(Change::Unset { key: "a", path: &["name"] }));
    let all = [Change::Remove { key: "a" }, Change::Remove { key: "b" }, Change::Remove { key: "c" }];
    expect![[r#"
        servers: []

          # about b
        $"#]]
    .assert_eq(&shown(text, Format::Yaml, &["servers"], &all));
    comes_back(text, Format::Yaml, &["servers"]);
    comes_back("- name: a\n- name: b", Format::Yaml, &[]);
    comes_back("servers:\n- name: a\n  args: [x]\nother: 1\n", Format::Yaml, &["servers"]);
}

#[test]
fn lists_and_brackets_follow_the_neighbours() {
    add(
        "mcpServers:\n  a:\n    args: [x]\n",
        expect![[r#"
        mcpServers:
          a:
            args: [x]
          new:
            command: npx
            args: ["-y", "@acme/mcp"]
        $"#]],
    );
    add(
        "mcpServers:\n  a:\n    args:\n      - x\n",
        expect![[r#"
        mcpServers:
          a:
            args:
              - x
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
}

#[test]
fn what_an_anchor_touches_is_left_alone() {
    let text = "base: &b { command: x }\nmcpServers:\n  a: *b\n  c:\n    <<: *b\n  d: &d\n    x: 1\n  e: !t x\n";
    add(
        text,
        expect![[r#"
        base: &b { command: x }
        mcpServers:
          a: *b
          c:
            <<: *b
          d: &d
            x: 1
          e: !t x
          new:
            command: npx
            args:
              - "-y"
              - "@acme/mcp"
        $"#]],
    );
    take(text, "a", expect!["error: line 3 has an anchor, an alias, a tag, or a `?` for a key; edit it by hand"]);
    take(text, "c", expect!["error: line 4 has an anchor, an alias, a tag, or a `?` for a key; edit it by hand"]);
    take(text, "d", expect!["error: line 6 has an anchor, an alias, a tag, or a `?` for a key; edit it by hand"]);
    take(text, "e", expect!["error: line 8 has an anchor, an alias, a tag, or a `?` for a key; edit it by hand"]);
    set(text, &["x"], &Plain::Null, expect!["error: `a` is no object, so nothing can be put into it"]);
}
