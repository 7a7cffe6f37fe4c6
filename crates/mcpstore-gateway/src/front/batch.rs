//! Batches: several messages in one text, as one revision of the protocol had them (spec: MCP 2025-03-26, basic).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::client::Client;

/// The most messages of a batch.
const MAX_MESSAGES: usize = 64;

/// True when this client may send batches.
pub(crate) fn may(client: &Client) -> bool {
    client.hello.get().is_some_and(|hello| hello.version == "2025-03-26")
}

/// True when a text begins as a batch.
pub(crate) fn is_batch(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"[")
}

/// The messages of a batch, as slices of its text; `None` when it is empty, has more than 64, or is no JSON.
pub(crate) fn messages(text: &[u8]) -> Option<Vec<&RawValue>> {
    let Batch(messages) = serde_json::from_slice(text).ok()?;
    (!messages.is_empty()).then_some(messages)
}

struct Batch<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Batch<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_MESSAGES} messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut messages = Vec::new();
                while let Some(message) = sequence.next_element()? {
                    if messages.len() == MAX_MESSAGES {
                        return Err(Error::invalid_length(MAX_MESSAGES + 1, &self));
                    }
                    messages.push(message);
                }
                Ok(messages)
            }
        }
        deserializer.deserialize_seq(Bounded).map(Batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_apart_within_its_bound() {
        let texts =
            |text: &str| messages(text.as_bytes()).map(|all| all.iter().map(|one| one.get().to_owned()).collect());
        assert_eq!(texts(r#" [{"a":1.0} , 2]"#), Some(vec![r#"{"a":1.0}"#.to_owned(), "2".to_owned()]));
        for bad in ["[]", "[1", "{}", "[1] 2", ""] {
            assert_eq!(texts(bad), None::<Vec<String>>, "{bad}");
        }
        let of = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(
            (messages(of(64).as_bytes()).map(|all| all.len()), messages(of(65).as_bytes()).is_none()),
            (Some(64), true)
        );
        assert!(is_batch(b" \n[") && !is_batch(b"{[") && !is_batch(b""));
    }
}
