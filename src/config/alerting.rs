//! `alerting:`: the Alertmanagers alerts are sent to besides our own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nightjar_model::Labels;
use nightjar_platform::net::http::HttpOptions;
use serde::Deserialize;

use super::{Ignored, Text, http};
use crate::relabel::{Relabel, relabel};

/// Where alerts go besides our own Alertmanager, and what becomes of their labels on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerting {
    /// Rules for the labels of all alerts, external labels included.
    pub alert_relabel: Vec<Relabel>,
    /// The Alertmanagers.
    pub alertmanagers: Vec<Alertmanager>,
    /// Addresses that relabelling dropped, as URLs.
    pub dropped: Vec<String>,
}

/// An Alertmanager with a fixed address.
#[derive(Clone, Debug, PartialEq)]
pub struct Alertmanager {
    /// Host and port.
    pub target: String,
    /// Where alerts are posted on it: `/api/v2/alerts` behind a prefix.
    pub path: String,
    /// Rules for the labels of alerts that go there.
    pub alert_relabel: Vec<Relabel>,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// Whether through TLS.
    pub secure: bool,
    /// How the connection is made.
    pub http: HttpOptions,
}

impl Alertmanager {
    /// Where alerts are posted, as the API and metrics show it.
    pub fn url(&self) -> String {
        format!("{}://{}{}", if self.secure { "https" } else { "http" }, self.target, self.path)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    alert_relabel_configs: Option<Vec<Relabel>>,
    alertmanagers: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "keys without effect here are read to tell them from typing mistakes")]
struct Entry {
    static_configs: Option<Vec<Static>>,
    scheme: Option<String>,
    path_prefix: Option<String>,
    timeout: Option<Text<Duration>>,
    api_version: Ignored,
    basic_auth: Option<http::BasicAuth>,
    relabel_configs: Option<Vec<Relabel>>,
    alert_relabel_configs: Option<Vec<Relabel>>,
    authorization: Option<http::Authorization>,
    bearer_token: Option<String>,
    bearer_token_file: Option<PathBuf>,
    oauth2: Option<http::Oauth2>,
    sigv4: Ignored,
    tls_config: Option<http::Tls>,
    proxy_url: Option<String>,
    no_proxy: Option<String>,
    proxy_from_environment: Option<bool>,
    proxy_connect_header: Ignored,
    http_headers: Option<BTreeMap<String, http::Header>>,
    follow_redirects: Option<bool>,
    enable_http2: Option<bool>,
    azure_sd_configs: Ignored,
    consul_sd_configs: Ignored,
    digitalocean_sd_configs: Ignored,
    dns_sd_configs: Ignored,
    docker_sd_configs: Ignored,
    dockerswarm_sd_configs: Ignored,
    ec2_sd_configs: Ignored,
    eureka_sd_configs: Ignored,
    file_sd_configs: Ignored,
    gce_sd_configs: Ignored,
    hetzner_sd_configs: Ignored,
    http_sd_configs: Ignored,
    ionos_sd_configs: Ignored,
    kubernetes_sd_configs: Ignored,
    kuma_sd_configs: Ignored,
    lightsail_sd_configs: Ignored,
    linode_sd_configs: Ignored,
    marathon_sd_configs: Ignored,
    nerve_sd_configs: Ignored,
    nomad_sd_configs: Ignored,
    openstack_sd_configs: Ignored,
    ovhcloud_sd_configs: Ignored,
    puppetdb_sd_configs: Ignored,
    scaleway_sd_configs: Ignored,
    serverset_sd_configs: Ignored,
    stackit_sd_configs: Ignored,
    triton_sd_configs: Ignored,
    uyuni_sd_configs: Ignored,
    vultr_sd_configs: Ignored,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "see Entry")]
struct Static {
    #[serde(default)]
    targets: Vec<String>,
    labels: Option<BTreeMap<String, String>>,
}

impl Section {
    /// The Alertmanagers that can be reached.
    pub(super) fn read(self, directory: &Path) -> Result<Alerting, String> {
        let relabel = self.alert_relabel_configs.unwrap_or_default();
        let mut alerting = Alerting { alert_relabel: relabel, ..Alerting::default() };
        for entry in self.alertmanagers.iter().flatten() {
            entry.add_to(&mut alerting, directory)?;
        }
        Ok(alerting)
    }

    /// Parts that have no effect, by name.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        let entries = || self.alertmanagers.iter().flatten();
        let parts = [
            ("alerting.alertmanagers without static_configs", entries().any(|entry| entry.static_configs.is_none())),
            ("alerting.alertmanagers.sigv4", entries().any(|entry| entry.sigv4.is_some())),
        ];
        parts.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
    }
}

impl Entry {
    /// How its targets are reached.
    fn http(&self, directory: &Path) -> Result<HttpOptions, String> {
        let written = http::Written {
            basic_auth: self.basic_auth.as_ref(),
            authorization: self.authorization.as_ref(),
            bearer_token: self.bearer_token.as_ref(),
            bearer_token_file: self.bearer_token_file.as_ref(),
            oauth2: self.oauth2.as_ref(),
            tls: self.tls_config.as_ref(),
            proxy_url: self.proxy_url.as_ref(),
            no_proxy: self.no_proxy.as_ref(),
            proxy_from_environment: self.proxy_from_environment,
            headers: self.http_headers.as_ref(),
            follow_redirects: self.follow_redirects,
            http2: self.enable_http2,
        };
        written.options(directory)
    }

    /// Its targets, relabelled.
    fn add_to(&self, alerting: &mut Alerting, directory: &Path) -> Result<(), String> {
        let prefix = self.path_prefix.as_deref().unwrap_or("").trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        let http = self.http(directory)?;
        for (fixed, target) in self.static_configs.iter().flatten().flat_map(|f| f.targets.iter().map(move |t| (f, t)))
        {
            if target.contains('/') {
                return Err(format!("{target:?} is not a valid hostname"));
            }
            let mut labels = Labels::from_pairs(fixed.labels.iter().flatten()).to_builder();
            labels.set("__address__", target).set("__scheme__", self.scheme.as_deref().unwrap_or("http"));
            labels.set("__alerts_path__", &format!("{prefix}/api/v2/alerts"));
            let kept = relabel(self.relabel_configs.as_deref().unwrap_or_default(), &mut labels);
            let text = |name| labels.get(name).unwrap_or("").to_owned();
            let alertmanager = Alertmanager {
                target: text("__address__"),
                path: text("__alerts_path__"),
                alert_relabel: self.alert_relabel_configs.clone().unwrap_or_default(),
                timeout: self.timeout.as_ref().map_or(Duration::from_secs(10), |t| t.0),
                secure: match text("__scheme__").as_str() {
                    "http" => false,
                    "https" => true,
                    other => return Err(format!("scheme {other:?} is neither http nor https")),
                },
                http: http.clone(),
            };
            match kept && !alertmanager.target.is_empty() {
                true => alerting.alertmanagers.push(alertmanager),
                false => alerting.dropped.push(alertmanager.url()),
            }
        }
        Ok(())
    }
}
