//! Where requests may go whose destination is not the operator's own word: templated addresses and redirects.
//!
//! Addresses are judged, not names: a name is resolved once, and the connection goes to exactly the judged address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What may be reached. As a default everything but this machine, its link, metadata services and addresses that name
/// no single machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    allowed: Vec<Network>,
    only_public: bool,
}

impl Guard {
    /// Also allows these networks.
    pub fn allowing(mut self, networks: impl IntoIterator<Item = Network>) -> Guard {
        self.allowed.extend(networks);
        self
    }

    /// Also refuses private networks.
    pub fn only_public(mut self) -> Guard {
        self.only_public = true;
        self
    }

    /// Whether an address may be reached; the error says why not.
    pub fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        let plain = unwrapped(address);
        if self.allowed.iter().any(|network| network.contains(address) || network.contains(plain)) {
            return Ok(());
        }
        let refusal = match plain {
            IpAddr::V4(v4) => refused_v4(v4, self.only_public),
            IpAddr::V6(v6) => refused_v6(v6, self.only_public),
        };
        refusal.map_or(Ok(()), Err)
    }
}

fn refused_v4(address: Ipv4Addr, only_public: bool) -> Option<&'static str> {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        (169, 254, 169, 254) | (100, 100, 100, 200) | (168, 63, 129, 16) | (192, 0, 0, 192) => {
            Some("a metadata service")
        }
        (127, ..) => Some("a loopback address"),
        (169, 254, ..) => Some("a link-local address"),
        (0, ..) => Some("an unspecified address"),
        (224..=255, ..) => Some("a multicast or reserved address"),
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) | (100, 64..=127, ..) | (192, 0, 0, _) | (198, 18..=19, ..)
            if only_public =>
        {
            Some("a private address")
        }
        _ => None,
    }
}

fn refused_v6(address: Ipv6Addr, only_public: bool) -> Option<&'static str> {
    let first = address.segments()[0];
    match first {
        _ if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) => Some("a metadata service"),
        _ if address.is_loopback() => Some("a loopback address"),
        _ if address.is_unspecified() => Some("an unspecified address"),
        0xfe80..=0xfebf => Some("a link-local address"),
        0xff00..=0xffff => Some("a multicast or reserved address"),
        0xfc00..=0xfdff | 0xfec0..=0xfeff if only_public => Some("a private address"),
        _ => None,
    }
}

/// The IPv4 address inside of an IPv6 one (mapped, compatible, NAT64, 6to4), where a translator would lead.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        [0x64, 0xff9b, .., high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = |a: u128, b: u128, width: u32| (a ^ b).checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0;
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => shared(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.into(), b.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is not a network; write it as 10.0.0.0/8 or fd00::/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > most { Err(wrong()) } else { Ok(Network { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, and whether it is refused as a default and when only public ones may be reached.
    const TRICKY: [(&str, bool, bool); 44] = [
        ("8.8.8.8", false, false),
        ("127.0.0.1", true, true),
        ("127.255.255.254", true, true),
        ("0.0.0.0", true, true),
        ("0.1.2.3", true, true),
        ("169.254.169.254", true, true),
        ("169.254.0.1", true, true),
        ("100.100.100.200", true, true),
        ("168.63.129.16", true, true),
        ("192.0.0.192", true, true),
        ("192.0.0.1", false, true),
        ("10.1.2.3", false, true),
        ("172.16.0.1", false, true),
        ("172.15.0.1", false, false),
        ("172.31.255.255", false, true),
        ("172.32.0.1", false, false),
        ("192.168.1.1", false, true),
        ("192.169.1.1", false, false),
        ("100.64.0.1", false, true),
        ("100.128.0.1", false, false),
        ("198.18.0.1", false, true),
        ("224.0.0.1", true, true),
        ("239.255.255.250", true, true),
        ("240.0.0.1", true, true),
        ("255.255.255.255", true, true),
        ("::1", true, true),
        ("::", true, true),
        ("fe80::1", true, true),
        ("febf::1", true, true),
        ("fec0::1", false, true),
        ("fc00::1", false, true),
        ("fd00:ec2::254", true, true),
        ("fd12::1", false, true),
        ("ff02::1", true, true),
        ("2606:4700::1111", false, false),
        ("::ffff:127.0.0.1", true, true),
        ("::ffff:10.0.0.1", false, true),
        ("::127.0.0.1", true, true),
        ("::ffff:0:127.0.0.1", true, true),
        ("64:ff9b::7f00:1", true, true),
        ("64:ff9b:1::a9fe:a9fe", true, true),
        ("2002:7f00:1::", true, true),
        ("2002:808:808::1", false, false),
        ("::ffff:8.8.8.8", false, false),
    ];

    #[test]
    fn tricky_addresses() {
        for (text, usually, strictly) in TRICKY {
            let address = text.parse().unwrap();
            assert_eq!(Guard::default().check(address).is_err(), usually, "{text}");
            assert_eq!(Guard::default().only_public().check(address).is_err(), strictly, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed() {
        let guard = Guard::default().allowing(["127.0.0.0/8".parse().unwrap(), "fe80::1".parse().unwrap()]);
        let refused = |text: &str| guard.check(text.parse().unwrap()).is_err();
        assert!(!refused("127.9.9.9") && !refused("::ffff:127.0.0.1") && !refused("fe80::1"));
        assert!(refused("169.254.169.254") && refused("fe80::2") && refused("::1"));
    }

    #[test]
    fn networks() {
        let table =
            [("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "1.2.3.4", true)];
        for (network, address, inside) in table {
            assert_eq!(network.parse::<Network>().unwrap().contains(address.parse().unwrap()), inside);
        }
        assert!("::/0".parse::<Network>().unwrap().contains("ff::1".parse().unwrap()));
        for wrong in ["", "10/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "h"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
