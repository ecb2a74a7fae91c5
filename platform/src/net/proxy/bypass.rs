//! `no_proxy`: which hosts are reached directly.

use std::net::IpAddr;

use crate::net::guard::Network;

/// Hosts that are reached without a proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Bypass {
    everything: bool,
    rules: Vec<(Rule, Option<u16>)>,
}

#[derive(Clone, Debug)]
enum Rule {
    Network(Network),
    /// A name and, unless it begins with a dot, itself.
    Domain {
        suffix: String,
        itself: bool,
    },
}

impl Bypass {
    /// Reads a list with commas: `*`, addresses, networks, names (also for what is below them), `.names` (only for
    /// what is below them), each but networks with a port if wanted.
    pub(super) fn parse(text: &str) -> Bypass {
        let mut bypass = Bypass::default();
        for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()) {
            if word == "*" {
                bypass.everything = true;
                continue;
            }
            if let Ok(network) = word.parse() {
                bypass.rules.push((Rule::Network(network), None));
                continue;
            }
            let (host, port) = match word.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().ok()),
                None => (word.as_str(), None),
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let rule = match host.parse::<Network>() {
                Ok(network) => Rule::Network(network),
                Err(_) => {
                    let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
                    let suffix = format!(".{}", host.trim_start_matches('.'));
                    Rule::Domain { suffix, itself: !host.starts_with('.') }
                }
            };
            bypass.rules.push((rule, port));
        }
        bypass
    }

    /// Whether this host is reached directly. This machine always is.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        if self.everything || host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let host = host.trim_end_matches('.');
        self.rules.iter().any(|(rule, only)| {
            only.is_none_or(|only| only == port)
                && match rule {
                    Rule::Network(network) => address.is_some_and(|address| network.contains(address)),
                    Rule::Domain { suffix, itself } => host.ends_with(suffix) || (*itself && suffix[1..] == *host),
                }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let table = [
            ("", "h", 80, false),
            ("*", "h", 80, true),
            ("h", "h", 80, true),
            ("h", "a.h", 80, true),
            ("h", "ah", 80, false),
            (".h", "h", 80, false),
            (".h", "a.h", 80, true),
            ("*.h", "a.h", 80, true),
            ("H:90", "h", 80, false),
            ("h:90", "h", 90, true),
            ("10.0.0.0/8, x", "10.1.1.1", 80, true),
            ("10.0.0.1", "10.0.0.1", 80, true),
            ("10.0.0.1:81", "10.0.0.1", 80, false),
            ("[fd00::1]:81", "fd00::1", 81, true),
            ("fd00::/8", "fd00::2", 80, true),
            ("h", "::1", 80, true),
        ];
        for (list, host, port, direct) in table {
            assert_eq!(Bypass::parse(list).covers(host, port), direct, "{list:?} {host}:{port}");
        }
    }
}
