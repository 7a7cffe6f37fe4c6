//! Every fault that the hostile server has, by name: how it is made to happen. Each has a test (`tests/faults.rs` looks).

use crate::http::HttpFault;

/// A fault, and what makes it happen.
#[derive(Debug)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// The flags of `mcpstore-fixture` that make it happen, apart by spaces; a word `FILE` stands for a path of the test's
    /// and `PORT` for a free port. Empty when a call alone does, or when there is no server to it.
    pub flags: &'static str,
    /// The tool whose call makes it happen, and its arguments.
    pub call: Option<(&'static str, &'static str)>,
}

impl Fault {
    /// What goes wrong over HTTP, with `url` in place of `URL`.
    ///
    /// # Panics
    /// When it is no fault over HTTP.
    #[must_use]
    pub fn over_http(&self, url: &str) -> HttpFault {
        let named = self.flags.split(' ').skip_while(|word| *word != "--fault").nth(1);
        let Some(fault) = named.and_then(|name| HttpFault::named(&name.replace("URL", url))) else {
            panic!("{} is no fault over HTTP", self.name)
        };
        fault
    }
}

/// The fault of this name.
///
/// # Panics
/// When there is none: the test that asks for it tests nothing.
#[must_use]
pub fn fault(name: &str) -> &'static Fault {
    let Some(fault) = FAULTS.iter().find(|fault| fault.name == name) else { panic!("no fault is called {name}") };
    fault
}

const fn flags(name: &'static str, flags: &'static str) -> Fault {
    Fault { name, flags, call: None }
}

const fn call(name: &'static str, tool: &'static str, arguments: &'static str) -> Fault {
    Fault { name, flags: "", call: Some((tool, arguments)) }
}

/// Every fault.
pub const FAULTS: &[Fault] = &[
    // How it ends.
    flags("exit-at-once-0", "--exit-at-once 0"),
    flags("exit-at-once-3", "--exit-at-once 3 --stderr-text no-such-database"),
    call("kill-in-call", "die", r#"{"how":"kill"}"#),
    call("segfault-in-call", "die", r#"{"how":"segv"}"#),
    call("abort-in-call", "die", r#"{"how":"abort"}"#),
    call("stop-in-call", "die", r#"{"how":"stop"}"#),
    call("exit-in-call", "crash", r#"{"code":7}"#),
    flags("half-line-then-death", "--half-line-then-die"),
    Fault { name: "half-answer-then-death", flags: "--reply half-then-die", call: Some(("echo", r#"{"text":"x"}"#)) },
    Fault {
        name: "half-answer-then-silence",
        flags: "--reply half-then-hang",
        call: Some(("echo", r#"{"text":"x"}"#)),
    },
    flags("crash-just-after-stable", "--die-after 2000"),
    flags("flapping", "--flap --state FILE"),
    flags("crashes-at-first", "--crash-first 2 --state FILE"),
    flags("ignores-eof-and-term", "--ignore-eof --ignore-term"),
    flags("slow-stop", "--slow-stop 300"),
    flags("slow-start", "--slow-start 300"),
    flags("grandchildren-in-the-group", "--children 2"),
    // Only a warden gets hold of these: their tests are those of the warden, and name the flags.
    flags("grandchildren-in-their-own-sessions", "--setsid-children 2"),
    flags("grandchildren-forked-twice", "--orphans 2"),
    // How it keeps silent.
    flags("hang-in-handshake", "--hang-init"),
    flags("hang-in-list", "--hang-list"),
    flags("hang-in-call", "--hang-call"),
    flags("hang-in-ping", "--hang-ping"),
    flags("never-reads-stdin", "--never-read"),
    flags("deaf-after-handshake", "--deaf"),
    call("closes-only-stdin", "close", r#"{"what":"stdin"}"#),
    Fault { name: "closes-only-stdout", flags: "--ignore-eof", call: Some(("close", r#"{"what":"stdout"}"#)) },
    // What it writes between the messages.
    flags("noise", "--noise"),
    flags("invalid-utf8", "--invalid-utf8"),
    flags("nul", "--nul"),
    flags("byte-order-mark", "--bom"),
    flags("cr-lf", "--crlf"),
    flags("empty-array", "--empty-array"),
    flags("bare-number", "--bare-number"),
    flags("noise-flood", "--noise-flood"),
    flags("stderr-flood", "--stderr-flood"),
    flags("stderr-flood-of-short-lines", "--short-line-flood"),
    call("notification-flood", "notes", r#"{"n":20000}"#),
    call("list-changed-storm", "list_changed", r#"{"n":20000}"#),
    call("endless-progress", "progress", r#"{"n":18446744073709551615,"ms":1}"#),
    call("endless-progress-flood", "progress", r#"{"n":18446744073709551615,"ms":0}"#),
    // How it answers a call.
    call("huge-line", "long", r#"{"bytes":300000000}"#),
    call("big-reply", "long", r#"{"bytes":20000000}"#),
    call("deep-nesting", "deep", r#"{"depth":100000}"#),
    flags("odd-result", "--odd-result"),
    flags("unknown-id", "--wrong-id"),
    flags("duplicate-answer", "--duplicate-reply"),
    flags("float-id", "--reply float-id"),
    flags("string-id", "--reply string-id"),
    flags("null-id", "--reply null-id"),
    flags("no-id", "--reply no-id"),
    flags("same-id-twice", "--reply same-id-twice"),
    flags("two-ids", "--reply two-ids"),
    flags("two-results", "--reply two-results"),
    flags("wrong-case", "--reply wrong-case"),
    flags("no-version", "--reply no-version"),
    flags("result-and-error", "--reply both"),
    flags("neither-result-nor-error", "--reply neither"),
    flags("batch", "--reply batch"),
    flags("answer-in-pieces", "--reply dribble"),
    flags("answers-out-of-order", "--reverse 20"),
    flags("answer-after-cancel", "--answer-cancelled"),
    // How it shakes hands.
    flags("handshake-rejected", "--reject-init"),
    flags("handshake-odd", "--odd-init"),
    flags("handshake-huge", "--big-init 2000000"),
    flags("wrong-version", "--protocol 1999-01-01"),
    flags("version-of-the-other-era", "--protocol 2026-07-28"),
    flags("version-is-a-number", "--odd-protocol 20251125"),
    flags("version-is-a-list", r#"--odd-protocol ["2025-11-25","2025-06-18"]"#),
    flags("version-is-empty", r#"--odd-protocol """#),
    flags("version-is-missing", "--odd-protocol -"),
    flags("asks-in-handshake", "--ask-at-init"),
    flags("exit-at-the-probe", "--probe exit"),
    flags("hang-at-the-probe", "--probe hang"),
    flags("blocked-by-the-probe", "--probe block"),
    flags("probe-refused", "--probe refuse"),
    call("request-the-client-cannot-take", "ask", r#"{"method":"sampling/createMessage","params":{"messages":[]}}"#),
    // What it lists.
    flags("bad-tool", "--bad-tool"),
    flags("new-list-each-time", "--new-list"),
    flags("endless-cursor", "--endless-cursor"),
    flags("same-cursor", "--same-cursor"),
    flags("ten-thousand-tools", "--many-tools 10000"),
    flags("huge-descriptions", "--big-descriptions 700000"),
    flags("descriptions-of-a-megabyte", "--big-descriptions 1048576"),
    flags("changed-definitions", "--changing --state FILE"),
    // What it takes.
    flags("holds-its-lock", "--hold-lock FILE"),
    flags("holds-its-port", "--hold-port PORT"),
    flags("memory-hog", "--hog-memory 512"),
    flags("cpu-hog", "--hog-cpu 4"),
    // Over HTTP. Where there is no server to it, or its certificate is the fault, there are no flags.
    flags("http-refused", ""),
    flags("http-dns-failure", ""),
    flags("http-tls-expired", ""),
    flags("http-tls-self-signed", ""),
    flags("http-tls-missing", ""),
    flags("http-blackhole", "--http --fault blackhole"),
    flags("http-500", "--http --fault status-500"),
    flags("http-503", "--http --fault status-503 --retry-after 7"),
    flags("http-429", "--http --fault status-429 --retry-after 7"),
    flags("http-401", "--http --fault status-401"),
    flags("http-403", "--http --fault status-403"),
    flags("http-redirect-at-home", "--http --fault redirect-307=/mcp --fault-times 1"),
    flags("http-redirect-in-a-circle", "--http --fault redirect-307=/mcp"),
    flags("http-redirect-across-origins", "--http --fault redirect-307=URL"),
    flags("http-reset-after-request", "--http --fault reset"),
    flags("http-wrong-type", "--http --fault wrong-type"),
    flags("http-huge-body", "--http --fault huge-body=300000000"),
    flags("http-huge-event", "--http --fault huge-event=300000000"),
    flags("http-endless-headers", "--http --fault endless-headers"),
    flags("http-truncated-events", "--http --fault truncated"),
    flags("http-byte-split", "--http --fault byte-split"),
    flags("http-stall", "--http --fault stall"),
    flags("http-short-body", "--http --json --fault short-body"),
    flags("http-session-lost", "--http --fault session-lost --fault-times 1"),
    flags("http-session-lost-for-good", "--http --fault session-lost"),
    flags("http-cut-stream", "--http --event-ids --retry 20 --fault cut"),
    flags("http-junk-events", "--http --fault junk"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_there_once() {
        for (n, fault) in FAULTS.iter().enumerate() {
            assert!(!fault.flags.contains("--fault ") || fault.over_http("x") != HttpFault::Status(0));
            assert!(FAULTS[n + 1..].iter().all(|other| other.name != fault.name), "{} twice", fault.name);
        }
    }
}
