//! Classes of network addresses: what an address says about whose machine it is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose machine an address is, as far as the address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Somewhere in the internet.
    Public,
    /// In a network of its owner (RFC 1918, RFC 6598, RFC 4193).
    Private,
    /// On the same cable (RFC 3927, RFC 4291).
    LinkLocal,
    /// This machine.
    Loopback,
    /// Where a cloud tells a machine its secrets.
    Metadata,
    /// No machine: multicast, broadcast, reserved.
    Nobody,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Metadata => "cloud metadata",
            Self::Nobody => "reserved",
        })
    }
}

/// Addresses under which clouds tell a machine its secrets.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// The same for IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

impl Class {
    /// The class of an address; of one that carries another in it, of that.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => embedded(v6).map_or_else(|| Self::of_v6(v6), Self::of_v4),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, ..] = address.octets();
        if METADATA_V4.contains(&address) {
            Self::Metadata
        } else if address.is_loopback() || a == 0 {
            // 0.0.0.0/8 reaches this machine on Linux.
            Self::Loopback
        } else if address.is_link_local() {
            Self::LinkLocal
        } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
            Self::Private
        } else if a >= 224 {
            Self::Nobody
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address == METADATA_V6 {
            Self::Metadata
        } else if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if address.is_unicast_link_local() {
            Self::LinkLocal
        } else if address.is_unique_local() {
            Self::Private
        } else if address.is_multicast() {
            Self::Nobody
        } else {
            Self::Public
        }
    }
}

/// The IPv4 address in an IPv6 address that stands for one: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(of(g, h)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_class() {
        for (class, addresses) in [
            (Class::Public, "1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1 64:ff9b::1.1.1.1 ::ffff:8.8.8.8"),
            (Class::Private, "10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 fd12::1 ::ffff:10.0.0.1 2002:a00:1::1"),
            (Class::LinkLocal, "169.254.1.1 fe80::1"),
            (Class::Loopback, "127.0.0.1 127.9.9.9 0.0.0.0 ::1 :: ::ffff:127.0.0.1 64:ff9b::7f00:1"),
            (Class::Metadata, "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 fd00:ec2::254"),
            (Class::Metadata, "::ffff:169.254.169.254 64:ff9b::a9fe:a9fe"),
            (Class::Nobody, "224.0.0.1 255.255.255.255 240.0.0.1 ff02::1"),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(Class::of(address.parse().unwrap()), class, "{address}");
            }
        }
    }
}
