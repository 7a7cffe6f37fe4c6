//! `gateway`: how many services start at a time, and how the one endpoint for all of them is reached.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use mcpstore_types::{GatewayAuth, GatewaySpec, StaleLists, TlsFiles, ToolChanges};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::duration::duration;
use crate::fields::{Field, entry, get};
use crate::parse::MAX_PARALLEL_STARTS;
use crate::policy::MAX_COUNT;
use crate::transport::filled;
use crate::tree::{Node, Value};
use crate::values::{boolean, object, text_list, whole, word, wrong_type};
use crate::words::{GATEWAY, TLS};

/// What `listen` says when nothing listens.
pub(crate) const NOWHERE: &str = "none";

/// The most names in `origins`, and in `hosts`.
pub(crate) const MAX_NAMES: usize = 100;

/// How one writes an address.
const ADDRESS: &str = "write an IP address and a port, as in \"127.0.0.1:8420\", or \"none\"";

/// The least for `resumeWait` and `pollAfter`.
pub(crate) const MIN_RESUMING: Duration = Duration::from_secs(1);

/// The words for `auth`.
const AUTH: [(&str, GatewayAuth); 2] = [("token", GatewayAuth::Token), ("none", GatewayAuth::None)];

/// The words for `staleTools`.
const STALE: [(&str, StaleLists); 2] = [("keep", StaleLists::Keep), ("leave_out", StaleLists::LeaveOut)];

/// The words for `toolChanges`.
const TOOL_CHANGES: [(&str, ToolChanges); 4] = [
    ("quarantine", ToolChanges::Quarantine),
    ("strict", ToolChanges::Strict),
    ("warn", ToolChanges::Warn),
    ("off", ToolChanges::Off),
];

/// What `gateway` says.
pub(crate) struct Read {
    /// How many services may start at a time, when it says so.
    pub(crate) max_parallel_starts: Option<u32>,
    /// How it is reached. With an error in it: not at all.
    pub(crate) spec: GatewaySpec,
}

/// What holds when it cannot be known how it is to be protected: nothing listens.
pub(crate) fn closed() -> GatewaySpec {
    GatewaySpec { listen: Some(NOWHERE.to_owned()), ..GatewaySpec::default() }
}

/// Reads `gateway`.
pub(crate) fn read(cx: &mut Context<'_>, value: &Value<'_>) -> Read {
    let Some(object) = object(cx, "gateway", value) else {
        return Read { max_parallel_starts: None, spec: closed() };
    };
    let inner = entry(cx, object, &GATEWAY);
    let max_parallel_starts = get(&inner, "maxParallelStarts")
        .and_then(|field| whole(cx, "gateway.maxParallelStarts", field, 1, MAX_PARALLEL_STARTS));
    let before = cx.sink.errors();
    let spec = spec(cx, &inner);
    Read { max_parallel_starts, spec: if cx.sink.errors() == before { spec } else { closed() } }
}

fn spec(cx: &mut Context<'_>, inner: &[Field<'_>]) -> GatewaySpec {
    let mut out = GatewaySpec::default();
    let listen = get(inner, "listen");
    let address = listen.and_then(|field| self::listen(cx, field));
    out.listen = address.map(|address| match address {
        Some(address) => address.to_string(),
        None => NOWHERE.to_owned(),
    });
    let auth = get(inner, "auth");
    if let Some(found) = auth.and_then(|field| word(cx, "gateway.auth", field.value, &AUTH)) {
        out.auth = found;
    }
    let tls = get(inner, "tls");
    out.tls = tls.and_then(|field| self::tls(cx, field));
    if let Some(field) = get(inner, "origins") {
        out.origins = names(cx, "gateway.origins", field, "origin", check_origin);
    }
    if let Some(field) = get(inner, "hosts") {
        out.hosts = names(cx, "gateway.hosts", field, "name of a host", check_host);
    }
    if let Some(field) = get(inner, "requestsPerMinute") {
        out.requests_per_minute = match &field.value.node {
            Node::Bool(false) => None,
            Node::Text(word) if word == "off" => None,
            _ => whole(cx, "gateway.requestsPerMinute", field, 1, MAX_COUNT),
        };
    }
    (out.resume_wait, out.poll_after) = resuming(cx, inner);
    if let Some(field) = get(inner, "staleTools")
        && let Some(found) = word(cx, "gateway.staleTools", field.value, &STALE)
    {
        out.stale = found;
    }
    if let Some(field) = get(inner, "toolChanges")
        && let Some(found) = word(cx, "gateway.toolChanges", field.value, &TOOL_CHANGES)
    {
        out.tool_changes = found;
    }
    if let Some(field) = get(inner, "audit")
        && let Some(found) = boolean(cx, "gateway.audit", field.value)
    {
        out.audit = found;
    }
    if let (Some(field), Some(Some(address))) = (listen, address)
        && !address.ip().to_canonical().is_loopback()
    {
        // Stated and wrong is told already.
        if tls.is_none() {
            let message = "other machines reach the gateway here, and there is no `gateway.tls`";
            let help = "state `tls` with `cert` and `key`, the files of a certificate, or listen on 127.0.0.1";
            cx.push(cx.error_at(field.value, Code::OpenGateway, message).with_help(help));
        }
        if let Some(auth) = auth.filter(|_| out.auth == GatewayAuth::None) {
            let message = "`gateway.auth` is none, and other machines reach the gateway";
            let related = cx.place(field.value.at);
            let diagnostic = cx.error_at(auth.value, Code::OpenGateway, message).with_related(related, "from here on");
            cx.push(diagnostic.with_help("take it out, so that a token is asked for, or listen on 127.0.0.1"));
        }
    }
    out
}

/// Reads `resumeWait` and `pollAfter`.
fn resuming(cx: &mut Context<'_>, inner: &[Field<'_>]) -> (Option<Duration>, Option<Duration>) {
    let time = |cx: &mut Context<'_>, key: &str| {
        let field = get(inner, key)?;
        match &field.value.node {
            Node::Bool(false) => None,
            Node::Text(word) if word == "off" => None,
            _ => duration(cx, &format!("gateway.{key}"), field, MIN_RESUMING),
        }
    };
    let after = time(cx, "pollAfter");
    let before = cx.sink.errors();
    let wait = time(cx, "resumeWait");
    // Wrong is told already.
    if let (Some(_), Some(field), None) = (after, get(inner, "pollAfter"), wait)
        && cx.sink.errors() == before
    {
        let message = "`gateway.pollAfter` closes streams, and without `gateway.resumeWait` none can be resumed";
        let help = "state `resumeWait`, for example \"30s\", or take `pollAfter` out";
        cx.push(cx.error_at(field.value, Code::OutOfRange, message).with_help(help));
    }
    (wait, after.filter(|_| wait.is_some()))
}

/// An address, or `none`. Names are not looked up here, but for the one that means this machine.
fn listen(cx: &mut Context<'_>, field: Field<'_>) -> Option<Option<SocketAddr>> {
    if !matches!(field.value.node, Node::Text(_)) {
        wrong_type(cx, "gateway.listen", field.value, "an address as text", Some(ADDRESS));
        return None;
    }
    let found = filled(cx, "gateway.listen", field)?;
    let found = found.trim();
    if found == NOWHERE {
        return Some(None);
    }
    let local = found.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match local.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).or_else(|| found.parse().ok()) {
        Some(address) => Some(Some(address)),
        None => {
            let message = format!("`gateway.listen` is no address: {}", fault(found));
            cx.push(cx.error_at(field.value, Code::BadUrl, message).with_help(ADDRESS));
            None
        }
    }
}

/// What is wrong with an address. It is not quoted: variables are filled in.
fn fault(address: &str) -> &'static str {
    if matches!(address, "off" | "false" | "no" | "never") {
        return "that nothing listens is said by `none`";
    }
    if address.contains("//") || address.contains('/') {
        return "it is an IP address and a port alone, without a scheme or a path";
    }
    if address.parse::<IpAddr>().is_ok() {
        return "it has no port";
    }
    match address.rsplit_once(':') {
        None => "it has no port",
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
            "an IPv6 address stands in brackets: \"[::1]:8420\""
        }
        Some((_, port)) if port.parse::<u16>().is_err() => "its port is no number up to 65535",
        Some(("" | "*", _)) => "it names no host; every address of this machine is 0.0.0.0",
        Some(_) => "names of machines are not looked up",
    }
}

fn tls(cx: &mut Context<'_>, field: Field<'_>) -> Option<TlsFiles> {
    let object = object(cx, "gateway.tls", field.value)?;
    let inner = entry(cx, object, &TLS);
    let mut file = |key: &str| {
        let name = format!("gateway.tls.{key}");
        if let Some(field) = get(&inner, key) {
            return filled(cx, &name, field).map(PathBuf::from);
        }
        let diagnostic = cx.error_at(field.value, Code::Empty, format!("`gateway.tls` has no `{key}`"));
        cx.push(
            diagnostic.with_help("it takes two files of PEM: `cert`, the certificates, and `key`, the private key"),
        );
        None
    };
    let (cert, key) = (file("cert"), file("key"));
    Some(TlsFiles { cert: cert?, key: key? })
}

/// A list of names, each once and in small letters: both are compared without regard to case.
fn names(
    cx: &mut Context<'_>,
    name: &str,
    field: Field<'_>,
    what: &str,
    check: fn(&str) -> Result<(), &'static str>,
) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let list = text_list(cx, name, field.value);
    if list.len() > MAX_NAMES {
        let message = format!("`{name}` has {} elements; {MAX_NAMES} are the most", list.len());
        cx.push(cx.error_at(field.value, Code::OutOfRange, message));
        return out;
    }
    for (_, value) in list {
        let element = Field { value, ..field };
        let Some(found) = filled(cx, &format!("an element of {name}"), element) else { continue };
        let found = found.trim().to_ascii_lowercase();
        if found.contains('*') {
            let message = format!("an element of `{name}` has a `*`; it takes no patterns");
            let diagnostic = Diagnostic::error(Code::BadPattern, message).with_place(cx.place(value.at));
            cx.push(diagnostic.with_help("write each name in full"));
        } else if let Err(fault) = check(&found) {
            let message = format!("an element of `{name}` is no {what}: {fault}");
            cx.push(cx.error_at(value, Code::BadUrl, message));
        } else if !out.contains(&found) {
            out.push(found);
        }
    }
    out
}

/// What is wrong with an origin (spec: RFC 6454 §6.2), if anything.
fn check_origin(origin: &str) -> Result<(), &'static str> {
    let (scheme, rest) = origin.split_once("://").ok_or("it has no scheme, as in \"https://app.example.com\"")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return Err("its scheme is none");
    }
    if rest.contains(['/', '?', '#']) {
        return Err("it is a scheme, a host and a port alone, without a path");
    }
    check_host(rest)
}

/// What is wrong with a host and its port, if anything.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.contains('/') {
        return Err("it is a host and a port alone, without a scheme or a path");
    }
    let (bare, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (v6, behind) = rest.split_once(']').ok_or("its `[` has no `]`")?;
            if v6.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("what stands in brackets is no IPv6 address");
            }
            (
                v6,
                if behind.is_empty() {
                    None
                } else {
                    Some(behind.strip_prefix(':').ok_or("behind `]` stands no port")?)
                },
            )
        }
        None => host.split_once(':').map_or((host, None), |(bare, port)| (bare, Some(port))),
    };
    if bare.is_empty() {
        return Err("it names no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("its port is no number up to 65535");
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if bare.bytes().all(is_plain) { Ok(()) } else { Err("it has a character in it that no host has") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_origins() {
        for host in ["a", "app.example.com", "a:80", "[::1]", "[::1]:80", "127.0.0.1:8420", "my_host"] {
            assert_eq!(check_host(host), Ok(()), "{host}");
            assert_eq!(check_origin(&format!("https://{host}")), Ok(()), "{host}");
        }
        for host in ["", ":80", "a:", "a:x", "a:99999", "[::1", "[a]", "[::1]80", "a b", "é", "a/b", "https://a"] {
            assert!(check_host(host).is_err(), "{host}");
            assert!(check_origin(&format!("https://{host}")).is_err(), "{host}");
        }
        for origin in ["tauri://localhost", "vscode-webview://abc", "http://localhost:3000"] {
            assert_eq!(check_origin(origin), Ok(()), "{origin}");
        }
        for origin in ["null", "localhost:3000", "://a", "1a://b", "https://a/", "https://a?b"] {
            assert!(check_origin(origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (address, part) in [
            ("off", "`none`"),
            ("http://127.0.0.1:8420", "scheme"),
            ("127.0.0.1", "no port"),
            ("::1", "no port"),
            ("8420", "no port"),
            ("::1:x", "brackets"),
            ("127.0.0.1:x", "number"),
            ("*:8420", "0.0.0.0"),
            (":8420", "0.0.0.0"),
            ("host.example:8420", "not looked up"),
        ] {
            assert!(fault(address).contains(part), "{address}: {}", fault(address));
        }
    }
}
