//! JSON texts of which some parts are replaced, and every other byte stays.

use std::ops::Range;

use serde_json::value::RawValue;

/// A text and what is to change in it.
pub(super) struct Edit<'a> {
    text: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Edit<'a> {
    /// Nothing is to change yet.
    pub(super) fn of(text: &'a RawValue) -> Self {
        Self { text: text.get(), changes: Vec::new() }
    }

    /// In the place of `part`, which is a slice of the text, comes `json`.
    pub(super) fn replace(&mut self, part: &'a RawValue, json: String) {
        // Their distance is where it stands.
        let at = part.get().as_ptr() as usize - self.text.as_ptr() as usize;
        self.changes.push((at..at + part.get().len(), json));
    }

    /// The text as it is now.
    pub(super) fn done(mut self) -> Box<RawValue> {
        self.changes.sort_by_key(|(at, _)| at.start);
        let mut out = String::with_capacity(self.text.len() + 64);
        let mut from = 0;
        for (at, json) in &self.changes {
            out.push_str(&self.text[from..at.start]);
            out.push_str(json);
            from = at.end;
        }
        out.push_str(&self.text[from..]);
        // JSON in the place of JSON: it stays JSON.
        RawValue::from_string(out).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn parts_change_and_every_other_byte_stays() {
        let text = RawValue::from_string(r#"{ "b":1.50 ,"a" : "x","c":{}}"#.to_owned()).unwrap();
        let members: BTreeMap<&str, &RawValue> = serde_json::from_str(text.get()).unwrap();
        let mut edit = Edit::of(&text);
        edit.replace(members["c"], "[1]".to_owned());
        edit.replace(members["a"], "\"yy\"".to_owned());
        assert_eq!(edit.done().get(), r#"{ "b":1.50 ,"a" : "yy","c":[1]}"#);
        assert_eq!(Edit::of(&text).done().get(), text.get());
    }
}
