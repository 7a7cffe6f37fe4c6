//! `requestState`: what clients carry for us from one round to the next, bound to whom and to what it was given for.

use std::sync::OnceLock;
use std::time::Duration;

use mcpstore_transport::RpcError;
use mcpstore_types::Timestamp;
use serde_json::value::RawValue;

use super::super::params::invalid;
use crate::guard::seal::Seal;

/// How long what a server gave a client to carry is taken back.
const LIFE: Duration = Duration::from_secs(3600);

/// What was given to be carried.
#[derive(Debug)]
pub(super) enum Carried {
    /// The place of work that waits for the client.
    Parked(u64),
    /// The JSON text of what the server wants to find again.
    Servers(String),
}

/// Seals what is carried. The key is made at the first time, and never leaves the process.
#[derive(Debug, Default)]
pub(super) struct Carrier(OnceLock<Seal>);

impl Carrier {
    /// The JSON text of a `requestState`.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn give(&self, owner: &str, carried: &Carried, now: Timestamp) -> Result<String, RpcError> {
        let payload = match carried {
            Carried::Parked(place) => [b"p", place.to_be_bytes().as_slice()].concat(),
            Carried::Servers(state) => [b"s", state.as_bytes()].concat(),
        };
        // Its letters stand for themselves in JSON.
        Ok(format!("\"{}\"", self.seal()?.seal(owner, &payload, now.after(LIFE))))
    }

    /// What was given to `owner`, by the JSON text of the `requestState` that it brings.
    ///
    /// # Errors
    /// "Invalid params": it is none of ours, not for this, not any more.
    pub(super) fn take(&self, owner: &str, state: &RawValue, now: Timestamp) -> Result<Carried, RpcError> {
        let text: String = serde_json::from_str(state.get()).map_err(|_| invalid("`requestState` must be a text"))?;
        let payload = self.seal()?.open(owner, &text, now);
        let payload = payload.map_err(|error| invalid(&format!("`requestState` cannot be taken: {error}")))?;
        let unknown = || invalid("`requestState` cannot be taken");
        match payload.split_first() {
            Some((b'p', place)) => Ok(Carried::Parked(u64::from_be_bytes(place.try_into().map_err(|_| unknown())?))),
            Some((b's', state)) => Ok(Carried::Servers(String::from_utf8(state.to_vec()).map_err(|_| unknown())?)),
            _ => Err(unknown()),
        }
    }

    fn seal(&self) -> Result<&Seal, RpcError> {
        if let Some(seal) = self.0.get() {
            return Ok(seal);
        }
        let seal = Seal::random().map_err(|error| RpcError::new(-32603, format!("no random bytes: {error}")))?;
        Ok(self.0.get_or_init(|| seal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_comes_back_to_its_owner_alone() {
        let (carrier, now) = (Carrier::default(), Timestamp::ZERO);
        let raw = |text: String| RawValue::from_string(text).unwrap();
        let theirs = raw(carrier.give("a", &Carried::Servers("\"\\u0061.b\"".into()), now).unwrap());
        assert!(matches!(carrier.take("a", &theirs, now), Ok(Carried::Servers(text)) if text == "\"\\u0061.b\""));
        let parked = raw(carrier.give("a", &Carried::Parked(7), now).unwrap());
        assert!(matches!(carrier.take("a", &parked, now), Ok(Carried::Parked(7))));
        let code = |owner: &str, state: &RawValue, now| carrier.take(owner, state, now).unwrap_err().code;
        assert_eq!(code("b", &parked, now), -32602);
        assert_eq!(code("a", &parked, now.after(LIFE)), -32602);
        assert_eq!(code("a", &raw(parked.get().replace("\"A", "\"B")), now), -32602);
        assert_eq!(code("a", &raw("7".into()), now), -32602);
    }
}
