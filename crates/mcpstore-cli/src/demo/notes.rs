//! Demo server `notes`: texts under keys, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcpstore::types::suggestion;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};

use super::say;

pub(crate) const NAME: &str = "notes";
pub(crate) const DESCRIPTION: &str = "Notes under keys, kept in memory until the server ends";

/// Notes kept at most.
const MAX_NOTES: usize = 1_000;
/// Bytes of a note at most.
const MAX_BYTES: usize = 64 * 1024;

/// The server and its notes.
#[derive(Default)]
pub(crate) struct Notes {
    notes: Mutex<BTreeMap<String, String>>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct PutArgs {
    /// The name of the note
    key: String,
    /// What it says; an older text under this key is replaced
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct KeyArgs {
    /// The name of the note
    key: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct ListArgs {
    /// Only keys that begin with this
    prefix: Option<String>,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct Note {
    key: String,
    text: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct Stored {
    key: String,
    /// Whether an older text was replaced
    replaced: bool,
    /// How many notes there are now
    notes: usize,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct Listing {
    keys: Vec<String>,
}

#[tool_router]
impl Notes {
    #[tool(description = "Keeps a text under a key")]
    fn put(&self, Parameters(PutArgs { key, text }): Parameters<PutArgs>) -> Result<Json<Stored>, String> {
        if key.is_empty() {
            return Err("the key is empty".to_owned());
        }
        if text.len() > MAX_BYTES {
            return Err(format!("the text has {} bytes; at most {MAX_BYTES} are kept", text.len()));
        }
        let mut notes = self.lock();
        if notes.len() >= MAX_NOTES && !notes.contains_key(&key) {
            return Err(format!("there are {MAX_NOTES} notes already; delete one first"));
        }
        say(format_args!("put {key:?} ({} bytes)", text.len()));
        let replaced = notes.insert(key.clone(), text).is_some();
        Ok(Json(Stored { key, replaced, notes: notes.len() }))
    }

    #[tool(description = "The text under a key", annotations(read_only_hint = true))]
    fn get(&self, Parameters(KeyArgs { key }): Parameters<KeyArgs>) -> Result<Json<Note>, String> {
        let notes = self.lock();
        let text = notes.get(&key).cloned().ok_or_else(|| unknown(&key, &notes))?;
        say(format_args!("get {key:?}"));
        Ok(Json(Note { key, text }))
    }

    #[tool(description = "The keys of all notes, in order", annotations(read_only_hint = true))]
    fn list(&self, Parameters(ListArgs { prefix }): Parameters<ListArgs>) -> Json<Listing> {
        let prefix = prefix.unwrap_or_default();
        let keys: Vec<String> = self.lock().keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        say(format_args!("list -> {} of them", keys.len()));
        Json(Listing { keys })
    }

    #[tool(description = "Deletes the note under a key, and returns it", annotations(destructive_hint = true))]
    fn delete(&self, Parameters(KeyArgs { key }): Parameters<KeyArgs>) -> Result<Json<Note>, String> {
        let mut notes = self.lock();
        let text = notes.remove(&key).ok_or_else(|| unknown(&key, &notes))?;
        say(format_args!("delete {key:?}"));
        Ok(Json(Note { key, text }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Nothing in here panics half-way, so what a poisoned lock holds is whole.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(key: &str, notes: &BTreeMap<String, String>) -> String {
    format!("no note `{key}`{}", suggestion(key, notes.keys()))
}

#[tool_handler(name = "mcpstore-demo-notes", instructions = "Keeps notes in memory; they are gone when it ends.")]
impl ServerHandler for Notes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_lives_from_put_to_delete() {
        let notes = Notes::default();
        let put = |key: &str, text: &str| {
            notes.put(Parameters(PutArgs { key: key.to_owned(), text: text.to_owned() })).map(|out| out.0.replaced)
        };
        let key = |key: &str| Parameters(KeyArgs { key: key.to_owned() });
        let list = |prefix: Option<&str>| notes.list(Parameters(ListArgs { prefix: prefix.map(str::to_owned) })).0.keys;
        assert_eq!((put("b", "1"), put("a", "2"), put("b", "3")), (Ok(false), Ok(false), Ok(true)));
        assert_eq!(notes.get(key("b")).ok().unwrap().0.text, "3");
        assert_eq!((list(None), list(Some("b"))), (vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()]));
        assert_eq!(notes.delete(key("b")).ok().unwrap().0.text, "3");
        assert_eq!(list(None), ["a"]);
        assert!(notes.get(key("b")).err().unwrap().starts_with("no note `b`"));
        assert_eq!(put("", "x").unwrap_err(), "the key is empty");
        assert!(put("big", &"x".repeat(MAX_BYTES + 1)).unwrap_err().contains("at most"));
    }

    #[test]
    fn there_is_a_last_note_that_fits() {
        let notes = Notes::default();
        for n in 0..MAX_NOTES {
            assert!(notes.put(Parameters(PutArgs { key: n.to_string(), text: String::new() })).is_ok());
        }
        let more = |key: &str| notes.put(Parameters(PutArgs { key: key.to_owned(), text: String::new() })).is_ok();
        assert!(!more("one more"));
        assert!(more("0"));
    }
}
