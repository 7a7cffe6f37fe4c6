//! Expansion of references: `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${file:path}`, `${input:id}`, and the few words that
//! editors predefine (`${workspaceFolder}`, `${workspaceFolderBasename}`, `${userHome}`, `${pathSeparator}`, `${/}`).

use std::ops::Range;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::inputs::Inputs;
use crate::tree::{At, Value};

/// The longest text an expansion may give, in bytes: a few references must not fill the memory.
const MAX_EXPANDED: usize = 1024 * 1024;

/// The variable under which the value of an input may stand: its id in capitals behind this.
const INPUT_VARIABLE: &str = "MCPSTORE_INPUT_";

/// What is wrong with a reference.
#[derive(Debug, PartialEq, Eq)]
enum Fault<'t> {
    /// The variable is not set, and there is no default.
    Unset(&'t str),
    /// The file cannot be read, and why.
    File(&'t str, String),
    /// Nobody gave a value for the input.
    Input(&'t str),
    /// The text belongs to no folder of a project.
    Workspace(&'t str),
    /// A scheme that nobody knows.
    Scheme(&'t str),
    /// It begins like a reference and is none; it stays as it is.
    Literal,
    /// The result would be too long.
    TooLong,
}

/// What a text became, and what was wrong on the way.
#[derive(Debug, Default)]
struct Expansion<'t> {
    text: String,
    faults: Vec<(Range<usize>, Fault<'t>)>,
}

/// The world as one text sees it.
struct World<'a> {
    outside: &'a dyn crate::Outside,
    inputs: &'a Inputs,
    /// The name of the text.
    from: &'a str,
}

/// Expands every reference once; what comes out of one is not looked at again. `$${` is a literal `${`.
fn expand<'t>(text: &'t str, world: &World<'_>) -> Expansion<'t> {
    let mut out = Expansion::default();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let at = rest + found;
        if text[rest..at].ends_with('$') {
            out.text.push_str(&text[rest..at]);
            out.text.push('{');
            rest = at + 2;
            continue;
        }
        out.text.push_str(&text[rest..at]);
        if let Some((length, found)) = mustache(&text[at..], world) {
            match found {
                Ok(value) => out.text.push_str(&value),
                Err(fault) => out.faults.push((at..at + length, fault)),
            }
            rest = at + length;
            continue;
        }
        // A reference ends at its first brace; another `${` before it means that this one is none.
        let body_end = text[at + 2..].find(['}', '$']).map(|n| at + 2 + n);
        let Some(end) = body_end.filter(|&end| text[end..].starts_with('}')) else {
            rest = body_end.unwrap_or(text.len());
            out.text.push_str(&text[at..rest]);
            out.faults.push((at..rest, Fault::Literal));
            continue;
        };
        rest = end + 1;
        match value(&text[at + 2..end], world) {
            Ok(value) => out.text.push_str(&value),
            Err(fault) => {
                if fault == Fault::Literal {
                    out.text.push_str(&text[at..rest]);
                }
                out.faults.push((at..rest, fault));
            }
        }
        if out.text.len() > MAX_EXPANDED {
            out.faults.push((at..rest, Fault::TooLong));
            return out;
        }
    }
    out.text.push_str(&text[rest..]);
    out
}

/// `${{ secrets.NAME }}` and `${{ inputs.NAME }}`, as Continue has them, at the beginning of a text: its length, and what stands
/// for it.
fn mustache<'t>(text: &'t str, world: &World<'_>) -> Option<(usize, Result<String, Fault<'t>>)> {
    let body = text.strip_prefix("${{")?;
    let end = body.find("}}")?;
    let (kind, name) = body[..end].trim().split_once('.')?;
    if !is_name(name) {
        return None;
    }
    let found = match kind {
        "secrets" => world.outside.variable(name).ok_or(Fault::Unset(name)),
        "inputs" => input(name, world),
        _ => return None,
    };
    Some((3 + end + 2, found))
}

/// What stands for the text between `${` and `}`.
fn value<'t>(body: &'t str, world: &World<'_>) -> Result<String, Fault<'t>> {
    if let Some(word) = predefined(body, world) {
        return word;
    }
    let after_env = body.strip_prefix("env:").unwrap_or(body);
    let end = after_env.find(":-").unwrap_or(after_env.len());
    if is_name(&after_env[..end]) {
        let (name, default) = (&after_env[..end], after_env.get(end + 2..));
        let value = world.outside.variable(name).filter(|value| default.is_none() || !value.is_empty());
        return value.or_else(|| default.map(str::to_owned)).ok_or(Fault::Unset(name));
    }
    match body.split_once(':') {
        Some(("file", path)) if !path.trim().is_empty() => match world.outside.file(path, world.from) {
            Ok(text) => Ok(without_line_end(text)),
            Err(why) => Err(Fault::File(path, why)),
        },
        Some(("input", id)) if !id.trim().is_empty() => input(id, world),
        // `${VAR:?…}`, `${VAR:+…}` and `${VAR:=…}` are a shell's; they are for the shell that gets this text.
        Some((scheme, tail))
            if is_name(scheme) && !matches!(scheme, "env" | "file" | "input") && !tail.starts_with(['?', '+', '=']) =>
        {
            Err(Fault::Scheme(scheme))
        }
        _ => Err(Fault::Literal),
    }
}

/// The words that editors predefine. A variable of the same name has no say.
fn predefined<'t>(body: &'t str, world: &World<'_>) -> Option<Result<String, Fault<'t>>> {
    let workspace = || world.outside.workspace(world.from).ok_or(Fault::Workspace(body));
    Some(match body {
        "workspaceFolder" | "workspaceRoot" => workspace(),
        "workspaceFolderBasename" => {
            workspace().map(|folder| folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned())
        }
        "userHome" => world.outside.variable("HOME").ok_or(Fault::Unset("HOME")),
        "pathSeparator" | "/" => Ok(std::path::MAIN_SEPARATOR.to_string()),
        _ => return None,
    })
}

/// What was given for an input: by hand, in a variable, or its default.
fn input<'t>(id: &'t str, world: &World<'_>) -> Result<String, Fault<'t>> {
    let given = world.outside.input(id).or_else(|| world.outside.variable(&input_variable(id)));
    given.or_else(|| world.inputs.get(id)?.default.clone()).ok_or(Fault::Input(id))
}

/// The variable for an input: `api-key` is `MCPSTORE_INPUT_API_KEY`.
pub(crate) fn input_variable(id: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    INPUT_VARIABLE.chars().chain(id.chars().map(word)).collect()
}

/// Editors end a file with a line end that nobody means.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// True for the name of a variable: letters, digits and `_`, not beginning with a digit.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The text of a value with its references expanded; `None` when one of them fails, and then it was told.
pub(crate) fn expanded(cx: &mut Context<'_>, name: &str, value: &Value<'_>, text: &str) -> Option<String> {
    if !text.contains("${") {
        shell_style(cx, name, value, text);
        return Some(text.to_owned());
    }
    let source = cx.text(value.at).source;
    let world = World { outside: cx.outside, inputs: cx.inputs, from: &source.name };
    let expansion = expand(text, &world);
    let mut good = true;
    for (range, fault) in expansion.faults {
        good &= fault == Fault::Literal;
        let diagnostic = told(cx, name, &fault);
        let place = cx.place(reference_at(&source.text, value.at, text, &range));
        cx.push(diagnostic.with_place(place));
    }
    good.then_some(expansion.text)
}

/// Some clients take `$NAME` in these places; here it is no reference, and who writes it is told.
fn shell_style(cx: &mut Context<'_>, name: &str, value: &Value<'_>, text: &str) {
    let Some(variable) = text.strip_prefix("Bearer ").unwrap_or(text).strip_prefix('$') else { return };
    if is_name(variable) && (name.starts_with("env.") || name.starts_with("headers.")) {
        // Not quoted: it may be a secret after all.
        let message = format!("`{name}` looks like a reference with `$`, and stays as it is");
        let diagnostic = cx.error_at(value, Code::NotAReference, message);
        let help = "write `${NAME}` if it is the name of a variable";
        cx.push(Diagnostic { severity: crate::Severity::Warning, ..diagnostic }.with_help(help));
    }
}

/// A fault in words.
fn told(cx: &Context<'_>, name: &str, fault: &Fault<'_>) -> Diagnostic {
    match fault {
        Fault::Unset(variable) => {
            let variable = shown(variable);
            Diagnostic::error(Code::UnsetVariable, format!("variable `{variable}` is not set; `{name}` needs it"))
                .with_help(format!("set it, or give it a default: `${{{variable}:-default}}`"))
        }
        Fault::File(path, why) => {
            let message = format!("the file `{}` that `{name}` refers to cannot be read: {why}", shown(path));
            Diagnostic::error(Code::UnreadableFile, message)
                .with_help("a relative path counts from the folder of the config")
        }
        Fault::Input(id) => {
            let message = format!("input `{}` has no value; `{name}` needs it", shown(id));
            let mut diagnostic = Diagnostic::error(Code::UnsetInput, message).with_help(format!(
                "set {}, or give it on the command line: --input {}=VALUE",
                shown(&input_variable(id)),
                shown(id)
            ));
            match cx.inputs.get(*id) {
                Some(input) => {
                    let what = input.description.as_deref().map_or("declared here".to_owned(), shown);
                    diagnostic = diagnostic.with_related(input.place, what);
                }
                None => diagnostic = diagnostic.with_note("no text of this config declares it in `inputs`"),
            }
            diagnostic
        }
        Fault::Workspace(word) => {
            let message = format!("`${{{word}}}` has no meaning here: the text belongs to no folder");
            Diagnostic::error(Code::UnsupportedReference, message).with_help("write the path, or use `${HOME}`")
        }
        Fault::Scheme(scheme) => {
            let message = format!("nobody knows what `${{{}:…}}` stands for", shown(scheme));
            Diagnostic::error(Code::UnsupportedReference, message)
                .with_help("write `${VAR}`, `${env:VAR}`, `${file:path}` or `${input:id}`")
        }
        Fault::Literal => {
            let message = format!("this `${{` in `{name}` begins no reference and stays as it is");
            Diagnostic::warning(Code::NotAReference, message)
                .with_help("write `${VAR}`, `${VAR:-default}` or `${env:VAR}`; `$${` says that it is meant literally")
        }
        Fault::TooLong => {
            let message = format!("`{name}` is longer than {MAX_EXPANDED} bytes with its variables filled in");
            Diagnostic::error(Code::OutOfRange, message)
        }
    }
}

/// Where in the source a part of a text stands: exactly, or the whole literal when escapes shift it.
pub(crate) fn reference_at(source: &str, literal: At, text: &str, range: &Range<usize>) -> At {
    let (start, end) = (literal.start as usize, literal.end as usize);
    // With quotes around it, or without.
    let shift = (end - start).checked_sub(text.len()).map(|around| around / 2).filter(|shift| *shift <= 3);
    let inside = shift.map(|shift| start + shift + range.start..start + shift + range.end);
    match inside {
        Some(inside) if source.get(inside.clone()) == text.get(range.clone()) => {
            At::new(literal.source as usize, inside.start, inside.end)
        }
        _ => literal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Test;

    impl crate::Outside for Test {
        fn variable(&self, name: &str) -> Option<String> {
            match name {
                "HOME" => Some("/srv/me".to_owned()),
                "EMPTY" => Some(String::new()),
                "NESTED" => Some("${HOME}".to_owned()),
                "BIG" => Some("x".repeat(MAX_EXPANDED / 2)),
                "MCPSTORE_INPUT_API_KEY" => Some("k".to_owned()),
                _ => None,
            }
        }

        fn file(&self, path: &str, from: &str) -> Result<String, String> {
            if path == "no" { Err("gone".to_owned()) } else { Ok(format!("{from}+{path}\r\n")) }
        }

        fn input(&self, id: &str) -> Option<String> {
            (id == "given").then(|| "g".to_owned())
        }

        fn workspace(&self, from: &str) -> Option<String> {
            (from == "mcp.json").then(|| "/srv/project".to_owned())
        }
    }

    fn in_text<'t>(text: &'t str, from: &str) -> Expansion<'t> {
        let inputs = Inputs::from([(
            "kept".to_owned(),
            crate::inputs::Input { default: Some("d".to_owned()), ..Default::default() },
        )]);
        expand(text, &World { outside: &Test, inputs: &inputs, from })
    }

    fn run(text: &str) -> Expansion<'_> {
        in_text(text, "mcp.json")
    }

    fn good(text: &str) -> String {
        let expansion = run(text);
        assert!(expansion.faults.is_empty(), "{:?}", expansion.faults);
        expansion.text
    }

    #[test]
    fn variables_are_filled_in_once() {
        assert_eq!(good("${HOME}/x-${env:HOME}"), "/srv/me/x-/srv/me");
        assert_eq!(good("${NESTED}"), "${HOME}");
        assert_eq!(good("[${EMPTY}]"), "[]");
        assert_eq!(good("[${EMPTY:-d}|${NONE:-d e}|${NONE:-}|${env:NONE:-x:-y}|${HOME:-d}]"), "[d|d e||x:-y|/srv/me]");
    }

    #[test]
    fn files_inputs_and_folders_are_filled_in() {
        assert_eq!(good("<${file:a b/~t}>"), "<mcp.json+a b/~t>");
        assert_eq!(good("${input:api-key}${input:given}${input:kept}"), "kgd");
        assert_eq!(
            good("${workspaceFolder}${/}${workspaceFolderBasename}:${userHome}"),
            "/srv/project/project:/srv/me"
        );
        assert_eq!(in_text("${workspaceFolder}", "<stdin>").faults, [(0..18, Fault::Workspace("workspaceFolder"))]);
    }

    #[test]
    fn secrets_and_inputs_of_continue_are_filled_in() {
        assert_eq!(good("<${{ secrets.HOME }}|${{secrets.HOME}}|${{ inputs.api_key }}>"), "</srv/me|/srv/me|k>");
        assert_eq!(run("${{ secrets.NONE }}x").faults, [(0..19, Fault::Unset("NONE"))]);
        assert_eq!(run("${{ github.sha }}").text, "${{ github.sha }}");
    }

    #[test]
    fn other_dollars_stay() {
        assert_eq!(good("$HOME $1 $$ $ {x} $${HOME} $$${HOME}"), "$HOME $1 $$ $ {x} ${HOME} $${HOME}");
    }

    #[test]
    fn a_value_in_the_style_of_a_shell_is_told_and_not_shown() {
        for (value, told) in
            [("$TOKEN", true), ("Bearer $TOKEN", true), ("$1", false), ("a$TOKEN", false), ("$", false)]
        {
            let entry = format!("\"command\": \"x\", \"args\": [\"$X\"], \"env\": {{ \"A\": \"{value}\" }}");
            let text = format!("{{ \"mcpServers\": {{ \"a\": {{ {entry} }} }} }}");
            let parsed = crate::parse(&[crate::Source::new("mcp.json", text)], &Test, &crate::Options::default());
            let said: Vec<&str> = parsed.diagnostics.iter().map(|d| d.message.as_str()).collect();
            let wanted: &[&str] = &["`env.A` looks like a reference with `$`, and stays as it is"];
            assert_eq!(said, if told { wanted } else { &[] }, "{value}");
        }
    }

    #[test]
    fn faults_have_their_place() {
        let faults = |text: &'static str| run(text).faults;
        assert_eq!(faults("a${NONE}b"), [(1..8, Fault::Unset("NONE"))]);
        assert_eq!(
            faults("${file:no}${input:key}${vault:x}"),
            [
                (0..10, Fault::File("no", "gone".into())),
                (10..22, Fault::Input("key")),
                (22..32, Fault::Scheme("vault"))
            ]
        );
        for literal in ["${", "${}", "${1}", "${A-B}", "${X%y}", "${X:?no}", "${env:}", "${file:}", "${é}"] {
            let expansion = run(literal);
            assert_eq!(expansion.faults, [(0..literal.len(), Fault::Literal)], "{literal}");
            assert_eq!(expansion.text, literal);
        }
        assert_eq!(run("${A:-${HOME}}").text, "${A:-/srv/me}");
        assert_eq!(faults("${BIG}${BIG}${BIG}"), [(12..18, Fault::TooLong)]);
    }
}
