//! Single values: text, lists of text, truth values, numbers; each tells what it expected.

use crate::tree::{Node, Object, Value};

use crate::context::Context;
use crate::diagnostic::shown;
use crate::fields::{Field, near};
use crate::{Code, Format};

/// What a value is, for messages.
pub(crate) const fn kind(value: &Value<'_>) -> &'static str {
    match value.node {
        Node::Text(_) => "text",
        Node::Number(_) => "a number",
        Node::Bool(_) => "true or false",
        Node::Object(_) => "an object",
        Node::List(_) => "a list",
        Node::Null => "null",
    }
}

/// Pushes "expected …, found …" for the value of `name`.
pub(crate) fn wrong_type(cx: &mut Context<'_>, name: &str, value: &Value<'_>, expected: &str, help: Option<&str>) {
    // Some names are words about a value that has none.
    let is_phrase = name.starts_with("a ") || name.starts_with("an ");
    let shown = if is_phrase { name.to_owned() } else { format!("`{name}`") };
    let message = format!("{shown} is {}; expected {expected}", kind(value));
    let mut diagnostic = cx.error_at(value, Code::WrongType, message).with_label(format!("expected {expected}"));
    diagnostic.help = help.map(str::to_owned);
    cx.push(diagnostic);
}

/// The text of a field.
pub(crate) fn text<'v>(cx: &mut Context<'_>, name: &str, value: &'v Value<'v>) -> Option<&'v str> {
    match &value.node {
        Node::Text(found) => Some(found),
        Node::Number(_) | Node::Bool(_) => {
            // A variable that looks like a number is often meant; elsewhere something else was to stand there.
            let help = name.starts_with("env.").then_some("put it in double quotes, for example \"1\"");
            wrong_type(cx, name, value, "text", help);
            None
        }
        _ => {
            let is_command = name == "command" && matches!(value.node, Node::List(_));
            let help = is_command.then_some("the program is `command`, what follows it is `args`");
            wrong_type(cx, name, value, "text", help);
            None
        }
    }
}

/// The text of a field that must not be empty or blank.
pub(crate) fn nonempty<'v>(cx: &mut Context<'_>, name: &str, value: &'v Value<'v>) -> Option<&'v str> {
    let found = text(cx, name, value)?;
    if found.trim().is_empty() {
        cx.push(cx.error_at(value, Code::Empty, format!("`{name}` is empty")));
        return None;
    }
    Some(found)
}

/// A word out of a known set, by its text.
pub(crate) fn word<T: Clone>(cx: &mut Context<'_>, name: &str, value: &Value<'_>, known: &[(&str, T)]) -> Option<T> {
    let found = text(cx, name, value)?;
    if let Some((_, meaning)) = known.iter().find(|(word, _)| *word == found) {
        return Some(meaning.clone());
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let message = format!("unknown word `{}` for `{name}`", shown(found));
    let mut diagnostic = cx.error_at(value, Code::UnknownWord, message);
    diagnostic.help = Some(match near(found, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write one of: {}", words.join(", ")),
    });
    cx.push(diagnostic);
    None
}

/// A truth value.
pub(crate) fn boolean(cx: &mut Context<'_>, name: &str, value: &Value<'_>) -> Option<bool> {
    if let Node::Bool(found) = value.node {
        return Some(found);
    }
    let help = match value.node {
        Node::Text(_) if cx.text(value.at).format == Format::Yaml => {
            Some("write true or false; `yes` and `on` are text here")
        }
        Node::Text(_) => Some("write true or false without quotes"),
        _ => None,
    };
    wrong_type(cx, name, value, "true or false", help);
    None
}

/// An object.
pub(crate) fn object<'v>(cx: &mut Context<'_>, name: &str, value: &'v Value<'v>) -> Option<&'v Object<'v>> {
    if let Node::Object(object) = &value.node {
        return Some(object);
    }
    wrong_type(cx, name, value, "an object", None);
    None
}

/// The elements of a list of text; elements that are none are told and left out.
pub(crate) fn text_list<'v>(cx: &mut Context<'_>, name: &str, value: &'v Value<'v>) -> Vec<(&'v str, &'v Value<'v>)> {
    let Node::List(list) = &value.node else {
        let help = matches!(value.node, Node::Text(_)).then_some("put it in brackets: [\"…\"]");
        wrong_type(cx, name, value, "a list of text", help);
        return Vec::new();
    };
    let mut out = Vec::with_capacity(list.len());
    for element in list {
        if let Some(found) = text(cx, &format!("an element of {name}"), element) {
            out.push((found, element));
        }
    }
    out
}

/// A whole number between `min` and `max`.
pub(crate) fn whole(cx: &mut Context<'_>, name: &str, field: Field<'_>, min: u32, max: u32) -> Option<u32> {
    let number = number(cx, name, field)?;
    if number.fract() != 0.0 {
        let message = format!("`{name}` is {number}; expected a whole number");
        cx.push(cx.error_at(field.value, Code::WrongType, message));
        return None;
    }
    if !(f64::from(min)..=f64::from(max)).contains(&number) {
        out_of_range(cx, name, field, &format!("between {min} and {max}"));
        return None;
    }
    // Whole and within u32, as just checked.
    Some(number as u32)
}

/// A number.
pub(crate) fn number(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Option<f64> {
    let Node::Number(literal) = &field.value.node else {
        let help = matches!(field.value.node, Node::Text(_)).then_some("write the number without quotes");
        wrong_type(cx, name, field.value, "a number", help);
        return None;
    };
    match literal.parse::<f64>() {
        Ok(number) if number.is_finite() => Some(number),
        _ => {
            out_of_range(cx, name, field, "of ordinary size");
            None
        }
    }
}

/// Pushes "… is outside its range"; `range` says which values are inside.
pub(crate) fn out_of_range(cx: &mut Context<'_>, name: &str, field: Field<'_>, range: &str) {
    let diagnostic = cx.error_at(field.value, Code::OutOfRange, format!("`{name}` is outside its range"));
    cx.push(diagnostic.with_help(format!("write a value {range}")));
}
