//! One text for JSON that means one thing.

use std::borrow::Cow;

/// Objects and lists within each other that are sorted; what lies deeper stays as it was written.
const MAX_DEPTH: usize = 64;

/// The canonical form of JSON: no blanks between tokens, members sorted by their names, texts with the fewest escapes, numbers as they
/// were written. With `keep`, only these members of the outermost object. `None`: it is no JSON, or with `keep` no object.
///
/// Members with one name stay in their order.
pub(super) fn canonical(json: &str, keep: Option<&[&str]>) -> Option<String> {
    let mut scan = Scan { text: json, at: 0 };
    let mut out = String::with_capacity(json.len());
    scan.skip_blanks();
    match keep {
        Some(_) if scan.peek()? != b'{' => return None,
        Some(_) => scan.object(0, keep, &mut out)?,
        None => scan.value(0, &mut out)?,
    }
    scan.skip_blanks();
    (scan.at == json.len()).then_some(out)
}

/// A name without its quotes.
fn inner(name: &str) -> &str {
    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name)
}

/// A place in a JSON text. Checks no more than it must to find its way: callers give what was parsed before.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte, with the blanks around it.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        if self.peek() != Some(byte) {
            return false;
        }
        self.at += 1;
        self.skip_blanks();
        true
    }

    fn value(&mut self, depth: usize, out: &mut String) -> Option<()> {
        self.skip_blanks();
        match self.peek()? {
            b'{' | b'[' if depth >= MAX_DEPTH => out.push_str(self.as_written()?),
            b'{' => self.object(depth, None, out)?,
            b'[' => self.list(depth, out)?,
            b'"' => out.push_str(&self.string()?),
            _ => out.push_str(self.word()?),
        }
        Some(())
    }

    fn object(&mut self, depth: usize, keep: Option<&[&str]>, out: &mut String) -> Option<()> {
        let mut members: Vec<(Cow<'a, str>, String)> = Vec::new();
        self.take(b'{');
        if !self.take(b'}') {
            loop {
                let name = self.string()?;
                if !self.take(b':') {
                    return None;
                }
                let mut value = String::new();
                self.value(depth + 1, &mut value)?;
                if keep.is_none_or(|keep| keep.contains(&inner(&name))) {
                    members.push((name, value));
                }
                if !self.take(b',') {
                    break;
                }
            }
            if !self.take(b'}') {
                return None;
            }
        }
        // Stable, for members with one name.
        members.sort_by(|one, other| inner(&one.0).cmp(inner(&other.0)));
        out.push('{');
        for (nth, (name, value)) in members.iter().enumerate() {
            out.push_str(if nth > 0 { "," } else { "" });
            out.push_str(name);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn list(&mut self, depth: usize, out: &mut String) -> Option<()> {
        self.take(b'[');
        out.push('[');
        if !self.take(b']') {
            loop {
                self.value(depth + 1, out)?;
                if !self.take(b',') {
                    break;
                }
                out.push(',');
            }
            if !self.take(b']') {
                return None;
            }
        }
        out.push(']');
        Some(())
    }

    /// A string with its quotes. One that no text can hold (half of a surrogate pair) stays as it was written.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let written = self.text.get(start..self.at)?;
        if !escaped {
            return Some(Cow::Borrowed(written));
        }
        let decoded = serde_json::from_str::<String>(written).and_then(|text| serde_json::to_string(&text));
        Some(decoded.map_or(Cow::Borrowed(written), Cow::Owned))
    }

    /// A number, or `true`, `false`, `null`.
    fn word(&mut self) -> Option<&'a str> {
        let start = self.at;
        while !matches!(self.peek(), None | Some(b',' | b']' | b'}' | b':' | b'"' | b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.text.get(start..self.at).filter(|word| !word.is_empty())
    }

    /// An object or a list, byte for byte.
    fn as_written(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.checked_sub(1)?,
                b'"' => {
                    self.string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return self.text.get(start..self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(json: &str) -> Option<String> {
        canonical(json, None)
    }

    #[test]
    fn order_and_blanks_go_and_numbers_stay() {
        let json = "\n{ \"b\" : [ 1.0, 1e2 , 100, {} , [ ] ],\t\"a\": { \"z\":null, \"y\" : \"x\\u00e9\\n\\/\" } } ";
        assert_eq!(form(json).unwrap(), r#"{"a":{"y":"xé\n/","z":null},"b":[1.0,1e2,100,{},[]]}"#);
        assert_eq!(form("12345678901234567890123").unwrap(), "12345678901234567890123");
        assert_eq!(form(r#"{"a":2,"\u0061":1}"#).unwrap(), r#"{"a":2,"a":1}"#);
        assert_eq!(form(r#"["\ud800","é\\\"}"]"#).unwrap(), r#"["\ud800","é\\\"}"]"#);
    }

    #[test]
    fn only_the_members_wanted_are_kept_and_only_outside() {
        let kept =
            canonical(r#"{"x":1,"name":"n","_meta":{"a":1},"inputSchema":{"x":[1]}}"#, Some(&["name", "inputSchema"]));
        assert_eq!(kept.unwrap(), r#"{"inputSchema":{"x":[1]},"name":"n"}"#);
        assert_eq!(canonical("[1]", Some(&["a"])), None);
    }

    #[test]
    fn what_is_no_json_and_what_is_deep_end_nothing() {
        for text in ["", "{", "[1", "{\"a\"}", "{\"a\":}", "\"\\", "{\"a\":1,}", "[]]", "{,}", "1 2"] {
            assert_eq!(form(text), None, "{text}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(form(&deep).unwrap(), deep);
        let objects = "{\"a\":".repeat(1000) + "\"]}\"" + &"}".repeat(1000);
        assert_eq!(form(&objects).unwrap(), objects);
    }

    /// JSON as a tree, with numbers as they are written.
    #[derive(Clone, Debug, PartialEq)]
    enum Tree {
        Word(String),
        Text(String),
        List(Vec<Tree>),
        Object(std::collections::BTreeMap<String, Tree>),
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let word = prop::sample::select(vec!["null", "true", "0", "1", "1.0", "1e0", "-3.50", "10"]);
        let leaf = prop_oneof![
            word.prop_map(|word| Tree::Word(word.to_owned())),
            "[a-c\"\\\\é\u{1b}\n]{0,4}".prop_map(Tree::Text),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                prop::collection::btree_map("[a-c\"\\\\é]{0,2}", inner, 0..4).prop_map(Tree::Object),
            ]
        })
    }

    /// Writes a tree as `dice` falls: order of members, blanks, escapes.
    fn write(tree: &Tree, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
        let mut throw = || dice.next().unwrap_or(0);
        out.push_str(["", " ", "\n\t", "\r"][usize::from(throw() % 4)]);
        match tree {
            Tree::Word(word) => out.push_str(word),
            Tree::Text(text) => write_text(text, throw() % 2 == 0, out),
            Tree::List(items) => {
                out.push('[');
                for (nth, item) in items.iter().enumerate() {
                    out.push_str(if nth > 0 { "," } else { "" });
                    write(item, dice, out);
                }
                out.push_str(" ]");
            }
            Tree::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                let turn = usize::from(throw());
                let count = members.len().max(1);
                members.rotate_left(turn % count);
                if turn % 2 == 1 {
                    members.reverse();
                }
                out.push('{');
                for (nth, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if nth > 0 { ",\n" } else { "" });
                    write_text(name, turn % 3 == 0, out);
                    out.push_str(" :");
                    write(value, dice, out);
                }
                out.push('}');
            }
        }
        out.push_str(["", " "][usize::from(dice.next().unwrap_or(0) % 2)]);
    }

    fn write_text(text: &str, escaped: bool, out: &mut String) {
        if !escaped {
            out.push_str(&serde_json::to_string(text).unwrap());
            return;
        }
        out.push('"');
        for unit in text.encode_utf16() {
            out.push_str(&format!("\\u{unit:04X}"));
        }
        out.push('"');
    }

    fn written(tree: &Tree, dice: &[u8]) -> String {
        let mut out = String::new();
        write(tree, &mut dice.iter().copied(), &mut out);
        out
    }

    /// Changes one thing, and only one, in the tree.
    fn mutated(tree: &Tree, dice: &mut impl Iterator<Item = u8>) -> Tree {
        let throw = dice.next().unwrap_or(0);
        match tree {
            Tree::Word(word) => Tree::Word(if word == "1" { "1.0".to_owned() } else { "1".to_owned() }),
            Tree::Text(text) if throw.is_multiple_of(3) => Tree::Word(format!("{}", text.len())),
            Tree::Text(text) => Tree::Text(format!("{text} ")),
            Tree::List(items) if items.is_empty() || throw.is_multiple_of(3) => {
                Tree::List([items.clone(), vec![Tree::Word("null".to_owned())]].concat())
            }
            Tree::List(items) => {
                let mut items = items.clone();
                let at = usize::from(throw) % items.len();
                items[at] = mutated(&items[at], dice);
                Tree::List(items)
            }
            Tree::Object(members) if members.is_empty() || throw.is_multiple_of(3) => {
                let mut members = members.clone();
                members.insert("a new name".to_owned(), Tree::Word("null".to_owned()));
                Tree::Object(members)
            }
            Tree::Object(members) => {
                let mut members = members.clone();
                let at = usize::from(throw) % members.len();
                if let Some(value) = members.values_mut().nth(at) {
                    *value = mutated(value, dice);
                }
                Tree::Object(members)
            }
        }
    }

    proptest! {
        #[test]
        fn one_meaning_has_one_form(
            tree in tree(),
            one in prop::collection::vec(any::<u8>(), 0..64),
            other in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let form = canonical(&written(&tree, &one), None).unwrap();
            prop_assert_eq!(&form, &canonical(&written(&tree, &other), None).unwrap());
            prop_assert_eq!(&form, &canonical(&form, None).unwrap(), "it stays as it is");
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(read(&form), read(&written(&tree, &one)), "it means the same");
        }

        #[test]
        fn another_meaning_has_another_form(
            tree in tree(),
            change in prop::collection::vec(any::<u8>(), 1..16),
            dice in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let other = mutated(&tree, &mut change.into_iter());
            prop_assert_ne!(&tree, &other);
            prop_assert_ne!(canonical(&written(&tree, &dice), None), canonical(&written(&other, &dice), None));
        }

        #[test]
        fn no_text_ends_it(text in "[\\[\\]{}\",:\\\\ a1é]{0,24}") {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(canonical(&text, None).is_some(), "{text}");
            }
            let _ = canonical(&text, Some(&["a"]));
        }
    }
}
