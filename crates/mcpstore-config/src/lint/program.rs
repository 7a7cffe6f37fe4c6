//! Whether the program of a service is there, and its folder.

use std::path::Path;

use super::paths::{shell_only, tell_shell};
use super::{Service, written};
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::near;
use crate::mask::shapes;
use crate::tree::{Node, Value};
use crate::{Code, Program};

/// Programs that servers are launched with, and what brings them.
const LAUNCHERS: &[(&str, &str)] = &[
    ("npx", "Node.js"),
    ("npm", "Node.js"),
    ("node", "Node.js"),
    ("uvx", "uv"),
    ("uv", "uv"),
    ("python", "Python"),
    ("python3", "Python"),
    ("pipx", "pipx"),
    ("docker", "Docker"),
    ("podman", "Podman"),
    ("deno", "Deno"),
    ("bun", "Bun"),
    ("bunx", "Bun"),
    ("pnpm", "pnpm"),
    ("yarn", "Yarn"),
    ("java", "a Java runtime"),
    ("dotnet", ".NET"),
    ("go", "Go"),
    ("cargo", "Rust"),
    ("ruby", "Ruby"),
    ("php", "PHP"),
    ("bash", "Bash"),
    ("sh", "a shell"),
];

/// Which interpreter runs files of an ending.
const INTERPRETERS: &[(&str, &str)] = &[
    (".js", "node"),
    (".mjs", "node"),
    (".cjs", "node"),
    (".py", "python3"),
    (".sh", "sh"),
    (".rb", "ruby"),
    (".jar", "java"),
];

/// The launchers that are there, once somebody asked.
#[derive(Default)]
pub(super) struct Launchers(Option<Vec<&'static str>>);

impl Launchers {
    fn found(&mut self, cx: &Context<'_>) -> &[&'static str] {
        self.0.get_or_insert_with(|| {
            let is_there = |name: &&str| cx.outside.program(name, None, None) == Program::Found;
            LAUNCHERS.iter().map(|(name, _)| *name).filter(is_there).collect()
        })
    }
}

pub(super) fn check(cx: &mut Context<'_>, service: &Service<'_>, launchers: &mut Launchers) {
    let Some((literal, value)) = service.text("command") else { return };
    let Some(stdio) = service.stdio() else {
        // With an error elsewhere in the entry the commonest slip is still worth telling.
        if !literal.contains("${") && is_line(cx, literal, None) {
            arguments(cx, literal, value);
        }
        return;
    };
    if service.spec.is_some_and(|spec| !spec.enabled) {
        return;
    }
    let cwd = stdio.cwd.as_deref();
    if let Some(folder) = cwd.filter(|folder| !folder.starts_with("~"))
        && cx.outside.is_folder(folder) == Some(false)
    {
        no_folder(cx, service, folder);
        // Where a relative program is looked for is gone with it.
        if !Path::new(&stdio.command).is_absolute() && stdio.command.contains('/') {
            return;
        }
    }
    if stdio.command.starts_with('~') {
        return;
    }
    let path = stdio.env.get("PATH").map(mcpstore_types::Secret::expose);
    match cx.outside.program(&stdio.command, cwd, path) {
        Program::Found => {}
        _ if is_line(cx, &stdio.command, cwd) => arguments(cx, literal, value),
        Program::Missing => missing(cx, cwd.is_some(), literal, value, launchers),
        Program::NotExecutable => not_executable(cx, literal, value, true),
        Program::Unknown => {}
    }
}

/// A program beside that of a service: of a probe, a condition, or an alert sink. `what` names the field; `args`: its arguments
/// stand in a field of their own, else behind it in a list.
pub(super) fn beside(cx: &mut Context<'_>, what: &str, args: bool, value: &Value<'_>, launchers: &mut Launchers) {
    let (program, listed) = match &value.node {
        Node::List(list) => (list.first(), true),
        _ => (Some(value), false),
    };
    let Some((literal, program)) = program.and_then(|value| Some((value.as_text()?, value))) else { return };
    if literal.contains("${") {
        return;
    }
    if let Some(fault) = shell_only(literal) {
        return tell_shell(cx, &format!("`{what}`"), fault, program);
    }
    // Where a relative path counts from is the business of who runs it.
    if literal.contains('/') && !literal.starts_with('/') {
        return;
    }
    match cx.outside.program(literal, None, None) {
        Program::Found | Program::Unknown => {}
        _ if args && is_line(cx, literal, None) => arguments(cx, literal, program),
        _ if !listed && is_line(cx, literal, None) => one_text(cx, what, literal, program),
        Program::Missing => missing(cx, false, literal, program, launchers),
        Program::NotExecutable => not_executable(cx, literal, program, false),
    }
}

/// Tells that a whole line stands where a list does.
fn one_text(cx: &mut Context<'_>, what: &str, literal: &str, value: &Value<'_>) {
    let list = listed(literal.split_whitespace(), literal);
    let key = what.rsplit('.').next().unwrap_or(what);
    let help = written(cx, value.at, key, &format!("[{list}]"));
    let message = format!("`{what}` has arguments in it; as one text it is the program alone");
    let diagnostic = Diagnostic::warning(Code::MissingProgram, message)
        .with_place(cx.place(value.at))
        .with_label("no program has this name");
    cx.push(diagnostic.with_help(format!("write a list: {help}")));
}

/// The words of a line in quotes, when it is simple and short.
fn listed<'w>(words: impl Iterator<Item = &'w str>, literal: &str) -> String {
    const SHOWN: usize = 9;
    let words: Vec<&str> = words.collect();
    let is_simple = words.len() <= SHOWN
        && literal.len() <= 160
        && shapes::find(literal).is_empty()
        && !literal.contains(['"', '\'', '\\', '|', '&', ';', '>', '<', '$', '`']);
    if is_simple {
        words.iter().map(|word| format!("\"{}\"", shown(word))).collect::<Vec<_>>().join(", ")
    } else {
        "\"…\"".to_owned()
    }
}

/// True for a command with its arguments behind it.
fn is_line(cx: &Context<'_>, command: &str, cwd: Option<&Path>) -> bool {
    let Some((first, rest)) = command.trim().split_once(char::is_whitespace) else { return false };
    if rest.trim().is_empty() {
        return false;
    }
    // A path may have blanks in it, so its first word must be a program.
    if first.contains(['/', '\\']) { cx.outside.program(first, cwd, None) == Program::Found } else { true }
}

/// Tells that arguments stand in `command`, and how they are written.
fn arguments(cx: &mut Context<'_>, literal: &str, value: &Value<'_>) {
    let mut words = literal.split_whitespace();
    let first = words.next().unwrap_or_default();
    let list = listed(words, literal);
    let separator = if cx.text(value.at).format == crate::Format::Json { ", " } else { " and " };
    let command = written(cx, value.at, "command", &format!("\"{}\"", shown(first)));
    let args = written(cx, value.at, "args", &format!("[{list}]"));
    let diagnostic =
        Diagnostic::warning(Code::MissingProgram, "`command` has arguments in it; it is the program alone")
            .with_place(cx.place(value.at))
            .with_label("no program has this name")
            .with_help(format!("put the arguments into `args`: {command}{separator}{args}"));
    cx.push(diagnostic);
}

/// `has_cwd`: there is a stated working directory from which a relative path counts.
fn missing(cx: &mut Context<'_>, has_cwd: bool, literal: &str, value: &Value<'_>, launchers: &mut Launchers) {
    let mut diagnostic =
        Diagnostic::warning(Code::MissingProgram, format!("the program `{}` is not there", shown(literal)))
            .with_place(cx.place(value.at));
    let is_path = literal.contains('/');
    let label = if is_path { "no such file" } else { "not found in `PATH`" };
    diagnostic = diagnostic.with_label(label);
    if is_path {
        if is_relative(literal) {
            let from = match has_cwd {
                true => "`cwd`",
                false => "the folder that the manager is started in; there is no `cwd`",
            };
            diagnostic = diagnostic.with_note(format!("this relative path counts from {from}"));
        }
        cx.push(diagnostic.with_help("mend the path, or install the program"));
        return;
    }
    if cx.sink.is_full() {
        cx.push(diagnostic);
        return;
    }
    let meant = near(literal, launchers.found(cx)).or_else(|| near(literal, LAUNCHERS.iter().map(|(name, _)| *name)));
    let brings = LAUNCHERS.iter().find(|(name, _)| *name == literal).map(|(_, what)| *what);
    let help = match (brings, meant.filter(|name| *name != literal)) {
        (Some(what), Some(name)) if literal == "python" => format!("write `{name}`, or install {what}"),
        (Some(what), _) => format!("install {what}, which brings `{literal}`, or write its full path"),
        (None, Some(name)) => format!("did you mean `{name}`?"),
        (None, None) => "install it, or write its full path".to_owned(),
    };
    cx.push(diagnostic.with_help(help));
}

/// True for a path that is neither absolute nor begins with a reference.
fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '$', '~', '\\']) && path.as_bytes().get(1) != Some(&b':')
}

/// `args`: its arguments stand in a field of their own.
fn not_executable(cx: &mut Context<'_>, literal: &str, value: &Value<'_>, args: bool) {
    let help = match INTERPRETERS.iter().find(|(ending, _)| literal.ends_with(ending)) {
        Some((_, program)) if !args => {
            format!("let its interpreter run it: \"{program}\" first, and the file behind it")
        }
        Some((_, program)) => {
            let command = written(cx, value.at, "command", &format!("\"{program}\""));
            format!("let its interpreter run it: {command}, and the file as the first of `args`")
        }
        None => format!("make it executable: chmod +x {}", shown(literal)),
    };
    let message = format!("`{}` is there, but cannot be executed", shown(literal));
    cx.push(Diagnostic::warning(Code::MissingProgram, message).with_place(cx.place(value.at)).with_help(help));
}

fn no_folder(cx: &mut Context<'_>, service: &Service<'_>, folder: &Path) {
    let Some((literal, value)) = service.text("cwd") else { return };
    let message = format!("the folder `{}` of `cwd` is not there", shown(literal));
    let mut diagnostic = Diagnostic::warning(Code::MissingFolder, message).with_place(cx.place(value.at));
    if folder.is_relative() {
        diagnostic = diagnostic.with_note("this relative path counts from the folder that the manager is started in");
    }
    cx.push(diagnostic.with_help("make the folder, or mend the path"));
}
