//! Configs as people have them, and what they become.

#[path = "examples/gateway.rs"]
mod gateway;

use std::time::Duration;

use expect_test::expect;
use mcpstore_config::{Options, Parsed, Source, Variables, parse, render_short};
use mcpstore_types::{
    AlertKind, AlertRule, AlertSeverity, AlertsSpec, BreakerPolicy, DepCondition, DepKind, Expose, Isolation,
    ProbeKind, RecyclePolicy, RestartMode, RestartPolicy, Secret, ServiceName, ServiceSpec, SinkKind, StartMode,
    ToolRules, TransportSpec, WaitCondition, WebhookTemplate,
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
fn the_example_of_the_design_loads() {
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
    assert_eq!(short, "");
    assert_eq!(names(&parsed), ["filesystem", "search", "api"]);
    let TransportSpec::Http(http) = &spec(&parsed, "search").transport else { panic!("search is no HTTP service") };
    assert_eq!(http.headers["Authorization"].expose(), "Bearer t0ken");
    let api = spec(&parsed, "api");
    assert_eq!(
        api.dependencies.iter().map(|d| (d.on.as_str(), d.kind)).collect::<Vec<_>>(),
        [("filesystem", DepKind::Requires), ("search", DepKind::Wants)]
    );
    assert_eq!(api.tags, ["prod"]);
    assert_eq!((&api.tools.allow[..], api.isolation), (&["search_*".to_owned()][..], Isolation::Shared));
    assert_eq!(parsed.config.views.len(), 1);
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
           "health": { "probe": "list", "readiness": { "tcp": "127.0.0.1:1" }, "interval": "13s", "timeout": "12s", "rise": 14, "fall": 15, "startup": "16s" },
           "breaker": { "failures": 1, "window": 2, "failurePercent": 3, "openFor": "4s", "maxOpenFor": "5s", "trialTimeout": "6s" },
           "recycle": { "maxMemory": "1GiB", "maxAge": "24h" }"#,
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
    assert_eq!(h.readiness, Some(ProbeKind::Tcp { address: "127.0.0.1:1".to_owned() }));
    let seconds = Duration::from_secs;
    let breaker = BreakerPolicy {
        failures: 1,
        window: 2,
        failure_percent: 3,
        open_for: seconds(4),
        max_open_for: seconds(5),
        trial_timeout: seconds(6),
    };
    assert_eq!(spec.policy.breaker, Some(breaker));
    let recycle = RecyclePolicy { max_memory: Some(1 << 30), max_age: Some(seconds(24 * 3600)) };
    assert_eq!(spec.policy.recycle, recycle);
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
    let text = r#"{ "mcpServers": { "a": { "command": "x", "profiles": ["p"] }, "b": { "command": "x", "tag": [] },
                    "c": { "command": "x", "_mine": 1, "x-mine": 2, "alwaysAllow": ["t"] } }, "hobby": 1 }"#;
    let (parsed, short) = read_all(&[text], true);
    expect![[r#"
        0.json:1:42: error[MS008]: `profiles` is not supported yet by this version and is ignored
        0.json:1:86: error[MS007]: unknown key `tag` of a service; did you mean `tags`?
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

#[test]
fn probes_and_conditions_of_every_kind_are_read() {
    let probe = |value: &str| one(&format!("\"health\": {{ \"probe\": {value} }}")).policy.health.probe;
    assert_eq!(probe("\"discover\""), ProbeKind::Discover);
    let args = r#"{"q":"t0ken ${X}","n":[1.50,null,{"b":true}]}"#.to_owned();
    assert_eq!(
        probe(r#"{ "tool": "t", "args": { "q": "${env:SEARCH_TOKEN} $${X}", "n": [1.50, null, { "b": true }] } }"#),
        ProbeKind::Tool { name: "t".to_owned(), args }
    );
    assert_eq!(probe(r#"{ "tool": "t" }"#), ProbeKind::Tool { name: "t".to_owned(), args: "{}".to_owned() });
    let exec = |args: &[&str]| ProbeKind::Exec {
        command: "x".to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(probe(r#"{ "exec": "x" }"#), exec(&[]));
    assert_eq!(probe(r#"{ "exec": ["x", "-f", "${SEARCH_TOKEN}"] }"#), exec(&["-f", "t0ken"]));
    let spec = one(r#""waitFor": { "tcp": "db:1" }"#);
    assert_eq!(spec.wait_for, [WaitCondition::Tcp { address: "db:1".to_owned() }]);
    let spec = one(r#""waitFor": [{ "file": "/up" }, { "http": "https://h" }, { "exec": ["x"] }]"#);
    let words: Vec<&str> = spec.wait_for.iter().map(WaitCondition::word).collect();
    assert_eq!(words, ["file", "http", "exec"]);
}

#[test]
fn breakers_and_recycling_are_switched_off_and_inherited() {
    let (parsed, short) = read(
        r#"{ "mcpServers": {
               "off": { "command": "x", "breaker": false, "recycle": false, "health": { "readiness": false } },
               "on": { "command": "x", "breaker": true },
               "own": { "command": "x", "breaker": { "openFor": "2m" }, "recycle": { "maxMemory": 16777216 } } },
             "defaults": { "breaker": { "failures": 9 }, "recycle": { "maxAge": "1h" }, "health": { "readiness": "list" } } }"#,
    );
    assert_eq!(short, "");
    let policy = |name| &spec(&parsed, name).policy;
    assert_eq!((policy("off").breaker, policy("off").recycle), (None, RecyclePolicy::default()));
    assert_eq!(policy("off").health.readiness, None);
    assert_eq!(policy("on").breaker.map(|breaker| breaker.failures), Some(9));
    assert_eq!(policy("on").health.readiness, Some(ProbeKind::List));
    let own = policy("own").breaker.expect("a breaker");
    let two = Duration::from_secs(120);
    assert_eq!((own.failures, own.open_for, own.max_open_for), (9, two, two), "the longest time goes along");
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(policy("own").recycle, RecyclePolicy { max_memory: Some(16 << 20), max_age: hour });
}

fn alerts(text: &str) -> AlertsSpec {
    let (parsed, short) =
        read(&format!("{{ \"mcpServers\": {{ \"a\": {{ \"command\": \"x\" }} }}, \"alerts\": {text} }}"));
    assert_eq!(short, "", "{text}");
    parsed.config.alerts
}

fn rule(alerts: &AlertsSpec, kind: AlertKind) -> AlertRule {
    alerts.rules.iter().find(|rule| rule.kind == kind).expect("one rule per kind").clone()
}

#[test]
fn alerts_have_defaults_and_are_tuned() {
    assert_eq!(alerts("{}"), AlertsSpec::default());
    assert!(!alerts("false").enabled && !alerts(r#"{ "enabled": false }"#).enabled);
    assert_eq!(alerts(r#"{ "repeat": false }"#).repeat, None);
    let tuned = alerts(
        r#"{ "repeat": "1h", "rules": { "gave_up": false, "errorRate": { "threshold": "20%", "minCalls": 5 },
             "latency": { "threshold": "5s", "window": "1m", "services": ["a", "*"] }, "budget_near": { "threshold": 0 },
             "startSlow": { "threshold": 90, "clear": "1m", "severity": "info", "for": "1s", "resolveAfter": "2s" } } }"#,
    );
    assert_eq!(tuned.repeat, Some(Duration::from_secs(3600)));
    assert!(!rule(&tuned, AlertKind::GaveUp).enabled);
    let of = |kind| (rule(&tuned, kind).threshold, rule(&tuned, kind).clear_threshold);
    assert_eq!(of(AlertKind::ErrorRate), (0.2, 0.1), "the usual relation");
    assert_eq!(of(AlertKind::Latency), (5.0, 4.0));
    assert_eq!(of(AlertKind::BudgetNear), (0.0, 1.0));
    assert_eq!(of(AlertKind::StartSlow), (90.0, 60.0));
    assert_eq!(rule(&tuned, AlertKind::ErrorRate).min_calls, 5);
    let latency = rule(&tuned, AlertKind::Latency);
    assert_eq!((latency.window, latency.services), (Duration::from_secs(60), vec!["a".to_owned(), "*".to_owned()]));
    let slow = rule(&tuned, AlertKind::StartSlow);
    assert_eq!((slow.severity, slow.hold.as_secs(), slow.resolve_after.as_secs()), (AlertSeverity::Info, 1, 2));
    assert_eq!(rule(&tuned, AlertKind::Flapping), AlertRule::new(AlertKind::Flapping));
}

#[test]
fn sinks_replace_the_log_and_get_names() {
    let sinks = alerts(
        r#"{ "sinks": [
             { "type": "webhook", "url": "https://h/${SEARCH_TOKEN}", "template": "dingtalk", "signKey": "${SEARCH_TOKEN}",
               "headers": { "X-Key": "${env:SEARCH_TOKEN}" }, "only": ["gaveUp", "latency"], "minSeverity": "warning" },
             { "type": "webhook", "url": "http://127.0.0.1:1/", "name": "webhook-2" },
             { "type": "webhook", "url": "https://h" },
             { "type": "exec", "command": "x", "args": ["y"], "sendResolved": false },
             { "type": "mail", "server": "smtps://h", "from": "a@b", "to": "c@d" }, { "type": "desktop" }, { "type": "log" } ] }"#,
    )
    .sinks;
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["webhook-1", "webhook-2", "webhook-3", "command-1", "mail-1", "desktop-1", "log-1"]);
    let SinkKind::Webhook { url, template, headers, sign_key } = &sinks[0].kind else { panic!("a webhook") };
    assert_eq!((url.expose(), *template), ("https://h/t0ken", WebhookTemplate::DingTalk));
    assert_eq!(headers["X-Key"].expose(), "t0ken");
    assert_eq!(sign_key.as_ref().map(Secret::expose), Some("t0ken"));
    assert_eq!(sinks[0].only, [AlertKind::GaveUp, AlertKind::Latency]);
    assert_eq!((sinks[0].min_severity, sinks[3].send_resolved), (AlertSeverity::Warning, false));
    assert_eq!(sinks[3].kind, SinkKind::Command { command: "x".to_owned(), args: vec!["y".to_owned()] });
    assert_eq!(alerts(r#"{ "sinks": [] }"#).sinks, []);
}

#[test]
fn a_broken_sink_is_left_out_and_the_log_stays_when_it_was_the_only_one() {
    let (parsed, _) = read(r#"{ "mcpServers": {}, "alerts": { "sinks": [{ "type": "webhook" }] } }"#);
    assert!(parsed.has_errors());
    assert_eq!(parsed.config.alerts, AlertsSpec::default());
    let (parsed, _) =
        read(r#"{ "mcpServers": {}, "alerts": { "sinks": [{ "type": "webhook" }, { "type": "desktop" }] } }"#);
    assert_eq!(parsed.config.alerts.sinks.len(), 1);
    // Of a text that is broken nothing runs.
    let (parsed, _) = read(r#"{ "mcpServers": {}, "alerts": { "sinks": [{ "type": "command", "command": "x" }] }, }}"#);
    assert!(parsed.has_errors());
    assert_eq!(parsed.config.alerts, AlertsSpec::default());
}

#[test]
fn alerts_of_several_texts_are_laid_over_each_other() {
    let (parsed, short) = read_all(
        &[
            r#"{ "mcpServers": {}, "alerts": { "repeat": "1h", "rules": { "gave_up": { "for": "5s" }, "leaked": false },
                 "sinks": [{ "type": "desktop" }] } }"#,
            r#"{ "alerts": { "rules": { "gaveUp": { "severity": "info" } }, "sinks": [{ "type": "log" }] } }"#,
        ],
        true,
    );
    assert_eq!(short, "");
    let alerts = &parsed.config.alerts;
    assert_eq!(alerts.repeat, Some(Duration::from_secs(3600)));
    assert!(!rule(alerts, AlertKind::Leaked).enabled);
    let gave_up = AlertRule { severity: AlertSeverity::Info, ..AlertRule::new(AlertKind::GaveUp) };
    assert_eq!(rule(alerts, AlertKind::GaveUp), gave_up, "a rule replaces a rule");
    let names: Vec<&str> = alerts.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["log-1"]);
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[test]
fn what_clients_of_the_gateway_see_of_a_service_arrives() {
    let spec = one(r#""tools": { "allow": ["search_*", "ls"], "deny": ["search_all"], "rename": { "ls": "list" },
                      "describe": { "search_web": "Searches" }, "expose": "plain" },
           "isolation": "per_session", "start": "lazy", "idleStop": "10m""#);
    let rules = ToolRules {
        allow: texts(&["search_*", "ls"]),
        deny: texts(&["search_all"]),
        rename: [pair("ls", "list")].into(),
        describe: [pair("search_web", "Searches")].into(),
        expose: Expose::Plain,
    };
    assert_eq!(spec.tools, rules);
    assert!(rules.offers("search_web") && rules.offers("ls") && !rules.offers("search_all") && !rules.offers("rm"));
    assert_eq!((spec.isolation, spec.start), (Isolation::PerSession, StartMode::Lazy));
    assert_eq!(spec.idle_stop, Some(Duration::from_secs(600)));
    assert_eq!(one(r#""idleStop": "off""#).idle_stop, None);
    assert_eq!(one(r#""tools": { }, "tags": []"#), one(r#""tags": []"#));
}

#[test]
fn defaults_say_how_tools_are_named_and_when_services_run() {
    let (parsed, short) = read(
        r#"{ "mcpServers": { "a": { "command": "x" },
                         "b": { "command": "x", "tools": { "expose": "prefixed" }, "start": "eager", "idleStop": false, "isolation": "auto" } },
             "defaults": { "tools": { "expose": "plain" }, "start": "lazy", "idleStop": "5m", "isolation": "shared" } }"#,
    );
    assert_eq!(short, "");
    let seen = |wanted| {
        let spec = spec(&parsed, wanted);
        (spec.tools.expose, spec.start, spec.idle_stop, spec.isolation)
    };
    assert_eq!(seen("a"), (Expose::Plain, StartMode::Lazy, Some(Duration::from_secs(300)), Isolation::Shared));
    assert_eq!(seen("b"), (Expose::Prefixed, StartMode::Eager, None, Isolation::Auto));
}

#[test]
fn other_clients_words_for_tools_mean_what_they_mean_there() {
    let seen = |fields: &str| {
        let tools = one(fields).tools;
        (tools.allow.join(" "), tools.deny.join(" "))
    };
    let of = |allow: &str, deny: &str| (allow.to_owned(), deny.to_owned());
    assert_eq!(seen(r#""enabledTools": ["a", "b"], "disabledTools": ["b"]"#), of("a b", "b"));
    assert_eq!(seen(r#""includeTools": ["a(x, y)", "b"], "excludeTools": ["c"]"#), of("a b", "c"));
    // A list of what there is that has nothing in it leaves nothing.
    assert_eq!(seen(r#""enabledTools": []"#), of("", "*"));
    assert_eq!(seen(r#""tools": []"#), of("", "*"));
    assert_eq!(seen(r#""disabledTools": [], "excludeTools": []"#), of("", ""));
    assert_eq!(seen(r#""tools": ["*"]"#), of("", ""));
    assert_eq!(seen(r#""tools": ["a"]"#), of("a", ""));
    // What is left out beside our own words is left out too.
    assert_eq!(
        seen(r#""tools": { "allow": ["a*"], "deny": ["ab"] }, "disabledTools": ["ac", "ab"]"#),
        of("a*", "ab ac")
    );
}
