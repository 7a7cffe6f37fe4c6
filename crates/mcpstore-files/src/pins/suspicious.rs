//! Texts of a tool that a model reads and a person does not see.

use mcpstore_types::is_hidden;
use serde_json::Value;

/// Findings of one tool that are told; more are counted in the last one.
pub const MAX_FINDINGS: usize = 32;

/// Characters of a place that are told.
const MAX_PLACE: usize = 200;

/// What was found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Hidden {
    /// An escape sequence of a terminal begins (ESC, CSI and their like).
    Escape,
    /// Another control character than a line break or a tab.
    Control,
    /// The direction of writing is turned.
    Direction,
    /// A character without width, or a soft hyphen.
    ZeroWidth,
    /// A tag or a selector of variants: whole sentences can be written in these, and none of it shows.
    Tag,
    /// Too deep to be looked into, or text that no text can hold.
    Unreadable,
}

impl Hidden {
    /// What it is, in words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Escape => "an escape sequence of a terminal",
            Self::Control => "a control character",
            Self::Direction => "a character that turns the direction of writing",
            Self::ZeroWidth => "a character without width",
            Self::Tag => "characters that write what does not show",
            Self::Unreadable => "something that cannot be looked into",
        }
    }

    fn of(c: char, in_name: bool) -> Option<Self> {
        match c {
            '\n' | '\t' | '\r' if !in_name => None,
            '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}' => Some(Self::Escape),
            '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}' => Some(Self::Tag),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                Some(Self::Direction)
            }
            // Words and emoji need the joiners; a name does not.
            '\u{200c}' | '\u{200d}' => in_name.then_some(Self::ZeroWidth),
            c if is_hidden(c) => Some(Self::ZeroWidth),
            c if c.is_control() => Some(Self::Control),
            _ => None,
        }
    }
}

/// Something hidden in a text of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The text it is in, as a JSON pointer into the tool (`/description`, `/inputSchema/properties/path/description`); names
    /// of members have a `#` behind theirs. At most 200 characters of it.
    pub place: String,
    /// What it is.
    pub hidden: Hidden,
    /// The first one: the character of the text, counted from 1.
    pub at: usize,
    /// How many of its kind are in this text.
    pub count: usize,
}

/// What is hidden in the texts of a tool: its name, title and descriptions, and every other text and name of a member below its
/// schemas and annotations. `entry` is the JSON text of a tool in a list, or a canonical definition.
///
/// The first of each kind in each text, at most [`MAX_FINDINGS`]. An empty list says that nothing of these kinds is there, and not that the texts are harmless.
#[must_use]
pub fn suspicious(entry: &str) -> Vec<Finding> {
    let mut out = Vec::new();
    match serde_json::from_str::<Value>(entry) {
        Ok(Value::Object(members)) => {
            for (name, value) in &members {
                if matches!(
                    name.as_str(),
                    "name" | "title" | "description" | "inputSchema" | "outputSchema" | "annotations"
                ) {
                    walk(value, &mut format!("/{name}"), name == "name", &mut out);
                }
            }
        }
        // Deeper than a parser goes, or half of a surrogate pair.
        Ok(_) | Err(_) => out.push(Finding { place: String::new(), hidden: Hidden::Unreadable, at: 1, count: 1 }),
    }
    out
}

fn walk(value: &Value, place: &mut String, in_name: bool, out: &mut Vec<Finding>) {
    match value {
        Value::String(text) => look(text, place, in_name, out),
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                below(place, &nth.to_string(), |place| walk(item, place, false, out));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                below(place, name, |place| {
                    place.push('#');
                    look(name, place, true, out);
                    place.pop();
                    walk(value, place, false, out);
                });
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One step down, and back up.
fn below(place: &mut String, name: &str, then: impl FnOnce(&mut String)) {
    let length = place.len();
    place.push('/');
    place.push_str(&name.replace('~', "~0").replace('/', "~1"));
    then(place);
    place.truncate(length);
}

fn look(text: &str, place: &str, in_name: bool, out: &mut Vec<Finding>) {
    let first = out.len();
    for (nth, c) in text.chars().enumerate() {
        let Some(hidden) = Hidden::of(c, in_name) else { continue };
        if let Some(finding) = out[first..].iter_mut().find(|finding| finding.hidden == hidden) {
            finding.count += 1;
        } else if out.len() < MAX_FINDINGS {
            let place = place.chars().take(MAX_PLACE).collect();
            out.push(Finding { place, hidden, at: nth + 1, count: 1 });
        } else if let Some(last) = out.last_mut() {
            last.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(entry: &str) -> Vec<String> {
        suspicious(entry)
            .into_iter()
            .map(|finding| format!("{} {:?} {} {}", finding.place, finding.hidden, finding.at, finding.count))
            .collect()
    }

    #[test]
    fn each_kind_is_found_with_its_place() {
        let entry = r#"{"name":"a\u200db","title":"x\u001b[31mred\u001b[0m","description":"ab\u202ec\u200b\u200b\u0007\n\t",
            "inputSchema":{"properties":{"p/q":{"description":"\udb40\udc41\udb40\udd00","enum":["ok","\u009b1m"]},"k\u2066":{}}},
            "annotations":{"title":"\u00ad"}, "_meta":{"x":"\u001b"}}"#;
        assert_eq!(
            shown(entry),
            [
                "/annotations/title ZeroWidth 1 1",
                "/description Direction 3 1",
                "/description ZeroWidth 5 2",
                "/description Control 7 1",
                "/inputSchema/properties/k\u{2066}# Direction 2 1",
                "/inputSchema/properties/p~1q/description Tag 1 2",
                "/inputSchema/properties/p~1q/enum/1 Escape 1 1",
                "/name ZeroWidth 2 1",
                "/title Escape 2 2",
            ]
        );
    }

    #[test]
    fn what_words_and_emoji_need_is_no_finding() {
        let entry = r#"{"name":"read","description":"日本 ключ é 👩‍💻 ✔️ עברית\r\n","inputSchema":{"type":"object"}}"#;
        assert!(suspicious(entry).is_empty(), "{:?}", suspicious(entry));
    }

    #[test]
    fn what_cannot_be_read_says_so_and_there_is_a_bound() {
        let deep = format!("{{\"inputSchema\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(shown(&deep), [" Unreadable 1 1"]);
        let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":\"\\u200b\"")).collect();
        let found = suspicious(&format!("{{\"inputSchema\":{{{}}}}}", many.join(",")));
        assert_eq!(found.len(), MAX_FINDINGS);
        assert_eq!(found.iter().map(|finding| finding.count).sum::<usize>(), 100);
    }
}
