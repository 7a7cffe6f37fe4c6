//! Durations: `"250ms"`, `"10s"`, `"2m"`, `"1h 30m"`.

use std::time::Duration;

use crate::tree::Node;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::shown;
use crate::fields::Field;
use crate::values::{out_of_range, wrong_type};

/// The longest duration a config may state.
pub(crate) const MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// The shortest one that is not zero: finer than timers are.
pub(crate) const MIN: Duration = Duration::from_millis(1);

/// A duration of at least `min`; zero is allowed only when `min` is zero.
pub(crate) fn duration(cx: &mut Context<'_>, name: &str, field: Field<'_>, min: Duration) -> Option<Duration> {
    let Node::Text(literal) = &field.value.node else {
        let help = match &field.value.node {
            Node::Number(number) if number.len() <= 12 => {
                format!("write it with its unit, for example \"{}s\" or \"{}ms\"", number, number)
            }
            _ => "write it with its unit, for example \"10s\" or \"250ms\"".to_owned(),
        };
        wrong_type(cx, name, field.value, "a duration as text", Some(&help));
        return None;
    };
    let text: &str = literal;
    // The parser takes `M` and `y` for months and years; nobody means those here, and `5M` is a typing slip for `5m`.
    let parsed = if text.len() > 64 || text.contains('M') { None } else { humantime::parse_duration(text.trim()).ok() };
    let Some(duration) = parsed else {
        let message = format!("`{}` is no duration", shown(text));
        let help = match text.trim() {
            digits if !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                format!("write it with its unit, for example \"{digits}s\" or \"{digits}ms\"")
            }
            _ => "write a number and its unit (ms, s, m, h, d), for example \"10s\" or \"250ms\"".to_owned(),
        };
        cx.push(cx.error_at(field.value, Code::BadDuration, message).with_help(help));
        return None;
    };
    let low = !(min.is_zero() && duration.is_zero()) && duration < min.max(MIN);
    if low || duration > MAX {
        let lowest = if min.is_zero() { "0s".to_owned() } else { humantime::format_duration(min).to_string() };
        out_of_range(cx, name, field, &format!("between {lowest} and 30d"));
        return None;
    }
    Some(duration)
}
