//! One conversation with an authorisation server: discovered, then used to log in or to renew.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::{OAuthSpec, ServiceName};
use reqwest::Url;
use rmcp::transport::auth::{
    AuthError as SdkError, AuthorizationManager, AuthorizationMetadata, OAuthClientConfig, WWWAuthenticateParams,
};
use tokio::time::timeout;

use crate::auth::fetch::{Fetch, words};
use crate::auth::record::{Client, ClientKind, Record};
use crate::auth::vault::Vault;
use crate::auth::{AuthError, LoginPrompt};

/// How long somebody may take to log in.
const LOGIN: Duration = Duration::from_secs(600);
/// The name we register under.
const CLIENT_NAME: &str = "mcpstore";

/// The authorisation server of one service, as discovered.
pub(crate) struct Flow {
    manager: AuthorizationManager,
    metadata: AuthorizationMetadata,
    issuer: String,
    vault: Vault,
}

/// Why tokens were not renewed.
pub(crate) enum Renewal {
    /// A login is needed.
    Rejected,
    /// Another try may do better.
    Failed(AuthError),
}

/// Where and for whom a login is.
pub(crate) struct Login<'a> {
    /// The service.
    pub(crate) service: &'a ServiceName,
    /// Its address.
    pub(crate) url: &'a str,
    /// What the config says about it.
    pub(crate) spec: &'a OAuthSpec,
    /// The human step.
    pub(crate) prompt: &'a dyn LoginPrompt,
    /// The scopes to ask for; `None`: what the discovery says.
    pub(crate) scopes: Option<Vec<String>>,
}

impl Flow {
    /// Finds the authorisation server of the service, beginning with the `challenge` of its refusal.
    ///
    /// `None` when the server names none: then there is nothing to log in to.
    pub(crate) async fn discover(
        fetch: &Fetch,
        vault: &Vault,
        challenge: Option<&str>,
    ) -> Result<Option<Self>, AuthError> {
        let (url, client) = (fetch.service().clone(), Arc::new(fetch.clone()));
        let made = AuthorizationManager::new_with_oauth_http_client(url, client).await;
        let mut manager = made.map_err(|error| failed(&error))?;
        manager.set_credential_store(vault.clone());
        let found = manager.resolve_metadata_from_challenge(challenge).await.map_err(|error| failed(&error))?;
        if !found.source.is_discovered() {
            return Ok(None);
        }
        let metadata = found.metadata;
        manager.set_metadata(metadata.clone());
        let issuer = metadata.issuer.clone().unwrap_or_default();
        Ok(Some(Self { manager, metadata, issuer, vault: vault.clone() }))
    }

    /// Who the authorisation server is.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Renews the tokens of a record of this issuer.
    pub(crate) async fn renew(&mut self, record: &Record) -> Result<(), Renewal> {
        self.use_client(&record.client).map_err(Renewal::Failed)?;
        match self.manager.refresh_token().await {
            Ok(_) => Ok(()),
            Err(SdkError::TokenRefreshRejected(_) | SdkError::AuthorizationRequired) => Err(Renewal::Rejected),
            Err(error) => Err(Renewal::Failed(failed(&error))),
        }
    }

    /// Has somebody log in. The tokens are in the vault then.
    pub(crate) async fn login(&mut self, login: Login<'_>) -> Result<(), AuthError> {
        let known = self.vault.get()?.filter(|record| record.issuer == self.issuer);
        let fixed = login.spec.callback_port.map(|port| format!("http://127.0.0.1:{port}/callback"));
        let before = fixed.or_else(|| known.as_ref().map(|record| record.client.redirect_uri.clone()));
        let listener = login.prompt.listen(before.as_deref()).await?;
        let redirect_uri = listener.redirect_uri().to_owned();

        let mut scopes = login.scopes.unwrap_or_default();
        if scopes.is_empty() {
            scopes = self.manager.select_initial_scopes(&[]).await;
        }
        self.add_offline(&mut scopes);
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();

        let client = self.choose_client(login.spec, known, &redirect_uri, &scopes).await?;
        self.use_client(&client)?;
        let url = self.manager.get_authorization_url(&scopes).await.map_err(|error| failed(&error))?;
        check_page(&url)?;
        let Ok(redirect) = timeout(LOGIN, listener.authorize(login.service, &url)).await else {
            return Err(AuthError::NeedsLogin { message: format!("nobody logged in within {LOGIN:?}") });
        };
        let redirect = redirect?;
        // New tokens are put beside this client; old ones stay while they are its own, in case the exchange fails.
        let (version, url, issuer) = (Record::VERSION, login.url.to_owned(), self.issuer.clone());
        let own = self.vault.get()?.filter(|record| record.issuer == issuer && record.client.id == client.id);
        let tokens = own.and_then(|record| record.tokens);
        self.vault.set(Record { version, url, issuer, client, tokens }).await?;
        let exchange =
            self.manager.exchange_code_for_token_with_issuer(&redirect.code, &redirect.state, redirect.iss.as_deref());
        exchange.await.map(drop).map_err(|error| failed(&error))
    }

    /// Who we are here: as the config says, as we were registered before, by our document, or registered now.
    async fn choose_client(
        &mut self,
        spec: &OAuthSpec,
        known: Option<Record>,
        redirect_uri: &str,
        scopes: &[&str],
    ) -> Result<Client, AuthError> {
        let redirect = redirect_uri.to_owned();
        if let Some(id) = &spec.client_id {
            let secret = spec.client_secret.as_ref().map(|secret| secret.expose().to_owned());
            return Ok(Client { id: id.clone(), secret, kind: ClientKind::Configured, redirect_uri: redirect });
        }
        if let Some(document) = &spec.client_metadata_url
            && self.says("client_id_metadata_document_supported")
        {
            let id = document.clone();
            return Ok(Client { id, secret: None, kind: ClientKind::Document, redirect_uri: redirect });
        }
        let registered = known.map(|record| record.client).filter(|client| client.kind == ClientKind::Registered);
        if let Some(client) = registered.filter(|client| client.redirect_uri == redirect) {
            return Ok(client);
        }
        if self.metadata.registration_endpoint.is_none() {
            let message = format!(
                "{} registers no clients by itself; register one there and write its id into the config (`oauth`: `clientId`)",
                self.issuer
            );
            return Err(AuthError::Refused { message });
        }
        let made = self.manager.register_client(CLIENT_NAME, redirect_uri, scopes).await;
        let made = made.map_err(|error| failed(&error))?;
        Ok(Client {
            id: made.client_id,
            secret: made.client_secret,
            kind: ClientKind::Registered,
            redirect_uri: redirect,
        })
    }

    fn use_client(&mut self, client: &Client) -> Result<(), AuthError> {
        let mut config = OAuthClientConfig::new(&client.id, &client.redirect_uri);
        // A server that takes no secret at its token endpoint may refuse a request that has one.
        if let Some(secret) = client.secret.as_ref().filter(|_| !self.takes_no_secret()) {
            config = config.with_client_secret(secret);
        }
        self.manager.configure_client(config).map_err(|error| failed(&error))
    }

    fn takes_no_secret(&self) -> bool {
        let methods = self.metadata.additional_fields.get("token_endpoint_auth_methods_supported");
        methods
            .and_then(|value| value.as_array())
            .is_some_and(|list| !list.is_empty() && list.iter().all(|m| m == "none"))
    }

    fn says(&self, key: &str) -> bool {
        self.metadata.additional_fields.get(key).and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// Asks for a refresh token where the server knows how to be asked (spec: MCP 2026-07-28, authorization).
    fn add_offline(&self, scopes: &mut Vec<String>) {
        const OFFLINE: &str = "offline_access";
        let supported = self.metadata.scopes_supported.iter().flatten().any(|scope| scope == OFFLINE);
        if supported && !scopes.is_empty() && !scopes.iter().any(|scope| scope == OFFLINE) {
            scopes.push(OFFLINE.to_owned());
        }
    }
}

/// The challenge among the `WWW-Authenticate` headers of a refusal that says most.
pub(crate) fn challenge(headers: &[String]) -> Option<&str> {
    let says = |header: &&String, key: &str| header.to_ascii_lowercase().contains(key);
    let best = headers.iter().find(|header| says(header, "resource_metadata="));
    best.or_else(|| headers.iter().find(|header| says(header, "bearer"))).map(String::as_str)
}

/// The scopes that a challenge asks for, when it says that those of the token do not suffice.
pub(crate) fn missing_scopes(challenge: &str, url: &Url) -> Option<Vec<String>> {
    let read = WWWAuthenticateParams::parse(challenge, url);
    let scopes = read.scope.as_deref().unwrap_or_default();
    read.is_insufficient_scope().then(|| scopes.split_whitespace().map(str::to_owned).collect())
}

/// A browser opens this: nothing but a web page.
fn check_page(url: &str) -> Result<(), AuthError> {
    match Url::parse(url) {
        Ok(page) if matches!(page.scheme(), "https" | "http") => Ok(()),
        _ => Err(AuthError::Refused { message: "the page of the authorisation server is no web page".into() }),
    }
}

/// What rmcp says, in our kinds.
fn failed(error: &SdkError) -> AuthError {
    let message = words(error);
    match error {
        SdkError::DiscoveryRequestFailed { .. }
        | SdkError::HttpError(_)
        | SdkError::TokenRefreshFailed(_)
        | SdkError::CredentialStoreError(_) => AuthError::Failed { message },
        _ => AuthError::Refused { message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_that_says_most_is_taken() {
        let headers = ["Basic realm=x", "Bearer", "Bearer resource_metadata=\"https://x/y\""].map(str::to_owned);
        assert_eq!(challenge(&headers), Some(headers[2].as_str()));
        assert_eq!(challenge(&headers[..2]), Some("Bearer"));
        assert_eq!(challenge(&headers[..1]), None);
    }

    #[test]
    fn only_a_challenge_for_more_scopes_asks_for_scopes() {
        let url: Url = "https://x/mcp".parse().unwrap();
        let asked = missing_scopes("Bearer error=\"insufficient_scope\", scope=\"a b\"", &url);
        assert_eq!(asked, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(missing_scopes("Bearer error=\"invalid_token\", scope=\"a b\"", &url), None);
    }

    #[test]
    fn a_browser_is_sent_to_web_pages_only() {
        assert!(check_page("https://as/authorize?x").is_ok());
        assert!(check_page("file:///etc/passwd").is_err() && check_page("javascript:alert(1)").is_err());
    }
}
