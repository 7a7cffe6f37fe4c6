//! Sizes in bytes: `"512MB"`, `"1GiB"`, or a number of bytes.

use crate::tree::Node;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::shown;
use crate::fields::{Field, near};
use crate::values::{out_of_range, wrong_type};

/// The units, decimal and binary.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A size between `min` and `max`, which stand in a message as `range`.
pub(crate) fn size(
    cx: &mut Context<'_>,
    name: &str,
    field: Field<'_>,
    [min, max]: [u64; 2],
    range: &str,
) -> Option<u64> {
    let bytes = match &field.value.node {
        Node::Number(number) => {
            let Ok(bytes) = number.parse::<u64>() else {
                let message = format!("`{name}` is {}; expected a whole number of bytes", shown(number));
                cx.push(cx.error_at(field.value, Code::WrongType, message).with_help("or write it as in \"512MB\""));
                return None;
            };
            Some(bytes)
        }
        Node::Text(literal) => match parse(literal.trim()) {
            Ok(bytes) => bytes,
            Err(help) => {
                let message = format!("`{}` is no size", shown(literal));
                cx.push(cx.error_at(field.value, Code::BadSize, message).with_help(help));
                return None;
            }
        },
        _ => {
            wrong_type(cx, name, field.value, "a size", Some("write it as in \"512MB\", \"1GiB\" or 536870912"));
            return None;
        }
    };
    let Some(bytes) = bytes.filter(|bytes| (min..=max).contains(bytes)) else {
        out_of_range(cx, name, field, range);
        return None;
    };
    Some(bytes)
}

/// The bytes; nothing when they are too many to count. What to write instead when it is no size.
fn parse(text: &str) -> Result<Option<u64>, String> {
    const HELP: &str = "write a whole number and its unit, for example \"512MB\" or \"1GiB\"";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    if number.is_empty() || number.len() > 20 {
        return Err(HELP.to_owned());
    }
    if let Some((_, factor)) = UNITS.iter().find(|(word, _)| *word == unit) {
        return Ok(number.parse::<u64>().ok().and_then(|count| count.checked_mul(*factor)));
    }
    Err(match (unit, near(unit, UNITS.iter().map(|(word, _)| *word))) {
        ("", _) => format!("write it with its unit, for example \"{number}MB\" or \"{number}MiB\""),
        (_, Some(unit)) => format!("did you mean `{number}{unit}`?"),
        (_, None) => HELP.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        for (text, bytes) in
            [("512MB", 512_000_000), ("1 GiB", 1 << 30), ("7B", 7), ("2KiB", 2048), ("1TB", 10_u64.pow(12))]
        {
            assert_eq!(parse(text), Ok(Some(bytes)), "{text}");
        }
        assert_eq!(parse("99999999999999999999TiB"), Ok(None));
        assert_eq!(parse("18446744073709551615KiB"), Ok(None));
        for bad in ["", "MB", "1.5GB", "-1MB", "512", "512 Mo B", "1GiB x", "é"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("512Mib"), Err("did you mean `512MiB`?".to_owned()));
    }
}
