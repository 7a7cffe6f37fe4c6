//! The keys a config may have: those read, those to come, and those of other clients.

/// The keys of one kind of object.
pub(crate) struct Keys {
    /// What the object is, for messages.
    pub(crate) of: &'static str,
    /// Read by this version.
    pub(crate) read: &'static [&'static str],
    /// Known, and not read yet: said aloud, so that nobody relies on them.
    pub(crate) later: &'static [&'static str],
    /// Other clients' own, without meaning here.
    pub(crate) foreign: &'static [&'static str],
}

/// The keys that hold a server's address; some clients have words of their own.
pub(crate) const URL_KEYS: &[&str] = &["url", "serverUrl", "httpUrl"];

pub(crate) const SERVICE: Keys = Keys {
    of: "a service",
    read: &[
        "command",
        "args",
        "env",
        "envFile",
        "cwd",
        "inheritEnv",
        "sandbox",
        "sandboxRead",
        "sandboxWrite",
        "limits",
        "url",
        "headers",
        "caFile",
        "oauth",
        "settings",
        "type",
        "transport",
        "disabled",
        "era",
        "dependsOn",
        "enabled",
        "tags",
        "description",
        "restart",
        "recovery",
        "timeouts",
        "health",
        "breaker",
        "recycle",
        "waitFor",
        "tools",
        "isolation",
        "start",
        "idleStop",
        "serverUrl",
        "httpUrl",
        "enabledTools",
        "includeTools",
        "disabledTools",
        "excludeTools",
    ],
    later: &[
        "profiles",
        "alerts",
        // Other clients': they would change what the server gets or shows.
        "auth",
        "headersHelper",
        "oauthResource",
        "requestInit",
        "requestOptions",
        "sandboxEnabled",
    ],
    foreign: &[
        "alwaysAllow",
        "alwaysLoad",
        "authProviderType",
        "autoApprove",
        "chatMenu",
        "comment",
        "connectionTimeout",
        "defaultToolsApprovalMode",
        "dev",
        "displayName",
        "gallery",
        "icon",
        "iconPath",
        "initTimeout",
        "keep_alive",
        "longRunning",
        "metadata",
        "name",
        "note",
        "notes",
        "provider",
        "providerUrl",
        "logoUrl",
        "required",
        "serverInstructions",
        "source",
        "startupTimeout",
        "targetAudience",
        "targetServiceAccount",
        "timeout",
        "trust",
        "version",
        "watchPaths",
    ],
};

pub(crate) const TOP: Keys = Keys {
    of: "the top level",
    read: &["mcpServers", "defaults", "gateway", "profiles", "inputs", "alerts"],
    later: &[],
    foreign: &[
        "context",
        "data",
        "description",
        "docs",
        "globalShortcut",
        "isDxtAutoUpdatesEnabled",
        "isUsingBuiltInNodeForMcp",
        "locale",
        "models",
        "name",
        "numStartups",
        "permissions",
        "preferences",
        "projects",
        "prompts",
        "rules",
        "scale",
        "schema",
        "theme",
        "userThemeMode",
        "version",
    ],
};

pub(crate) const DEFAULTS: Keys = Keys {
    of: "`defaults`",
    read: &[
        "restart",
        "recovery",
        "timeouts",
        "health",
        "breaker",
        "recycle",
        "era",
        "sandbox",
        "limits",
        "inheritEnv",
        "env",
        "tools",
        "isolation",
        "start",
        "idleStop",
    ],
    later: &[],
    foreign: &[],
};

pub(crate) const TOOLS: Keys =
    Keys { of: "`tools`", read: &["allow", "deny", "rename", "describe", "expose"], later: &[], foreign: &[] };

pub(crate) const DEFAULT_TOOLS: Keys = Keys { of: "`defaults.tools`", read: &["expose"], later: &[], foreign: &[] };

pub(crate) const VIEW_TOOLS: Keys =
    Keys { of: "`tools` of a profile", read: &["allow", "deny"], later: &[], foreign: &[] };

pub(crate) const GATEWAY: Keys = Keys {
    of: "`gateway`",
    read: &[
        "maxParallelStarts",
        "listen",
        "auth",
        "origins",
        "hosts",
        "tls",
        "requestsPerMinute",
        "resumeWait",
        "pollAfter",
        "staleTools",
        "toolChanges",
        "audit",
    ],
    later: &[],
    foreign: &[],
};

pub(crate) const TLS: Keys = Keys { of: "`gateway.tls`", read: &["cert", "key"], later: &[], foreign: &[] };

pub(crate) const PROFILE: Keys =
    Keys { of: "a profile", read: &["services", "tools", "description"], later: &[], foreign: &["name"] };

pub(crate) const INPUT: Keys = Keys {
    of: "an input",
    read: &["id", "type", "description", "default", "password"],
    later: &[],
    foreign: &["options", "command", "args"],
};

pub(crate) const DEPENDENCY: Keys =
    Keys { of: "a dependency", read: &["on", "kind", "condition"], later: &[], foreign: &[] };

pub(crate) const RESTART: Keys = Keys {
    of: "`restart`",
    read: &[
        "policy",
        "maxAttempts",
        "window",
        "maxInWindow",
        "delay",
        "maxDelay",
        "jitter",
        "stableAfter",
        "slowRetry",
    ],
    later: &[],
    foreign: &[],
};

pub(crate) const TIMEOUTS: Keys = Keys {
    of: "`timeouts`",
    read: &["wait", "start", "handshake", "list", "call", "callTotal", "drain", "close", "term", "kill", "reap"],
    later: &[],
    foreign: &[],
};

pub(crate) const LIMITS: Keys =
    Keys { of: "`limits`", read: &["memory", "files", "processes"], later: &[], foreign: &[] };

pub(crate) const HEALTH: Keys = Keys {
    of: "`health`",
    read: &["probe", "readiness", "interval", "timeout", "rise", "fall", "startup"],
    later: &[],
    foreign: &[],
};

pub(crate) const PROBE: Keys =
    Keys { of: "a probe", read: &["tool", "args", "http", "tcp", "exec"], later: &[], foreign: &[] };

pub(crate) const CONDITION: Keys =
    Keys { of: "`waitFor`", read: &["tcp", "http", "file", "exec"], later: &[], foreign: &[] };

pub(crate) const BREAKER: Keys = Keys {
    of: "`breaker`",
    read: &["failures", "window", "failurePercent", "openFor", "maxOpenFor", "trialTimeout"],
    later: &[],
    foreign: &[],
};

pub(crate) const RECYCLE: Keys = Keys { of: "`recycle`", read: &["maxMemory", "maxAge"], later: &[], foreign: &[] };

pub(crate) const ALERTS: Keys =
    Keys { of: "`alerts`", read: &["enabled", "repeat", "rules", "sinks"], later: &[], foreign: &[] };

/// The kinds of alerts, in the order of `AlertKind::ALL`.
pub(crate) const RULES: Keys = Keys {
    of: "`alerts.rules`",
    read: &[
        "gave_up",
        "leaked",
        "stop_failed",
        "flapping",
        "dependency_failed",
        "probe_degraded",
        "start_slow",
        "budget_near",
        "error_rate",
        "latency",
    ],
    later: &[],
    foreign: &[],
};

pub(crate) const RULE: Keys = Keys {
    of: "a rule",
    read: &["enabled", "severity", "for", "resolveAfter", "threshold", "clear", "window", "minCalls", "services"],
    later: &[],
    foreign: &[],
};

pub(crate) const SINK: Keys = Keys {
    of: "a sink",
    read: &[
        "name",
        "type",
        "url",
        "template",
        "headers",
        "signKey",
        "command",
        "args",
        "server",
        "from",
        "to",
        "minSeverity",
        "only",
        "sendResolved",
    ],
    later: &[],
    foreign: &[],
};

pub(crate) const OAUTH: Keys = Keys {
    of: "`oauth`",
    read: &["clientId", "clientSecret", "issuer", "clientMetadataUrl", "scopes", "callbackPort"],
    later: &["authServerMetadataUrl"],
    foreign: &[
        "enabled",
        "audiences",
        "authorizationUrl",
        "tokenUrl",
        "registrationUrl",
        "redirectUri",
        "tokenParamName",
    ],
};

/// Words that other programs have for ours.
pub(crate) const SYNONYMS: &[(&str, &str)] = &[
    ("environment", "env"),
    ("envVars", "env"),
    ("arguments", "args"),
    ("parameters", "args"),
    ("executable", "command"),
    ("program", "command"),
    ("workingDirectory", "cwd"),
    ("workdir", "cwd"),
    ("depends", "dependsOn"),
    ("requires", "dependsOn"),
    ("after", "dependsOn"),
    ("endpoint", "url"),
    ("address", "url"),
    ("baseUrl", "url"),
    ("httpHeaders", "headers"),
    ("healthcheck", "health"),
    ("restartPolicy", "restart"),
    ("servers", "mcpServers"),
    ("labels", "tags"),
    ("include", "allow"),
    ("exclude", "deny"),
    ("aliases", "rename"),
    ("certificate", "cert"),
    ("privateKey", "key"),
];

/// True for a key that some object of a config may have, of whatever client. Those of `gateway.tls` are not among them: a
/// variable or a setting that is called `key` has a secret for a value.
pub(crate) fn is_word(key: &str) -> bool {
    const ALL: &[&Keys] = &[
        &SERVICE,
        &TOP,
        &DEFAULTS,
        &TOOLS,
        &GATEWAY,
        &PROFILE,
        &INPUT,
        &DEPENDENCY,
        &RESTART,
        &TIMEOUTS,
        &LIMITS,
        &HEALTH,
        &PROBE,
        &CONDITION,
        &BREAKER,
        &RECYCLE,
        &ALERTS,
        &RULES,
        &RULE,
        &SINK,
        &OAUTH,
    ];
    ALL.iter().any(|keys| keys.read.contains(&key) || keys.later.contains(&key) || keys.foreign.contains(&key))
        || matches!(key, "servers" | "mcp" | "mcp_servers" | "context_servers")
}

/// True for keys that are nobody's business: `$schema`, `_comment`, `x-…`, `//`.
pub(crate) fn is_private(key: &str) -> bool {
    key.starts_with(['$', '_']) || key.starts_with("x-") || key.starts_with("//")
}
