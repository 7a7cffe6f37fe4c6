//! The login of one service as it is now: in memory, and on disk when there is a store.

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mcpstore_types::ServiceName;
use rmcp::transport::auth::{AuthError as SdkError, CredentialStore, OAuthTokenResponse, StoredCredentials};
use serde_json::{Value, json};

use crate::auth::AuthError;
use crate::auth::record::{Record, Tokens};
use crate::auth::store::{Renewing, Store};

/// How long it holds that there is no login: a look for each request costs a tenth of it, and most servers want none.
const FRESH: Duration = Duration::from_millis(100);

/// The login of one service. What another process writes is seen at the next look.
#[derive(Clone, Debug)]
pub(crate) struct Vault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: ServiceName,
    url: String,
    store: Option<Store>,
    held: Mutex<Held>,
}

/// A record, and which file it was read from.
#[derive(Debug, Default)]
struct Held {
    record: Option<Record>,
    file: Option<(u64, i64, i64)>,
    /// When it was last looked for.
    looked: Option<Instant>,
}

impl Vault {
    /// The vault of a service at `url`; without a store it is lost with the process.
    pub(crate) fn new(service: ServiceName, url: String, store: Option<Store>) -> Self {
        Self(Arc::new(Inner { service, url, store, held: Mutex::default() }))
    }

    /// The tokens for a request. A logout is seen at once, a login by another process at most [`FRESH`] later: should the server
    /// refuse a request for want of it, [`Vault::get`] finds it.
    pub(crate) fn tokens_to_send(&self) -> Result<Option<Tokens>, AuthError> {
        {
            let held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.record.is_none() && held.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
                return Ok(None);
            }
        }
        Ok(self.get()?.and_then(|record| record.tokens))
    }

    /// The login, as it is now.
    pub(crate) fn get(&self) -> Result<Option<Record>, AuthError> {
        let inner = &*self.0;
        let mut held = inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &inner.store {
            // Every write makes a new file, so this number changes with what is in it.
            let file = store.stamp(&inner.service).map(|meta| (meta.ino(), meta.mtime(), meta.mtime_nsec()));
            if file != held.file {
                let record =
                    if file.is_some() { store.load(&inner.service, &inner.url).map_err(broken)? } else { None };
                *held = Held { record, file, looked: None };
            }
            held.looked = Some(Instant::now());
        }
        Ok(held.record.clone())
    }

    /// Keeps a login.
    pub(crate) async fn set(&self, record: Record) -> Result<(), AuthError> {
        let inner = Arc::clone(&self.0);
        let work = move || {
            if let Some(store) = &inner.store {
                store.save(&inner.service, &record)?;
            }
            inner.held.lock().unwrap_or_else(PoisonError::into_inner).record = Some(record);
            Ok(())
        };
        blocking(work).await
    }

    /// Forgets it.
    pub(crate) async fn clear(&self) -> Result<bool, AuthError> {
        let inner = Arc::clone(&self.0);
        let work = move || {
            let had = inner.held.lock().unwrap_or_else(PoisonError::into_inner).record.take().is_some();
            Ok(inner.store.as_ref().map_or(Ok(had), |store| store.remove(&inner.service))? || had)
        };
        blocking(work).await
    }

    /// Waits until no other process renews these tokens.
    pub(crate) async fn renewing(&self) -> Result<Option<Renewing>, AuthError> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.store.as_ref().map(|store| store.renewing(&inner.service)).transpose()).await
    }
}

/// What was read or written at the request of rmcp, which knows neither secrets of clients nor files.
#[async_trait]
impl CredentialStore for Vault {
    async fn load(&self) -> Result<Option<StoredCredentials>, SdkError> {
        let Some(record) = self.get().map_err(sdk)? else { return Ok(None) };
        let tokens = record.tokens.as_ref();
        let response = tokens.map(response).transpose().map_err(sdk)?;
        let (scopes, at) =
            tokens.map_or_else(Default::default, |tokens| (tokens.scopes.clone(), Some(tokens.received_at)));
        Ok(Some(StoredCredentials::new(record.client.id, response, scopes, at).with_issuer(Some(record.issuer))))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), SdkError> {
        let lost = || SdkError::CredentialStoreError("the client of these tokens was forgotten".into());
        let mut record = self.get().map_err(sdk)?.ok_or_else(lost)?;
        if record.client.id != credentials.client_id || credentials.issuer.as_ref() != Some(&record.issuer) {
            return Err(lost());
        }
        let (scopes, at) = (credentials.granted_scopes, credentials.token_received_at);
        record.tokens = match credentials.token_response {
            Some(response) => Some(tokens(&response, scopes, at.unwrap_or_default()).map_err(sdk)?),
            None => None,
        };
        self.set(record).await.map_err(sdk)
    }

    async fn clear(&self) -> Result<(), SdkError> {
        Self::clear(self).await.map(drop).map_err(sdk)
    }
}

/// Tokens as rmcp holds them. Its types are serde's business on both ways: they need no crate to read them.
fn response(tokens: &Tokens) -> Result<OAuthTokenResponse, serde_json::Error> {
    let mut out = json!({ "access_token": tokens.access, "token_type": "bearer" });
    if let Some(refresh) = &tokens.refresh {
        out["refresh_token"] = refresh.as_str().into();
    }
    if let Some(seconds) = tokens.expires_in {
        out["expires_in"] = seconds.into();
    }
    serde_json::from_value(out)
}

fn tokens(response: &OAuthTokenResponse, scopes: Vec<String>, received_at: u64) -> Result<Tokens, serde_json::Error> {
    let mut value = serde_json::to_value(response)?;
    let mut text = |key: &str| match value[key].take() {
        Value::String(text) => Some(text),
        _ => None,
    };
    let (access, refresh) = (text("access_token").unwrap_or_default(), text("refresh_token"));
    Ok(Tokens { access, refresh, received_at, expires_in: value["expires_in"].as_u64(), scopes })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, AuthError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(broken),
        Err(end) => Err(AuthError::Failed { message: format!("the store of logins broke: {end}") }),
    }
}

fn broken(error: std::io::Error) -> AuthError {
    AuthError::Failed { message: format!("the store of logins cannot be used: {error}") }
}

fn sdk(error: impl std::fmt::Display) -> SdkError {
    SdkError::CredentialStoreError(error.to_string())
}
