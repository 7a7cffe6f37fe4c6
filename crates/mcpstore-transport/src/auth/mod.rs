//! Logins to remote servers: OAuth as MCP's authorization page has it (spec: MCP 2025-11-25 and 2026-07-28).
//!
//! [`OAuth`] holds the logins of all services. What rmcp does well is left to it: discovery, PKCE, registration, the
//! exchange of codes and tokens. Ours are the addresses that may be asked, the store, one flight for all who need the
//! same token, and the binding of everything to its issuer and its resource.

mod fetch;
mod flow;
mod prompt;
mod record;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcpstore_types::{HttpSpec, ServiceName};

pub(crate) use crate::http::credentials::AuthError;
pub use prompt::{LoginListener, LoginPrompt, Redirect};

use crate::http::credentials::Credentials;
use record::Record;
use service::ServiceAuth;
use store::Store;
use vault::Vault;

/// The logins of all services. Cheap to clone; clones share everything.
#[derive(Clone, Debug, Default)]
pub struct OAuth {
    store: Option<Store>,
    prompt: Option<Arc<dyn LoginPrompt>>,
    services: Arc<Mutex<BTreeMap<ServiceName, ServiceAuth>>>,
}

/// A login that is kept, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginStatus {
    /// The address of the service it is for.
    pub url: String,
    /// The authorisation server.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// False when only the client is left, and the tokens were given up.
    pub has_tokens: bool,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// When the access token ends; `None` when the server did not say.
    pub expires_at: Option<SystemTime>,
    /// Whether it can be renewed without somebody.
    pub renewable: bool,
}

impl OAuth {
    /// Logins that are lost with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Logins that are kept in this folder: a file for each service, for this user only. The folder is made when needed.
    #[must_use]
    pub fn in_folder(dir: impl Into<PathBuf>) -> Self {
        Self { store: Some(Store::new(dir.into())), ..Self::default() }
    }

    /// With somebody to ask. Without, a login that is needed is [`AuthError::NeedsLogin`].
    #[must_use]
    pub fn with_prompt(self, prompt: Arc<dyn LoginPrompt>) -> Self {
        Self { prompt: Some(prompt), services: Arc::default(), ..self }
    }

    /// The credentials of a service. `None` when the config has an `Authorization` header for it: that one is meant.
    pub(crate) fn credentials(&self, service: &ServiceName, spec: &HttpSpec) -> Option<Arc<dyn Credentials>> {
        if spec.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
            return None;
        }
        Some(Arc::new(self.service(service, spec)))
    }

    fn service(&self, service: &ServiceName, spec: &HttpSpec) -> ServiceAuth {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = services.get(service).filter(|known| known.spec() == spec) {
            return known.clone();
        }
        let vault = Vault::new(service.clone(), spec.url.clone(), self.store.clone());
        let made = ServiceAuth::new(service.clone(), spec.clone(), self.prompt.clone(), vault);
        services.insert(service.clone(), made.clone());
        made
    }

    /// Has somebody log in to a service, whether it is needed or not.
    ///
    /// # Errors
    /// [`AuthError`]: there is nobody to ask, nothing to log in to, or it did not work out.
    ///
    /// # Cancel safety
    /// Dropped half-way, what was kept before stays, or the login is there.
    pub async fn login(&self, service: &ServiceName, spec: &HttpSpec) -> Result<LoginStatus, AuthError> {
        if self.credentials(service, spec).is_none() {
            let message = "the config has an `Authorization` header for it, which is used instead of a login".into();
            return Err(AuthError::Refused { message });
        }
        self.service(service, spec).login().await.map(Into::into)
    }

    /// Forgets the login of a service, here and on disk; false when there was none.
    ///
    /// # Errors
    /// [`AuthError::Failed`]: the file cannot be removed.
    pub async fn logout(&self, service: &ServiceName) -> Result<bool, AuthError> {
        let known = self.services.lock().unwrap_or_else(PoisonError::into_inner).get(service).cloned();
        match known {
            Some(known) => known.vault().clear().await,
            None => Vault::new(service.clone(), String::new(), self.store.clone()).clear().await,
        }
    }

    /// The login that is kept for a service, whatever its address was.
    ///
    /// # Errors
    /// [`AuthError::Failed`]: the file cannot be read.
    pub fn status(&self, service: &ServiceName) -> Result<Option<LoginStatus>, AuthError> {
        let failed = |error: std::io::Error| AuthError::Failed { message: error.to_string() };
        let record = match &self.store {
            Some(store) => store.peek(service).map_err(failed)?,
            None => {
                let known = self.services.lock().unwrap_or_else(PoisonError::into_inner).get(service).cloned();
                known.map(|known| known.vault().get()).transpose()?.flatten()
            }
        };
        Ok(record.map(Into::into))
    }
}

impl From<Record> for LoginStatus {
    fn from(record: Record) -> Self {
        let tokens = record.tokens.as_ref();
        Self {
            has_tokens: tokens.is_some(),
            scopes: tokens.map(|tokens| tokens.scopes.clone()).unwrap_or_default(),
            expires_at: tokens.and_then(record::Tokens::expires_at).map(|at| UNIX_EPOCH + Duration::from_secs(at)),
            renewable: tokens.is_some_and(|tokens| tokens.refresh.is_some()),
            url: record.url,
            issuer: record.issuer,
            client_id: record.client.id,
        }
    }
}
