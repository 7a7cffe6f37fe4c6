//! Diagnostics in one line each, as logs have them; all the ways in which a text can be no JSON.

use expect_test::expect;
use mcpstore_config::{Nothing, Options, Source, parse, render_short};

/// Short forms of everything wrong with a text.
fn short(text: &str) -> String {
    let sources = [Source::new("mcp.json", text)];
    render_short(&parse(&sources, &Nothing, &Options::default()).diagnostics, &sources)
}

#[test]
fn short_form_is_one_line_each() {
    let text = "{ \"mcpServers\": {\n  \"filesystem\": { \"command\": \"x\" },\n  \"api\": { \"command\": \"x\", \"dependsOn\": [\"filesytem\"] },\n  \"b\": { \"comand\": \"a\\u001b[31m\\nb\", \"\\u202ek\\n\": 1 }\n} }\n";
    expect![[r#"
        mcp.json:3:42: error[MS012]: unknown dependency `filesytem`; did you mean `filesystem`?
        mcp.json:4:3: error[MS017]: neither `command` nor `url`; say how to launch it (`command`) or where to reach it (`url`)
        mcp.json:4:10: warning[MS007]: unknown key `comand` of a service; did you mean `command`?
        mcp.json:4:38: warning[MS007]: unknown key `\u{202e}k\u{a}` of a service
    "#]].assert_eq(&short(text));
}

#[test]
fn syntax_errors_say_what_was_expected() {
    let mut all = String::new();
    for text in [
        "",
        " // nothing\n",
        "{",
        "[1",
        "{ \"a\" 1 }",
        "{ \"a\": }",
        "{ a: 1 }",
        "{ 'a': 1 }",
        "{ \"a\": \"x }",
        "{ \"a\": \"\\x\" }",
        "{ \"a\": yes }",
        "{ \"a\": 0x1 }",
        "{ \"a\": -x }",
        "{ \"a\": 1. }",
        "{ \"a\": +1 }",
        "{ \"a\": NaN }",
        "{ \"a\": 1 \"b\": 2 }",
        "{ , }",
        "{ \"a\": , }",
        "{} {}",
        "}",
        "]",
        ":",
        "{ } /* x",
        "{ \"a\": [1 2] }",
        "{ ] }",
        "{ \"a\": ] }",
        "{ \"a\": :",
    ] {
        all.push_str(&format!("{text:?}: {}", short(text)));
    }
    expect![[r#"
        "": mcp.json:1:1: error[MS001]: the text is empty; expected an object; write `{ "mcpServers": { } }`
        " // nothing\n": mcp.json:1:1: error[MS001]: the text is empty; expected an object; write `{ "mcpServers": { } }`
        "{": mcp.json:1:1: error[MS001]: this `{` has no matching `}`
        "[1": mcp.json:1:1: error[MS001]: this `[` has no matching `]`
        "{ \"a\" 1 }": mcp.json:1:7: error[MS001]: expected `:` after a key
        "{ \"a\": }": mcp.json:1:8: error[MS001]: `}` cannot stand here; expected a value
        "{ a: 1 }": mcp.json:1:3: error[MS001]: expected a key in double quotes; write `"key": value`
        "{ 'a': 1 }": mcp.json:1:3: error[MS001]: text stands in double quotes, not single ones
        "{ \"a\": \"x }": mcp.json:1:8: error[MS001]: this text has no closing `"`
        "{ \"a\": \"\\x\" }": mcp.json:1:9: error[MS001]: this text has an escape that JSON does not know; write a backslash as `\\`; JSON knows \" \\ \/ \b \f \n \r \t and \uXXXX
        "{ \"a\": yes }": mcp.json:1:8: error[MS001]: expected a value; write true
        "{ \"a\": 0x1 }": mcp.json:1:8: error[MS001]: this is no JSON number; write it as digits, for example 12 or 0.5
        "{ \"a\": -x }": mcp.json:1:9: error[MS001]: this is no JSON number; write it as digits, for example 12 or 0.5
        "{ \"a\": 1. }": mcp.json:1:8: error[MS001]: this is no JSON number; write it as digits, for example 12 or 0.5
        "{ \"a\": +1 }": mcp.json:1:8: error[MS001]: this is no JSON number; write it as digits, for example 12 or 0.5
        "{ \"a\": NaN }": mcp.json:1:8: error[MS001]: expected a value; text stands in double quotes; known words are true, false and null
        "{ \"a\": 1 \"b\": 2 }": mcp.json:1:9: error[MS001]: expected `,`; put a comma between two entries
        "{ , }": mcp.json:1:3: error[MS001]: expected a key in double quotes or `}`
        "{ \"a\": , }": mcp.json:1:8: error[MS001]: `,` cannot stand here; expected a value
        "{} {}": mcp.json:1:4: error[MS001]: there is more text after the end of the config
        "}": mcp.json:1:1: error[MS001]: `}` cannot stand here; expected a value
        "]": mcp.json:1:1: error[MS001]: `]` cannot stand here; expected a value
        ":": mcp.json:1:1: error[MS001]: `:` cannot stand here
        "{ } /* x": mcp.json:1:5: error[MS001]: this comment has no end; end it with `*/`
        "{ \"a\": [1 2] }": mcp.json:1:10: error[MS001]: expected `,`; put a comma between two entries
        "{ ] }": mcp.json:1:3: error[MS001]: expected a key in double quotes or `}`
        "{ \"a\": ] }": mcp.json:1:8: error[MS001]: `]` cannot stand here; expected a value
        "{ \"a\": :": mcp.json:1:8: error[MS001]: `:` cannot stand here
    "#]].assert_eq(&all);
}

#[test]
fn what_a_child_is_kept_from() {
    let entry = |fields: &str| short(&format!("{{ \"mcpServers\": {{ \"a\": {{ {fields} }} }} }}"));
    let mut all = String::new();
    for fields in [
        r#""command": "x", "sandbox": "isolated", "sandboxRead": ["/srv"], "limits": {"memory": 536870912, "files": 1024, "processes": 64}, "inheritEnv": ["AWS_*", "X"]"#,
        r#""command": "x", "sandbox": "restriced", "inheritEnv": "A""#,
        r#""command": "x", "limits": {"memory": "1MB", "files": 3, "processes": 0, "file": 1}"#,
        r#""command": "x", "limits": {"memory": 1.5}, "sandbox": true"#,
        r#""command": "x", "limits": {"memory": "9999TiB"}, "sandboxWrite": ["/x"]"#,
        r#""command": "x", "limits": {"memory": [1]}, "sandbox": "none", "inheritEnv": ["", "A B", "*A", "A=B"]"#,
        r#""url": "https://h", "sandbox": "basic", "limits": {}, "inheritEnv": []"#,
    ] {
        all.push_str(&format!("{fields}\n{}", entry(fields)));
    }
    expect![[r#"
        "command": "x", "sandbox": "isolated", "sandboxRead": ["/srv"], "limits": {"memory": 536870912, "files": 1024, "processes": 64}, "inheritEnv": ["AWS_*", "X"]
        "command": "x", "sandbox": "restriced", "inheritEnv": "A"
        mcp.json:1:53: error[MS010]: unknown word `restriced` for `sandbox`; did you mean `restricted`?
        mcp.json:1:80: error[MS009]: `inheritEnv` is text; expected a list of text; put it in brackets: ["…"]
        "command": "x", "limits": {"memory": "1MB", "files": 3, "processes": 0, "file": 1}
        mcp.json:1:63: error[MS020]: `limits.memory` is outside its range; write a value between 16MiB and 16TiB
        mcp.json:1:79: error[MS020]: `limits.files` is outside its range; write a value between 16 and 1048576
        mcp.json:1:95: error[MS020]: `limits.processes` is outside its range; write a value between 1 and 4194304
        mcp.json:1:98: warning[MS007]: unknown key `file` of `limits`; did you mean `files`?
        "command": "x", "limits": {"memory": 1.5}, "sandbox": true
        mcp.json:1:63: error[MS009]: `limits.memory` is 1.5; expected a whole number of bytes; or write it as in "512MB"
        mcp.json:1:80: error[MS009]: `sandbox` is true or false; expected text
        "command": "x", "limits": {"memory": "9999TiB"}, "sandboxWrite": ["/x"]
        mcp.json:1:63: error[MS020]: `limits.memory` is outside its range; write a value between 16MiB and 16TiB
        mcp.json:1:75: warning[MS027]: `sandboxWrite` has no effect with the sandbox `basic`; it says what "sandbox": "restricted" or "isolated" lets through
        "command": "x", "limits": {"memory": [1]}, "sandbox": "none", "inheritEnv": ["", "A B", "*A", "A=B"]
        mcp.json:1:63: error[MS009]: `limits.memory` is a list; expected a size; write it as in "512MB", "1GiB" or 536870912
        mcp.json:1:103: error[MS030]: `` is no pattern for names of variables; write a name, or the beginning of names and a `*`: "AWS_*"
        mcp.json:1:107: error[MS030]: `A B` is no pattern for names of variables; write a name, or the beginning of names and a `*`: "AWS_*"
        mcp.json:1:114: error[MS030]: `*A` is no pattern for names of variables; write a name, or the beginning of names and a `*`: "AWS_*"
        mcp.json:1:120: error[MS030]: `A=B` is no pattern for names of variables; write a name, or the beginning of names and a `*`: "AWS_*"
        "url": "https://h", "sandbox": "basic", "limits": {}, "inheritEnv": []
        mcp.json:1:46: warning[MS027]: `sandbox` has no effect on a server that is reached by its address
        mcp.json:1:66: warning[MS027]: `limits` has no effect on a server that is reached by its address
        mcp.json:1:80: warning[MS027]: `inheritEnv` has no effect on a server that is reached by its address
    "#]].assert_eq(&all);
}
