//! What is broken is underlined where it is broken, as far as a schema can see it.

use mcpstore::config::{Options, Source, parse};

use crate::text::Everything;
use crate::validator::{root, validate};

/// A service `a` with these fields.
macro_rules! service {
    ($fields:literal) => {
        concat!("{ \"mcpServers\": { \"a\": { ", $fields, " } } }")
    };
}

/// Texts with one error, and what an editor underlines.
const BROKEN: &[(&str, &str)] = &[
    // Of the wrong type.
    ("5", "5"),
    ("{ \"mcpServers\": \"x\" }", "\"x\""),
    ("{ \"mcpServers\": { \"a\": 5 } }", "5"),
    (service!(r#""command": 5"#), "5"),
    (service!(r#""command": "x", "args": "-y""#), "\"-y\""),
    (service!(r#""command": "x", "args": ["-y", 1]"#), "1"),
    (service!(r#""command": "x", "env": { "PORT": 80 }"#), "80"),
    (service!(r#""command": "x", "enabled": "no""#), "\"no\""),
    (service!(r#""command": "x", "restart": "always""#), "\"always\""),
    (service!(r#""command": "x", "dependsOn": 5"#), "5"),
    (service!(r#""command": "x", "timeouts": { "start": 10 }"#), "10"),
    (service!(r#""command": "x", "health": { "rise": 1.5 }"#), "1.5"),
    (service!(r#""url": "https://h/mcp", "oauth": { "callbackPort": "80" }"#), "\"80\""),
    (service!(r#""type": "tcp", "settings": { "port": 1 }"#), "1"),
    // A word that is none of the known ones.
    (service!(r#""command": "x", "restart": { "policy": "allways" }"#), "\"allways\""),
    (service!(r#""command": "x", "sandbox": "tight""#), "\"tight\""),
    (service!(r#""command": "x", "era": "old""#), "\"old\""),
    (service!(r#""command": "x", "health": { "probe": "pong" }"#), "\"pong\""),
    (service!(r#""url": "https://h/mcp", "type": "htpp""#), "\"htpp\""),
    (service!(r#""url": "https://h/mcp", "type": "ws""#), "\"ws\""),
    (service!(r#""command": "x", "dependsOn": [{ "on": "a", "kind": "needs" }]"#), "\"needs\""),
    (service!(r#""command": "x", "recovery": "fast""#), "\"fast\""),
    // Outside its range.
    (service!(r#""command": "x", "restart": { "maxAttempts": 0 }"#), "0"),
    (service!(r#""command": "x", "restart": { "jitter": 2 }"#), "2"),
    (service!(r#""command": "x", "limits": { "memory": 5 }"#), "5"),
    (service!(r#""command": "x", "limits": { "files": 3 }"#), "3"),
    ("{ \"mcpServers\": { }, \"gateway\": { \"maxParallelStarts\": 1001 } }", "1001"),
    (service!(r#""command": "x", "timeouts": { "start": "0s" }"#), "\"0s\""),
    // No duration, no size, no address, no pattern, no name.
    (service!(r#""command": "x", "timeouts": { "start": "10" }"#), "\"10\""),
    (service!(r#""command": "x", "health": { "interval": "5M" }"#), "\"5M\""),
    (service!(r#""command": "x", "restart": { "delay": "soon" }"#), "\"soon\""),
    (service!(r#""command": "x", "limits": { "memory": "512" }"#), "\"512\""),
    (service!(r#""url": "h.example/mcp""#), "\"h.example/mcp\""),
    (service!(r#""url": "ftp://h/mcp""#), "\"ftp://h/mcp\""),
    (service!(r#""url": "https://h/mcp", "headers": { "a b": "x" }"#), "\"a b\""),
    (service!(r#""command": "x", "env": { "A=": "x" }"#), "\"A=\""),
    (service!(r#""command": "x", "inheritEnv": ["*"]"#), "\"*\""),
    (service!(r#""command": "x", "sandbox": "isolated", "sandboxRead": ["data"]"#), "\"data\""),
    ("{ \"mcpServers\": { \"-a\": { \"command\": \"x\" } } }", "\"-a\""),
    (service!(r#""command": " ""#), "\" \""),
    // Of probes, conditions, breakers, recycling and alerts.
    (service!(r#""command": "x", "health": { "readiness": 5 }"#), "5"),
    (service!(r#""command": "x", "health": { "probe": { "tcp": "5432" } }"#), "\"5432\""),
    (service!(r#""command": "x", "health": { "probe": { "exec": [] } }"#), "[]"),
    (service!(r#""command": "x", "health": { "probe": { } }"#), "{ }"),
    (service!(r#""command": "x", "health": { "probe": { "tcp": "h:1", "http": "http://h" } }"#), "\"h:1\""),
    (service!(r#""command": "x", "waitFor": "db:5432""#), "\"db:5432\""),
    (service!(r#""command": "x", "waitFor": [{ "http": "db" }]"#), "\"db\""),
    (service!(r#""command": "x", "breaker": "off""#), "\"off\""),
    (service!(r#""command": "x", "breaker": { "failurePercent": 101 }"#), "101"),
    (service!(r#""command": "x", "recycle": { "maxAge": "24" }"#), "\"24\""),
    ("{ \"mcpServers\": { }, \"alerts\": { \"rules\": { \"latency\": { \"severity\": \"grave\" } } } }", "\"grave\""),
    ("{ \"mcpServers\": { }, \"alerts\": { \"sinks\": [{ \"type\": \"webhok\" }] } }", "\"webhok\""),
    ("{ \"mcpServers\": { }, \"alerts\": { \"sinks\": [{ \"type\": \"webhook\" }] } }", "{"),
    // Of what clients of the gateway see.
    (service!(r#""command": "x", "tools": "search_*""#), "\"search_*\""),
    (service!(r#""command": "x", "tools": { "allow": [] }"#), "[]"),
    (service!(r#""command": "x", "tools": { "deny": "rm" }"#), "\"rm\""),
    (service!(r#""command": "x", "tools": { "rename": { "a": "b c" } }"#), "\"b c\""),
    (service!(r#""command": "x", "tools": { "rename": { "a*": "b" } }"#), "\"a*\""),
    (service!(r#""command": "x", "tools": { "describe": { "a": 1 } }"#), "1"),
    (service!(r#""command": "x", "tools": { "expose": "bare" }"#), "\"bare\""),
    (service!(r#""command": "x", "disabledTools": [1]"#), "1"),
    (service!(r#""command": "x", "isolation": "own""#), "\"own\""),
    (service!(r#""command": "x", "start": "later""#), "\"later\""),
    (service!(r#""command": "x", "idleStop": "10""#), "\"10\""),
    ("{ \"mcpServers\": { }, \"defaults\": { \"tools\": { \"expose\": 1 } } }", "1"),
    ("{ \"mcpServers\": { }, \"profiles\": { \"p\": { \"tools\": { \"allow\": \"x\" } } } }", "\"x\""),
    ("{ \"mcpServers\": { }, \"gateway\": { \"listen\": \"8420\" } }", "\"8420\""),
    ("{ \"mcpServers\": { }, \"gateway\": { \"auth\": \"open\" } }", "\"open\""),
    ("{ \"mcpServers\": { }, \"gateway\": { \"tls\": { \"cert\": \"/c\" } } }", "\"tls\""),
    ("{ \"mcpServers\": { }, \"gateway\": { \"requestsPerMinute\": 0 } }", "0"),
    ("{ \"mcpServers\": { }, \"gateway\": { \"staleTools\": \"drop\" } }", "\"drop\""),
    ("{ \"mcpServers\": { }, \"gateway\": { \"toolChanges\": \"ask\" } }", "\"ask\""),
    // Something is missing, or there is too much of it.
    ("{ \"theme\": \"dark\" }", "{"),
    (service!(""), "\"a\""),
    (service!(r#""settings": { "x": "y" }"#), "\"a\""),
    (service!(r#""command": "x", "url": "https://h/mcp""#), "\"https://h/mcp\""),
    (service!(r#""command": "x", "httpUrl": "https://h/mcp""#), "\"https://h/mcp\""),
    (service!(r#""command": "x", "type": "tcp", "settings": { }"#), "{ }"),
    (service!(r#""command": "x", "dependsOn": [{ "kind": "wants" }]"#), "{"),
    ("{ \"mcpServers\": [{ \"command\": \"x\" }] }", "{"),
    ("{ \"mcpServers\": { }, \"inputs\": [{ \"type\": \"promptString\" }] }", "{"),
];

#[test]
fn what_is_broken_is_underlined_where_it_is() {
    for (text, _) in BROKEN {
        let parsed = parse(&[Source::new("mcp.json", *text)], &Everything, &Options::default());
        assert!(parsed.has_errors(), "the reader takes it: {text}");
    }
    let texts: Vec<&str> = BROKEN.iter().map(|(text, _)| *text).collect();
    let Some(found) = validate(&texts) else { return };
    for ((text, at), problems) in BROKEN.iter().zip(found) {
        let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error).collect();
        assert!(!errors.is_empty(), "an editor takes it: {text}");
        for error in errors {
            assert!(error.at == *at || error.at.starts_with(at) && *at == "{", "{text}\n{error:?}");
        }
    }
}

#[test]
fn what_comes_later_is_struck_through_and_no_error() {
    let text = service!(r#""command": "x", "profiles": ["x"]"#);
    let Some(found) = validate(&[text]) else { return };
    assert!(matches!(&found[0][..], [problem] if !problem.is_error && problem.message.contains("not supported yet")));
}

/// Of the broken configs that are kept with the reader, those in one text of JSON: which of them an editor rejects too.
#[test]
fn many_of_the_readers_broken_configs_are_red_in_an_editor() {
    let Ok(folders) = std::fs::read_dir(root().join("crates/mcpstore-config/tests/broken")) else { return };
    let mut cases: Vec<(String, String)> = folders
        .filter_map(|folder| {
            let folder = folder.unwrap().path();
            let text = std::fs::read_to_string(folder.join("mcp.json")).ok()?;
            Some((folder.file_name()?.to_str()?.to_owned(), text))
        })
        .collect();
    cases.sort();
    let texts: Vec<&str> = cases.iter().map(|(_, text)| text.as_str()).collect();
    let Some(found) = validate(&texts) else { return };
    let red = cases.iter().zip(found).filter(|(_, problems)| problems.iter().any(|problem| problem.is_error));
    let names: Vec<&str> = red.map(|((name, _), _)| name.as_str()).collect();
    println!("an editor rejects {} of {}: {}", names.len(), cases.len(), names.join(", "));
    assert!(names.len() * 4 >= cases.len(), "it rejects {} of {}", names.len(), cases.len());
}
