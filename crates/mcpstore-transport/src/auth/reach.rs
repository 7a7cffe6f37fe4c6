//! Which addresses may be asked on the word of a server: discovered names must not lead into the local network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    /// The internet.
    Public,
    /// A private network.
    Private,
    /// This machine.
    Loopback,
    /// Link-local (the metadata services of clouds), multicast, reserved: never.
    Closed,
}

/// What may be reached for a service: public addresses, and hosts that its owner named: the service's own, and the issuer
/// of the config. A service on this machine or in a private network, by its literal address, opens that area.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    named: Vec<String>,
    area: Area,
}

impl Reach {
    /// The reach of the service at `url`, with what else the config names.
    pub(crate) fn of<'a>(url: &'a Url, also: impl IntoIterator<Item = &'a Url>) -> Self {
        let named = [url].into_iter().chain(also).filter_map(|url| url.host_str().map(plain)).collect();
        let area = match literal(url) {
            Some(address) => area(address),
            None if url.host_str().is_some_and(is_localhost) => Area::Loopback,
            None => Area::Public,
        };
        Self { named, area }
    }

    /// Whether `url` may be asked, as far as its text says: HTTPS, or HTTP on this machine, and no closed address.
    pub(crate) fn admits(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().map(plain).unwrap_or_default();
        let local = literal(url).map_or_else(|| is_localhost(&host), |address| area(address) == Area::Loopback);
        if url.scheme() != "https" && !(url.scheme() == "http" && (local || self.named.contains(&host))) {
            return Err(format!("{url} is not HTTPS"));
        }
        match literal(url) {
            Some(address) if !self.admits_address(&host, address) => Err(format!("{url} leads into a closed network")),
            _ => Ok(()),
        }
    }

    fn admits_address(&self, host: &str, address: IpAddr) -> bool {
        let area = area(address);
        area == Area::Public
            || self.named.iter().any(|named| named == host)
            || (area != Area::Closed && area == self.area)
    }
}

/// Looks names up, and leaves out the addresses that may not be asked.
pub(crate) struct Resolver(pub(crate) Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        let host = plain(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let open: Vec<SocketAddr> =
                found.iter().copied().filter(|address| reach.admits_address(&host, address.ip())).collect();
            if open.is_empty() && !found.is_empty() {
                let message = format!("`{host}` leads into a closed network");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, message).into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// A host name without its final dot and in lower case; brackets of an address taken off.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

fn is_localhost(host: &str) -> bool {
    let host = plain(host);
    host == "localhost" || host.ends_with(".localhost")
}

fn literal(url: &Url) -> Option<IpAddr> {
    plain(url.host_str()?).parse().ok()
}

fn area(address: IpAddr) -> Area {
    match address {
        IpAddr::V4(address) => area_v4(address),
        IpAddr::V6(address) => area_v6(address),
    }
}

fn area_v4(address: Ipv4Addr) -> Area {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Area::Loopback
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Area::Private
    } else if address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 198 && (b == 18 || b == 19))
    {
        Area::Closed
    } else {
        Area::Public
    }
}

fn area_v6(address: Ipv6Addr) -> Area {
    let segments = address.segments();
    if address.is_loopback() {
        return Area::Loopback;
    }
    // IPv4 in other clothes: mapped, compatible, NAT64, 6to4.
    let low = || Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => return area_v4(low()),
        [0x2002, high, next, ..] => return area_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(next))),
        _ => {}
    }
    if segments[0] & 0xfe00 == 0xfc00 {
        Area::Private
    } else if segments[0] & 0xffc0 == 0xfe80
        || address.is_multicast()
        || segments[..2] == [0x2001, 0]
        || segments[..3] == [0x64, 0xff9b, 1]
    {
        Area::Closed
    } else {
        Area::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(url: &str) -> Reach {
        Reach::of(&url.parse().unwrap(), None)
    }

    fn admits(service: &str, url: &str) -> bool {
        reach(service).admits(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_public_service_leads_nowhere_inside() {
        let service = "https://mcp.example.com/mcp";
        assert!(admits(service, "https://as.example.org/token") && admits(service, "https://8.8.8.8/"));
        for inside in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.0"]
        {
            assert!(!admits(service, &format!("https://{inside}/token")), "{inside}");
        }
        assert!(!admits(service, "http://as.example.org/token"), "no HTTP off this machine");
        let named = reach(service);
        assert!(!named.admits_address("as.example.org", "10.0.0.1".parse().unwrap()));
        assert!(named.admits_address("mcp.example.com", "10.0.0.1".parse().unwrap()), "its owner named it");
    }

    #[test]
    fn a_service_on_this_machine_may_have_its_authorisation_here() {
        assert!(admits("http://localhost:1/mcp", "http://127.0.0.1:2/token"));
        assert!(admits("http://127.0.0.1:1/mcp", "http://localhost:2/token"));
        assert!(!admits("http://localhost:1/mcp", "https://10.0.0.1/token"));
        assert!(admits("http://10.0.0.9/mcp", "https://10.0.0.1/token"));
        assert!(!admits("http://10.0.0.9/mcp", "https://169.254.169.254/token"));
    }

    #[test]
    fn the_issuer_of_the_config_is_trusted_too() {
        let (url, issuer): (Url, Url) = ("https://mcp.corp/mcp".parse().unwrap(), "https://sso.corp".parse().unwrap());
        let reach = Reach::of(&url, [&issuer]);
        assert!(reach.admits_address("sso.corp", "10.0.0.1".parse().unwrap()));
        assert!(!reach.admits_address("other.corp", "10.0.0.1".parse().unwrap()));
    }
}
