//! Where a request went: written down on its way, read by who notes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use mcpstore_types::{ServiceName, clean_text};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Characters of a client's name that are kept.
const MAX_CLIENT: usize = 96;

/// Where a request went. Cheap to clone: all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    went: OnceLock<Went>,
    taken_back: AtomicBool,
}

/// A request that was passed on.
#[derive(Debug)]
pub(crate) struct Went {
    /// To this service.
    pub(crate) service: ServiceName,
    /// The tool, prompt or resource, as the server calls it.
    pub(crate) what: Option<Arc<str>>,
    /// What stands for its arguments ([`digest`]).
    pub(crate) arguments: Option<Arc<str>>,
    /// The client, as it calls itself, where the request says so.
    pub(crate) client: Option<Arc<str>>,
}

impl Trail {
    /// It was passed on. The first word counts.
    pub(crate) fn goes_to(
        &self,
        service: &ServiceName,
        what: Option<&str>,
        arguments: Option<&RawValue>,
        client: Option<&RawValue>,
    ) {
        self.0.went.get_or_init(|| Went {
            service: service.clone(),
            what: what.map(Into::into),
            arguments: arguments.map(digest),
            client: client.and_then(client_name),
        });
    }

    /// The client took it back: whatever comes of it is no failure.
    pub(crate) fn taken_back(&self) {
        self.0.taken_back.store(true, Ordering::Relaxed);
    }

    /// Where it went; `None`: nowhere.
    pub(crate) fn went(&self) -> Option<&Went> {
        self.0.went.get()
    }

    /// True when the client took it back.
    pub(crate) fn was_taken_back(&self) -> bool {
        self.0.taken_back.load(Ordering::Relaxed)
    }
}

/// What stands for arguments where they must not be written: 16 hexadecimal digits of their SHA-256, as the client wrote them.
/// Equal ones show as equal, and who knows arguments can see whether it was these.
fn digest(arguments: &RawValue) -> Arc<str> {
    let digest: [u8; 32] = Sha256::digest(arguments.get().as_bytes()).into();
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut out = String::with_capacity(16);
    for byte in &digest[..8] {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.into()
}

/// `name version` of what a client says of itself, without anything that a terminal would act on.
pub(crate) fn client_name(info: &RawValue) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Info {
        name: String,
        #[serde(default)]
        version: Option<String>,
    }
    let info: Info = serde_json::from_str(info.get()).ok()?;
    let whole = match info.version {
        Some(version) => format!("{} {version}", info.name),
        None => info.name,
    };
    let short: String = clean_text(&whole, ' ', ' ').replace('\n', " ").chars().take(MAX_CLIENT).collect();
    Some(short.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_first_word_counts_and_clones_are_one() {
        let trail = Trail::default();
        let service = ServiceName::new("api").unwrap();
        assert!(trail.went().is_none());
        trail.goes_to(&service, Some("t"), Some(&raw(r#"{"a":1}"#)), None);
        trail.goes_to(&service, Some("other"), None, None);
        let went = trail.went().unwrap();
        assert_eq!((went.service.as_str(), went.what.as_deref()), ("api", Some("t")));
        assert_eq!(went.arguments.as_deref().map(str::len), Some(16));
        trail.clone().taken_back();
        assert!(trail.was_taken_back());
    }

    #[test]
    fn a_client_cannot_write_what_it_likes_into_the_log() {
        let name = |text: &str| client_name(&raw(text)).map(|name| name.to_string());
        assert_eq!(name(r#"{"name":"agent","version":"1.2"}"#).as_deref(), Some("agent 1.2"));
        assert_eq!(name(r#"{"name":"a\u001b[31mb\nc"}"#).as_deref(), Some("ab c"));
        assert_eq!(name(&format!(r#"{{"name":"{}"}}"#, "x".repeat(500))).unwrap().len(), MAX_CLIENT);
        assert_eq!(name("1"), None);
    }
}
