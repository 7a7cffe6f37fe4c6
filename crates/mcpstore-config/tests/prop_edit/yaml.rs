//! A document as YAML, in some style.

use mcpstore_config::Plain;

use crate::dice::{Comment, Dice, Out, is_word, quote};
use crate::document::Document;
use crate::level::Level;

pub(crate) fn render(document: &Document, dice: Dice) -> (String, Vec<Comment>, Dice) {
    let mut out = Out::new(dice, "#", &["  ", "    ", " "]);
    // A list stands below its key with or without an indentation.
    let list = if out.dice.once_in(2) { "" } else { out.unit };
    out.above("", &[]);
    if out.dice.once_in(6) {
        out.push("---");
        out.end_line(&[]);
    }
    let mut yaml = Yaml { out, list };
    yaml.block(&document.whole(), "", Level::new(document.container), &[]);
    yaml.out.above("", &[]);
    yaml.out.done()
}

struct Yaml {
    out: Out,
    list: &'static str,
}

fn is_block(plain: &Plain) -> bool {
    match plain {
        Plain::List(list) => !list.is_empty(),
        Plain::Object(members) => !members.is_empty(),
        _ => false,
    }
}

impl Yaml {
    fn text(&mut self, text: &str) -> String {
        let printable = text.chars().all(|c| (' '..='~').contains(&c)) && !text.is_empty();
        match self.out.dice.roll(4) {
            0 | 1 if is_word(text) => text.to_owned(),
            2 if printable => format!("'{}'", text.replace('\'', "''")),
            _ => quote(text),
        }
    }

    fn brackets(&mut self, plain: &Plain) -> String {
        match plain {
            Plain::Text(text) => self.text(text),
            Plain::List(list) => {
                let items: Vec<String> = list.iter().map(|item| self.brackets(item)).collect();
                let space = if self.out.dice.once_in(2) { " " } else { "" };
                format!("[{space}{}{space}]", items.join(", "))
            }
            Plain::Object(members) => {
                let mut items = Vec::new();
                for (key, value) in members {
                    items.push(format!("{}: {}", self.text(key), self.brackets(value)));
                }
                let space = if self.out.dice.once_in(2) { " " } else { "" };
                format!("{{{space}{}{space}}}", items.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// A value on lines of its own.
    fn block(&mut self, plain: &Plain, indent: &str, level: Level<'_>, owner: &[String]) {
        match plain {
            Plain::List(list) if !list.is_empty() => {
                for item in list {
                    let (level, inner) = level.member(None, owner, item);
                    self.out.above(indent, owner);
                    self.out.push(&format!("{indent}-"));
                    if is_block(item) && !self.out.dice.once_in(4) {
                        // The first line stands behind the dash.
                        let deeper = format!("{indent}  ");
                        let mut nested = String::new();
                        std::mem::swap(&mut nested, &mut self.out.text);
                        self.block(item, &deeper, level, &inner);
                        std::mem::swap(&mut nested, &mut self.out.text);
                        match nested.strip_prefix(deeper.as_str()) {
                            Some(rest) if !rest.starts_with('#') => self.out.push(&format!(" {rest}")),
                            // A comment came first.
                            _ => {
                                let eol = self.out.eol;
                                self.out.push(&format!("{eol}{nested}"));
                            }
                        }
                    } else {
                        let text = self.brackets(item);
                        self.out.push(&format!(" {text}"));
                        self.out.end_line(&inner);
                    }
                }
            }
            Plain::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    let (level, inner) = level.member(Some(key), owner, value);
                    self.out.above(indent, owner);
                    let key = self.text(key);
                    self.out.push(&format!("{indent}{key}:"));
                    self.member(value, indent, level, &inner);
                }
            }
            other => {
                let text = self.brackets(other);
                self.out.push(&format!("{indent}{text}"));
                self.out.end_line(owner);
            }
        }
    }

    fn member(&mut self, value: &Plain, indent: &str, level: Level<'_>, owner: &[String]) {
        let literal = |text: &str| {
            text.ends_with('\n')
                && text.lines().all(|line| line.chars().all(|c| ('!'..='~').contains(&c)) && !line.is_empty())
        };
        match value {
            Plain::Text(text) if literal(text) => {
                self.out.push(" |");
                self.out.end_line(owner);
                for line in text.lines() {
                    let (unit, eol) = (self.out.unit, self.out.eol);
                    self.out.push(&format!("{indent}{unit}{line}{eol}"));
                }
            }
            Plain::Null if self.out.dice.once_in(2) => self.out.end_line(owner),
            value if is_block(value) && !self.out.dice.once_in(4) => {
                self.out.end_line(owner);
                let unit = if matches!(value, Plain::List(_)) { self.list } else { self.out.unit };
                self.block(value, &format!("{indent}{unit}"), level, owner);
            }
            value => {
                let text = self.brackets(value);
                self.out.push(&format!(" {text}"));
                self.out.end_line(owner);
            }
        }
    }
}
