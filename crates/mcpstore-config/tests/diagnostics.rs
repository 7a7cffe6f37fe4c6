//! Every diagnostic as people see it: one snapshot for each code, and none forgotten.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use mcpstore_config::{
    Code, MAX_DEPTH, MAX_SOURCE_BYTES, Options, Source, Variables, cycle_diagnostic, diagnostics_markdown, explain,
    left_out_diagnostic, parse, render,
};
use mcpstore_types::ServiceName;

fn env(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/srv/me".to_owned()),
        "EMPTY" => Some(String::new()),
        "MULTILINE" => Some("expanded-secret\n".to_owned()),
        _ => None,
    }
}

/// What `text` gives, rendered; and its codes.
fn shown(text: &str) -> (String, BTreeSet<Code>) {
    let sources = [Source::new("mcp.json", text)];
    let parsed = parse(&sources, &Variables(env), &Options::default());
    let codes = parsed.diagnostics.iter().map(|d| d.code).collect();
    (render(&parsed.diagnostics, &sources, false, 100), codes)
}

/// The services of an object of entries, as a whole config with each entry on a line of its own.
fn servers(entries: &str) -> String {
    format!("{{ \"mcpServers\": {{\n{entries}\n}} }}\n")
}

/// One config that has this code in it, and what is shown of it.
fn case(code: Code) -> (String, Expect) {
    match code {
        Code::Syntax => (
            "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"x\" }\n    \"b\": { }\n  }\n}".to_owned(),
            expect![[r#"
                error[MS001]: expected `,`
                 --> mcp.json:3:28
                  |
                3 |     "a": { "command": "x" }
                  |                            ^
                  |
                  = help: put a comma between two entries

                error[MS017]: neither `command` nor `url`
                 --> mcp.json:4:5
                  |
                4 |     "b": { }
                  |     ^^^
                  |
                  = help: say how to launch it (`command`) or where to reach it (`url`)
            "#]],
        ),
        Code::TooDeep => (
            format!("{}1{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1)),
            expect![[r#"
                error[MS002]: more than 128 objects and lists inside each other
                 --> mcp.json:1:129
                  |
                1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]...
                  |                                                ^
            "#]],
        ),
        Code::TooLarge => (
            " ".repeat(MAX_SOURCE_BYTES + 1),
            expect![[r#"
                error[MS003]: the text has 16777217 bytes; at most 16777216 are read
                 --> mcp.json:1:1
                  |
                1 |                                                                                              ...
                  | ^
            "#]],
        ),
        Code::NotAnObject => (
            "[\n  { \"name\": \"a\" }\n]".to_owned(),
            expect![[r#"
                error[MS004]: the top level is a list; expected an object
                 --> mcp.json:1:1
                  |
                1 | [
                  | ^
                  |
                  = help: write { "mcpServers": { } }
            "#]],
        ),
        Code::NoServers => (
            "{\n  \"servers\": { \"a\": { \"command\": \"x\" } }\n}".to_owned(),
            expect![[r#"
                error[MS005]: there is no `mcpServers`
                 --> mcp.json:2:3
                  |
                2 |   "servers": { "a": { "command": "x" } }
                  |   ^^^^^^^^^
                  |
                  = help: rename `servers` to `mcpServers`
            "#]],
        ),
        Code::DuplicateKey => (
            servers(
                "  \"a\": { \"command\": \"x\" },\n  \"b\": { \"command\": \"x\" },\n  \"a\": { \"command\": \"y\" }",
            ),
            expect![[r#"
                warning[MS006]: `a` stands twice; the last one counts
                 --> mcp.json:4:3
                  |
                2 |   "a": { "command": "x" },
                  |   --- this one is ignored
                3 |   "b": { "command": "x" },
                4 |   "a": { "command": "y" }
                  |   ^^^
            "#]],
        ),
        Code::UnknownKey => (
            servers("  \"a\": { \"command\": \"x\", \"depends_on\": [], \"colour\": 1 }"),
            expect![[r#"
                warning[MS007]: unknown key `depends_on` of a service
                 --> mcp.json:2:26
                  |
                2 |   "a": { "command": "x", "depends_on": [], "colour": 1 }
                  |                          ^^^^^^^^^^^^
                  |
                  = help: did you mean `dependsOn`?

                warning[MS007]: unknown key `colour` of a service
                 --> mcp.json:2:44
                  |
                2 |   "a": { "command": "x", "depends_on": [], "colour": 1 }
                  |                                            ^^^^^^^^
                  |
                  = note: known keys: command, args, env, cwd, inheritEnv, sandbox, sandboxRead, sandboxWrite, limits, url, headers, caFile, oauth, settings, type, transport, disabled, era, dependsOn, enabled, tags, description, restart, recovery, timeouts, health, serverUrl, httpUrl
            "#]],
        ),
        Code::NotSupportedYet => (
            servers("  \"a\": { \"command\": \"x\", \"isolation\": \"shared\" }"),
            expect![[r#"
                warning[MS008]: `isolation` is not supported yet by this version and is ignored
                 --> mcp.json:2:26
                  |
                2 |   "a": { "command": "x", "isolation": "shared" }
                  |                          ^^^^^^^^^^^
            "#]],
        ),
        Code::WrongType => (
            servers(
                "  \"a\": { \"command\": \"x\", \"args\": 5, \"env\": { \"PIN\": 4711 } },\n  \"b\": { \"url\": [], \"enabled\": \"yes\" }",
            ),
            expect![[r#"
                error[MS009]: `args` is a number; expected a list of text
                 --> mcp.json:2:34
                  |
                2 |   "a": { "command": "x", "args": 5, "env": { "PIN": *** } },
                  |                                  ^ expected a list of text

                error[MS009]: `env.PIN` is a number; expected text
                 --> mcp.json:2:53
                  |
                2 |   "a": { "command": "x", "args": 5, "env": { "PIN": *** } },
                  |                                                     ^^^ expected text
                  |
                  = help: put it in double quotes, for example "1"

                error[MS009]: `url` is a list; expected text
                 --> mcp.json:3:17
                  |
                3 |   "b": { "url": [], "enabled": "yes" }
                  |                 ^^ expected text

                error[MS009]: `enabled` is text; expected true or false
                 --> mcp.json:3:32
                  |
                3 |   "b": { "url": [], "enabled": "yes" }
                  |                                ^^^^^ expected true or false
                  |
                  = help: write true or false without quotes
            "#]],
        ),
        Code::UnknownWord => (
            servers("  \"a\": { \"command\": \"x\", \"restart\": { \"policy\": \"on-failure\" } }"),
            expect![[r#"
                error[MS010]: unknown word `on-failure` for `restart.policy`
                 --> mcp.json:2:49
                  |
                2 |   "a": { "command": "x", "restart": { "policy": "on-failure" } }
                  |                                                 ^^^^^^^^^^^^
                  |
                  = help: did you mean `on_failure`?
            "#]],
        ),
        Code::InvalidName => (
            servers("  \"a b \": { \"command\": \"x\" },\n  \"-c\": { \"command\": \"x\" }"),
            expect![[r#"
                error[MS011]: service name `a b ` has ' ' at character 4; a name does not end with a space
                 --> mcp.json:2:3
                  |
                2 |   "a b ": { "command": "x" },
                  |   ^^^^^^

                error[MS011]: service name `-c` has '-' at character 1; a name starts with a letter, a digit, `_` or `@`
                 --> mcp.json:3:3
                  |
                3 |   "-c": { "command": "x" }
                  |   ^^^^
            "#]],
        ),
        Code::UnknownDependency => (
            servers(
                "  \"filesystem\": { \"command\": \"x\" },\n  \"api\": { \"command\": \"x\", \"dependsOn\": [\"filesytem\"] },\n  \"web\": { \"command\": \"x\", \"dependsOn\": [\"api\", { \"on\": \"zzz\" }] },\n  \"top\": { \"command\": \"x\", \"dependsOn\": \"api\" }",
            ),
            expect![[r#"
                error[MS012]: unknown dependency `filesytem`
                 --> mcp.json:3:42
                  |
                3 |   "api": { "command": "x", "dependsOn": ["filesytem"] },
                  |                                          ^^^^^^^^^^^
                  |
                  = note: `api` is left out; needed by: `top`
                  = help: did you mean `filesystem`?

                error[MS012]: unknown dependency `zzz`
                 --> mcp.json:4:57
                  |
                4 |   "web": { "command": "x", "dependsOn": ["api", { "on": "zzz" }] },
                  |                                                         ^^^^^
                  |
                  = note: known services: api, filesystem, top, web
            "#]],
        ),
        Code::SelfDependency => (
            servers("  \"a\": { \"command\": \"x\", \"dependsOn\": [\"a\"] }"),
            expect![[r#"
                error[MS013]: `a` depends on itself
                 --> mcp.json:2:40
                  |
                2 |   "a": { "command": "x", "dependsOn": ["a"] }
                  |                                        ^^^
                  |
                  = help: take it out
            "#]],
        ),
        Code::DuplicateDependency => (
            servers(
                "  \"a\": { \"command\": \"x\" },\n  \"b\": { \"command\": \"x\", \"dependsOn\": [\"a\", \"a\", { \"on\": \"a\", \"kind\": \"wants\" }] }",
            ),
            expect![[r#"
                warning[MS014]: dependency `a` is stated twice
                 --> mcp.json:3:45
                  |
                3 |   "b": { "command": "x", "dependsOn": ["a", "a", { "on": "a", "kind": "wants" }] }
                  |                                        ---  ^^^
                  |                                        |
                  |                                        stated here first

                error[MS014]: dependency `a` is stated twice, and differently
                 --> mcp.json:3:58
                  |
                3 |   "b": { "command": "x", "dependsOn": ["a", "a", { "on": "a", "kind": "wants" }] }
                  |                                        ---               ^^^
                  |                                        |
                  |                                        stated here first
                  |
                  = help: keep one of the two
            "#]],
        ),
        Code::DependencyCycle => (
            servers(
                "  \"a\": { \"command\": \"x\", \"dependsOn\": [\"b\"] },\n  \"b\": { \"command\": \"x\", \"dependsOn\": [{ \"on\": \"c\", \"kind\": \"wants\" }] },\n\n\n\n\n\n\n  \"c\": { \"command\": \"x\",\n    \"dependsOn\": [\"a\"] }",
            ),
            expect![[r#"
                error[MS015]: dependency cycle: a -> b -> c -> a
                  --> mcp.json:2:40
                   |
                 2 |   "a": { "command": "x", "dependsOn": ["b"] },
                   |                                        ^^^ `a` -> `b` (requires)
                 3 |   "b": { "command": "x", "dependsOn": [{ "on": "c", "kind": "wants" }] },
                   |                                                --- `b` -> `c` (wants)
                   |
                  ::: mcp.json:11:19
                   |
                11 |     "dependsOn": ["a"] }
                   |                   --- `c` -> `a` (requires)
                   |
                   = help: take out one of these dependencies, or make it of a kind without order: "part_of"
            "#]],
        ),
        Code::Contradiction => (
            servers(
                "  \"a\": { \"command\": \"x\", \"url\": \"http://h\" },\n  \"b\": { \"command\": \"x\", \"type\": \"http\" },\n  \"c\": { \"command\": \"x\", \"enabled\": true, \"disabled\": true }",
            ),
            expect![[r#"
                error[MS016]: both `command` and `url`; a server is launched or reached
                 --> mcp.json:2:26
                  |
                2 |   "a": { "command": "x", "url": "http://h" },
                  |          ---------       ^^^^^
                  |          |
                  |          contradicts this
                  |
                  = help: keep one of the two

                error[MS016]: `type` says HTTP, but there is a `command`
                 --> mcp.json:3:26
                  |
                3 |   "b": { "command": "x", "type": "http" },
                  |          ---------       ^^^^^^
                  |          |
                  |          contradicts this
                  |
                  = help: keep one of the two

                warning[MS016]: both `enabled` and `disabled`; the service counts as disabled
                 --> mcp.json:4:43
                  |
                4 |   "c": { "command": "x", "enabled": true, "disabled": true }
                  |                          ---------        ^^^^^^^^^^
                  |                          |
                  |                          contradicts this
                  |
                  = help: keep one of the two
            "#]],
        ),
        Code::NoTransport => (
            servers("  \"a\": { \"tags\": [\"prod\"] }"),
            expect![[r#"
                error[MS017]: neither `command` nor `url`
                 --> mcp.json:2:3
                  |
                2 |   "a": { "tags": ["prod"] }
                  |   ^^^
                  |
                  = help: say how to launch it (`command`) or where to reach it (`url`)
            "#]],
        ),
        Code::Empty => (
            servers(
                "  \"a\": { \"command\": \" \" },\n  \"b\": { \"command\": \"${EMPTY}\" },\n  \"c\": { \"command\": \"x\", \"dependsOn\": { \"kind\": \"wants\" } }",
            ),
            expect![[r#"
                error[MS018]: `command` is empty
                 --> mcp.json:2:21
                  |
                2 |   "a": { "command": " " },
                  |                     ^^^

                error[MS018]: `command` is empty once its variables are filled in
                 --> mcp.json:3:21
                  |
                3 |   "b": { "command": "${EMPTY}" },
                  |                     ^^^^^^^^^^

                error[MS018]: this dependency does not say on what
                 --> mcp.json:4:39
                  |
                4 |   "c": { "command": "x", "dependsOn": { "kind": "wants" } }
                  |                                       ^^^^^^^^^^^^^^^^^^^
                  |
                  = help: write { "on": "name" }
            "#]],
        ),
        Code::BadDuration => (
            servers(
                "  \"a\": { \"command\": \"x\", \"timeouts\": { \"start\": \"soon\", \"call\": \"60\", \"list\": \"5M\" } }",
            ),
            expect![[r#"
                error[MS019]: `soon` is no duration
                 --> mcp.json:2:49
                  |
                2 |   "a": { "command": "x", "timeouts": { "start": "soon", "call": "60", "list": "5M" } }
                  |                                                 ^^^^^^
                  |
                  = help: write a number and its unit (ms, s, m, h, d), for example "10s" or "250ms"

                error[MS019]: `60` is no duration
                 --> mcp.json:2:65
                  |
                2 |   "a": { "command": "x", "timeouts": { "start": "soon", "call": "60", "list": "5M" } }
                  |                                                                 ^^^^
                  |
                  = help: write it with its unit, for example "60s" or "60ms"

                error[MS019]: `5M` is no duration
                 --> mcp.json:2:79
                  |
                2 |   "a": { "command": "x", "timeouts": { "start": "soon", "call": "60", "list": "5M" } }
                  |                                                                               ^^^^
                  |
                  = help: write a number and its unit (ms, s, m, h, d), for example "10s" or "250ms"
            "#]],
        ),
        Code::OutOfRange => (
            servers(
                "  \"a\": { \"command\": \"x\", \"timeouts\": { \"start\": \"0s\" }, \"health\": { \"fall\": 0 },\n    \"restart\": { \"jitter\": 1.5, \"window\": \"31d\", \"delay\": \"9s\", \"maxDelay\": \"1s\" } }",
            ),
            expect![[r#"
                error[MS020]: `timeouts.start` is outside its range
                 --> mcp.json:2:49
                  |
                2 |   "a": { "command": "x", "timeouts": { "start": "0s" }, "health": { "fall": 0 },
                  |                                                 ^^^^
                  |
                  = help: write a value between 1ms and 30d

                error[MS020]: `health.fall` is outside its range
                 --> mcp.json:2:77
                  |
                2 |   "a": { "command": "x", "timeouts": { "start": "0s" }, "health": { "fall": 0 },
                  |                                                                             ^
                  |
                  = help: write a value between 1 and 1000000

                error[MS020]: `restart.jitter` is outside its range
                 --> mcp.json:3:28
                  |
                3 |     "restart": { "jitter": 1.5, "window": "31d", "delay": "9s", "maxDelay": "1s" } }
                  |                            ^^^
                  |
                  = help: write a value between 0 and 1

                error[MS020]: `restart.window` is outside its range
                 --> mcp.json:3:43
                  |
                3 |     "restart": { "jitter": 1.5, "window": "31d", "delay": "9s", "maxDelay": "1s" } }
                  |                                           ^^^^^
                  |
                  = help: write a value between 1ms and 30d

                error[MS020]: `restart.delay` is longer than `restart.maxDelay`
                 --> mcp.json:3:59
                  |
                3 |     "restart": { "jitter": 1.5, "window": "31d", "delay": "9s", "maxDelay": "1s" } }
                  |                                                           ^^^^              ---- the longest delay
            "#]],
        ),
        Code::UnsetVariable => (
            servers(
                "  \"a\": { \"url\": \"https://h/mcp\", \"headers\": { \"Authorization\": \"Bearer literal-secret ${env:TOKEN}\" } }",
            ),
            expect![[r#"
                error[MS021]: variable `TOKEN` is not set; `headers.Authorization` needs it
                 --> mcp.json:2:87
                  |
                2 |   "a": { "url": "https://h/mcp", "headers": { "Authorization": "***${env:TOKEN}" } }
                  |                                                                    ^^^^^^^^^^^^
                  |
                  = help: set it, or give it a default: `${TOKEN:-default}`
            "#]],
        ),
        Code::UnsupportedReference => (
            servers("  \"a\": { \"command\": \"x\", \"args\": [\"${input:key}\"] }"),
            expect![[r#"
                error[MS022]: `${input:…}` is not supported yet by this version
                 --> mcp.json:2:36
                  |
                2 |   "a": { "command": "x", "args": ["${input:key}"] }
                  |                                    ^^^^^^^^^^^^
                  |
                  = help: use a variable: `${VAR}` or `${env:VAR}`
            "#]],
        ),
        Code::NotAReference => (
            servers("  \"a\": { \"command\": \"sh\", \"args\": [\"-c\", \"echo ${X%.txt}\"] }"),
            expect![[r#"
                warning[MS023]: this `${` in `args` begins no reference and stays as it is
                 --> mcp.json:2:48
                  |
                2 |   "a": { "command": "sh", "args": ["-c", "echo ${X%.txt}"] }
                  |                                                ^^^^^^^^^
                  |
                  = help: write `${VAR}`, `${VAR:-default}` or `${env:VAR}`; `$${` says that it is meant literally
            "#]],
        ),
        Code::UnsupportedTransport => (
            servers("  \"a\": { \"type\": \"ws\", \"url\": \"https://h/ws\" }"),
            expect![[r#"
                error[MS024]: WebSocket is no transport of MCP, and this version does not speak it
                 --> mcp.json:2:18
                  |
                2 |   "a": { "type": "ws", "url": "https://h/ws" }
                  |                  ^^^^
                  |
                  = help: many servers speak streamable HTTP too: "type": "http"
            "#]],
        ),
        Code::BadUrl => (
            servers("  \"a\": { \"url\": \"mcp.example.com/mcp\" }"),
            expect![[r#"
                error[MS025]: `url` is no HTTP address: it does not begin with http://, https:// or unix:
                 --> mcp.json:2:17
                  |
                2 |   "a": { "url": "mcp.example.com/mcp" }
                  |                 ^^^^^^^^^^^^^^^^^^^^^
                  |
                  = help: write it as in "https://mcp.example.com/mcp"
            "#]],
        ),
        Code::BadCharacter => (
            servers(
                "  \"a\": { \"url\": \"https://h\", \"headers\": { \"X-A\": \"${MULTILINE}\", \"X B\": \"literal-secret\" } },\n  \"b\": { \"command\": \"x\", \"env\": { \"A=B\": \"literal-secret\" } }",
            ),
            expect![[r#"
                error[MS026]: `headers.X-A` has a character that HTTP does not allow there, a line break for example
                 --> mcp.json:2:50
                  |
                2 |   "a": { "url": "https://h", "headers": { "X-A": "${MULTILINE}", "X B": "***" } },
                  |                                                  ^^^^^^^^^^^^^^

                error[MS026]: header name `X B` has a character that HTTP does not allow there
                 --> mcp.json:2:66
                  |
                2 |   "a": { "url": "https://h", "headers": { "X-A": "${MULTILINE}", "X B": "***" } },
                  |                                                                  ^^^^^

                error[MS026]: variable name `A=B` has `=` or NUL in it
                 --> mcp.json:3:35
                  |
                3 |   "b": { "command": "x", "env": { "A=B": "***" } }
                  |                                   ^^^^^
            "#]],
        ),
        Code::NoEffect => (
            servers("  \"a\": { \"url\": \"https://h\", \"args\": [] }"),
            expect![[r#"
                warning[MS027]: `args` has no effect on a server that is reached by its address
                 --> mcp.json:2:30
                  |
                2 |   "a": { "url": "https://h", "args": [] }
                  |                              ^^^^^^
            "#]],
        ),
        Code::LeftOutDependency => (
            servers("  \"bad\": { },\n  \"api\": { \"command\": \"x\", \"dependsOn\": [\"bad\"] }"),
            expect![[r#"
                warning[MS028]: service `api` is left out: it cannot be without `bad`, which is left out
                 --> mcp.json:3:42
                  |
                3 |   "api": { "command": "x", "dependsOn": ["bad"] }
                  |                                          ^^^^^
                  |
                  = help: mend `bad`, or let `api` merely want it: { "on": "bad", "kind": "wants" }
            "#]],
        ),
        Code::BadSize => (
            servers(
                "  \"a\": { \"command\": \"x\", \"limits\": { \"memory\": \"512mb\" } },\n  \"b\": { \"command\": \"x\", \"limits\": { \"memory\": \"512\" } }",
            ),
            expect![[r#"
                error[MS029]: `512mb` is no size
                 --> mcp.json:2:48
                  |
                2 |   "a": { "command": "x", "limits": { "memory": "512mb" } },
                  |                                                ^^^^^^^
                  |
                  = help: did you mean `512MB`?

                error[MS029]: `512` is no size
                 --> mcp.json:3:48
                  |
                3 |   "b": { "command": "x", "limits": { "memory": "512" } }
                  |                                                ^^^^^
                  |
                  = help: write it with its unit, for example "512MB" or "512MiB"
            "#]],
        ),
        Code::BadPattern => (
            servers(
                "  \"a\": { \"command\": \"x\", \"inheritEnv\": [\"*\", \"A*B\"], \"sandbox\": \"restricted\", \"sandboxWrite\": [\"files\"] }",
            ),
            expect![[r#"
                error[MS030]: `*` would pass on everything, secrets of other programs too
                 --> mcp.json:2:41
                  |
                2 |   "a": { "command": "x", "inheritEnv": ["*", "A*B"], "sandbox": "restricted", "sandboxWrite":...
                  |                                         ^^^
                  |
                  = help: name what it needs, for example "AWS_PROFILE" or "AWS_*"

                error[MS030]: `A*B` is no pattern for names of variables
                 --> mcp.json:2:46
                  |
                2 |   "a": { "command": "x", "inheritEnv": ["*", "A*B"], "sandbox": "restricted", "sandboxWrite":...
                  |                                              ^^^^^
                  |
                  = help: write a name, or the beginning of names and a `*`: "AWS_*"

                error[MS030]: a path in `sandboxWrite` is not absolute
                 --> mcp.json:2:96
                  |
                2 | ...sandbox": "restricted", "sandboxWrite": ["files"] }
                  |                                             ^^^^^^^
                  |
                  = help: write it from the root: "/srv/files" or "${HOME}/files"
            "#]],
        ),
        other => unreachable!("{other} has no case: write one"),
    }
}

#[test]
fn every_code_is_shown_well() {
    // No text has this one: `unsafe_file.rs`.
    for &code in Code::ALL.iter().filter(|&&code| code != Code::UnsafeFile) {
        let (text, expected) = case(code);
        let (actual, codes) = match code {
            Code::DependencyCycle => cycle(&text),
            Code::LeftOutDependency => left_out(&text),
            _ => shown(&text),
        };
        assert!(codes.contains(&code), "the case of {code} does not produce it: {codes:?}");
        for secret in ["literal-secret", "expanded-secret", "4711"] {
            assert!(!actual.contains(secret), "{code} shows a secret:\n{actual}");
        }
        expected.assert_eq(&actual);
    }
}

/// What the graph would ask for on finding the cycle a → b → c → a.
fn cycle(text: &str) -> (String, BTreeSet<Code>) {
    let sources = [Source::new("mcp.json", text)];
    let parsed = parse(&sources, &Variables(env), &Options::default());
    assert_eq!(parsed.diagnostics, []);
    let path = ["a", "b", "c"].map(name);
    let edges = path.clone().map(|service| (service, 0));
    let diagnostic = cycle_diagnostic(&parsed.config, &path, &edges);
    let closed: Vec<ServiceName> = path.iter().chain(path.first()).cloned().collect();
    assert_eq!(cycle_diagnostic(&parsed.config, &closed, &edges), diagnostic);
    let codes = BTreeSet::from([diagnostic.code]);
    (render(&[diagnostic], &sources, false, 100), codes)
}

/// What is told when `api` goes because `bad` was left out.
fn left_out(text: &str) -> (String, BTreeSet<Code>) {
    let sources = [Source::new("mcp.json", text)];
    let config = parse(&sources, &Variables(env), &Options::default()).config;
    let [api, bad] = ["api", "bad"].map(name);
    assert!(config.left_out.contains(&bad));
    let diagnostic = left_out_diagnostic(&config, &api, &bad);
    let codes = BTreeSet::from([diagnostic.code]);
    (render(&[diagnostic], &sources, false, 100), codes)
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

#[test]
fn codes_have_their_numbers_and_explanations() {
    for (index, &code) in Code::ALL.iter().enumerate() {
        assert_eq!(usize::from(code.number()), index + 1);
        assert!(explain(code).len() > 60, "{code}");
    }
    assert_eq!(Code::UnknownDependency.to_string(), "MS012");
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let sources =
        [Source::new("mcp.json", servers("  \"a\": { \"command\": \"\\u001b[31m\", \"args\": \"\u{1b}[31m\" }"))];
    let parsed = parse(&sources, &Variables(env), &Options::default());
    assert!(parsed.has_errors());
    assert!(!render(&parsed.diagnostics, &sources, false, 80).contains('\u{1b}'));
    let coloured = render(&parsed.diagnostics, &sources, true, 80);
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(render(&[], &sources, true, 80), "");
}

#[test]
fn the_generated_page_has_every_code() {
    let page = diagnostics_markdown();
    for &code in Code::ALL {
        assert_eq!(page.matches(&format!("\n## {code}: ")).count(), 1, "{code}");
        assert!(page.contains(explain(code)), "{code}");
    }
    assert!(page.contains("| [MS012](#ms012-unknown-dependency) | unknown dependency |\n"), "{page}");
}

#[test]
fn hidden_values_do_not_shift_the_column() {
    let text = r#"{ "mcpServers": { "a": { "env": { "T": "a-very-long-literal-secret-value" }, "comand": "x", "command": "x" } } }"#;
    expect![[r#"
        warning[MS007]: unknown key `comand` of a service
         --> mcp.json:1:78
          |
        1 | { "mcpServers": { "a": { "env": { "T": "***" }, "comand": "x", "command": "x" } } }
          |                                                 ^^^^^^^^
          |
          = help: did you mean `command`?
    "#]]
    .assert_eq(&shown(text).0);
}

#[test]
fn a_minified_config_is_cut_around_the_place() {
    let mut entries: Vec<String> = (0..200).map(|n| format!("\"s{n:03}\":{{\"command\":\"x\"}}")).collect();
    entries[100] = "\"s100\":{\"command\":\"x\",\"dependsOn\":[\"s999x\"]}".to_owned();
    let text = format!("{{\"mcpServers\":{{{}}}}}", entries.join(","));
    expect![[r#"
        error[MS012]: unknown dependency `s999x`
         --> mcp.json:1:2351
          |
        1 | ...:"x"},"s100":{"command":"x","dependsOn":["s999x"]},"s101":{"command":"x"},"s102":{"command...
          |                                             ^^^^^^^
    "#]]
    .assert_eq(&shown(&text).0);
}
