//! A document as TOML, in some style.

use mcpstore_config::Plain;

use crate::dice::{Comment, Dice, Out, quote};
use crate::document::Document;

pub(crate) fn render(document: &Document, dice: Dice) -> (String, Vec<Comment>, Dice) {
    let out = Out::new(dice, "#", &["", "  ", "\t"]);
    let mut toml = Toml { out };
    toml.out.above("", &[]);
    let (before, behind) = &document.others;
    let inner = document.inner();
    let style = toml.out.dice.roll(4);
    let empty = matches!(&inner, Plain::Object(members) if members.is_empty())
        || matches!(&inner, Plain::List(list) if list.is_empty());
    let way = document.container;
    if way.is_empty() {
        let Plain::Object(entries) = &inner else { return toml.out.done() };
        // Sections come last, so everything on one line comes first.
        for (key, value) in entries {
            toml.section(&[], key, value, std::slice::from_ref(key), style == 0);
        }
        return toml.out.done();
    }
    for (key, value) in before {
        toml.pair("", &[], key, value, &[]);
    }
    let (style, name) = if empty { (0, way) } else { (style, way) };
    match style {
        // All on one line.
        0 => {
            let path: Vec<String> = name.iter().map(|key| (*key).to_owned()).collect();
            let (last, rest) = path.split_last().unwrap();
            toml.pair("", rest, last, &inner, &[]);
            toml.rest(behind);
        }
        // Dotted keys.
        1 if !document.list => {
            for (key, value) in &document.entries {
                let path: Vec<String> = name.iter().map(|key| (*key).to_owned()).chain([key.clone()]).collect();
                toml.dotted(&path, value, std::slice::from_ref(key));
            }
            toml.rest(behind);
        }
        // Entries on one line each.
        2 if !document.list => {
            let path: Vec<String> = name.iter().map(|key| (*key).to_owned()).collect();
            toml.header(&path, ("[", "]"), "", &[], &[]);
            for (key, value) in &document.entries {
                toml.pair("", &[], key, value, std::slice::from_ref(key));
            }
            toml.rest(behind);
        }
        _ => {
            let path: Vec<String> = name.iter().map(|key| (*key).to_owned()).collect();
            match &inner {
                Plain::List(list) => {
                    for (item, (name, _)) in list.iter().zip(&document.entries) {
                        toml.header(&path, ("[[", "]]"), "", &[], std::slice::from_ref(name));
                        toml.fields(&path, item, std::slice::from_ref(name));
                    }
                }
                Plain::Object(entries) => {
                    for (key, value) in entries {
                        toml.section(&path, key, value, std::slice::from_ref(key), false);
                    }
                }
                _ => {}
            }
            toml.rest(behind);
        }
    }
    toml.out.above("", &[]);
    toml.out.done()
}

struct Toml {
    out: Out,
}

impl Toml {
    /// What stands behind the container: sections, which may come after everything.
    fn rest(&mut self, others: &[(String, Plain)]) {
        if others.is_empty() {
            return;
        }
        // A plain value cannot follow a section; it goes into one of its own.
        for (key, value) in others {
            if matches!(value, Plain::Object(_)) {
                self.header(std::slice::from_ref(key), ("[", "]"), "", &[], &[]);
                self.fields(std::slice::from_ref(key), value, &[]);
            }
        }
    }

    fn key(&mut self, key: &str) -> String {
        let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let literal = !key.contains('\'') && key.chars().all(|c| (' '..='~').contains(&c));
        match self.out.dice.roll(4) {
            0..=1 if bare => key.to_owned(),
            2 if literal => format!("'{key}'"),
            _ => quote(key),
        }
    }

    fn path(&mut self, path: &[String]) -> String {
        let keys: Vec<String> = path.iter().map(|key| self.key(key)).collect();
        keys.join(if self.out.dice.once_in(6) { " . " } else { "." })
    }

    fn inline(&mut self, plain: &Plain) -> String {
        match plain {
            Plain::Text(text) => {
                let literal = !text.contains('\'') && text.chars().all(|c| (' '..='~').contains(&c));
                match self.out.dice.roll(4) {
                    1 if literal => format!("'{text}'"),
                    2 if literal && !text.contains(['\\', '"']) => format!("\"\"\"\n{text}\"\"\""),
                    _ => quote(text),
                }
            }
            Plain::List(list) => {
                let eol = self.out.eol;
                let on_lines = self.out.dice.once_in(3);
                let items: Vec<String> = list.iter().map(|item| self.inline(item)).collect();
                if on_lines {
                    items.iter().fold(format!("[{eol}"), |text, item| format!("{text}  {item},{eol}")) + "]"
                } else {
                    format!("[{}]", items.join(", "))
                }
            }
            Plain::Object(members) => {
                let mut items = Vec::new();
                for (key, value) in members {
                    items.push(format!("{} = {}", self.key(key), self.inline(value)));
                }
                if self.out.dice.once_in(2) {
                    format!("{{{}}}", items.join(","))
                } else {
                    format!("{{ {} }}", items.join(" , "))
                }
            }
            other => other.to_string(),
        }
    }

    fn pair(&mut self, indent: &str, path: &[String], key: &str, value: &Plain, owner: &[String]) {
        // The comment above an entry is not in it; that above a field is.
        self.out.above(indent, &owner[..owner.len().saturating_sub(1)]);
        let path = self.path(&[path, &[key.to_owned()]].concat());
        let value = self.inline(value);
        let sign = if self.out.dice.once_in(5) { "=" } else { " = " };
        self.out.push(&format!("{indent}{path}{sign}{value}"));
        self.out.end_line(owner);
    }

    fn dotted(&mut self, path: &[String], value: &Plain, owner: &[String]) {
        match value {
            Plain::Object(members) if !members.is_empty() && (owner.len() < 2 || self.out.dice.roll(2) == 0) => {
                for (key, value) in members {
                    self.dotted(
                        &[path, std::slice::from_ref(key)].concat(),
                        value,
                        &[owner, std::slice::from_ref(key)].concat(),
                    );
                }
            }
            _ => {
                let (last, rest) = path.split_last().unwrap();
                self.pair("", rest, last, value, owner);
            }
        }
    }

    fn header(&mut self, path: &[String], brackets: (&str, &str), indent: &str, above: &[String], owner: &[String]) {
        self.out.above(indent, above);
        let path = self.path(path);
        self.out.push(&format!("{indent}{}{path}{}", brackets.0, brackets.1));
        self.out.end_line(owner);
    }

    fn section(&mut self, path: &[String], key: &str, value: &Plain, owner: &[String], on_line: bool) {
        if on_line || !matches!(value, Plain::Object(_)) {
            return self.pair("", path, key, value, owner);
        }
        let path = [path, &[key.to_owned()]].concat();
        self.header(&path, ("[", "]"), "", &[], owner);
        self.fields(&path, value, owner);
    }

    /// The fields of a section, and the sections in it.
    fn fields(&mut self, path: &[String], value: &Plain, owner: &[String]) {
        let Plain::Object(members) = value else { return };
        let indent = if self.out.dice.once_in(3) { self.out.unit } else { "" };
        let mut sections = Vec::new();
        for (key, value) in members {
            let inner = if owner.is_empty() { Vec::new() } else { [owner, std::slice::from_ref(key)].concat() };
            match value {
                Plain::Object(_) if self.out.dice.once_in(2) => sections.push((key, value, inner)),
                _ => self.pair(indent, &[], key, value, &inner),
            }
        }
        for (key, value, inner) in sections {
            let path = [path, std::slice::from_ref(key)].concat();
            self.header(&path, ("[", "]"), indent, owner, &inner);
            self.fields(&path, value, &inner);
        }
    }
}
