//! Where requests may go. A public name that leads to an address inside (the host itself, its network, a
//! cloud's metadata service) is refused, unless who granted the request named that very address.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::outside::Names;

/// Why no address is there to connect to.
#[derive(Debug)]
pub enum Unresolved {
    /// The name leads nowhere.
    Unknown(io::Error),
    /// It leads to this one, which nobody named.
    Inside(IpAddr),
}

/// The addresses that a request to `host` may go to; `granted` are those that its name may lead to,
/// instead of any public one. A name is looked up once, and nothing else of what it is said to lead to
/// is connected to.
pub async fn resolve(
    names: &dyn Names,
    host: &str,
    port: u16,
    granted: &[IpAddr],
) -> Result<Vec<SocketAddr>, Unresolved> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = names.addresses(host, port).await.map_err(Unresolved::Unknown)?;
    let allowed = found.iter().filter(|found| may_lead_to(host, granted, found.ip()));
    let allowed: Vec<_> = allowed.map(|found| SocketAddr::new(found.ip(), port)).collect();
    match found.first() {
        Some(refused) if allowed.is_empty() => Err(Unresolved::Inside(refused.ip())),
        Some(_) => Ok(allowed),
        None => Err(Unresolved::Unknown(io::ErrorKind::NotFound.into())),
    }
}

/// Whether a path is `prefix` or lies below it. A path with dot segments, plain or encoded, is not:
/// servers differ in where they lead.
pub fn lies_below(prefix: &str, path: &str) -> bool {
    let dotted = path.split(['/', '\\']).any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".." || segment.contains("%2f") || segment.contains("%5c")
    });
    let Some(rest) = path.strip_prefix(prefix) else {
        return false;
    };
    !dotted && (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// Whether a name may lead to an address. `localhost` names the host itself and nothing else.
fn may_lead_to(host: &str, granted: &[IpAddr], address: IpAddr) -> bool {
    let address = address.to_canonical();
    if !granted.is_empty() {
        return granted.iter().any(|granted| granted.to_canonical() == address);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return address.is_loopback();
    }
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether IANA's registry of special-purpose addresses leaves this one to the public network.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    let embedded = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    match segments {
        // An IPv4 address in IPv6's clothes: mapped, compatible, translated, 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => embedded(high, low),
        [0x64, 0xff9b, ..] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Global unicast but for Teredo and other protocols' own, and documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(host: &str, granted: &[&str], address: &str) -> bool {
        let granted: Vec<_> = granted.iter().map(|address| address.parse().unwrap()).collect();
        may_lead_to(host, &granted, address.parse().unwrap())
    }

    #[test]
    fn a_name_leads_to_public_addresses_only() {
        let cases = [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.18.0.1", false),
            ("2606:2800:220:1::1", true),
            ("2001:4860:4860::8888", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:7f00:1::", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
        ];
        for (address, allowed) in cases {
            assert_eq!(leads("example.com", &[], address), allowed, "{address}");
        }
    }

    #[test]
    fn localhost_leads_to_the_host_itself_only() {
        assert!(leads("localhost", &[], "127.0.0.1"));
        assert!(leads("LOCALHOST", &[], "::1"));
        assert!(!leads("localhost", &[], "8.8.8.8"));
    }

    #[test]
    fn a_name_with_addresses_leads_to_these_only() {
        let granted = ["10.0.0.5", "fd00::5"];
        for (address, allowed) in [
            ("10.0.0.5", true),
            ("::ffff:10.0.0.5", true),
            ("fd00::5", true),
            ("10.0.0.6", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(leads("stock.internal", &granted, address), allowed, "{address}");
        }
    }
}
