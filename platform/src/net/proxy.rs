//! Which proxy leads to an address, if any: `proxy_url`, `no_proxy` and the environment, as Go reads them.

mod bypass;
mod tunnel;

use super::source::Source;
use super::url::Url;
use crate::secret::Secret;
use bypass::Bypass;

pub(super) use tunnel::{connect, socks};

/// The proxy settings of `http_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProxyOptions {
    /// The proxy's address; empty for none.
    pub url: Secret,
    /// Which hosts are reached without it; commas in between.
    pub no_proxy: String,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` decide instead.
    pub from_environment: bool,
    /// Headers of the request that opens a tunnel.
    pub connect_headers: Vec<(String, Source)>,
}

impl ProxyOptions {
    /// Whether the address is one of a proxy.
    pub fn check(&self) -> Result<(), String> {
        if self.url.is_empty() { Ok(()) } else { Proxy::parse(self.url.expose()).map(|_| ()) }
    }
}

/// A way to choose a proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    plain: Option<Proxy>,
    secure: Option<Proxy>,
    bypass: Option<Bypass>,
}

/// A proxy and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) kind: Kind,
    /// Its address; of a SOCKS proxy, host and port only.
    pub(super) url: Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HTTP, perhaps encrypted.
    Http,
    /// SOCKS 5.
    Socks,
}

impl Proxies {
    /// Reads the settings; `environment` answers the value of a variable.
    pub(super) fn new(options: &ProxyOptions, environment: impl Fn(&str) -> Option<String>) -> Result<Proxies, String> {
        if options.from_environment {
            let one = |upper: &str| {
                let lower = upper.to_ascii_lowercase();
                [upper, &lower].into_iter().find_map(|name| environment(name).filter(|value| !value.is_empty()))
            };
            // A CGI program gets a request's "Proxy" header as HTTP_PROXY.
            let plain = if environment("REQUEST_METHOD").is_some() { None } else { one("HTTP_PROXY") };
            return Ok(Proxies {
                plain: plain.map(|url| Proxy::parse(&url)).transpose()?,
                secure: one("HTTPS_PROXY").map(|url| Proxy::parse(&url)).transpose()?,
                bypass: Some(Bypass::parse(&one("NO_PROXY").unwrap_or_default())),
            });
        }
        if options.url.is_empty() {
            return Ok(Proxies::default());
        }
        let proxy = Proxy::parse(options.url.expose())?;
        let bypass = (!options.no_proxy.is_empty()).then(|| Bypass::parse(&options.no_proxy));
        Ok(Proxies { plain: Some(proxy.clone()), secure: Some(proxy), bypass })
    }

    /// The proxy that leads to this host.
    pub(super) fn choose(&self, secure: bool, host: &str, port: u16) -> Option<&Proxy> {
        if self.bypass.as_ref().is_some_and(|bypass| bypass.covers(host, port)) {
            return None;
        }
        if secure { self.secure.as_ref() } else { self.plain.as_ref() }
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Proxy, String> {
        let (kind, text) = match text.split_once("://") {
            Some(("socks5" | "socks5h", rest)) => (Kind::Socks, socks_address(rest)),
            Some(_) => (Kind::Http, text.to_owned()),
            None => (Kind::Http, format!("http://{text}")),
        };
        Url::parse(&text).map(|url| Proxy { kind, url }).map_err(|error| format!("invalid proxy URL: {error}"))
    }
}

/// SOCKS has a usual port of its own.
fn socks_address(rest: &str) -> String {
    let authority = rest.split('/').next().unwrap_or("");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = if host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']')) { "" } else { ":1080" };
    format!("http://{authority}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(options: &ProxyOptions, variables: &[(&str, &str)], url: &str) -> String {
        let environment = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let proxies = Proxies::new(options, environment).unwrap();
        let origin = Url::parse(url).unwrap().origin().clone();
        proxies
            .choose(origin.secure, &origin.host, origin.port)
            .map_or("direct".to_owned(), |p| format!("{:?} {}", p.kind, p.url))
    }

    #[test]
    fn the_proxy_of_the_settings() {
        let table = [
            ("http://p:3128", "", "http://h", "Http http://p:3128"),
            ("https://p", "", "https://h", "Http https://p"),
            // Without exceptions everything goes through it, this machine too; with some Go leaves it out.
            ("p:1", "", "http://localhost", "Http http://p:1"),
            ("p:1", "h", "http://localhost", "direct"),
            ("p:1", "h", "http://h", "direct"),
            ("socks5://u:p@s", "", "http://h", "Socks http://s:1080"),
            ("socks5h://[::1]:9", "", "http://h", "Socks http://[::1]:9"),
            ("", "", "http://h", "direct"),
        ];
        for (proxy, no_proxy, url, expected) in table {
            let options = ProxyOptions { url: Secret::new(proxy), no_proxy: no_proxy.to_owned(), ..Default::default() };
            assert_eq!(chosen(&options, &[("HTTP_PROXY", "http://wrong")], url), expected, "{proxy} {no_proxy} {url}");
        }
        assert!(Proxies::new(&ProxyOptions { url: Secret::new("ftp://h"), ..Default::default() }, |_| None).is_err());
    }

    #[test]
    fn the_proxy_of_the_environment() {
        let options = ProxyOptions { from_environment: true, ..Default::default() };
        let variables = [("http_proxy", "a:1"), ("HTTPS_PROXY", "b:2"), ("https_proxy", "c:3"), ("NO_PROXY", ".x")];
        let table = [
            ("http://h", "Http http://a:1"),
            ("https://h", "Http http://b:2"),
            ("http://y.x", "direct"),
            ("http://127.0.0.1", "direct"),
        ];
        for (url, expected) in table {
            assert_eq!(chosen(&options, &variables, url), expected);
        }
        let cgi = [("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(chosen(&options, &cgi, "http://h"), "direct");
    }
}
