//! Lists of patterns for names, in which `*` stands for any characters and `?` for one.

use crate::Code;
use crate::context::Context;
use crate::diagnostic::shown;
use crate::fields::Field;
use crate::values::{nonempty, text_list};

/// The longest pattern, in bytes.
pub(crate) const MAX_PATTERN: usize = 128;

/// The patterns of a list with at most `max` elements, each once, in the order of the text.
pub(crate) fn patterns(cx: &mut Context<'_>, name: &str, field: Field<'_>, max: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let list = text_list(cx, name, field.value);
    if list.len() > max {
        let message = format!("`{name}` has {} patterns; {max} are the most", list.len());
        cx.push(cx.error_at(field.value, Code::OutOfRange, message));
        return out;
    }
    for (pattern, value) in list {
        if pattern.len() > MAX_PATTERN {
            let message = format!("`{}` is longer than a pattern may be, {MAX_PATTERN} bytes", shown(pattern));
            cx.push(cx.error_at(value, Code::BadPattern, message));
        } else if nonempty(cx, &format!("an element of {name}"), value).is_some()
            && !out.iter().any(|known| known == pattern)
        {
            out.push(pattern.to_owned());
        }
    }
    out
}
