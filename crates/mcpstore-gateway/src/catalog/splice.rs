//! A JSON object with a few of its members changed, and every other byte as it was.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The member of `_meta` that marks what a service listed that is down now.
pub(super) const STALE: &str = "io.mcpstore/stale";

/// The members of an object, as slices of its text, in their order.
pub(super) struct Object<'a> {
    text: &'a str,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Takes an object apart. Fails on everything that is no object.
    pub(super) fn read(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        let Members(members) = serde_json::from_str(text)?;
        Ok(Self { text, members })
    }

    /// A member; an error when there are two of this name, for then nobody can say which one counts.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, String> {
        let mut found = self.members.iter().filter(|(own, _)| own == name).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!("it has `{name}` twice")),
            (first, None) => Ok(first),
        }
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        let value = self.get(name)?.ok_or_else(|| format!("it has no `{name}`"))?;
        serde_json::from_str(value.get()).map_err(|_| format!("its `{name}` is no text"))
    }

    /// The members, in their order.
    #[cfg(test)]
    pub(super) fn members(&self) -> &[(Cow<'a, str>, &'a RawValue)] {
        &self.members
    }

    /// Where a value stands. It is a slice of the text, so its place is the distance of the two.
    fn place(&self, value: &RawValue) -> Range<usize> {
        let value = value.get();
        let start = value.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        start..start + value.len()
    }
}

/// What is changed in an entry of a list. What is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    /// Its service is down.
    pub(super) stale: bool,
}

impl Change<'_> {
    /// True when it changes nothing.
    pub(super) fn is_none(&self) -> bool {
        self.name.is_none() && self.description.is_none() && !self.stale
    }
}

/// The text of the object with these changes; an error when what is changed stands there twice, or there is no `name` to
/// change.
pub(super) fn splice(object: &Object<'_>, change: Change<'_>) -> Result<String, String> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::with_capacity(3);
    let old_name = || Ok::<_, String>(object.place(object.get("name")?.ok_or("it has no `name`")?));
    if let Some(name) = change.name {
        edits.push((old_name()?, json(name)));
    }
    if let Some(description) = change.description {
        edits.push(match object.get("description")? {
            Some(old) => (object.place(old), json(description)),
            None => {
                let end = old_name()?.end;
                (end..end, format!(r#","description":{}"#, json(description)))
            }
        });
    }
    if change.stale {
        edits.push(mark(object)?);
    }
    edits.sort_by_key(|(place, _)| (place.start, place.end));
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut out = String::with_capacity(object.text.len() + added);
    let mut done = 0;
    for (place, text) in edits {
        out.push_str(&object.text[done..place.start]);
        out.push_str(&text);
        done = place.end;
    }
    out.push_str(&object.text[done..]);
    Ok(out)
}

/// The edit that marks the object as stale, in its `_meta`.
fn mark(object: &Object<'_>) -> Result<(Range<usize>, String), String> {
    let Some(meta) = object.get("_meta")? else {
        // The object has members: before its closing brace there is room for one more.
        let end = object.text.len().saturating_sub(1);
        return Ok((end..end, format!(r#","_meta":{{"{STALE}":true}}"#)));
    };
    let place = object.place(meta);
    let Ok(inner) = Object::read(meta) else {
        // `null`, say: no place to put anything.
        return Ok((place, format!(r#"{{"{STALE}":true}}"#)));
    };
    if let Some(old) = inner.get(STALE)? {
        let old = inner.place(old);
        return Ok((place.start + old.start..place.start + old.end, "true".to_owned()));
    }
    let comma = if inner.members.is_empty() { "" } else { "," };
    let start = place.start + 1;
    Ok((start..start, format!(r#""{STALE}":true{comma}"#)))
}

/// A text as JSON.
pub(super) fn json(text: &str) -> String {
    // A text always becomes JSON.
    serde_json::to_string(text).unwrap_or_default()
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(text: &str, change: Change<'_>) -> Result<String, String> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        splice(&Object::read(&raw).map_err(|error| error.to_string())?, change)
    }

    fn named(name: &str) -> Change<'_> {
        Change { name: Some(name), ..Change::default() }
    }

    #[test]
    fn every_other_byte_stays() {
        let text = r#"{ "b" : 1.0e+2 ,"n\u0061me":"x\u0020y" , "a":[ 12345678901234567890.10 ], "description":null }"#;
        assert_eq!(spliced(text, Change::default()).as_deref(), Ok(text));
        assert_eq!(
            spliced(text, named("é\"")).unwrap(),
            r#"{ "b" : 1.0e+2 ,"n\u0061me":"é\"" , "a":[ 12345678901234567890.10 ], "description":null }"#
        );
        let both = Change { description: Some("d"), ..named("n") };
        assert_eq!(
            spliced(text, both).unwrap(),
            r#"{ "b" : 1.0e+2 ,"n\u0061me":"n" , "a":[ 12345678901234567890.10 ], "description":"d" }"#
        );
        assert_eq!(spliced(r#"{"name":"x","z":1}"#, both).unwrap(), r#"{"name":"n","description":"d","z":1}"#);
    }

    #[test]
    fn a_mark_is_put_into_what_is_there() {
        let stale = Change { stale: true, ..Change::default() };
        for (text, expected) in [
            (r#"{"name":"x"}"#, r#"{"name":"x","_meta":{"io.mcpstore/stale":true}}"#),
            (r#"{"_meta":{ },"name":"x"}"#, r#"{"_meta":{"io.mcpstore/stale":true },"name":"x"}"#),
            (r#"{"_meta":{"a":{}},"name":"x"}"#, r#"{"_meta":{"io.mcpstore/stale":true,"a":{}},"name":"x"}"#),
            (
                r#"{"_meta":{"io.mcpstore/stale":0,"a":1},"name":"x"}"#,
                r#"{"_meta":{"io.mcpstore/stale":true,"a":1},"name":"x"}"#,
            ),
            (r#"{"name":"x","_meta":null}"#, r#"{"name":"x","_meta":{"io.mcpstore/stale":true}}"#),
        ] {
            assert_eq!(spliced(text, stale).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        assert_eq!(spliced(r#"{"name":"x","n\u0061me":"y"}"#, named("n")).unwrap_err(), "it has `name` twice");
        assert_eq!(spliced("{}", named("n")).unwrap_err(), "it has no `name`");
        assert!(spliced(r#"["name"]"#, named("n")).is_err());
    }
}
