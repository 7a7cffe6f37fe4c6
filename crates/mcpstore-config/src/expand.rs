//! Expansion of `${VAR}`, `${VAR:-default}` and `${env:VAR}`.

use std::ops::Range;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;

use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::{Code, Span};

/// The longest text an expansion may give, in bytes: a few references must not fill the memory.
const MAX_EXPANDED: usize = 1024 * 1024;

/// What is wrong with a reference.
#[derive(Debug, PartialEq, Eq)]
enum Fault<'t> {
    /// The variable is not set, and there is no default.
    Unset(&'t str),
    /// A scheme this version does not read (`file`, `input`, …).
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

/// Expands every reference once; what comes out of a variable is not looked at again. `$${` is a literal `${`.
fn expand<'t>(text: &'t str, env: &dyn Fn(&str) -> Option<String>) -> Expansion<'t> {
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
        // A reference ends at its first brace; another `${` before it means that this one is none.
        let body_end = text[at + 2..].find(['}', '$']).map(|n| at + 2 + n);
        let Some(end) = body_end.filter(|&end| text[end..].starts_with('}')) else {
            rest = body_end.unwrap_or(text.len());
            out.text.push_str(&text[at..rest]);
            out.faults.push((at..rest, Fault::Literal));
            continue;
        };
        rest = end + 1;
        match reference(&text[at + 2..end]) {
            Reference::Variable { name, default } => {
                let value = env(name).filter(|value| default.is_none() || !value.is_empty());
                match (value, default) {
                    (Some(value), _) => out.text.push_str(&value),
                    (None, Some(default)) => out.text.push_str(default),
                    (None, None) => out.faults.push((at..rest, Fault::Unset(name))),
                }
            }
            Reference::Scheme(scheme) => out.faults.push((at..rest, Fault::Scheme(scheme))),
            Reference::None => {
                out.text.push_str(&text[at..rest]);
                out.faults.push((at..rest, Fault::Literal));
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

enum Reference<'t> {
    Variable { name: &'t str, default: Option<&'t str> },
    Scheme(&'t str),
    None,
}

/// What stands between `${` and `}`.
fn reference(body: &str) -> Reference<'_> {
    let variable = |body: &'_ str| -> Option<(usize, bool)> {
        let end = body.find(":-").unwrap_or(body.len());
        is_name(&body[..end]).then_some((end, end < body.len()))
    };
    let after_env = body.strip_prefix("env:").unwrap_or(body);
    if let Some((end, has_default)) = variable(after_env) {
        return Reference::Variable { name: &after_env[..end], default: has_default.then(|| &after_env[end + 2..]) };
    }
    match body.split_once(':') {
        // `${VAR:?…}`, `${VAR:+…}` and `${VAR:=…}` are a shell's; they are for the shell that gets this text.
        Some((scheme, tail)) if is_name(scheme) && scheme != "env" && !tail.starts_with(['?', '+', '=']) => {
            Reference::Scheme(scheme)
        }
        _ => Reference::None,
    }
}

/// True for the name of a variable: letters, digits and `_`, not beginning with a digit.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The text of a value with its references expanded; `None` when one of them fails, and then it was told.
pub(crate) fn expanded(cx: &mut Context<'_>, name: &str, value: &Value<'_>, text: &str) -> Option<String> {
    if !text.contains("${") {
        return Some(text.to_owned());
    }
    let expansion = expand(text, cx.env);
    let mut good = true;
    for (range, fault) in expansion.faults {
        let place = cx.place(reference_span(cx, value, text, &range));
        let diagnostic = match fault {
            Fault::Unset(variable) => {
                good = false;
                let variable = shown(variable);
                Diagnostic::error(Code::UnsetVariable, format!("variable `{variable}` is not set; `{name}` needs it"))
                    .with_help(format!("set it, or give it a default: `${{{variable}:-default}}`"))
            }
            Fault::Scheme(scheme) => {
                good = false;
                let message = format!("`${{{}:…}}` is not supported yet by this version", shown(scheme));
                Diagnostic::error(Code::UnsupportedReference, message)
                    .with_help("use a variable: `${VAR}` or `${env:VAR}`")
            }
            Fault::Literal => Diagnostic::warning(
                Code::NotAReference,
                format!("this `${{` in `{name}` begins no reference and stays as it is"),
            )
            .with_help("write `${VAR}`, `${VAR:-default}` or `${env:VAR}`; `$${` says that it is meant literally"),
            Fault::TooLong => {
                good = false;
                let message = format!("`{name}` is longer than {MAX_EXPANDED} bytes with its variables filled in");
                Diagnostic::error(Code::OutOfRange, message)
            }
        };
        cx.push(diagnostic.with_place(place));
    }
    good.then_some(expansion.text)
}

/// Where in the source a part of a text stands: exactly, or the whole literal when escapes shift it.
fn reference_span(cx: &Context<'_>, value: &Value<'_>, text: &str, range: &Range<usize>) -> Span {
    let literal = cx.span(value.range());
    let inside = Span::new(literal.start + 1 + range.start, literal.start + 1 + range.end);
    if cx.text.get(inside.start..inside.end) == text.get(range.clone()) && literal.end - literal.start == text.len() + 2
    {
        inside
    } else {
        literal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/srv/me".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOME}".to_owned()),
            "BIG" => Some("x".repeat(MAX_EXPANDED / 2)),
            _ => None,
        }
    }

    fn good(text: &str) -> String {
        let expansion = expand(text, &env);
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
    fn other_dollars_stay() {
        assert_eq!(good("$HOME $1 $$ $ {x} $${HOME} $$${HOME}"), "$HOME $1 $$ $ {x} ${HOME} $${HOME}");
    }

    #[test]
    fn faults_have_their_place() {
        let faults = |text: &'static str| expand(text, &env).faults;
        assert_eq!(faults("a${NONE}b"), [(1..8, Fault::Unset("NONE"))]);
        assert_eq!(
            faults("${file:/x}${input:key}"),
            [(0..10, Fault::Scheme("file")), (10..22, Fault::Scheme("input"))]
        );
        for literal in ["${", "${}", "${1}", "${A-B}", "${X%y}", "${X:?no}", "${env:}", "${é}"] {
            let expansion = expand(literal, &env);
            assert_eq!(expansion.faults, [(0..literal.len(), Fault::Literal)], "{literal}");
            assert_eq!(expansion.text, literal);
        }
        assert_eq!(expand("${A:-${HOME}}", &env).text, "${A:-/srv/me}");
        assert_eq!(faults("${BIG}${BIG}${BIG}"), [(12..18, Fault::TooLong)]);
    }
}
