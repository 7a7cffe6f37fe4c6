//! JSON objects into structs, and nothing but objects.

use serde::Deserialize;
use serde::de::Error;

/// Decodes a JSON object. serde would take an array for a struct too, member by member.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    if !json.trim_start().starts_with('{') {
        return Err(serde_json::Error::custom("it is no object"));
    }
    serde_json::from_str(json)
}
