//! The addresses of alert sinks in a text, whether its syntax is good or not: those of chat services carry their token.

use std::ops::Range;

use super::json::reference_len;

/// The key below which they stand.
const BEGIN: &str = "sinks";

/// Keys behind which addresses belong to services.
const ENDS: [&str; 4] = ["mcpServers", "mcp_servers", "context_servers", "servers"];

/// The keys of addresses.
const KEYS: [&str; 2] = ["url", "server"];

/// What of the addresses behind `sinks` is hidden: all but the scheme and the host, and references.
pub(super) fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut inside = false;
    let mut at = 0;
    while let Some(start) = text[at..].find(is_word).map(|n| at + n) {
        let end = text[start..].find(|c| !is_word(c)).map_or(text.len(), |n| start + n);
        let word = &text[start..end];
        at = end;
        if word == BEGIN {
            inside = true;
        } else if inside && ENDS.contains(&word) && sign(text, end).is_some() {
            inside = false;
        } else if inside && KEYS.contains(&word) {
            if let Some(value) = sign(text, end).and_then(|sign| value(text, sign)) {
                at = value.end;
                hide(text, value, &mut out);
            }
        } else if inside && text[end..].starts_with("://") {
            let stop = text[end..].find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
            let value = start..stop.map_or(text.len(), |n| end + n);
            at = value.end;
            hide(text, value, &mut out);
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Behind the sign that makes what ends here a key.
fn sign(text: &str, end: usize) -> Option<usize> {
    let rest = text[end..].trim_start_matches(['"', '\'', ' ', '\t']);
    rest.starts_with([':', '=', '.', ']']).then(|| text.len() - rest.len() + 1)
}

/// The value that begins here, on this line. It looks no further than the value reaches: there may be many on a line.
fn value(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text[from..].trim_start_matches([' ', '\t', '\r']);
    let start = text.len() - rest.len();
    let (start, ends): (usize, &[char]) = match rest.chars().next()? {
        '\n' => return None,
        '"' => (start + 1, &['"']),
        '\'' => (start + 1, &['\'']),
        _ => (start, &[',', '}']),
    };
    // Before a letter, or the rest of a scheme, it is none that ends a value: it slipped in.
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, ':' | '/');
    let is_end = |(at, c): (usize, char)| {
        c == '\n' || (ends.contains(&c) && !text[start + at + c.len_utf8()..].starts_with(goes_on))
    };
    let mut end = text[start..].char_indices().find(|found| is_end(*found)).map_or(text.len(), |(at, _)| start + at);
    // The brace of a reference ends none.
    if ends.contains(&'}') && text[end..].starts_with('}') && text[start..end].contains("${") {
        end = text[end..].find('\n').map_or(text.len(), |n| end + n);
    }
    Some(start..start + text[start..end].trim_end().len())
}

fn hide(text: &str, value: Range<usize>, out: &mut Vec<Range<usize>>) {
    let whole = &text[value.clone()];
    // The address may be what holds where a variable is not set.
    let default = reference_len(whole).unwrap_or(0);
    // What is not the scheme of an address, but for one sign that slipped in, is nothing to be kept.
    let is_scheme = |before: &str| {
        before.chars().filter(|c| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).count() <= 1
    };
    let kept = match whole.find("://").filter(|at| is_scheme(whole.get(default..*at).unwrap_or_default())) {
        Some(at) => {
            let host = at + 3;
            let path = whole[host..].find(['/', '?', '#']).map_or(whole.len(), |n| host + n);
            // What ends a host may also stand, where it should not, in the password before an `@`.
            if whole[host..].contains('@') { host } else { (path + 1).min(whole.len()) }
        }
        None => 0,
    };
    // In an address of no known form nobody knows what is the host.
    let mut at = value.start + kept;
    while at < value.end {
        let Some(found) = text[at..value.end].find("${") else {
            out.push(at..value.end);
            return;
        };
        out.push(at..at + found);
        at += found;
        let length = reference_len(&text[at..value.end]).unwrap_or(2);
        if length == 2 {
            out.push(at..at + 2);
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::mask::Masked;

    #[test]
    fn only_what_is_a_host_for_certain_is_shown() {
        for (address, shown) in [
            ("smtps://a#b:c@h", "smtps://***"),
            ("smtps://a:b?c@h", "smtps://***"),
            ("smtps://a:b/c@h:465", "smtps://***"),
            ("https://h/a/b", "https://h/***"),
            // Nothing of another address tells that this one is over.
            ("me:pw@h,url: https://h.example/x", "***"),
            ("${BASE}/T0,x: https://h.example", "${BASE}***"),
        ] {
            let text = format!("alerts:\n  sinks:\n  - server: {address}\n");
            let masked = Masked::new(&text, Format::Yaml, false, &[]).text;
            assert_eq!(masked, format!("alerts:\n  sinks:\n  - server: {shown}\n"));
        }
    }

    #[test]
    fn only_the_host_of_a_sink_is_shown() {
        let masked = |format, text: &str| Masked::new(text, format, false, &[]).text;
        assert_eq!(
            masked(
                Format::Json,
                r#"{"mcpServers":{"a":{"url":"https://h/a"}},"alerts":{"sinks":[{"type":"webhook","url":"https://h.example/T/x"},{"url":"${U}"},{"url":"https://h/${T}/y"},{"server":"smtps://me:pw@h"},{"url":"hxxp/t"}]},"servers":{"b":{"url":"https://h/b"}}}"#
            ),
            r#"{"mcpServers":{"a":{"url":"https://h/a"}},"alerts":{"sinks":[{"type":"webhook","url":"https://h.example/***"},{"url":"${U}"},{"url":"https://h/${T}***"},{"server":"smtps://***"},{"url":"***"}]},"servers":{"b":{"url":"https://h/b"}}}"#
        );
        assert_eq!(
            masked(
                Format::Toml,
                "[[alerts.sinks]]\ntype = \"webhook\"\nurl = 'https://h/x'\n[mcpServers.a]\nurl = \"https://h/a\"\n"
            ),
            "[[alerts.sinks]]\ntype = \"webhook\"\nurl = 'https://h/***'\n[mcpServers.a]\nurl = \"https://h/a\"\n"
        );
        assert_eq!(
            masked(
                Format::Yaml,
                "alerts:\n  sinks:\n  - { url: https://h/x, type: webhook }\n  - url: https://h?key\nmcpServers:\n  a:\n    url: https://h/a\n"
            ),
            "alerts:\n  sinks:\n  - { url: https://h/***, type: webhook }\n  - url: https://h?***\nmcpServers:\n  a:\n    url: https://h/a\n"
        );
    }
}
