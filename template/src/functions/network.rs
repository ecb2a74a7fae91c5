//! Hosts and ports.

use std::net::IpAddr;

/// `net.SplitHostPort`: `host:port`, `[v6]:port`.
fn split(address: &str) -> Option<(&str, &str)> {
    let (head, port) = address.rsplit_once(':')?;
    let host = match address.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            if rest.len() != port.len() + 1 || host.contains('[') {
                return None;
            }
            host
        }
        None if head.contains(':') => return None,
        None => head,
    };
    let clean = |s: &str| !s.contains(['[', ']']);
    (clean(port) && clean(host)).then_some((host, port))
}

/// The host of an address; what is not one stays as it is.
pub(super) fn strip_port(address: &str) -> &str {
    split(address).map_or(address, |(host, _)| host)
}

/// The first label of the host, with the port if there is one. Addresses of IP stay as they are.
pub(super) fn strip_domain(address: &str) -> String {
    let (host, port) = split(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let name = host.split('.').next().unwrap_or_default();
    match (port, name.contains(':')) {
        ("", _) => name.to_owned(),
        (_, true) => format!("[{name}]:{port}"),
        _ => format!("{name}:{port}"),
    }
}
