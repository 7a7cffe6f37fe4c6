//! From JSON to a tree.
//!
//! After a syntax error the text is read once more with every leniency there is (missing commas, single quotes, keys without
//! quotes): the error is told, and so is everything else that is wrong.

use jsonc_parser::ast::{ObjectPropName, Value as Json};
use jsonc_parser::common::{Range, Ranged as _};
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};

use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::source::{bom_len, floor_boundary};
use crate::syntax::MAX_DEPTH;
use crate::tree::{At, Member, Node, Object, Value};
use crate::{Code, json_hints};

/// JSON as it is accepted: with comments and trailing commas.
pub(crate) const STRICT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// What people write by mistake, to see the rest of the text all the same.
const LENIENT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: true,
    allow_missing_commas: true,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: true,
    allow_unary_plus_numbers: true,
    allow_bare_decimal_point_numbers: true,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: true,
};

/// The tree of a text; `None` when there is none, and then the reason was pushed.
pub(crate) fn tree<'t>(cx: &mut Context<'_>, source: usize, whole: &'t str) -> Option<Value<'t>> {
    let shift = bom_len(whole);
    let text = &whole[shift..];
    if let Some(at) = too_deep(text) {
        let place = cx.place(At::new(source, at + shift, at + shift + 1));
        let message = format!("more than {MAX_DEPTH} objects and lists inside each other");
        cx.push(Diagnostic::error(Code::TooDeep, message).with_place(place));
        return None;
    }
    let reader = Reader { source, shift };
    match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(result) => Some(match result.value {
            Some(value) => reader.value(value),
            // Nothing but comments.
            None => Value { at: At::new(source, shift, shift), node: Node::Null },
        }),
        Err(error) => {
            let diagnostic = explain_error(cx, source, whole, &error);
            cx.push(diagnostic);
            let second = parse_to_ast(text, &CollectOptions::default(), &LENIENT).ok()?;
            second.value.map(|value| reader.value(value))
        }
    }
}

struct Reader {
    source: usize,
    shift: usize,
}

impl Reader {
    fn at(&self, range: Range) -> At {
        At::new(self.source, range.start + self.shift, range.end + self.shift)
    }

    fn value<'t>(&self, value: Json<'t>) -> Value<'t> {
        let at = self.at(value.range());
        let node = match value {
            Json::NullKeyword(_) => Node::Null,
            Json::BooleanLit(literal) => Node::Bool(literal.value),
            Json::NumberLit(literal) => Node::Number(literal.value.into()),
            Json::StringLit(literal) => Node::Text(literal.value),
            Json::Array(list) => Node::List(list.elements.into_iter().map(|value| self.value(value)).collect()),
            Json::Object(object) => {
                let members = object.properties.into_iter().map(|property| {
                    let key_at = self.at(property.name.range());
                    let key = match property.name {
                        ObjectPropName::String(literal) => literal.value,
                        ObjectPropName::Word(literal) => literal.value.into(),
                    };
                    Member { key, key_at, value: self.value(property.value) }
                });
                Node::Object(Object { members: members.collect() })
            }
        };
        Value { at, node }
    }
}

/// The byte at which the nesting goes over the bound. Strings and comments are skipped as the parser does.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at += 1;
                while let Some(&inner) = bytes.get(at) {
                    match inner {
                        b'\\' => at += 1,
                        b'"' => break,
                        _ => {}
                    }
                    at += 1;
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while bytes.get(at + 1).is_some_and(|&b| b != b'\n' && b != b'\r') {
                    at += 1;
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += 2;
                while at < bytes.len() && !bytes[at..].starts_with(b"*/") {
                    at += 1;
                }
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A syntax error, in words for people who do not know the grammar by heart: what is wrong, and what to do.
pub(crate) const fn error_words(kind: &ParseErrorKind) -> (&'static str, Option<&'static str>) {
    use ParseErrorKind as K;
    match kind {
        K::ExpectedColonAfterObjectKey => ("expected `:` after a key", None),
        K::ExpectedObjectValue => ("expected a value after `:`", None),
        K::ExpectedComma => ("expected `,`", Some("put a comma between two entries")),
        K::ExpectedStringObjectProperty => ("expected a key in double quotes", Some("write `\"key\": value`")),
        K::SingleQuotedStringsNotAllowed => ("text stands in double quotes, not single ones", None),
        K::MultipleRootJsonValues => ("there is more text after the end of the config", None),
        K::UnterminatedObject => ("this `{` has no matching `}`", None),
        K::UnterminatedArray => ("this `[` has no matching `]`", None),
        K::UnterminatedCommentBlock => ("this comment has no end", Some("end it with `*/`")),
        K::UnexpectedCloseBrace => ("`}` cannot stand here; expected a value", None),
        K::UnexpectedCloseBracket => ("`]` cannot stand here; expected a value", None),
        K::UnexpectedColon => ("`:` cannot stand here", None),
        K::UnexpectedComma => ("`,` cannot stand here; expected a value", None),
        K::UnexpectedTokenInObject => ("expected a key in double quotes or `}`", None),
        K::UnexpectedWord | K::UnexpectedToken => {
            ("expected a value", Some("text stands in double quotes; known words are true, false and null"))
        }
        K::ExpectedDigit
        | K::ExpectedDigitFollowingNegativeSign
        | K::ExpectedPlusMinusOrDigitInNumberLiteral
        | K::HexadecimalNumbersNotAllowed
        | K::UnaryPlusNumbersNotAllowed
        | K::BareDecimalPointNumbersNotAllowed
        | K::NonFiniteNumbersNotAllowed => {
            ("this is no JSON number", Some("write it as digits, for example 12 or 0.5"))
        }
        K::String(ParseStringErrorKind::UnterminatedStringLiteral) => ("this text has no closing `\"`", None),
        K::String(_) => (
            "this text has an escape that JSON does not know",
            Some("write a backslash as `\\\\`; JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"),
        ),
        K::NestingDepthExceeded => ("too many objects and lists inside each other", None),
        K::CommentsNotAllowed | K::TrailingCommasNotAllowed => ("this is no JSON", None),
    }
}

/// The diagnostic for a syntax error.
fn explain_error(cx: &Context<'_>, source: usize, text: &str, error: &ParseError) -> Diagnostic {
    use ParseErrorKind as K;
    let (message, help) = error_words(error.kind());
    let range = error.range();
    let shift = bom_len(text);
    let start = floor_boundary(text, range.start + shift);
    // Only the beginning: what is unterminated covers all the rest of the text.
    let first = text[start..].chars().next().map_or(0, char::len_utf8);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let unterminated =
        matches!(error.kind(), K::UnterminatedObject | K::UnterminatedArray | K::UnterminatedCommentBlock);
    let end = if unterminated { start + first } else { floor_boundary(text, range.end + shift).min(line_end) };
    let mut diagnostic = Diagnostic::error(Code::Syntax, message).with_place(cx.place(At::new(source, start, end)));
    diagnostic.help = json_hints::help(error.kind(), text, start, end).or(help).map(str::to_owned);
    if matches!(error.kind(), K::UnterminatedObject | K::UnterminatedArray)
        && let Some(opened) = json_hints::unclosed(text).filter(|opened| *opened != start)
    {
        let place = cx.place(At::new(source, opened, opened + 1));
        diagnostic = diagnostic.with_related(place, "by the indentation, this one is not closed");
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_texts_and_comments() {
        let deep = "[".repeat(MAX_DEPTH);
        assert_eq!(too_deep(&deep), None);
        assert_eq!(too_deep(&format!("{deep}[")), Some(MAX_DEPTH));
        assert_eq!(too_deep(&format!("{deep} \"[\\\"[\" // [\n /* [ */")), None);
        assert_eq!(too_deep(&format!("{deep} /**/ [")), Some(MAX_DEPTH + 6));
        assert_eq!(too_deep(&format!("{deep} // x\r[")), Some(MAX_DEPTH + 6));
        assert_eq!(too_deep(&"[]".repeat(100_000)), None);
    }
}
