//! What a service needs to know for a login: who we are to its authorisation server.

use crate::Secret;

/// How to log in to a server. Nothing of it is needed where the authorisation server registers clients by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OAuthSpec {
    /// The client id, when we were registered beforehand.
    pub client_id: Option<String>,
    /// The secret that belongs to it.
    pub client_secret: Option<Secret>,
    /// The authorisation server that both belong to; no other one is sent them. Default the first one they are used with.
    pub issuer: Option<String>,
    /// The `https://` address of a client metadata document, for authorisation servers that take one as client id.
    pub client_metadata_url: Option<String>,
    /// The scopes to ask for; default what the server asks for.
    pub scopes: Vec<String>,
    /// The port of the redirect address, `http://127.0.0.1:PORT/callback`; default any free one.
    pub callback_port: Option<u16>,
}
