//! What is kept of a login: a client, its tokens, and the issuer and the resource that both are bound to.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A token is renewed when it has less than this left, in seconds.
const RENEW_BEFORE: u64 = 30;

/// What is kept of a login to one service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The form of the file.
    pub(crate) version: u32,
    /// The address of the service; tokens go nowhere else.
    pub(crate) url: String,
    /// The authorisation server that everything below belongs to; another one sees none of it.
    pub(crate) issuer: String,
    /// Who we are there.
    pub(crate) client: Client,
    /// The tokens; none when they were given up.
    pub(crate) tokens: Option<Tokens>,
}

/// Who we are towards an authorisation server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Client {
    /// The client id.
    pub(crate) id: String,
    /// Its secret, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// Where it came from.
    pub(crate) kind: ClientKind,
    /// The redirect address it was registered with.
    pub(crate) redirect_uri: String,
}

/// Where a client id came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientKind {
    /// The config has it.
    Configured,
    /// It is the address of a client metadata document.
    Document,
    /// The authorisation server gave it to us (RFC 7591).
    Registered,
}

/// Tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// The access token.
    pub(crate) access: String,
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh: Option<String>,
    /// When they came, in seconds since 1970.
    pub(crate) received_at: u64,
    /// For how many seconds the access token is good from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in: Option<u64>,
    /// The scopes that were granted.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
}

impl Record {
    /// The form that is written.
    pub(crate) const VERSION: u32 = 1;
}

impl Tokens {
    /// The `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.access)
    }

    /// When the access token ends, in seconds since 1970; `None` when the server did not say.
    pub(crate) fn expires_at(&self) -> Option<u64> {
        self.expires_in.map(|seconds| self.received_at.saturating_add(seconds))
    }

    /// True when the access token is over, or nearly.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.expires_at().is_some_and(|end| now.saturating_add(RENEW_BEFORE) >= end)
    }

    /// True when the access token is over.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        self.expires_at().is_some_and(|end| now >= end)
    }
}

// Secrets: neither shows itself.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("url", &self.url).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record with tokens that came `age` seconds ago and last an hour.
    pub(crate) fn record(url: &str, issuer: &str, age: u64) -> Record {
        Record {
            version: Record::VERSION,
            url: url.into(),
            issuer: issuer.into(),
            client: Client {
                id: "id".into(),
                secret: Some("hunter2".into()),
                kind: ClientKind::Registered,
                redirect_uri: "http://127.0.0.1:1/callback".into(),
            },
            tokens: Some(Tokens {
                access: "hunter3".into(),
                refresh: Some("hunter4".into()),
                received_at: now() - age,
                expires_in: Some(3600),
                scopes: vec!["read".into()],
            }),
        }
    }

    #[test]
    fn tokens_end_when_their_time_is_over() {
        let mut tokens = record("u", "i", 0).tokens.unwrap();
        let start = tokens.received_at;
        assert!(!tokens.is_due(start + 3569) && tokens.is_due(start + 3570));
        assert!(!tokens.is_over(start + 3599) && tokens.is_over(start + 3600));
        tokens.expires_in = None;
        assert!(!tokens.is_due(u64::MAX) && !tokens.is_over(u64::MAX));
    }

    #[test]
    fn a_record_does_not_show_its_secrets() {
        let record = record("u", "i", 0);
        assert!(!format!("{record:?} {:?}", record.tokens).contains("hunter"));
    }
}
