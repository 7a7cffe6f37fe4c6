//! Who is answered: programs on this machine, and no page of another origin in its browsers.
//!
//! A browser sends what a page asks for to any address, also to ours. What it cannot hide is the name by which it found us
//! (`Host`: a name that was made to lead to this machine is not ours) and the page that asks (`Origin`).

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No `Host`, or several, or one that is none.
    BadHost,
    /// A name that is not this machine's loopback.
    ForeignHost,
    /// A page of another origin asks.
    ForeignOrigin,
}

/// Whether a request is answered.
pub(crate) fn judge(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::BadHost) };
    let host: Authority = host.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Refusal::BadHost)?;
    // A request line may name a host of its own.
    for authority in uri.authority().into_iter().chain([&host]) {
        if authority.as_str().contains('@') {
            return Err(Refusal::BadHost);
        }
        if !is_loopback(authority.host()) {
            return Err(Refusal::ForeignHost);
        }
    }
    for origin in headers.get_all(ORIGIN) {
        let ours = origin.to_str().is_ok_and(|origin| {
            origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_str()))
        });
        if !ours {
            return Err(Refusal::ForeignOrigin);
        }
    }
    Ok(())
}

/// True for `localhost` and the loopback addresses.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(host: &[&str], origin: &[&str]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        let all = host.iter().map(|host| (HOST, host)).chain(origin.iter().map(|origin| (ORIGIN, origin)));
        for (name, value) in all {
            headers.append(name, value.parse().unwrap());
        }
        judge(&Uri::from_static("/metrics"), &headers)
    }

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for host in ["localhost", "LocalHost:8421", "127.0.0.1", "127.1.2.3:80", "[::1]:8421", "[::1]"] {
            assert_eq!(judged(&[host], &[]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8421",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "localhost.",
            "[fe80::1]:80",
            "127.1",
        ] {
            assert_eq!(judged(&[host], &[]), Err(Refusal::ForeignHost), "{host}");
        }
        for host in ["", "user@localhost", "a b", "local/host"] {
            assert_eq!(judged(&[host], &[]), Err(Refusal::BadHost), "{host}");
        }
        assert_eq!(judged(&[], &[]), Err(Refusal::BadHost));
        assert_eq!(judged(&["localhost", "localhost"], &[]), Err(Refusal::BadHost));
    }

    #[test]
    fn a_host_in_the_request_line_counts_too() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().unwrap());
        assert_eq!(judge(&Uri::from_static("http://localhost:1/metrics"), &headers), Ok(()));
        assert_eq!(judge(&Uri::from_static("http://evil.example/metrics"), &headers), Err(Refusal::ForeignHost));
    }

    #[test]
    fn only_our_own_origin_asks() {
        assert_eq!(judged(&["localhost:8421"], &["http://localhost:8421"]), Ok(()));
        for origin in [
            "http://localhost:3000",
            "https://localhost:8421",
            "null",
            "http://evil.example",
            "",
            "http://localhost:8421.evil",
        ] {
            assert_eq!(judged(&["localhost:8421"], &[origin]), Err(Refusal::ForeignOrigin), "{origin}");
        }
        let both = ["http://localhost:8421", "http://evil.example"];
        assert_eq!(judged(&["localhost:8421"], &both), Err(Refusal::ForeignOrigin));
    }
}
