//! Which addresses a template stands for (source: RFC 6570, levels 1 to 3).
//!
//! Read generously: servers in the wild take more than the RFC lets a template make. What is found here is asked, and its
//! server has the last word.

/// The longest address that templates are tried on, in bytes.
const MAX_URI: usize = 8 * 1024;
/// The most pieces of a template; one with more stands for nothing.
const MAX_PIECES: usize = 64;

/// A template, taken apart.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// Its text up to the first expression.
    prefix: String,
    /// `None`: it cannot be read, or is too long.
    pieces: Option<Vec<Piece>>,
}

#[derive(Debug)]
enum Piece {
    /// This text.
    Text(String),
    /// An expression.
    Run(Run),
}

/// What an expression may stand for.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The character before the values. With one, all of it may be missing.
    lead: Option<u8>,
    /// Characters that end it.
    ends: &'static [u8],
}

impl Template {
    /// Takes a template apart.
    pub(super) fn new(text: &str) -> Self {
        let prefix = text.split('{').next().unwrap_or_default().to_owned();
        Self { prefix, pieces: pieces(text) }
    }

    /// Its text up to the first expression.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// True when it may stand for this address. Takes at most the product of the two lengths.
    pub(super) fn matches(&self, uri: &str) -> bool {
        let uri = uri.as_bytes();
        let Some(pieces) = &self.pieces else { return false };
        if uri.len() > MAX_URI || !uri.starts_with(self.prefix.as_bytes()) {
            return false;
        }
        // Where in the address the pieces up to now can end.
        let mut ends = vec![false; uri.len() + 1];
        ends[0] = true;
        for piece in pieces {
            ends = match piece {
                Piece::Text(text) => after_text(&ends, uri, text.as_bytes()),
                Piece::Run(run) => after_run(&ends, uri, *run),
            };
        }
        ends[uri.len()]
    }
}

fn after_text(ends: &[bool], uri: &[u8], text: &[u8]) -> Vec<bool> {
    let mut after = vec![false; ends.len()];
    for (at, _) in ends.iter().enumerate().filter(|(_, reached)| **reached) {
        if uri[at..].starts_with(text) {
            after[at + text.len()] = true;
        }
    }
    after
}

fn after_run(ends: &[bool], uri: &[u8], run: Run) -> Vec<bool> {
    // All of it may be missing, or it has a character at least.
    let mut after = if run.lead.is_some() { ends.to_vec() } else { vec![false; ends.len()] };
    let mut inside = false;
    for at in 0..ends.len() {
        let begins = match run.lead {
            None => ends[at],
            Some(lead) => at > 0 && ends[at - 1] && uri[at - 1] == lead,
        };
        after[at] |= inside || (begins && run.lead.is_some());
        inside = (inside || begins) && uri.get(at).is_some_and(|byte| !run.ends.contains(byte));
    }
    after
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('{') {
        if before.contains('}') {
            return None;
        }
        let (expression, after) = from.split_once('}')?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Run(run(expression)?));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    (pieces.len() <= MAX_PIECES).then_some(pieces)
}

fn run(expression: &str) -> Option<Run> {
    let (lead, ends): (Option<u8>, &[u8]) = match expression.bytes().next()? {
        b'+' => (None, b""),
        b'#' => (Some(b'#'), b""),
        b'.' => (Some(b'.'), b"/"),
        b'/' => (Some(b'/'), b"?#"),
        b';' => (Some(b';'), b"/?#"),
        b'?' => (Some(b'?'), b"#"),
        b'&' => (Some(b'&'), b"#"),
        b'=' | b',' | b'!' | b'@' | b'|' | b'{' => return None,
        _ => (None, b"/"),
    };
    Some(Run { lead, ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_stand_for_what_they_make() {
        for (template, uri, expected) in [
            ("test://static", "test://static", true),
            ("test://static", "test://static/", false),
            ("test://template/{id}/data", "test://template/123/data", true),
            ("test://template/{id}/data", "test://template//data", false),
            ("test://template/{id}/data", "test://template/1/2/data", false),
            ("file:///{+path}", "file:///a/b/c.txt", true),
            ("file:///{path}", "file:///a/b/c.txt", false),
            ("{scheme}://{host}/x", "a://b/x", true),
            ("x:{a}{b}", "x:12", true),
            ("x:{a}{b}", "x:1", false),
            ("x:{a}-{b}", "x:1-2-3", true),
            ("x:/p{/a,b}", "x:/p/1/2", true),
            ("x:/p{/a,b}", "x:/p", true),
            ("x:/p{/a}{?q,r}", "x:/p/1?q=2&r=3", true),
            ("x:/p{/a}{?q,r}", "x:/p?q=2", true),
            ("x:/p{?q}", "x:/pq", false),
            ("x:/p?a=1{&q}", "x:/p?a=1&q=2", true),
            ("x:/p{#f}", "x:/p#a/b?c", true),
            ("x:/p{.ext}", "x:/p.tar.gz", true),
            ("x:/p{;a,b}/z", "x:/p;a=1;b=2/z", true),
            ("größe://{x}", "größe://ß", true),
            ("x:{", "x:{", false),
            ("x:}", "x:}", false),
            ("x:{}", "x:", false),
            ("x:{=a}", "x:1", false),
        ] {
            assert_eq!(Template::new(template).matches(uri), expected, "{template} {uri}");
        }
    }

    #[test]
    fn long_ones_cost_little_and_match_nothing() {
        assert!(!Template::new(&format!("x:{}", "{a}".repeat(MAX_PIECES))).matches("x:a"));
        assert!(!Template::new("x:{+a}").matches(&format!("x:{}", "a".repeat(MAX_URI))));
        assert!(!Template::new(&"{+a}b".repeat(30)).matches(&"b".repeat(MAX_URI - 1).replace('b', "a")));
        assert_eq!(Template::new("x://y/{z}").prefix(), "x://y/");
    }
}
