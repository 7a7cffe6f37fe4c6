//! A document as JSON, in some style.

use mcpstore_config::Plain;

use crate::dice::{Comment, Dice, Out, quote};
use crate::document::Document;
use crate::level::Level;

pub(crate) fn render(document: &Document, dice: Dice) -> (String, Vec<Comment>, Dice) {
    let mut out = Out::new(dice, "//", &["  ", "    ", "\t", ""]);
    out.above("", &[]);
    value(&mut out, &document.whole(), "", &Level::new(document.container), &[]);
    out.end_line(&[]);
    out.above("", &[]);
    out.done()
}

fn value(out: &mut Out, plain: &Plain, indent: &str, level: &Level<'_>, owner: &[String]) {
    let (brackets, members): (_, Vec<(Option<&str>, &Plain)>) = match plain {
        Plain::Object(members) => {
            (("{", "}"), members.iter().map(|(key, value)| (Some(key.as_str()), value)).collect())
        }
        Plain::List(list) => (("[", "]"), list.iter().map(|value| (None, value)).collect()),
        Plain::Text(text) => return out.push(&quote(text)),
        other => return out.push(&other.to_string()),
    };
    let on_lines = !out.dice.once_in(3);
    let deeper = format!("{indent}{}", out.unit);
    out.push(brackets.0);
    if on_lines {
        out.end_line(owner);
    } else {
        out.either(2, " ", "");
        out.within(owner);
    }
    let count = members.len();
    let trailing = count > 0 && out.dice.once_in(4);
    for (nth, (key, inner)) in members.into_iter().enumerate() {
        let (level, inner_owner) = level.member(key, owner, inner);
        if on_lines {
            out.above(&deeper, owner);
            out.push(&deeper);
        }
        if let Some(key) = key {
            out.push(&quote(key));
            out.within(&inner_owner);
            out.either(5, ":", ": ");
        }
        value(out, inner, if on_lines { &deeper } else { indent }, &level, &inner_owner);
        if nth + 1 < count || trailing {
            if out.dice.once_in(8) {
                out.push(" ");
                out.within(&inner_owner);
            }
            out.push(",");
        }
        if on_lines {
            out.end_line(&inner_owner);
        } else {
            out.within(owner);
            out.either(2, " ", "");
        }
    }
    if on_lines {
        out.above(&deeper, owner);
        out.push(indent);
    }
    out.push(brackets.1);
}
