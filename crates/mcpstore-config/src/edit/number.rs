//! Numbers of TOML and YAML, as JSON writes them.

/// True for a number as JSON writes it.
pub(super) fn is_json(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (digits, rest) = split_digits(rest);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return false;
    }
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => match split_digits(fraction) {
            ("", _) => return false,
            (_, rest) => rest,
        },
        None => rest,
    };
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let (digits, rest) = split_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
            !digits.is_empty() && rest.is_empty()
        }
        None => rest.is_empty(),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The same number as JSON writes it; `None` for what is no number there (infinity, for example).
pub(super) fn to_json(raw: &str) -> Option<String> {
    let plain: String = raw.chars().filter(|&c| c != '_').collect();
    let (sign, body) = match plain.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = body.strip_prefix(prefix) {
            return u128::from_str_radix(digits, radix).ok().map(|number| format!("{sign}{number}"));
        }
    }
    let (digits, rest) = split_digits(body);
    // `e8` is a word, `.5` is a number.
    if digits.is_empty() && !rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let whole = digits.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut out = format!("{sign}{whole}{rest}");
    // `1.` and `1.e5` of YAML.
    if let Some(at) = out.find('.')
        && !out[at + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        out.insert(at + 1, '0');
    }
    is_json(&out).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_are_known() {
        for good in ["0", "-0", "12", "1.50", "1e3", "-1.5E+10", "0.0e-0"] {
            assert!(is_json(good), "{good}");
            assert_eq!(to_json(good).as_deref(), Some(good));
        }
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1_0", "inf", "1 ", "1,2", "-e5"] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn others_become_json() {
        for (raw, json) in [
            ("+1", "1"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("-0b11", "-3"),
            ("007", "7"),
            (".5", "0.5"),
            ("-.5e3", "-0.5e3"),
            ("1.", "1.0"),
            ("1.e5", "1.0e5"),
        ] {
            assert_eq!(to_json(raw).as_deref(), Some(json), "{raw}");
        }
        for none in ["inf", "-nan", ".", "", "e8", "-e5", ".e5", "+", "1979-05-27", "0xZ"] {
            assert_eq!(to_json(none), None, "{none}");
        }
    }
}
