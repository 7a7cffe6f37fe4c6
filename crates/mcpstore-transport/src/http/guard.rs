//! Where requests on behalf of one service may go: what its config names, and nothing that a server could lure us to.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Class;

/// Guards the requests on behalf of one service; cheap to clone.
///
/// The host in its config may be anywhere; its owner wrote it. A host that a *server* names (a redirect, an endpoint, an
/// authorisation server) must be in the public internet or in the same class of network as the configured one, so that a
/// server in the internet cannot make us ask a machine behind our firewall. Addresses under which clouds tell machines
/// their secrets are refused, unless the config names one literally.
///
/// As reqwest's resolver it checks what names resolve to. Addresses written out in a URL pass no resolver:
/// [`OutboundGuard::check`] looks at those. What a proxy resolves, it cannot see.
#[derive(Clone, Debug)]
pub(crate) struct OutboundGuard {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The host of the config, as the URL has it; `None` for a unix socket.
    host: Option<String>,
    /// Hosts of the proxies that the environment names.
    proxies: BTreeSet<String>,
    /// The class of the configured host, once it is known.
    class: OnceLock<Class>,
}

/// Why a request may not go where it would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum GuardError {
    /// The address is of a class that is out of bounds.
    #[error(
        "`{host}` has the {class} address {address}, where this service may not send requests{}",
        if *.class == Class::Metadata { "" } else { ": a server named it, and the service itself is not there" }
    )]
    Forbidden {
        /// The host.
        host: String,
        /// What it is, or resolved to.
        address: IpAddr,
        /// The class of that.
        class: Class,
    },
    /// It is no address of HTTP.
    #[error("`{url}` is no address that begins with http:// or https:// and names a host")]
    NoHttp {
        /// What it is.
        url: String,
    },
}

impl OutboundGuard {
    /// A guard for the service with this address.
    pub(crate) fn new(configured: &Url) -> Self {
        Self::with_proxies(configured, proxy_hosts(std::env::vars()))
    }

    /// A guard for a service behind a unix socket, which is as near as this machine.
    pub(crate) fn local() -> Self {
        Self { inner: Arc::new(Inner { host: None, proxies: BTreeSet::new(), class: OnceLock::from(Class::Loopback) }) }
    }

    fn with_proxies(configured: &Url, proxies: BTreeSet<String>) -> Self {
        let class = literal(configured).map_or_else(OnceLock::new, |address| OnceLock::from(Class::of(address)));
        let host = configured.host_str().map(str::to_ascii_lowercase);
        Self { inner: Arc::new(Inner { host, proxies, class }) }
    }

    /// Checks a URL that a server named, as far as its text tells; what its host resolves to is checked on the way.
    pub(crate) fn check(&self, url: &Url) -> Result<(), GuardError> {
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(GuardError::NoHttp { url: origin(url) });
        }
        match literal(url) {
            Some(address) if !self.is_configured(url.host_str().unwrap_or_default()) => {
                self.check_address(url.host_str().unwrap_or_default(), address)
            }
            _ => Ok(()),
        }
    }

    /// Resolves a host and leaves out nothing but what is forbidden: any forbidden address spoils the whole name.
    ///
    /// # Errors
    /// What the resolver said, or [`GuardError`] inside an `io::Error`.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        self.vet(host, found.iter().map(SocketAddr::ip)).map_err(std::io::Error::other)?;
        Ok(found)
    }

    /// Checks what a name resolved to. The configured name tells what class the service has.
    fn vet(&self, host: &str, addresses: impl Iterator<Item = IpAddr> + Clone) -> Result<(), GuardError> {
        if self.inner.proxies.contains(&host.to_ascii_lowercase()) {
            return Ok(());
        }
        if !self.is_configured(host) {
            let mut addresses = addresses;
            return addresses.try_for_each(|address| self.check_address(host, address));
        }
        // The owner wrote this name. Yet no name that is meant leads to a cloud's metadata.
        let written_out = host.parse::<IpAddr>().is_ok();
        if let Some(address) = addresses.clone().find(|address| !written_out && Class::of(*address) == Class::Metadata)
        {
            return Err(GuardError::Forbidden { host: host.to_owned(), address, class: Class::Metadata });
        }
        if let Some(class) = addresses.map(Class::of).min() {
            // The first answer counts: what the name becomes later must not open more.
            let _ = self.inner.class.set(class);
        }
        Ok(())
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), GuardError> {
        let class = Class::of(address);
        // A service that was never resolved counts as one in the internet.
        let home = self.inner.class.get().copied().unwrap_or(Class::Public);
        let allowed = class == Class::Public || (class == home && !matches!(class, Class::Metadata | Class::Nobody));
        if allowed { Ok(()) } else { Err(GuardError::Forbidden { host: host.to_owned(), address, class }) }
    }

    fn is_configured(&self, host: &str) -> bool {
        let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        self.inner.host.as_deref().is_some_and(|configured| bare(configured) == bare(host))
    }
}

impl Resolve for OutboundGuard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = Self::resolve(&guard, name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address written out as a URL's host.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Scheme, host and port of a URL: what may be shown of it. The rest may be secret.
pub(crate) fn origin(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// The variables in which proxies are named.
const PROXY_VARIABLES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// The hosts of the proxies that the environment names.
pub(super) fn proxy_hosts(env: impl Iterator<Item = (String, String)>) -> BTreeSet<String> {
    env.filter(|(name, _)| PROXY_VARIABLES.contains(&name.to_ascii_lowercase().as_str()))
        .filter_map(|(_, value)| {
            let url = if value.contains("://") { value } else { format!("http://{value}") };
            Url::parse(&url).ok()?.host_str().map(str::to_ascii_lowercase)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn guard(configured: &str) -> OutboundGuard {
        OutboundGuard::with_proxies(&url(configured), BTreeSet::from(["proxy.corp".to_owned()]))
    }

    fn vet(guard: &OutboundGuard, host: &str, addresses: &str) -> bool {
        let addresses: Vec<IpAddr> = addresses.split(' ').map(|address| address.parse().unwrap()).collect();
        guard.vet(host, addresses.into_iter()).is_ok()
    }

    #[test]
    fn a_server_in_the_internet_cannot_point_inside() {
        let guard = guard("https://mcp.example.com/mcp");
        // Not even before it was resolved.
        assert!(!vet(&guard, "evil.example", "127.0.0.1"));
        assert!(vet(&guard, "MCP.example.com", "1.1.1.1 1.0.0.1"));
        assert!(vet(&guard, "auth.example.com", "8.8.8.8"));
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.1.1", "::1", "fd00::1", "8.8.8.8 127.0.0.1", "::ffff:10.0.0.1"]
        {
            assert!(!vet(&guard, "evil.example", inside), "{inside}");
        }
        for written in ["http://127.0.0.1/", "http://[::1]/x", "http://0/", "http://2130706433/", "http://0x7f.1/"] {
            assert!(matches!(guard.check(&url(written)), Err(GuardError::Forbidden { .. })), "{written}");
        }
        assert_eq!(guard.check(&url("https://8.8.8.8/")), Ok(()));
        assert!(matches!(guard.check(&url("file:///etc/passwd")), Err(GuardError::NoHttp { .. })));
        // A proxy is named by the owner of the machine.
        assert!(vet(&guard, "proxy.corp", "10.1.1.1"));
    }

    #[test]
    fn a_server_may_point_to_its_own_network_and_to_the_internet() {
        let near = guard("http://127.0.0.1:8080/mcp");
        assert_eq!(near.check(&url("http://127.0.0.1:9090/x")), Ok(()));
        assert!(vet(&near, "localhost", "127.0.0.1 ::1") && vet(&near, "auth.example", "1.1.1.1"));
        assert!(!vet(&near, "other.example", "10.0.0.1"));
        let inside = guard("https://mcp.corp/");
        assert!(vet(&inside, "mcp.corp", "10.0.0.5") && vet(&inside, "auth.corp", "192.168.0.1"));
        assert!(!vet(&inside, "evil.corp", "127.0.0.1"));
        assert!(OutboundGuard::local().check(&url("http://127.0.0.1/")).is_ok());
    }

    #[test]
    fn a_name_that_becomes_another_opens_nothing() {
        let guard = guard("https://mcp.example.com/mcp");
        assert!(vet(&guard, "mcp.example.com", "1.1.1.1"));
        // Its owner's name may lead to another network later; what it names may not.
        assert!(vet(&guard, "mcp.example.com", "127.0.0.1") && !vet(&guard, "x.example", "127.0.0.1"));
    }

    #[test]
    fn metadata_is_refused_unless_it_is_written_out() {
        let guarded = guard("http://metadata.example/");
        assert!(!vet(&guarded, "metadata.example", "169.254.169.254"));
        for home in ["http://10.0.0.1/", "http://169.254.1.1/", "http://127.0.0.1/", "http://169.254.169.254/other"] {
            let refused = guard(home).check(&url("http://169.254.170.2/"));
            assert!(matches!(refused, Err(GuardError::Forbidden { class: Class::Metadata, .. })), "{home}");
        }
        let literal = guard("http://169.254.169.254/mcp");
        assert_eq!(literal.check(&url("http://169.254.169.254/x")), Ok(()));
        assert!(vet(&literal, "169.254.169.254", "169.254.169.254"));
    }

    #[test]
    fn texts_show_no_more_than_the_origin() {
        assert_eq!(origin(&url("https://u:p@h.example:8443/key?token=x")), "https://h.example:8443");
        let hosts = proxy_hosts(
            [("HTTPS_PROXY".into(), "http://u:p@P.corp:3128".into()), ("x".into(), "y".into())].into_iter(),
        );
        assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["p.corp"]);
    }

    #[tokio::test]
    async fn names_are_resolved() {
        let guard = guard("http://localhost:1/");
        assert!(OutboundGuard::resolve(&guard, "localhost", 1).await.unwrap().iter().all(|at| at.ip().is_loopback()));
        assert_eq!(guard.inner.class.get(), Some(&Class::Loopback));
    }
}
