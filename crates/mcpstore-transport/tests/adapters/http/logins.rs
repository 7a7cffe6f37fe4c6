//! Servers that want a login: told apart from those that refuse us.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_transport::{AuthError, CallError, HandshakeError, Http, LoginListener, LoginPrompt, OAuth, Redirect};
use mcpstore_types::{Era, EraChoice, ServiceName};
use serde_json::json;

use super::site::{Asked, Reply, Site};
use super::support::{at, client, handshake_era, refusal, spec, stateless_era};
use crate::support::start_with;

/// The challenge of a server at this request's host.
fn refused(asked: &Asked) -> Reply {
    let metadata = format!("Bearer resource_metadata=\"http://{}/prm\"", asked.header("host").unwrap());
    Reply::status(401).with("WWW-Authenticate", &metadata)
}

/// The documents of an authorisation server at the same address, and its tokens.
fn authorisation(asked: &Asked) -> Option<Reply> {
    let base = format!("http://{}", asked.header("host").unwrap());
    Some(match asked.path.as_str() {
        "/prm" => Reply::json(200, &json!({ "resource": format!("{base}/mcp"), "authorization_servers": [base] })),
        "/.well-known/oauth-authorization-server" => Reply::json(
            200,
            &json!({ "issuer": base, "authorization_endpoint": format!("{base}/a"), "token_endpoint": format!("{base}/t"),
                     "registration_endpoint": format!("{base}/r"), "code_challenge_methods_supported": ["S256"] }),
        ),
        "/r" => Reply::json(201, &json!({ "client_id": "c", "redirect_uris": [] })),
        "/t" => Reply::json(200, &json!({ "access_token": "good", "token_type": "Bearer" })),
        _ => return None,
    })
}

/// A server that wants a login for everything.
async fn closed() -> Site {
    Site::start(|asked| {
        if let Some(reply) = authorisation(asked) {
            return reply;
        }
        if asked.header("authorization") != Some("Bearer good") {
            return refused(asked);
        }
        let reply =
            if asked.header("mcp-protocol-version") == Some("2026-07-28") { stateless_era } else { handshake_era };
        reply(asked).unwrap_or_else(|| asked.says("hello"))
    })
    .await
}

#[derive(Debug)]
struct Yes;

#[async_trait]
impl LoginPrompt for Yes {
    async fn listen(&self, _: Option<&str>) -> Result<Box<dyn LoginListener>, AuthError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl LoginListener for Yes {
    fn redirect_uri(&self) -> &str {
        "http://127.0.0.1:9/callback"
    }

    async fn authorize(self: Box<Self>, _: &ServiceName, url: &str) -> Result<Redirect, AuthError> {
        let state = url.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap();
        Redirect::from_url(&format!("{}?code=c&state={state}", self.redirect_uri()))
    }
}

#[tokio::test]
async fn a_server_that_wants_a_login_says_so_in_either_era() {
    let site = closed().await;
    for kind in ["http", "sse"] {
        let error = refusal(kind, at(&site.url)).await;
        assert!(matches!(&error, HandshakeError::NeedsLogin { .. }), "{kind}: {error}");
        assert!(error.is_permanent());
    }
    for era in [Era::Handshake, Era::Stateless] {
        let mut wanted = spec("http", at(&site.url));
        wanted.era = EraChoice::Only(era);
        let server = start_with(&Http::new().with_logins(OAuth::in_memory().with_prompt(Arc::new(Yes))), wanted).await;
        assert_eq!(server.session.server().era, era);
        assert!(server.call("echo", "{}").await.unwrap().get().contains("hello"));
        server.end().await;
    }
}

#[tokio::test]
async fn a_server_that_names_no_authorisation_server_refuses_us() {
    let site = Site::start(|_| Reply::status(401).with("WWW-Authenticate", "Bearer")).await;
    let error = refusal("http", at(&site.url)).await;
    assert!(matches!(&error, HandshakeError::Auth { .. }), "{error}");
}

#[tokio::test]
async fn a_login_may_be_wanted_for_calls_alone() {
    let site = Site::start(|asked| {
        let open = authorisation(asked).or_else(|| handshake_era(asked));
        open.unwrap_or_else(|| if asked.method == "POST" { refused(asked) } else { Reply::status(405) })
    })
    .await;
    let server = client(&site.url).await;
    let error = server.call("echo", "{}").await.unwrap_err();
    assert!(matches!(&error, CallError::NeedsLogin { .. }), "{error}");
    server.end().await;
}
