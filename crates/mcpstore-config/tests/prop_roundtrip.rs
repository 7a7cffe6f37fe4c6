//! Properties of writing and reading: what [`entry`] writes, [`parse`] reads; a delta leads where it says; `stated` tells every value's place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mcpstore_config::{Nothing, Options, Plain, Source, alerts_entry, apply, diff, entry, parse, render_short, stated};
use mcpstore_types::{
    AlertKind, AlertRule, AlertSeverity, AlertsSpec, Backoff, BreakerPolicy, DepCondition, DepKind, Dependency, Era,
    EraChoice, Expose, HealthSpec, HttpSpec, Isolation, Limits, OAuthSpec, OtherSpec, Policy, ProbeKind, RecyclePolicy,
    RestartMode, RestartPolicy, Sandbox, Secret, ServiceName, ServiceSpec, SinkKind, SinkSpec, StartMode, StdioSpec,
    Timeouts, ToolRules, TransportSpec, WaitCondition, WebhookTemplate,
};
use proptest::prelude::*;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a good name")
}

/// Text with everything that formats treat in a way of their own.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "Z", "0", "-", ".", "/", "=", ":", "#", "\"", "'", "\\", "\n", "\t", "$", "${", "}", "${X}", "{", "[",
        ",", "é", "日", "🞄", "&", "*", "!", "|", ">", "%", "@", "`", "~", "no", "null", "1e3", "\u{7f}", "\u{2028}",
    ]);
    // What is blank would be refused.
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("x{}", pieces.concat()))
}

fn times(min_ms: u64) -> impl Strategy<Value = Duration> {
    prop::sample::select(vec![0, 1, 250, 1_000, 61_500, 3_600_000, 30 * 24 * 3_600_000])
        .prop_map(move |ms| Duration::from_millis(ms.max(min_ms)))
}

fn map(value: impl Strategy<Value = String>) -> impl Strategy<Value = BTreeMap<String, Secret>> {
    prop::collection::btree_map("[A-Z_]{1,3}", value.prop_map(Secret::new), 0..3)
}

fn stdio() -> impl Strategy<Value = StdioSpec> {
    let paths = || prop::collection::vec(text().prop_map(|text| PathBuf::from(format!("/{text}"))), 0..2);
    let limits =
        (prop::option::of(16_u64 << 20..1 << 44), prop::option::of(16_u64..1 << 20), prop::option::of(1_u64..1 << 22));
    (
        (text(), prop::collection::vec(text(), 0..3), map(text()), prop::option::of(text())),
        prop::collection::btree_set("[A-Z]{1,3}\\*?", 0..3),
        prop::sample::select(Sandbox::WORDS.to_vec()),
        (paths(), paths()),
        limits,
    )
        .prop_map(
            |((command, args, env, cwd), inherit, (_, sandbox), (read, write), (memory, files, processes))| StdioSpec {
                command,
                args,
                env,
                cwd: cwd.map(PathBuf::from),
                inherit_env: inherit.into_iter().collect(),
                sandbox,
                sandbox_read: read,
                sandbox_write: write,
                limits: Limits { memory, files, processes },
            },
        )
}

fn http() -> impl Strategy<Value = HttpSpec> {
    let visible = || "[ -~]{0,8}".prop_map(|text| text.replace('$', "S"));
    let oauth = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::collection::vec("[a-z:]{1,4}", 0..3),
        prop::option::of(1_u16..),
        any::<bool>(),
    )
        .prop_map(|(client_id, client_secret, scopes, callback_port, issued)| OAuthSpec {
            client_id,
            client_secret: client_secret.map(Secret::new),
            issuer: issued.then(|| "https://as.example".to_owned()),
            client_metadata_url: None,
            scopes,
            callback_port,
        });
    (
        prop::sample::select(vec!["https://h.example/mcp", "http://127.0.0.1:1/x?y=${z}", "unix:/run/a.sock:/mcp"]),
        map(visible()),
        oauth,
        prop::option::of(text()),
    )
        .prop_map(|(url, headers, oauth, ca)| HttpSpec {
            url: url.to_owned(),
            headers,
            oauth,
            ca_file: ca.map(PathBuf::from),
        })
}

fn transport() -> impl Strategy<Value = TransportSpec> {
    prop_oneof![
        stdio().prop_map(TransportSpec::Stdio),
        http().prop_map(TransportSpec::Http),
        http().prop_map(TransportSpec::Sse),
        map(text()).prop_map(|settings| TransportSpec::Other(OtherSpec { kind: "tcp".into(), settings })),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let modes = prop::sample::select(RestartMode::ALL.to_vec());
    let backoff = (times(0), times(0), 0..=100_u8).prop_map(|(one, other, jitter_percent)| Backoff {
        delay: one.min(other),
        max_delay: one.max(other),
        jitter_percent,
    });
    let restart = (modes, 1..9_u32, times(1), 1..9_u32, backoff, times(1), prop::option::of(times(1_000))).prop_map(
        |(mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry)| RestartPolicy {
            mode,
            max_attempts,
            window,
            max_in_window,
            backoff,
            stable_after,
            slow_retry,
        },
    );
    let timeouts = prop::collection::vec(times(1), 11).prop_map(|d| Timeouts {
        wait: d[0],
        start: d[1],
        handshake: d[2],
        list: d[3],
        call: d[4],
        call_total: d[5],
        drain: d[6],
        close: d[7],
        term: d[8],
        kill: d[9],
        reap: d[10],
    });
    let health = ((probe(), prop::option::of(probe())), times(100), times(1), 1..9_u32, 1..9_u32, times(10)).prop_map(
        |((probe, readiness), interval, timeout, rise, fall, startup)| HealthSpec {
            probe,
            readiness,
            interval,
            timeout,
            rise,
            fall,
            startup,
        },
    );
    // Most entries say little.
    let sometimes = |default: bool, policy: Policy| if default { Policy::default() } else { policy };
    let breaker = (1..9_u32, 1..=1_000_u32, 1..=100_u8, times(1), times(1), times(1)).prop_map(
        |(failures, window, failure_percent, one, other, trial_timeout)| BreakerPolicy {
            failures,
            window,
            failure_percent,
            open_for: one.min(other),
            max_open_for: one.max(other),
            trial_timeout,
        },
    );
    let recycle = (prop::option::of(16_u64 << 20..1 << 44), prop::option::of(times(1_000)))
        .prop_map(|(max_memory, max_age)| RecyclePolicy { max_memory, max_age });
    (restart, timeouts, health, prop::option::of(breaker), recycle, any::<bool>()).prop_map(
        move |(restart, timeouts, health, breaker, recycle, default)| {
            sometimes(default, Policy { restart, timeouts, health, breaker, recycle })
        },
    )
}

fn exec() -> impl Strategy<Value = (String, Vec<String>)> {
    (text(), prop::collection::vec(text(), 0..3))
}

fn url() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["http://127.0.0.1:1/up?x=${y}", "https://me:pw@h.example/", "http://[::1]"])
        .prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["127.0.0.1:1", "db.example:5432", "[::1]:65535"]).prop_map(str::to_owned)
}

/// The arguments of a tool: any object of JSON, written compactly.
fn arguments() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        text().prop_map(serde_json::Value::from),
    ];
    let value = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map(text(), inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-c_]{1,3}", value, 0..3).prop_map(|map| {
        let object: serde_json::Value = map.into_iter().collect();
        // Serde writes some characters as they are that are escaped here.
        object.to_string().replace('\u{2028}', "\\u2028").replace('\u{7f}', "\\u007f")
    })
}

fn probe() -> impl Strategy<Value = ProbeKind> {
    prop_oneof![
        prop::sample::select(vec![ProbeKind::Auto, ProbeKind::Ping, ProbeKind::Discover, ProbeKind::List]),
        (text(), arguments()).prop_map(|(name, args)| ProbeKind::Tool { name, args }),
        url().prop_map(|url| ProbeKind::Http { url }),
        address().prop_map(|address| ProbeKind::Tcp { address }),
        exec().prop_map(|(command, args)| ProbeKind::Exec { command, args }),
    ]
}

fn condition() -> impl Strategy<Value = WaitCondition> {
    prop_oneof![
        address().prop_map(|address| WaitCondition::Tcp { address }),
        url().prop_map(|url| WaitCondition::Http { url }),
        text().prop_map(|path| WaitCondition::File { path: path.into() }),
        exec().prop_map(|(command, args)| WaitCondition::Exec { command, args }),
    ]
}

fn rule(kind: AlertKind) -> impl Strategy<Value = AlertRule> {
    let thresholds = match kind {
        AlertKind::Flapping => vec![(5.0, 1.0), (1.0, 0.0), (9.0, 9.0)],
        AlertKind::BudgetNear => vec![(1.0, 2.0), (0.0, 1.0), (3.0, 9.0)],
        AlertKind::ErrorRate => vec![(0.1, 0.05), (1.0, 0.0), (0.333, 0.125)],
        AlertKind::Latency => vec![(10.0, 8.0), (0.25, 0.25), (2.5, 0.1 + 0.2)],
        AlertKind::StartSlow => vec![(30.0, 30.0), (90.0, 0.001)],
        _ => vec![(0.0, 0.0)],
    };
    let has_window = matches!(kind, AlertKind::Flapping | AlertKind::ErrorRate | AlertKind::Latency);
    let has_calls = matches!(kind, AlertKind::ErrorRate | AlertKind::Latency);
    (
        (any::<bool>(), prop::sample::select(AlertSeverity::ALL.to_vec()), times(0), times(0)),
        (prop::sample::select(thresholds), times(1_000), 1..99_u64, prop::collection::btree_set("[ab*]{1,3}", 0..3)),
        any::<bool>(),
    )
        .prop_map(
            move |((enabled, severity, hold, resolve_after), (thresholds, window, calls, services), default)| {
                let usual = AlertRule::new(kind);
                if default {
                    return usual;
                }
                AlertRule {
                    enabled,
                    severity,
                    hold,
                    resolve_after,
                    threshold: thresholds.0,
                    clear_threshold: thresholds.1,
                    window: if has_window { window } else { usual.window },
                    min_calls: if has_calls { calls } else { usual.min_calls },
                    services: services.into_iter().collect(),
                    kind,
                }
            },
        )
}

fn sink() -> impl Strategy<Value = SinkSpec> {
    let secret = |text: String| Secret::new(text);
    let visible = || "[ -~]{0,8}".prop_map(|text| text.replace('$', "S"));
    let templates = prop::sample::select(WebhookTemplate::WORDS.map(|(_, template)| template).to_vec());
    let webhook = (url(), templates, map(visible()), prop::option::of(text())).prop_map(
        move |(url, template, headers, sign_key)| SinkKind::Webhook {
            url: secret(url),
            template,
            headers,
            sign_key: sign_key.map(secret),
        },
    );
    let servers = prop::sample::select(vec!["smtps://me:${pw}@h.example", "smtp+starttls://h:587", "smtp://127.0.0.1"]);
    let mail = (servers, prop::collection::vec("[a-c]@[d-f]", 1..3)).prop_map(|(server, to)| SinkKind::Mail {
        server: server.into(),
        from: "me@here".to_owned(),
        to,
    });
    let kind = prop_oneof![
        Just(SinkKind::Log),
        Just(SinkKind::Desktop),
        webhook,
        exec().prop_map(|(command, args)| SinkKind::Command { command, args }),
        mail,
    ];
    let only = prop::sample::subsequence(AlertKind::ALL.to_vec(), 0..4);
    (kind, prop::sample::select(AlertSeverity::ALL.to_vec()), only, any::<bool>()).prop_map(
        |(kind, min_severity, only, send_resolved)| SinkSpec {
            name: String::new(),
            kind,
            min_severity,
            only,
            send_resolved,
        },
    )
}

fn alerts() -> impl Strategy<Value = AlertsSpec> {
    let rules: Vec<_> = AlertKind::ALL.into_iter().map(rule).collect();
    let sinks =
        prop::option::of(prop::collection::btree_map("[a-z]{1,5}", sink(), 0..4)).prop_map(|sinks| match sinks {
            Some(sinks) => sinks.into_iter().map(|(name, sink)| SinkSpec { name, ..sink }).collect(),
            None => vec![SinkSpec::log()],
        });
    (any::<bool>(), rules, sinks, prop::option::of(times(1_000)))
        .prop_map(|(enabled, rules, sinks, repeat)| AlertsSpec { enabled, rules, sinks, repeat })
}

/// What clients of the gateway see of a service, and when it is there.
type Exposure = (ToolRules, Isolation, StartMode, Option<Duration>);

fn exposure() -> impl Strategy<Value = Exposure> {
    let patterns = || {
        prop::collection::btree_set("[ab*?é]{1,3}", 0..3).prop_map(|patterns| patterns.into_iter().collect::<Vec<_>>())
    };
    // By their new names, of which no two are the same.
    let rename = prop::collection::btree_map("[A-Za-z0-9_-]{1,4}", "[a-c_.]{1,3}|get_token", 0..3)
        .prop_map(|names| names.into_iter().map(|(name, tool)| (tool, name)).collect());
    let describe = prop::collection::btree_map("[a-c_.]{1,3}|api_key", prop_oneof![Just(String::new()), text()], 0..3);
    let expose = prop::sample::select(vec![Expose::Prefixed, Expose::Plain]);
    let rules = (patterns(), patterns(), rename, describe, expose)
        .prop_map(|(allow, deny, rename, describe, expose)| ToolRules { allow, deny, rename, describe, expose });
    (
        rules,
        prop::sample::select(vec![Isolation::Auto, Isolation::Shared, Isolation::PerSession]),
        prop::sample::select(vec![StartMode::Eager, StartMode::Lazy]),
        prop::option::of(times(1_000)),
    )
}

/// A spec as a config may state it; its dependencies are on `a` and `b`.
fn spec() -> impl Strategy<Value = ServiceSpec> {
    let kinds = (prop::sample::select(DepKind::ALL.to_vec()), prop::sample::select(DepCondition::ALL.to_vec()));
    let dependencies = prop::collection::btree_map("[ab]", kinds, 0..3).prop_map(|map| {
        let dependency = |(on, (kind, condition)): (String, (DepKind, DepCondition))| {
            let has_condition = !matches!(kind, DepKind::PartOf | DepKind::Conflicts);
            Dependency { on: name(&on), kind, condition: if has_condition { condition } else { DepCondition::Ready } }
        };
        map.into_iter().map(dependency).collect::<Vec<_>>()
    });
    let eras =
        prop::sample::select(vec![EraChoice::Auto, EraChoice::Only(Era::Handshake), EraChoice::Only(Era::Stateless)]);
    let tags = prop::collection::btree_set("[tuv]", 0..3).prop_map(|tags| tags.into_iter().collect::<Vec<_>>());
    let wait_for = prop::collection::vec(condition(), 0..3);
    let words = (any::<bool>(), tags, prop::option::of(text()));
    (transport(), eras, (dependencies, wait_for), policy(), words, exposure()).prop_map(
        |(transport, era, (dependencies, wait_for), policy, (enabled, tags, description), exposure)| ServiceSpec {
            wait_for,
            name: name("s"),
            transport,
            era,
            dependencies,
            policy,
            enabled,
            tags,
            description,
            tools: exposure.0,
            isolation: exposure.1,
            start: exposure.2,
            idle_stop: exposure.3,
            instance_of: None,
        },
    )
}

fn set() -> impl Strategy<Value = Vec<ServiceSpec>> {
    prop::collection::btree_map("[c-f]", spec(), 0..4)
        .prop_map(|specs| specs.into_iter().map(|(text, spec)| ServiceSpec { name: name(&text), ..spec }).collect())
}

/// The config of these services, and of the two that they may depend on.
fn written(specs: &[ServiceSpec]) -> Plain {
    let helpers = ["a", "b"].map(|text| ServiceSpec::stdio(name(text), "x", Vec::<String>::new()));
    let all = helpers.iter().chain(specs).map(|spec| (spec.name.to_string(), entry(spec).expect("no server inside")));
    Plain::Object(vec![("mcpServers".to_owned(), Plain::Object(all.collect()))])
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_written_is_read(specs in set()) {
        let plain = written(&specs);
        // JSON is YAML too.
        for (file, text) in [("mcp.json", plain.pretty()), ("mcp.json", plain.to_string()), ("mcp.yaml", plain.to_string())] {
            let sources = [Source::new(file, text)];
            let parsed = parse(&sources, &Nothing, &Options { strict: true });
            let short = render_short(&parsed.diagnostics, &sources);
            prop_assert!(!parsed.has_errors(), "{file}: {short}\n{}", sources[0].text);
            prop_assert_eq!(&parsed.config.services[2..], specs.as_slice(), "{}", file);
        }
    }

    #[test]
    fn alerts_that_are_written_are_read(alerts in alerts()) {
        let plain = Plain::Object(vec![
            ("mcpServers".to_owned(), Plain::Object(Vec::new())),
            ("alerts".to_owned(), alerts_entry(&alerts)),
        ]);
        for file in ["mcp.json", "mcp.yaml"] {
            let sources = [Source::new(file, plain.pretty())];
            let parsed = parse(&sources, &Nothing, &Options { strict: true });
            let short = render_short(&parsed.diagnostics, &sources);
            prop_assert!(!parsed.has_errors(), "{file}: {short}\n{}", sources[0].text);
            prop_assert_eq!(&parsed.config.alerts, &alerts, "{}", sources[0].text);
        }
    }

    #[test]
    fn what_is_stated_is_what_is_written(specs in set()) {
        let sources = [Source::new("mcp.json", written(&specs).pretty())];
        let stated = stated(&sources);
        prop_assert_eq!(stated.len(), specs.len() + 2);
        for (stated, spec) in stated[2..].iter().zip(&specs) {
            prop_assert_eq!(Some(stated.entry.clone()), entry(spec));
            for (path, place) in stated.places() {
                let key = path.rsplit('.').next().unwrap_or(path);
                let shown = &sources[0].text[place.span.start..place.span.end];
                prop_assert!(shown.contains(key) || path.starts_with("env") || path.starts_with("headers") || path.contains(".args."), "{path}: {shown}");
            }
            prop_assert_eq!(stated.place_of("command.none"), stated.place_of("command"));
            prop_assert_eq!(stated.place_of("none"), stated.place);
        }
    }

    #[test]
    fn a_delta_leads_where_it_says((old, new) in (set(), set())) {
        let mut led = apply(&diff(&old, &new), &old);
        led.sort_by(|a, b| a.name.cmp(&b.name));
        prop_assert_eq!(led, new);
        prop_assert!(diff(&old, &old).is_empty());
        prop_assert_eq!(apply(&diff(&old, &old), &old), old);
    }
}
