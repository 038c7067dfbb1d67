//! Where a name leads. A public name that resolves to an address inside (the host itself, its
//! network, a cloud's metadata service) is refused, unless the grant names that very address. What
//! is checked here is what is connected to: a name is resolved once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wasmtime_wasi_http::Error;

/// The addresses that a request to `host` may go to.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(Error::Connect)?;
    let allowed: Vec<_> = found.filter(|address| may_lead_to(host, address.ip())).collect();
    if allowed.is_empty() {
        return Err(Error::DestinationIpProhibited);
    }
    Ok(allowed)
}

/// Whether a name may lead to an address. `localhost` names the host itself and nothing else.
fn may_lead_to(host: &str, address: IpAddr) -> bool {
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
            let address = address.parse().unwrap();
            assert_eq!(may_lead_to("example.com", address), allowed, "{address}");
        }
    }

    #[test]
    fn localhost_leads_to_the_host_itself_only() {
        assert!(may_lead_to("localhost", "127.0.0.1".parse().unwrap()));
        assert!(may_lead_to("LOCALHOST", "::1".parse().unwrap()));
        assert!(!may_lead_to("localhost", "8.8.8.8".parse().unwrap()));
    }
}
