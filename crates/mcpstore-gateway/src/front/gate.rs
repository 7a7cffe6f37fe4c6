//! Who is answered over TCP: who asks for us by a name of ours, from no foreign page, and has the token.
//!
//! A browser sends what a page asks for to any address, also to ours. What it cannot hide is the name by which it found us
//! (`Host`: a name that was made to lead to this machine is not ours) and the page that asks (`Origin`).

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};
use mcpstore_types::Secret;

use crate::guard::token::TokenCheck;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No `Host`, or several, or one that is none.
    BadHost,
    /// A name that is none of ours.
    ForeignHost,
    /// A page of another origin asks.
    ForeignOrigin,
    /// There is no token.
    NoToken,
    /// There is another token.
    WrongToken,
}

/// What a request must show.
#[derive(Debug)]
pub(crate) struct Gate {
    token: Option<TokenCheck>,
    hosts: Vec<String>,
    origins: Vec<String>,
    principal: Arc<str>,
}

impl Gate {
    /// Asks for this token, when there is one. `hosts` and `origins` are allowed beside our own.
    pub(crate) fn new(token: Option<Secret>, hosts: Vec<String>, origins: Vec<String>) -> Self {
        let principal = if token.is_some() { "token" } else { "anyone" };
        Self { token: token.as_ref().map(TokenCheck::new), hosts, origins, principal: principal.into() }
    }

    /// True when both want the same token, or none.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        match (&self.token, &other.token) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether somebody who asks by this name and from this page is answered. `here` is our end of the connection.
    pub(crate) fn judge(&self, here: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::BadHost) };
        let host: Authority = host.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Refusal::BadHost)?;
        // A request line may name a host of its own.
        for authority in uri.authority().into_iter().chain([&host]) {
            if authority.as_str().contains('@') {
                return Err(Refusal::BadHost);
            }
            if !self.is_ours(authority, here) {
                return Err(Refusal::ForeignHost);
            }
        }
        for origin in headers.get_all(ORIGIN) {
            let allowed = origin.to_str().is_ok_and(|origin| {
                let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_str()))
                    || self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
            });
            if !allowed {
                return Err(Refusal::ForeignOrigin);
            }
        }
        Ok(())
    }

    fn is_ours(&self, asked: &Authority, here: IpAddr) -> bool {
        let host = asked.host();
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        // An address in place of a name can lead nowhere else.
        let own = bare.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_loopback() || (address == here.to_canonical() && !address.is_unspecified())
        });
        own || host.eq_ignore_ascii_case("localhost")
            || self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(asked.as_str()))
    }

    /// Whose credentials came with a request.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Result<Arc<str>, Refusal> {
        let Some(token) = &self.token else { return Ok(Arc::clone(&self.principal)) };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else { return Err(Refusal::NoToken) };
        let (scheme, word) = given.as_bytes().split_at_checked(7).ok_or(Refusal::NoToken)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(Refusal::NoToken);
        }
        if str::from_utf8(word.trim_ascii()).is_ok_and(|word| token.matches(word)) {
            Ok(Arc::clone(&self.principal))
        } else {
            Err(Refusal::WrongToken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(gate: &Gate, host: &[&str], origin: &[&str]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        let all = host.iter().map(|host| (HOST, host)).chain(origin.iter().map(|origin| (ORIGIN, origin)));
        for (name, value) in all {
            headers.append(name, value.parse().unwrap());
        }
        gate.judge("192.0.2.7".parse().unwrap(), &Uri::from_static("/mcp"), &headers)
    }

    #[test]
    fn only_our_names_are_hosts() {
        let gate = Gate::new(None, vec!["mcp.example".into(), "other.example:8443".into()], Vec::new());
        for host in [
            "localhost",
            "LocalHost:8421",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8421",
            "192.0.2.7:1",
            "MCP.example:8443",
            "mcp.example",
            "other.example:8443",
        ] {
            assert_eq!(judged(&gate, &[host], &[]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8421",
            "192.0.2.8",
            "0.0.0.0",
            "[::]",
            "localhost.",
            "other.example",
            "x.mcp.example",
        ] {
            assert_eq!(judged(&gate, &[host], &[]), Err(Refusal::ForeignHost), "{host}");
        }
        for host in ["", "user@localhost", "a b", "local/host"] {
            assert_eq!(judged(&gate, &[host], &[]), Err(Refusal::BadHost), "{host}");
        }
        assert_eq!(judged(&gate, &[], &[]), Err(Refusal::BadHost));
        assert_eq!(judged(&gate, &["localhost", "localhost"], &[]), Err(Refusal::BadHost));
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().unwrap());
        let line = Uri::from_static("http://evil.example/mcp");
        assert_eq!(gate.judge("127.0.0.1".parse().unwrap(), &line, &headers), Err(Refusal::ForeignHost));
        assert_eq!(judged(&Gate::new(None, Vec::new(), Vec::new()), &["mcp.example"], &[]), Err(Refusal::ForeignHost));
    }

    #[test]
    fn only_known_origins_ask() {
        let gate = Gate::new(None, Vec::new(), vec!["https://app.example".into()]);
        for origin in ["http://localhost:8421", "https://localhost:8421", "https://APP.example"] {
            assert_eq!(judged(&gate, &["localhost:8421"], &[origin]), Ok(()), "{origin}");
        }
        for origin in [
            "http://localhost:3000",
            "null",
            "http://evil.example",
            "",
            "http://app.example",
            "https://app.example:444",
        ] {
            assert_eq!(judged(&gate, &["localhost:8421"], &[origin]), Err(Refusal::ForeignOrigin), "{origin}");
        }
        let both = ["http://localhost:8421", "http://evil.example"];
        assert_eq!(judged(&gate, &["localhost:8421"], &both), Err(Refusal::ForeignOrigin));
    }

    #[test]
    fn the_token_says_who_it_is() {
        let asked = |gate: &Gate, given: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            gate.principal(&headers).map(|principal| principal.to_string())
        };
        let open = Gate::new(None, Vec::new(), Vec::new());
        assert_eq!(asked(&open, &["Bearer x"]), Ok("anyone".into()));
        let gate = Gate::new(Some("s3cret".into()), Vec::new(), Vec::new());
        assert_eq!(asked(&gate, &["bEARER  s3cret "]), Ok("token".into()));
        for given in [&[][..], &["s3cret"], &["Basic s3cret"], &["Bearer s3cret", "Bearer s3cret"], &["Bearer"]] {
            assert_eq!(asked(&gate, given), Err(Refusal::NoToken), "{given:?}");
        }
        for given in ["Bearer s3cre", "Bearer s3crets", "Bearer S3cret", "Bearer "] {
            assert!(matches!(asked(&gate, &[given]), Err(Refusal::WrongToken | Refusal::NoToken)), "{given}");
        }
    }
}
