//! The human step of a login: who shows the page, and what came back.

use std::fmt;

use async_trait::async_trait;
use mcpstore_types::ServiceName;
use reqwest::Url;

use crate::auth::AuthError;

/// Leads somebody through a login. Without one, a login that is needed is [`AuthError::NeedsLogin`].
#[async_trait]
pub trait LoginPrompt: Send + Sync + fmt::Debug {
    /// Begins to listen for the answer of an authorisation server.
    ///
    /// `before` is the address that an earlier login listened on: the client may be registered with it, so the same again
    /// saves a registration. Another one is fine.
    ///
    /// # Errors
    /// [`AuthError`]: it cannot listen.
    async fn listen(&self, before: Option<&str>) -> Result<Box<dyn LoginListener>, AuthError>;
}

/// One login under way.
#[async_trait]
pub trait LoginListener: Send {
    /// The address to which the authorisation server shall send the browser back.
    fn redirect_uri(&self) -> &str;

    /// Has somebody open `url`, and waits for the browser to come back. The caller bounds the wait.
    ///
    /// # Errors
    /// [`AuthError`]: nobody could be asked, or the answer was no.
    ///
    /// # Cancel safety
    /// Dropped, it listens no more.
    async fn authorize(self: Box<Self>, service: &ServiceName, url: &str) -> Result<Redirect, AuthError>;
}

/// What the authorisation server sent the browser back with.
#[derive(Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The code to exchange for tokens.
    pub code: String,
    /// The state of the request it answers.
    pub state: String,
    /// Who says it answers (RFC 9207), when it says so.
    pub iss: Option<String>,
}

impl Redirect {
    /// Reads the address that the browser was sent to.
    ///
    /// # Errors
    /// [`AuthError::Refused`]: the server said no, or the address lacks `code` or `state`.
    pub fn from_url(url: &str) -> Result<Self, AuthError> {
        let refused = |message: String| AuthError::Refused { message };
        let url = Url::parse(url).map_err(|error| refused(format!("the redirect is no address: {error}")))?;
        let get = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned());
        if let Some(error) = get("error") {
            let why = get("error_description").map_or_else(String::new, |text| format!(": {text}"));
            return Err(refused(format!("the authorisation server said `{error}`{why}")));
        }
        match (get("code"), get("state")) {
            (Some(code), Some(state)) => Ok(Self { code, state, iss: get("iss") }),
            (None, _) => Err(refused("the redirect has no `code`".into())),
            (_, None) => Err(refused("the redirect has no `state`".into())),
        }
    }
}

impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirect").field("iss", &self.iss).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_read() {
        let read = Redirect::from_url("http://127.0.0.1:1/callback?code=a%20b&state=s&iss=https%3A%2F%2Fas").unwrap();
        assert_eq!((read.code.as_str(), read.state.as_str(), read.iss.as_deref()), ("a b", "s", Some("https://as")));
        assert!(!format!("{read:?}").contains("a b"), "a code is a secret");
    }

    #[test]
    fn a_no_is_told_in_the_words_of_the_server() {
        let error = Redirect::from_url("http://x/?error=access_denied&error_description=not%20you&code=c&state=s");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("access_denied") && error.contains("not you"), "{error}");
        assert!(Redirect::from_url("http://x/?code=c").is_err() && Redirect::from_url("http://x/?state=c").is_err());
    }
}
