//! What `gateway` and `profiles` become.

use std::time::Duration;

use mcpstore_types::{GatewayAuth, GatewaySpec, StaleLists, TlsFiles, ToolChanges, ViewSpec};

use super::*;

/// What `gateway` becomes, and what is said about it.
fn gateway(text: &str) -> (GatewaySpec, String) {
    let (parsed, short) = read(&format!("{{ \"mcpServers\": {{ }}, \"gateway\": {text} }}"));
    (parsed.config.gateway, short)
}

#[test]
fn how_the_gateway_is_reached_arrives() {
    let (spec, short) = gateway(
        r#"{ "listen": "[::]:8443", "origins": ["https://A.example", "https://a.example"], "hosts": ["A.example:8443"],
             "tls": { "cert": "/c", "key": "/k" }, "requestsPerMinute": 60, "staleTools": "leave_out",
             "resumeWait": "30s", "pollAfter": "1m30s",
             "toolChanges": "strict", "audit": false }"#,
    );
    assert_eq!(short, "");
    let expected = GatewaySpec {
        listen: Some("[::]:8443".to_owned()),
        auth: GatewayAuth::Token,
        origins: texts(&["https://a.example"]),
        hosts: texts(&["a.example:8443"]),
        tls: Some(TlsFiles { cert: "/c".into(), key: "/k".into() }),
        requests_per_minute: Some(60),
        resume_wait: Some(Duration::from_secs(30)),
        poll_after: Some(Duration::from_secs(90)),
        stale: StaleLists::LeaveOut,
        tool_changes: ToolChanges::Strict,
        audit: false,
    };
    assert_eq!(spec, expected);
    assert_eq!(gateway("{ }"), (GatewaySpec::default(), String::new()));
    for (stated, address) in [
        ("none", "none"),
        ("localhost:1", "127.0.0.1:1"),
        ("127.9.9.9:0", "127.9.9.9:0"),
        ("[::1]:2", "[::1]:2"),
        ("[::ffff:127.0.0.1]:3", "[::ffff:127.0.0.1]:3"),
        ("${PORT:-127.0.0.1:4}", "127.0.0.1:4"),
    ] {
        let (spec, short) =
            gateway(&format!("{{ \"listen\": \"{stated}\", \"auth\": \"none\", \"requestsPerMinute\": \"off\" }}"));
        assert_eq!(
            (spec.listen.as_deref(), spec.auth, short.as_str()),
            (Some(address), GatewayAuth::None, ""),
            "{stated}"
        );
    }
}

#[test]
fn an_error_in_it_closes_the_gateway() {
    let closed = GatewaySpec { listen: Some("none".to_owned()), ..GatewaySpec::default() };
    for text in [
        r#"{ "listen": "0.0.0.0:8420" }"#,
        r#"{ "listen": "0.0.0.0:8420", "auth": "none", "tls": { "cert": "/c", "key": "/k" } }"#,
        r#"{ "listen": "[::ffff:10.0.0.1]:8420" }"#,
        r#"{ "listen": "127.0.0.1:8420", "auth": "nobody" }"#,
        r#"{ "listen": "127.0.0.1:8420", "tls": { "cert": "/c" } }"#,
        r#"{ "listen": "127.0.0.1:8420", "origins": ["*"] }"#,
        r#"{ "requestsPerMinute": 0 }"#,
        r#"{ "pollAfter": "30s" }"#,
        r#"{ "pollAfter": "30s", "resumeWait": false }"#,
        r#"{ "resumeWait": "10ms" }"#,
        "5",
    ] {
        let (spec, short) = gateway(text);
        assert!(short.contains("error"), "{text}");
        assert_eq!(spec, closed, "{text}");
    }
    // How many start at a time protects nobody.
    assert_eq!(
        gateway(r#"{ "maxParallelStarts": 0, "listen": "127.0.0.1:1" }"#).0.listen.as_deref(),
        Some("127.0.0.1:1")
    );
    // What would have protected it may be what is broken.
    let (parsed, _) = read(r#"{ "gateway": { "listen": "127.0.0.1:1" }, "mcpServers": { } "alerts": { } }"#);
    assert_eq!(parsed.config.gateway, closed);
}

#[test]
fn profiles_are_views_unless_something_is_wrong_with_them() {
    let (parsed, short) = read(
        r#"{ "mcpServers": { "a": { "command": "x", "tags": ["t"] }, "b": { "command": "x" } },
             "profiles": { "work": { "services": ["tag:t"], "tools": { "allow": ["a__*"], "deny": ["a__rm"] } },
                           "b side": { "services": ["b"] }, "wrong": { "services": ["a"], "tools": { "deny": [1] } } } }"#,
    );
    expect![[r#"
        0.json:3:28: warning[MS048]: no path of the gateway leads to profile `b side`; name it with 1 to 64 letters, digits, `-`, `_` and `.`
        0.json:3:111: error[MS009]: an element of tools.deny is a number; expected text
    "#]]
    .assert_eq(&short);
    assert_eq!(parsed.config.profiles.len(), 3);
    let view = |wanted: &str, service: &str, allow: &[&str], deny: &[&str]| ViewSpec {
        name: wanted.to_owned(),
        services: [name(service)].into(),
        allow: texts(allow),
        deny: texts(deny),
    };
    let expected = [view("b side", "b", &[], &[]), view("work", "a", &["a__*"], &["a__rm"])];
    assert_eq!(parsed.config.views, expected);
    // Nobody asks for a path where nothing listens.
    let (_, short) = read(
        r#"{ "mcpServers": { "a": { "command": "x" } }, "profiles": { "a side": { "services": ["a"] } }, "gateway": { "listen": "none" } }"#,
    );
    assert_eq!(short, "");
    let (parsed, _) = read(
        r#"{ "mcpServers": { "a": { "command": "x" } }, "profiles": { "p": { "services": ["a"] "tools": { } } } }"#,
    );
    assert_eq!(parsed.config.views, [], "what it leaves out may be what is broken");
}
