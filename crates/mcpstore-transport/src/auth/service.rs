//! The credentials of one service: what a request carries, and what is done about a refusal.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::{HttpSpec, ServiceName};
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};

use crate::auth::fetch::{Fetch, words};
use crate::auth::flow::{Flow, Login, Renewal, challenge, missing_scopes};
use crate::auth::record::{Record, Tokens, now};
use crate::auth::vault::Vault;
use crate::auth::{AuthError, LoginPrompt};
use crate::http::credentials::{Challenge, Credentials};

/// How often one request is tried again after refusals: the first login, and two steps up.
const MAX_TRIES: u32 = 3;

/// The credentials of one service, shared by its lives.
#[derive(Clone, Debug)]
pub(crate) struct ServiceAuth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: ServiceName,
    spec: HttpSpec,
    prompt: Option<Arc<dyn LoginPrompt>>,
    vault: Vault,
    fetch: OnceCell<Fetch>,
    /// Held by whoever changes the login: everybody else waits and takes what came of it.
    flight: Arc<Mutex<()>>,
}

type Flight = OwnedMutexGuard<()>;
type Renewed = Result<(), Renewal>;

impl ServiceAuth {
    /// The credentials of a service as `spec` describes it.
    pub(crate) fn new(
        service: ServiceName,
        spec: HttpSpec,
        prompt: Option<Arc<dyn LoginPrompt>>,
        vault: Vault,
    ) -> Self {
        let (fetch, flight) = (OnceCell::new(), Arc::default());
        Self(Arc::new(Inner { service, spec, prompt, vault, fetch, flight }))
    }

    /// What it was made for.
    pub(crate) fn spec(&self) -> &HttpSpec {
        &self.0.spec
    }

    /// Where its login is.
    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Has somebody log in, whether it is needed or not.
    pub(crate) async fn login(&self) -> Result<Record, AuthError> {
        let inner = &*self.0;
        let _flight = inner.flight.lock().await;
        let challenges = inner.provoke().await?;
        let Some(mut flow) = inner.discover(challenge(&challenges)).await? else {
            let message = "the server names no authorisation server: there is nothing to log in to".into();
            return Err(AuthError::Refused { message });
        };
        inner.login_with(&mut flow, None).await?;
        let gone = || AuthError::Failed { message: "the login was taken back at once".into() };
        inner.vault.get()?.ok_or_else(gone)
    }

    /// Renews the tokens in a task of its own: a caller that goes away must not lose a token that the authorisation
    /// server has already exchanged for another.
    async fn renew(&self, flight: Flight, flow: Option<Flow>, used: Option<&str>) -> (Option<Flight>, Renewed) {
        let (inner, used) = (Arc::clone(&self.0), used.map(str::to_owned));
        let task = tokio::spawn(async move {
            let done = inner.renew(flow, used.as_deref()).await;
            (Some(flight), done)
        });
        task.await.unwrap_or_else(|end| {
            let message = format!("the renewal broke: {end}");
            (None, Err(Renewal::Failed(AuthError::Failed { message })))
        })
    }
}

impl Inner {
    async fn login_with(&self, flow: &mut Flow, scopes: Option<Vec<String>>) -> Result<(), AuthError> {
        self.check_issuer(flow)?;
        let Some(prompt) = &self.prompt else {
            let message = format!("the server wants a login at {}", flow.issuer());
            return Err(AuthError::NeedsLogin { message });
        };
        let configured = Some(self.spec.oauth.scopes.clone()).filter(|scopes| !scopes.is_empty());
        let login = Login {
            service: &self.service,
            url: &self.spec.url,
            spec: &self.spec.oauth,
            prompt: prompt.as_ref(),
            scopes: scopes.or(configured),
        };
        flow.login(login).await
    }

    /// A client of the config goes to the issuer it belongs to: the one that the config names, or else the one it was
    /// first used with.
    fn check_issuer(&self, flow: &Flow) -> Result<(), AuthError> {
        if self.spec.oauth.client_id.is_none() && self.spec.oauth.issuer.is_none() {
            return Ok(());
        }
        let used_with =
            self.vault.get()?.filter(|record| Some(&record.client.id) == self.spec.oauth.client_id.as_ref());
        let owner = self.spec.oauth.issuer.clone().or_else(|| used_with.map(|record| record.issuer));
        match owner {
            Some(owner) if owner.trim_end_matches('/') != flow.issuer().trim_end_matches('/') => {
                let message =
                    format!("the client of the config belongs to {owner}, and the server now names {}", flow.issuer());
                Err(AuthError::Refused { message })
            }
            _ => Ok(()),
        }
    }

    /// Renews the tokens, when they can be. Whoever holds the flight calls it.
    async fn renew(&self, flow: Option<Flow>, used: Option<&str>) -> Renewed {
        let _alone = self.vault.renewing().await.map_err(Renewal::Failed)?;
        let Some(record) = self.vault.get().map_err(Renewal::Failed)? else { return Err(Renewal::Rejected) };
        let Some(tokens) = &record.tokens else { return Err(Renewal::Rejected) };
        if used.is_none_or(|used| used != tokens.header()) && !tokens.is_due(now()) {
            // Another process was faster.
            return Ok(());
        }
        if tokens.refresh.is_none() {
            return Err(Renewal::Rejected);
        }
        let flow = match flow {
            Some(flow) => Some(flow),
            None => self.discover(None).await.map_err(Renewal::Failed)?,
        };
        match flow {
            Some(mut flow) if flow.issuer() == record.issuer => {
                let done = flow.renew(&record).await;
                if matches!(done, Err(Renewal::Rejected)) {
                    self.vault.set(Record { tokens: None, ..record }).await.map_err(Renewal::Failed)?;
                }
                done
            }
            // Tokens of one issuer are never shown to another.
            Some(_) | None => Err(Renewal::Rejected),
        }
    }

    async fn discover(&self, challenge: Option<&str>) -> Result<Option<Flow>, AuthError> {
        Flow::discover(self.fetch().await?, &self.vault, challenge).await
    }

    async fn fetch(&self) -> Result<&Fetch, AuthError> {
        self.fetch.get_or_try_init(|| Fetch::new(&self.spec)).await
    }

    /// Asks the server for something without credentials, to hear what it wants.
    async fn provoke(&self) -> Result<Vec<String>, AuthError> {
        let failed = |message| AuthError::Failed { message: format!("the server cannot be asked: {message}") };
        let fetch = self.fetch().await?;
        let mut request = fetch
            .post()
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .body(r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#);
        for (name, value) in &self.spec.headers {
            request = request.header(name, value.expose());
        }
        let request = request.build().map_err(|error| failed(words(&error)))?;
        let response = fetch.send(request).await.map_err(|error| failed(words(error.as_ref())))?;
        let headers = response.headers().get_all(WWW_AUTHENTICATE).into_iter();
        Ok(headers.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect())
    }

    fn tokens(&self) -> Result<Option<Tokens>, AuthError> {
        Ok(self.vault.get()?.and_then(|record| record.tokens))
    }

    /// Whether others got a token meanwhile: one that the refused request did not have.
    fn has_newer(&self, used: Option<&str>) -> Result<bool, AuthError> {
        let tokens = self.tokens()?.filter(|tokens| !tokens.is_over(now()));
        Ok(tokens.is_some_and(|tokens| Some(tokens.header().as_str()) != used))
    }
}

#[async_trait]
impl Credentials for ServiceAuth {
    async fn authorization(&self) -> Result<Option<String>, AuthError> {
        let inner = &*self.0;
        let Some(tokens) = inner.vault.tokens_to_send()? else { return Ok(None) };
        if !tokens.is_due(now()) {
            return Ok(Some(tokens.header()));
        }
        let flight = Arc::clone(&inner.flight).lock_owned().await;
        let (_flight, renewed) = self.renew(flight, None, None).await;
        match renewed {
            Ok(()) => Ok(inner.tokens()?.map(|tokens| tokens.header())),
            Err(_) if !tokens.is_over(now()) => Ok(Some(tokens.header())),
            // The server will say what it wants instead.
            Err(Renewal::Rejected) => Ok(None),
            Err(Renewal::Failed(error)) => Err(error),
        }
    }

    async fn refused(&self, refusal: Challenge<'_>) -> Result<bool, AuthError> {
        let inner = &*self.0;
        let flight = Arc::clone(&inner.flight).lock_owned().await;
        if refusal.tries >= MAX_TRIES {
            return Ok(false);
        }
        if inner.has_newer(refusal.used)? {
            return Ok(true);
        }
        let words = challenge(refusal.www_authenticate);
        if refusal.status == 403 {
            return inner.step_up(words).await;
        }
        let Some(mut flow) = inner.discover(words).await? else { return Ok(false) };
        let known = inner.vault.get()?.filter(|record| record.issuer == flow.issuer());
        let renewable = known.and_then(|record| record.tokens).is_some_and(|tokens| tokens.refresh.is_some());
        let _flight = if renewable && refusal.tries == 0 {
            let (flight, renewed) = self.renew(flight, Some(flow), refusal.used).await;
            match renewed {
                Ok(()) => return Ok(true),
                Err(Renewal::Failed(error)) => return Err(error),
                Err(Renewal::Rejected) => {}
            }
            let Some(again) = inner.discover(words).await? else { return Ok(false) };
            flow = again;
            flight
        } else {
            Some(flight)
        };
        inner.login_with(&mut flow, None).await.map(|()| true)
    }
}

impl Inner {
    /// Asks for the scopes that a token lacks, beside those it has.
    async fn step_up(&self, words: Option<&str>) -> Result<bool, AuthError> {
        let service = self.fetch().await?.service();
        let Some(missing) = words.and_then(|words| missing_scopes(words, service)) else { return Ok(false) };
        let mut scopes = self.tokens()?.map(|tokens| tokens.scopes).unwrap_or_default();
        let had = scopes.len();
        for scope in missing {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if scopes.len() == had {
            // It has them all: another login would end here again.
            return Ok(false);
        }
        let Some(mut flow) = self.discover(words).await? else { return Ok(false) };
        self.login_with(&mut flow, Some(scopes)).await.map(|()| true)
    }
}
