//! Calls to addresses that strangers name: only to hosts of the public internet.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::{ClientError, builder};

/// Why an address is not called.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is no address of the web.
    #[error("its address does not begin with http:// or https://")]
    NotWeb,
    /// It names a host that is not public by its number.
    #[error("its address is not one of the public internet")]
    NotPublic,
    /// There is no client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Makes a client for an address that a stranger names. It connects to hosts of the public internet alone, whatever
/// their names lead to, follows no redirects, and asks no proxy, which would look names up by itself.
pub fn public_client(url: &Url, patience: Duration) -> Result<reqwest::Client, AddressError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::NotWeb);
    }
    // A number is not looked up, so nobody but us checks it.
    let is_public = match url.host() {
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    if !is_public {
        return Err(AddressError::NotPublic);
    }
    let client = builder(patience)?.no_proxy().dns_resolver(Arc::new(PublicHosts)).build();
    Ok(client.map_err(|error| ClientError(error.to_string()))?)
}

/// Looks names up and tells only what is public.
#[derive(Debug)]
struct PublicHosts;

impl Resolve for PublicHosts {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(io::Error::other("the host is not one of the public internet").into());
            }
            let public: Addrs = Box::new(public.into_iter());
            Ok(public)
        })
    }
}

/// Whether an address is one of the public internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [first, second, third, _] = ip.octets();
    let is_special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || first == 0
        // Reserved, and the broadcast address.
        || first >= 240
        // Shared by the customers of a provider.
        || (first == 100 && second & 0xc0 == 64)
        // Protocols' own.
        || (first == 192 && second == 0 && third == 0)
        // For benchmarks.
        || (first == 198 && second & 0xfe == 18);
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        // These carry an address of version 4: mapped, translated, and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // Protocols' own, tunnels among them, and documentation.
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // Nothing else than this eighth is given to the public.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for (ip, expected) in [
            ("1.1.1.1", true),
            ("172.32.0.1", true),
            ("100.128.0.1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("192.0.0.8", false),
            ("198.19.0.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("::ffff:1.1.1.1", true),
            ("::ffff:127.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("2002:7f00:1::", false),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
        ] {
            assert_eq!(is_public(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_by_themselves_have_no_client() {
        let client = |url: &str| public_client(&url.parse().unwrap(), Duration::from_secs(1));
        for url in [
            "http://127.0.0.1/a",
            "http://2130706433/",
            "http://0x7f.1/",
            "https://[::1]/",
            "http://10.0.0.1",
        ] {
            assert!(matches!(client(url), Err(AddressError::NotPublic)), "{url}");
        }
        for url in ["file:///etc/passwd", "ftp://example.com/a"] {
            assert!(matches!(client(url), Err(AddressError::NotWeb)), "{url}");
        }
        assert!(client("https://example.com/a").is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_followed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url =
            format!("http://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
        let error = public_client(&url, Duration::from_secs(5)).unwrap().get(url).send().await.unwrap_err();
        assert!(super::super::cause(error).contains("not one of the public internet"));
    }
}
