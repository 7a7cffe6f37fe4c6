//! `envFile`: variables out of a file, one a line, as `.env` files have them.

use std::collections::BTreeMap;

use mcpstore_types::Secret;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::shown;
use crate::fields::Field;
use crate::transport::filled;

/// What stands in the file that a field names. What is wrong is told at the field: the file is no text of the config.
pub(crate) fn read(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, Secret> {
    let mut out = BTreeMap::new();
    let Some(path) = filled(cx, "envFile", field) else { return out };
    let from = &cx.text(field.value.at).source.name;
    let fault = match cx.outside.file(&path, from) {
        Err(why) => {
            let message = format!("the file of `envFile` cannot be read: {why}");
            cx.error_at(field.value, Code::UnreadableFile, message)
                .with_help("a relative path counts from the folder of the config")
        }
        Ok(text) => match parse(&text) {
            Ok(found) => {
                out.extend(found.into_iter().map(|(name, value)| (name, Secret::new(value))));
                return out;
            }
            // The line is not quoted: what stands in such a file is secret.
            Err(Fault { line, why }) => {
                let message = format!("line {line} of the file of `envFile` is no variable: {}", shown(why));
                cx.error_at(field.value, Code::UnreadableFile, message)
                    .with_help("write NAME=value, a line each; quotes, `export` and `#` comments are fine")
            }
        },
    };
    cx.push(fault);
    out
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// Counted from 1.
    line: usize,
    why: &'static str,
}

/// The variables of a text, in its order. Values may stand in quotes and then go over several lines; in double quotes `\n`,
/// `\r`, `\t`, `\"` and `\\` are escapes. Nothing is filled in: `$` is a dollar.
fn parse(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let text = text.trim_start_matches('\u{feff}');
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let body = rest[..end].trim();
        if body.is_empty() || body.starts_with('#') {
            rest = rest.get(end + 1..).unwrap_or_default();
            continue;
        }
        let at = text.len() - rest.len();
        let fault = |why| Fault { line: text[..at].matches('\n').count() + 1, why };
        let equals = rest[..end].find('=').ok_or_else(|| fault("it has no `=`"))?;
        let name = rest[..equals].trim();
        let name = name.strip_prefix("export").filter(|tail| tail.starts_with([' ', '\t'])).map_or(name, str::trim);
        if !is_name(name) {
            return Err(fault("what stands before `=` is no name"));
        }
        let value = rest[equals + 1..].trim_start_matches([' ', '\t']);
        let (value, after) = match value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) {
            Some(quote) => {
                let (value, after) = quoted(&value[1..], quote).ok_or_else(|| fault("its quote does not end"))?;
                let end = after.find('\n').unwrap_or(after.len());
                let tail = after[..end].trim();
                if !(tail.is_empty() || tail.starts_with('#')) {
                    return Err(fault("something follows its closing quote"));
                }
                (value, after)
            }
            None => {
                let end = value.find('\n').unwrap_or(value.len());
                let comment = [" #", "\t#"].iter().filter_map(|mark| value[..end].find(mark)).min();
                let bare = if value.starts_with('#') { "" } else { &value[..comment.unwrap_or(end)] };
                (bare.trim().to_owned(), value)
            }
        };
        if value.contains('\0') {
            return Err(fault("it has a NUL character"));
        }
        out.push((name.to_owned(), value));
        rest = after.find('\n').map_or("", |end| &after[end + 1..]);
    }
    Ok(out)
}

/// The value up to its closing quote, and what follows that.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut left = text.char_indices();
    while let Some((at, c)) = left.next() {
        match c {
            _ if c == quote => return Some((out, &text[at + 1..])),
            '\\' if quote == '"' => match left.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                same @ ('"' | '\\') => out.push(same),
                other => out.extend(['\\', other]),
            },
            _ => out.push(c),
        }
    }
    None
}

/// True for a name that such files have: letters, digits, `_`, `.`, `-`, not beginning with a digit.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    struct Files;

    impl crate::Outside for Files {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "DIR").then(|| "dir".to_owned())
        }

        fn file(&self, path: &str, from: &str) -> Result<String, String> {
            match path {
                "dir/.env" => Ok(format!("A=file\nB=of {from}\n")),
                "bad" => Ok("A=1\nhunter2\n".to_owned()),
                _ => Err("it is not there".to_owned()),
            }
        }
    }

    fn read_config(fields: &str) -> (Vec<String>, String) {
        let text = format!(
            "{{ \"mcpServers\": {{ \"a\": {{ {fields} }} }}, \"defaults\": {{ \"env\": {{ \"B\": \"x\", \"C\": \"y\" }} }} }}"
        );
        let sources = [crate::Source::new("mcp.json", text)];
        let parsed = crate::parse(&sources, &Files, &crate::Options::default());
        let env = parsed.config.services.iter().flat_map(|spec| match &spec.transport {
            mcpstore_types::TransportSpec::Stdio(stdio) => {
                stdio.env.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect()
            }
            _ => Vec::new(),
        });
        (env.collect(), crate::render_short(&parsed.diagnostics, &sources))
    }

    #[test]
    fn it_stands_between_the_defaults_and_the_service() {
        let (env, said) = read_config(r#""command": "x", "envFile": "${DIR}/.env", "env": { "A": "own" }"#);
        assert_eq!((env.join(" "), said.as_str()), ("A=own B=of mcp.json C=y".to_owned(), ""));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_no_line_of_it_is_shown() {
        for (fields, words) in [
            (
                r#""command": "x", "envFile": "no""#,
                "error[MS043]: the file of `envFile` cannot be read: it is not there",
            ),
            (r#""command": "x", "envFile": "bad""#, "error[MS043]: line 2 of the file of `envFile` is no variable"),
            (r#""command": "x", "envFile": "${NONE}""#, "error[MS021]"),
            (r#""url": "https://h/mcp", "envFile": "dir/.env""#, "warning[MS027]: `envFile` has no effect"),
        ] {
            let (_, said) = read_config(fields);
            assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn lines_become_variables() {
        let text = "\u{feff}# c\r\n\n A = 1 # one\r\nexport B=x#y\n exportC=\nD=#\nE= a b \nF.g-h=${A} $B\nexport=z";
        assert_eq!(
            good(text),
            pairs(&[
                ("A", "1"),
                ("B", "x#y"),
                ("exportC", ""),
                ("D", ""),
                ("E", "a b"),
                ("F.g-h", "${A} $B"),
                ("export", "z")
            ])
        );
        assert_eq!(good(""), pairs(&[]));
    }

    #[test]
    fn quotes_hold_a_value_together() {
        let text =
            "A=\"x\\n\\\"y\\\" \\z\" # c\nB='a\\n # b'\nC=`it's \"so\"`\nKEY=\"line 1\nline = 2\n\"\nD=\"\"\nE=é'";
        let wanted = [
            ("A", "x\n\"y\" \\z"),
            ("B", "a\\n # b"),
            ("C", "it's \"so\""),
            ("KEY", "line 1\nline = 2\n"),
            ("D", ""),
            ("E", "é'"),
        ];
        assert_eq!(good(text), pairs(&wanted));
    }

    #[test]
    fn what_is_no_variable_is_told_with_its_line() {
        for (text, line, why) in [
            ("A=1\nhello\n", 2, "it has no `=`"),
            ("A=\"x\ny\"\n1B=2", 3, "what stands before `=` is no name"),
            ("=x", 1, "what stands before `=` is no name"),
            ("A='x", 1, "its quote does not end"),
            ("A=\"x\\", 1, "its quote does not end"),
            ("A='x' y", 1, "something follows its closing quote"),
            ("A=x\0", 1, "it has a NUL character"),
        ] {
            assert_eq!(parse(text), Err(Fault { line, why }), "{text:?}");
        }
    }
}
