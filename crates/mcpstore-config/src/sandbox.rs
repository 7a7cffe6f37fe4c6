//! What a launched server is kept from: `sandbox` and what belongs to it, `limits`, `inheritEnv`.

use std::path::PathBuf;

use mcpstore_types::{Limits, Sandbox, StdioSpec};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::expand::expanded;
use crate::fields::{Field, entry, get};
use crate::size::size;
use crate::values::{object, text_list, whole, word};
use crate::words::LIMITS;

/// The least and the most bytes that `limits.memory` takes: less is no program, more is no limit.
pub(crate) const MEMORY: [u64; 2] = [16 << 20, 16 << 40];

/// The least and the most that `limits.files` takes.
pub(crate) const FILES: [u32; 2] = [16, 1 << 20];

/// The least and the most that `limits.processes` takes.
pub(crate) const PROCESSES: [u32; 2] = [1, 1 << 22];

/// Reads the fields of an entry into its spec.
pub(crate) fn apply(cx: &mut Context<'_>, entry: &[Field<'_>], spec: &mut StdioSpec) {
    if let Some(field) = get(entry, "inheritEnv") {
        spec.inherit_env = patterns(cx, field);
    }
    if let Some(field) = get(entry, "sandbox") {
        spec.sandbox = word(cx, "sandbox", field.value, &Sandbox::WORDS).unwrap_or_default();
    }
    if let Some(field) = get(entry, "sandboxRead") {
        spec.sandbox_read = paths(cx, field, spec.sandbox);
    }
    if let Some(field) = get(entry, "sandboxWrite") {
        spec.sandbox_write = paths(cx, field, spec.sandbox);
    }
    if let Some(field) = get(entry, "limits") {
        spec.limits = limits(cx, field);
    }
}

/// Names of variables, each once, of which a `*` at the end stands for any end.
fn patterns(cx: &mut Context<'_>, field: Field<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (pattern, value) in text_list(cx, "inheritEnv", field.value) {
        let name = pattern.strip_suffix('*').unwrap_or(pattern);
        let fault = if pattern == "*" {
            Some((
                "`*` would pass on everything, secrets of other programs too".to_owned(),
                "name what it needs, for example \"AWS_PROFILE\" or \"AWS_*\"",
            ))
        } else if name.is_empty() || name.contains(['*', '=', '\0']) || name.contains(char::is_whitespace) {
            let message = format!("`{}` is no pattern for names of variables", shown(pattern));
            Some((message, "write a name, or the beginning of names and a `*`: \"AWS_*\""))
        } else {
            None
        };
        if let Some((message, help)) = fault {
            cx.push(cx.error_at(value, Code::BadPattern, message).with_help(help));
        } else if !out.iter().any(|known| known == pattern) {
            out.push(pattern.to_owned());
        }
    }
    out
}

/// Absolute paths, with their variables filled in.
fn paths(cx: &mut Context<'_>, field: Field<'_>, sandbox: Sandbox) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for (text, value) in text_list(cx, field.key, field.value) {
        let Some(path) = expanded(cx, field.key, value, text) else { continue };
        if !path.starts_with('/') || path.contains('\0') {
            // Not quoted: variables are filled in, and some are secret.
            let message = format!("a path in `{}` is not absolute", field.key);
            let help = "write it from the root: \"/srv/files\" or \"${HOME}/files\"";
            cx.push(cx.error_at(value, Code::BadPattern, message).with_help(help));
        } else {
            out.push(PathBuf::from(path));
        }
    }
    if sandbox < Sandbox::Restricted {
        let place = cx.place(field.key_at);
        let message = format!("`{}` has no effect with the sandbox `{}`", field.key, sandbox.word());
        let diagnostic = Diagnostic::warning(Code::NoEffect, message).with_place(place);
        cx.push(diagnostic.with_help("it says what \"sandbox\": \"restricted\" or \"isolated\" lets through"));
    }
    out
}

fn limits(cx: &mut Context<'_>, field: Field<'_>) -> Limits {
    let Some(object) = object(cx, "limits", field.value) else { return Limits::default() };
    let inner = entry(cx, object, &LIMITS);
    let memory = get(&inner, "memory");
    let memory = memory.and_then(|field| size(cx, "limits.memory", field, MEMORY, "between 16MiB and 16TiB"));
    let files = get(&inner, "files").and_then(|field| whole(cx, "limits.files", field, FILES[0], FILES[1]));
    let processes =
        get(&inner, "processes").and_then(|field| whole(cx, "limits.processes", field, PROCESSES[0], PROCESSES[1]));
    Limits { memory, files: files.map(u64::from), processes: processes.map(u64::from) }
}
