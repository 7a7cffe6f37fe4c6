//! Paths that mean something else in another folder, or that only shells understand.

use super::Service;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::{get, known};
use crate::tree::{Node, Value};
use crate::words::{GATEWAY, TLS};
use crate::{Code, Program};

pub(super) fn check(cx: &mut Context<'_>, service: &Service<'_>) {
    let has_cwd = get(&service.fields, "cwd").is_some();
    if let Some((literal, value)) = service.text("command") {
        if let Some(fault) = shell_only(literal) {
            tell_shell(cx, "`command`", fault, value);
        } else if !has_cwd && literal.contains('/') && is_relative(literal) && !is_missing(cx, service) {
            let message = "`command` is a relative path, and there is no `cwd`";
            tell_relative(cx, message.to_owned(), value);
        }
    }
    if let Some((literal, value)) = service.text("cwd") {
        if let Some(fault) = shell_only(literal) {
            tell_shell(cx, "`cwd`", fault, value);
        } else if is_relative(literal) {
            tell_relative(cx, "`cwd` is a relative path".to_owned(), value);
        }
    }
    if let Some(Node::List(list)) = get(&service.fields, "args").map(|field| &field.value.node) {
        let mut script = false;
        for value in list {
            let Some(literal) = value.as_text() else { continue };
            // What follows `-c` is for a shell.
            if std::mem::replace(&mut script, literal == "-c") {
                continue;
            }
            let path =
                literal.strip_prefix('-').and_then(|flag| flag.split_once('=')).map_or(literal, |(_, path)| path);
            if let Some(fault) = shell_only(path) {
                tell_shell(cx, "an argument", fault, value);
            } else if !has_cwd && (path == ".." || path.starts_with("./") || path.starts_with("../")) {
                // A lone dot is said on purpose: wherever it is started.
                tell_relative(cx, "an argument is a relative path, and there is no `cwd`".to_owned(), value);
            }
        }
    }
    if let Some(Node::Object(env)) = get(&service.fields, "env").map(|field| &field.value.node) {
        for member in &env.members {
            if let Some(fault) = member.value.as_text().and_then(shell_only) {
                let what = format!("`env.{}`", crate::diagnostic::shown_name(&member.key));
                tell_shell(cx, &what, fault, &member.value);
            }
        }
    }
}

/// The files of `gateway.tls`.
pub(super) fn gateway(cx: &mut Context<'_>, value: &Value<'_>) {
    let Some(object) = value.as_object() else { return };
    let Some(tls) = get(&known(cx, object, &GATEWAY), "tls").and_then(|field| field.value.as_object()) else { return };
    for field in known(cx, tls, &TLS) {
        let what = format!("`gateway.tls.{}`", field.key);
        let Some(path) = field.value.as_text() else { continue };
        if let Some(fault) = shell_only(path) {
            tell_shell(cx, &what, fault, field.value);
        } else if is_relative(path) {
            let message = format!("{what} is a relative path");
            let diagnostic = Diagnostic::warning(Code::RelativePath, message)
                .with_place(cx.place(field.value.at))
                .with_label("counts from the folder that the manager is started in");
            cx.push(diagnostic.with_help("write the full path"));
        }
    }
}

/// What of a path only a shell would understand.
pub(super) fn shell_only(path: &str) -> Option<&'static str> {
    if path == "~" || path.starts_with("~/") {
        Some("~")
    } else if path.starts_with("$HOME/") {
        Some("$HOME")
    } else {
        None
    }
}

/// True for a path that counts from some folder; one that begins with a reference is most likely none.
pub(super) fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '$', '~', '\\', '<']) && path.as_bytes().get(1) != Some(&b':')
}

/// A program that is not there was told already.
fn is_missing(cx: &Context<'_>, service: &Service<'_>) -> bool {
    let Some(stdio) = service.stdio() else { return false };
    !matches!(cx.outside.program(&stdio.command, None, None), Program::Found | Program::Unknown)
}

pub(super) fn tell_shell(cx: &mut Context<'_>, what: &str, fault: &str, value: &Value<'_>) {
    let message = format!("{what} begins with `{fault}`, which only shells know; no shell is asked here");
    let diagnostic = Diagnostic::warning(Code::RelativePath, message).with_place(cx.place(value.at));
    cx.push(diagnostic.with_help(format!("write `${{HOME}}` instead of `{fault}`")));
}

pub(super) fn tell_relative(cx: &mut Context<'_>, message: String, value: &Value<'_>) {
    let diagnostic = Diagnostic::warning(Code::RelativePath, message)
        .with_place(cx.place(value.at))
        .with_label("counts from the folder that the manager is started in");
    cx.push(
        diagnostic.with_help("write the full path, for example with `${workspaceFolder}`, or state an absolute `cwd`"),
    );
}
