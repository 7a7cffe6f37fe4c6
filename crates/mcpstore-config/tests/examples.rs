//! Configs as people have them, and what they become.

use std::time::Duration;

use expect_test::expect;
use mcpstore_config::{Options, Parsed, Source, Variables, parse, render_short};
use mcpstore_types::{
    DepCondition, DepKind, ProbeKind, RestartMode, RestartPolicy, Secret, ServiceName, ServiceSpec, TransportSpec,
};

fn env(name: &str) -> Option<String> {
    (name == "SEARCH_TOKEN").then(|| "t0ken".to_owned())
}

fn read(text: &str) -> (Parsed, String) {
    read_all(&[text], false)
}

fn read_all(texts: &[&str], strict: bool) -> (Parsed, String) {
    let sources: Vec<Source> =
        texts.iter().enumerate().map(|(n, text)| Source::new(format!("{n}.json"), *text)).collect();
    let parsed = parse(&sources, &Variables(env), &Options { strict });
    let short = render_short(&parsed.diagnostics, &sources);
    (parsed, short)
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

fn spec<'p>(parsed: &'p Parsed, wanted: &str) -> &'p ServiceSpec {
    parsed.config.services.iter().find(|spec| spec.name == wanted).expect("the service is there")
}

fn names(parsed: &Parsed) -> Vec<&str> {
    parsed.config.services.iter().map(|spec| spec.name.as_str()).collect()
}

/// One service `a` with these fields; it has to be read without a word.
fn one(fields: &str) -> ServiceSpec {
    let (parsed, short) = read(&format!("{{ \"mcpServers\": {{ \"a\": {{ \"command\": \"x\", {fields} }} }} }}"));
    assert_eq!(short, "", "{fields}");
    spec(&parsed, "a").clone()
}

#[test]
fn the_file_clients_share_loads_unchanged() {
    let (parsed, short) = read(
        r#"{
          "mcpServers": {
            "filesystem": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv"] },
            "memory": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"], "env": { "MEMORY_FILE": "/m" } },
            "time": { "command": "uvx", "args": ["mcp-server-time"], "disabled": true, "autoApprove": [], "timeout": 60 }
          }
        }"#,
    );
    assert_eq!(short, "");
    assert_eq!(names(&parsed), ["filesystem", "memory", "time"]);
    let expected =
        ServiceSpec::stdio(name("filesystem"), "npx", ["-y", "@modelcontextprotocol/server-filesystem", "/srv"]);
    assert_eq!(*spec(&parsed, "filesystem"), expected);
    assert!(!spec(&parsed, "time").enabled);
    assert_eq!(parsed.config.max_parallel_starts, 8);
}

#[test]
fn the_example_of_the_design_loads_and_says_what_it_ignores() {
    let (parsed, short) = read(
        r#"{
  "mcpServers": {
    "filesystem": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv"] },
    "search":     { "url": "https://mcp.example.com/mcp", "headers": { "Authorization": "Bearer ${env:SEARCH_TOKEN}" } },
    "api":        { "command": "uvx", "args": ["acme-api-mcp"], "dependsOn": ["filesystem", { "on": "search", "kind": "wants" }],
                    "restart": { "policy": "on_failure", "maxAttempts": 5 }, "health": { "interval": "10s", "fall": 3 },
                    "timeouts": { "start": "60s", "call": "60s" }, "tools": { "allow": ["search_*"] }, "isolation": "shared",
                    "sandbox": "basic", "tags": ["prod"] }
  },
  "defaults": { }, "profiles": { "coder": { "services": ["filesystem", "api"] } }, "alerts": { }, "gateway": { }
}"#,
    );
    expect![[r#"
        0.json:7:68: warning[MS008]: `tools` is not supported yet by this version and is ignored
        0.json:7:104: warning[MS008]: `isolation` is not supported yet by this version and is ignored
        0.json:10:84: warning[MS008]: `alerts` is not supported yet by this version and is ignored
    "#]]
    .assert_eq(&short);
    assert!(!parsed.has_errors());
    assert_eq!(parsed.warning_count(), 3);
    assert_eq!(names(&parsed), ["filesystem", "search", "api"]);
    let TransportSpec::Http(http) = &spec(&parsed, "search").transport else { panic!("search is no HTTP service") };
    assert_eq!(http.headers["Authorization"].expose(), "Bearer t0ken");
    let api = spec(&parsed, "api");
    assert_eq!(
        api.dependencies.iter().map(|d| (d.on.as_str(), d.kind)).collect::<Vec<_>>(),
        [("filesystem", DepKind::Requires), ("search", DepKind::Wants)]
    );
    assert_eq!(api.tags, ["prod"]);
}

#[test]
fn jsonc_and_a_byte_order_mark_are_fine() {
    let (parsed, short) =
        read("\u{feff}// mine\n{ /* all */ \"$schema\": \"x\", \"mcpServers\": { \"a\": { \"command\": \"x\", }, }, }");
    assert_eq!(short, "");
    let origin = &parsed.config.origins["a"];
    assert_eq!((origin.line, origin.column), (2, 45));
    let (_, short) = read("\u{feff}5");
    assert!(short.starts_with("0.json:1:1: error[MS004]"), "{short}");
}

#[test]
fn every_policy_field_arrives() {
    let spec = one(
        r#""restart": { "policy": "always", "maxAttempts": 7, "window": "1m", "maxInWindow": 3, "delay": "250ms", "maxDelay": "2m",
                        "jitter": 0.5, "stableAfter": "5s", "slowRetry": "10m" },
           "timeouts": { "wait": "1s", "start": "20s", "handshake": "3s", "list": "4s", "call": "5s", "callTotal": "6s", "drain": "7s",
                         "close": "8s", "term": "9s", "kill": "10s", "reap": "11s" },
           "health": { "probe": "list", "interval": "13s", "timeout": "12s", "rise": 14, "fall": 15, "startup": "16s" }"#,
    );
    let restart = spec.policy.restart;
    assert_eq!((restart.mode, restart.max_attempts, restart.max_in_window), (RestartMode::Always, 7, 3));
    assert_eq!((restart.window, restart.stable_after), (Duration::from_secs(60), Duration::from_secs(5)));
    assert_eq!(
        (restart.backoff.delay, restart.backoff.max_delay),
        (Duration::from_millis(250), Duration::from_secs(120))
    );
    assert_eq!((restart.backoff.jitter_percent, restart.slow_retry), (50, Some(Duration::from_secs(600))));
    let t = spec.policy.timeouts;
    let all = [t.wait, t.start, t.handshake, t.list, t.call, t.call_total, t.drain, t.close, t.term, t.kill, t.reap];
    assert_eq!(all.map(|d| d.as_secs()), [1, 20, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let h = spec.policy.health;
    assert_eq!((h.probe, h.rise, h.fall), (ProbeKind::List, 14, 15));
    assert_eq!([h.interval, h.timeout, h.startup].map(|d| d.as_secs()), [13, 12, 16]);
}

#[test]
fn the_seeds_recovery_is_a_base_for_single_fields() {
    assert_eq!(one(r#""recovery": "seed""#).policy.restart, RestartPolicy::seed());
    let restart = one(r#""restart": { "maxAttempts": 9, "policy": "always" }, "recovery": "seed""#).policy.restart;
    assert_eq!(restart, RestartPolicy { max_attempts: 9, mode: RestartMode::Always, ..RestartPolicy::seed() });
}

#[test]
fn a_delay_pulls_the_longest_delay_along() {
    let backoff = |fields: &str| one(&format!("\"restart\": {{ {fields} }}")).policy.restart.backoff;
    assert_eq!(backoff(r#""delay": "5m""#).max_delay, Duration::from_secs(300));
    assert_eq!(backoff(r#""maxDelay": "100ms""#).delay, Duration::from_millis(100));
    assert_eq!(one(r#""restart": { "slowRetry": "off" }"#).policy.restart.slow_retry, None);
    assert_eq!(one(r#""restart": { "slowRetry": false, "delay": "0s" }"#).policy.restart.backoff.delay, Duration::ZERO);
    assert_eq!(one(r#""timeouts": { "drain": "0s" }"#).policy.timeouts.drain, Duration::ZERO);
}

#[test]
fn defaults_hold_where_a_service_says_nothing() {
    let (parsed, short) = read_all(
        &[
            r#"{ "mcpServers": { "a": { "command": "x" }, "b": { "command": "x", "timeouts": { "start": "7s" } } },
                 "defaults": { "recovery": "seed", "timeouts": { "start": "5s", "call": "6s" } }, "gateway": { "maxParallelStarts": 3 } }"#,
            r#"{ "mcpServers": { }, "defaults": { "timeouts": { "call": "8s" } } }"#,
        ],
        false,
    );
    assert_eq!(short, "");
    assert_eq!(parsed.config.max_parallel_starts, 3);
    let timeouts = |wanted| {
        let t = spec(&parsed, wanted).policy.timeouts;
        (t.start.as_secs(), t.call.as_secs())
    };
    assert_eq!((timeouts("a"), timeouts("b")), ((5, 8), (7, 8)));
    assert_eq!(spec(&parsed, "a").policy.restart, RestartPolicy::seed());
}

#[test]
fn the_last_text_wins_as_a_whole() {
    let (parsed, short) = read_all(
        &[
            r#"{ "mcpServers": { "a": { "command": "one", "args": ["x"] }, "b": { "command": 5 } } }"#,
            r#"{ "mcpServers": { "c": { "command": "c" }, "a": { "command": "two" } } }"#,
            r#"{ "mcpServers": { "b": { "command": "b", "dependsOn": ["a"] }, "a": { "command": "three" } } }"#,
        ],
        false,
    );
    assert_eq!(short, "");
    assert_eq!(names(&parsed), ["c", "b", "a"]);
    assert_eq!(*spec(&parsed, "a"), ServiceSpec::stdio(name("a"), "three", Vec::<String>::new()));
    let origin = &parsed.config.origins["a"];
    assert_eq!(origin.source, 2);
    assert_eq!(origin.overrides.iter().map(|place| place.source).collect::<Vec<_>>(), [1, 0]);
    let place = parsed.config.origins["b"].dependency_spans[0];
    assert_eq!((place.source, place.line, place.column), (2, 1, 56));
}

#[test]
fn one_bad_service_leaves_the_others() {
    let (parsed, short) = read(
        r#"{ "mcpServers": { "bad": { "command": "" }, "good": { "command": "x", "dependsOn": ["bad"] }, "worse": 5 } }"#,
    );
    expect![[r#"
        0.json:1:39: error[MS018]: `command` is empty
        0.json:1:104: error[MS009]: `worse` is a number; expected an object
    "#]]
    .assert_eq(&short);
    assert_eq!(names(&parsed), ["good"]);
    assert_eq!(spec(&parsed, "good").dependencies[0].on, "bad");
    assert_eq!(parsed.config.left_out.iter().map(ServiceName::as_str).collect::<Vec<_>>(), ["bad", "worse"]);
    assert_eq!(parsed.config.origins.len(), 3);
    assert_eq!(parsed.diagnostics[0].notes, ["`bad` is left out; needed by: `good`"]);
    assert_eq!((parsed.error_count(), parsed.warning_count()), (2, 0));
}

#[test]
fn strict_makes_errors_of_keys_nobody_reads() {
    let text = r#"{ "mcpServers": { "a": { "command": "x", "isolation": "shared" }, "b": { "command": "x", "tag": [] },
                    "c": { "command": "x", "_mine": 1, "x-mine": 2, "alwaysAllow": ["t"] } }, "hobby": 1 }"#;
    let (parsed, short) = read_all(&[text], true);
    expect![[r#"
        0.json:1:42: error[MS008]: `isolation` is not supported yet by this version and is ignored
        0.json:1:90: error[MS007]: unknown key `tag` of a service; did you mean `tags`?
        0.json:2:95: error[MS007]: unknown key `hobby` of the top level
    "#]]
    .assert_eq(&short);
    assert_eq!(names(&parsed), ["c"]);
    let (parsed, _) = read(text);
    assert_eq!((parsed.error_count(), names(&parsed)), (0, vec!["a", "b", "c"]));
}

#[test]
fn words_of_other_clients_are_understood() {
    let (parsed, short) = read(
        r#"{ "mcpServers": {
             "a": { "type": "streamable-http", "url": "https://h/a" }, "b": { "transport": "streamableHttp", "url": "https://h/b" },
             "c": { "type": "http", "transport": "http", "serverUrl": "https://h/c" }, "d": { "httpUrl": "HTTP://h/d" },
             "e": { "type": "stdio", "command": "x", "url": null, "cwd": null, "env": null, "disabled": false },
             "f": { "type": "sse", "url": "https://h/f" }, "g": { "url": "https://h/sse" },
             "h": { "type": "http", "url": "https://h/sse" }, "i": { "url": "unix:/run/i.sock:/mcp" } } }"#,
    );
    assert_eq!(short, "");
    let kinds: Vec<&str> = parsed.config.services.iter().map(|spec| spec.transport.kind()).collect();
    assert_eq!(kinds, ["http", "http", "http", "http", "stdio", "sse", "sse", "http", "http"]);
}

#[test]
fn a_file_of_certificates_belongs_to_an_address() {
    let (parsed, short) = read(
        r#"{ "mcpServers": { "a": { "url": "https://h/a", "caFile": "/etc/ca.pem" },
             "b": { "command": "x", "caFile": "/etc/ca.pem" } } }"#,
    );
    assert!(short.contains("`caFile` has no effect on a server that is launched"), "{short}");
    let TransportSpec::Http(http) = &spec(&parsed, "a").transport else { panic!("a is no HTTP service") };
    assert_eq!(http.ca_file.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
}

#[test]
fn a_kind_of_ones_own_has_settings() {
    let (parsed, short) = read(
        r#"{ "mcpServers": {
             "a": { "type": "tcp", "settings": { "address": "h:1", "key": "${env:HOME:-x}" } },
             "b": { "transport": "stdio", "settings": {} },
             "c": { "settings": { "x": "y" } },
             "d": { "type": "tcp", "command": "x", "settings": { "x": 1 } } } }"#,
    );
    expect![[r#"
        0.json:3:21: error[MS016]: `transport` says stdio, which is built in and has no `settings`; keep one of the two
        0.json:4:21: error[MS017]: `settings` without a `type`: nothing says which adapter they are for; name its kind: "type": "…"
        0.json:5:36: error[MS016]: both `settings` and `command`; `settings` belong to a kind that is not built in; keep one of the two
        0.json:5:71: error[MS009]: `settings.x` is a number; expected text
    "#]].assert_eq(&short);
    let TransportSpec::Other(other) = &spec(&parsed, "a").transport else { panic!("a has a kind of its own") };
    assert_eq!((other.kind.as_str(), other.setting("address"), other.settings.len()), ("tcp", Some("h:1"), 2));
    assert_eq!(names(&parsed), ["a"]);
}

#[test]
fn variables_are_filled_in_everywhere() {
    let (parsed, short) = read(
        r#"{ "mcpServers": {
             "a": { "command": "${NONE:-sh}", "args": ["--t=${SEARCH_TOKEN}", "$HOME", "$${X}"], "env": { "T": "${SEARCH_TOKEN}" }, "cwd": "/${SEARCH_TOKEN}" },
             "b": { "url": "https://h/${env:SEARCH_TOKEN}" } } }"#,
    );
    assert_eq!(short, "");
    let TransportSpec::Stdio(stdio) = &spec(&parsed, "a").transport else { panic!("a is no stdio service") };
    assert_eq!((stdio.command.as_str(), stdio.args.join(" ")), ("sh", "--t=t0ken $HOME ${X}".to_owned()));
    assert_eq!(stdio.env["T"], Secret::from("t0ken"));
    assert_eq!(stdio.cwd.as_deref(), Some(std::path::Path::new("/t0ken")));
    let TransportSpec::Http(http) = &spec(&parsed, "b").transport else { panic!("b is no HTTP service") };
    assert_eq!(http.url, "https://h/t0ken");
}

#[test]
fn dependencies_have_kind_and_condition() {
    let (parsed, short) = read(
        r#"{ "mcpServers": { "a": { "command": "x" }, "b": { "command": "x" }, "c": { "command": "x", "dependsOn": "a" },
             "d": { "command": "x", "dependsOn": [{ "on": "a", "kind": "binds_to", "condition": "started" }, { "on": "b", "kind": "conflicts", "condition": "ready" }] },
             "e": { "command": "x", "dependsOn": { "on": "b", "condition": "completed" } } } }"#,
    );
    expect![[r#"
        0.json:2:144: warning[MS027]: `condition` has no effect on a dependency of kind `conflicts`
    "#]]
    .assert_eq(&short);
    let all: Vec<(&str, DepKind, DepCondition)> = parsed
        .config
        .services
        .iter()
        .flat_map(|spec| spec.dependencies.iter().map(|d| (d.on.as_str(), d.kind, d.condition)))
        .collect();
    assert_eq!(
        all,
        [
            ("a", DepKind::Requires, DepCondition::Ready),
            ("a", DepKind::BindsTo, DepCondition::Started),
            ("b", DepKind::Conflicts, DepCondition::Ready),
            ("b", DepKind::Requires, DepCondition::Completed),
        ]
    );
}

#[test]
fn ten_thousand_services_are_read() {
    let entries: Vec<String> = (0..10_000)
        .map(|n| {
            format!("\"s{n}\": {{ \"command\": \"x\", \"dependsOn\": [\"s{}\"] }}", if n == 0 { 9_999 } else { n - 1 })
        })
        .collect();
    for separator in [",", ",\n"] {
        let (parsed, short) = read(&format!("{{ \"mcpServers\": {{ {} }} }}", entries.join(separator)));
        assert_eq!(short, "");
        assert_eq!(parsed.config.services.len(), 10_000);
    }
    // Every dependency unknown: the search for near names is bounded, and so is the number of diagnostics.
    let text = format!("{{ \"mcpServers\": {{ {} }} }}", entries.join(",").replace("[\"s", "[\"t"));
    let (parsed, _) = read(&text);
    assert_eq!((parsed.error_count(), parsed.diagnostics.len(), parsed.config.services.len()), (10_000, 1_000, 0));
}
